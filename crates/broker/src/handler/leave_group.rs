//! LeaveGroup: members that go, one before version 3, many from then on.

use std::sync::Arc;

use headwater_coordinator::{Leave, Leaver, Reply};
use headwater_model::ErrorCode;
use headwater_wire::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse,
};

use super::groups::named;
use crate::api::{Context, Meta};
use crate::groups::Command;

const FIRST_VERSION_WITH_MANY_MEMBERS: i16 = 3;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    let many = meta.version >= FIRST_VERSION_WITH_MANY_MEMBERS;
    let members = if many {
        request.members
    } else {
        vec![MemberIdentity { member_id: request.member_id, ..Default::default() }]
    };
    let leave = Leave { group: request.group_id.into(), leavers: members.iter().map(leaver).collect() };
    let outcomes = match context.broker.coordinate(Command::Leave(leave)).await {
        Ok(Reply::Leave(outcomes)) => outcomes,
        Ok(_) => Err(ErrorCode::UnknownServerError),
        Err(error) => Err(error),
    };
    match outcomes {
        Err(error) => LeaveGroupResponse { error_code: error.code(), ..Default::default() },
        Ok(outcomes) if many => LeaveGroupResponse {
            members: members.into_iter().zip(outcomes).map(response).collect(),
            ..Default::default()
        },
        Ok(outcomes) => LeaveGroupResponse {
            error_code: outcomes.first().map_or(0, |outcome| outcome.code()),
            ..Default::default()
        },
    }
}

fn leaver(member: &MemberIdentity) -> Leaver {
    Leaver {
        member: named(member.member_id.clone()),
        instance: member.group_instance_id.clone().map(Into::into),
    }
}

fn response((member, outcome): (MemberIdentity, ErrorCode)) -> MemberResponse {
    MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        error_code: outcome.code(),
    }
}
