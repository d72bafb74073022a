//! ShareGroupDescribe (KIP-932).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{DescribedShareGroup, DescribedShareMember, Groups, Partitions};
use headwater_wire::messages::share_group_describe::{
    Assignment, DescribedGroup, Member, ShareGroupDescribeRequest, ShareGroupDescribeResponse,
    TopicPartitions,
};

use super::groups::{by_topic, described};
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
        let described = match described(&context, &group_id, "share", Groups::describe_share_group).await {
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

fn assignment(context: &Context, partitions: &Partitions) -> Assignment {
    let topics = by_topic(context, partitions).map(|(topic_id, topic_name, partitions)| TopicPartitions {
        topic_id,
        topic_name,
        partitions,
    });
    Assignment { topic_partitions: topics.collect() }
}
