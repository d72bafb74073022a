//! The durable facts about a streams group.

use crate::effects::Turn;
use crate::streams::member::StreamsMember;
use crate::streams::reconciliation::StreamsCurrent;
use crate::streams::tasks::AssignedTasks;
use crate::streams::topology::StreamsTopology;
use crate::{Change, GroupId, MemberId};

/// What a target rests on besides the members: if it changes, a new epoch begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamsBasis {
    /// Of the topics that the topology needs.
    pub fingerprint: u64,
    /// The version of the topology for which they are all there and fit; none if they do not.
    pub validated_topology: Option<i32>,
    /// How many copies of each task's state are kept.
    pub standby_replicas: usize,
}

/// A durable fact about a streams group. Each replaces what an earlier one with the same key (its kind, and the member
/// if it names one) said of the group; one that ends in `Forgotten` is the tombstone of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamsGroupChange {
    /// The group has come to an epoch.
    Epoch {
        /// The epoch.
        epoch: i32,
        /// What its target rests on.
        basis: StreamsBasis,
    },
    /// The group is gone.
    EpochForgotten,
    /// The group has a topology.
    Topology {
        /// The topology, its subtopologies by id.
        topology: StreamsTopology,
    },
    /// The group is gone.
    TopologyForgotten,
    /// What a member has said of itself.
    Member {
        /// The member.
        member: MemberId,
        /// What it has said.
        said: StreamsMember,
    },
    /// A member is gone.
    MemberForgotten {
        /// The member.
        member: MemberId,
    },
    /// The members' targets are those of an epoch.
    TargetEpoch {
        /// The epoch.
        epoch: i32,
    },
    /// The group is gone.
    TargetEpochForgotten,
    /// What a member is to work on.
    Target {
        /// The member.
        member: MemberId,
        /// The tasks.
        tasks: AssignedTasks,
    },
    /// A member is gone.
    TargetForgotten {
        /// The member.
        member: MemberId,
    },
    /// What a member works on.
    Current {
        /// The member.
        member: MemberId,
        /// What it works on.
        current: StreamsCurrent,
    },
    /// A member is gone.
    CurrentForgotten {
        /// The member.
        member: MemberId,
    },
}

impl StreamsGroupChange {
    pub(crate) fn of(self, group: &GroupId) -> Change {
        Change::StreamsGroup { group: group.clone(), change: self }
    }

    /// A member without tasks is a lesser evil than tasks without a member: what it holds goes first.
    pub(crate) fn forget_member(group: &GroupId, member: &MemberId, turn: &mut Turn<'_>) {
        turn.record(Self::CurrentForgotten { member: member.clone() }.of(group));
        turn.record(Self::TargetForgotten { member: member.clone() }.of(group));
        turn.record(Self::MemberForgotten { member: member.clone() }.of(group));
    }

    /// The members are gone already.
    pub(crate) fn forget_group(group: &GroupId, turn: &mut Turn<'_>) {
        turn.record(Self::TargetEpochForgotten.of(group));
        turn.record(Self::TopologyForgotten.of(group));
        turn.record(Self::EpochForgotten.of(group));
    }
}
