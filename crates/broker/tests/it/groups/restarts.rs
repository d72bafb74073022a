//! Groups and offsets over the end of a broker.

use std::time::Duration;

use headwater_model::ErrorCode;

use super::fixture::{World, commit_request, committed, only_commit, pass};

#[tokio::test(start_paused = true)]
async fn offsets_survive_a_restart() {
    let mut world = World::new().await;
    let mut client = world.client();
    assert_eq!(only_commit(&mut client, 9, &commit_request("", -1, 0, 5)).await, ErrorCode::None);
    assert_eq!(only_commit(&mut client, 9, &commit_request("", -1, 0, 6)).await, ErrorCode::None);
    world.restart().await;
    assert_eq!(committed(&mut world.client()).await, Ok(vec![6, -1, -1]));
}

#[tokio::test(start_paused = true)]
async fn a_group_goes_on_after_a_restart_without_a_rebalance() {
    let mut world = World::new().await;
    let mut a = world.member("a");
    a.join_and_sync().await;
    world.restart().await;
    a.client = world.client();
    assert_eq!(a.heartbeat().await, ErrorCode::None);
    assert_eq!(a.commit(0, 5).await, ErrorCode::None);

    // Who does not come back is out when its session, begun anew, ends.
    world.restart().await;
    pass(Duration::from_secs(11)).await;
    a.client = world.client();
    assert_eq!(a.heartbeat().await, ErrorCode::UnknownMemberId);
}

#[tokio::test(start_paused = true)]
async fn a_member_finds_back_from_a_rebalance_that_a_restart_undid() {
    let mut world = World::new().await;
    let mut a = world.member("a");
    a.join_and_sync().await;
    assert_eq!(a.join().await, ErrorCode::None);
    assert_eq!(a.generation, 2);
    world.restart().await;
    a.client = world.client();
    assert_eq!(a.sync().await, Err(ErrorCode::IllegalGeneration));
    a.join_and_sync().await;
    assert_eq!(a.generation, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_a_loss_of_power() {
    let mut world = World::new().await;
    let mut a = world.member("a");
    a.join_and_sync().await;
    for offset in 1..20 {
        assert_eq!(a.commit(1, offset).await, ErrorCode::None);
        if offset % 3 == 0 {
            world.crash().await;
            a.client = world.client();
            assert_eq!(committed(&mut a.client).await, Ok(vec![-1, offset, -1]));
            assert_eq!(a.heartbeat().await, ErrorCode::None);
        }
    }
}
