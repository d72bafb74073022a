//! A classic group: its members divide the partitions, in bytes that the coordinator does not read.

use bytes::Bytes;
use headwater_model::TopicPartition;
use headwater_wire::Message;
use headwater_wire::messages::consumer_protocol::ConsumerProtocolAssignment;
use headwater_wire::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use headwater_wire::protocol::Reader;

use super::{GroupDescription, MemberDescription, in_order, partitions};

pub(super) fn description(group: DescribedGroup) -> GroupDescription {
    GroupDescription {
        group: group.group_id,
        kind: "classic".to_owned(),
        state: group.group_state,
        protocol_type: group.protocol_type,
        epochs: None,
        assignor: group.protocol_data,
        members: in_order(group.members.into_iter().map(member).collect()),
        topology: None,
    }
}

fn member(member: DescribedGroupMember) -> MemberDescription {
    MemberDescription {
        member: member.member_id,
        instance: member.group_instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        epoch: None,
        rack: None,
        assignment: consumer_assignment(member.member_assignment).unwrap_or_default(),
        streams: None,
    }
}

/// The partitions of a member's assignment, if it is one of Kafka's consumer protocol.
fn consumer_assignment(bytes: Bytes) -> Option<Vec<TopicPartition>> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16().ok()?.min(*ConsumerProtocolAssignment::VERSIONS.end());
    let assignment = ConsumerProtocolAssignment::decode(&mut reader, version).ok()?;
    let topics = assignment.assigned_partitions.into_iter();
    Some(partitions(topics.map(|topic| (topic.topic, topic.partitions))))
}
