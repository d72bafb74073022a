//! DeleteRecords: the oldest records of partitions are given up.

use std::sync::Arc;

use headwater_model::{ErrorCode, Offset, PartitionId};
use headwater_wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};

use crate::api::{Context, Meta};
use crate::topics::{Topic, is_internal};

/// Stands for the high watermark.
const ALL: i64 = -1;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = find(&context, &topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let outcome = match &found {
                Ok(found) => delete(&context, found, asked).await,
                Err(error) => Err(*error),
            };
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark: outcome.map_or(Offset::NONE, |start| start).0,
                error_code: outcome.err().unwrap_or(ErrorCode::None).code(),
            });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}

fn find(context: &Context, name: &str) -> Result<Arc<Topic>, ErrorCode> {
    let topic = context.broker.visible_topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if is_internal(name) {
        return Err(ErrorCode::InvalidTopicException);
    }
    // As in Kafka: what is compacted and never deleted is not deleted by hand either.
    if context.broker.is_kept_for_ever(&topic) { Err(ErrorCode::PolicyViolation) } else { Ok(topic) }
}

async fn delete(
    context: &Context,
    topic: &Topic,
    asked: &DeleteRecordsPartition,
) -> Result<Offset, ErrorCode> {
    let partition = topic.serving(PartitionId(asked.partition_index))?.clone();
    let before = (asked.offset != ALL).then_some(Offset(asked.offset));
    let deleted = context.broker.storage().call(move || partition.delete_records(before)).await;
    deleted.unwrap_or(Err(ErrorCode::NotLeaderOrFollower))
}
