//! The partitions of one topic, and which of them a record goes to.

use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, TopicName, TopicPartition, Uuid};

use super::partition::Partition;
use crate::cluster::ClusterView;
use crate::producer::error::SendFailure;
use crate::producer::partitioner::partition_for_key;
use crate::producer::record::ProducerRecord;
use crate::retry::MISSING_TOPIC_GRACE;

/// For how long it counts that a topic cannot be used, and that somebody wanted to.
const STALE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Topic<T> {
    pub(super) name: TopicName,
    pub(super) id: Uuid,
    /// Empty until the cluster has told.
    pub(super) partitions: Vec<Partition<T>>,
    /// When the cluster was last asked.
    pub(super) refreshed: Option<Monotonic>,
    /// Since when the cluster says that there is no such topic.
    missing_since: Option<Monotonic>,
    /// When a record for it was last held up.
    wanted: Option<Monotonic>,
    error: Option<ErrorCode>,
    /// Where records without a key go until that partition's batch is full or sent.
    sticky: usize,
}

impl<T> Topic<T> {
    pub(super) fn new(name: TopicName) -> Self {
        Self {
            name,
            id: Uuid::ZERO,
            partitions: Vec::new(),
            refreshed: None,
            missing_since: None,
            wanted: None,
            error: None,
            sticky: 0,
        }
    }

    /// Takes over what the cluster says.
    pub(super) fn update(&mut self, view: &ClusterView, now: Monotonic) {
        let Some(topic) = view.topic(&self.name) else {
            return;
        };
        self.refreshed = Some(topic.refreshed);
        self.error = topic.error;
        match topic.error {
            Some(ErrorCode::UnknownTopicOrPartition) => {
                self.missing_since.get_or_insert(now);
            }
            Some(_) => {}
            None => {
                self.missing_since = None;
                self.id = topic.id;
            }
        }
        if let Some((last, _)) = topic.partitions.last_key_value() {
            let count = usize::try_from(last.0 + 1).unwrap_or(0).max(self.partitions.len());
            self.partitions.resize_with(count, Partition::default);
        }
        for (partition, index) in self.partitions.iter_mut().zip(0..) {
            partition.leader = view.leader(&TopicPartition::new(self.name.clone(), PartitionId(index)));
        }
    }

    /// True if the cluster has to be asked (again).
    pub(super) fn needs_metadata(&self, now: Monotonic, max_age: Duration) -> bool {
        let is_old = self.refreshed.is_some_and(|refreshed| refreshed + max_age <= now);
        let is_wanted = self.wanted.is_some_and(|wanted| wanted + STALE > now);
        let is_unclear = self.refreshed.is_none() || self.error.is_some();
        let leaderless = |partition: &Partition<T>| partition.leader.is_none() && !partition.is_empty();
        is_old || (is_unclear && is_wanted) || self.partitions.iter().any(leaderless)
    }

    /// Whether records can be taken, and if not, whether that may change.
    pub(super) fn check(&mut self, now: impl Fn() -> Monotonic) -> Result<(), Option<SendFailure>> {
        if !self.partitions.is_empty() && self.missing_since.is_none() {
            return Ok(());
        }
        let now = now();
        self.wanted = Some(now);
        let is_stale = self.refreshed.is_none_or(|refreshed| refreshed + STALE <= now);
        match (self.error, self.missing_since) {
            // What was said long ago counts no more.
            (_, Some(_)) if is_stale => {
                self.missing_since = None;
                Err(None)
            }
            (_, Some(since)) if since + MISSING_TOPIC_GRACE <= now => {
                Err(Some(SendFailure::NoSuchTopic(self.name.clone())))
            }
            (Some(error), None) if !error.is_retriable() && !is_stale => {
                Err(Some(SendFailure::Topic { topic: self.name.clone(), error }))
            }
            _ => Err(None),
        }
    }

    /// The partition of a record. `fits` tells whether one more record goes into a partition's open batch.
    pub(super) fn choose(
        &mut self,
        record: &ProducerRecord<'_>,
        entropy: &mut Entropy,
        fits: impl Fn(&Partition<T>) -> bool,
    ) -> Result<usize, SendFailure> {
        let count = self.partitions.len();
        if let Some(partition) = record.partition {
            let index = usize::try_from(partition.0).ok().filter(|index| *index < count);
            return index.ok_or_else(|| SendFailure::NoSuchPartition {
                topic: self.name.clone(),
                partition: partition.0,
                partitions: count,
            });
        }
        if let Some(key) = record.key {
            return Ok(partition_for_key(key, count).0 as usize);
        }
        let stays = self.partitions.get(self.sticky).is_some_and(fits);
        if !stays {
            if let Some(full) = self.partitions.get_mut(self.sticky) {
                full.seal();
            }
            self.sticky = self.another(entropy);
        }
        Ok(self.sticky)
    }

    /// A partition with a leader, not the one just used if there are others.
    fn another(&self, entropy: &mut Entropy) -> usize {
        let led = |(index, partition): (usize, &Partition<T>)| partition.leader.map(|_| index);
        let others =
            || self.partitions.iter().enumerate().filter_map(led).filter(|index| *index != self.sticky);
        let count = others().count();
        let chosen = entropy.below(count as u64) as usize;
        others().nth(chosen).unwrap_or(self.sticky.min(self.partitions.len().saturating_sub(1)))
    }
}
