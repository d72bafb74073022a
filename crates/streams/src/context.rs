//! What the nodes of a task share while a record goes through them: stores, outputs, time, counts.

mod dead_letter;
mod timers;

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_model::{Offset, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_schema::{Part, SerdeError};

use crate::changes::{ChangedKeys, StoreWrites};
use crate::error::{ErrorPolicies, Location, OnError, TaskError};
use crate::graph::{Graph, NodeId, StoreId};
use crate::node::{NodeError, Processed};
use crate::outputs::Outputs;
use crate::store::timed::{join_timed, split_timed};
use crate::store::{ByteStore, DiskStore, JoinTimes, Observed, StoreError};
use crate::task::TaskConfig;
use crate::watermark::{Mark, Standing, TaskTime};

pub(crate) use dead_letter::CameIn;
use timers::Timers;
pub(crate) use timers::{ProcessorId, Schedule};
pub use timers::{PunctuationType, Timer};

/// How many entries that are to be removed are looked up at once.
const DELETED_AT_ONCE: usize = 256;

/// See the module.
pub(crate) struct Context {
    graph: Arc<Graph>,
    stores: BTreeMap<StoreId, Box<dyn ByteStore>>,
    outputs: Outputs,
    policies: ErrorPolicies,
    dead_letter_topic: Option<TopicName>,
    /// What the record at hand met that the policies say to write to the dead-letter topic.
    dead_letters: Vec<TaskError>,
    /// Event time: the highest of all records, or with watermarks the task's watermark.
    stream_time: Timestamp,
    /// Where the task goes by watermarks.
    watermarks: Option<TaskTime>,
    /// Up to where the nodes that wait for event time know it.
    passed: Timestamp,
    inputs: Arc<[TopicPartition]>,
    current: (usize, Offset),
    counts: Counts,
    /// The times of joins of streams, which their two sides share.
    join_times: BTreeMap<StoreId, JoinTimes>,
    /// How far stores have come that remember it.
    observed: BTreeMap<StoreId, Observed>,
    /// An entry under construction.
    stored: Vec<u8>,
    keeps_changes: bool,
    changed: ChangedKeys,
    /// What changelogs must hear so that changes that were never committed are taken back.
    taken_back: StoreWrites,
    timers: Timers,
}

/// What a task has left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Records too late for their window, by operator.
    pub(crate) late: BTreeMap<NodeId, u64>,
    /// Records without a key, where one is needed.
    pub(crate) null_keys: u64,
    /// Records without a value, where one is needed.
    pub(crate) null_values: u64,
    /// Records whose time was negative.
    pub(crate) negative_times: u64,
    /// Records that could not be dealt with, and were skipped as the policies say.
    pub(crate) skipped: u64,
}

impl Context {
    pub(crate) fn new(
        graph: Arc<Graph>,
        stores: BTreeMap<StoreId, Box<dyn ByteStore>>,
        outputs: Outputs,
        config: &TaskConfig,
        inputs: Arc<[TopicPartition]>,
    ) -> Self {
        Self {
            taken_back: StoreWrites::new(Arc::clone(&graph)),
            graph,
            stores,
            outputs,
            policies: config.policies,
            dead_letter_topic: config.dead_letter_topic.clone(),
            dead_letters: Vec::new(),
            stream_time: Timestamp::NONE,
            watermarks: None,
            passed: Timestamp::NONE,
            inputs,
            current: (0, Offset::ZERO),
            counts: Counts::default(),
            join_times: BTreeMap::new(),
            observed: BTreeMap::new(),
            stored: Vec::new(),
            keeps_changes: config.keeps_store_writes,
            changed: ChangedKeys::default(),
            timers: Timers::default(),
        }
    }

    /// Turns to the next record: stream time follows it, and never goes back.
    pub(crate) fn begin(&mut self, input: usize, offset: Offset, timestamp: Timestamp) {
        self.current = (input, offset);
        let reached = match &mut self.watermarks {
            None => timestamp,
            Some(watermarks) => {
                watermarks.see(input, timestamp);
                watermarks.standing().watermark
            }
        };
        self.stream_time = self.stream_time.max(reached);
    }

    /// Turns to what is no record: stream time does not follow it.
    pub(crate) fn turn_to(&mut self, input: usize, offset: Offset) {
        self.current = (input, offset);
    }

    /// Goes by watermarks from now on.
    pub(crate) fn go_by(&mut self, watermarks: TaskTime) {
        self.watermarks = Some(watermarks);
    }

    /// How far the inputs have come, where the task goes by watermarks.
    pub(crate) fn watermarks_mut(&mut self) -> Option<&mut TaskTime> {
        self.watermarks.as_mut()
    }

    /// The task's watermark, and whether it waits for none of its inputs, where it goes by watermarks.
    pub(crate) fn standing(&self) -> Option<Standing> {
        let Standing { is_idle, .. } = self.watermarks.as_ref()?.standing();
        Some(Standing { watermark: self.stream_time, is_idle })
    }

    /// The task's watermark, where it goes by watermarks.
    pub(crate) fn watermark(&self) -> Option<Timestamp> {
        self.watermarks.is_some().then_some(self.stream_time)
    }

    /// Hears how far a writer of the input at hand has come.
    pub(crate) fn hear(&mut self, mark: Option<Mark>) {
        if let (Some(watermarks), Some(mark)) = (&mut self.watermarks, mark) {
            watermarks.hear(self.current.0, mark);
        }
    }

    /// Follows the watermark; true if it is further than when last asked, and the nodes that wait for time must know.
    pub(crate) fn time_has_passed(&mut self) -> bool {
        let Some(watermarks) = &self.watermarks else {
            return false;
        };
        self.stream_time = self.stream_time.max(watermarks.standing().watermark);
        let passed = std::mem::replace(&mut self.passed, self.stream_time);
        passed < self.stream_time
    }

    /// Event time: the highest timestamp of all records that the task has taken up so far, or with watermarks how far
    /// all inputs have come.
    pub(crate) fn stream_time(&self) -> Timestamp {
        self.stream_time
    }

    /// Where the record that came in is; within a timer, the last one that did.
    pub(crate) fn location(&self) -> Location {
        let (input, offset) = self.current;
        match self.inputs.get(input) {
            Some(topic_partition) => Location { topic_partition: topic_partition.clone(), offset },
            None => unreachable!("a task turns only to inputs of its own"),
        }
    }

    /// The partition that the record came from.
    pub(crate) fn partition(&self) -> PartitionId {
        let (input, _) = self.current;
        self.inputs.get(input).map_or(PartitionId(0), |from| from.partition)
    }

    /// The topic, the partition and the offset of the record that came in.
    pub(crate) fn at(&self) -> Option<(&TopicName, PartitionId, Offset)> {
        let (input, offset) = self.current;
        let from = self.inputs.get(input)?;
        Some((&from.topic, from.partition, offset))
    }

    pub(crate) fn operator(&self, node: NodeId) -> String {
        self.graph.node(node).to_string()
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    pub(crate) fn outputs_mut(&mut self) -> &mut Outputs {
        &mut self.outputs
    }

    /// Counts a record that is too late for its window.
    pub(crate) fn drop_late(&mut self, operator: NodeId) {
        *self.counts.late.entry(operator).or_default() += 1;
    }

    /// Counts a record without a key, where one is needed.
    pub(crate) fn drop_null_key(&mut self) {
        self.counts.null_keys += 1;
    }

    /// Counts a record without a value, where one is needed.
    pub(crate) fn drop_null_value(&mut self) {
        self.counts.null_values += 1;
    }

    /// True if the times of a join are known already.
    pub(crate) fn knows_join(&self, join: StoreId) -> bool {
        self.join_times.contains_key(&join)
    }

    /// Counts a record whose time is negative.
    pub(crate) fn drop_negative_time(&mut self) {
        self.counts.negative_times += 1;
    }

    /// The times of a join of streams.
    pub(crate) fn join_times(&mut self, join: StoreId) -> &mut JoinTimes {
        self.join_times.entry(join).or_default()
    }

    /// How far a store has come, if that is known already.
    pub(crate) fn observed(&self, store: StoreId) -> Option<Observed> {
        self.observed.get(&store).copied()
    }

    /// Remembers how far a store has come.
    pub(crate) fn observe(&mut self, store: StoreId, observed: Observed) {
        self.observed.insert(store, observed);
    }

    /// Deals with an error as the policies say: passes it on, or counts it and goes on.
    pub(crate) fn fail(&mut self, error: TaskError) -> Processed {
        match self.policies.of(&error) {
            OnError::Skip => {
                self.counts.skipped += 1;
                self.outputs.note_skipped(error);
                Ok(())
            }
            OnError::DeadLetter if self.dead_letter_topic.is_some() && self.has_record() => {
                self.counts.skipped += 1;
                self.dead_letters.push(error);
                Ok(())
            }
            OnError::Fail | OnError::DeadLetter => Err(Box::new(error)),
        }
    }

    /// As `fail`, for a result that cannot be written.
    pub(crate) fn fail_to_write(&mut self, operator: NodeId, part: Part, source: SerdeError) -> Processed {
        let error = self.unwritable(operator, part, source);
        self.fail(*error)
    }

    /// The error of a result that cannot be written.
    pub(crate) fn unwritable(&self, operator: NodeId, part: Part, source: SerdeError) -> NodeError {
        let operator = self.operator(operator);
        Box::new(TaskError::Unwritable { operator, at: self.location(), part, source })
    }

    pub(crate) fn store(&self, id: StoreId) -> &dyn ByteStore {
        match self.stores.get(&id) {
            Some(store) => store.as_ref(),
            None => unreachable!("a task opens every store of its sub-topology"),
        }
    }

    pub(crate) fn stores(&self) -> impl Iterator<Item = (StoreId, &dyn ByteStore)> {
        self.stores.iter().map(|(id, store)| (*id, store.as_ref()))
    }

    /// Writes a timed value to a store; its changelog hears of it with the next commit.
    pub(crate) fn put(&mut self, id: StoreId, key: &[u8], timed_value: &[u8]) -> Result<(), NodeError> {
        self.note_change(id, key)?;
        Ok(self.store_mut(id).put(key, timed_value)?)
    }

    /// Removes a key from a store; its changelog hears of it with the next commit.
    pub(crate) fn delete(&mut self, id: StoreId, key: &[u8]) -> Result<(), NodeError> {
        self.note_change(id, key)?;
        Ok(self.store_mut(id).delete(key)?)
    }

    /// Removes the first entries whose keys begin with a prefix, as long as their keys are over.
    pub(crate) fn delete_while(
        &mut self,
        id: StoreId,
        prefix: &[u8],
        is_over: impl Fn(&[u8]) -> bool,
    ) -> Result<(), NodeError> {
        loop {
            let keys = self.store(id).prefix(prefix).map(|entry| entry.map(|(key, _)| key));
            let over = keys.take_while(|key| key.as_ref().map_or(true, |key| is_over(key)));
            let over = over.take(DELETED_AT_ONCE).collect::<Result<Vec<_>, _>>()?;
            for key in &over {
                self.delete(id, key)?;
            }
            if over.len() < DELETED_AT_ONCE {
                return Ok(());
            }
        }
    }

    fn note_change(&mut self, id: StoreId, key: &[u8]) -> Result<(), StoreError> {
        if self.keeps_changes && self.graph.store(id).has_changelog() && !self.changed.contains(id, key) {
            let existed = self.store(id).contains(key)?;
            self.changed.add(id, key, existed);
        }
        Ok(())
    }

    /// About how much memory it takes to remember what has changed.
    pub(crate) fn changed_bytes(&self) -> usize {
        self.changed.bytes()
    }

    /// What changelogs must hear of all changes since this was last asked.
    pub(crate) fn take_changes(&mut self) -> Result<StoreWrites, StoreError> {
        let none = StoreWrites::new(Arc::clone(&self.graph));
        let mut writes = std::mem::replace(&mut self.taken_back, none);
        for (store, key, existed) in self.changed.take() {
            self.write_entry(store, &key, !existed, &mut writes)?;
        }
        Ok(writes)
    }

    /// Tells a changelog, with the next commit, what an entry is now; of one that was never committed, that it is not.
    pub(crate) fn take_back(&mut self, store: StoreId, key: &[u8]) -> Result<(), StoreError> {
        let none = StoreWrites::new(Arc::clone(&self.graph));
        let mut writes = std::mem::replace(&mut self.taken_back, none);
        let written = self.write_entry(store, key, false, &mut writes);
        self.taken_back = writes;
        written
    }

    fn write_entry(
        &self,
        store: StoreId,
        key: &[u8],
        is_new: bool,
        writes: &mut StoreWrites,
    ) -> Result<(), StoreError> {
        let stored = self.store(store).get(key)?;
        match stored.as_deref().and_then(split_timed) {
            Some((timestamp, value)) => {
                writes.push(store, key, Some(value), timestamp, is_new);
            }
            None if is_new => {}
            None => writes.push(store, key, None, self.stream_time, is_new),
        }
        Ok(())
    }

    /// Begins with the stream time of an earlier task.
    pub(crate) fn restore_stream_time(&mut self, earlier: Timestamp) {
        self.stream_time = self.stream_time.max(earlier);
    }

    /// Sets an entry as the store has it; no changelog hears of it.
    pub(crate) fn set_entry(
        &mut self,
        id: StoreId,
        key: &[u8],
        stored: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        match stored {
            Some(stored) => self.store_mut(id).put(key, stored),
            None => self.store_mut(id).delete(key),
        }
    }

    /// Sets an entry as its changelog has it.
    pub(crate) fn restore_entry(
        &mut self,
        id: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(value) = value else {
            return self.store_mut(id).delete(key);
        };
        let mut stored = std::mem::take(&mut self.stored);
        join_timed(&mut stored, timestamp, value);
        let put = self.store_mut(id).put(key, &stored);
        self.stored = stored;
        put
    }

    /// How many bytes of all stores wait to be written.
    pub(crate) fn unwritten_bytes(&self) -> usize {
        self.stores.values().map(|store| store.unwritten_bytes()).sum()
    }

    /// A store, if it is on disk.
    pub(crate) fn on_disk(&mut self, id: StoreId) -> Option<&mut DiskStore> {
        self.stores.get_mut(&id)?.on_disk()
    }

    /// The stores that are on disk.
    pub(crate) fn all_on_disk(&mut self) -> impl Iterator<Item = &mut DiskStore> {
        self.stores.values_mut().filter_map(|store| store.on_disk())
    }

    /// The error of an entry that cannot be read.
    pub(crate) fn stored(&self, store: StoreId, source: SerdeError) -> NodeError {
        self.entry_error(store, true, source)
    }

    /// The error of an entry that cannot be written.
    pub(crate) fn unstorable(&self, store: StoreId, source: SerdeError) -> NodeError {
        self.entry_error(store, false, source)
    }

    fn entry_error(&self, store: StoreId, reading: bool, source: SerdeError) -> NodeError {
        let store = self.graph.store(store).name.clone();
        Box::new(TaskError::Entry { store, at: self.location(), reading, source })
    }

    fn store_mut(&mut self, id: StoreId) -> &mut Box<dyn ByteStore> {
        match self.stores.get_mut(&id) {
            Some(store) => store,
            None => unreachable!("a task opens every store of its sub-topology"),
        }
    }
}
