//! Sessions and memberships: how they end, and what then becomes of records.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_model::{ErrorCode, Uuid};
use headwater_wire::messages::share_fetch::{FetchPartition, FetchTopic, ForgottenTopic, ShareFetchRequest};

use super::fixture::{ACCEPT, Taker, counts, with_acknowledgement};
use crate::groups::fixture::{World, pass};

async fn refused(taker: &mut Taker, request: ShareFetchRequest) -> ErrorCode {
    let response = taker.client.call(2, &request).await;
    assert_eq!(response.responses, []);
    ErrorCode::from_code(response.error_code)
}

#[tokio::test(start_paused = true)]
async fn a_session_is_for_members_and_goes_by_its_epochs() {
    let mut world = World::new().await;
    let mut a = Taker::outside(&mut world, "a").await;
    let request = a.request();
    assert_eq!(refused(&mut a, request.clone()).await, ErrorCode::GroupIdNotFound);
    let mut b = Taker::new(&mut world, "b").await;
    assert_eq!(refused(&mut a, request.clone()).await, ErrorCode::UnknownMemberId);
    assert_eq!(a.heartbeat().await, ErrorCode::None);
    for session in [1, -1] {
        let later = ShareFetchRequest { share_session_epoch: session, ..request.clone() };
        assert_eq!(refused(&mut a, later).await, ErrorCode::ShareSessionNotFound);
    }
    let early = with_acknowledgement(request.clone(), a.topic, ACCEPT, (0, 0));
    assert_eq!(refused(&mut a, early).await, ErrorCode::InvalidRequest);
    for (group_id, member_id) in
        [(None, Some("a")), (Some("g"), None), (Some(""), Some("a")), (Some("g"), Some(""))]
    {
        let (group_id, member_id) = (group_id.map(str::to_owned), member_id.map(str::to_owned));
        let nobody = ShareFetchRequest { group_id, member_id, ..request.clone() };
        assert_eq!(refused(&mut a, nobody).await, ErrorCode::InvalidRequest);
    }
    assert_eq!(a.take().await, []);
    let wrong = ShareFetchRequest { share_session_epoch: 2, ..request };
    assert_eq!(refused(&mut a, wrong).await, ErrorCode::InvalidShareSessionEpoch);
    b.session = 0;
    assert_eq!(b.says(ACCEPT, 0, 0).await, ErrorCode::InvalidShareSessionEpoch);
    b.session = 5;
    assert_eq!(b.says(ACCEPT, 0, 0).await, ErrorCode::InvalidShareSessionEpoch);
    assert_eq!(a.take().await, [], "and goes on");
}

#[tokio::test(start_paused = true)]
async fn partitions_that_are_not_there_are_told_apart() {
    let mut world = World::new().await;
    let mut a = Taker::outside(&mut world, "a").await;
    a.heartbeat().await;
    let mut request = a.request();
    let nothing = FetchPartition { partition_index: 7, ..Default::default() };
    request.topics[0].partitions.push(nothing.clone());
    request.topics.push(FetchTopic { topic_id: Uuid::from_u64_pair(1, 1), partitions: vec![nothing] });
    let response = a.fetch(&request).await;
    let topics = response.responses.iter().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(|of| (topic.topic_id == a.topic, of.partition_index, ErrorCode::from_code(of.error_code)))
    });
    let told: BTreeSet<_> = topics.map(|(ours, index, error)| (ours, index, error.code())).collect();
    let expected = [
        (true, 0, ErrorCode::None),
        (true, 7, ErrorCode::UnknownTopicOrPartition),
        (false, 7, ErrorCode::UnknownTopicId),
    ];
    assert_eq!(told, expected.map(|(ours, index, error)| (ours, index, error.code())).into());
    let mut later = a.request();
    later.forgotten_topics_data = request
        .topics
        .iter()
        .map(|topic| ForgottenTopic { topic_id: topic.topic_id, partitions: vec![7] })
        .collect();
    assert_eq!(a.fetch(&later).await.responses, [], "what is forgotten is not told of again");
}

#[tokio::test(start_paused = true)]
async fn who_closes_its_session_gives_back_what_it_has() {
    let mut world = World::new().await;
    let mut client = world.client();
    let (mut a, mut b) = (Taker::new(&mut world, "a").await, Taker::new(&mut world, "b").await);
    client.produce_value("t", 0, "0").await;
    client.produce_value("t", 0, "1").await;
    assert_eq!(a.take().await.len(), 2);
    a.session = -1;
    assert_eq!(a.says(ACCEPT, 0, 0).await, ErrorCode::None, "its last word");
    assert_eq!(counts(&b.take().await), [(1, 2)]);
    a.session = 1;
    assert_eq!(a.says(ACCEPT, 1, 1).await, ErrorCode::ShareSessionNotFound);
    a.leave().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_or_leaves_without_a_word_may_have_failed() {
    let mut world = World::new().await;
    let mut client = world.client();
    let (mut a, mut b) = (Taker::new(&mut world, "a").await, Taker::new(&mut world, "b").await);
    client.produce_value("t", 0, "0").await;
    assert_eq!(a.take().await.len(), 1);
    let (near, _) = tokio::io::duplex(1);
    drop(std::mem::replace(&mut a.client, crate::harness::Client::new(near)));
    b.max_wait_ms = 60_000;
    let begun = tokio::time::Instant::now();
    assert_eq!(counts(&b.take().await), [(0, 2)]);
    assert!(begun.elapsed() < Duration::from_secs(1), "at once, not when the lock ends");

    // Another member leaves the group while it has a session.
    let mut c = Taker::new(&mut world, "c").await;
    client.produce_value("t", 0, "1").await;
    assert_eq!(c.take().await.len(), 1);
    c.leave().await;
    assert_eq!(counts(&b.take().await), [(1, 2)]);
    assert_eq!(c.says(ACCEPT, 1, 1).await, ErrorCode::ShareSessionNotFound);
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_is_out_and_its_records_go_to_others() {
    let mut world = World::with(|config| {
        config.share_partitions.settings.lock_duration = Duration::from_mins(10);
    })
    .await;
    let mut client = world.client();
    let (mut a, mut b) = (Taker::new(&mut world, "a").await, Taker::new(&mut world, "b").await);
    client.produce_value("t", 0, "0").await;
    assert_eq!(a.take().await.len(), 1);
    for _ in 0..10 {
        pass(Duration::from_secs(5)).await;
        assert_eq!(b.heartbeat().await, ErrorCode::None);
    }
    assert_eq!(counts(&b.take().await), [(0, 2)]);
    assert_eq!(a.heartbeat().await, ErrorCode::UnknownMemberId);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_comes_by_another_connection_keeps_what_it_has() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    client.produce_value("t", 0, "0").await;
    assert_eq!(a.take().await.len(), 1);
    let before = std::mem::replace(&mut a.client, world.client());
    a.session = 0;
    assert_eq!(a.take().await, []);
    drop(before);
    pass(Duration::from_secs(1)).await;
    assert_eq!(a.says(ACCEPT, 0, 0).await, ErrorCode::None);
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_sessions_than_the_broker_allows() {
    let mut world = World::with(|config| config.limits.max_share_sessions = 1).await;
    let mut a = Taker::new(&mut world, "a").await;
    let mut b = Taker::outside(&mut world, "b").await;
    b.heartbeat().await;
    let request = b.request();
    assert_eq!(refused(&mut b, request).await, ErrorCode::ShareSessionLimitReached);
    a.session = -1;
    let request = a.request();
    a.fetch(&request).await;
    assert_eq!(b.take().await, []);
}
