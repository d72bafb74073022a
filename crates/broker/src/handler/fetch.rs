//! Fetch: batches out of partitions.

use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId};
use headwater_wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};

use crate::api::{Context, Meta};
use crate::fetch::{Bounds, Got, Wanted};
use crate::topics::Topic;

const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;

/// Sessions (KIP-227) are not kept: every answer has session id 0, which tells the client to send whole requests.
pub(crate) async fn handle(context: Arc<Context>, meta: Meta, request: FetchRequest) -> FetchResponse {
    if request.session_id != 0 {
        return FetchResponse { error_code: ErrorCode::FetchSessionIdNotFound.code(), ..Default::default() };
    }
    let broker = &context.broker;
    let bounds = Bounds {
        max_bytes: bytes(request.max_bytes).min(broker.config().limits.max_fetch_bytes),
        min_bytes: bytes(request.min_bytes),
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)),
    };
    let mut wanted = Vec::new();
    for topic in &request.topics {
        let found = find(&context, &meta, topic);
        for partition in &topic.partitions {
            wanted.push(want(found.as_deref(), partition));
        }
    }
    let got = broker.fetch(wanted, bounds).await;
    respond(&request, got)
}

fn find(context: &Context, meta: &Meta, topic: &FetchTopic) -> Result<Arc<Topic>, ErrorCode> {
    if meta.version >= FIRST_VERSION_WITH_TOPIC_IDS {
        context.broker.visible_topic_by_id(topic.topic_id).ok_or(ErrorCode::UnknownTopicId)
    } else {
        context.broker.visible_topic(&topic.topic).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

fn want(topic: Result<&Topic, &ErrorCode>, partition: &FetchPartition) -> Wanted {
    let target = match topic.map(|topic| topic.slot(PartitionId(partition.partition))) {
        Err(error) => Err(*error),
        Ok(None) => Err(ErrorCode::UnknownTopicOrPartition),
        Ok(Some(None)) => Err(ErrorCode::KafkaStorageError),
        Ok(Some(Some(found))) => {
            found.check_epoch(LeaderEpoch(partition.current_leader_epoch)).map(|()| found.clone())
        }
    };
    Wanted { target, from: Offset(partition.fetch_offset), max_bytes: bytes(partition.partition_max_bytes) }
}

fn respond(request: &FetchRequest, got: Vec<Got>) -> FetchResponse {
    let mut got = got.into_iter();
    let responses = request
        .topics
        .iter()
        .map(|topic| FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions: topic.partitions.iter().zip(got.by_ref()).map(answer).collect(),
        })
        .collect();
    FetchResponse { responses, ..Default::default() }
}

fn answer((partition, got): (&FetchPartition, Got)) -> PartitionData {
    PartitionData {
        partition_index: partition.partition,
        error_code: got.error.code(),
        high_watermark: got.high_watermark.0,
        last_stable_offset: got.high_watermark.0,
        log_start_offset: got.log_start.0,
        aborted_transactions: None,
        records: Some(got.records),
        ..Default::default()
    }
}

fn bytes(count: i32) -> usize {
    usize::try_from(count).unwrap_or(0)
}
