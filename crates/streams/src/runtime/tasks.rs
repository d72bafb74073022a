//! The tasks that a worker has: batches are handed to the inputs that they belong to, ends are made known.

use std::collections::{BTreeMap, BTreeSet};

use headwater_client::{Fetched, StartAt};
use headwater_model::{Offset, TopicPartition};

use super::progress::Orders;
use crate::store::global::GlobalStores;
use crate::task::{End, Task, TaskConfig, TaskMetrics};
use crate::topology::{Plan, SubTopology, TaskId, Topology};

/// See the module.
pub(super) struct Tasks {
    topology: Topology,
    plan: Plan,
    globals: GlobalStores,
    config: TaskConfig,
    running: BTreeMap<TaskId, Task>,
    /// Tasks whose partitions the group took back, and may give back at once.
    suspended: BTreeMap<TaskId, Task>,
    /// Which input of which task a partition is.
    owners: BTreeMap<TopicPartition, (TaskId, usize)>,
}

impl Tasks {
    pub(super) fn new(topology: Topology, plan: Plan, globals: GlobalStores, config: TaskConfig) -> Self {
        let (running, suspended, owners) = Default::default();
        Self { topology, plan, globals, config, running, suspended, owners }
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

    /// Has exactly these tasks from now on; those suspended go on where they were. Gives where to read each of the
    /// partitions from, of those that exist.
    pub(super) fn replace(
        &mut self,
        tasks: &BTreeSet<TaskId>,
        exists: impl Fn(&TopicPartition) -> bool,
    ) -> Vec<(TopicPartition, StartAt)> {
        let mut suspended = std::mem::take(&mut self.suspended);
        self.running.clear();
        self.owners.clear();
        let mut starts = Vec::new();
        for id in tasks {
            let (mut task, is_new) = match suspended.remove(id) {
                Some(task) => (task, false),
                None => match self.topology.task(*id, &self.globals, &self.config) {
                    Some(task) => (task, true),
                    None => continue,
                },
            };
            let sub_topology = self.topology.sub_topologies().get(id.sub_topology);
            if let Some(sub_topology) = sub_topology.filter(|_| is_new) {
                task.follow_plan(&self.plan, sub_topology);
            }
            let has_state = sub_topology.is_some_and(SubTopology::is_stateful);
            let inputs: Vec<_> = task.inputs().cloned().collect();
            for (index, at) in inputs.into_iter().enumerate() {
                if !exists(&at) {
                    // Of topics that are not joined, one may have fewer partitions than there are tasks.
                    task.set_end(index, End::Bounded(Offset::ZERO));
                    continue;
                }
                let start = match (is_new, has_state) {
                    (false, _) => StartAt::Offset(task.wanted(index).unwrap_or_default()),
                    (true, true) => StartAt::Earliest,
                    (true, false) => StartAt::Committed,
                };
                starts.push((at.clone(), start));
                self.owners.insert(at, (*id, index));
            }
            self.running.insert(*id, task);
        }
        starts
    }

    /// Keeps the tasks, idle, until the group says whose they are.
    pub(super) fn suspend(&mut self) {
        self.suspended = std::mem::take(&mut self.running);
        self.owners.clear();
    }

    /// Forgets the tasks: others may have them.
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
            if let Some(position) = position.filter(|_| task.buffered_bytes(input) == 0) {
                task.start_at(input, position);
            }
            task.set_end(input, end);
        }
    }

    /// Says up to where earlier tasks have processed a partition.
    pub(super) fn rebuild_until(&mut self, at: &TopicPartition, offset: Offset) {
        if let Some((task, input)) = self.input(at) {
            task.rebuild_until(input, offset);
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
        let gate = orders.bounds.as_ref().filter(|bounds| bounds.gated).map(|_| orders.bounded);
        let running = self.running.iter_mut().map(|(id, task)| (*id, task));
        running.filter(move |(id, _)| gate.is_none_or(|gate| id.sub_topology < gate))
    }

    pub(super) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.running.get_mut(&id)
    }

    /// What each task has done.
    pub(super) fn metrics(&self) -> BTreeMap<TaskId, TaskMetrics> {
        self.running.iter().map(|(id, task)| (*id, task.metrics())).collect()
    }

    /// Up to where each partition has been processed.
    pub(super) fn positions(&self) -> BTreeMap<TopicPartition, Offset> {
        let positions = self
            .owners
            .iter()
            .filter_map(|(at, (id, input))| Some((at.clone(), self.running.get(id)?.position(*input)?)));
        positions.collect()
    }

    fn input(&mut self, at: &TopicPartition) -> Option<(&mut Task, usize)> {
        let (id, input) = *self.owners.get(at)?;
        Some((self.running.get_mut(&id)?, input))
    }
}
