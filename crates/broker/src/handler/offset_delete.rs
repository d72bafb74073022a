//! OffsetDelete: forgets offsets of partitions that a group does not consume.

use std::sync::Arc;

use headwater_coordinator::{DeleteOffsets, Reply};
use headwater_model::{ErrorCode, TopicName, TopicPartition};
use headwater_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

use super::groups::{Partitions, existing};
use crate::api::{Context, Meta};
use crate::groups::Command;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let mut partitions: Vec<TopicPartition> = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let name = TopicName::new(&topic.name).map_err(|_| ErrorCode::UnknownTopicOrPartition);
        let mut sorted = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let index = partition.partition_index;
            let at = name.as_ref().map_err(|error| *error).and_then(|name| existing(&context, name, index));
            sorted.push((index, at.as_ref().err().copied()));
            partitions.extend(at);
        }
        topics.push((topic.name, sorted));
    }
    let delete = DeleteOffsets { group: request.group_id.into(), partitions };
    let outcomes = match context.broker.coordinate(Command::DeleteOffsets(delete)).await {
        Ok(Reply::DeleteOffsets(outcomes)) => outcomes,
        Ok(_) => Err(ErrorCode::UnknownServerError),
        Err(error) => Err(error),
    };
    match outcomes {
        Err(error) => OffsetDeleteResponse { error_code: error.code(), ..Default::default() },
        Ok(outcomes) => OffsetDeleteResponse { topics: answers(topics, outcomes), ..Default::default() },
    }
}

/// Each partition's outcome: what was known before, else the coordinator's next.
fn answers(topics: Vec<(String, Partitions)>, outcomes: Vec<ErrorCode>) -> Vec<OffsetDeleteResponseTopic> {
    let mut outcomes = outcomes.into_iter();
    let mut answer = |(partition_index, known): (i32, Option<ErrorCode>)| OffsetDeleteResponsePartition {
        partition_index,
        error_code: known.or_else(|| outcomes.next()).unwrap_or(ErrorCode::UnknownServerError).code(),
    };
    let topic = |(name, partitions): (String, Partitions)| OffsetDeleteResponseTopic {
        name,
        partitions: partitions.into_iter().map(&mut answer).collect(),
    };
    topics.into_iter().map(topic).collect()
}
