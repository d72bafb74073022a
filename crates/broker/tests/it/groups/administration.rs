//! ListGroups, DescribeGroups, DeleteGroups, OffsetDelete.

use headwater_model::ErrorCode;
use headwater_wire::messages::delete_groups::DeleteGroupsRequest;
use headwater_wire::messages::describe_groups::DescribeGroupsRequest;
use headwater_wire::messages::list_groups::ListGroupsRequest;
use headwater_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};

use super::fixture::{World, commit_request, committed, only_commit};

#[tokio::test(start_paused = true)]
async fn groups_of_all_shards_are_listed_in_order_and_none_before_the_first_use() {
    let mut world = World::new().await;
    let mut client = world.client();
    let everything = ListGroupsRequest::default();
    assert!(client.call(5, &everything).await.groups.is_empty());
    assert!(world.broker().topic("__consumer_offsets").is_none(), "looking makes no topic");

    let names: Vec<String> = (10..30).map(|number| format!("group-{number}")).collect();
    for name in &names {
        let mut request = commit_request("", -1, 0, 5);
        request.group_id.clone_from(name);
        assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::None);
    }
    let mut a = world.member("a");
    a.join_and_sync().await;
    let listed = client.call(5, &everything).await.groups;
    let found: Vec<&str> = listed.iter().map(|group| group.group_id.as_str()).collect();
    assert_eq!(found[0], "g");
    assert_eq!(found[1..], names);
    let states: Vec<&str> = listed.iter().take(2).map(|group| group.group_state.as_str()).collect();
    assert_eq!(states, ["Stable", "Empty"]);
    assert!(listed.iter().all(|group| group.group_type == "classic"));

    let stable = ListGroupsRequest { states_filter: vec!["Stable".to_owned()], ..Default::default() };
    let stable = client.call(4, &stable).await.groups;
    assert_eq!((stable.len(), stable[0].protocol_type.as_str()), (1, "consumer"));
}

#[tokio::test(start_paused = true)]
async fn a_group_is_described_with_its_members() {
    let mut world = World::new().await;
    let (mut client, mut a) = (world.client(), world.member("a"));
    a.join_and_sync().await;
    let request = DescribeGroupsRequest {
        groups: vec!["g".to_owned(), "nothing".to_owned()],
        include_authorized_operations: true,
    };
    let described = client.call(6, &request).await.groups;
    let (group, nothing) = (&described[0], &described[1]);
    assert_eq!((group.error_code, group.group_state.as_str()), (0, "Stable"));
    assert_eq!((group.protocol_type.as_str(), group.protocol_data.as_str()), ("consumer", "range"));
    assert!(group.authorized_operations > 0);
    let member = &group.members[0];
    assert_eq!((member.member_id.as_str(), member.client_id.as_str()), (a.id.as_str(), "test"));
    assert_eq!(member.client_host, "/127.0.0.1");
    assert_eq!((&member.member_metadata[..], &member.member_assignment[..]), (&b"a"[..], a.id.as_bytes()));
    assert_eq!(ErrorCode::from_code(nothing.error_code), ErrorCode::GroupIdNotFound);
    let nothing = &client.call(5, &request).await.groups[1];
    assert_eq!((nothing.error_code, nothing.group_state.as_str()), (0, "Dead"));
}

#[tokio::test(start_paused = true)]
async fn a_group_is_deleted_once_its_members_are_gone() {
    let mut world = World::new().await;
    let (mut client, mut a) = (world.client(), world.member("a"));
    a.join_and_sync().await;
    assert_eq!(a.commit(0, 5).await, ErrorCode::None);
    let request = DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
    let mut delete = async || ErrorCode::from_code(client.call(2, &request).await.results[0].error_code);
    assert_eq!(delete().await, ErrorCode::NonEmptyGroup);
    assert_eq!(a.leave().await, ErrorCode::None);
    assert_eq!(delete().await, ErrorCode::None);
    assert_eq!(delete().await, ErrorCode::GroupIdNotFound);
    world.crash().await;
    assert_eq!(committed(&mut world.client()).await, Ok(vec![-1, -1, -1]));
}

#[tokio::test(start_paused = true)]
async fn single_offsets_are_deleted() {
    let mut world = World::new().await;
    let mut client = world.client();
    for partition in 0..2 {
        let request = commit_request("", -1, partition, 5);
        assert_eq!(only_commit(&mut client, 9, &request).await, ErrorCode::None);
    }
    let partition = |partition_index| OffsetDeleteRequestPartition { partition_index };
    let mut request = OffsetDeleteRequest {
        group_id: "g".to_owned(),
        topics: vec![OffsetDeleteRequestTopic {
            name: "t".to_owned(),
            partitions: vec![partition(7), partition(0)],
        }],
    };
    let response = client.call(0, &request).await;
    let outcomes: Vec<_> =
        response.topics[0].partitions.iter().map(|p| ErrorCode::from_code(p.error_code)).collect();
    assert_eq!(outcomes, [ErrorCode::UnknownTopicOrPartition, ErrorCode::None]);
    assert_eq!(committed(&mut client).await, Ok(vec![-1, 5, -1]));
    request.group_id = "nothing".to_owned();
    let response = client.call(0, &request).await;
    assert_eq!(ErrorCode::from_code(response.error_code), ErrorCode::GroupIdNotFound);
}
