//! DescribeGroups.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{self as coordinator, GroupId, GroupState};
use headwater_model::ErrorCode;
use headwater_wire::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};

use super::{ALL_GROUP_OPERATIONS, OPERATIONS_NOT_ASKED};
use crate::api::{Context, Meta};

/// Before, a group that does not exist was described as dead, without an error (KIP-1043).
const FIRST_VERSION_WITH_NOT_FOUND: i16 = 6;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let authorized_operations =
        if request.include_authorized_operations { ALL_GROUP_OPERATIONS } else { OPERATIONS_NOT_ASKED };
    let mut groups = Vec::new();
    // Each is answered once, however often it is asked for.
    for group_id in BTreeSet::from_iter(request.groups) {
        let group = GroupId::from(group_id.clone());
        let wanted = group.clone();
        let described = context.broker.look_at_group(&group, move |groups| groups.describe(&wanted)).await;
        let group = match described {
            Ok(Some(described)) => describe(described),
            Ok(None) => dead(&meta),
            Err(error) => DescribedGroup { error_code: error.code(), ..Default::default() },
        };
        groups.push(DescribedGroup { group_id, authorized_operations, ..group });
    }
    DescribeGroupsResponse { groups, ..Default::default() }
}

fn dead(meta: &Meta) -> DescribedGroup {
    let error = if meta.version >= FIRST_VERSION_WITH_NOT_FOUND {
        ErrorCode::GroupIdNotFound
    } else {
        ErrorCode::None
    };
    DescribedGroup {
        error_code: error.code(),
        error_message: error.is_error().then(|| error.message().to_owned()),
        group_state: GroupState::Dead.to_string(),
        ..Default::default()
    }
}

fn describe(group: coordinator::DescribedGroup) -> DescribedGroup {
    DescribedGroup {
        group_state: group.state.to_string(),
        protocol_type: group.protocol_type.as_deref().unwrap_or_default().to_owned(),
        protocol_data: group.protocol.as_deref().unwrap_or_default().to_owned(),
        members: group.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

fn member(member: coordinator::DescribedMember) -> DescribedGroupMember {
    DescribedGroupMember {
        member_id: member.member.to_string(),
        group_instance_id: member.instance.map(|instance| instance.to_string()),
        client_id: member.client_id,
        client_host: member.client_host,
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    }
}
