//! A store whose entries are found by key, and in the order of time.
//!
//! ```text
//! by key:  0 u8 = 0 | 1 length of the key u32 | 5 the key's bytes | position -> as in `timed`
//! by time: 0 u8 = 1 | 1 position | 1+n the key's bytes  -> as in `timed`, nothing behind the time
//! mark:    0 u8 = 2                                     -> as in `timed`, nothing behind the time
//! ```
//!
//! A position is `N` bytes that sort as the times do that they stand for; the first eight are a time. Both orders are
//! written together, so that either can be rebuilt from the changelog as it was. The length, most significant byte
//! first, keeps the entries of a key apart from those of longer keys that begin with it.
//!
//! Does not know: types, what the times mean.

use std::ops::Bound;

use bytes::Bytes;
use headwater_model::Timestamp;

use super::window::{from_sortable, sortable};
use super::{ByteStore, StoreError};
use crate::context::Context;
use crate::graph::StoreId;
use crate::node::NodeError;

const BY_KEY: u8 = 0;
const BY_TIME: u8 = 1;
const MARK: u8 = 2;
/// Where the key begins in an entry by key.
const KEY_AT: usize = 5;

/// How one operator sees one such store.
pub(crate) struct TimeIndexed<const N: usize> {
    store: StoreId,
    /// No entry of the store has an earlier time.
    oldest: Timestamp,
    /// The latest time that an entry has had, once it was looked for.
    newest: Option<Timestamp>,
    /// The mark, once it was read.
    mark: Option<Timestamp>,
    from: Vec<u8>,
    to: Vec<u8>,
}

/// Where an entry is: its key, and its position in the order of time.
#[derive(Debug, Clone)]
pub(crate) struct Place<const N: usize> {
    pub(crate) position: [u8; N],
    pub(crate) key: Bytes,
}

impl<const N: usize> TimeIndexed<N> {
    pub(crate) fn new(store: StoreId) -> Self {
        let oldest = Timestamp(i64::MIN);
        Self { store, oldest, newest: None, mark: None, from: Vec::new(), to: Vec::new() }
    }

    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// What is stored of a key at a position.
    pub(crate) fn get(
        &mut self,
        key: &[u8],
        position: [u8; N],
        context: &Context,
    ) -> Result<Option<Bytes>, StoreError> {
        write_by_key(&mut self.from, key, position);
        context.store(self.store).get(&self.from)
    }

    /// Adds an entry.
    pub(crate) fn insert(
        &mut self,
        key: &[u8],
        position: [u8; N],
        timed_value: &[u8],
        context: &mut Context,
    ) -> Result<(), NodeError> {
        let time = time_of(position);
        self.oldest = self.oldest.min(time);
        self.newest = self.newest.map(|newest| newest.max(time));
        self.replace(key, position, timed_value, context)?;
        write_by_time(&mut self.from, key, position);
        context.put(self.store, &self.from, &time.0.to_be_bytes())
    }

    /// Sets what is stored at a place that has an entry.
    pub(crate) fn replace(
        &mut self,
        key: &[u8],
        position: [u8; N],
        timed_value: &[u8],
        context: &mut Context,
    ) -> Result<(), NodeError> {
        write_by_key(&mut self.from, key, position);
        context.put(self.store, &self.from, timed_value)
    }

    /// Removes an entry.
    pub(crate) fn remove(
        &mut self,
        key: &[u8],
        position: [u8; N],
        context: &mut Context,
    ) -> Result<(), NodeError> {
        write_by_key(&mut self.from, key, position);
        context.delete(self.store, &self.from)?;
        write_by_time(&mut self.from, key, position);
        context.delete(self.store, &self.from)
    }

    /// The entries of a key whose positions lie between two, both included, in order.
    pub(crate) fn of_key<'a>(
        &'a mut self,
        key: &'a [u8],
        (first, last): ([u8; N], [u8; N]),
        context: &'a Context,
    ) -> impl Iterator<Item = Result<([u8; N], Bytes), StoreError>> + 'a {
        write_by_key(&mut self.from, key, first);
        write_by_key(&mut self.to, key, last);
        let range = (Bound::Included(self.from.as_slice()), Bound::Included(self.to.as_slice()));
        context.store(self.store).range(range).filter_map(move |entry| match entry {
            Ok((stored, value)) => position_by_key(&stored, key).map(|position| Ok((position, value))),
            Err(error) => Some(Err(error)),
        })
    }

    /// The first entry in the order of time, if it is earlier than `before`.
    pub(crate) fn first_before(
        &mut self,
        before: Timestamp,
        context: &Context,
    ) -> Result<Option<Place<N>>, StoreError> {
        if before <= self.oldest {
            return Ok(None);
        }
        let first = self.first(context)?;
        self.oldest = first.as_ref().map_or(Timestamp(i64::MAX), |first| time_of(first.position));
        Ok(first.filter(|_| self.oldest < before))
    }

    /// The first entry in the order of time.
    pub(crate) fn first(&self, context: &Context) -> Result<Option<Place<N>>, StoreError> {
        first_at(context.store(self.store), &[BY_TIME])
    }

    /// The entries from one time (included) to another (excluded), in the order of time, and then of the keys' bytes.
    pub(crate) fn between(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        context: &Context,
    ) -> Result<Vec<Place<N>>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        write_time(&mut self.from, from);
        write_time(&mut self.to, to);
        let range = (Bound::Included(self.from.as_slice()), Bound::Excluded(self.to.as_slice()));
        let places = context.store(self.store).range(range).filter_map(|entry| match entry {
            Ok((stored, _)) => place_by_time(&stored).map(Ok),
            Err(error) => Some(Err(error)),
        });
        places.collect()
    }

    /// The latest time that an entry has had; at least of those that are still there.
    pub(crate) fn newest(&mut self, context: &Context) -> Result<Timestamp, StoreError> {
        if let Some(newest) = self.newest {
            return Ok(newest);
        }
        let newest = last_time(context.store(self.store))?.unwrap_or(Timestamp(i64::MIN));
        self.newest = Some(newest);
        Ok(newest)
    }

    /// A time that the operator wanted remembered.
    pub(crate) fn mark(&mut self, context: &Context) -> Result<Option<Timestamp>, StoreError> {
        if self.mark.is_none() {
            let stored = context.store(self.store).get(&[MARK])?;
            self.mark = stored.and_then(|stored| Some(Timestamp(i64::from_be_bytes(*stored.first_chunk()?))));
        }
        Ok(self.mark)
    }

    pub(crate) fn set_mark(&mut self, time: Timestamp, context: &mut Context) -> Result<(), NodeError> {
        self.mark = Some(time);
        context.put(self.store, &[MARK], &time.0.to_be_bytes())
    }
}

/// All entries of such a store, in the order of time, and then of the keys' bytes.
pub(crate) fn all_in_time<const N: usize>(
    store: &dyn ByteStore,
) -> impl Iterator<Item = Result<(Place<N>, Bytes), StoreError>> + '_ {
    let mut key = Vec::new();
    store.prefix(&[BY_TIME]).filter_map(move |entry| {
        let place = match entry {
            Ok((stored, _)) => place_by_time::<N>(&stored)?,
            Err(error) => return Some(Err(error)),
        };
        write_by_key(&mut key, &place.key, place.position);
        store.get(&key).map(|value| Some((place, value?))).transpose()
    })
}

/// The position that begins with a time; what follows is as small as can be.
pub(crate) fn lowest<const N: usize>(time: Timestamp) -> [u8; N] {
    with_time([0; N], time)
}

/// The position that begins with a time; what follows is as great as can be.
pub(crate) fn highest<const N: usize>(time: Timestamp) -> [u8; N] {
    with_time([u8::MAX; N], time)
}

/// The time that a position begins with.
pub(crate) fn time_of<const N: usize>(position: [u8; N]) -> Timestamp {
    position.first_chunk().map_or(Timestamp(i64::MIN), |bytes| from_sortable(*bytes))
}

fn with_time<const N: usize>(mut position: [u8; N], time: Timestamp) -> [u8; N] {
    if let Some(bytes) = position.first_chunk_mut() {
        *bytes = sortable(time);
    }
    position
}

/// The last time in the order of time, found by halving, because a store is read forwards only.
fn last_time(store: &dyn ByteStore) -> Result<Option<Timestamp>, StoreError> {
    let time_at = |from: u64| {
        let mut key = [BY_TIME; 9];
        if let Some(bytes) = key.last_chunk_mut() {
            *bytes = from.to_be_bytes();
        }
        let first = first_at::<8>(store, &key)?;
        Ok::<_, StoreError>(first.map(|place| u64::from_be_bytes(place.position)))
    };
    let Some(mut low) = time_at(0)? else {
        return Ok(None);
    };
    let mut high = u64::MAX;
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match time_at(middle)? {
            Some(time) => low = time,
            None => high = middle - 1,
        }
    }
    Ok(Some(from_sortable(low.to_be_bytes())))
}

fn first_at<const N: usize>(store: &dyn ByteStore, from: &[u8]) -> Result<Option<Place<N>>, StoreError> {
    let range = (Bound::Included(from), Bound::Excluded([MARK].as_slice()));
    let first = store.range(range).next().transpose()?;
    Ok(first.and_then(|(stored, _)| place_by_time(&stored)))
}

fn place_by_time<const N: usize>(stored: &Bytes) -> Option<Place<N>> {
    let position = *stored.get(1..)?.first_chunk()?;
    Some(Place { position, key: stored.slice(1 + N..) })
}

fn position_by_key<const N: usize>(stored: &[u8], key: &[u8]) -> Option<[u8; N]> {
    stored.get(KEY_AT..)?.strip_prefix(key)?.try_into().ok()
}

fn write_by_key<const N: usize>(out: &mut Vec<u8>, key: &[u8], position: [u8; N]) {
    out.clear();
    out.push(BY_KEY);
    out.extend_from_slice(&(key.len() as u32).to_be_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(&position);
}

fn write_by_time<const N: usize>(out: &mut Vec<u8>, key: &[u8], position: [u8; N]) {
    out.clear();
    out.push(BY_TIME);
    out.extend_from_slice(&position);
    out.extend_from_slice(key);
}

fn write_time(out: &mut Vec<u8>, time: Timestamp) {
    out.clear();
    out.push(BY_TIME);
    out.extend_from_slice(&sortable(time));
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn a_look_by_key_meets_no_key_that_begins_with_it() {
        let mut store = MemoryStore::new();
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for (key, time) in [("a", 7), ("a", 8), ("ab", 7), ("a\u{80}", 7), ("abcdefghij", 7), ("", 7)] {
            write_by_key(&mut from, key.as_bytes(), lowest::<8>(Timestamp(time)));
            store.put(&from, b"").expect("memory does not fail");
        }
        write_by_key(&mut from, b"a", lowest::<8>(Timestamp(i64::MIN)));
        write_by_key(&mut to, b"a", highest::<8>(Timestamp(i64::MAX)));
        let range = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
        let met: Vec<_> = store.range(range).map(|entry| entry.expect("memory does not fail").0).collect();
        let times = met.iter().map(|key| position_by_key::<8>(key, b"a").map(time_of));
        assert_eq!(times.collect::<Vec<_>>(), [Some(Timestamp(7)), Some(Timestamp(8))]);
    }

    fn time() -> impl Strategy<Value = i64> {
        prop_oneof![Just(i64::MIN), Just(i64::MAX), -3i64..3, any::<i64>()]
    }

    proptest! {
        #[test]
        fn the_last_time_is_found_whatever_the_times_are(times in btree_set(time(), 0..20)) {
            let mut store = MemoryStore::new();
            let mut key = Vec::new();
            store.put(&[BY_KEY, 7], b"").expect("memory does not fail");
            store.put(&[MARK], b"").expect("memory does not fail");
            for time in &times {
                write_by_time(&mut key, b"key", lowest::<16>(Timestamp(*time)));
                store.put(&key, b"").expect("memory does not fail");
            }
            let last = last_time(&store).expect("memory does not fail");
            prop_assert_eq!(last, times.last().map(|time| Timestamp(*time)));
        }
    }
}
