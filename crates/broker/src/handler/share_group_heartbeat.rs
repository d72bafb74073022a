//! ShareGroupHeartbeat: joins a share group, stays in it, learns what to read, leaves (KIP-932).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{HeartbeatAnswer, Refused, Reply, ShareHeartbeat};
use headwater_model::{ErrorCode, PartitionId, Uuid};
use headwater_wire::messages::share_group_heartbeat::{
    Assignment, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, TopicPartitions,
};

use super::groups::{client_host, millis, numbers};
use crate::api::{Context, Meta};
use crate::groups::Command;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: ShareGroupHeartbeatRequest,
) -> ShareGroupHeartbeatResponse {
    let beat = ShareHeartbeat {
        group: request.group_id.into(),
        member: request.member_id.into(),
        epoch: request.member_epoch,
        rack: request.rack_id,
        topics: request.subscribed_topic_names,
        client_id: meta.client_id.unwrap_or_default(),
        client_host: client_host(&context.peer),
    };
    let outcome = match context.broker.coordinate(Command::ShareHeartbeat(beat)).await {
        Ok(Reply::ShareHeartbeat(outcome)) => outcome,
        Ok(_) => Err(ErrorCode::UnknownServerError.into()),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(answer) => answered(answer),
        Err(refused) => self::refused(refused),
    }
}

fn answered(answer: HeartbeatAnswer) -> ShareGroupHeartbeatResponse {
    let topic = |(topic_id, partitions): (Uuid, &BTreeSet<PartitionId>)| TopicPartitions {
        topic_id,
        partitions: numbers(partitions),
    };
    let assignment = answer
        .assignment
        .map(|partitions| Assignment { topic_partitions: partitions.by_topic().map(topic).collect() });
    ShareGroupHeartbeatResponse {
        member_id: Some(answer.member.to_string()),
        member_epoch: answer.epoch,
        heartbeat_interval_ms: millis(answer.heartbeat_interval),
        assignment,
        ..Default::default()
    }
}

fn refused(refused: Refused) -> ShareGroupHeartbeatResponse {
    ShareGroupHeartbeatResponse {
        error_code: refused.error.code(),
        error_message: Some(refused.message),
        ..Default::default()
    }
}
