//! Tasks: one sub-topology at work on one partition of its topics.
//!
//! Owns: a task's inputs, the choice of the next record, its stores, its position.
//!
//! Invariants: the next record is the one with the lowest timestamp over all inputs (ties go to the input declared
//! first) or the one that the author's chooser says, and an input that may still have an older one is waited for; the same batches give the same outputs, however
//! they are cut and whenever they come; nothing here reads a clock.
//!
//! Does not know: clients, Tokio, other tasks, when something is committed.

mod backing;
mod commit;
mod input;
mod order;
mod read;
mod schedule;
mod state;
mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{Monotonic, Offset, Timestamp, TopicName, TopicPartition};
use headwater_wire::batch::Batch;

use crate::chooser::MakeChooser;
use crate::context::{Context, PunctuationType};
use crate::error::{ErrorPolicies, TaskError};
use crate::graph::{Graph, StoreId};
use crate::node::{Processors, Source};
use crate::outputs::Outputs;
use crate::store::disk::TaskFolder;
use crate::store::{ByteStore, EntryReader};
use crate::topology::TaskId;
use backing::Backing;
use input::Input;
use order::Order;
use schedule::{Choice, InputState, choose};
use time::Time;

pub(crate) use backing::Found;
pub(crate) use commit::Commit;
pub use input::End;

/// What a task is told besides its topology.
#[derive(Debug, Clone)]
pub struct TaskConfig {
    /// What to do about records that cannot be dealt with.
    pub policies: ErrorPolicies,
    /// Where records go for which a policy is [`OnError::DeadLetter`](crate::OnError::DeadLetter). It must exist.
    pub dead_letter_topic: Option<TopicName>,
    /// How long to wait for an input that is at its end, while others have records. Zero, as Kafka's default, waits only
    /// for records that are known to be there.
    pub max_idle: Duration,
    /// True if changes of stores are to be remembered until they are taken, for changelogs.
    pub keeps_store_writes: bool,
    /// How large the records of a batch may become when they are decompressed.
    pub max_batch_bytes: usize,
}

/// How a call of [`Task::step`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The limit is reached, and there may be more to do.
    More,
    /// Some inputs have records, but another may still have an older one. At the time given, if there is one, the task
    /// goes on without.
    Waiting(Option<Monotonic>),
    /// Every record that is known of has been processed.
    Idle,
    /// Every input is bounded, and at its bound: nothing more will come.
    Finished,
}

/// What a task has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskMetrics {
    /// Records taken in.
    pub records_in: u64,
    /// Records too late for their window, by the operator's name.
    pub late: BTreeMap<String, u64>,
    /// Records left out because their key was null.
    pub null_keys: u64,
    /// Records left out because their value was null, where one is needed.
    pub null_values: u64,
    /// Records left out because their time was negative, as [`Consumed`](crate::Consumed) says.
    pub negative_times: u64,
    /// Records left out because of an error, as the policies say.
    pub skipped: u64,
}

/// See the module.
pub struct Task {
    id: TaskId,
    graph: Arc<Graph>,
    inputs: Vec<Input>,
    /// Where the inputs stand, while the next record is chosen; kept so that choosing allocates nothing.
    states: Vec<InputState>,
    context: Context,
    processors: Processors,
    max_idle: Duration,
    max_batch_bytes: usize,
    order: Order,
    time: Time,
    records_in: u64,
    /// What backs the stores.
    backings: Vec<Backing>,
    /// How to read entries of stores that are read from topics.
    readers: BTreeMap<StoreId, EntryReader>,
    /// Where the stores are, if they are on disk.
    folder: Option<TaskFolder>,
    /// When stores on disk were last written, by the wall clock.
    written_at: Timestamp,
}

/// The stores of a task, and what they are made of.
pub(crate) struct Stores {
    pub(crate) stores: BTreeMap<StoreId, Box<dyn ByteStore>>,
    pub(crate) readers: BTreeMap<StoreId, EntryReader>,
    pub(crate) folder: Option<TaskFolder>,
}

impl Default for TaskConfig {
    fn default() -> Self {
        Self {
            policies: ErrorPolicies::default(),
            dead_letter_topic: None,
            max_idle: Duration::ZERO,
            keeps_store_writes: false,
            max_batch_bytes: 64 << 20,
        }
    }
}

impl TaskConfig {
    pub(crate) fn lacks_dead_letter_topic(&self) -> bool {
        self.policies.need_dead_letter_topic() && self.dead_letter_topic.is_none()
    }
}

impl Task {
    pub(crate) fn new(
        id: TaskId,
        graph: Arc<Graph>,
        sources: Vec<(TopicPartition, Box<dyn Source>)>,
        processors: Processors,
        stores: Stores,
        config: &TaskConfig,
    ) -> Self {
        let Stores { stores, readers, folder } = stores;
        let backings = stores.keys().map(|store| {
            let topic = &graph.store(*store).backed_by;
            let input = sources.iter().position(|(at, _)| at.topic == *topic);
            Backing::new(*store, TopicPartition::new(topic.clone(), id.partition), input)
        });
        let backings = backings.collect();
        let names = sources.iter().map(|(topic_partition, _)| topic_partition.clone()).collect();
        let outputs = Outputs::new(Arc::clone(&graph));
        let (max_batch_bytes, keeps_records) = (config.max_batch_bytes, config.dead_letter_topic.is_some());
        let inputs = sources.into_iter().map(|(topic_partition, source)| {
            Input::new(topic_partition, source, max_batch_bytes, keeps_records)
        });
        Self {
            id,
            inputs: inputs.collect(),
            states: Vec::new(),
            context: Context::new(Arc::clone(&graph), stores, outputs, config, names),
            graph,
            processors,
            max_idle: config.max_idle,
            max_batch_bytes: config.max_batch_bytes,
            order: Order::default(),
            time: Time::default(),
            records_in: 0,
            backings,
            readers,
            folder,
            written_at: Timestamp::NONE,
        }
    }

    /// Lets a chooser decide which record is next.
    pub(crate) fn choose_by(&mut self, make: &MakeChooser) {
        let inputs: Vec<_> = self.inputs().cloned().collect();
        self.order = Order::by(make, &inputs);
    }

    /// Which task this is.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// The partitions that the task reads. An input's number is its place here.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = &TopicPartition> {
        self.inputs.iter().map(Input::topic_partition)
    }

    /// Says where an input begins; until then that is offset 0.
    pub fn start_at(&mut self, input: usize, offset: Offset) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.start_at(offset);
        }
    }

    /// Says what is known of an input's end.
    pub fn set_end(&mut self, input: usize, end: End) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.set_end(end);
        }
    }

    /// Adds the records of a batch from an offset on. Batches of an input come in the order of their offsets; what the
    /// task has already is left out.
    pub fn add(&mut self, input: usize, batch: Batch, from: Offset) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.add(batch, from);
        }
    }

    /// How many bytes of an input wait, so that fetching can pause.
    pub fn buffered_bytes(&self, input: usize) -> usize {
        self.inputs.get(input).map_or(0, Input::buffered_bytes)
    }

    /// The offset up to which an input has been processed: what to commit once the outputs are safe.
    pub fn position(&self, input: usize) -> Option<Offset> {
        self.inputs.get(input).map(Input::position)
    }

    /// The offset of the next record that an input wants added, once it is known where it begins.
    pub fn wanted(&self, input: usize) -> Option<Offset> {
        self.inputs.get(input).and_then(Input::wanted)
    }

    /// The positions of all inputs of which it is known where they begin; see [`Task::position`].
    pub fn positions(&self) -> impl Iterator<Item = (&TopicPartition, Offset)> {
        let located = self.inputs.iter().filter(|input| input.is_located());
        located.map(|input| (input.topic_partition(), input.position()))
    }

    /// Processes up to `limit` records, the oldest first, or as the topology's chooser says.
    pub fn step(&mut self, now: Monotonic, limit: usize) -> Result<Step, TaskError> {
        self.processors.begin(&mut self.context).map_err(|error| *error)?;
        for _ in 0..limit {
            let choice = self.choose(now)?;
            // An input that has become idle may have held time back.
            self.let_time_pass()?;
            match choice {
                Choice::Process(input) => self.process(input)?,
                Choice::Wait(until) => return Ok(Step::Waiting(until)),
                Choice::Idle => return Ok(Step::Idle),
                Choice::Finished => return Ok(Step::Finished),
            }
        }
        Ok(Step::More)
    }

    /// Tells the task the wall clock, and lets the timers that go by it take their turns. Whoever drives a task does so
    /// before its first step, from where such timers are counted, and again as time goes by.
    pub fn punctuate(&mut self, wall_clock: Timestamp) -> Result<(), TaskError> {
        self.context.set_wall_clock(wall_clock);
        self.processors.begin(&mut self.context).map_err(|error| *error)?;
        self.turn(PunctuationType::WallClockTime)
    }

    /// The time of the record that is next; `None` if there is none, or it must wait.
    pub fn next_time(&mut self, now: Monotonic) -> Result<Option<Timestamp>, TaskError> {
        Ok(match self.choose(now)? {
            Choice::Process(input) => self.inputs.get(input).and_then(Input::head).map(|(_, time)| time),
            Choice::Wait(_) | Choice::Idle | Choice::Finished => None,
        })
    }

    /// What has been produced since the outputs were last cleared.
    pub fn outputs(&self) -> &Outputs {
        self.context.outputs()
    }

    /// Forgets the outputs, once they were taken.
    pub fn clear_outputs(&mut self) {
        self.context.outputs_mut().clear();
    }

    /// Takes the first few errors since the last time that the policies said to skip; the metrics count them all.
    pub fn take_skipped(&mut self) -> Vec<TaskError> {
        self.context.outputs_mut().take_skipped()
    }

    /// Event time: the highest timestamp of all records that the task has taken up, or its watermark where the topology
    /// goes by watermarks; -1 at first.
    pub fn stream_time(&self) -> Timestamp {
        self.context.stream_time()
    }

    /// What the task has done.
    pub fn metrics(&self) -> TaskMetrics {
        let counts = self.context.counts();
        let mut late = BTreeMap::new();
        for (node, count) in &counts.late {
            *late.entry(self.graph.node(*node).label().to_owned()).or_default() += count;
        }
        TaskMetrics {
            records_in: self.records_in,
            late,
            null_keys: counts.null_keys,
            null_values: counts.null_values,
            negative_times: counts.negative_times,
            skipped: counts.skipped,
        }
    }

    fn turn(&mut self, kind: PunctuationType) -> Result<(), TaskError> {
        self.processors.punctuate(kind, &mut self.context).map_err(|error| *error)
    }

    fn choose(&mut self, now: Monotonic) -> Result<Choice, TaskError> {
        // The usual case, without a list of states.
        if let [input] = self.inputs.as_mut_slice()
            && matches!(input.state(now)?, InputState::Ready(_))
        {
            return Ok(Choice::Process(0));
        }
        self.states.clear();
        for input in &mut self.inputs {
            self.states.push(input.state(now)?);
        }
        self.follow_states(now);
        Ok(match choose(&self.states, now, self.max_idle) {
            Choice::Process(oldest) => Choice::Process(self.order.next(oldest, &self.inputs)),
            choice => choice,
        })
    }

    fn process(&mut self, index: usize) -> Result<(), TaskError> {
        let Some(input) = self.inputs.get_mut(index) else {
            return Ok(());
        };
        if let Some((offset, timestamp)) = input.head() {
            self.order.taken();
            if input.is_mark() {
                self.context.turn_to(index, offset);
            } else {
                self.context.begin(index, offset, timestamp);
                self.records_in += 1;
            }
            input.process_head(&mut self.context).map_err(|error| *error)?;
            self.let_time_pass()?;
            self.turn(PunctuationType::StreamTime)?;
        }
        Ok(())
    }
}

impl TaskMetrics {
    /// Adds what another task has done.
    pub fn add(&mut self, other: &Self) {
        self.records_in += other.records_in;
        self.null_keys += other.null_keys;
        self.null_values += other.null_values;
        self.negative_times += other.negative_times;
        self.skipped += other.skipped;
        for (operator, count) in &other.late {
            *self.late.entry(operator.clone()).or_default() += count;
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("id", &self.id).finish_non_exhaustive()
    }
}
