//! ConsumerGroupHeartbeat: joins a consumer group, stays in it, learns what to work on, leaves (KIP-848).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{ConsumerHeartbeat, HeartbeatAnswer, Refused, Reply};
use headwater_model::{ErrorCode, PartitionId, Uuid};
use headwater_wire::messages::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
    ConsumerGroupHeartbeatResponse, ConsumerGroupHeartbeatResponseTopicPartitions,
};

use super::groups::{client_host, millis, named, not_negative, numbers};
use crate::api::{Context, Meta};
use crate::groups::Command;

const FIRST_VERSION_WITH_IDS_OF_MEMBERS: i16 = 1;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    let beat = heartbeat(&context, meta, request);
    let outcome = match context.broker.coordinate(Command::ConsumerHeartbeat(beat)).await {
        Ok(Reply::ConsumerHeartbeat(outcome)) => outcome,
        Ok(_) => Err(ErrorCode::UnknownServerError.into()),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(answer) => answered(answer),
        Err(refused) => self::refused(refused),
    }
}

fn heartbeat(context: &Context, meta: Meta, request: ConsumerGroupHeartbeatRequest) -> ConsumerHeartbeat {
    let rebalance_timeout = (request.rebalance_timeout_ms >= 0).then_some(request.rebalance_timeout_ms);
    ConsumerHeartbeat {
        group: request.group_id.into(),
        member: named(request.member_id),
        requires_member: meta.version >= FIRST_VERSION_WITH_IDS_OF_MEMBERS,
        epoch: request.member_epoch,
        instance: request.instance_id.map(Into::into),
        rack: request.rack_id,
        rebalance_timeout: rebalance_timeout.map(not_negative),
        topics: request.subscribed_topic_names,
        pattern: request.subscribed_topic_regex,
        assignor: request.server_assignor,
        owned: request.topic_partitions.map(|topics| topics.into_iter().flat_map(owned).collect()),
        client_id: meta.client_id.unwrap_or_default(),
        client_host: client_host(&context.peer),
    }
}

fn owned(topic: ConsumerGroupHeartbeatRequestTopicPartitions) -> impl Iterator<Item = (Uuid, PartitionId)> {
    topic.partitions.into_iter().map(move |partition| (topic.topic_id, PartitionId(partition)))
}

fn answered(answer: HeartbeatAnswer) -> ConsumerGroupHeartbeatResponse {
    let topic = |(topic_id, partitions): (Uuid, &BTreeSet<PartitionId>)| {
        ConsumerGroupHeartbeatResponseTopicPartitions { topic_id, partitions: numbers(partitions) }
    };
    let assignment = answer
        .assignment
        .map(|partitions| Assignment { topic_partitions: partitions.by_topic().map(topic).collect() });
    ConsumerGroupHeartbeatResponse {
        member_id: Some(answer.member.to_string()),
        member_epoch: answer.epoch,
        heartbeat_interval_ms: millis(answer.heartbeat_interval),
        assignment,
        ..Default::default()
    }
}

fn refused(refused: Refused) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse {
        error_code: refused.error.code(),
        error_message: Some(refused.message),
        ..Default::default()
    }
}
