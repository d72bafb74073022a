//! Members of a group over several connections.

use std::time::Duration;

use headwater_model::ErrorCode;
use headwater_wire::messages::find_coordinator::FindCoordinatorRequest;
use headwater_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};

use super::fixture::{World, join_both, pass};

#[tokio::test(start_paused = true)]
async fn this_broker_coordinates_every_group() {
    let mut world = World::new().await;
    let mut client = world.client();
    let many = FindCoordinatorRequest {
        coordinator_keys: vec!["g".to_owned(), "h".to_owned()],
        ..Default::default()
    };
    let found = client.call(4, &many).await;
    let found: Vec<_> =
        found.coordinators.iter().map(|c| (c.key.as_str(), c.error_code, c.node_id)).collect();
    assert_eq!(found, [("g", 0, 1), ("h", 0, 1)]);
    let one = FindCoordinatorRequest { key: "g".to_owned(), ..Default::default() };
    for version in 0..=3 {
        let found = client.call(version, &one).await;
        assert_eq!((found.error_code, found.node_id, found.port), (0, 1, 9092));
    }
    let share = FindCoordinatorRequest { key_type: 2, ..many };
    let found = client.call(6, &share).await;
    assert_eq!(ErrorCode::from_code(found.coordinators[0].error_code), ErrorCode::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn who_asks_first_and_goes_away_does_not_spoil_it_for_the_next() {
    let mut world = World::new().await;
    let one = FindCoordinatorRequest { key: "g".to_owned(), ..Default::default() };
    for patience in 0..10 {
        let mut gone = world.client();
        gone.send(3, &one).await;
        for _ in 0..patience {
            tokio::task::yield_now().await;
        }
        world.hang_up().await;
        let mut next = world.client();
        assert_eq!(next.call(3, &one).await.error_code, 0, "after {patience} turns");
        world = World::new().await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_members_share_the_work_through_a_join_and_a_leave() {
    let mut world = World::new().await;
    let (mut a, mut b) = (world.member("a"), world.member("b"));
    a.join_and_sync().await;
    assert_eq!((a.generation, a.members.len()), (1, 1));
    assert_eq!(a.heartbeat().await, ErrorCode::None);

    // The second join waits until the first member, told by its heartbeat, is back.
    join_both(&mut a, &mut b).await;
    assert_eq!((a.generation, b.generation), (2, 2));
    assert_eq!((a.members.len(), b.members.len()), (2, 0));

    // The follower's sync waits for the leader's.
    let assign = async {
        pass(Duration::from_millis(50)).await;
        a.sync().await
    };
    let (of_a, of_b) = tokio::join!(assign, b.sync());
    assert_eq!((of_a, of_b), (Ok(a.id.clone()), Ok(b.id.clone())));

    assert_eq!(a.leave().await, ErrorCode::None);
    assert_eq!(a.heartbeat().await, ErrorCode::UnknownMemberId);
    assert_eq!(b.heartbeat().await, ErrorCode::RebalanceInProgress);
    b.join_and_sync().await;
    assert_eq!((b.generation, b.members.len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_vanishes_is_replaced_when_its_session_ends() {
    let mut world = World::new().await;
    let (mut a, mut b) = (world.member("a"), world.member("b"));
    a.join_and_sync().await;
    join_both(&mut a, &mut b).await;
    let (of_a, of_b) = tokio::join!(a.sync(), b.sync());
    assert!(of_a.is_ok() && of_b.is_ok());

    drop(a);
    for _ in 0..3 {
        pass(Duration::from_secs(3)).await;
        assert_eq!(b.heartbeat().await, ErrorCode::None);
    }
    pass(Duration::from_secs(2)).await;
    assert_eq!(b.heartbeat().await, ErrorCode::RebalanceInProgress);
    b.join_and_sync().await;
    assert_eq!(b.members, [b.id.clone()]);
}

#[tokio::test(start_paused = true)]
async fn a_static_member_comes_back_without_disturbing_the_others() {
    let mut world = World::new().await;
    let mut a = world.member("a");
    a.instance = Some("i".to_owned());
    a.join_and_sync().await;
    let before = (a.id.clone(), a.generation);

    let mut again = world.member("a");
    again.instance = Some("i".to_owned());
    assert_eq!(again.join().await, ErrorCode::None);
    assert_ne!(again.id, before.0);
    assert_eq!(again.generation, before.1);
    again.members.clear();
    assert_eq!(again.sync().await, Ok(before.0), "the assignment stands");
    assert_eq!(a.heartbeat().await, ErrorCode::FencedInstanceId);

    // An administrator removes it by its instance id.
    let request = LeaveGroupRequest {
        group_id: "g".to_owned(),
        members: vec![MemberIdentity { group_instance_id: Some("i".to_owned()), ..Default::default() }],
        ..Default::default()
    };
    let left = world.client().call(5, &request).await;
    assert_eq!(left.members[0].error_code, 0);
    assert_eq!(again.heartbeat().await, ErrorCode::UnknownMemberId);
}

#[tokio::test(start_paused = true)]
async fn the_initial_delay_lets_members_that_start_together_begin_together() {
    let mut world =
        World::with(|config| config.groups.initial_rebalance_delay = Duration::from_secs(3)).await;
    let (mut a, mut b) = (world.member("a"), world.member("b"));
    let started = tokio::time::Instant::now();
    let late = async {
        pass(Duration::from_secs(1)).await;
        b.join().await
    };
    assert_eq!(tokio::join!(a.join(), late), (ErrorCode::None, ErrorCode::None));
    assert_eq!((a.generation, b.generation), (1, 1));
    assert_eq!(started.elapsed().as_secs(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_answers_whoever_waits() {
    let mut world = World::new().await;
    let (mut a, mut b) = (world.member("a"), world.member("b"));
    a.join_and_sync().await;
    let broker = world.broker().clone();
    let stop = async {
        pass(Duration::from_millis(50)).await;
        broker.begin_shutdown();
    };
    assert_eq!(tokio::join!(b.join(), stop).0, ErrorCode::CoordinatorNotAvailable);
}
