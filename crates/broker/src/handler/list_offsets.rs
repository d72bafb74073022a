//! ListOffsets: offsets by time, and the ends of a partition. As in Kafka, a partition that is named twice is not looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, Timestamp, Uuid};
use headwater_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

use crate::api::{Context, Meta};
use crate::partition::{Isolation, OffsetSpec, Partition};
use crate::topics::Topic;

pub(crate) async fn handle(
    context: Arc<Context>,
    meta: Meta,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    // By id: a long name said once must not cost its length for each of its partitions.
    let mut mentions: BTreeMap<(Uuid, i32), usize> = BTreeMap::new();
    let found: Vec<_> =
        request.topics.iter().map(|topic| context.broker.visible_topic(&topic.name)).collect();
    for (topic, found) in request.topics.iter().zip(&found) {
        let Some(found) = found else { continue };
        for partition in &topic.partitions {
            *mentions.entry((found.id(), partition.partition_index)).or_default() += 1;
        }
    }
    let isolation = Isolation::from_code(request.isolation_level);
    let mut topics = Vec::with_capacity(request.topics.len());
    for (topic, found) in request.topics.into_iter().zip(found) {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let mentioned =
                found.as_ref().and_then(|found| mentions.get(&(found.id(), partition.partition_index)));
            let once = mentioned.is_none_or(|times| *times == 1);
            partitions.push(look_up(&meta, isolation, once, found.as_deref(), &partition).await);
        }
        topics.push(ListOffsetsTopicResponse { name: topic.name, partitions });
    }
    ListOffsetsResponse { topics, ..Default::default() }
}

async fn look_up(
    meta: &Meta,
    isolation: Isolation,
    once: bool,
    topic: Option<&Topic>,
    asked: &ListOffsetsPartition,
) -> ListOffsetsPartitionResponse {
    let answer = ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        timestamp: Timestamp::NONE.0,
        offset: Offset::NONE.0,
        leader_epoch: -1,
        ..Default::default()
    };
    let found = async {
        if !once {
            return Err(ErrorCode::InvalidRequest);
        }
        let slot = topic.and_then(|topic| topic.slot(PartitionId(asked.partition_index)));
        let partition: &Arc<Partition> =
            slot.ok_or(ErrorCode::UnknownTopicOrPartition)?.as_ref().ok_or(ErrorCode::KafkaStorageError)?;
        partition.check_epoch(LeaderEpoch(asked.current_leader_epoch))?;
        let spec = spec(meta.version, asked.timestamp)?;
        match spec {
            None => Ok(None),
            Some(spec) => partition.look_up(spec, isolation).await,
        }
    };
    match found.await {
        Ok(Some(found)) => ListOffsetsPartitionResponse {
            timestamp: found.timestamp.0,
            offset: found.offset.0,
            leader_epoch: found.leader_epoch.map_or(-1, |epoch| epoch.0),
            ..answer
        },
        Ok(None) => answer,
        Err(error) => ListOffsetsPartitionResponse { error_code: error.code(), ..answer },
    }
}

/// What a timestamp of the request stands for; `None` for offsets that only tiered storage has.
fn spec(version: i16, timestamp: i64) -> Result<Option<OffsetSpec>, ErrorCode> {
    const LATEST: i64 = -1;
    const EARLIEST: i64 = -2;
    const MAX_TIMESTAMP: i64 = -3;
    const EARLIEST_LOCAL: i64 = -4;
    const LATEST_TIERED: i64 = -5;
    const EARLIEST_PENDING_UPLOAD: i64 = -6;
    match timestamp {
        0.. => Ok(Some(OffsetSpec::AtOrAfter(Timestamp(timestamp)))),
        LATEST => Ok(Some(OffsetSpec::Latest)),
        EARLIEST => Ok(Some(OffsetSpec::Earliest)),
        MAX_TIMESTAMP if version >= 7 => Ok(Some(OffsetSpec::MaxTimestamp)),
        EARLIEST_LOCAL if version >= 8 => Ok(Some(OffsetSpec::Earliest)),
        LATEST_TIERED if version >= 9 => Ok(None),
        EARLIEST_PENDING_UPLOAD if version >= 11 => Ok(None),
        _ => Err(ErrorCode::UnsupportedVersion),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_timestamps_depend_on_the_version() {
        assert_eq!(spec(1, -1), Ok(Some(OffsetSpec::Latest)));
        assert_eq!(spec(1, -2), Ok(Some(OffsetSpec::Earliest)));
        assert_eq!(spec(6, -3), Err(ErrorCode::UnsupportedVersion));
        assert_eq!(spec(7, -3), Ok(Some(OffsetSpec::MaxTimestamp)));
        assert_eq!(spec(10, -5), Ok(None));
        assert_eq!(spec(10, -6), Err(ErrorCode::UnsupportedVersion));
        assert_eq!(spec(11, -6), Ok(None));
        assert_eq!(spec(10, -7), Err(ErrorCode::UnsupportedVersion));
        assert_eq!(spec(10, 5), Ok(Some(OffsetSpec::AtOrAfter(Timestamp(5)))));
    }
}
