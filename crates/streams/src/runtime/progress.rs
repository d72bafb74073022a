//! What the workers of an instance and its driver tell each other: progress one way, bounds and the end the other way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use headwater_model::{Offset, TopicPartition};
use tokio::sync::watch;

use crate::task::TaskMetrics;
use crate::topology::TaskId;

/// What an instance has done, and what lies before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// How many tasks the instance has.
    pub tasks: usize,
    /// Records taken in by the tasks that it has. A task that starts again counts from what it takes in then.
    pub records_in: u64,
    /// Records written to topics, repartition topics included.
    pub records_out: u64,
    /// Records too late for their window, by the operator's name.
    pub late: BTreeMap<String, u64>,
    /// Records left out because their key was null.
    pub null_keys: u64,
    /// Records left out because their value was null, where an operator has no use for that.
    pub null_values: u64,
    /// Records left out because their time was negative.
    pub negative_times: u64,
    /// Records left out because of an error, as the policies say.
    pub skipped: u64,
    /// Records that wait in the topics, as far as known.
    pub lag: u64,
}

/// Up to where to work.
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds {
    /// A task whose inputs are not all bounded must wait until they are.
    pub(super) gated: bool,
    /// The ends of partitions.
    pub(super) ends: BTreeMap<TopicPartition, Offset>,
    /// Where partitions ended lately by which the sub-topologies of a stage feed each other: more may come.
    pub(super) ends_so_far: BTreeMap<TopicPartition, Offset>,
}

impl Bounds {
    /// True while sub-topologies feed each other: where they end is not known yet.
    pub(super) fn are_moving(&self) -> bool {
        !self.ends_so_far.is_empty()
    }

    /// Up to where a partition must be worked off, as far as known.
    pub(super) fn end(&self, at: &TopicPartition) -> Option<Offset> {
        self.ends.get(at).or_else(|| self.ends_so_far.get(at)).copied()
    }
}

/// What workers are told.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    /// `None`: for ever.
    pub(super) bounds: Option<Bounds>,
    /// Sub-topologies that may work, though all wait for their bounds, are those below this number.
    pub(super) open: usize,
    /// Grows whenever bounds are added, or are others.
    pub(super) round: u64,
    /// Commit and end.
    pub(super) stop: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shared {
    orders: watch::Sender<Orders>,
    states: Mutex<Vec<WorkerState>>,
    changed: watch::Sender<u64>,
}

/// What a worker tells.
#[derive(Debug, Clone, Default)]
pub(super) struct WorkerState {
    /// False while the group divides the tasks anew.
    pub(super) settled: bool,
    pub(super) tasks: BTreeMap<TaskId, TaskMetrics>,
    /// Tasks that have reached their bounds, with everything acknowledged and committed.
    pub(super) finished: BTreeSet<TaskId>,
    /// Tasks of a circle that have come where their inputs ended so far, in this round, with everything acknowledged and
    /// committed.
    pub(super) resting: BTreeSet<TaskId>,
    pub(super) round: u64,
    pub(super) records_out: u64,
    pub(super) skipped_results: u64,
    pub(super) lag: u64,
}

impl Shared {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            orders: watch::Sender::new(Orders::default()),
            states: Mutex::new(vec![WorkerState::default(); workers]),
            changed: watch::Sender::new(0),
        }
    }

    pub(super) fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    /// Bounds external sources.
    pub(super) fn set_bounds(&self, gated: bool, ends: BTreeMap<TopicPartition, Offset>) {
        let bounds = Bounds { gated, ends, ends_so_far: BTreeMap::new() };
        self.orders.send_modify(|orders| orders.bounds = Some(bounds));
    }

    /// Lets the sub-topologies below a number work, and bounds those partitions of their repartition topics that are not
    /// bounded yet; `ends_so_far` is where those end now by which they feed each other.
    pub(super) fn open(
        &self,
        below: usize,
        ends: BTreeMap<TopicPartition, Offset>,
        ends_so_far: BTreeMap<TopicPartition, Offset>,
    ) {
        self.orders.send_modify(|orders| {
            let bounds = orders.bounds.get_or_insert_default();
            // What is bounded stays so: of what comes behind the bound, something may have been left out already.
            for (at, end) in ends {
                bounds.ends.entry(at).or_insert(end);
            }
            bounds.ends_so_far = ends_so_far;
            orders.open = below;
            orders.round += 1;
        });
    }

    pub(super) fn stop(&self) {
        self.orders.send_modify(|orders| orders.stop = true);
    }

    pub(super) fn tell(&self, worker: usize, state: WorkerState) {
        let has_news = {
            let mut states = self.states();
            let Some(known) = states.get_mut(worker) else {
                return;
            };
            let has_news = known.settled != state.settled
                || known.finished != state.finished
                || known.round != state.round
                || known.resting != state.resting;
            *known = state;
            has_news
        };
        if has_news {
            self.changed.send_modify(|changes| *changes += 1);
        }
    }

    /// Tells when a worker has finished a task, or has other tasks than before.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The tasks of a stage that this instance has, once all of them have reached their bounds, or where these are so far,
    /// and none of its workers waits to be told its tasks.
    pub(super) fn own_done(&self, stage: &Range<usize>) -> Option<BTreeSet<TaskId>> {
        let round = self.orders.borrow().round;
        let states = self.states();
        let all_settled = states.iter().all(|state| state.settled && state.round == round);
        let own = |state: &WorkerState| -> Vec<(TaskId, bool)> {
            let tasks = state.tasks.keys().filter(|task| stage.contains(&task.sub_topology));
            let is_done = |task| state.finished.contains(task) || state.resting.contains(task);
            tasks.map(|task| (*task, is_done(task))).collect()
        };
        let own: Vec<_> = states.iter().flat_map(own).collect();
        (all_settled && own.iter().all(|(_, done)| *done))
            .then(|| own.into_iter().map(|(task, _)| task).collect())
    }

    /// Up to where to work.
    pub(super) fn bounds(&self) -> Bounds {
        self.orders.borrow().bounds.clone().unwrap_or_default()
    }

    pub(super) fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for state in self.states().iter() {
            progress.tasks += state.tasks.len();
            progress.records_out += state.records_out;
            progress.skipped += state.skipped_results;
            progress.lag += state.lag;
            for metrics in state.tasks.values() {
                progress.records_in += metrics.records_in;
                progress.null_keys += metrics.null_keys;
                progress.null_values += metrics.null_values;
                progress.negative_times += metrics.negative_times;
                progress.skipped += metrics.skipped;
                for (operator, late) in &metrics.late {
                    *progress.late.entry(operator.clone()).or_default() += late;
                }
            }
        }
        progress
    }

    fn states(&self) -> MutexGuard<'_, Vec<WorkerState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
