//! The typed view of a store with one value per key and window.
//!
//! ```text
//! key:   0 start of the window i64, most significant byte first, sign bit flipped | 8 the key's bytes
//! value: as in `timed`
//! ```
//!
//! The start comes first, so that windows that are closed for good are the first range of the store, found without an
//! index; a key within a window is one point read all the same.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::timed::{read_timed, write_timed};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;
use crate::window::Window;

/// The size of a window's start in front of a key.
const START_SIZE: usize = 8;

/// How one operator sees one window store.
pub(crate) struct WindowView<K, V> {
    store: StoreId,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    key: Vec<u8>,
    value: Vec<u8>,
    /// No window in the store starts before this.
    oldest_start: Timestamp,
}

impl<K: 'static, V: 'static> WindowView<K, V> {
    pub(crate) fn new(store: StoreId, keys: Arc<dyn Serde<K>>, values: Arc<dyn Serde<V>>) -> Self {
        Self { store, keys, values, key: Vec::new(), value: Vec::new(), oldest_start: Timestamp(i64::MIN) }
    }

    /// The value of a key in a window, and its time.
    pub(crate) fn get(
        &mut self,
        key: &K,
        window: Window,
        context: &Context,
    ) -> Result<Option<(Timestamp, V)>, NodeError> {
        self.write_key(key, window, context)?;
        let Some(stored) = context.store(self.store).get(&self.key)? else {
            return Ok(None);
        };
        read_timed(&stored, self.values.as_ref()).map(Some).map_err(|error| context.stored(self.store, error))
    }

    /// Sets the value of a key in a window.
    pub(crate) fn put(
        &mut self,
        key: &K,
        window: Window,
        value: &V,
        timestamp: Timestamp,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(key, window, context)?;
        write_timed(&mut self.value, timestamp, value, self.values.as_ref())
            .map_err(|error| context.unstorable(self.store, error))?;
        self.oldest_start = self.oldest_start.min(window.start);
        context.put(self.store, &self.key, &self.value)
    }

    /// Removes the first entry, in the order of windows and then of the keys' bytes, if its window starts at or before
    /// `latest`; gives what was stored.
    pub(crate) fn take_first(
        &mut self,
        latest: Timestamp,
        context: &mut Context,
    ) -> Result<Option<Entry>, NodeError> {
        if latest < self.oldest_start {
            return Ok(None);
        }
        let first = context.store(self.store).range((Bound::Unbounded, Bound::Unbounded)).next();
        let Some((key, value)) = first.transpose()? else {
            self.oldest_start = Timestamp(i64::MAX);
            return Ok(None);
        };
        match split_start(&key) {
            Some((start, _)) if start > latest => {
                self.oldest_start = start;
                Ok(None)
            }
            _ => {
                context.delete(self.store, &key)?;
                Ok(Some(Entry { key, value }))
            }
        }
    }

    /// Reads an entry: the start of the window, the key, the value and its time.
    pub(crate) fn read(
        &self,
        entry: &Entry,
        context: &Context,
    ) -> Result<(Timestamp, K, Timestamp, V), NodeError> {
        let read = || {
            let (start, key) = read_windowed_key(&entry.key, self.keys.as_ref())?;
            let (timestamp, value) = read_timed(&entry.value, self.values.as_ref())?;
            Ok((start, key, timestamp, value))
        };
        read().map_err(|error| context.stored(self.store, error))
    }

    fn write_key(&mut self, key: &K, window: Window, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.key.extend_from_slice(&sortable(window.start));
        self.keys.serialize(key, &mut self.key).map_err(|error| context.unstorable(self.store, error))
    }
}

/// An entry as it is stored.
pub(crate) struct Entry {
    key: Bytes,
    value: Bytes,
}

/// Reads a key of the store: the start of the window, and the key.
pub(crate) fn read_windowed_key<K: 'static>(
    bytes: &[u8],
    keys: &dyn Serde<K>,
) -> Result<(Timestamp, K), SerdeError> {
    let (start, key) = split_start(bytes)
        .ok_or_else(|| SerdeError::malformed::<K>("the window in front of it is cut off", bytes, None))?;
    Ok((start, keys.deserialize(key)?))
}

fn split_start(key: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (start, key) = key.split_first_chunk::<START_SIZE>()?;
    Some((from_sortable(*start), key))
}

/// The time that sorts so.
pub(super) fn from_sortable(bytes: [u8; START_SIZE]) -> Timestamp {
    Timestamp((u64::from_be_bytes(bytes) ^ SIGN_BIT) as i64)
}

/// Bytes that sort as the times do, negative ones included.
pub(crate) fn sortable(time: Timestamp) -> [u8; START_SIZE] {
    (time.0 as u64 ^ SIGN_BIT).to_be_bytes()
}

const SIGN_BIT: u64 = 1 << 63;
