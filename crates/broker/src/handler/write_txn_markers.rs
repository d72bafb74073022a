//! WriteTxnMarkers: ends transactions in partitions, without their coordinator. Between Kafka's brokers; here for
//! administrators, whose tool for transactions that hang (`kafka-transactions abort`) asks so.

use std::sync::Arc;

use headwater_coordinator::{Groups, Outcome, ProducerIdentity, Reply};
use headwater_model::{ErrorCode, PartitionId};
use headwater_wire::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};

use super::transactions::identity;
use crate::api::{Context, Meta};
use crate::groups::Command;
use crate::topics::{CONSUMER_OFFSETS, is_internal};
use crate::transactions::marker;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: WriteTxnMarkersRequest,
) -> WriteTxnMarkersResponse {
    let mut markers = Vec::with_capacity(request.markers.len());
    for asked in request.markers {
        markers.push(write(&context, asked).await);
    }
    WriteTxnMarkersResponse { markers }
}

async fn write(context: &Context, asked: WritableTxnMarker) -> WritableTxnMarkerResult {
    let producer = identity(asked.producer_id, asked.producer_epoch);
    let outcome = if asked.transaction_result { Outcome::Commit } else { Outcome::Abort };
    let mut topics = Vec::with_capacity(asked.topics.len());
    for topic in asked.topics {
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for partition_index in topic.partition_indexes {
            let at = PartitionId(partition_index);
            let written = write_one(context, &topic.name, at, producer, outcome).await;
            let error_code = written.err().unwrap_or(ErrorCode::None).code();
            partitions.push(WritableTxnMarkerPartitionResult { partition_index, error_code });
        }
        topics.push(WritableTxnMarkerTopicResult { name: topic.name, partitions });
    }
    WritableTxnMarkerResult { producer_id: asked.producer_id, topics }
}

async fn write_one(
    context: &Context,
    name: &str,
    at: PartitionId,
    producer: ProducerIdentity,
    outcome: Outcome,
) -> Result<(), ErrorCode> {
    let topic = context.broker.visible_topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topic.serving(at)?;
    if name == CONSUMER_OFFSETS {
        let end = Command::EndTransaction { producer, outcome };
        return match context.broker.ask_partition::<Groups>(at, end).await? {
            Reply::EndTransaction(outcome) => outcome,
            _ => Err(ErrorCode::UnknownServerError),
        };
    }
    if is_internal(name) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let written = partition.end_transaction((producer.id, producer.epoch), marker(outcome), true).await;
    written.map(|_| ()).map_err(|error| error.code())
}
