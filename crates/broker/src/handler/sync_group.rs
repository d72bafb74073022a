//! SyncGroup: a member's part of the assignment, brought by the leader.

use std::sync::Arc;

use bytes::Bytes;
use headwater_coordinator::{Reply, Sync, Synced};
use headwater_model::ErrorCode;
use headwater_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use crate::api::{Context, Meta};
use crate::groups::Command;

const FIRST_VERSION_WITH_PROTOCOL: i16 = 5;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    match sync(&context, &meta, request).await {
        Ok(synced) => SyncGroupResponse {
            protocol_type: Some(synced.protocol_type.to_string()),
            protocol_name: Some(synced.protocol.to_string()),
            assignment: synced.assignment,
            ..Default::default()
        },
        Err(error) => SyncGroupResponse { error_code: error.code(), ..Default::default() },
    }
}

async fn sync(context: &Context, meta: &Meta, request: SyncGroupRequest) -> Result<Synced, ErrorCode> {
    let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if meta.version >= FIRST_VERSION_WITH_PROTOCOL && !names_protocol {
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    let assignments = request.assignments.into_iter();
    let sync = Sync {
        group: request.group_id.into(),
        member: request.member_id.into(),
        instance: request.group_instance_id.map(Into::into),
        generation: request.generation_id,
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
        assignments: assignments
            // A copy, since it outlives the request's buffer by far.
            .map(|part| (part.member_id.into(), Bytes::copy_from_slice(&part.assignment)))
            .collect(),
    };
    match context.broker.coordinate(Command::Sync(sync)).await? {
        Reply::Sync(outcome) => outcome,
        _ => Err(ErrorCode::UnknownServerError),
    }
}
