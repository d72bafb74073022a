//! The typed view of a store that answers as of a time: the latest value of each key, and its history.
//!
//! A version is valid from its own time until that of the next one. Every version whose validity ends no longer ago than
//! the retention can be found; and the latest one, however old it is. As in Kafka Streams' versioned store (KIP-889), a
//! version that comes later than the retention is refused, whatever its key, by the time of all versions of the store.
//!
//! ```text
//! latest:  key    0 the byte 0 | 1 the key's bytes
//!          value  as in `timed`
//! history: key    0 the byte 1 | 1 segment of the end i64, sortable | 9 length of the key u32 | 13 the key's bytes
//!                 | n the beginning i64, sortable, inverted
//!          value  0 end i64, most significant byte first | 8 the byte 0 if there is no value, else 1 | 9 the value's bytes
//! ```
//!
//! A segment is a stretch of event time; histories that have ended long enough ago are the first segments, and are removed
//! together. Because beginnings are inverted, the version at a time is the first entry of a range. A history of no length
//! remembers that a key was removed which had no value before.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::observed::Observed;
use super::timed::{TIME_SIZE, read_timed, split_timed, write_timed};
use super::window::{from_sortable, sortable};
use super::{KeyRange, Lookup};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;
use crate::window::whole_ms;

/// In front of the keys of latest values.
pub(crate) const LATEST: u8 = 0;
const HISTORY: u8 = 1;

/// Into how many segments the retention is divided.
const SEGMENTS: i64 = 6;

/// The shortest segment.
const SHORTEST_SEGMENT_MS: i64 = 1_000;

/// How one operator sees one versioned store.
pub(crate) struct VersionedView<K, V> {
    store: StoreId,
    retention_ms: i64,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    /// The bytes of the key at hand.
    key: Vec<u8>,
    entry: Vec<u8>,
    end: Vec<u8>,
    value: Vec<u8>,
    /// Segments before this one are empty, as far as this view knows.
    first_segment: i64,
}

/// Where a new version has its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is the latest one of its key.
    Latest,
    /// There is a later one.
    Before,
    /// Nowhere: it came later than the retention.
    TooOld,
}

/// An entry of a history.
struct Version {
    from: Timestamp,
    to: Timestamp,
    entry_key: Bytes,
    stored: Bytes,
}

impl Version {
    /// The value's bytes, if there is a value.
    fn content(&self) -> Option<&[u8]> {
        match self.stored.get(TIME_SIZE..)? {
            [1, content @ ..] => Some(content),
            _ => None,
        }
    }
}

impl<K: 'static, V: 'static> VersionedView<K, V> {
    pub(crate) fn new(
        store: StoreId,
        retention_ms: i64,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<V>>,
    ) -> Self {
        let [key, entry, end, value] = <[Vec<u8>; 4]>::default();
        Self { store, retention_ms, keys, values, key, entry, end, value, first_segment: i64::MIN }
    }

    /// Makes views of a store, one for each task.
    pub(crate) fn factory(
        store: StoreId,
        retention: Duration,
        keys: &Arc<dyn Serde<K>>,
        values: &Arc<dyn Serde<V>>,
    ) -> impl Fn() -> Self + Clone + Send + Sync + use<K, V> {
        let retention_ms = whole_ms(retention);
        let (keys, values) = (Arc::clone(keys), Arc::clone(values));
        move || Self::new(store, retention_ms, Arc::clone(&keys), Arc::clone(&values))
    }

    /// True if the key is one that stands for null, which no table has.
    pub(crate) fn is_null(&self, key: &K) -> bool {
        self.keys.is_null(key)
    }

    /// The latest value of a key and its time.
    pub(crate) fn latest(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, V)>, NodeError> {
        self.write_key(key, context)?;
        match self.stored_latest(context)? {
            Some(stored) => read_timed(&stored, self.values.as_ref())
                .map(Some)
                .map_err(|error| context.stored(self.store, error)),
            None => Ok(None),
        }
    }

    /// The value that a key had at a time, and since when.
    pub(crate) fn as_of(
        &mut self,
        key: &K,
        time: Timestamp,
        context: &mut Context,
    ) -> Result<Option<(Timestamp, V)>, NodeError> {
        let observed = self.observed(context)?;
        if let Some(latest) = self.latest(key, context)?.filter(|(since, _)| *since <= time) {
            return Ok(Some(latest));
        }
        if time < self.oldest(observed.latest) {
            return Ok(None);
        }
        for segment in self.segment(time)..=self.segment(observed.latest) {
            let store = context.store(self.store);
            let first = store.range(self.history_range(segment, time)).next().transpose()?;
            let version = first.and_then(|(key, value)| read_version(key, value));
            if let Some(version) = version.filter(|version| version.to > time) {
                return self.value_of(&version).map_err(|error| context.stored(self.store, error));
            }
        }
        Ok(None)
    }

    /// Adds a version, or replaces the one of the same time.
    pub(crate) fn put(
        &mut self,
        key: &K,
        value: Option<&V>,
        time: Timestamp,
        context: &mut Context,
    ) -> Result<Placed, NodeError> {
        let observed = self.observed(context)?;
        if time < self.oldest(observed.latest) {
            return Ok(Placed::TooOld);
        }
        let observed = observed.with(time, 0);
        context.observe(self.store, observed);
        self.expire(self.segment(self.oldest(observed.latest)), context)?;
        self.write_key(key, context)?;
        let Some(latest) = self.stored_latest(context)? else {
            return self.put_before(None, value, time, context);
        };
        match split_timed(&latest) {
            Some((since, _)) if time < since => self.put_before(Some(since), value, time, context),
            Some((since, content)) => {
                if since < time {
                    self.put_history(since, time, Some(content), context)?;
                }
                self.put_latest(value, time, context)?;
                Ok(Placed::Latest)
            }
            None => self.put_latest(value, time, context).map(|()| Placed::Latest),
        }
    }

    /// Adds a version that is not later than the latest, whose time is `next`, if there is a latest.
    fn put_before(
        &mut self,
        mut next: Option<Timestamp>,
        value: Option<&V>,
        time: Timestamp,
        context: &mut Context,
    ) -> Result<Placed, NodeError> {
        for version in self.versions_until(time, context)? {
            if version.from <= time {
                self.divide(&version, value, time, context)?;
                return Ok(Placed::Before);
            }
            next = Some(next.map_or(version.from, |next| next.min(version.from)));
        }
        match (next, value) {
            (Some(next), value) => {
                self.put_value(time, next, value, context)?;
                Ok(Placed::Before)
            }
            (None, Some(value)) => self.put_latest(Some(value), time, context).map(|()| Placed::Latest),
            (None, None) => self.put_history(time, time, None, context).map(|()| Placed::Latest),
        }
    }

    /// Puts a version where another one is valid, which ends there.
    fn divide(
        &mut self,
        version: &Version,
        value: Option<&V>,
        time: Timestamp,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        if version.from < time {
            context.delete(self.store, &version.entry_key)?;
            self.put_history(version.from, time, version.content(), context)?;
        }
        self.put_value(time, version.to, value, context)
    }

    /// The versions of the key at hand that end after a time.
    fn versions_until(&mut self, time: Timestamp, context: &Context) -> Result<Vec<Version>, NodeError> {
        let latest = context.observed(self.store).unwrap_or_default().latest;
        let mut versions = Vec::new();
        for segment in self.segment(time)..=self.segment(latest) {
            let store = context.store(self.store);
            for entry in store.range(self.history_range(segment, Timestamp(i64::MAX))) {
                let (key, value) = entry?;
                versions.extend(read_version(key, value).filter(|version| version.to > time));
            }
        }
        Ok(versions)
    }

    fn put_latest(
        &mut self,
        value: Option<&V>,
        time: Timestamp,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_latest_key();
        let Some(value) = value else {
            return context.delete(self.store, &self.entry);
        };
        write_timed(&mut self.value, time, value, self.values.as_ref())
            .map_err(|error| context.unstorable(self.store, error))?;
        context.put(self.store, &self.entry, &self.value)
    }

    fn put_value(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        value: Option<&V>,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        let Some(value) = value else {
            return self.put_history(from, to, None, context);
        };
        let mut content = Vec::new();
        self.values.serialize(value, &mut content).map_err(|error| context.unstorable(self.store, error))?;
        self.put_history(from, to, Some(&content), context)
    }

    fn put_history(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        content: Option<&[u8]>,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        let segment = self.segment(to);
        write_history_key(&mut self.entry, segment, &self.key, from);
        self.value.clear();
        self.value.extend_from_slice(&to.0.to_be_bytes());
        self.value.push(u8::from(content.is_some()));
        self.value.extend_from_slice(content.unwrap_or_default());
        context.put(self.store, &self.entry, &self.value)
    }

    /// Removes the segments before `first`.
    fn expire(&mut self, first: i64, context: &mut Context) -> Result<(), NodeError> {
        if self.first_segment >= first {
            return Ok(());
        }
        self.first_segment = first;
        let is_over = |key: &[u8]| split_segment(key).is_none_or(|segment| segment < first);
        context.delete_while(self.store, &[HISTORY], is_over)
    }

    /// How far the store has come; found from its entries where nobody remembers.
    fn observed(&self, context: &mut Context) -> Result<Observed, NodeError> {
        if let Some(observed) = context.observed(self.store) {
            return Ok(observed);
        }
        let mut observed = Observed::default();
        for entry in context.store(self.store).range((Bound::Unbounded, Bound::Unbounded)) {
            // In front of a value is its time, in front of a history its end, which is the time of another version.
            if let Some((time, _)) = split_timed(&entry?.1) {
                observed = observed.with(time, 0);
            }
        }
        context.observe(self.store, observed);
        Ok(observed)
    }

    fn stored_latest(&mut self, context: &Context) -> Result<Option<Bytes>, NodeError> {
        self.write_latest_key();
        Ok(context.store(self.store).get(&self.entry)?)
    }

    /// The entries of the key at hand in a segment that begin at a time or before it, the latest first.
    fn history_range(&mut self, segment: i64, time: Timestamp) -> KeyRange<'_> {
        write_history_key(&mut self.entry, segment, &self.key, time);
        write_history_key(&mut self.end, segment, &self.key, Timestamp(i64::MIN));
        (Bound::Included(&self.entry), Bound::Included(&self.end))
    }

    fn value_of(&self, version: &Version) -> Result<Option<(Timestamp, V)>, SerdeError> {
        let value = version.content().map(|content| self.values.deserialize(content)).transpose()?;
        Ok(value.map(|value| (version.from, value)))
    }

    /// The oldest time that is answered and taken.
    fn oldest(&self, latest: Timestamp) -> Timestamp {
        latest.plus_ms(self.retention_ms.saturating_neg())
    }

    fn segment(&self, time: Timestamp) -> i64 {
        time.0.div_euclid((self.retention_ms / SEGMENTS).max(SHORTEST_SEGMENT_MS))
    }

    fn write_key(&mut self, key: &K, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.keys.serialize(key, &mut self.key).map_err(|error| context.unstorable(self.store, error))
    }

    fn write_latest_key(&mut self) {
        self.entry.clear();
        self.entry.push(LATEST);
        self.entry.extend_from_slice(&self.key);
    }
}

/// Looks up the latest values of a versioned store.
impl<K: 'static, V: 'static> Lookup<K, V> for VersionedView<K, V> {
    fn look_up(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, V)>, NodeError> {
        self.latest(key, context)
    }
}

fn write_history_key(out: &mut Vec<u8>, segment: i64, key: &[u8], from: Timestamp) {
    out.clear();
    out.push(HISTORY);
    out.extend_from_slice(&sortable(Timestamp(segment)));
    out.extend_from_slice(&(key.len() as u32).to_be_bytes());
    out.extend_from_slice(key);
    out.extend(sortable(from).map(|byte| !byte));
}

fn read_version(entry_key: Bytes, stored: Bytes) -> Option<Version> {
    let (_, from) = entry_key.split_last_chunk::<TIME_SIZE>()?;
    let from = from_sortable(from.map(|byte| !byte));
    let (to, _) = split_timed(&stored)?;
    Some(Version { from, to, entry_key, stored })
}

fn split_segment(key: &[u8]) -> Option<i64> {
    let (_, rest) = key.split_first()?;
    rest.first_chunk::<8>().map(|segment| from_sortable(*segment).0)
}
