//! Who is to work on which tasks: Kafka's sticky assignor of streams groups, as a pure function.
//!
//! First the tasks that are processed, those with state before those without, each kind spread evenly over all
//! members ([`active`]); then the copies of their state ([`standby`]). What a member has it keeps as far as that
//! goes, as a task that moves has to read its state anew.
//!
//! # Invariants
//! - Every task is active at exactly one member, and no two members differ by more than one in the number of active
//!   tasks, nor in those with state.
//! - A task with state has as many copies as were asked for, or as there are other processes; a task is in a process
//!   once.
//! - The outcome depends on the problem alone; if nothing has changed it is what it was.
//!
//! # What is not here
//! Epochs; who works on what at present; racks and tags.

mod active;
mod standby;

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::PartitionId;

use crate::SubtopologyId;
use crate::streams::configuration::Part;
use crate::streams::tasks::{AssignedTasks, Task};

/// What is to be assigned to whom.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) parts: &'a BTreeMap<SubtopologyId, Part>,
    /// By id.
    pub(super) workers: Vec<Worker<'a>>,
    pub(super) standby_replicas: usize,
}

/// A member as the assignor sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worker<'a> {
    pub(super) process: &'a str,
    /// What it was to have until now.
    pub(super) before: &'a AssignedTasks,
}

impl Problem<'_> {
    /// What each member is to have, in the order of the problem's members.
    pub(super) fn solve(&self) -> Vec<AssignedTasks> {
        let mut table = Table::new(self);
        if table.members.is_empty() {
            return Vec::new();
        }
        active::assign(&mut table, true);
        active::assign(&mut table, false);
        standby::assign(&mut table, self.standby_replicas);
        table.into_assignment()
    }
}

/// A member, a process or a task, as a place in the lists of a [`Table`].
type Place = usize;

/// The problem with everything as places in lists, and what has been assigned so far.
struct Table {
    /// By subtopology and partition.
    tasks: Vec<TaskRow>,
    members: Vec<MemberRow>,
    processes: Vec<ProcessRow>,
}

struct TaskRow {
    task: Task,
    is_stateful: bool,
    /// Who had it, by place.
    was_active: Option<Place>,
    was_standby: Vec<Place>,
    active: Option<Place>,
    standby: BTreeSet<Place>,
}

struct MemberRow {
    process: Place,
    active: usize,
    standby: usize,
}

impl MemberRow {
    fn load(&self) -> usize {
        self.active + self.standby
    }
}

#[derive(Default)]
struct ProcessRow {
    members: Vec<Place>,
    active: usize,
    standby: usize,
}

impl ProcessRow {
    /// For comparison: tasks by member.
    fn ratio(tasks: usize, members: usize) -> (usize, usize) {
        let members = members.max(1);
        // Whole tasks, and what is left in parts of a million, which is as exact as it has to be.
        (tasks / members, (tasks % members) * 1_000_000 / members)
    }

    fn active_ratio(&self) -> (usize, usize) {
        Self::ratio(self.active, self.members.len())
    }

    fn load_ratio(&self) -> (usize, usize) {
        Self::ratio(self.active + self.standby, self.members.len())
    }
}

#[expect(clippy::indexing_slicing, reason = "places are made here, for lists made here")]
impl Table {
    fn new(problem: &Problem<'_>) -> Self {
        let mut tasks = Vec::new();
        let mut place_of: BTreeMap<Task, Place> = BTreeMap::new();
        for (subtopology, part) in problem.parts {
            for number in 0..part.tasks {
                let task = Task { subtopology: subtopology.clone(), partition: PartitionId(number) };
                place_of.insert(task.clone(), tasks.len());
                tasks.push(TaskRow::new(task, part.is_stateful));
            }
        }
        let mut processes: BTreeMap<&str, ProcessRow> = BTreeMap::new();
        for (place, worker) in problem.workers.iter().enumerate() {
            processes.entry(worker.process).or_default().members.push(place);
        }
        let mut members = Vec::with_capacity(problem.workers.len());
        for (place, worker) in problem.workers.iter().enumerate() {
            let process = processes.keys().position(|process| *process == worker.process).unwrap_or(0);
            members.push(MemberRow { process, active: 0, standby: 0 });
            for task in worker.before.active.iter().filter_map(|task| place_of.get(&task)) {
                tasks[*task].was_active.get_or_insert(place);
            }
            for task in worker.before.standby.iter().filter_map(|task| place_of.get(&task)) {
                tasks[*task].was_standby.push(place);
            }
        }
        Self { tasks, members, processes: processes.into_values().collect() }
    }

    fn process_of(&self, member: Place) -> Place {
        self.members[member].process
    }

    fn activate(&mut self, task: Place, member: Place) {
        self.tasks[task].active = Some(member);
        self.members[member].active += 1;
        let process = self.process_of(member);
        self.processes[process].active += 1;
    }

    fn add_standby(&mut self, task: Place, member: Place) {
        self.tasks[task].standby.insert(member);
        self.members[member].standby += 1;
        let process = self.process_of(member);
        self.processes[process].standby += 1;
    }

    fn remove_standby(&mut self, task: Place, member: Place) {
        self.tasks[task].standby.remove(&member);
        self.members[member].standby -= 1;
        let process = self.process_of(member);
        self.processes[process].standby -= 1;
    }

    /// Whether a member of the process has the task, whatever it does with it.
    fn is_in_process(&self, task: Place, process: Place) -> bool {
        let row = &self.tasks[task];
        row.active.iter().chain(&row.standby).any(|member| self.process_of(*member) == process)
    }

    /// The members of the processes that have had the task, which may still have its state on disk.
    fn beside_former(&self, task: Place) -> Vec<Place> {
        let row = &self.tasks[task];
        let former = row.was_active.iter().chain(&row.was_standby);
        let processes: BTreeSet<Place> = former.map(|member| self.process_of(*member)).collect();
        processes.into_iter().flat_map(|process| self.processes[process].members.iter().copied()).collect()
    }

    fn into_assignment(self) -> Vec<AssignedTasks> {
        let mut assignment = vec![AssignedTasks::new(); self.members.len()];
        for row in self.tasks {
            for member in &row.standby {
                assignment[*member].standby.insert(row.task.clone());
            }
            if let Some(member) = row.active {
                assignment[member].active.insert(row.task);
            }
        }
        assignment
    }
}

impl TaskRow {
    fn new(task: Task, is_stateful: bool) -> Self {
        Self {
            task,
            is_stateful,
            was_active: None,
            was_standby: Vec::new(),
            active: None,
            standby: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests;
