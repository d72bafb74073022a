//! Global tables: all partitions of a topic in every instance, shared by its tasks.
//!
//! Values are kept decoded, because they are read far more often than written; so a record that cannot be read shows
//! itself where it arrives, with its offset, and not in the middle of a join.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use headwater_model::{Offset, TopicName, TopicPartition};
use headwater_schema::{Part, Serde};
use headwater_wire::batch::Batch;

use crate::error::{Location, OnError, TaskError};
use crate::graph::GlobalId;

/// The global tables of one instance of a topology. Cloning shares them.
#[derive(Clone)]
pub struct GlobalStores {
    tables: Arc<[Arc<dyn GlobalTableStore>]>,
    on_error: OnError,
    max_uncompressed: usize,
}

/// One global table, its types erased.
pub(crate) trait GlobalTableStore: Send + Sync {
    fn topic(&self) -> &TopicName;
    /// Applies one record; false if it was dropped because it has no key.
    fn apply(&self, at: &Location, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<bool, TaskError>;
    fn len(&self) -> usize;
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// What became of the records of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Records that changed the table.
    pub records: u64,
    /// Records without a key, which no table has.
    pub null_keys: u64,
    /// Records that could not be read, and were skipped as the policy says.
    pub skipped: u64,
}

impl GlobalStores {
    pub(crate) fn new(
        tables: Arc<[Arc<dyn GlobalTableStore>]>,
        on_error: OnError,
        max_uncompressed: usize,
    ) -> Self {
        Self { tables, on_error, max_uncompressed }
    }

    /// The topics that must be read in full, all partitions of them.
    pub fn topics(&self) -> impl Iterator<Item = &TopicName> {
        self.tables.iter().map(|table| table.topic())
    }

    /// Applies the records of a batch from an offset on.
    pub fn apply(&self, from: &TopicPartition, batch: &Batch, first: Offset) -> Result<Applied, TaskError> {
        let mut applied = Applied::default();
        let Some(table) = self.tables.iter().find(|table| *table.topic() == from.topic) else {
            return Ok(applied);
        };
        if batch.is_control() {
            return Ok(applied);
        }
        let at = |offset| Location { topic_partition: from.clone(), offset };
        let unreadable = |source| TaskError::Batch { at: at(batch.base_offset()), source };
        let open = batch.open(self.max_uncompressed).map_err(unreadable)?;
        for record in open.records() {
            let record = record.map_err(unreadable)?;
            if record.offset < first {
                continue;
            }
            match (table.apply(&at(record.offset), record.key, record.value), self.on_error) {
                (Ok(true), _) => applied.records += 1,
                (Ok(false), _) => applied.null_keys += 1,
                (Err(_), OnError::Skip | OnError::DeadLetter) => applied.skipped += 1,
                (Err(error), OnError::Fail) => return Err(error),
            }
        }
        Ok(applied)
    }

    /// The typed store behind a global table.
    pub(crate) fn typed<K: 'static, V: Send + Sync + 'static>(
        &self,
        id: GlobalId,
    ) -> Option<Arc<GlobalStore<K, V>>> {
        self.tables.get(id.0).cloned()?.as_any().downcast().ok()
    }
}

impl fmt::Debug for GlobalStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.tables.iter().map(|table| (table.topic(), table.len()))).finish()
    }
}

/// The store of one global table.
pub(crate) struct GlobalStore<K, V> {
    topic: TopicName,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    entries: RwLock<BTreeMap<Vec<u8>, V>>,
}

impl<K: 'static, V: Send + Sync + 'static> GlobalStore<K, V> {
    pub(crate) fn new(topic: TopicName, keys: Arc<dyn Serde<K>>, values: Arc<dyn Serde<V>>) -> Self {
        Self { topic, keys, values, entries: RwLock::new(BTreeMap::new()) }
    }

    pub(crate) fn keys(&self) -> &dyn Serde<K> {
        self.keys.as_ref()
    }

    /// Shows `read` the value under a key's bytes. The table does not change meanwhile.
    pub(crate) fn with<R>(&self, key: &[u8], read: impl FnOnce(Option<&V>) -> R) -> R {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        read(entries.get(key))
    }
}

impl<K: 'static, V: Send + Sync + 'static> GlobalTableStore for GlobalStore<K, V> {
    fn topic(&self) -> &TopicName {
        &self.topic
    }

    fn apply(&self, at: &Location, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<bool, TaskError> {
        let unreadable = |part| move |source| TaskError::Unreadable { at: at.clone(), part, source };
        let Some(key) = key else {
            return Ok(false);
        };
        // Written again: a key that was written otherwise (a space in JSON) is still found.
        let key = self.keys.deserialize(key).map_err(unreadable(Part::Key))?;
        let mut canonical = Vec::new();
        if !self.keys.serialize_nullable(&key, &mut canonical).map_err(unreadable(Part::Key))? {
            return Ok(false);
        }
        let value =
            value.map(|value| self.values.deserialize(value)).transpose().map_err(unreadable(Part::Value))?;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => drop(entries.insert(canonical, value)),
            None => drop(entries.remove(&canonical)),
        }
        Ok(true)
    }

    fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
