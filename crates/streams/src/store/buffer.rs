//! The typed view of a store of changes that wait, in the layout of `time_indexed`; a position is the time by which a
//! change waits. Each key has one change at most.
//!
//! ```text
//! value: 0 timestamp of the change i64 | 8 size u64 | 16 prior | n new | m headers
//! prior, new and the values of headers: 0 length i32, -1 for none | 4 bytes
//! headers: 0 count u32 | 4 for each: length of the key u32, key, value
//! ```
//! All numbers have their most significant byte first. *Prior* is the value that was handed on before the first change
//! of those that became one here.

use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::parts::{read_headers, split_part, write_headers, write_part};
use super::time_indexed::{Place, TimeIndexed, all_in_time, highest, lowest};
use super::timed::{split_timed, write_present};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;
use crate::record::{Change, Headers, Record};

/// How one operator sees one buffer.
pub(crate) struct BufferView<K, V> {
    entries: TimeIndexed<8>,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    key: Vec<u8>,
    value: Vec<u8>,
    /// True if the sizes of changes are reckoned; else they are kept as 0.
    has_limits: bool,
    /// Lent to `size_of`.
    scratch: Vec<u8>,
    /// What the buffer holds, once it was counted.
    held: Option<Held>,
}

/// How much a buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held {
    pub(crate) records: u64,
    /// By Kafka's estimate: keys, values, headers, and a few dozen bytes a record.
    pub(crate) bytes: u64,
}

impl<K: 'static, V: 'static> BufferView<K, V> {
    pub(crate) fn new(
        store: StoreId,
        has_limits: bool,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<V>>,
    ) -> Self {
        let entries = TimeIndexed::new(store);
        let (key, value, scratch) = (Vec::new(), Vec::new(), Vec::new());
        Self { entries, keys, values, key, value, has_limits, scratch, held: None }
    }

    /// Makes views of a buffer, one for each task.
    pub(crate) fn factory(
        store: StoreId,
        has_limits: bool,
        keys: &Arc<dyn Serde<K>>,
        values: &Arc<dyn Serde<V>>,
    ) -> impl Fn() -> Self + Clone + Send + Sync + use<K, V> {
        let (keys, values) = (Arc::clone(keys), Arc::clone(values));
        move || Self::new(store, has_limits, Arc::clone(&keys), Arc::clone(&values))
    }

    /// Puts a change in the place of that of the same key; if there is none, in the order of `time`.
    pub(crate) fn put(
        &mut self,
        time: Timestamp,
        record: &Record<K, Change<V>>,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(&record.key, context)?;
        let buffered = self.buffered(context)?;
        let unstorable = |error| context.unstorable(self.entries.store(), error);
        let values = self.values.as_ref();
        self.value.clear();
        self.value.extend_from_slice(&record.timestamp.0.to_be_bytes());
        self.value.extend_from_slice(&[0; SIZE_SIZE]);
        match &buffered {
            Some((_, stored)) => write_part(&mut self.value, prior_of(stored)),
            None => write_value(&mut self.value, record.value.old.as_ref(), values).map_err(unstorable)?,
        }
        write_value(&mut self.value, record.value.new.as_ref(), values).map_err(unstorable)?;
        write_headers(&mut self.value, &record.headers);
        let size = if self.has_limits { self.size_of(record, context)? } else { 0 };
        if let Some(bytes) = self.value.get_mut(TIME_SIZE..VALUES_AT) {
            bytes.copy_from_slice(&size.to_be_bytes());
        }
        if let Some((position, stored)) = buffered {
            self.count(|held| {
                held.bytes = held.bytes.saturating_sub(size_at(&stored)).saturating_add(size);
            });
            self.entries.replace(&self.key, position, &self.value, context)
        } else {
            self.count(|held| *held = held.and(size));
            self.entries.insert(&self.key, lowest(time), &self.value, context)
        }
    }

    /// What was handed on of a key before the change that waits.
    pub(crate) fn prior(&mut self, key: &K, context: &Context) -> Result<Prior<V>, NodeError> {
        self.write_key(key, context)?;
        let Some((_, stored)) = self.buffered(context)? else {
            return Ok(Prior::NothingWaits);
        };
        let prior = prior_of(&stored).map(|prior| self.values.deserialize(prior)).transpose();
        prior.map(Prior::Was).map_err(|error| context.stored(self.entries.store(), error))
    }

    /// Removes the first change in the order of time, and then of the keys' bytes, if it waits since before `before`.
    pub(crate) fn take_before(
        &mut self,
        before: Timestamp,
        context: &mut Context,
    ) -> Result<Option<Waiting>, NodeError> {
        match self.entries.first_before(before, context)? {
            Some(place) => self.take(place, context).map(Some),
            None => Ok(None),
        }
    }

    /// Removes the first change in the order of time, and then of the keys' bytes.
    pub(crate) fn take_first(&mut self, context: &mut Context) -> Result<Option<Waiting>, NodeError> {
        match self.entries.first(context)? {
            Some(place) => self.take(place, context).map(Some),
            None => Ok(None),
        }
    }

    /// Reads what was taken: the change, with the prior value as its old one.
    pub(crate) fn read(
        &self,
        waiting: &Waiting,
        context: &Context,
    ) -> Result<Record<K, Change<V>>, NodeError> {
        let read = || {
            let key = self.keys.deserialize(&waiting.place.key)?;
            let parts = split(&waiting.value).ok_or_else(|| {
                SerdeError::malformed::<V>("it is cut off in the buffer", &waiting.value, None)
            })?;
            let old = parts.prior.map(|value| self.values.deserialize(value)).transpose()?;
            let new = parts.new.map(|value| self.values.deserialize(value)).transpose()?;
            let (timestamp, headers) = (parts.timestamp, parts.headers);
            Ok(Record { key, value: Change { new, old }, timestamp, headers })
        };
        read().map_err(|error| context.stored(self.entries.store(), error))
    }

    /// How much the buffer holds. From the first call on, it is kept count of.
    pub(crate) fn held(&mut self, context: &Context) -> Result<Held, NodeError> {
        if let Some(held) = self.held {
            return Ok(held);
        }
        let mut held = Held::default();
        for entry in all_in_time::<8>(context.store(self.entries.store())) {
            held = held.and(size_at(&entry?.1));
        }
        self.held = Some(held);
        Ok(held)
    }

    fn take(&mut self, place: Place<8>, context: &mut Context) -> Result<Waiting, NodeError> {
        let value = self.entries.get(&place.key, place.position, context)?.unwrap_or_default();
        self.entries.remove(&place.key, place.position, context)?;
        self.count(|held| {
            held.records = held.records.saturating_sub(1);
            held.bytes = held.bytes.saturating_sub(size_at(&value));
        });
        Ok(Waiting { place, value })
    }

    fn buffered(&mut self, context: &Context) -> Result<Option<([u8; 8], Bytes)>, NodeError> {
        let everywhere = (lowest(Timestamp(i64::MIN)), highest(Timestamp(i64::MAX)));
        Ok(self.entries.of_key(&self.key, everywhere, context).next().transpose()?)
    }

    fn count(&mut self, change: impl FnOnce(&mut Held)) {
        if let Some(held) = &mut self.held {
            change(held);
        }
    }

    /// What Kafka reckons that a change takes: the time, the key, the values (those that are equal once), the record's
    /// position and headers.
    fn size_of(&mut self, record: &Record<K, Change<V>>, context: &Context) -> Result<u64, NodeError> {
        self.scratch.clear();
        write_value(&mut self.scratch, record.value.old.as_ref(), self.values.as_ref())
            .map_err(|error| context.unstorable(self.entries.store(), error))?;
        let old = split_part(&self.scratch).and_then(|(old, _)| old);
        let parts = split(&self.value);
        let (prior, new) = parts.map_or((None, None), |parts| (parts.prior, parts.new));
        let old = old.filter(|old| Some(*old) != prior);
        let values: usize = [prior, old, new].into_iter().flatten().map(<[u8]>::len).sum();
        let headers = record.headers.iter();
        let headers: usize = headers
            .map(|header| {
                header.key.chars().map(char::len_utf16).sum::<usize>()
                    + header.value.as_ref().map_or(0, Bytes::len)
            })
            .sum();
        let topic = context.location().topic_partition.topic.as_str().len();
        Ok((FIXED_SIZE + self.key.len() + values + topic + headers) as u64)
    }

    fn write_key(&mut self, key: &K, context: &Context) -> Result<(), NodeError> {
        self.key.clear();
        self.keys
            .serialize(key, &mut self.key)
            .map_err(|error| context.unstorable(self.entries.store(), error))
    }
}

impl Held {
    fn and(self, size: u64) -> Self {
        Self { records: self.records + 1, bytes: self.bytes.saturating_add(size) }
    }
}

/// What was handed on of a key.
pub(crate) enum Prior<V> {
    /// All there is.
    NothingWaits,
    /// This, before the change that waits.
    Was(Option<V>),
}

/// A change that is no longer in its buffer.
pub(crate) struct Waiting {
    place: Place<8>,
    value: Bytes,
}

struct Parts<'a> {
    timestamp: Timestamp,
    prior: Option<&'a [u8]>,
    new: Option<&'a [u8]>,
    headers: Headers,
}

const TIME_SIZE: usize = super::timed::TIME_SIZE;
const SIZE_SIZE: usize = 8;
const VALUES_AT: usize = TIME_SIZE + SIZE_SIZE;
/// The time that a change waits by; the record's time, offset and partition.
const FIXED_SIZE: usize = 8 + 8 + 8 + 4;

fn write_value<V: 'static>(
    out: &mut Vec<u8>,
    value: Option<&V>,
    serde: &dyn Serde<V>,
) -> Result<(), SerdeError> {
    let Some(value) = value else {
        write_part(out, None);
        return Ok(());
    };
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write_present(out, value, serde)?;
    let length = out.len() - start - 4;
    if let Some(bytes) = out.get_mut(start..start + 4) {
        bytes.copy_from_slice(&(length as i32).to_be_bytes());
    }
    Ok(())
}

fn size_at(stored: &[u8]) -> u64 {
    let size = stored.get(TIME_SIZE..).and_then(|rest| rest.first_chunk());
    size.map_or(0, |size| u64::from_be_bytes(*size))
}

fn prior_of(stored: &[u8]) -> Option<&[u8]> {
    split_part(stored.get(VALUES_AT..)?)?.0
}

fn split(stored: &[u8]) -> Option<Parts<'_>> {
    let (timestamp, _) = split_timed(stored)?;
    let (prior, rest) = split_part(stored.get(VALUES_AT..)?)?;
    let (new, rest) = split_part(rest)?;
    Some(Parts { timestamp, prior, new, headers: read_headers(rest)?.0 })
}
