//! Reading the offsets that a group has committed: the request, and what its answer says.

use std::collections::BTreeMap;

use headwater_model::{ErrorCode, LeaderEpoch, Offset, PartitionId, TopicName, TopicPartition};
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse,
};

use super::{CommitError, CommittedOffset};
use crate::membership::Identity;

/// The last version that names topics by name; ids come after it, which a deleted topic's offsets outlive.
pub(crate) const LAST_VERSION_BY_NAME: i16 = 9;

/// A request that says the same in all versions up to [`LAST_VERSION_BY_NAME`]; but for who asks, which a member with an
/// epoch has to tell and the last version alone can say.
pub(crate) fn request(
    group: &str,
    asker: Option<&Identity>,
    partitions: &[TopicPartition],
    require_stable: bool,
) -> OffsetFetchRequest {
    let mut by_topic: BTreeMap<&TopicName, Vec<i32>> = BTreeMap::new();
    for at in partitions {
        by_topic.entry(&at.topic).or_default().push(at.partition.0);
    }
    let old = by_topic.iter().map(|(topic, partition_indexes)| OffsetFetchRequestTopic {
        name: topic.as_str().to_owned(),
        partition_indexes: partition_indexes.clone(),
    });
    let new = by_topic.iter().map(|(topic, partition_indexes)| OffsetFetchRequestTopics {
        name: topic.as_str().to_owned(),
        partition_indexes: partition_indexes.clone(),
        ..Default::default()
    });
    let of_group = OffsetFetchRequestGroup {
        group_id: group.to_owned(),
        topics: Some(new.collect()),
        member_id: asker.map(|asker| asker.member_id.clone()),
        member_epoch: asker.map_or(-1, |asker| asker.generation),
    };
    OffsetFetchRequest {
        group_id: group.to_owned(),
        topics: Some(old.collect()),
        groups: vec![of_group],
        require_stable,
    }
}

/// The offsets that were committed; partitions without one are absent.
pub(crate) fn read(
    group: &str,
    response: &OffsetFetchResponse,
) -> Result<BTreeMap<TopicPartition, CommittedOffset>, CommitError> {
    let refused = |error: i16| {
        let error = ErrorCode::from_code(error);
        error.ok().map_err(|error| CommitError::GroupRefused { group: group.to_owned(), error })
    };
    refused(response.error_code)?;
    let mut offsets = BTreeMap::new();
    let mut insert = |topic: &str, partition: i32, error: i16, committed: (i64, i32, Option<&String>)| {
        let Ok(topic) = TopicName::new(topic) else { return Ok(()) };
        let at = TopicPartition::new(topic, PartitionId(partition));
        if let Err(error) = ErrorCode::from_code(error).ok() {
            return Err(CommitError::Refused { partition: at, error });
        }
        let (offset, epoch, metadata) = committed;
        if offset >= 0 {
            let committed = CommittedOffset {
                offset: Offset(offset),
                leader_epoch: (epoch >= 0).then_some(LeaderEpoch(epoch)),
                metadata: metadata.cloned().unwrap_or_default(),
            };
            offsets.insert(at, committed);
        }
        Ok(())
    };
    for topic in &response.topics {
        for told in &topic.partitions {
            let committed = (told.committed_offset, told.committed_leader_epoch, told.metadata.as_ref());
            insert(&topic.name, told.partition_index, told.error_code, committed)?;
        }
    }
    for told in &response.groups {
        refused(told.error_code)?;
        for topic in &told.topics {
            for told in &topic.partitions {
                let committed = (told.committed_offset, told.committed_leader_epoch, told.metadata.as_ref());
                insert(&topic.name, told.partition_index, told.error_code, committed)?;
            }
        }
    }
    Ok(offsets)
}
