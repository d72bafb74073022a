//! What the log tells of a consumer group, and the group that it adds up to.
//!
//! The log may end in the midst of a command's records. What counts is the group's epoch: without one there is no group;
//! if what is there does not fit together, a new epoch begins, in which the target is computed anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::consumer::member::Member;
use crate::consumer::{Consumer, ConsumerGroupChange};
use crate::effects::Turn;
use crate::{Current, GroupId, MemberId, Partitions, Subscription};

/// The records of one consumer group, as far as they count.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    epoch: Option<(i32, u64)>,
    target_epoch: Option<i32>,
    members: BTreeMap<MemberId, Subscription>,
    targets: BTreeMap<MemberId, Partitions>,
    currents: BTreeMap<MemberId, Current>,
}

impl Replayed {
    pub(crate) fn replay(&mut self, change: ConsumerGroupChange) {
        match change {
            ConsumerGroupChange::Epoch { epoch, fingerprint } => self.epoch = Some((epoch, fingerprint)),
            ConsumerGroupChange::EpochForgotten => self.epoch = None,
            ConsumerGroupChange::TargetEpoch { epoch } => self.target_epoch = Some(epoch),
            ConsumerGroupChange::TargetEpochForgotten => self.target_epoch = None,
            ConsumerGroupChange::Member { member, subscription } => {
                self.members.insert(member, subscription);
            }
            ConsumerGroupChange::MemberForgotten { member } => drop(self.members.remove(&member)),
            ConsumerGroupChange::Target { member, partitions } => {
                self.targets.insert(member, partitions);
            }
            ConsumerGroupChange::TargetForgotten { member } => drop(self.targets.remove(&member)),
            ConsumerGroupChange::Current { member, current } => {
                self.currents.insert(member, current);
            }
            ConsumerGroupChange::CurrentForgotten { member } => drop(self.currents.remove(&member)),
        }
    }

    /// Nothing is left of the group.
    pub(crate) fn is_nothing(&self) -> bool {
        self.epoch.is_none() && self.target_epoch.is_none() && self.named().is_empty()
    }

    /// The group's epoch. None if it is no group.
    pub(crate) fn epoch(&self) -> Option<i32> {
        self.epoch.map(|(epoch, _)| epoch)
    }

    /// All members of which there are records.
    pub(crate) fn named(&self) -> BTreeSet<MemberId> {
        let ids = self.members.keys().chain(self.targets.keys()).chain(self.currents.keys());
        ids.cloned().collect()
    }

    /// The group, with whole sessions before its members.
    pub(crate) fn into_group(self, id: GroupId, turn: &mut Turn<'_>) -> Consumer {
        let (epoch, fingerprint) = self.epoch.unwrap_or_default();
        let epochs = self.currents.values().map(|current| current.epoch).chain(self.target_epoch);
        let greatest = epochs.max().unwrap_or(0);
        let named = self.named();
        let fits = self.members.keys().eq(self.targets.keys());

        let mut consumer = Consumer::beginning_after(id, epoch.max(greatest), true);
        consumer.fingerprint = fingerprint;
        consumer.target_epoch = self.target_epoch.unwrap_or(0);
        consumer.take_in(self.members, self.targets, self.currents);
        let will_be_computed = epoch > consumer.target_epoch;
        if greatest > epoch || !(fits || will_be_computed) {
            // Which topics count is found out when they are told.
            consumer.epoch = consumer.epoch.saturating_add(1);
            let (epoch, fingerprint) = (consumer.epoch, consumer.fingerprint);
            turn.record(ConsumerGroupChange::Epoch { epoch, fingerprint }.of(&consumer.id));
        }
        for gone in named.iter().filter(|member| !consumer.members.contains_key(member)) {
            ConsumerGroupChange::forget_member(&consumer.id, gone, turn);
        }
        consumer.begin_timers(turn.now.monotonic, turn.times.consumer);
        consumer
    }
}

impl Consumer {
    /// Takes in members as they were recorded. What two claim to hold is the one's with the greater epoch.
    fn take_in(
        &mut self,
        members: BTreeMap<MemberId, Subscription>,
        mut targets: BTreeMap<MemberId, Partitions>,
        mut currents: BTreeMap<MemberId, Current>,
    ) {
        for (id, subscription) in members {
            if let Some(instance) = &subscription.instance {
                self.statics.insert(instance.clone(), id.clone());
            }
            let current = currents.remove(&id).unwrap_or_else(Current::joining);
            let member = Member { subscription, target: targets.remove(&id), current };
            self.members.insert(id, member);
        }
        let mut by_epoch: Vec<(i32, MemberId)> =
            self.members.iter().map(|(id, member)| (-member.current.epoch, id.clone())).collect();
        by_epoch.sort();
        for (_, id) in by_epoch {
            if let Some(member) = self.members.get_mut(&id) {
                let free = |partitions: &Partitions| {
                    partitions.filtered(|topic, number| self.holders.is_free_for(&id, topic, number))
                };
                let current = &mut member.current;
                (current.assigned, current.revoking) = (free(&current.assigned), free(&current.revoking));
                self.holders.replace(&id, &Current::joining(), &member.current);
            }
        }
    }
}
