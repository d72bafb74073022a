//! ShareGroupDescribe (KIP-932).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{
    self as coordinator, DescribedShareGroup, DescribedShareMember, GroupId, Partitions,
};
use headwater_model::{ErrorCode, PartitionId, Uuid};
use headwater_wire::messages::share_group_describe::{
    Assignment, DescribedGroup, Member, ShareGroupDescribeRequest, ShareGroupDescribeResponse,
    TopicPartitions,
};

use super::groups::numbers;
use super::{ALL_GROUP_OPERATIONS, OPERATIONS_NOT_ASKED};
use crate::api::{Context, Meta};

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: ShareGroupDescribeRequest,
) -> ShareGroupDescribeResponse {
    let authorized_operations =
        if request.include_authorized_operations { ALL_GROUP_OPERATIONS } else { OPERATIONS_NOT_ASKED };
    let mut groups = Vec::new();
    // Each is answered once, however often it is asked for.
    for group_id in BTreeSet::from_iter(request.group_ids) {
        let described = match look_at(&context, &group_id).await {
            Ok(group) => describe(&context, group),
            Err((error, message)) => DescribedGroup {
                error_code: error.code(),
                error_message: Some(message),
                ..Default::default()
            },
        };
        groups.push(DescribedGroup { group_id, authorized_operations, ..described });
    }
    ShareGroupDescribeResponse { groups, ..Default::default() }
}

async fn look_at(context: &Context, group_id: &str) -> Result<DescribedShareGroup, (ErrorCode, String)> {
    if group_id.is_empty() {
        return Err((ErrorCode::InvalidGroupId, ErrorCode::InvalidGroupId.message().to_owned()));
    }
    let group = GroupId::from(group_id.to_owned());
    let wanted = group.clone();
    let look = move |groups: &coordinator::Groups| groups.describe_share_group(&wanted);
    let described = context.broker.look_at_group(&group, look).await;
    let described = described.map_err(|error| (error, error.message().to_owned()))?;
    described.ok_or_else(|| (ErrorCode::GroupIdNotFound, format!("{group_id} is not a share group.")))
}

fn describe(context: &Context, group: DescribedShareGroup) -> DescribedGroup {
    DescribedGroup {
        group_state: group.state.to_string(),
        group_epoch: group.epoch,
        assignment_epoch: group.assignment_epoch,
        assignor_name: group.assignor.to_owned(),
        members: group.members.into_iter().map(|member| describe_member(context, member)).collect(),
        ..Default::default()
    }
}

fn describe_member(context: &Context, member: DescribedShareMember) -> Member {
    let said = member.subscription;
    Member {
        member_id: member.member.to_string(),
        rack_id: said.rack,
        member_epoch: member.current.epoch,
        client_id: said.client_id,
        client_host: said.client_host,
        subscribed_topic_names: said.topics.into_iter().collect(),
        assignment: assignment(context, &member.current.assigned),
    }
}

/// The partitions by topic; those of topics that are gone have no name to be told by.
fn assignment(context: &Context, partitions: &Partitions) -> Assignment {
    let topic = |(topic_id, partitions): (Uuid, &BTreeSet<PartitionId>)| {
        let topic = context.broker.visible_topic_by_id(topic_id)?;
        Some(TopicPartitions {
            topic_id,
            topic_name: topic.name().to_string(),
            partitions: numbers(partitions),
        })
    };
    Assignment { topic_partitions: partitions.by_topic().filter_map(topic).collect() }
}
