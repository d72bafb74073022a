//! A group whose coordinator divides the partitions (KIP-848).

use headwater_wire::messages::consumer_group_describe::{DescribedGroup, Member};

use super::{GroupDescription, GroupEpochs, MemberDescription, in_order, partitions};

pub(super) fn description(group: DescribedGroup) -> GroupDescription {
    GroupDescription {
        group: group.group_id,
        kind: "consumer".to_owned(),
        state: group.group_state,
        protocol_type: "consumer".to_owned(),
        epochs: Some(GroupEpochs { group: group.group_epoch, assignment: group.assignment_epoch }),
        assignor: group.assignor_name,
        members: in_order(group.members.into_iter().map(member).collect()),
        topology: None,
    }
}

fn member(member: Member) -> MemberDescription {
    let topics = member.assignment.topic_partitions.into_iter();
    MemberDescription {
        member: member.member_id,
        instance: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        epoch: Some(member.member_epoch),
        rack: member.rack_id,
        assignment: partitions(topics.map(|topic| (topic.topic_name, topic.partitions))),
        streams: None,
    }
}
