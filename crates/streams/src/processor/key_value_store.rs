//! A processor's store with one value per key.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::error::of_task;
use super::{ProcessingContext, ProcessorError};
use crate::graph::StoreId;
use crate::node::NodeError;
use crate::store::timed::{read_timed, write_timed};
use crate::store::{ENTRY, Expiring, StoreError};

/// A store with one value per key, as a processor uses it; declared by
/// [`TopologyBuilder::key_value_store`](crate::TopologyBuilder::key_value_store).
///
/// Each value has a time, which is that of what the processor was called for, unless it says otherwise. Keys and values
/// that their serdes write as null cannot be stored.
pub struct KeyValueStore<K, V> {
    store: StoreId,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    /// Where entries do not live for ever.
    expiring: Option<Expiring>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<K: 'static, V: 'static> KeyValueStore<K, V> {
    pub(crate) fn new(
        store: StoreId,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<V>>,
        ttl_ms: Option<i64>,
    ) -> Self {
        let expiring = ttl_ms.map(|ttl_ms| Expiring::new(store, ttl_ms));
        Self { store, keys, values, expiring, key: Vec::new(), value: Vec::new() }
    }

    /// The value of a key.
    pub fn get(&mut self, key: &K, context: &ProcessingContext<'_>) -> Result<Option<V>, ProcessorError> {
        Ok(self.get_timed(key, context)?.map(|(_, value)| value))
    }

    /// The value of a key, and its time.
    pub fn get_timed(
        &mut self,
        key: &K,
        context: &ProcessingContext<'_>,
    ) -> Result<Option<(Timestamp, V)>, ProcessorError> {
        self.write_key(key, context)?;
        let stored = context.context.store(self.store).get(&self.key).map_err(store_failed)?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let read = read_timed(&stored, self.values.as_ref());
        let (time, value) = read.map_err(|error| self.unreadable(error, context))?;
        Ok((!self.is_over(time, context)).then_some((time, value)))
    }

    /// Sets the value of a key.
    pub fn put(
        &mut self,
        key: &K,
        value: &V,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessorError> {
        self.put_at(key, value, context.timestamp(), context)
    }

    /// Sets the value of a key, with a time of its own. Where entries do not live for ever, one of a time that is over
    /// already removes the key.
    pub fn put_at(
        &mut self,
        key: &K,
        value: &V,
        time: Timestamp,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessorError> {
        self.write_key(key, context)?;
        write_timed(&mut self.value, time, value, self.values.as_ref())
            .map_err(|error| self.unstorable(error, context))?;
        let written = match &mut self.expiring {
            Some(expiring) => expiring.put(&self.key, &self.value, context.context),
            None => context.context.put(self.store, &self.key, &self.value),
        };
        context.written(written)
    }

    /// Removes a key, which need not be there.
    pub fn delete(&mut self, key: &K, context: &mut ProcessingContext<'_>) -> Result<(), ProcessorError> {
        self.write_key(key, context)?;
        let written = match &mut self.expiring {
            Some(expiring) => expiring.delete(&self.key, context.context),
            None => context.context.delete(self.store, &self.key),
        };
        context.written(written)
    }

    /// The entries whose keys lie in the range, in the order of the keys' *bytes*: that of the keys themselves for text,
    /// not so for negative numbers and JSON.
    ///
    /// Nothing can be written while entries are read; collect what is to be changed.
    pub fn range<'a, R: RangeBounds<K>>(
        &'a mut self,
        range: R,
        context: &'a ProcessingContext<'a>,
    ) -> Result<impl Iterator<Item = Result<(K, V), ProcessorError>> + use<'a, K, V, R>, ProcessorError> {
        let from = self.bound(range.start_bound(), context)?;
        let to = self.bound(range.end_bound(), context)?;
        let from = match (&from, &self.expiring) {
            (Bound::Unbounded, Some(_)) => Bound::Included([ENTRY].as_slice()),
            _ => from.as_ref().map(Vec::as_slice),
        };
        let to = match (&to, &self.expiring) {
            (Bound::Unbounded, Some(_)) => Bound::Excluded([ENTRY + 1].as_slice()),
            _ => to.as_ref().map(Vec::as_slice),
        };
        let entries = context.context.store(self.store).range((from, to));
        Ok(entries.filter_map(move |entry| self.read(entry, context)))
    }

    /// The entries whose keys' bytes begin with these bytes, in the order of the keys' bytes. As for
    /// [`range`](Self::range), nothing can be written meanwhile.
    pub fn prefix<'a>(
        &'a mut self,
        prefix: &[u8],
        context: &'a ProcessingContext<'a>,
    ) -> impl Iterator<Item = Result<(K, V), ProcessorError>> + use<'a, K, V> {
        self.key.clear();
        self.key.extend(self.expiring.as_ref().map(|_| ENTRY));
        self.key.extend_from_slice(prefix);
        let entries = context.context.store(self.store).prefix(&self.key);
        entries.filter_map(move |entry| self.read(entry, context))
    }

    /// An entry, unless it is over.
    fn read(
        &self,
        entry: Result<(Bytes, Bytes), StoreError>,
        context: &ProcessingContext<'_>,
    ) -> Option<Result<(K, V), ProcessorError>> {
        let (key, value) = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(store_failed(error))),
        };
        let key = if self.expiring.is_some() { key.get(1..).unwrap_or_default() } else { &key };
        let read = || Ok((self.keys.deserialize(key)?, read_timed(&value, self.values.as_ref())?));
        match read() {
            Ok((_, (time, _))) if self.is_over(time, context) => None,
            Ok((key, (_, value))) => Some(Ok((key, value))),
            Err(error) => Some(Err(self.unreadable(error, context))),
        }
    }

    fn is_over(&self, time: Timestamp, context: &ProcessingContext<'_>) -> bool {
        self.expiring.as_ref().is_some_and(|expiring| expiring.is_over(time, context.context))
    }

    fn write_key(&mut self, key: &K, context: &ProcessingContext<'_>) -> Result<(), ProcessorError> {
        self.key.clear();
        self.key.extend(self.expiring.as_ref().map(|_| ENTRY));
        write_key(&mut self.key, key, self.keys.as_ref()).map_err(|error| self.unstorable(error, context))
    }

    fn bound(
        &self,
        bound: Bound<&K>,
        context: &ProcessingContext<'_>,
    ) -> Result<Bound<Vec<u8>>, ProcessorError> {
        let write = |key: &K| {
            let mut bytes: Vec<_> = self.expiring.as_ref().map(|_| ENTRY).into_iter().collect();
            write_key(&mut bytes, key, self.keys.as_ref())
                .map_err(|error| self.unstorable(error, context))?;
            Ok::<_, ProcessorError>(bytes)
        };
        Ok(match bound {
            Bound::Included(key) => Bound::Included(write(key)?),
            Bound::Excluded(key) => Bound::Excluded(write(key)?),
            Bound::Unbounded => Bound::Unbounded,
        })
    }

    fn unreadable(&self, error: SerdeError, context: &ProcessingContext<'_>) -> ProcessorError {
        of_task(context.context.stored(self.store, error))
    }

    fn unstorable(&self, error: SerdeError, context: &ProcessingContext<'_>) -> ProcessorError {
        of_task(context.context.unstorable(self.store, error))
    }
}

/// Appends a key, which must not be null.
pub(super) fn write_key<K: 'static>(
    out: &mut Vec<u8>,
    key: &K,
    serde: &dyn Serde<K>,
) -> Result<(), SerdeError> {
    if serde.serialize_nullable(key, out)? { Ok(()) } else { Err(SerdeError::unwritable::<K>(NO_NULL)) }
}

const NO_NULL: &str = "no entry of a store has a null key; leave such records out before";

pub(super) fn store_failed(error: StoreError) -> ProcessorError {
    of_task(NodeError::from(error))
}

impl<K, V> fmt::Debug for KeyValueStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValueStore").field("store", &self.store).finish_non_exhaustive()
    }
}
