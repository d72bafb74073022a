//! DescribeTopicPartitions: topics with their partitions, in pages.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_model::{ErrorCode, TopicName};
use headwater_wire::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponseCursor,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};

use super::ALL_TOPIC_OPERATIONS;
use crate::api::{Context, Meta};
use crate::topics::{Topic, is_hidden};

/// Partitions in an answer, at most (Kafka's `max.request.partition.size.limit`).
const MOST_PARTITIONS: i32 = 2_000;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let from = request
        .cursor
        .as_ref()
        .map_or(("", 0), |cursor| (cursor.topic_name.as_str(), cursor.partition_index.max(0)));
    let mut left = request.response_partition_limit.clamp(1, MOST_PARTITIONS);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names(&context, &request) {
        if name.as_str() < from.0 {
            continue;
        }
        let first = if name == from.0 { from.1 } else { 0 };
        let Some(topic) = context.broker.visible_topic(&name) else {
            response.topics.push(unknown(name));
            continue;
        };
        if left == 0 {
            response.next_cursor = Some(cursor(name, 0));
            break;
        }
        let end = topic.state.partitions.min(first.saturating_add(left));
        response.topics.push(describe(&context, &topic, first..end));
        left -= (end - first).max(0);
        if end < topic.state.partitions {
            response.next_cursor = Some(cursor(name, end));
            break;
        }
    }
    response
}

/// What was asked for, in order of name: that is what pages go by.
fn names(context: &Context, request: &DescribeTopicPartitionsRequest) -> BTreeSet<String> {
    if !request.topics.is_empty() {
        return request.topics.iter().map(|topic| topic.name.clone()).collect();
    }
    let all: Vec<TopicName> =
        context.broker.topics(|topics| topics.all().map(|topic| topic.name().clone()).collect());
    all.iter().map(TopicName::to_string).filter(|name| !is_hidden(name)).collect()
}

fn cursor(topic_name: String, partition_index: i32) -> DescribeTopicPartitionsResponseCursor {
    DescribeTopicPartitionsResponseCursor { topic_name, partition_index }
}

fn unknown(name: String) -> DescribeTopicPartitionsResponseTopic {
    let error = match TopicName::new(&name) {
        Ok(_) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    DescribeTopicPartitionsResponseTopic { error_code: error.code(), name: Some(name), ..Default::default() }
}

fn describe(
    context: &Context,
    topic: &Topic,
    numbers: std::ops::Range<i32>,
) -> DescribeTopicPartitionsResponseTopic {
    let node_id = context.broker.config().node_id;
    let leader_epoch = context.broker.leader_epoch().0;
    let partition = |partition_index: i32| {
        let online = topic.partition(headwater_model::PartitionId(partition_index)).is_some();
        let here = |yes: bool| if yes { vec![node_id] } else { Vec::new() };
        DescribeTopicPartitionsResponsePartition {
            error_code: if online { ErrorCode::None } else { ErrorCode::LeaderNotAvailable }.code(),
            partition_index,
            leader_id: if online { node_id } else { -1 },
            leader_epoch,
            replica_nodes: vec![node_id],
            isr_nodes: here(online),
            offline_replicas: here(!online),
            // None, and not null: Java's client 4.3 fails on null.
            eligible_leader_replicas: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
        }
    };
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name().to_string()),
        topic_id: topic.id(),
        is_internal: topic.state.internal,
        partitions: numbers.map(partition).collect(),
        topic_authorized_operations: ALL_TOPIC_OPERATIONS,
        ..Default::default()
    }
}
