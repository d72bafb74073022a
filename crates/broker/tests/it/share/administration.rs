//! Describing groups, and their offsets: looking, altering, deleting.

use headwater_model::ErrorCode;
use headwater_wire::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use headwater_wire::messages::delete_groups::DeleteGroupsRequest;
use headwater_wire::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequestTopic,
};
use headwater_wire::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsRequestTopic,
};
use headwater_wire::messages::list_groups::ListGroupsRequest;
use headwater_wire::messages::share_group_describe::ShareGroupDescribeRequest;
use tokio::io::DuplexStream;

use super::fixture::{ACCEPT, Taker, counts};
use crate::groups::fixture::World;
use crate::harness::Client;

/// Start and lag of each partition of "t", so far as the group has begun.
async fn offsets(client: &mut Client<DuplexStream>) -> Result<Vec<(i64, i64)>, ErrorCode> {
    let group = DescribeShareGroupOffsetsRequestGroup { group_id: "g".to_owned(), topics: None };
    let request = DescribeShareGroupOffsetsRequest { groups: vec![group] };
    let mut response = client.call(1, &request).await;
    let group = response.groups.remove(0);
    if group.error_code != 0 {
        return Err(ErrorCode::from_code(group.error_code));
    }
    let partitions = group.topics.into_iter().flat_map(|topic| topic.partitions);
    Ok(partitions.map(|partition| (partition.start_offset, partition.lag)).collect())
}

async fn alter(client: &mut Client<DuplexStream>, topic: &str, start: i64) -> (ErrorCode, Option<ErrorCode>) {
    let partition = AlterShareGroupOffsetsRequestPartition { partition_index: 0, start_offset: start };
    let topic =
        AlterShareGroupOffsetsRequestTopic { topic_name: topic.to_owned(), partitions: vec![partition] };
    let request = AlterShareGroupOffsetsRequest { group_id: "g".to_owned(), topics: vec![topic] };
    let response = client.call(0, &request).await;
    let partition =
        response.responses.first().map(|topic| ErrorCode::from_code(topic.partitions[0].error_code));
    (ErrorCode::from_code(response.error_code), partition)
}

async fn delete(client: &mut Client<DuplexStream>, topic: &str) -> (ErrorCode, Option<ErrorCode>) {
    let topics = vec![DeleteShareGroupOffsetsRequestTopic { topic_name: topic.to_owned() }];
    let request = DeleteShareGroupOffsetsRequest { group_id: "g".to_owned(), topics };
    let response = client.call(0, &request).await;
    let topic = response.responses.first().map(|topic| ErrorCode::from_code(topic.error_code));
    (ErrorCode::from_code(response.error_code), topic)
}

async fn delete_group(client: &mut Client<DuplexStream>) -> ErrorCode {
    let request = DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
    ErrorCode::from_code(client.call(2, &request).await.results[0].error_code)
}

#[tokio::test(start_paused = true)]
async fn a_group_is_described_and_listed() {
    let mut world = World::new().await;
    let mut client = world.client();
    let a = Taker::new(&mut world, "a").await;
    let describe = |name: &str| ShareGroupDescribeRequest {
        group_ids: vec![name.to_owned()],
        include_authorized_operations: true,
    };
    let group = client.call(1, &describe("g")).await.groups.remove(0);
    assert_eq!((group.error_code, group.group_state.as_str()), (0, "Stable"));
    assert_eq!((group.group_epoch, group.assignment_epoch), (a.epoch, a.epoch));
    assert_eq!(group.assignor_name, "simple");
    assert!(group.authorized_operations > 0);
    let member = &group.members[0];
    assert_eq!((member.member_id.as_str(), member.client_id.as_str()), ("a", "test"));
    assert_eq!((member.client_host.as_str(), member.member_epoch), ("/127.0.0.1", a.epoch));
    assert_eq!(member.subscribed_topic_names, ["t"]);
    let assigned = &member.assignment.topic_partitions;
    assert_eq!((assigned[0].topic_name.as_str(), &assigned[0].partitions[..]), ("t", &[0, 1, 2][..]));
    for (name, error) in [("nothing", ErrorCode::GroupIdNotFound), ("", ErrorCode::InvalidGroupId)] {
        let group = client.call(1, &describe(name)).await.groups.remove(0);
        assert_eq!(ErrorCode::from_code(group.error_code), error);
        assert!(group.error_message.is_some());
    }
    let listed = client.call(5, &ListGroupsRequest::default()).await.groups;
    let group = &listed[0];
    let told = (group.group_id.as_str(), group.group_type.as_str(), group.protocol_type.as_str());
    assert_eq!(told, ("g", "share", "share"));
}

#[tokio::test(start_paused = true)]
async fn offsets_and_what_is_left_are_told() {
    let mut world = World::new().await;
    let mut client = world.client();
    assert_eq!(offsets(&mut client).await, Err(ErrorCode::GroupIdNotFound));
    let mut a = Taker::new(&mut world, "a").await;
    assert_eq!(offsets(&mut client).await, Ok(vec![(0, 0), (-1, -1), (-1, -1)]));
    for _ in 0..5 {
        client.produce_value("t", 0, "x").await;
    }
    assert_eq!(a.take().await.len(), 5);
    a.says(ACCEPT, 0, 0).await;
    a.says(ACCEPT, 3, 3).await;
    assert_eq!(offsets(&mut client).await, Ok(vec![(1, 3), (-1, -1), (-1, -1)]), "3 is dealt with");
    let topics = [("t", vec![0, 9]), ("nothing", vec![0])].map(|(name, partitions)| {
        DescribeShareGroupOffsetsRequestTopic { topic_name: name.to_owned(), partitions }
    });
    let group =
        DescribeShareGroupOffsetsRequestGroup { group_id: "g".to_owned(), topics: Some(topics.into()) };
    let request = DescribeShareGroupOffsetsRequest { groups: vec![group] };
    let group = client.call(0, &request).await.groups.remove(0);
    let told = group.topics.iter().flat_map(|topic| &topic.partitions);
    let told: Vec<_> = told.map(|of| (of.start_offset, ErrorCode::from_code(of.error_code))).collect();
    let unknown = (-1, ErrorCode::UnknownTopicOrPartition);
    assert_eq!(told, [(1, ErrorCode::None), unknown, unknown]);
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_group_without_members_are_altered_and_deleted() {
    let mut world = World::new().await;
    let mut client = world.client();
    assert_eq!(alter(&mut client, "t", 0).await, (ErrorCode::GroupIdNotFound, None));
    assert_eq!(delete(&mut client, "t").await, (ErrorCode::GroupIdNotFound, None));
    let mut a = Taker::new(&mut world, "a").await;
    for _ in 0..3 {
        client.produce_value("t", 0, "x").await;
    }
    a.take_and(ACCEPT).await;
    assert_eq!(alter(&mut client, "t", 1).await, (ErrorCode::NonEmptyGroup, None));
    assert_eq!(delete(&mut client, "t").await, (ErrorCode::NonEmptyGroup, None));
    assert_eq!(delete_group(&mut client).await, ErrorCode::NonEmptyGroup);
    a.leave().await;
    let none = ErrorCode::None;
    assert_eq!(alter(&mut client, "nothing", 1).await, (none, Some(ErrorCode::UnknownTopicOrPartition)));
    assert_eq!(alter(&mut client, "t", -2).await, (none, Some(ErrorCode::InvalidRequest)));
    assert_eq!(alter(&mut client, "t", i64::MAX).await, (none, Some(ErrorCode::InvalidRequest)));
    assert_eq!(alter(&mut client, "t", 1).await, (none, Some(none)));
    world.crash().await;
    let mut client = world.client();
    assert_eq!(offsets(&mut client).await, Ok(vec![(1, 2), (-1, -1), (-1, -1)]));
    let mut b = Taker::outside(&mut world, "b").await;
    b.heartbeat().await;
    assert_eq!(counts(&b.take_and(ACCEPT).await), [(1, 1), (2, 1)]);

    b.leave().await;
    assert_eq!(delete(&mut client, "nothing").await, (none, Some(ErrorCode::UnknownTopicOrPartition)));
    assert_eq!(delete(&mut client, "t").await, (none, Some(none)));
    assert_eq!(offsets(&mut client).await, Ok(vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_made_anew_does_not_go_on_where_the_old_one_was() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    client.produce_value("t", 0, "0").await;
    a.leave().await;
    assert_eq!(delete_group(&mut client).await, ErrorCode::None);
    assert_eq!(offsets(&mut client).await, Err(ErrorCode::GroupIdNotFound));
    world.crash().await;
    let mut client = world.client();
    let mut b = Taker::new(&mut world, "b").await;
    client.produce_value("t", 0, "1").await;
    assert_eq!(counts(&b.take().await), [(1, 1)]);
}
