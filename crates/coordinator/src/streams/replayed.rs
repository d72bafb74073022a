//! What the log tells of a streams group, and the group that it adds up to.
//!
//! The log may end in the midst of a command's records. What counts is the group's epoch: without one there is no
//! group; if what is there does not fit together, a new epoch begins, in which the target is computed anew. Without a
//! topology there are no members.

use std::collections::{BTreeMap, BTreeSet};

use crate::effects::Turn;
use crate::streams::member::Member;
use crate::streams::{
    AssignedTasks, Streams, StreamsBasis, StreamsCurrent, StreamsGroupChange, StreamsMember, StreamsSettings,
    StreamsTopology,
};
use crate::{GroupId, MemberId};

/// The records of one streams group, as far as they count.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    epoch: Option<(i32, StreamsBasis)>,
    topology: Option<StreamsTopology>,
    target_epoch: Option<i32>,
    members: BTreeMap<MemberId, StreamsMember>,
    targets: BTreeMap<MemberId, AssignedTasks>,
    currents: BTreeMap<MemberId, StreamsCurrent>,
}

impl Replayed {
    pub(crate) fn replay(&mut self, change: StreamsGroupChange) {
        match change {
            StreamsGroupChange::Epoch { epoch, basis } => self.epoch = Some((epoch, basis)),
            StreamsGroupChange::EpochForgotten => self.epoch = None,
            StreamsGroupChange::Topology { topology } => self.topology = Some(topology),
            StreamsGroupChange::TopologyForgotten => self.topology = None,
            StreamsGroupChange::TargetEpoch { epoch } => self.target_epoch = Some(epoch),
            StreamsGroupChange::TargetEpochForgotten => self.target_epoch = None,
            StreamsGroupChange::Member { member, said } => drop(self.members.insert(member, said)),
            StreamsGroupChange::MemberForgotten { member } => drop(self.members.remove(&member)),
            StreamsGroupChange::Target { member, tasks } => drop(self.targets.insert(member, tasks)),
            StreamsGroupChange::TargetForgotten { member } => drop(self.targets.remove(&member)),
            StreamsGroupChange::Current { member, current } => drop(self.currents.insert(member, current)),
            StreamsGroupChange::CurrentForgotten { member } => drop(self.currents.remove(&member)),
        }
    }

    /// Nothing is left of the group.
    pub(crate) fn is_nothing(&self) -> bool {
        let is_named = self.epoch.is_some() || self.target_epoch.is_some() || self.topology.is_some();
        !is_named && self.named().is_empty()
    }

    /// The group's epoch. None if it is no group.
    pub(crate) fn epoch(&self) -> Option<i32> {
        self.epoch.map(|(epoch, _)| epoch)
    }

    /// All members of which there are records.
    fn named(&self) -> BTreeSet<MemberId> {
        let ids = self.members.keys().chain(self.targets.keys()).chain(self.currents.keys());
        ids.cloned().collect()
    }

    /// Another kind of the group counts: these records go.
    pub(crate) fn forget(&self, group: &GroupId, turn: &mut Turn<'_>) {
        for member in self.named() {
            StreamsGroupChange::forget_member(group, &member, turn);
        }
        StreamsGroupChange::forget_group(group, turn);
    }

    /// The group, with whole sessions before its members.
    pub(crate) fn into_group(self, id: GroupId, turn: &mut Turn<'_>, settings: &StreamsSettings) -> Streams {
        let (epoch, basis) = self.epoch.unwrap_or_default();
        let epochs = self.currents.values().map(|current| current.epoch).chain(self.target_epoch);
        let greatest = epochs.max().unwrap_or(0);
        let named = self.named();

        let mut streams = Streams::beginning_after(id, epoch.max(greatest), true, turn.now.wall);
        streams.settings = settings.clone();
        streams.basis = basis;
        streams.target_epoch = self.target_epoch.unwrap_or(0);
        if self.topology.is_some() {
            streams.restore(self.members, self.targets, self.currents);
        }
        streams.topology = self.topology;
        let fits = streams.members.values().all(|member| member.target.is_some());
        let fits = fits && named.iter().all(|member| streams.members.contains_key(member));
        let will_be_computed = epoch > streams.target_epoch;
        if greatest > epoch || !(fits || will_be_computed) {
            streams.bump(turn);
        }
        for gone in named.iter().filter(|member| !streams.members.contains_key(member)) {
            StreamsGroupChange::forget_member(&streams.id, gone, turn);
        }
        streams.begin_timers(turn.now.monotonic);
        streams
    }
}

impl Streams {
    /// Takes in members as they were recorded. What two claim to hold is the one's with the greater epoch.
    fn restore(
        &mut self,
        members: BTreeMap<MemberId, StreamsMember>,
        mut targets: BTreeMap<MemberId, AssignedTasks>,
        mut currents: BTreeMap<MemberId, StreamsCurrent>,
    ) {
        for (id, said) in members {
            let current = currents.remove(&id).unwrap_or_else(StreamsCurrent::joining);
            let target = targets.remove(&id);
            self.members.insert(id, Member::with(said, target, current));
        }
        let mut by_epoch: Vec<(i32, MemberId)> =
            self.members.iter().map(|(id, member)| (-member.current.epoch, id.clone())).collect();
        by_epoch.sort();
        for (_, id) in by_epoch {
            if let Some(member) = self.members.get_mut(&id) {
                let process = &member.said.process;
                let current = &mut member.current;
                for tasks in [&mut current.assigned, &mut current.revoking] {
                    *tasks = tasks.difference(&self.holders.unreleased(&id, process, tasks));
                }
                self.holders.hold(&id, process, current);
            }
        }
    }
}
