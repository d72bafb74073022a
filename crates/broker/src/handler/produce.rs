//! Produce: batches into partitions.

mod transactions;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_coordinator::TransactionalId;
use headwater_log::Appended;
use headwater_model::{ErrorCode, PartitionId};
use headwater_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
    TopicProduceResponse,
};
use tokio::time::Sleep;

use crate::api::{Context, Meta, Reply};
use crate::partition::{Acks, AppendError, Appending, Handover, Origin, Verification};
use crate::topics::{Topic, is_internal};

/// Kafka refuses zstd from clients that are too old to know it (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;

/// From this version on, writing to a partition makes it part of the producer's transaction (KIP-890).
const FIRST_VERSION_THAT_ADDS: i16 = 12;
/// From this version on, a client knows that it is to abort.
const FIRST_VERSION_WITH_ABORTABLE: i16 = 11;

#[expect(clippy::needless_pass_by_value, reason = "the shape of all handlers")]
/// Every batch has its place in its partition's queue when this returns, but those that [`take_their_place`] says no of;
/// the future waits for the outcome.
pub(crate) fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: ProduceRequest,
) -> impl Future<Output = Reply<ProduceResponse>> + Send + 'static {
    let acks = Acks::from_code(request.acks);
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let transaction = request.transactional_id.map(TransactionalId::from);
    let within = transaction.is_some();
    let mut handover = Handover::default();
    let mut topics: Vec<_> = request
        .topic_data
        .into_iter()
        .map(|topic| start_topic(&context, &meta, acks, within, topic, &mut handover))
        .collect();
    drop(handover);
    // It runs from the arrival, however many requests are answered before; and as in Kafka, only where it is waited for.
    let deadline =
        (acks == Some(Acks::All)).then(|| tokio::time::sleep_until(tokio::time::Instant::now() + timeout));
    async move {
        if let Some(id) = transaction {
            let partitions = topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            let started = partitions.map(|(_, started)| started).collect();
            transactions::enter(&context.broker, &id, meta.version, started).await;
        }
        let mut deadline = pin!(deadline);
        let mut responses = Vec::with_capacity(topics.len());
        for topic in topics {
            responses.push(topic.finish(deadline.as_mut()).await);
        }
        answer(&context, acks, responses)
    }
}

/// Whether all batches of a request take their place in the order of its partitions as soon as it starts. (Those of a
/// transaction that is not known to be open in its partition do so only when its coordinator has been asked.)
pub(crate) fn take_their_place(context: &Context, version: i16, request: &ProduceRequest) -> bool {
    if request.transactional_id.is_none() {
        return true;
    }
    request.topic_data.iter().all(|topic| {
        let Ok(found) = find_topic(context, version, topic) else {
            return true;
        };
        topic.partition_data.iter().all(|partition| {
            match (found.serving(PartitionId(partition.index)), partition.records.as_ref()) {
                (Ok(found), Some(records)) => {
                    transactions::writer(records).is_none_or(|writer| found.is_in_transaction(writer))
                }
                _ => true,
            }
        })
    })
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
    partitions: Vec<(i32, Started)>,
}

/// How far a batch has come.
enum Started {
    Refused(Refused),
    Appending(Appending),
    /// Its transaction's coordinator is to be asked first.
    Unverified(transactions::Unverified),
    /// The coordinator has said yes, which holds for as long as this is kept.
    Verified(Appending, Verification),
}

fn plain(error: ErrorCode) -> Refused {
    (error, None)
}

fn find_topic(context: &Context, version: i16, data: &TopicProduceData) -> Result<Arc<Topic>, ErrorCode> {
    let broker = &context.broker;
    let topic = if version >= FIRST_VERSION_WITH_TOPIC_IDS {
        broker.visible_topic_by_id(data.topic_id).ok_or(ErrorCode::UnknownTopicId)
    } else {
        broker.visible_topic(&data.name).ok_or(ErrorCode::UnknownTopicOrPartition)
    }?;
    if is_internal(topic.name().as_str()) { Err(ErrorCode::InvalidTopicException) } else { Ok(topic) }
}

fn start_topic(
    context: &Context,
    meta: &Meta,
    acks: Option<Acks>,
    within_transaction: bool,
    data: TopicProduceData,
    handover: &mut Handover,
) -> StartedTopic {
    let topic = find_topic(context, meta.version, &data);
    let partitions = data.partition_data.into_iter().map(|partition| {
        let index = partition.index;
        let started = match &topic {
            Ok(topic) => start_partition(meta, acks, within_transaction, topic, partition, handover),
            Err(error) => Err(plain(*error)),
        };
        (index, started.unwrap_or_else(Started::Refused))
    });
    StartedTopic {
        partitions: partitions.collect(),
        response: TopicProduceResponse { name: data.name, topic_id: data.topic_id, ..Default::default() },
    }
}

fn start_partition(
    meta: &Meta,
    acks: Option<Acks>,
    within_transaction: bool,
    topic: &Topic,
    data: PartitionProduceData,
    handover: &mut Handover,
) -> Result<Started, Refused> {
    let acks = acks.ok_or(plain(ErrorCode::InvalidRequiredAcks))?;
    let partition = topic.serving(PartitionId(data.index)).map_err(plain)?;
    let records = data.records.unwrap_or_default();
    let writer = if within_transaction { transactions::writer(&records) } else { None };
    let batches: Bytes =
        records.to_bytes().map_err(|error| (ErrorCode::UnknownServerError, Some(error.to_string())))?;
    let may_send_zstd = meta.version >= FIRST_VERSION_WITH_ZSTD;
    if let Some(writer) = writer.filter(|writer| !partition.is_in_transaction(*writer)) {
        let partition = partition.clone();
        let unverified = transactions::Unverified { partition, writer, batches, acks, may_send_zstd };
        return Ok(Started::Unverified(unverified));
    }
    let origin = Origin::Client { may_send_zstd, verified: None };
    Ok(Started::Appending(partition.append_with(handover, batches, acks, origin)))
}

impl StartedTopic {
    async fn finish(self, mut deadline: Pin<&mut Option<Sleep>>) -> TopicProduceResponse {
        let mut partition_responses = Vec::with_capacity(self.partitions.len());
        for (index, started) in self.partitions {
            let outcome = match started {
                Started::Appending(appending) => finish_partition(appending, deadline.as_mut()).await,
                Started::Verified(appending, _verification) => {
                    finish_partition(appending, deadline.as_mut()).await
                }
                Started::Refused(refused) => Err(refused),
                Started::Unverified(_) => Err(plain(ErrorCode::UnknownServerError)),
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
    deadline: Pin<&mut Option<Sleep>>,
) -> Result<Appended, Refused> {
    let outcome = match deadline.as_pin_mut() {
        Some(deadline) => tokio::select! {
            biased;
            outcome = appending => outcome,
            () = deadline => return Err(plain(ErrorCode::RequestTimedOut)),
        },
        None => appending.await,
    };
    outcome.map_err(|error: AppendError| (error.code(), Some(error.to_string())))
}
