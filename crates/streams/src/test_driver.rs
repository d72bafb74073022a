//! A topology at work without a broker, for tests of topologies.
//!
//! Owns: the topics of a test, the hand-over of records between the tasks of a topology, a clock in the test's hands.
//!
//! Invariants: it drives the tasks that the runtime drives, over real batches; what was fed and run has had all its
//! effects when the call returns; the same calls give the same outputs.
//!
//! Does not know: clients, commits, processes.

mod driven;
mod error;
mod topics;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_model::{Monotonic, Offset, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_schema::{KeyValueSerde, Part, Serde};
use headwater_wire::batch::BatchError;

use crate::error::{ReadError, TaskError};
use crate::record::{Headers, Record};
use crate::store::global::{Applied, GlobalStores};
use crate::task::{Task, TaskConfig, TaskMetrics};
use crate::topology::{Plan, SubTopology, Topology};
use crate::window::{Windowed, whole_ms};
use driven::{Driven, oldest};
use topics::{RecordBytes, Topics};
use written::{Written, WrittenRecord};

pub use error::TestError;

/// Drives a topology in a test: takes records for the topics that it reads, and shows what it writes and keeps.
///
/// [`pipe`](Self::pipe) feeds one record and waits for all its effects. [`load`](Self::load) only lays records into
/// their topics, so that [`run`](Self::run) takes them up by their time, over all topics, whatever order they were
/// loaded in.
///
/// ```
/// use headwater_model::Timestamp;
/// use headwater_schema::{long, serdes, utf8};
/// use headwater_streams::{Guarantee, Record, TestDriver, Topology};
///
/// let mut app = Topology::builder("words").guarantee(Guarantee::AtLeastOnce);
/// app.stream("words", serdes(utf8(), utf8()))
///     .group_by_key()
///     .count("counts")
///     .updates()
///     .to("counted", serdes(utf8(), long()));
/// let topology = app.build()?;
///
/// let mut driver = TestDriver::new(&topology);
/// for time in [10, 20] {
///     let word = Record::new("a".to_owned(), "said".to_owned(), Timestamp(time));
///     driver.pipe("words", serdes(utf8(), utf8()), word)?;
/// }
/// let counted = driver.output("counted", serdes(utf8(), long()))?;
/// assert_eq!(counted.iter().map(|record| record.value).collect::<Vec<_>>(), [1, 2]);
/// assert_eq!(driver.store("counts", serdes(utf8(), long()))?, [("a".to_owned(), 2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TestDriver {
    globals: GlobalStores,
    applied: Applied,
    global_partitions: Vec<TopicPartition>,
    /// The tasks of each sub-topology.
    sub_topologies: Vec<Vec<Driven>>,
    topics: Topics,
    written: BTreeMap<TopicName, Written>,
    now: Monotonic,
    stopped: bool,
    skipped: Vec<TaskError>,
    /// Lent to serdes, so that feeding a record allocates nothing of its own.
    key: Vec<u8>,
    value: Vec<u8>,
}

/// What a test may want other than it is by default.
#[derive(Debug, Clone, Default)]
pub struct TestConfig {
    partitions: BTreeMap<String, i32>,
    task: TaskConfig,
}

/// A record that the topology wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRecord<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// The time of the event.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: Headers,
    /// The partition that it went to.
    pub partition: PartitionId,
}

impl TestConfig {
    /// Gives a topic more partitions than one.
    #[must_use]
    pub fn partitions(mut self, topic: &str, count: i32) -> Self {
        self.partitions.insert(topic.to_owned(), count);
        self
    }

    /// Tells all tasks something other than the default: policies for errors, how long to wait for idle inputs.
    #[must_use]
    pub fn task(self, task: TaskConfig) -> Self {
        Self { task, ..self }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "serdes are given here as the builder takes them")]
impl TestDriver {
    /// A driver with empty stores, whose topics have one partition each.
    pub fn new(topology: &Topology) -> Self {
        match Self::with(topology, &TestConfig::default()) {
            Ok(driver) => driver,
            Err(error) => unreachable!("topics with one partition each suit every topology: {error}"),
        }
    }

    /// As [`TestDriver::new`], with partition counts and task settings of one's own.
    pub fn with(topology: &Topology, config: &TestConfig) -> Result<Self, TestError> {
        if config.task.lacks_dead_letter_topic() {
            return Err(TestError::NoDeadLetterTopic);
        }
        let partitions = partition_counts(topology, &config.partitions)?;
        let plan = Plan::new(topology, &partitions)?;
        let internal = plan.repartition_topics().map(|(topic, count)| (topic.clone(), count));
        let topics =
            Topics::new(partitions.into_iter().chain(internal), |topic| plan.partitions(topic).is_some());
        let globals = topology.global_stores(&config.task);
        let global_partitions = globals.topics().flat_map(|topic| topics.partitions(topic)).collect();
        let driven = |id, sub: &SubTopology| {
            let mut task = topology.task(id, &globals, &config.task)?;
            task.follow_plan(&plan, sub);
            Some(Driven::new(task))
        };
        let tasks_of =
            |sub: &SubTopology| plan.tasks(sub.number()).filter_map(|id| driven(id, sub)).collect();
        let sub_topologies = topology.sub_topologies().iter().map(tasks_of);
        Ok(Self {
            sub_topologies: sub_topologies.collect(),
            globals,
            applied: Applied::default(),
            global_partitions,
            written: written_topics(topology).map(|topic| (topic, Written::default())).collect(),
            topics,
            now: Monotonic::ORIGIN,
            stopped: false,
            skipped: Vec::new(),
            key: Vec::new(),
            value: Vec::new(),
        })
    }

    /// Feeds a record to a topic that the topology reads, and lets it have all its effects.
    ///
    /// A record with a key goes to the partition of its key, as Kafka's clients send it; records without go to each
    /// partition in turn. For raw bytes and nulls, the serdes are `optional(bytes())`.
    pub fn pipe<K, V, SK: Serde<K>, SV: Serde<V>>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
        record: Record<K, V>,
    ) -> Result<(), TestError> {
        self.load(topic, serdes, [record])?;
        self.run()
    }

    /// Lays records into a topic that the topology reads, and leaves them there until [`TestDriver::run`].
    pub fn load<K, V, SK: Serde<K>, SV: Serde<V>>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
        records: impl IntoIterator<Item = Record<K, V>>,
    ) -> Result<(), TestError> {
        self.lay(topic, None, &serdes, records)
    }

    /// As [`TestDriver::load`], into one partition, whatever the records' keys: as a producer does that has a partitioner
    /// of its own.
    pub fn load_into<K, V, SK: Serde<K>, SV: Serde<V>>(
        &mut self,
        topic: &str,
        partition: PartitionId,
        serdes: KeyValueSerde<SK, SV>,
        records: impl IntoIterator<Item = Record<K, V>>,
    ) -> Result<(), TestError> {
        self.lay(topic, Some(partition), &serdes, records)
    }

    fn lay<K, V, SK: Serde<K>, SV: Serde<V>>(
        &mut self,
        topic: &str,
        wanted: Option<PartitionId>,
        serdes: &KeyValueSerde<SK, SV>,
        records: impl IntoIterator<Item = Record<K, V>>,
    ) -> Result<(), TestError> {
        if self.stopped {
            return Err(TestError::Stopped);
        }
        let name = topic;
        let topic = self.read_topic(name)?;
        if let Some(partition) = wanted {
            self.topics.check(&topic, partition)?;
        }
        let unwritable = |part| move |source| TestError::Unwritable { topic: name.to_owned(), part, source };
        for record in records {
            self.key.clear();
            self.value.clear();
            let key = serdes.key.serialize_nullable(&record.key, &mut self.key);
            let key = key.map_err(unwritable(Part::Key))?.then_some(self.key.as_slice());
            let value = serdes.value.serialize_nullable(&record.value, &mut self.value);
            let value = value.map_err(unwritable(Part::Value))?.then_some(self.value.as_slice());
            let bytes = RecordBytes { key, value, timestamp: record.timestamp, headers: &record.headers };
            let partition = wanted.unwrap_or_else(|| self.topics.partition_of(&topic, key));
            self.topics.append(&topic, partition, &bytes).map_err(too_large(&topic))?;
        }
        Ok(())
    }

    /// Lets all that was loaded have its effects.
    pub fn run(&mut self) -> Result<(), TestError> {
        if self.stopped {
            return Err(TestError::Stopped);
        }
        let ended = self.run_to_the_end();
        self.stopped = ended.is_err();
        ended
    }

    /// Lets the wall clock go on, and what waits for it happen. Event time does not follow: that is the records'.
    pub fn advance(&mut self, time: Duration) -> Result<(), TestError> {
        if self.stopped {
            return Err(TestError::Stopped);
        }
        // Processors that have not begun yet count their timers from before.
        let begun = self.punctuate();
        self.stopped = begun.is_err();
        begun?;
        self.now = self.now + time;
        self.run()
    }

    /// What the wall clock shows: how far the test has let it go on, counted from 1970-01-01T00:00:00Z.
    pub fn wall_clock(&self) -> Timestamp {
        Timestamp(whole_ms(self.now.since_origin()))
    }

    /// Takes what was written to a topic since it was last read, in the order in which it was written. That can be any
    /// topic that the topology writes, repartition topics included, and those that records chose, from the first record
    /// on. For raw bytes, the serdes are `optional(bytes())`.
    pub fn output<K, V, SK: Serde<K>, SV: Serde<V>>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
    ) -> Result<Vec<TestRecord<K, V>>, TestError> {
        let Some(written) = self.written.get_mut(topic) else {
            return Err(TestError::NotWritten { topic: topic.to_owned(), known: names(self.written.keys()) });
        };
        let unreadable = |part| move |source| TestError::Unreadable { topic: topic.to_owned(), part, source };
        let typed = |record: WrittenRecord<'_>| {
            let key = serdes.key.deserialize_nullable(record.key).map_err(unreadable(Part::Key))?;
            let value = serdes.value.deserialize_nullable(record.value).map_err(unreadable(Part::Value))?;
            let WrittenRecord { partition, timestamp, headers, .. } = record;
            Ok(TestRecord { key, value, timestamp, headers, partition })
        };
        std::mem::take(written).records().map(typed).collect()
    }

    /// The entries of a table or an aggregate: partition by partition, in the order of the keys' bytes.
    pub fn store<K: 'static, V: 'static, SK: Serde<K>, SV: Serde<V>>(
        &self,
        name: &str,
        serdes: KeyValueSerde<SK, SV>,
    ) -> Result<Vec<(K, V)>, TestError> {
        let entries = |task: &Task| task.entries(name, &serdes.key, &serdes.value);
        self.entries(name, "table or aggregate", entries)
    }

    /// The entries of a windowed aggregate: partition by partition, in the order of the windows, then of the keys'
    /// bytes. Windows that are over, grace included, are removed when the next record arrives.
    pub fn window_store<K: 'static, V: 'static, SK: Serde<K>, SV: Serde<V>>(
        &self,
        name: &str,
        serdes: KeyValueSerde<SK, SV>,
    ) -> Result<Vec<(Windowed<K>, V)>, TestError> {
        let entries = |task: &Task| task.window_entries(name, &serdes.key, &serdes.value);
        self.entries(name, "windowed aggregate", entries)
    }

    /// Errors of tasks that the policies said to skip: the first few of each run. The metrics count them all.
    pub fn skipped(&self) -> &[TaskError] {
        &self.skipped
    }

    /// How many records were too late for their window, by the name of the aggregate.
    pub fn late(&self, name: &str) -> u64 {
        self.metrics().late.get(name).copied().unwrap_or_default()
    }

    /// What all tasks together have done, and the global tables.
    pub fn metrics(&self) -> TaskMetrics {
        let Applied { records, null_keys, skipped } = self.applied;
        let mut sum = TaskMetrics { records_in: records, null_keys, skipped, ..TaskMetrics::default() };
        for task in self.tasks() {
            sum.add(&task.metrics());
        }
        sum
    }

    /// The topic of that name, if the topology reads it.
    fn read_topic(&self, name: &str) -> Result<TopicName, TestError> {
        let driven = self.sub_topologies.iter().flatten();
        let inputs = driven.flat_map(|driven| &driven.inputs).chain(&self.global_partitions);
        let known = inputs.map(|input| &input.topic);
        match known.clone().find(|topic| topic.as_str() == name) {
            Some(topic) => Ok(topic.clone()),
            None => Err(TestError::NotRead { topic: name.to_owned(), known: names(known) }),
        }
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.sub_topologies.iter().flatten().map(|driven| &driven.task)
    }

    /// Runs the sub-topologies one after the other; one round suffices unless they feed each other in a circle. The
    /// tasks of a sub-topology take turns by the time of their records, so that a repartition topic is as much in order
    /// as what it is made of.
    fn run_to_the_end(&mut self) -> Result<(), TestError> {
        self.punctuate()?;
        loop {
            self.fill_global_tables()?;
            let mut fed_back = false;
            for tasks in &mut self.sub_topologies {
                for driven in tasks.iter_mut() {
                    driven.take_from(&mut self.topics, self.now)?;
                }
                let limit = if tasks.len() == 1 { RECORDS_AT_ONCE } else { 1 };
                while let Some(driven) = oldest(tasks) {
                    let step = driven.task.step(self.now, limit);
                    fed_back |= collect(&mut driven.task, &mut self.topics, &mut self.written)?;
                    self.skipped.append(&mut driven.task.take_skipped());
                    step?;
                    driven.look(self.now)?;
                }
                for driven in tasks.iter_mut().filter(|driven| driven.task.has_watermarks()) {
                    // Nothing is to be processed, but an input may have become idle.
                    let step = driven.task.step(self.now, 1);
                    driven.task.tell_watermark(self.now, Duration::ZERO);
                    fed_back |= collect(&mut driven.task, &mut self.topics, &mut self.written)?;
                    self.skipped.append(&mut driven.task.take_skipped());
                    step?;
                }
            }
            if !fed_back {
                return Ok(());
            }
        }
    }

    /// Lets the processors' timers by the wall clock take their turns.
    fn punctuate(&mut self) -> Result<(), TestError> {
        self.fill_global_tables()?;
        let wall_clock = self.wall_clock();
        for Driven { task, .. } in self.sub_topologies.iter_mut().flatten() {
            let punctuated = task.punctuate(wall_clock);
            collect(task, &mut self.topics, &mut self.written)?;
            self.skipped.append(&mut task.take_skipped());
            punctuated?;
        }
        Ok(())
    }

    fn fill_global_tables(&mut self) -> Result<(), TestError> {
        for partition in &self.global_partitions {
            let taken = self.topics.take(partition).map_err(too_large(&partition.topic))?;
            for batch in taken.batches {
                let applied = self.globals.apply(partition, &batch, Offset::ZERO)?;
                self.applied.records += applied.records;
                self.applied.null_keys += applied.null_keys;
                self.applied.skipped += applied.skipped;
            }
        }
        Ok(())
    }

    fn entries<T>(
        &self,
        name: &str,
        kind: &'static str,
        read: impl FnMut(&Task) -> Option<Result<Vec<T>, ReadError>>,
    ) -> Result<Vec<T>, TestError> {
        let mut entries = Vec::new();
        let mut found = false;
        for of_task in self.tasks().filter_map(read) {
            found = true;
            entries.extend(of_task?);
        }
        if found {
            return Ok(entries);
        }
        let known = self.tasks().flat_map(Task::store_names);
        Err(TestError::NoStore { store: name.to_owned(), kind, known: names(known) })
    }
}

/// Takes what a task has produced to its topics; true if any of them is one that the topology reads.
fn collect(
    task: &mut Task,
    topics: &mut Topics,
    written: &mut BTreeMap<TopicName, Written>,
) -> Result<bool, TestError> {
    let mut fed_back = false;
    for record in task.outputs().records() {
        let by_key = || topics.partition_of(record.topic, record.key);
        let partition = record.partition.unwrap_or_else(by_key);
        let (key, value, timestamp, headers) = (record.key, record.value, record.timestamp, record.headers);
        let bytes = RecordBytes { key, value, timestamp, headers };
        fed_back |= topics.append(record.topic, partition, &bytes).map_err(too_large(record.topic))?;
        if record.is_mark() {
            continue;
        }
        // Records may choose topics that the topology does not name.
        if !written.contains_key(record.topic) {
            written.insert(record.topic.clone(), Written::default());
        }
        if let Some(written) = written.get_mut(record.topic) {
            written.push(&record, partition);
        }
    }
    task.clear_outputs();
    Ok(fed_back)
}

/// How many partitions each topic has that the application does not make itself.
fn partition_counts(
    topology: &Topology,
    wanted: &BTreeMap<String, i32>,
) -> Result<BTreeMap<TopicName, i32>, TestError> {
    let known = topology.source_topics().into_iter().chain(topology.sink_topics()).cloned();
    let mut counts: BTreeMap<_, _> = known.map(|topic| (topic, 1)).collect();
    for (topic, partitions) in wanted {
        let (topic, partitions) = (topic.clone(), *partitions);
        match (counts.get_mut(topic.as_str()), partitions) {
            (Some(count), 1..) => *count = partitions,
            (Some(_), _) => return Err(TestError::NoPartitions { topic, partitions }),
            (None, _) => return Err(TestError::NoTopic { topic, known: names(counts.keys()) }),
        }
    }
    Ok(counts)
}

fn written_topics(topology: &Topology) -> impl Iterator<Item = TopicName> {
    let sub_topologies = topology.sub_topologies().iter();
    sub_topologies.flat_map(|sub| sub.sinks().iter().chain(sub.repartitions())).cloned()
}

fn names(names: impl Iterator<Item = impl ToString>) -> Vec<String> {
    let mut names: Vec<_> = names.map(|name| name.to_string()).collect();
    names.sort();
    names.dedup();
    names
}

fn too_large(topic: &TopicName) -> impl Fn(BatchError) -> TestError {
    move |source| TestError::Batch { topic: topic.to_string(), source }
}

/// After how many records a task's outputs are taken, so that they stay small.
const RECORDS_AT_ONCE: usize = 4_096;
