//! Which member holds which task, and in which process.
//!
//! A task is active at one member at a time, and is in a process once: threads of one process share its state
//! directory.

use std::collections::BTreeMap;

use crate::MemberId;
use crate::streams::reconciliation::StreamsCurrent;
use crate::streams::tasks::{AssignedTasks, Task};

/// Members that hold a task, with their processes.
type Places = BTreeMap<MemberId, String>;

/// The tasks that members hold: what they are assigned and what they have to give back.
#[derive(Debug, Default)]
pub(super) struct Holders {
    active: BTreeMap<Task, Places>,
    standby: BTreeMap<Task, Places>,
}

impl Holders {
    /// Whether a member may process a task.
    pub(super) fn active_is_free_for(&self, member: &MemberId, process: &str, task: &Task) -> bool {
        let elsewhere = |places: &Places| places.keys().any(|holder| holder != member);
        !self.active.get(task).is_some_and(elsewhere) && !is_beside(&self.standby, member, process, task)
    }

    /// Whether a member may keep a copy of a task.
    pub(super) fn standby_is_free_for(&self, member: &MemberId, process: &str, task: &Task) -> bool {
        !is_beside(&self.active, member, process, task) && !is_beside(&self.standby, member, process, task)
    }

    /// What of these tasks others hold, so that the member cannot have it now.
    pub(super) fn unreleased(
        &self,
        member: &MemberId,
        process: &str,
        tasks: &AssignedTasks,
    ) -> AssignedTasks {
        AssignedTasks {
            active: tasks.active.filtered(|task| !self.active_is_free_for(member, process, task)),
            standby: tasks.standby.filtered(|task| !self.standby_is_free_for(member, process, task)),
        }
    }

    pub(super) fn hold(&mut self, member: &MemberId, process: &str, current: &StreamsCurrent) {
        for tasks in [&current.assigned, &current.revoking] {
            put(&mut self.active, tasks.active.iter(), member, process);
            put(&mut self.standby, tasks.standby.iter(), member, process);
        }
    }

    /// A member holds nothing any more.
    pub(super) fn release(&mut self, member: &MemberId, before: &StreamsCurrent) {
        for tasks in [&before.assigned, &before.revoking] {
            take(&mut self.active, tasks.active.iter(), member);
            take(&mut self.standby, tasks.standby.iter(), member);
        }
    }
}

/// Whether another member of the process holds the task.
fn is_beside(held: &BTreeMap<Task, Places>, member: &MemberId, process: &str, task: &Task) -> bool {
    let beside = |(holder, place): (&MemberId, &String)| holder != member && place == process;
    held.get(task).is_some_and(|places| places.iter().any(beside))
}

fn put(
    held: &mut BTreeMap<Task, Places>,
    tasks: impl Iterator<Item = Task>,
    member: &MemberId,
    process: &str,
) {
    for task in tasks {
        held.entry(task).or_default().insert(member.clone(), process.to_owned());
    }
}

fn take(held: &mut BTreeMap<Task, Places>, tasks: impl Iterator<Item = Task>, member: &MemberId) {
    for task in tasks {
        if let Some(places) = held.get_mut(&task) {
            places.remove(member);
            if places.is_empty() {
                held.remove(&task);
            }
        }
    }
}
