//! The target assignment: computed once for each epoch of the group, for all members.

use std::collections::BTreeMap;

use crate::effects::Turn;
use crate::streams::assignor::{Problem, Worker};
use crate::streams::{AssignedTasks, Streams, StreamsGroupChange};

impl Streams {
    /// Computes the targets of the group's epoch, unless that has been done, or more members are waited for.
    pub(super) fn retarget(&mut self, turn: &mut Turn<'_>) {
        if self.epoch <= self.target_epoch || self.delayed_until.is_some() {
            return;
        }
        let targets = self.compute_targets();
        for ((id, member), tasks) in self.members.iter_mut().zip(targets) {
            if member.target.as_ref() != Some(&tasks) {
                let change = StreamsGroupChange::Target { member: id.clone(), tasks: tasks.clone() };
                turn.record(change.of(&self.id));
                member.target = Some(tasks);
            }
        }
        self.target_epoch = self.epoch;
        turn.record(StreamsGroupChange::TargetEpoch { epoch: self.epoch }.of(&self.id));
    }

    /// In the members' order. Without all topics there is nothing to do.
    fn compute_targets(&self) -> Vec<AssignedTasks> {
        let (none, no_parts) = (AssignedTasks::new(), BTreeMap::new());
        let workers = self.members.values().map(|member| Worker {
            process: &member.said.process,
            before: member.target.as_ref().unwrap_or(&none),
        });
        let problem = Problem {
            parts: self.layout().map_or(&no_parts, |layout| &layout.parts),
            workers: workers.collect(),
            standby_replicas: self.settings.standby_replicas,
        };
        problem.solve()
    }
}
