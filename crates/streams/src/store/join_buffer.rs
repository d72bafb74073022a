//! The typed view of the store in which records of a stream wait until the table they are joined with has come as far as
//! they have.
//!
//! ```text
//! key:   0 time i64, sortable | 8 the key's bytes | n number u32
//! value: 0 time i64, most significant byte first | 8 count of headers u32
//!        | for each header: length u32, the key's bytes, length i32 (-1 for null), the value's bytes
//!        | the value's bytes
//! ```

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::observed::Observed;
use super::parts::{read_headers, write_headers};
use super::timed::{TIME_SIZE, split_timed};
use super::window::sortable;
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;
use crate::record::Record;

const NUMBER_SIZE: usize = 4;

/// An entry whose time has come: its key and its value.
pub(crate) type Ripe = (Bytes, Bytes);

/// How one operator sees one buffer.
pub(crate) struct JoinBuffer<K, V> {
    store: StoreId,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<K: 'static, V: 'static> JoinBuffer<K, V> {
    pub(crate) fn new(store: StoreId, keys: Arc<dyn Serde<K>>, values: Arc<dyn Serde<V>>) -> Self {
        Self { store, keys, values, key: Vec::new(), value: Vec::new() }
    }

    /// The highest time of all records that were put; with watermarks, how far all inputs of the task have come, so that
    /// the table has come as far.
    pub(crate) fn latest(&self, context: &mut Context) -> Result<Timestamp, NodeError> {
        if let Some(watermark) = context.watermark() {
            return Ok(watermark);
        }
        self.observed(context).map(|observed| observed.latest)
    }

    /// Adds a record, behind those of the same time and key.
    pub(crate) fn put(&mut self, record: &Record<K, V>, context: &mut Context) -> Result<(), NodeError> {
        let observed = self.observed(context)?.next(record.timestamp);
        context.observe(self.store, observed);
        self.key.clear();
        self.key.extend_from_slice(&sortable(record.timestamp));
        self.keys
            .serialize(&record.key, &mut self.key)
            .map_err(|error| context.unstorable(self.store, error))?;
        self.key.extend_from_slice(&observed.number.to_be_bytes());
        self.value.clear();
        self.value.extend_from_slice(&record.timestamp.0.to_be_bytes());
        write_headers(&mut self.value, &record.headers);
        self.values
            .serialize(&record.value, &mut self.value)
            .map_err(|error| context.unstorable(self.store, error))?;
        context.put(self.store, &self.key, &self.value)
    }

    /// Puts the entries up to a time into `ripe`, the oldest first.
    pub(crate) fn find_ripe(
        &self,
        until: Timestamp,
        ripe: &mut Vec<Ripe>,
        context: &Context,
    ) -> Result<(), NodeError> {
        ripe.clear();
        for entry in context.store(self.store).range((Bound::Unbounded, Bound::Unbounded)) {
            let (key, value) = entry?;
            if split_timed(&value).is_some_and(|(time, _)| time > until) {
                break;
            }
            ripe.push((key, value));
        }
        Ok(())
    }

    /// Reads an entry.
    pub(crate) fn read(&self, ripe: &Ripe, context: &Context) -> Result<Record<K, V>, NodeError> {
        self.read_entry(ripe).map_err(|error| context.stored(self.store, error))
    }

    /// Removes an entry.
    pub(crate) fn remove(&self, (key, _): &Ripe, context: &mut Context) -> Result<(), NodeError> {
        context.delete(self.store, key)
    }

    fn read_entry(&self, (key, stored): &Ripe) -> Result<Record<K, V>, SerdeError> {
        let malformed = || SerdeError::malformed::<Record<K, V>>("not a record that waits", stored, None);
        let (timestamp, rest) = split_timed(stored).ok_or_else(malformed)?;
        let (headers, value) = read_headers(rest).ok_or_else(malformed)?;
        let key = key.get(TIME_SIZE..key.len().saturating_sub(NUMBER_SIZE)).ok_or_else(malformed)?;
        let (key, value) = (self.keys.deserialize(key)?, self.values.deserialize(value)?);
        Ok(Record { key, value, timestamp, headers })
    }

    /// How far the store has come; found from its entries where nobody remembers.
    fn observed(&self, context: &mut Context) -> Result<Observed, NodeError> {
        if let Some(observed) = context.observed(self.store) {
            return Ok(observed);
        }
        let mut observed = Observed::default();
        for entry in context.store(self.store).range((Bound::Unbounded, Bound::Unbounded)) {
            let (key, value) = entry?;
            let number = key.last_chunk::<NUMBER_SIZE>().map_or(0, |number| u32::from_be_bytes(*number));
            if let Some((time, _)) = split_timed(&value) {
                observed = observed.with(time, number);
            }
        }
        context.observe(self.store, observed);
        Ok(observed)
    }
}
