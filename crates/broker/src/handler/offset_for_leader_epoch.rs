//! OffsetForLeaderEpoch: where the records of an epoch end, by which a consumer learns whether its position still exists.

use std::sync::Arc;

use headwater_model::{ErrorCode, LeaderEpoch, PartitionId};
use headwater_wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};

use crate::api::{Context, Meta};
use crate::topics::Topic;

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let found = context.broker.visible_topic(&topic.topic);
        let partitions = topic.partitions.iter().map(|asked| look_up(found.as_deref(), asked));
        OffsetForLeaderTopicResult { partitions: partitions.collect(), topic: topic.topic }
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }
}

fn look_up(topic: Option<&Topic>, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let answer =
        EpochEndOffset { error_code: 0, partition: asked.partition, leader_epoch: -1, end_offset: -1 };
    let found = || {
        let slot = topic.and_then(|topic| topic.slot(PartitionId(asked.partition)));
        let partition =
            slot.ok_or(ErrorCode::UnknownTopicOrPartition)?.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        partition.check_epoch(LeaderEpoch(asked.current_leader_epoch))?;
        Ok(partition.end_of_epoch(LeaderEpoch(asked.leader_epoch)))
    };
    match found() {
        Ok(Some((epoch, end))) => EpochEndOffset { leader_epoch: epoch.0, end_offset: end.0, ..answer },
        Ok(None) => answer,
        Err(error) => {
            let error: ErrorCode = error;
            EpochEndOffset { error_code: error.code(), ..answer }
        }
    }
}
