//! The tasks that a worker has: batches are handed to the inputs that they belong to, ends are made known.

use std::collections::{BTreeMap, BTreeSet};

use headwater_client::{CommittedOffset, Fetched, StartAt};
use headwater_model::{Offset, Timestamp, TopicPartition};

use super::error::StreamsError;
use super::progress::{Bounds, Orders};
use super::restore::Starts;
use crate::changes::StoreWrites;
use crate::graph::StoreId;
use crate::store::global::GlobalStores;
use crate::store::{StateError, StatePlace};
use crate::task::{End, Task, TaskConfig, TaskMetrics};
use crate::topology::{Plan, TaskId, Topology};

/// See the module.
pub(super) struct Tasks {
    topology: Topology,
    plan: Plan,
    globals: GlobalStores,
    config: TaskConfig,
    /// Where stores are, if they are on disk.
    place: Option<StatePlace>,
    running: BTreeMap<TaskId, Task>,
    /// Tasks whose partitions the group took back, and may give back at once.
    suspended: BTreeMap<TaskId, Task>,
    /// Which input of which task a partition is.
    owners: BTreeMap<TopicPartition, (TaskId, usize)>,
}

impl Tasks {
    pub(super) fn new(
        topology: Topology,
        plan: Plan,
        globals: GlobalStores,
        config: TaskConfig,
        place: Option<StatePlace>,
    ) -> Self {
        let (running, suspended, owners) = Default::default();
        Self { topology, plan, globals, config, place, running, suspended, owners }
    }

    /// The tasks that read any of these partitions.
    pub(super) fn reading(&self, partitions: &[TopicPartition]) -> BTreeSet<TaskId> {
        let sub_topologies = self.topology.sub_topologies();
        let readers = partitions.iter().flat_map(|at| {
            let readers = sub_topologies.iter().filter(|sub| sub.reads(&at.topic));
            readers.map(|sub| TaskId { sub_topology: sub.number(), partition: at.partition })
        });
        readers.collect()
    }

    /// Lets go of all other tasks, and gives those of these that it does not have.
    pub(super) fn keep(
        &mut self,
        tasks: &BTreeSet<TaskId>,
        now: Timestamp,
    ) -> Result<Vec<TaskId>, StreamsError> {
        self.suspend();
        let others = self.suspended.extract_if(.., |id, _| !tasks.contains(id));
        close(others, now)?;
        Ok(tasks.iter().filter(|id| !self.suspended.contains_key(id)).copied().collect())
    }

    /// Lets go of all tasks in good order: what they have committed is written.
    pub(super) fn close(&mut self, now: Timestamp) -> Result<(), StreamsError> {
        self.keep(&BTreeSet::new(), now).map(drop)
    }

    /// Makes a task, which is not among these yet; `None` if the topology has none such.
    pub(super) fn make(&self, id: TaskId) -> Result<Option<Task>, StateError> {
        let made = match &self.place {
            Some(place) => self.topology.task_on_disk(id, &self.globals, &self.config, place)?,
            None => self.topology.task(id, &self.globals, &self.config),
        };
        Ok(made.map(|mut task| {
            if let Some(sub_topology) = self.topology.sub_topologies().get(id.sub_topology) {
                task.follow_plan(&self.plan, sub_topology);
            }
            task
        }))
    }

    /// Goes on with the tasks that it has, and these new ones. Gives where to read each of the partitions from, of those
    /// that exist.
    pub(super) fn resume(&mut self, new: Vec<Task>, starts: &Starts) -> Vec<(TopicPartition, StartAt)> {
        let known = std::mem::take(&mut self.suspended).into_iter().map(|(id, task)| (id, task, false));
        let new = new.into_iter().map(|task| (task.id(), task, true));
        let mut reading = Vec::new();
        for (id, mut task, is_new) in known.chain(new) {
            let inputs: Vec<_> = task.inputs().cloned().collect();
            for (index, at) in inputs.into_iter().enumerate() {
                if !self.plan.has(&at) {
                    // Of topics that are not joined, one may have fewer partitions than there are tasks.
                    task.set_end(index, End::Bounded(Offset::ZERO));
                    continue;
                }
                let start = match (is_new, starts.get(&at)) {
                    (false, _) => task.wanted(index).map_or(StartAt::Committed, StartAt::Offset),
                    (true, Some(start)) => StartAt::Offset(*start),
                    (true, None) => StartAt::Committed,
                };
                if let StartAt::Offset(offset) = start {
                    task.start_at(index, offset);
                }
                reading.push((at.clone(), start));
                self.owners.insert(at, (id, index));
            }
            self.running.insert(id, task);
        }
        reading
    }

    /// Keeps the tasks, idle, until the group says whose they are.
    pub(super) fn suspend(&mut self) {
        self.suspended.append(&mut self.running);
        self.owners.clear();
    }

    /// Forgets the tasks as they are: others may have them.
    pub(super) fn lose(&mut self) {
        self.running.clear();
        self.suspended.clear();
        self.owners.clear();
    }

    /// Hands out what was fetched.
    pub(super) fn add(&mut self, fetched: Vec<Fetched>) {
        for fetched in fetched {
            if let Some((task, input)) = self.input(&fetched.topic_partition) {
                task.add(input, fetched.batch, fetched.from);
            }
        }
    }

    /// Says where a partition ends, and that reading stands at `position`: offsets before that hold no more records.
    pub(super) fn locate(&mut self, at: &TopicPartition, position: Option<Offset>, end: End) {
        if let Some((task, input)) = self.input(at) {
            task.set_end(input, end);
            if let Some(position) = position.filter(|_| task.buffered_bytes(input) == 0) {
                // What was read behind a bound is left out, and is not this run's.
                task.start_at(
                    input,
                    if let End::Bounded(bound) = end { position.min(bound) } else { position },
                );
            }
        }
    }

    /// The partitions that are read.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.owners.keys()
    }

    /// How many bytes of a partition wait.
    pub(super) fn buffered_bytes(&self, at: &TopicPartition) -> usize {
        self.owners
            .get(at)
            .and_then(|(id, input)| Some(self.running.get(id)?.buffered_bytes(*input)))
            .unwrap_or_default()
    }

    /// The tasks that may work under these orders.
    pub(super) fn working(&mut self, orders: &Orders) -> impl Iterator<Item = (TaskId, &mut Task)> {
        let gate = orders.bounds.as_ref().filter(|bounds| bounds.gated).map(|_| orders.open);
        let running = self.running.iter_mut().map(|(id, task)| (*id, task));
        running.filter(move |(id, _)| gate.is_none_or(|gate| id.sub_topology < gate))
    }

    /// True if a task has processed each of its inputs up to where it ends, as far as known.
    pub(super) fn has_come_to(&self, bounds: &Bounds, id: TaskId) -> bool {
        let positions: BTreeMap<_, _> = self.running.get(&id).into_iter().flat_map(Task::positions).collect();
        let mut inputs = self.owners.iter().filter(|(_, (owner, _))| *owner == id).map(|(at, _)| at);
        inputs.all(|at| {
            let end = bounds.end(at);
            end.is_some_and(|end| positions.get(at).is_some_and(|position| *position >= end))
        })
    }

    pub(super) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.running.get_mut(&id)
    }

    /// What each task has done.
    pub(super) fn metrics(&self) -> BTreeMap<TaskId, TaskMetrics> {
        self.running.iter().map(|(id, task)| (*id, task.metrics())).collect()
    }

    /// Says that changes of a task's store are in its changelog up to an offset.
    pub(super) fn changelog_reaches(&mut self, id: TaskId, store: StoreId, end: Offset) {
        if let Some(task) = self.running.get_mut(&id) {
            task.changelog_reaches(store, end);
        }
    }

    /// What changelogs must hear of all tasks' changes.
    pub(super) fn take_changes(&mut self) -> Result<Vec<(TaskId, StoreWrites)>, StreamsError> {
        let taken = self.running.iter_mut().map(|(id, task)| {
            let changes = task.take_changes();
            Ok((*id, changes.map_err(|source| StreamsError::Task { task: *id, source: source.into() })?))
        });
        taken.collect()
    }

    /// True if some task has more to commit than it has room for.
    pub(super) fn must_commit(&self) -> bool {
        self.running.values().any(Task::must_commit)
    }

    /// What there is to commit, of tasks for which it is not what was committed last.
    pub(super) fn news(
        &self,
        committed: &BTreeMap<TopicPartition, CommittedOffset>,
    ) -> BTreeMap<TopicPartition, CommittedOffset> {
        let mut news = BTreeMap::new();
        for task in self.running.values() {
            let metadata = task.commit().to_string();
            let own: Vec<_> = task
                .positions()
                .filter(|(at, _)| self.owners.contains_key(at))
                .map(|(at, offset)| {
                    (at, CommittedOffset { offset, leader_epoch: None, metadata: metadata.clone() })
                })
                .collect();
            if own.iter().any(|(at, commit)| committed.get(at) != Some(commit)) {
                news.extend(own.into_iter().map(|(at, commit)| (at.clone(), commit)));
            }
        }
        news
    }

    /// Says that all of it is committed.
    pub(super) fn have_committed(&mut self, now: Timestamp) -> Result<(), StreamsError> {
        for (id, task) in &mut self.running {
            let written = task.has_committed(now);
            written.map_err(|source| StreamsError::Task { task: *id, source: source.into() })?;
        }
        Ok(())
    }

    fn input(&mut self, at: &TopicPartition) -> Option<(&mut Task, usize)> {
        let (id, input) = *self.owners.get(at)?;
        Some((self.running.get_mut(&id)?, input))
    }
}

/// Lets go of tasks: what they have committed is written.
fn close(tasks: impl Iterator<Item = (TaskId, Task)>, now: Timestamp) -> Result<(), StreamsError> {
    for (id, mut task) in tasks {
        let written = task.write_committed(now);
        written.map_err(|source| StreamsError::Task { task: id, source: source.into() })?;
    }
    Ok(())
}
