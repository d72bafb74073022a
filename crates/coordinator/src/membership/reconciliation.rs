//! The way of one member from what it works on to what it is to work on (KIP-848, "Member Reconciliation").
//!
//! A member first gives back what is not in its target, and says so; then it goes to the target's epoch and is
//! given what is free of the rest; what others still hold follows as they give it back.

use std::time::Duration;

use crate::membership::Holders;
use crate::{MemberId, Partitions};

/// Where a member is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// It has all that it was to have in its epoch.
    Stable,
    /// It has to give partitions back before it goes to the next epoch.
    UnrevokedPartitions,
    /// It waits for partitions that others have to give back.
    UnreleasedPartitions,
}

/// One that waits for what others have to give back comes more often: nothing else tells it that they have.
const WAITING_FACTOR: u32 = 10;
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

impl MemberState {
    /// When a member is to be heard of next, in a group whose members are to be heard of so often.
    pub(crate) fn next_heartbeat(self, interval: Duration) -> Duration {
        match self {
            Self::UnreleasedPartitions => (interval / WAITING_FACTOR).max(SHORTEST_INTERVAL),
            Self::Stable | Self::UnrevokedPartitions => interval,
        }
    }
}

/// What a member works on, as far as the coordinator has told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Where it is on its way to the target.
    pub state: MemberState,
    /// Its epoch: 0 before it has been assigned anything, -2 while a static member is away.
    pub epoch: i32,
    /// An older epoch that it may still come with, because it missed an answer.
    pub previous_epoch: i32,
    /// What it works on, or will once it has the answer.
    pub assigned: Partitions,
    /// What it has to give back; others do not get it before.
    pub revoking: Partitions,
}

/// The epoch of a static member that is away for a while.
pub(crate) const AWAY: i32 = -2;

/// What a heartbeat says of the partitions that the member works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owned<'a> {
    /// Nothing: no more and no less than before.
    Unsaid,
    /// These, and no others.
    These(&'a Partitions),
}

impl Owned<'_> {
    /// Whether the member may still work on some of these.
    fn may_include(self, partitions: &Partitions) -> bool {
        match self {
            Self::Unsaid => !partitions.is_empty(),
            Self::These(owned) => owned.intersects(partitions),
        }
    }
}

/// Where a member is to go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) epoch: i32,
    pub(crate) partitions: &'a Partitions,
}

impl Current {
    /// Of a member that has just joined.
    pub(crate) fn joining() -> Self {
        Self {
            state: MemberState::Stable,
            epoch: 0,
            previous_epoch: 0,
            assigned: Partitions::new(),
            revoking: Partitions::new(),
        }
    }

    /// Of a static member that is away: its partitions are kept for it, except those that it was to give back.
    #[must_use]
    pub(crate) fn away(&self) -> Self {
        Self { epoch: AWAY, previous_epoch: AWAY, revoking: Partitions::new(), ..self.clone() }
    }

    /// Of whoever takes the place of a static member that is away.
    #[must_use]
    pub(crate) fn succeeded(&self) -> Self {
        Self { epoch: 0, previous_epoch: 0, ..self.clone() }
    }

    pub(crate) fn is_away(&self) -> bool {
        self.epoch == AWAY
    }

    pub(crate) fn is_reconciled(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// Whether a member comes with an epoch that it can have: its own, or the one that it had before the last answer, if
    /// that got lost. It is no such member if it works on what it does not hold.
    pub(crate) fn accepts(&self, epoch: i32, owned: Owned<'_>) -> bool {
        let missed_an_answer =
            || epoch == self.previous_epoch && matches!(owned, Owned::These(owned) if self.holds(owned));
        epoch == self.epoch || (epoch < self.epoch && missed_an_answer())
    }

    fn holds(&self, partitions: &Partitions) -> bool {
        let mut all = partitions.iter();
        all.all(|(topic, number)| {
            self.assigned.contains(topic, number) || self.revoking.contains(topic, number)
        })
    }

    /// The next step of a member that came with `known_epoch`. None if it stays where it is.
    pub(crate) fn reconciled(
        &self,
        member: &MemberId,
        known_epoch: i32,
        owned: Owned<'_>,
        target: Target<'_>,
        holders: &Holders,
    ) -> Option<Self> {
        // What it says of an epoch that is over is no answer to what it was asked in this one.
        let owned = if known_epoch == self.epoch { owned } else { Owned::Unsaid };
        let epoch = match self.state {
            _ if self.is_reconciled(target.epoch) => return None,
            MemberState::UnrevokedPartitions if owned.may_include(&self.revoking) => return None,
            // It has done its part: others may rely on that from the next epoch on.
            MemberState::UnrevokedPartitions => self.epoch + 1,
            MemberState::Stable | MemberState::UnreleasedPartitions => self.epoch,
        };
        let next = self.step(member, epoch, owned, target, holders);
        let next = Self {
            previous_epoch: if next.epoch == self.epoch { self.previous_epoch } else { known_epoch },
            ..next
        };
        (next != *self).then_some(next)
    }

    /// Gives back first; if there is nothing to give back, takes what is free.
    fn step(
        &self,
        member: &MemberId,
        epoch: i32,
        owned: Owned<'_>,
        target: Target<'_>,
        holders: &Holders,
    ) -> Self {
        let kept = self.assigned.intersection(target.partitions);
        let revoking = self.assigned.difference(target.partitions);
        if owned.may_include(&revoking) {
            let state = MemberState::UnrevokedPartitions;
            return Self { state, epoch, previous_epoch: self.previous_epoch, assigned: kept, revoking };
        }
        let mut assigned = kept;
        let missing = target.partitions.difference(&assigned);
        let unreleased = holders.held_by_others(member, &missing);
        assigned.extend(missing.difference(&unreleased).iter());
        let state =
            if unreleased.is_empty() { MemberState::Stable } else { MemberState::UnreleasedPartitions };
        Self {
            state,
            epoch: target.epoch,
            previous_epoch: self.previous_epoch,
            assigned,
            revoking: Partitions::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::{PartitionId, Uuid};

    use super::*;
    use MemberState::{Stable, UnreleasedPartitions, UnrevokedPartitions};

    fn set(numbers: &[i32]) -> Partitions {
        numbers.iter().map(|number| (Uuid::from_u64_pair(0, 1), PartitionId(*number))).collect()
    }

    fn current(state: MemberState, epoch: i32, assigned: &[i32], revoking: &[i32]) -> Current {
        Current { state, epoch, previous_epoch: epoch - 1, assigned: set(assigned), revoking: set(revoking) }
    }

    /// One step towards epoch 9; others hold `held`. Gives state, epoch, assigned and revoking, all unless nothing changes.
    fn step(
        from: &Current,
        owned: Option<&[i32]>,
        target: &[i32],
        held: &[i32],
    ) -> Option<(MemberState, i32, Partitions, Partitions)> {
        let mut holders = Holders::default();
        let other = current(Stable, 1, held, &[]);
        holders.replace(&MemberId::new("other"), &Current::joining(), &other);
        let me = MemberId::new("me");
        holders.replace(&me, &Current::joining(), from);
        let owned = owned.map(set);
        let owned = owned.as_ref().map_or(Owned::Unsaid, Owned::These);
        let target = Target { epoch: 9, partitions: &set(target) };
        let next = from.reconciled(&me, from.epoch, owned, target, &holders)?;
        Some((next.state, next.epoch, next.assigned, next.revoking))
    }

    #[test]
    fn a_member_gives_back_before_it_gets_more() {
        let from = current(Stable, 5, &[0, 1], &[]);
        let asked = Some((UnrevokedPartitions, 5, set(&[0]), set(&[1])));
        assert_eq!(step(&from, None, &[0, 2], &[]), asked);
        assert_eq!(step(&from, Some(&[0, 1]), &[0, 2], &[]), asked);
        let revoking = current(UnrevokedPartitions, 5, &[0], &[1]);
        assert_eq!(step(&revoking, None, &[0, 2], &[]), None, "silence gives nothing back");
        assert_eq!(step(&revoking, Some(&[0, 1]), &[0, 2], &[]), None);
        assert_eq!(step(&revoking, Some(&[0]), &[0, 2], &[]), Some((Stable, 9, set(&[0, 2]), set(&[]))));
    }

    #[test]
    fn what_a_member_never_began_needs_no_giving_back() {
        let from = current(Stable, 5, &[0, 1], &[]);
        assert_eq!(step(&from, Some(&[0]), &[0, 2], &[]), Some((Stable, 9, set(&[0, 2]), set(&[]))));
    }

    #[test]
    fn what_others_hold_is_waited_for() {
        let from = current(Stable, 5, &[0], &[]);
        let waits = Some((UnreleasedPartitions, 9, set(&[0, 1]), set(&[])));
        assert_eq!(step(&from, None, &[0, 1, 2], &[2]), waits);
        let waiting = current(UnreleasedPartitions, 9, &[0, 1], &[]);
        assert_eq!(step(&waiting, None, &[0, 1, 2], &[2]), None);
        assert_eq!(step(&waiting, None, &[0, 1, 2], &[]), Some((Stable, 9, set(&[0, 1, 2]), set(&[]))));
    }

    #[test]
    fn a_target_that_moved_on_meanwhile_asks_for_more_in_the_next_epoch() {
        let from = current(UnrevokedPartitions, 5, &[0, 1], &[2]);
        let asked = Some((UnrevokedPartitions, 6, set(&[0]), set(&[1])));
        assert_eq!(step(&from, Some(&[0, 1]), &[0, 2], &[]), asked);
    }

    #[test]
    fn what_the_member_gave_back_itself_is_free_for_it() {
        let from = current(UnrevokedPartitions, 5, &[0], &[1]);
        assert_eq!(step(&from, Some(&[0]), &[0, 1], &[]), Some((Stable, 9, set(&[0, 1]), set(&[]))));
    }

    #[test]
    fn what_comes_with_an_old_epoch_gives_nothing_back() {
        let from = current(UnrevokedPartitions, 5, &[0], &[1]);
        let (owned, me) = (set(&[0]), MemberId::new("me"));
        let target = Target { epoch: 9, partitions: &set(&[0]) };
        let holders = Holders::default();
        assert_eq!(from.reconciled(&me, 4, Owned::These(&owned), target, &holders), None);
        assert!(from.reconciled(&me, 5, Owned::These(&owned), target, &holders).is_some());
    }

    #[test]
    fn the_epoch_that_the_member_came_with_is_the_one_it_may_still_have() {
        let from = Current { previous_epoch: 2, ..current(Stable, 5, &[], &[]) };
        let target = Target { epoch: 9, partitions: &set(&[0]) };
        let next = from.reconciled(&MemberId::new("me"), 2, Owned::Unsaid, target, &Holders::default());
        let next = next.unwrap();
        assert_eq!((next.epoch, next.previous_epoch), (9, 2));
    }

    #[test]
    fn an_older_epoch_is_accepted_only_with_proof() {
        let member = current(Stable, 5, &[0, 1], &[]);
        let owned = set(&[1]);
        let too_much = set(&[1, 2]);
        assert!(member.accepts(5, Owned::Unsaid) && member.accepts(5, Owned::These(&too_much)));
        assert!(member.accepts(4, Owned::These(&owned)));
        assert!(!member.accepts(4, Owned::Unsaid) && !member.accepts(4, Owned::These(&too_much)));
        assert!(!member.accepts(3, Owned::These(&owned)) && !member.accepts(6, Owned::Unsaid));
    }
}
