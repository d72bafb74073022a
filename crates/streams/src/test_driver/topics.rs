//! The topics of a test: partition counts, and what was fed and waits to become batches.

use std::collections::BTreeMap;

use headwater_client::partition_for_key;
use headwater_model::{Offset, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_wire::batch::{self, Batch, BatchBuilder, BatchError, BatchMeta, Compression};

use super::TestError;
use crate::record::Headers;
use crate::task::End;

/// See the module.
#[derive(Debug)]
pub(super) struct Topics {
    topics: BTreeMap<TopicName, Topic>,
}

#[derive(Debug)]
struct Topic {
    partitions: Vec<Partition>,
    /// How many records without a key there were, which go to the partitions in turn.
    without_key: usize,
    /// False for topics that the topology only writes, of which nothing is kept here.
    is_read: bool,
}

#[derive(Debug)]
struct Partition {
    builder: BatchBuilder,
    batches: Vec<Batch>,
    end: Offset,
}

impl Topics {
    pub(super) fn new(
        counts: impl Iterator<Item = (TopicName, i32)>,
        is_read: impl Fn(&TopicName) -> bool,
    ) -> Self {
        let topics = counts.map(|(name, count)| {
            let partitions = (0..count).map(|_| Partition::new()).collect();
            let topic = Topic { partitions, without_key: 0, is_read: is_read(&name) };
            (name, topic)
        });
        Self { topics: topics.collect() }
    }

    /// The partition that a record goes to: by its key, and without one to each in turn.
    pub(super) fn partition_of(&mut self, topic: &TopicName, key: Option<&[u8]>) -> PartitionId {
        let Some(topic) = self.topics.get_mut(topic) else {
            return PartitionId(0);
        };
        let count = topic.partitions.len();
        if let Some(key) = key {
            return partition_for_key(key, count);
        }
        let partition = topic.without_key.checked_rem(count).unwrap_or_default();
        topic.without_key += 1;
        PartitionId(partition as i32)
    }

    /// Checks that a topic has a partition.
    pub(super) fn check(&self, topic: &TopicName, partition: PartitionId) -> Result<(), TestError> {
        let count = self.topics.get(topic).map_or(0, |topic| topic.partitions.len());
        if usize::try_from(partition.0).is_ok_and(|number| number < count) {
            return Ok(());
        }
        Err(TestError::NoPartition { topic: topic.to_string(), partition: partition.0, count })
    }

    /// Appends a record to a partition; false if nobody reads the topic.
    pub(super) fn append(
        &mut self,
        topic: &TopicName,
        partition: PartitionId,
        record: &RecordBytes<'_>,
    ) -> Result<bool, BatchError> {
        let topic = self.topics.get_mut(topic).filter(|topic| topic.is_read);
        match topic.and_then(|topic| topic.partitions.get_mut(partition.0 as usize)) {
            Some(partition) => partition.append(record).map(|()| true),
            None => Ok(false),
        }
    }

    /// Takes the batches of a partition that nobody took yet, and tells where it ends.
    pub(super) fn take(&mut self, from: &TopicPartition) -> Result<Taken, BatchError> {
        let topic = self.topics.get_mut(&from.topic);
        match topic.and_then(|topic| topic.partitions.get_mut(from.partition.0 as usize)) {
            Some(partition) => {
                partition.close()?;
                Ok(Taken { batches: std::mem::take(&mut partition.batches), end: End::At(partition.end) })
            }
            // Of topics that are not joined, one may have fewer partitions than there are tasks.
            None => Ok(Taken { batches: Vec::new(), end: End::Bounded(Offset::ZERO) }),
        }
    }

    /// The partitions of a topic.
    pub(super) fn partitions(&self, topic: &TopicName) -> Vec<TopicPartition> {
        let count = self.topics.get(topic).map_or(0, |topic| topic.partitions.len());
        (0..count as i32).map(|number| TopicPartition::new(topic.clone(), PartitionId(number))).collect()
    }
}

/// A record in bytes, on its way into a topic.
pub(super) struct RecordBytes<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) timestamp: Timestamp,
    pub(super) headers: &'a Headers,
}

/// What is new in a partition.
pub(super) struct Taken {
    pub(super) batches: Vec<Batch>,
    pub(super) end: End,
}

impl Partition {
    fn new() -> Self {
        Self { builder: BatchBuilder::new(Compression::None), batches: Vec::new(), end: Offset::ZERO }
    }

    fn append(&mut self, record: &RecordBytes<'_>) -> Result<(), BatchError> {
        let headers = record.headers.iter();
        let headers: Vec<_> = headers
            .map(|header| batch::Header { key: &header.key, value: header.value.as_deref() })
            .collect();
        if self.builder.size_with(record.key, record.value, &headers) > MAX_BATCH_BYTES {
            self.close()?;
        }
        self.builder.append(record.timestamp, record.key, record.value, &headers);
        self.end = self.end.next();
        Ok(())
    }

    /// Makes a batch of the records that have none yet.
    fn close(&mut self) -> Result<(), BatchError> {
        if !self.builder.is_empty() {
            let base_offset = Offset(self.end.0 - i64::from(self.builder.record_count()));
            let bytes = self.builder.build(&BatchMeta { base_offset, ..BatchMeta::default() });
            self.batches.push(Batch::parse(&bytes)?);
        }
        Ok(())
    }
}

const MAX_BATCH_BYTES: usize = 1 << 20;
