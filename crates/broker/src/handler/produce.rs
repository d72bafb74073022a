//! Produce: batches into partitions.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_log::Appended;
use headwater_model::{ErrorCode, PartitionId};
use headwater_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
    TopicProduceResponse,
};

use crate::api::{Context, Meta, Reply};
use crate::partition::{Acks, AppendError, Appending, Origin};
use crate::topics::{Topic, is_internal};

/// Kafka refuses zstd from clients that are too old to know it (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;

#[expect(clippy::needless_pass_by_value, reason = "the shape of all handlers")]
/// Every batch has its place in its partition's queue when this returns; the future waits for the outcome.
pub(crate) fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: ProduceRequest,
) -> impl Future<Output = Reply<ProduceResponse>> + Send + 'static {
    let acks = Acks::from_code(request.acks);
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let topics: Vec<_> =
        request.topic_data.into_iter().map(|topic| start_topic(&context, &meta, acks, topic)).collect();
    // It runs from the arrival, however many requests are answered before; and as in Kafka, only where it is waited for.
    let deadline = (acks == Some(Acks::All)).then(|| tokio::time::Instant::now() + timeout);
    async move {
        let mut responses = Vec::with_capacity(topics.len());
        for topic in topics {
            responses.push(topic.finish(deadline).await);
        }
        answer(&context, acks, responses)
    }
}

fn answer(
    context: &Context,
    acks: Option<Acks>,
    responses: Vec<TopicProduceResponse>,
) -> Reply<ProduceResponse> {
    if acks != Some(Acks::None) {
        return Reply::Response(ProduceResponse { responses, ..Default::default() });
    }
    let failed = responses.iter().flat_map(|topic| &topic.partition_responses).find(|p| p.error_code != 0);
    match failed {
        None => Reply::Silence,
        Some(failed) => {
            let error = ErrorCode::from_code(failed.error_code);
            tracing::warn!(peer = %context.peer, %error, "a produce request with acks=0 failed");
            Reply::Close
        }
    }
}

/// Why nothing was appended, for the client.
type Refused = (ErrorCode, Option<String>);

struct StartedTopic {
    response: TopicProduceResponse,
    partitions: Vec<(i32, Result<Appending, Refused>)>,
}

fn start_topic(context: &Context, meta: &Meta, acks: Option<Acks>, data: TopicProduceData) -> StartedTopic {
    let broker = &context.broker;
    let topic = if meta.version >= FIRST_VERSION_WITH_TOPIC_IDS {
        broker.visible_topic_by_id(data.topic_id).ok_or(ErrorCode::UnknownTopicId)
    } else {
        broker.visible_topic(&data.name).ok_or(ErrorCode::UnknownTopicOrPartition)
    };
    let topic = match topic {
        Ok(topic) if is_internal(topic.name().as_str()) => Err(ErrorCode::InvalidTopicException),
        other => other,
    };
    let partitions = data.partition_data.into_iter().map(|partition| {
        let index = partition.index;
        (index, start_partition(meta, acks, topic.as_deref(), partition))
    });
    StartedTopic {
        partitions: partitions.collect(),
        response: TopicProduceResponse { name: data.name, topic_id: data.topic_id, ..Default::default() },
    }
}

fn start_partition(
    meta: &Meta,
    acks: Option<Acks>,
    topic: Result<&Topic, &ErrorCode>,
    data: PartitionProduceData,
) -> Result<Appending, Refused> {
    let plain = |error: ErrorCode| (error, None);
    let acks = acks.ok_or(plain(ErrorCode::InvalidRequiredAcks))?;
    let topic = topic.map_err(|error| plain(*error))?;
    let partition = topic
        .slot(PartitionId(data.index))
        .ok_or(plain(ErrorCode::UnknownTopicOrPartition))?
        .as_ref()
        .ok_or(plain(ErrorCode::KafkaStorageError))?;
    let batches: Bytes = data
        .records
        .unwrap_or_default()
        .to_bytes()
        .map_err(|error| (ErrorCode::UnknownServerError, Some(error.to_string())))?;
    let origin = Origin::Client { may_send_zstd: meta.version >= FIRST_VERSION_WITH_ZSTD };
    Ok(partition.append(batches, acks, origin))
}

impl StartedTopic {
    async fn finish(self, deadline: Option<tokio::time::Instant>) -> TopicProduceResponse {
        let mut partition_responses = Vec::with_capacity(self.partitions.len());
        for (index, started) in self.partitions {
            let outcome = match started {
                Ok(appending) => finish_partition(appending, deadline).await,
                Err(refused) => Err(refused),
            };
            partition_responses.push(match outcome {
                Ok(appended) => success(index, &appended),
                Err((error, error_message)) => PartitionProduceResponse {
                    index,
                    error_code: error.code(),
                    base_offset: -1,
                    error_message,
                    ..Default::default()
                },
            });
        }
        TopicProduceResponse { partition_responses, ..self.response }
    }
}

fn success(index: i32, appended: &Appended) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: appended.first_offset.0,
        log_append_time_ms: appended.log_append_time.0,
        log_start_offset: appended.start_offset.0,
        ..Default::default()
    }
}

async fn finish_partition(
    appending: Appending,
    deadline: Option<tokio::time::Instant>,
) -> Result<Appended, Refused> {
    let outcome = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, appending).await,
        None => Ok(appending.await),
    };
    match outcome {
        Ok(outcome) => outcome.map_err(|error: AppendError| (error.code(), Some(error.to_string()))),
        Err(_) => Err((ErrorCode::RequestTimedOut, None)),
    }
}
