//! What a join of two streams remembers: the records of each side, and those that wait for a partner.
//!
//! A side's store keeps every record, also those of one key and time:
//!
//! ```text
//! key:   0 segment i64, sortable | 8 length of the key u32 | 12 the key's bytes | n time i64, sortable | n+8 number u32
//! value: as in `timed`
//! ```
//!
//! A segment is a stretch of event time. It comes first, so that what has expired is the first range of the store, found
//! without an index; the records of a key within a join's window are one range in each of very few segments. The number
//! keeps records of one key and time apart, and in the order in which they came.
//!
//! Records that wait for a partner, until their window closes, lie in the order of their times:
//!
//! ```text
//! key:   0 time i64, sortable | 8 side u8 (0 right, 1 left) | 9 the key's bytes
//! value: 0 time i64, most significant byte first | 8 for each record: length u32, the value's bytes
//! ```
//!
//! The times that both sides share are with the task's [`Context`]; they are found again from the stores.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

use super::timed::{TIME_SIZE, read_timed, write_timed};
use super::window::{from_sortable, sortable};
use crate::context::Context;
use crate::graph::StoreId;
use crate::join_windows::{JoinWindows, Side};
use crate::node::NodeError;
use crate::record::Record;

/// The shortest segment: windows of milliseconds need no segments of their own.
const SHORTEST_SEGMENT_MS: i64 = 1_000;

/// The size of a segment's number in front of a key.
const SEGMENT_SIZE: usize = 8;

/// The size of a record's number behind its time.
const NUMBER_SIZE: usize = 4;

/// The times of a join within a task, shared by both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JoinTimes {
    /// The highest timestamp of all records that either side has taken up.
    pub(crate) stream_time: Timestamp,
    /// The time after which to look for records that have waited long enough; `None` if none waits.
    pub(crate) waiting_since: Option<Timestamp>,
    left: SideTimes,
    right: SideTimes,
}

/// The times of one side of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SideTimes {
    /// The highest timestamp of all records that were to be kept.
    latest: Timestamp,
    /// Segments before this one are empty.
    first_segment: i64,
    next_number: u32,
}

/// The stores of a join: of its left side, of its right side, and of records that wait for a partner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinStores {
    pub(crate) left: StoreId,
    pub(crate) right: StoreId,
    pub(crate) waiting: Option<StoreId>,
}

impl JoinStores {
    /// The store whose id stands for the join.
    pub(crate) fn join(&self) -> StoreId {
        self.left
    }

    /// Makes the times of the join known to the task, from what the stores hold, if they are not yet.
    pub(crate) fn recall(&self, context: &mut Context) -> Result<(), NodeError> {
        if context.knows_join(self.join()) {
            return Ok(());
        }
        let left = recalled_side(self.left, context)?;
        let right = recalled_side(self.right, context)?;
        let waiting = self.waiting.map(|store| first_waiting(store, context)).transpose()?.flatten();
        let times =
            JoinTimes { stream_time: left.latest.max(right.latest), waiting_since: waiting, left, right };
        *context.join_times(self.join()) = times;
        Ok(())
    }
}

impl Default for JoinTimes {
    fn default() -> Self {
        let side = SideTimes { latest: Timestamp::NONE, first_segment: i64::MIN, next_number: 0 };
        Self { stream_time: Timestamp::NONE, waiting_since: None, left: side, right: side }
    }
}

impl JoinTimes {
    /// Follows a record; stream time never goes back.
    pub(crate) fn advance(&mut self, time: Timestamp) -> Timestamp {
        self.stream_time = self.stream_time.max(time);
        self.stream_time
    }

    /// Notes that a record waits.
    pub(crate) fn wait(&mut self, time: Timestamp) {
        self.waiting_since = Some(self.waiting_since.map_or(time, |since| since.min(time)));
    }

    fn side(&mut self, side: Side) -> &mut SideTimes {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

/// A record that was found: its time, and its value as stored.
pub(crate) type Kept = (Timestamp, Bytes);

/// How one operator sees one side's store.
pub(crate) struct SideView<K, V> {
    pub(crate) store: StoreId,
    pub(crate) join: StoreId,
    pub(crate) side: Side,
    pub(crate) retention_ms: i64,
    pub(crate) keys: Arc<dyn Serde<K>>,
    pub(crate) values: Arc<dyn Serde<V>>,
    buffers: Buffers,
}

#[derive(Default)]
struct Buffers {
    key: Vec<u8>,
    first: Vec<u8>,
    last: Vec<u8>,
    value: Vec<u8>,
}

impl<K: 'static, V: 'static> SideView<K, V> {
    pub(crate) fn new(
        stores: JoinStores,
        side: Side,
        windows: JoinWindows,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<V>>,
    ) -> Self {
        let store = match side {
            Side::Left => stores.left,
            Side::Right => stores.right,
        };
        let (join, retention_ms) = (stores.join(), windows.retention_ms());
        Self { store, join, side, retention_ms, keys, values, buffers: Buffers::default() }
    }

    /// Puts the records of a key whose times lie from `from` to `to` into `found`, the oldest first.
    pub(crate) fn find(
        &mut self,
        key: &K,
        (from, to): (Timestamp, Timestamp),
        found: &mut Vec<Kept>,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        found.clear();
        let latest = context.join_times(self.join).side(self.side).latest;
        let (from, to) = (from.max(self.oldest_kept_now(latest, context)), to.min(latest));
        if from > to {
            return Ok(());
        }
        self.write_key(key, context)?;
        for segment in self.segment(from)..=self.segment(to) {
            write_entry_key(&mut self.buffers.first, segment, &self.buffers.key, from, 0);
            write_entry_key(&mut self.buffers.last, segment, &self.buffers.key, to, u32::MAX);
            let range = (Bound::Included(&*self.buffers.first), Bound::Included(&*self.buffers.last));
            for entry in context.store(self.store).range(range) {
                let (key, value) = entry?;
                if let Some((time, _)) = split_entry_key(&key) {
                    found.push((time, value));
                }
            }
        }
        Ok(())
    }

    /// Reads what was found.
    pub(crate) fn read(&self, (_, stored): &Kept, context: &Context) -> Result<V, NodeError> {
        read_timed(stored, self.values.as_ref())
            .map(|(_, value)| value)
            .map_err(|error| context.stored(self.store, error))
    }

    /// Keeps a record, and lets go of what has expired; false if the record has itself.
    pub(crate) fn keep(&mut self, record: &Record<K, V>, context: &mut Context) -> Result<bool, NodeError> {
        let times = context.join_times(self.join).side(self.side);
        times.latest = times.latest.max(record.timestamp);
        let latest = times.latest;
        let oldest_kept = self.oldest_kept_now(latest, context);
        if record.timestamp < oldest_kept {
            return Ok(false);
        }
        let times = context.join_times(self.join).side(self.side);
        times.next_number = times.next_number.wrapping_add(1);
        let number = times.next_number;
        self.write_key(&record.key, context)?;
        let segment = self.segment(record.timestamp);
        let Buffers { key, first, value, .. } = &mut self.buffers;
        write_entry_key(first, segment, key, record.timestamp, number);
        write_timed(value, record.timestamp, &record.value, self.values.as_ref())
            .map_err(|error| context.unstorable(self.store, error))?;
        context.put(self.store, first, value)?;
        self.expire(self.segment(oldest_kept), context)?;
        Ok(true)
    }

    /// Removes the segments before `first`.
    fn expire(&mut self, first: i64, context: &mut Context) -> Result<(), NodeError> {
        if context.join_times(self.join).side(self.side).first_segment >= first {
            return Ok(());
        }
        let is_over = |key: &[u8]| split_segment(key).is_none_or(|segment| segment < first);
        context.delete_while(self.store, &[], is_over)?;
        context.join_times(self.join).side(self.side).first_segment = first;
        Ok(())
    }

    /// The oldest time that is kept; with watermarks, all is that may still find a partner, however new others are.
    fn oldest_kept_now(&self, latest: Timestamp, context: &Context) -> Timestamp {
        let watermark = context.watermark().map(|watermark| watermark.plus_ms(-1));
        self.oldest_kept(watermark.unwrap_or(latest))
    }

    /// The oldest time that is kept when the latest is this.
    fn oldest_kept(&self, latest: Timestamp) -> Timestamp {
        latest.plus_ms(self.retention_ms.saturating_neg()).plus_ms(1)
    }

    fn segment(&self, time: Timestamp) -> i64 {
        time.0.div_euclid((self.retention_ms / 2).max(SHORTEST_SEGMENT_MS))
    }

    fn write_key(&mut self, key: &K, context: &Context) -> Result<(), NodeError> {
        self.buffers.key.clear();
        self.keys.serialize(key, &mut self.buffers.key).map_err(|error| context.unstorable(self.store, error))
    }
}

/// How one operator sees the store of records that wait for a partner.
pub(crate) struct WaitingView {
    pub(crate) store: StoreId,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// A key whose records wait no longer.
pub(crate) struct Due {
    entry_key: Bytes,
    values: Bytes,
    pub(crate) time: Timestamp,
    pub(crate) side: Side,
}

impl WaitingView {
    pub(crate) fn new(store: StoreId) -> Self {
        Self { store, key: Vec::new(), value: Vec::new() }
    }

    /// Lets a record wait, behind those of the same side, key and time.
    pub(crate) fn add<K: 'static, V: 'static>(
        &mut self,
        side: &SideView<K, V>,
        record: &Record<K, V>,
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(side.side, side.keys.as_ref(), &record.key, record.timestamp, context)?;
        self.value.clear();
        match context.store(self.store).get(&self.key)? {
            Some(before) => self.value.extend_from_slice(&before),
            None => self.value.extend_from_slice(&record.timestamp.0.to_be_bytes()),
        }
        let start = self.value.len();
        self.value.extend_from_slice(&[0; 4]);
        side.values
            .serialize(&record.value, &mut self.value)
            .map_err(|error| context.unstorable(self.store, error))?;
        let length = (self.value.len() - start).saturating_sub(4) as u32;
        if let Some(place) = self.value.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        context.put(self.store, &self.key, &self.value)
    }

    /// Records of this side, key and time have found a partner.
    pub(crate) fn remove<K: 'static>(
        &mut self,
        side: Side,
        keys: &dyn Serde<K>,
        (key, time): (&K, Timestamp),
        context: &mut Context,
    ) -> Result<(), NodeError> {
        self.write_key(side, keys, key, time, context)?;
        if context.store(self.store).get(&self.key)?.is_some() {
            context.delete(self.store, &self.key)?;
        }
        Ok(())
    }

    /// Puts what has waited long enough into `due`; gives the time after which to look again.
    pub(crate) fn find_due(
        &self,
        windows: JoinWindows,
        stream_time: Timestamp,
        due: &mut Vec<Due>,
        context: &Context,
    ) -> Result<Option<Timestamp>, NodeError> {
        due.clear();
        let is_exact = context.watermark().is_some();
        let mut look =
            Look { windows, stream_time, is_exact, since: None, left_open: false, right_open: false };
        for entry in context.store(self.store).range((Bound::Unbounded, Bound::Unbounded)) {
            let (entry_key, values) = entry?;
            let Some((time, side, _)) = split_waiting_key(&entry_key) else {
                continue;
            };
            match look.at(time, side) {
                Seen::Due => due.push(Due { entry_key, values, time, side }),
                // A second record of the key is looked at once more; what a third would change is nothing.
                Seen::Open if has_several(&values) && look.at(time, side) == Seen::Enough => break,
                Seen::Open => {}
                Seen::Enough => break,
            }
        }
        Ok(look.since)
    }

    /// What waited no longer, is no more.
    pub(crate) fn settle(&self, due: &Due, context: &mut Context) -> Result<(), NodeError> {
        context.delete(self.store, &due.entry_key)
    }

    fn write_key<K: 'static>(
        &mut self,
        side: Side,
        keys: &dyn Serde<K>,
        key: &K,
        time: Timestamp,
        context: &Context,
    ) -> Result<(), NodeError> {
        self.key.clear();
        self.key.extend_from_slice(&sortable(time));
        self.key.push(u8::from(side == Side::Left));
        keys.serialize(key, &mut self.key).map_err(|error| context.unstorable(self.store, error))
    }
}

impl Due {
    /// The key of the records.
    pub(crate) fn key<K: 'static>(&self, keys: &dyn Serde<K>) -> Result<K, SerdeError> {
        let (_, _, key) = split_waiting_key(&self.entry_key).ok_or_else(|| {
            SerdeError::malformed::<K>("the time in front of it is cut off", &self.entry_key, None)
        })?;
        keys.deserialize(key)
    }

    /// The values of the records, in the order in which they came.
    pub(crate) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.values.get(TIME_SIZE..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (value, behind) = split_value(rest)?;
            rest = behind;
            Some(value)
        })
    }
}

/// A look over the records that wait, in the order of their times, as Kafka Streams looks: it ends where both sides are
/// known to be open, and the time of the last record seen says when to look again. So a record may wait longer than its
/// window is open, and those that came while it waited leave with it. With watermarks, no record does: by then, the task
/// tells others that nothing so old will come.
struct Look {
    windows: JoinWindows,
    stream_time: Timestamp,
    /// True if the time of the first record that is still open says when to look again.
    is_exact: bool,
    since: Option<Timestamp>,
    left_open: bool,
    right_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Due,
    Open,
    Enough,
}

impl Look {
    fn at(&mut self, time: Timestamp, side: Side) -> Seen {
        if !self.is_exact {
            self.since = Some(time);
        }
        if self.left_open && self.right_open {
            return Seen::Enough;
        }
        if !self.windows.is_open(side, time, self.stream_time) {
            return Seen::Due;
        }
        self.since.get_or_insert(time);
        match side {
            Side::Left => self.left_open = true,
            Side::Right => self.right_open = true,
        }
        Seen::Open
    }
}

fn recalled_side(store: StoreId, context: &Context) -> Result<SideTimes, NodeError> {
    let mut times = SideTimes { latest: Timestamp::NONE, first_segment: i64::MIN, next_number: 0 };
    for entry in context.store(store).range((Bound::Unbounded, Bound::Unbounded)) {
        if let Some((time, number)) = split_entry_key(&entry?.0) {
            times.latest = times.latest.max(time);
            times.next_number = times.next_number.max(number);
        }
    }
    Ok(times)
}

fn first_waiting(store: StoreId, context: &Context) -> Result<Option<Timestamp>, NodeError> {
    let first = context.store(store).range((Bound::Unbounded, Bound::Unbounded)).next().transpose()?;
    Ok(first.and_then(|(key, _)| split_waiting_key(&key).map(|(time, _, _)| time)))
}

fn write_entry_key(out: &mut Vec<u8>, segment: i64, key: &[u8], time: Timestamp, number: u32) {
    out.clear();
    out.extend_from_slice(&sortable(Timestamp(segment)));
    out.extend_from_slice(&(key.len() as u32).to_be_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(&sortable(time));
    out.extend_from_slice(&number.to_be_bytes());
}

/// The time and number at the end of an entry's key.
fn split_entry_key(key: &[u8]) -> Option<(Timestamp, u32)> {
    let (rest, number) = key.split_last_chunk::<NUMBER_SIZE>()?;
    let (_, time) = rest.split_last_chunk::<TIME_SIZE>()?;
    Some((from_sortable(*time), u32::from_be_bytes(*number)))
}

fn split_segment(key: &[u8]) -> Option<i64> {
    key.first_chunk::<SEGMENT_SIZE>().map(|segment| from_sortable(*segment).0)
}

fn split_waiting_key(key: &[u8]) -> Option<(Timestamp, Side, &[u8])> {
    let (time, rest) = key.split_first_chunk::<TIME_SIZE>()?;
    let (side, key) = rest.split_first()?;
    let side = if *side == 1 { Side::Left } else { Side::Right };
    Some((from_sortable(*time), side, key))
}

fn split_value(values: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = values.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

fn has_several(values: &[u8]) -> bool {
    let first = values.get(TIME_SIZE..).and_then(split_value);
    first.is_some_and(|(_, rest)| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use headwater_schema::utf8;

    use super::*;
    use crate::graph::{Graph, StoreKind, StoreSpec};
    use crate::outputs::Outputs;
    use crate::store::{ByteStore, MemoryStore};
    use crate::task::TaskConfig;

    const STORES: JoinStores = JoinStores { left: StoreId(0), right: StoreId(1), waiting: Some(StoreId(2)) };

    fn windows() -> JoinWindows {
        JoinWindows::of(Duration::from_secs(2))
    }

    /// A task's context with the stores of a join, as they are after a restart with these entries.
    fn context(entries: &[Vec<(Bytes, Bytes)>]) -> Context {
        let topic = headwater_model::TopicName::new("changelog").unwrap();
        let spec = |kind| StoreSpec { name: "store".to_owned(), kind, backed_by: topic.clone() };
        let kinds = [
            StoreKind::JoinSide(windows()),
            StoreKind::JoinSide(windows()),
            StoreKind::JoinWaiting(windows()),
        ];
        let graph = Arc::new(Graph { stores: kinds.map(spec).into(), ..Graph::default() });
        let mut stores: BTreeMap<StoreId, Box<dyn ByteStore>> = BTreeMap::new();
        for index in 0..3 {
            let mut store = MemoryStore::new();
            for (key, value) in entries.get(index).into_iter().flatten() {
                store.put(key, value).unwrap();
            }
            stores.insert(StoreId(index), Box::new(store));
        }
        let outputs = Outputs::new(Arc::clone(&graph));
        Context::new(graph, stores, outputs, &TaskConfig::default(), Arc::new([]))
    }

    fn view(side: Side) -> SideView<String, String> {
        SideView::new(STORES, side, windows(), Arc::new(utf8()), Arc::new(utf8()))
    }

    fn record(time: i64) -> Record<String, String> {
        Record::new("key".to_owned(), "value".to_owned(), Timestamp(time))
    }

    fn entries(context: &Context) -> Vec<Vec<(Bytes, Bytes)>> {
        let all = |store: &dyn ByteStore| {
            store.range((Bound::Unbounded, Bound::Unbounded)).map(Result::unwrap).collect()
        };
        context.stores().map(|(_, store)| all(store)).collect()
    }

    #[test]
    fn what_has_expired_is_removed_by_segments_and_found_no_more() {
        let (mut context, mut left) = (context(&[]), view(Side::Left));
        for time in (0..60_000).step_by(500) {
            assert!(left.keep(&record(time), &mut context).unwrap());
        }
        // Kept for 4 seconds, in segments of 2 seconds.
        assert!(entries(&context)[0].len() <= 12, "{}", entries(&context)[0].len());
        assert!(!left.keep(&record(55_500), &mut context).unwrap());
        assert!(left.keep(&record(55_501), &mut context).unwrap());
        let mut found = Vec::new();
        left.find(&"key".to_owned(), (Timestamp(0), Timestamp(56_000)), &mut found, &mut context).unwrap();
        let times: Vec<_> = found.iter().map(|(time, _)| time.0).collect();
        assert_eq!(times, [55_501, 56_000]);
    }

    #[test]
    fn the_times_of_a_join_are_found_again_from_its_stores() {
        let (mut context_before, mut left, mut right) = (context(&[]), view(Side::Left), view(Side::Right));
        let mut waiting = WaitingView::new(StoreId(2));
        for time in [7_000, 5_000] {
            STORES.recall(&mut context_before).unwrap();
            context_before.join_times(STORES.join()).advance(Timestamp(time));
            context_before.join_times(STORES.join()).wait(Timestamp(time));
            waiting.add(&left, &record(time), &mut context_before).unwrap();
            left.keep(&record(time), &mut context_before).unwrap();
            right.keep(&record(time - 1_000), &mut context_before).unwrap();
        }
        let mut context_after = context(&entries(&context_before));
        STORES.recall(&mut context_after).unwrap();
        let before = *context_before.join_times(STORES.join());
        let after = *context_after.join_times(STORES.join());
        assert_eq!((after.stream_time, after.waiting_since), (before.stream_time, before.waiting_since));
        for (after, before) in [(after.left, before.left), (after.right, before.right)] {
            assert_eq!((after.latest, after.next_number), (before.latest, before.next_number));
        }
    }
}
