//! OffsetCommit and OffsetFetch.

use std::time::Duration;

use headwater_model::{ErrorCode, Uuid};
use headwater_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use headwater_wire::messages::offset_commit::OffsetCommitRequestPartition;
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};

use super::fixture::{World, commit_request, committed, fetch_group, only_commit, pass};

#[tokio::test(start_paused = true)]
async fn what_was_committed_is_fetched_with_epoch_and_metadata() {
    let mut world = World::new().await;
    let mut client = world.client();
    let request = commit_request("", -1, 1, 42);
    assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::None);
    assert_eq!(committed(&mut client).await, Ok(vec![-1, 42, -1]));
    let all = fetch_group(&mut client, None).await;
    assert_eq!((all.topics.len(), all.topics[0].name.as_str()), (1, "t"));
    let partition = &all.topics[0].partitions[0];
    assert_eq!((partition.partition_index, partition.committed_offset), (1, 42));
    assert_eq!((partition.committed_leader_epoch, partition.metadata.as_deref()), (7, Some("note")));
}

#[tokio::test(start_paused = true)]
async fn only_members_of_the_present_generation_commit_for_a_group_at_work() {
    let mut world = World::new().await;
    let (mut a, mut client) = (world.member("a"), world.client());
    a.join_and_sync().await;
    assert_eq!(a.commit(0, 5).await, ErrorCode::None);
    let outside = commit_request("", -1, 0, 6);
    assert_eq!(only_commit(&mut client, 9, &outside).await, ErrorCode::UnknownMemberId);
    a.generation += 1;
    assert_eq!(a.commit(0, 7).await, ErrorCode::IllegalGeneration);
    assert_eq!(committed(&mut client).await, Ok(vec![5, -1, -1]));
}

#[tokio::test(start_paused = true)]
async fn partitions_that_do_not_exist_are_refused_one_by_one() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut request = commit_request("", -1, 3, 1);
    let mut unknown = request.topics[0].clone();
    unknown.name = "nowhere".to_owned();
    request.topics[0].partitions.push(OffsetCommitRequestPartition {
        partition_index: 2,
        committed_offset: 9,
        ..Default::default()
    });
    request.topics.push(unknown);
    let response = client.call(9, &request).await;
    let outcomes: Vec<_> = response
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|p| ErrorCode::from_code(p.error_code)))
        .collect();
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(outcomes, [unknown, ErrorCode::None, unknown]);
    assert_eq!(committed(&mut client).await, Ok(vec![-1, -1, 9]));
}

#[tokio::test(start_paused = true)]
async fn newer_versions_name_topics_by_id() {
    let mut world = World::new().await;
    let topic_id = world.broker().topic("t").unwrap().id();
    let mut client = world.client();
    let mut request = commit_request("", -1, 0, 5);
    request.topics[0].topic_id = topic_id;
    assert_eq!(only_commit(&mut client, 10, &request).await, ErrorCode::None);
    request.topics[0].topic_id = Uuid::from_u64_pair(1, 2);
    assert_eq!(only_commit(&mut client, 10, &request).await, ErrorCode::UnknownTopicId);

    let asked =
        |topic_id| OffsetFetchRequestTopics { topic_id, partition_indexes: vec![0], ..Default::default() };
    let topics = vec![asked(topic_id), asked(Uuid::from_u64_pair(1, 2))];
    for topics in [Some(topics), None] {
        let group = OffsetFetchRequestGroup { group_id: "g".to_owned(), topics, ..Default::default() };
        let response =
            client.call(10, &OffsetFetchRequest { groups: vec![group], ..Default::default() }).await;
        let topics = &response.groups[0].topics;
        assert_eq!((topics[0].topic_id, topics[0].partitions[0].committed_offset), (topic_id, 5));
        if let Some(unknown) = topics.get(1) {
            let error = ErrorCode::from_code(unknown.partitions[0].error_code);
            assert_eq!(error, ErrorCode::UnknownTopicId);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn texts_that_are_too_long_are_refused() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut request = commit_request("", -1, 0, 5);
    request.topics[0].partitions[0].committed_metadata = Some("x".repeat(4097));
    assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::OffsetMetadataTooLarge);
}

#[tokio::test(start_paused = true)]
async fn offsets_end_with_their_topic() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("other", 1, &[]).await;
    let mut request = commit_request("", -1, 0, 5);
    assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::None);
    request.topics[0].name = "other".to_owned();
    assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::None);
    let gone = DeleteTopicState { name: Some("other".to_owned()), ..Default::default() };
    let response = client.call(6, &DeleteTopicsRequest { topics: vec![gone], ..Default::default() }).await;
    assert_eq!(response.responses[0].error_code, 0);
    let left = fetch_group(&mut client, None).await;
    let left: Vec<&str> = left.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(left, ["t"]);
}

#[tokio::test(start_paused = true)]
async fn offsets_that_nobody_uses_expire() {
    let mut world = World::new().await;
    let mut client = world.client();
    let request = commit_request("", -1, 0, 5);
    assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::None);
    pass(Duration::from_hours(6 * 24)).await;
    let mut client = world.client();
    assert_eq!(committed(&mut client).await, Ok(vec![5, -1, -1]));
    pass(Duration::from_hours(25)).await;
    let mut client = world.client();
    assert_eq!(committed(&mut client).await, Ok(vec![-1, -1, -1]));
}
