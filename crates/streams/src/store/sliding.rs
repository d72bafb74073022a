//! The typed view of a store with one value per key and sliding window, in the layout of `time_indexed`; a position is
//! the window's start.
//!
//! Windows are found as long as their start is less than the retention behind the newest start of all windows of the
//! store, as in Kafka: a record that comes late needs its neighbours' windows, closed ones included.

use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::time_indexed::{Place, TimeIndexed, highest, lowest, time_of};
use super::timed::{read_timed, write_timed};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;

/// How one operator sees one store of sliding windows.
pub(crate) struct SlidingView<K, V> {
    entries: TimeIndexed<8>,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// A window that was found: its aggregate, and the latest time of its records.
#[derive(Debug, Clone)]
pub(crate) struct Found<V> {
    pub(crate) start: Timestamp,
    pub(crate) latest: Timestamp,
    pub(crate) aggregate: V,
}

impl<K: 'static, V: 'static> SlidingView<K, V> {
    pub(crate) fn new(store: StoreId, keys: Arc<dyn Serde<K>>, values: Arc<dyn Serde<V>>) -> Self {
        Self { entries: TimeIndexed::new(store), keys, values, key: Vec::new(), value: Vec::new() }
    }

    /// The newest start of all windows that were put.
    pub(crate) fn newest_start(&mut self, context: &Context) -> Result<Timestamp, NodeError> {
        Ok(self.entries.newest(context)?)
    }

    /// Adds to `found` the windows of a key that start between two times, both included, in order.
    pub(crate) fn find(
        &mut self,
        key: &K,
        (from, to): (Timestamp, Timestamp),
        found: &mut Vec<Found<V>>,
        context: &Context,
    ) -> Result<(), NodeError> {
        if from > to {
            return Ok(());
        }
        self.write_key(key, context)?;
        let store = self.entries.store();
        for entry in self.entries.of_key(&self.key, (lowest(from), highest(to)), context) {
            let (position, stored) = entry?;
            let (latest, aggregate) =
                read_timed(&stored, self.values.as_ref()).map_err(|error| context.stored(store, error))?;
            found.push(Found { start: time_of(position), latest, aggregate });
        }
        Ok(())
    }

    /// Sets the aggregate of a window, and the latest time of its records.
    pub(crate) fn put(
        &mut self,
        key: &K,
        window: &Found<V>,
        is_new: bool,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(key, context)?;
        write_timed(&mut self.value, window.latest, &window.aggregate, self.values.as_ref())
            .map_err(|error| context.unstorable(self.entries.store(), error))?;
        let position = lowest(window.start);
        if is_new {
            self.entries.insert(&self.key, position, &self.value, context)
        } else {
            self.entries.replace(&self.key, position, &self.value, context)
        }
    }

    /// Removes the windows that start before that time.
    pub(crate) fn expire(&mut self, before: Timestamp, context: &mut Context) -> Result<(), NodeError> {
        while let Some(place) = self.entries.first_before(before, context)? {
            self.entries.remove(&place.key, place.position, context)?;
        }
        Ok(())
    }

    /// The windows that start from one time (included) to another (excluded), in the order of their starts and of the
    /// keys' bytes.
    pub(crate) fn between(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        context: &Context,
    ) -> Result<Vec<(K, Found<V>)>, NodeError> {
        let store = self.entries.store();
        let mut windows = Vec::new();
        for place in self.entries.between(from, to, context)? {
            let stored = self.entries.get(&place.key, place.position, context)?.unwrap_or_default();
            let read = || {
                let (start, key) = read_sliding_key(&place, self.keys.as_ref())?;
                let (latest, aggregate) = read_timed(&stored, self.values.as_ref())?;
                Ok((key, Found { start, latest, aggregate }))
            };
            windows.push(read().map_err(|error| context.stored(store, error))?);
        }
        Ok(windows)
    }

    /// Up to which time results were handed on.
    pub(crate) fn emitted_until(&mut self, context: &Context) -> Result<Option<Timestamp>, NodeError> {
        Ok(self.entries.mark(context)?)
    }

    pub(crate) fn set_emitted_until(
        &mut self,
        time: Timestamp,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.entries.set_mark(time, context)
    }

    fn write_key(&mut self, key: &K, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.keys
            .serialize(key, &mut self.key)
            .map_err(|error| context.unstorable(self.entries.store(), error))
    }
}

/// The start and key of a place.
pub(crate) fn read_sliding_key<K: 'static>(
    place: &Place<8>,
    keys: &dyn Serde<K>,
) -> Result<(Timestamp, K), SerdeError> {
    Ok((time_of(place.position), keys.deserialize(&place.key)?))
}
