//! A processor's store with one value per key and time.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::error::of_task;
use super::key_value_store::{store_failed, write_key};
use super::{ProcessingContext, ProcessorError};
use crate::node::NodeError;
use crate::store::is_over;
use crate::store::time_indexed::{Place, TimeIndexed, highest, lowest, time_of};
use crate::store::timed::{read_timed, write_timed};

/// A store with one value per key and time, as a processor uses it; declared by
/// [`TopologyBuilder::window_store`](crate::TopologyBuilder::window_store). As a rule the times are the starts of windows.
///
/// An entry is gone once stream time has reached its time and the retention. Keys and values that their serdes write as
/// null cannot be stored.
pub struct WindowStore<K, V> {
    entries: TimeIndexed<8>,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    retention_ms: i64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<K: 'static, V: 'static> WindowStore<K, V> {
    pub(crate) fn new(
        entries: TimeIndexed<8>,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<V>>,
        retention_ms: i64,
    ) -> Self {
        Self { entries, keys, values, retention_ms, key: Vec::new(), value: Vec::new() }
    }

    /// The value of a key and time.
    pub fn get(
        &mut self,
        key: &K,
        time: Timestamp,
        context: &ProcessingContext<'_>,
    ) -> Result<Option<V>, ProcessorError> {
        self.write_key(key, context)?;
        if is_over(time, self.retention_ms, context.stream_time()) {
            return Ok(None);
        }
        let stored = self.entries.get(&self.key, lowest(time), context.context).map_err(store_failed)?;
        let read = stored.map(|stored| read_timed(&stored, self.values.as_ref())).transpose();
        Ok(read.map_err(|error| self.unreadable(error, context))?.map(|(_, value)| value))
    }

    /// Sets the value of a key and time. What is over already is counted as late under the processor's name, and not kept.
    pub fn put(
        &mut self,
        key: &K,
        time: Timestamp,
        value: &V,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessorError> {
        self.write_key(key, context)?;
        let timestamp = context.timestamp();
        write_timed(&mut self.value, timestamp, value, self.values.as_ref())
            .map_err(|error| of_task(context.context.unstorable(self.entries.store(), error)))?;
        if is_over(time, self.retention_ms, context.stream_time()) {
            context.drop_late();
            return Ok(());
        }
        let written = self.store(time, context);
        context.written(written)
    }

    /// Removes the value of a key and time, which need not be there.
    pub fn delete(
        &mut self,
        key: &K,
        time: Timestamp,
        context: &mut ProcessingContext<'_>,
    ) -> Result<(), ProcessorError> {
        self.write_key(key, context)?;
        let position = lowest(time);
        let stored = self.entries.get(&self.key, position, context.context).map_err(store_failed)?;
        if stored.is_none() {
            return Ok(());
        }
        let written = self.entries.remove(&self.key, position, context.context);
        context.written(written)
    }

    /// The values of a key whose times lie in the range, in the order of time.
    ///
    /// Nothing can be written while entries are read; collect what is to be changed.
    pub fn fetch<'a, R: RangeBounds<Timestamp>>(
        &'a mut self,
        key: &K,
        range: R,
        context: &'a ProcessingContext<'a>,
    ) -> Result<impl Iterator<Item = Result<(Timestamp, V), ProcessorError>> + use<'a, K, V, R>, ProcessorError>
    where
        V: 'a,
    {
        self.write_key(key, context)?;
        let Self { entries, values, key, .. } = self;
        let places = within(&range, self.retention_ms, context);
        let places = places.map(|(from, to)| (lowest(from), highest(to)));
        let store = entries.store();
        let found = places.map(|places| entries.of_key(key, places, context.context));
        Ok(found.into_iter().flatten().map(move |entry| {
            let (position, stored) = entry.map_err(store_failed)?;
            let read = read_timed(&stored, values.as_ref());
            let (_, value) = read.map_err(|error| of_task(context.context.stored(store, error)))?;
            Ok((time_of(position), value))
        }))
    }

    /// The entries of all keys whose times lie in the range, in the order of time, then of the keys' bytes. As for
    /// [`fetch`](Self::fetch), nothing can be written meanwhile.
    pub fn fetch_all<'a, R: RangeBounds<Timestamp>>(
        &'a mut self,
        range: R,
        context: &'a ProcessingContext<'a>,
    ) -> Result<
        impl Iterator<Item = Result<(Timestamp, K, V), ProcessorError>> + use<'a, K, V, R>,
        ProcessorError,
    > {
        let places = match within(&range, self.retention_ms, context) {
            Some((from, to)) => {
                self.entries.between(from, to.plus_ms(1), context.context).map_err(store_failed)?
            }
            None => Vec::new(),
        };
        Ok(places.into_iter().filter_map(move |place| self.read(&place, context).transpose()))
    }

    fn read(
        &mut self,
        place: &Place<8>,
        context: &ProcessingContext<'_>,
    ) -> Result<Option<(Timestamp, K, V)>, ProcessorError> {
        let stored = self.entries.get(&place.key, place.position, context.context).map_err(store_failed)?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let read = || {
            let (_, value) = read_timed(&stored, self.values.as_ref())?;
            Ok((time_of(place.position), self.keys.deserialize(&place.key)?, value))
        };
        read().map(Some).map_err(|error| self.unreadable(error, context))
    }

    /// Removes what is over, and stores the value that was written.
    fn store(&mut self, time: Timestamp, context: &mut ProcessingContext<'_>) -> Result<(), NodeError> {
        let context = &mut *context.context;
        let first = first_of(self.retention_ms, context.stream_time());
        while let Some(place) = self.entries.first_before(first, context)? {
            self.entries.remove(&place.key, place.position, context)?;
        }
        let position = lowest(time);
        if self.entries.get(&self.key, position, context)?.is_some() {
            self.entries.replace(&self.key, position, &self.value, context)
        } else {
            self.entries.insert(&self.key, position, &self.value, context)
        }
    }

    fn write_key(&mut self, key: &K, context: &ProcessingContext<'_>) -> Result<(), ProcessorError> {
        self.key.clear();
        write_key(&mut self.key, key, self.keys.as_ref())
            .map_err(|error| of_task(context.context.unstorable(self.entries.store(), error)))
    }

    fn unreadable(&self, error: SerdeError, context: &ProcessingContext<'_>) -> ProcessorError {
        of_task(context.context.stored(self.entries.store(), error))
    }
}

/// The first and the last time of a range, of those that are not over; `None` if there are none.
fn within(
    range: &impl RangeBounds<Timestamp>,
    retention_ms: i64,
    context: &ProcessingContext<'_>,
) -> Option<(Timestamp, Timestamp)> {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.plus_ms(1),
        Bound::Unbounded => Timestamp(i64::MIN),
    };
    let to = match range.end_bound() {
        Bound::Included(to) => *to,
        Bound::Excluded(behind) => behind.plus_ms(-1),
        Bound::Unbounded => Timestamp(i64::MAX),
    };
    let from = from.max(first_of(retention_ms, context.stream_time()));
    (from <= to).then_some((from, to))
}

/// The first time that is not over.
fn first_of(retention_ms: i64, stream_time: Timestamp) -> Timestamp {
    stream_time.plus_ms(retention_ms.saturating_neg()).plus_ms(1)
}

impl<K, V> fmt::Debug for WindowStore<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowStore").field("store", &self.entries.store()).finish_non_exhaustive()
    }
}
