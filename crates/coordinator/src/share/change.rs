//! The durable facts about the membership of a share group.

use crate::effects::Turn;
use crate::{Change, GroupId, MemberId, Partitions, ShareCurrent, ShareSubscription};

/// A durable fact about a share group. Each replaces what an earlier one with the same key (its kind, and the member if it
/// names one) said of the group; one that ends in `Forgotten` is the tombstone of the other.
#[derive(Debug, Clone, PartialEq)]
pub enum ShareGroupChange {
    /// The group has come to an epoch.
    Epoch {
        /// The epoch.
        epoch: i32,
        /// Of the topics that it subscribes to.
        fingerprint: u64,
    },
    /// The group is gone.
    EpochForgotten,
    /// What a member has said of itself.
    Member {
        /// The member.
        member: MemberId,
        /// What it has said.
        subscription: ShareSubscription,
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
        /// The partitions.
        partitions: Partitions,
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
        current: ShareCurrent,
    },
    /// A member is gone.
    CurrentForgotten {
        /// The member.
        member: MemberId,
    },
}

impl ShareGroupChange {
    pub(crate) fn of(self, group: &GroupId) -> Change {
        Change::ShareGroup { group: group.clone(), change: self }
    }

    /// A member without partitions is a lesser evil than partitions without a member: what it works on goes first.
    pub(crate) fn forget_member(group: &GroupId, member: &MemberId, turn: &mut Turn<'_>) {
        turn.record(Self::CurrentForgotten { member: member.clone() }.of(group));
        turn.record(Self::TargetForgotten { member: member.clone() }.of(group));
        turn.record(Self::MemberForgotten { member: member.clone() }.of(group));
    }

    /// The members are gone already.
    pub(crate) fn forget_group(group: &GroupId, turn: &mut Turn<'_>) {
        turn.record(Self::TargetEpochForgotten.of(group));
        turn.record(Self::EpochForgotten.of(group));
    }
}
