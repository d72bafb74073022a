//! The running topics, by name and by id.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_model::{ErrorCode, PartitionId, TopicName, Uuid};

use super::creation::NameIndex;
use crate::metadata::TopicState;
use crate::partition::Partition;

/// A topic with its partitions.
#[derive(Debug)]
pub struct Topic {
    pub(crate) state: TopicState,
    /// By number. `None` where the log could not be opened: the partition is offline until the broker starts again.
    pub(crate) partitions: Vec<Option<Arc<Partition>>>,
}

impl Topic {
    /// The topic's name.
    pub fn name(&self) -> &TopicName {
        &self.state.name
    }

    /// The topic's id.
    pub fn id(&self) -> Uuid {
        self.state.topic_id
    }

    /// The partition of that number, if there is one and it is online.
    pub fn partition(&self, id: PartitionId) -> Option<&Arc<Partition>> {
        self.slot(id)?.as_ref()
    }

    /// All partitions that are online, in order.
    pub fn online(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.iter().flatten()
    }

    /// The place of a partition: `None` if there is none of that number, `Some(None)` if it is offline.
    pub(crate) fn slot(&self, id: PartitionId) -> Option<&Option<Arc<Partition>>> {
        self.partitions.get(usize::try_from(id.0).ok()?)
    }

    /// A partition that serves, or why there is none, as clients are told.
    pub(crate) fn serving(&self, id: PartitionId) -> Result<&Arc<Partition>, ErrorCode> {
        let slot = self.slot(id).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        slot.as_ref().ok_or(ErrorCode::KafkaStorageError)
    }
}

/// All topics.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    by_name: BTreeMap<TopicName, Arc<Topic>>,
    by_id: BTreeMap<Uuid, Arc<Topic>>,
    /// Being made or removed, with their numbers of partitions.
    busy: BTreeMap<TopicName, usize>,
    /// Of both.
    names: NameIndex,
    partitions: usize,
    /// Grows with every change of a topic.
    version: u64,
}

impl Registry {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name)
    }

    pub(crate) fn get_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    /// All topics, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }

    /// Names that cannot be taken.
    pub(crate) fn names(&self) -> &NameIndex {
        &self.names
    }

    /// Tells the topics of one moment from those of another.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Partitions of all topics, those being made included.
    pub(crate) fn partition_count(&self) -> usize {
        self.partitions + self.busy.values().sum::<usize>()
    }

    /// Keeps a name from being taken until [`Registry::release`] or [`Registry::insert`].
    pub(crate) fn reserve(&mut self, name: TopicName, partitions: usize) {
        self.names.take(name.clone());
        self.busy.insert(name, partitions);
    }

    pub(crate) fn release(&mut self, name: &TopicName) {
        self.busy.remove(name);
        // A topic that only grew keeps its own.
        if !self.by_name.contains_key(name) {
            self.names.free(name);
        }
    }

    pub(crate) fn insert(&mut self, topic: Arc<Topic>) {
        self.version += 1;
        self.busy.remove(topic.name());
        self.names.take(topic.name().clone());
        self.partitions += topic.partitions.len();
        self.by_id.insert(topic.id(), topic.clone());
        self.by_name.insert(topic.name().clone(), topic);
    }

    /// Puts a changed topic in the place of the one of its name.
    pub(crate) fn replace(&mut self, topic: Arc<Topic>) {
        if let Some(before) = self.by_name.get(topic.name()) {
            self.partitions -= before.partitions.len();
        }
        self.insert(topic);
    }

    /// Takes a topic out and keeps its name busy.
    pub(crate) fn begin_removal(&mut self, name: &TopicName) -> Option<Arc<Topic>> {
        let topic = self.by_name.remove(name)?;
        self.version += 1;
        self.by_id.remove(&topic.id());
        self.partitions -= topic.partitions.len();
        self.busy.insert(name.clone(), 0);
        Some(topic)
    }
}
