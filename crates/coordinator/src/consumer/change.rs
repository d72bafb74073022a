//! The durable facts about a consumer group.

use crate::effects::Turn;
use crate::{Change, Current, GroupId, MemberId, Partitions, Subscription};

/// A durable fact about a consumer group. Each replaces what an earlier one with the same key (its kind, and the member
/// if it names one) said of the group; one that ends in `Forgotten` is the tombstone of the other.
#[derive(Debug, Clone, PartialEq)]
pub enum ConsumerGroupChange {
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
        subscription: Subscription,
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
        current: Current,
    },
    /// A member is gone.
    CurrentForgotten {
        /// The member.
        member: MemberId,
    },
}

impl ConsumerGroupChange {
    pub(crate) fn of(self, group: &GroupId) -> Change {
        Change::ConsumerGroup { group: group.clone(), change: self }
    }

    /// A member without partitions is a lesser evil than partitions without a member: what it holds goes first.
    pub(crate) fn forget_member(group: &GroupId, member: &MemberId, turn: &mut Turn<'_>) {
        turn.record(Self::CurrentForgotten { member: member.clone() }.of(group));
        turn.record(Self::TargetForgotten { member: member.clone() }.of(group));
        turn.record(Self::MemberForgotten { member: member.clone() }.of(group));
    }

    /// One member takes the place of another, with its target. No epoch begins, so that from the first of these to the last
    /// there is a target without its member: whoever reads only a part of them sees that, and begins one. What goes first of
    /// the old member is what it has said: it keeps nobody out while the rest goes.
    pub(super) fn succeed_member(
        group: &GroupId,
        old: &MemberId,
        new: (&MemberId, Subscription, Option<Partitions>),
        turn: &mut Turn<'_>,
    ) {
        let (id, subscription, target) = new;
        if let Some(partitions) = target {
            turn.record(Self::Target { member: id.clone(), partitions }.of(group));
        }
        turn.record(Self::MemberForgotten { member: old.clone() }.of(group));
        turn.record(Self::TargetForgotten { member: old.clone() }.of(group));
        turn.record(Self::CurrentForgotten { member: old.clone() }.of(group));
        turn.record(Self::Member { member: id.clone(), subscription }.of(group));
    }

    /// The members are gone already.
    pub(crate) fn forget_group(group: &GroupId, turn: &mut Turn<'_>) {
        turn.record(Self::TargetEpochForgotten.of(group));
        turn.record(Self::EpochForgotten.of(group));
    }
}
