//! A store with one value per key whose entries are gone after a while of stream time.
//!
//! ```text
//! entry: 0 u8 = 0 | 1 the key's bytes                                -> as in `timed`
//! mark:  0 u8 = 1 | 1 time of the entry, sortable | 9 the key's bytes -> as in `timed`, nothing behind the time
//! ```
//!
//! Each entry has one mark, so that those that are over are the first range of the marks. Both are written together.
//!
//! An entry is over once stream time has reached its time and the time to live. It is removed, with tombstones for the
//! changelog, by one of the next writes; until then readers must ask [`Expiring::is_over`].
//!
//! Does not know: types.

use std::ops::Bound;

use bytes::Bytes;
use headwater_model::Timestamp;

use super::StoreError;
use super::timed::split_timed;
use super::window::{from_sortable, sortable};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;

/// What the keys of entries begin with.
pub(crate) const ENTRY: u8 = 0;
const MARK: u8 = 1;
/// Where the key begins in a mark.
const KEY_AT: usize = 9;

/// How one processor sees the times of one such store.
pub(crate) struct Expiring {
    store: StoreId,
    ttl_ms: i64,
    /// No entry of the store has an earlier time.
    oldest: Timestamp,
    mark: Vec<u8>,
}

impl Expiring {
    pub(crate) fn new(store: StoreId, ttl_ms: i64) -> Self {
        Self { store, ttl_ms, oldest: Timestamp(i64::MIN), mark: Vec::new() }
    }

    /// True if an entry of this time is gone.
    pub(crate) fn is_over(&self, time: Timestamp, context: &Context) -> bool {
        is_over(time, self.ttl_ms, context.stream_time())
    }

    /// Sets an entry, whose key begins with [`ENTRY`]. What is over already is not kept.
    pub(crate) fn put(
        &mut self,
        key: &[u8],
        timed_value: &[u8],
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.forget_old(context)?;
        let time = split_timed(timed_value).map_or(Timestamp(i64::MIN), |(time, _)| time);
        if self.is_over(time, context) {
            return self.remove(key, context);
        }
        if let Some(before) = self.time_of(key, context)?.filter(|before| *before != time) {
            write_mark(&mut self.mark, before, key);
            context.delete(self.store, &self.mark)?;
        }
        context.put(self.store, key, timed_value)?;
        self.oldest = self.oldest.min(time);
        write_mark(&mut self.mark, time, key);
        context.put(self.store, &self.mark, &time.0.to_be_bytes())
    }

    /// Removes an entry, whose key begins with [`ENTRY`]; there need not be one.
    pub(crate) fn delete(&mut self, key: &[u8], context: &mut Context) -> Result<(), NodeError> {
        self.forget_old(context)?;
        self.remove(key, context)
    }

    fn remove(&mut self, key: &[u8], context: &mut Context) -> Result<(), NodeError> {
        if let Some(before) = self.time_of(key, context)? {
            write_mark(&mut self.mark, before, key);
            context.delete(self.store, &self.mark)?;
            context.delete(self.store, key)?;
        }
        Ok(())
    }

    /// Removes what is over.
    fn forget_old(&mut self, context: &mut Context) -> Result<(), NodeError> {
        while let Some(mark) = self.first_mark_over(context)? {
            context.delete(self.store, &mark)?;
            self.mark.clear();
            self.mark.push(ENTRY);
            self.mark.extend_from_slice(mark.get(KEY_AT..).unwrap_or_default());
            context.delete(self.store, &self.mark)?;
        }
        Ok(())
    }

    fn first_mark_over(&mut self, context: &Context) -> Result<Option<Bytes>, StoreError> {
        if !self.is_over(self.oldest, context) {
            return Ok(None);
        }
        let marks = (Bound::Included([MARK].as_slice()), Bound::Unbounded);
        let first = context.store(self.store).range(marks).next().transpose()?;
        let first = first.and_then(|(mark, _)| Some((time_of_mark(&mark)?, mark)));
        self.oldest = first.as_ref().map_or(Timestamp(i64::MAX), |(time, _)| *time);
        Ok(first.filter(|(time, _)| self.is_over(*time, context)).map(|(_, mark)| mark))
    }

    /// The time of the entry that is there.
    fn time_of(&self, key: &[u8], context: &Context) -> Result<Option<Timestamp>, StoreError> {
        let stored = context.store(self.store).get(key)?;
        Ok(stored.and_then(|stored| split_timed(&stored).map(|(time, _)| time)))
    }
}

/// True if stream time has reached a time and the time to live.
pub(crate) fn is_over(time: Timestamp, ttl_ms: i64, stream_time: Timestamp) -> bool {
    time.plus_ms(ttl_ms) <= stream_time
}

/// `key` begins with `ENTRY`, which is left out.
fn write_mark(out: &mut Vec<u8>, time: Timestamp, key: &[u8]) {
    out.clear();
    out.push(MARK);
    out.extend_from_slice(&sortable(time));
    out.extend_from_slice(key.get(1..).unwrap_or_default());
}

fn time_of_mark(mark: &[u8]) -> Option<Timestamp> {
    Some(from_sortable(*mark.get(1..)?.first_chunk()?))
}
