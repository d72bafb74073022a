//! A disk that fails: nobody is told of what is not durable.

use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::Operation;
use headwater_model::ErrorCode;

use super::fixture::{World, commit_request, committed, join_both, only_commit, pass};

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_not_durable_is_refused_and_forgotten() {
    let mut world = World::new().await;
    let (mut client, mut a) = (world.client(), world.member("a"));
    a.join_and_sync().await;
    assert_eq!(a.commit(0, 5).await, ErrorCode::None);

    world.disk.fail_next(Operation::Sync, ErrorKind::Other);
    assert_eq!(a.commit(0, 6).await, ErrorCode::NotCoordinator);
    assert_eq!(a.heartbeat().await, ErrorCode::CoordinatorLoadInProgress);
    pass(Duration::from_secs(1)).await;
    assert_eq!(committed(&mut client).await, Ok(vec![5, -1, -1]));
    assert_eq!(a.heartbeat().await, ErrorCode::None, "the group is as it was recorded");

    // A partition that failed takes nothing more until the broker starts again.
    assert_eq!(a.commit(0, 7).await, ErrorCode::NotCoordinator);
    world.crash().await;
    let mut client = world.client();
    let found = committed(&mut client).await;
    assert!([Ok(vec![5, -1, -1]), Ok(vec![6, -1, -1])].contains(&found), "{found:?}");
    let request = commit_request(&a.id, a.generation, 0, 8);
    assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::None);
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_is_not_durable_is_refused_and_members_find_back() {
    let mut world = World::new().await;
    let (mut a, mut b) = (world.member("a"), world.member("b"));
    a.join_and_sync().await;
    join_both(&mut a, &mut b).await;
    world.disk.fail_next(Operation::Write, ErrorKind::Other);
    let (of_b, of_a) = tokio::join!(b.sync(), a.sync());
    assert_eq!(of_a, Err(ErrorCode::NotCoordinator));
    assert_eq!(of_b, Err(ErrorCode::NotCoordinator));
    world.crash().await;
    (a.client, b.client) = (world.client(), world.client());
    assert_eq!(a.heartbeat().await, ErrorCode::IllegalGeneration);
    assert_eq!(b.heartbeat().await, ErrorCode::UnknownMemberId);
    b.id.clear();
    join_both(&mut a, &mut b).await;
    assert_eq!(a.members.len(), 2);
}
