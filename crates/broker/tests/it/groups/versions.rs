//! Every version of every API of groups, as old clients use them.

use headwater_model::ErrorCode;
use headwater_wire::messages::heartbeat::HeartbeatRequest;
use headwater_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use headwater_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};

use super::fixture::{World, commit_request, only_commit};

#[tokio::test(start_paused = true)]
async fn membership_works_in_every_version() {
    let mut world = World::new().await;
    for version in 0..=9 {
        let mut a = world.member("a");
        let mut response = a.client.call(version, &a.join_request()).await;
        let announced = ErrorCode::from_code(response.error_code) == ErrorCode::MemberIdRequired;
        assert_eq!(announced, version >= 4);
        if announced {
            a.id.clone_from(&response.member_id);
            response = a.client.call(version, &a.join_request()).await;
        }
        assert_eq!(a.joined(response), ErrorCode::None, "join {version}");

        let version = version.min(5);
        let sync = SyncGroupRequest {
            group_id: "g".to_owned(),
            generation_id: a.generation,
            member_id: a.id.clone(),
            protocol_type: Some("consumer".to_owned()).filter(|_| version >= 5),
            protocol_name: Some("range".to_owned()).filter(|_| version >= 5),
            assignments: vec![SyncGroupRequestAssignment {
                member_id: a.id.clone(),
                assignment: b"all".as_slice().into(),
            }],
            ..Default::default()
        };
        let synced = a.client.call(version, &sync).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"all"[..]), "sync {version}");

        let heartbeat = HeartbeatRequest {
            group_id: "g".to_owned(),
            generation_id: a.generation,
            member_id: a.id.clone(),
            ..Default::default()
        };
        assert_eq!(a.client.call(version.min(4), &heartbeat).await.error_code, 0, "heartbeat {version}");

        let member = MemberIdentity { member_id: a.id.clone(), ..Default::default() };
        let leave = if version < 3 {
            LeaveGroupRequest { group_id: "g".to_owned(), member_id: a.id.clone(), ..Default::default() }
        } else {
            LeaveGroupRequest { group_id: "g".to_owned(), members: vec![member], ..Default::default() }
        };
        assert_eq!(a.client.call(version, &leave).await.error_code, 0, "leave {version}");
        let again = a.client.call(version, &leave).await;
        let error = again.members.first().map_or(again.error_code, |member| member.error_code);
        assert_eq!(ErrorCode::from_code(error), ErrorCode::UnknownMemberId, "leave {version}");
    }
}

#[tokio::test(start_paused = true)]
async fn offsets_are_committed_and_fetched_in_every_version() {
    let mut world = World::new().await;
    let topic_id = world.broker().topic("t").unwrap().id();
    let mut client = world.client();
    for version in 2..=10_i16 {
        let offset = i64::from(version);
        let mut request = commit_request("", -1, 0, offset);
        request.retention_time_ms = -1;
        request.topics[0].topic_id = topic_id;
        if version < 6 {
            request.topics[0].partitions[0].committed_leader_epoch = -1;
        }
        if version == 10 {
            request.topics[0].name.clear();
        } else {
            request.topics[0].topic_id = headwater_model::Uuid::ZERO;
        }
        assert_eq!(only_commit(&mut client, version, &request).await, ErrorCode::None, "commit {version}");
    }
    for version in 1..=10_i16 {
        let (name, topic_id) = if version == 10 {
            (String::new(), topic_id)
        } else {
            ("t".to_owned(), headwater_model::Uuid::ZERO)
        };
        let old = OffsetFetchRequestTopic { name: name.clone(), partition_indexes: vec![0] };
        let new = OffsetFetchRequestTopics { name, topic_id, partition_indexes: vec![0] };
        let group = OffsetFetchRequestGroup {
            group_id: "g".to_owned(),
            topics: Some(vec![new]),
            ..Default::default()
        };
        let request = if version < 8 {
            OffsetFetchRequest { group_id: "g".to_owned(), topics: Some(vec![old]), ..Default::default() }
        } else {
            OffsetFetchRequest { groups: vec![group], ..Default::default() }
        };
        let response = client.call(version, &request).await;
        let found = if version < 8 {
            response.topics[0].partitions[0].committed_offset
        } else {
            response.groups[0].topics[0].partitions[0].committed_offset
        };
        assert_eq!(found, 10, "fetch {version}");
    }
}
