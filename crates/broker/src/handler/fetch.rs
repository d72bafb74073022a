//! Fetch: batches out of partitions.

use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, Uuid};
use headwater_wire::messages::fetch::{
    AbortedTransaction, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};

use crate::api::{Context, Meta};
use crate::fetch::sessions::{Ask, Begun, Kind, SessionRequest, Told, TopicKey};
use crate::fetch::{Bounds, Got, Wanted};
use crate::partition::Isolation;
use crate::storage::lock;
use crate::topics::Topic;

const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;
/// Whoever asks to wait longer is answered after this, with nothing.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

pub(crate) async fn handle(context: Arc<Context>, meta: Meta, request: FetchRequest) -> FetchResponse {
    let broker = &context.broker;
    let bounds = Bounds {
        max_bytes: bytes(request.max_bytes).min(broker.config().limits.max_fetch_bytes),
        min_bytes: bytes(request.min_bytes),
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(LONGEST_WAIT),
        isolation: Isolation::from_code(request.isolation_level),
    };
    let begun = match broker.begin_fetch(session_request(&meta, &request)) {
        Ok(begun) => begun,
        Err(error) => return FetchResponse { error_code: error.code(), ..Default::default() },
    };
    let got = broker.fetch(find_all(&context, &begun.asks), bounds, context.is_waited_for()).await;
    let speak = if begun.kind == Kind::Sessionless {
        vec![true; got.len()]
    } else {
        let told: Vec<Told> = got.iter().map(told).collect();
        lock(broker.fetch_sessions()).finish(&begun, &told)
    };
    respond(&begun, got, &speak)
}

fn session_request(meta: &Meta, request: &FetchRequest) -> SessionRequest {
    let by_id = meta.version >= FIRST_VERSION_WITH_TOPIC_IDS;
    let key = |name: &str, id: Uuid| if by_id { TopicKey::Id(id) } else { TopicKey::Name(name.into()) };
    let asks = request.topics.iter().flat_map(|topic| {
        let topic_key = key(&topic.topic, topic.topic_id);
        topic.partitions.iter().map(move |partition| Ask {
            topic: topic_key.clone(),
            partition: partition.partition,
            from: partition.fetch_offset,
            max_bytes: partition.partition_max_bytes,
            leader_epoch: partition.current_leader_epoch,
        })
    });
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        let topic_key = key(&topic.topic, topic.topic_id);
        topic.partitions.iter().map(move |partition| (topic_key.clone(), *partition))
    });
    SessionRequest {
        id: request.session_id,
        epoch: request.session_epoch,
        by_id,
        asks: asks.collect(),
        forgotten: forgotten.collect(),
    }
}

/// Partitions of one topic mostly follow each other: each run of them costs one look-up.
fn find_all(context: &Context, asks: &[Ask]) -> Vec<Wanted> {
    let mut wanted = Vec::with_capacity(asks.len());
    for run in asks.chunk_by(|left, right| left.topic == right.topic) {
        let found = run.first().map(|ask| find(context, &ask.topic));
        let topic = found.unwrap_or(Err(ErrorCode::UnknownTopicOrPartition));
        wanted.extend(run.iter().map(|ask| want(topic.as_deref(), ask)));
    }
    wanted
}

fn find(context: &Context, topic: &TopicKey) -> Result<Arc<Topic>, ErrorCode> {
    match topic {
        TopicKey::Id(id) => context.broker.visible_topic_by_id(*id).ok_or(ErrorCode::UnknownTopicId),
        TopicKey::Name(name) => context.broker.visible_topic(name).ok_or(ErrorCode::UnknownTopicOrPartition),
    }
}

fn want(topic: Result<&Topic, &ErrorCode>, ask: &Ask) -> Wanted {
    let target = match topic.map(|topic| topic.slot(PartitionId(ask.partition))) {
        Err(error) => Err(*error),
        Ok(None) => Err(ErrorCode::UnknownTopicOrPartition),
        Ok(Some(None)) => Err(ErrorCode::KafkaStorageError),
        Ok(Some(Some(found))) => found.check_epoch(LeaderEpoch(ask.leader_epoch)).map(|()| found.clone()),
    };
    Wanted { target, from: Offset(ask.from), max_bytes: bytes(ask.max_bytes) }
}

fn told(got: &Got) -> Told {
    Told {
        high_watermark: got.high_watermark.0,
        log_start: got.log_start.0,
        is_error: got.error.is_error(),
        has_records: !got.records.is_empty(),
    }
}

fn respond(begun: &Begun, got: Vec<Got>, speak: &[bool]) -> FetchResponse {
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut last: Option<&TopicKey> = None;
    let spoken = begun.asks.iter().zip(got).zip(speak).filter(|(_, speak)| **speak);
    for ((ask, got), _) in spoken {
        if last != Some(&ask.topic) {
            last = Some(&ask.topic);
            responses.push(match &ask.topic {
                TopicKey::Name(name) => {
                    FetchableTopicResponse { topic: name.to_string(), ..Default::default() }
                }
                TopicKey::Id(id) => FetchableTopicResponse { topic_id: *id, ..Default::default() },
            });
        }
        if let Some(topic) = responses.last_mut() {
            topic.partitions.push(answer(ask, got));
        }
    }
    FetchResponse { session_id: begun.kind.session_id(), responses, ..Default::default() }
}

fn answer(ask: &Ask, got: Got) -> PartitionData {
    PartitionData {
        partition_index: ask.partition,
        error_code: got.error.code(),
        high_watermark: got.high_watermark.0,
        last_stable_offset: got.last_stable.0,
        log_start_offset: got.log_start.0,
        aborted_transactions: got.aborted.map(|aborted| aborted.iter().map(aborted_transaction).collect()),
        records: Some(got.records),
        ..Default::default()
    }
}

fn aborted_transaction(aborted: &headwater_log::AbortedTransaction) -> AbortedTransaction {
    AbortedTransaction { producer_id: aborted.producer.0, first_offset: aborted.first_offset.0 }
}

fn bytes(count: i32) -> usize {
    usize::try_from(count).unwrap_or(0)
}
