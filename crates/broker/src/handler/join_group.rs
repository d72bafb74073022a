//! JoinGroup: become a member of a group, or come back for its next generation.

use std::sync::Arc;

use bytes::Bytes;
use headwater_coordinator::{Join, JoinRefused, Joined, JoinedMember, Protocol, Reply};
use headwater_model::ErrorCode;
use headwater_wire::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse, JoinGroupResponseMember,
};

use super::groups::{client_host, named, not_negative};
use crate::api::{Context, Meta};
use crate::groups::Command;

/// From here on a new member is first told its id (KIP-394).
const FIRST_VERSION_WITH_KNOWN_MEMBERS: i16 = 4;
/// From here on a leader can be told to skip the assignment (KIP-814).
const FIRST_VERSION_WITH_SKIPPING: i16 = 9;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let session_timeout = not_negative(request.session_timeout_ms);
    let member = named(request.member_id);
    let join = Join {
        group: request.group_id.into(),
        member: member.clone(),
        instance: request.group_instance_id.map(Into::into),
        client_id: meta.client_id.unwrap_or_default(),
        client_host: client_host(&context.peer),
        session_timeout,
        rebalance_timeout: match meta.version {
            0 => session_timeout,
            _ => not_negative(request.rebalance_timeout_ms),
        },
        protocol_type: request.protocol_type,
        protocols: request.protocols.into_iter().map(protocol).collect(),
        requires_known_member: meta.version >= FIRST_VERSION_WITH_KNOWN_MEMBERS,
        can_skip_assignment: meta.version >= FIRST_VERSION_WITH_SKIPPING,
    };
    match context.broker.coordinate(Command::Join(join)).await {
        Ok(Reply::Join(Ok(joined))) => success(joined),
        Ok(Reply::Join(Err(refused))) => failure(refused),
        Ok(_) => failure(JoinRefused { error: ErrorCode::UnknownServerError, member }),
        Err(error) => failure(JoinRefused { error, member }),
    }
}

fn protocol(protocol: JoinGroupRequestProtocol) -> Protocol {
    Protocol {
        name: protocol.name.into(),
        // A copy, since it outlives the request's buffer by far.
        metadata: Bytes::copy_from_slice(&protocol.metadata),
    }
}

fn success(joined: Joined) -> JoinGroupResponse {
    JoinGroupResponse {
        generation_id: joined.generation,
        protocol_type: Some(joined.protocol_type.to_string()),
        protocol_name: Some(joined.protocol.to_string()),
        leader: joined.leader.to_string(),
        skip_assignment: joined.skip_assignment,
        member_id: joined.member.to_string(),
        members: joined.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

fn member(member: JoinedMember) -> JoinGroupResponseMember {
    JoinGroupResponseMember {
        member_id: member.member.to_string(),
        group_instance_id: member.instance.map(|instance| instance.to_string()),
        metadata: member.metadata,
    }
}

fn failure(refused: JoinRefused) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: refused.error.code(),
        generation_id: -1,
        // Null is allowed from version 7 on; an older one gets the empty text.
        protocol_name: None,
        member_id: refused.member.map(|member| member.to_string()).unwrap_or_default(),
        ..Default::default()
    }
}
