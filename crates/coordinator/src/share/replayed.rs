//! What the log tells of a share group, and the group that it adds up to.
//!
//! The log may end in the midst of a command's records. What counts is the group's epoch: without one there is no group;
//! if what is there does not fit together, a new epoch begins, in which the target is computed anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::effects::Turn;
use crate::share::member::Member;
use crate::share::{Share, ShareCurrent, ShareGroupChange, ShareSubscription};
use crate::{GroupId, MemberId, Partitions};

/// The records of one share group, as far as they count.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    epoch: Option<(i32, u64)>,
    target_epoch: Option<i32>,
    members: BTreeMap<MemberId, ShareSubscription>,
    targets: BTreeMap<MemberId, Partitions>,
    currents: BTreeMap<MemberId, ShareCurrent>,
}

impl Replayed {
    pub(crate) fn replay(&mut self, change: ShareGroupChange) {
        match change {
            ShareGroupChange::Epoch { epoch, fingerprint } => self.epoch = Some((epoch, fingerprint)),
            ShareGroupChange::EpochForgotten => self.epoch = None,
            ShareGroupChange::TargetEpoch { epoch } => self.target_epoch = Some(epoch),
            ShareGroupChange::TargetEpochForgotten => self.target_epoch = None,
            ShareGroupChange::Member { member, subscription } => {
                self.members.insert(member, subscription);
            }
            ShareGroupChange::MemberForgotten { member } => drop(self.members.remove(&member)),
            ShareGroupChange::Target { member, partitions } => {
                self.targets.insert(member, partitions);
            }
            ShareGroupChange::TargetForgotten { member } => drop(self.targets.remove(&member)),
            ShareGroupChange::Current { member, current } => {
                self.currents.insert(member, current);
            }
            ShareGroupChange::CurrentForgotten { member } => drop(self.currents.remove(&member)),
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
    fn named(&self) -> BTreeSet<MemberId> {
        let ids = self.members.keys().chain(self.targets.keys()).chain(self.currents.keys());
        ids.cloned().collect()
    }

    /// The records are of no account: they go.
    pub(crate) fn forget(self, id: &GroupId, turn: &mut Turn<'_>) {
        for member in self.named() {
            ShareGroupChange::forget_member(id, &member, turn);
        }
        ShareGroupChange::forget_group(id, turn);
    }

    /// The group, with whole sessions before its members.
    pub(crate) fn into_group(mut self, id: GroupId, turn: &mut Turn<'_>) -> Share {
        let (epoch, fingerprint) = self.epoch.unwrap_or_default();
        let epochs = self.currents.values().map(|current| current.epoch).chain(self.target_epoch);
        let greatest = epochs.max().unwrap_or(0);
        let named = self.named();
        let fits = self.members.keys().eq(self.targets.keys());

        let mut share = Share::beginning_after(id, epoch.max(greatest));
        share.fingerprint = fingerprint;
        share.target_epoch = self.target_epoch.unwrap_or(0);
        for (id, subscription) in self.members {
            let target = self.targets.remove(&id);
            let current = self.currents.remove(&id).unwrap_or_default();
            share.members.insert(id, Member { subscription, target, current });
        }
        let will_be_computed = epoch > share.target_epoch;
        if greatest > epoch || !(fits || will_be_computed) {
            // Which topics count is found out when they are told.
            share.epoch = share.epoch.saturating_add(1);
            let (epoch, fingerprint) = (share.epoch, share.fingerprint);
            turn.record(ShareGroupChange::Epoch { epoch, fingerprint }.of(&share.id));
        }
        for gone in named.iter().filter(|member| !share.members.contains_key(member)) {
            ShareGroupChange::forget_member(&share.id, gone, turn);
        }
        share.begin_sessions(turn.now.monotonic, turn.times.share);
        share
    }
}
