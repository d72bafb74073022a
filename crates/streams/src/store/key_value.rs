//! The typed view of a store with one value per key.
//!
//! A stored value is the event's time (i64, most significant byte first) and then the value's bytes, so that a result
//! can carry the latest time of what it was made of. The changelog gets them apart.

use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_schema::Serde;

use super::EntryReader;
use super::timed::{read_timed, write_timed};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;

/// How one operator sees one key-value store.
pub(crate) struct KeyValueView<K, V> {
    store: StoreId,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<K: 'static, V: 'static> KeyValueView<K, V> {
    pub(crate) fn new(store: StoreId, keys: Arc<dyn Serde<K>>, values: Arc<dyn Serde<V>>) -> Self {
        Self { store, keys, values, key: Vec::new(), value: Vec::new() }
    }

    /// Makes views of a store, one for each task.
    pub(crate) fn factory(
        store: StoreId,
        keys: &Arc<dyn Serde<K>>,
        values: &Arc<dyn Serde<V>>,
    ) -> impl Fn() -> Self + Clone + Send + Sync + use<K, V> {
        let (keys, values) = (Arc::clone(keys), Arc::clone(values));
        move || Self::new(store, Arc::clone(&keys), Arc::clone(&values))
    }

    /// True if the key is one that stands for null, which no table has.
    pub(crate) fn is_null(&self, key: &K) -> bool {
        self.keys.is_null(key)
    }

    /// The value of a key and its time.
    pub(crate) fn get(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, V)>, NodeError> {
        self.write_key(key, context)?;
        let Some(stored) = context.store(self.store).get(&self.key)? else {
            return Ok(None);
        };
        read_timed(&stored, self.values.as_ref()).map(Some).map_err(|error| context.stored(self.store, error))
    }

    /// Sets the value of a key.
    pub(crate) fn put(
        &mut self,
        key: &K,
        value: &V,
        timestamp: Timestamp,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(key, context)?;
        write_timed(&mut self.value, timestamp, value, self.values.as_ref())
            .map_err(|error| context.unstorable(self.store, error))?;
        context.put(self.store, &self.key, &self.value)
    }

    /// Removes a key.
    pub(crate) fn delete(&mut self, key: &K, context: &mut Context) -> Result<(), NodeError> {
        self.write_key(key, context)?;
        context.delete(self.store, &self.key)
    }

    fn write_key(&mut self, key: &K, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.keys.serialize(key, &mut self.key).map_err(|error| context.unstorable(self.store, error))
    }
}

/// Reads the topic of a table: keys are written again, because what wrote them may write otherwise (a space in JSON).
pub(crate) fn entry_reader<K: 'static, V: 'static>(
    keys: &Arc<dyn Serde<K>>,
    values: &Arc<dyn Serde<V>>,
) -> EntryReader {
    let (keys, values) = (Arc::clone(keys), Arc::clone(values));
    Arc::new(move |key, value, timestamp| {
        if timestamp < Timestamp(0) {
            return None;
        }
        let key = keys.deserialize(key).ok()?;
        if keys.is_null(&key) {
            return None;
        }
        let (mut key_bytes, mut stored) = (Vec::new(), Vec::new());
        keys.serialize(&key, &mut key_bytes).ok()?;
        let Some(value) = value else {
            return Some((key_bytes, None));
        };
        let value = values.deserialize(value).ok()?;
        write_timed(&mut stored, timestamp, &value, values.as_ref()).ok()?;
        Some((key_bytes, Some(stored)))
    })
}

/// How operators look a table's values up: in its store, or computed from what others look up.
pub(crate) trait Lookup<K, V>: Send {
    /// The value of a key and its time.
    fn look_up(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, V)>, NodeError>;
}

impl<K: 'static, V: 'static> Lookup<K, V> for KeyValueView<K, V> {
    fn look_up(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, V)>, NodeError> {
        self.get(key, context)
    }
}
