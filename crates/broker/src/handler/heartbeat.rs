//! Heartbeat: a member is alive.

use std::sync::Arc;

use headwater_coordinator::{Heartbeat, Reply};
use headwater_model::ErrorCode;
use headwater_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use super::groups::code;
use crate::api::{Context, Meta};
use crate::groups::Command;

pub(crate) async fn handle(context: Arc<Context>, _: Meta, request: HeartbeatRequest) -> HeartbeatResponse {
    let heartbeat = Heartbeat {
        group: request.group_id.into(),
        member: request.member_id.into(),
        instance: request.group_instance_id.map(Into::into),
        generation: request.generation_id,
    };
    let outcome = match context.broker.coordinate(Command::Heartbeat(heartbeat)).await {
        Ok(Reply::Heartbeat(outcome)) => outcome,
        Ok(_) => Err(ErrorCode::UnknownServerError),
        Err(error) => Err(error),
    };
    HeartbeatResponse { error_code: code(&outcome), ..Default::default() }
}
