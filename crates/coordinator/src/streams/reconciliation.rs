//! The way of one member from the tasks that it works on to those that it is to work on (KIP-1071, "Reconciliation").
//!
//! As with the partitions of a consumer group ([`crate::membership`]): a member first gives back what is not in its
//! target, and says so; then it goes to the target's epoch and is given what is free of the rest. A task that it
//! keeps a copy of and is to process, or the other way round, is given back too in between.

use crate::streams::holders::Holders;
use crate::streams::tasks::AssignedTasks;
use crate::{MemberId, MemberState};

/// What a member works on, as far as the coordinator has told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsCurrent {
    /// Where it is on its way to the target.
    pub state: MemberState,
    /// Its epoch: 0 before it has been assigned anything.
    pub epoch: i32,
    /// An older epoch that it may still come with, because it missed an answer.
    pub previous_epoch: i32,
    /// What it works on, or will once it has the answer.
    pub assigned: AssignedTasks,
    /// What it has to give back; others do not get it before.
    pub revoking: AssignedTasks,
}

/// What a heartbeat says of the tasks that the member works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnedTasks<'a> {
    /// Nothing: no more and no less than before.
    Unsaid,
    /// These, and no others.
    These(&'a AssignedTasks),
}

impl OwnedTasks<'_> {
    /// Whether the member may still work on some of these.
    fn may_include(self, tasks: &AssignedTasks) -> bool {
        match self {
            Self::Unsaid => !tasks.is_empty(),
            Self::These(owned) => owned.intersects(tasks),
        }
    }
}

/// Where a member is to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct TasksTarget<'a> {
    pub(super) epoch: i32,
    pub(super) tasks: &'a AssignedTasks,
}

/// Who goes there, and what others hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) member: &'a MemberId,
    pub(super) process: &'a str,
    pub(super) holders: &'a Holders,
}

impl StreamsCurrent {
    /// Of a member that has just joined.
    pub(super) fn joining() -> Self {
        Self {
            state: MemberState::Stable,
            epoch: 0,
            previous_epoch: 0,
            assigned: AssignedTasks::new(),
            revoking: AssignedTasks::new(),
        }
    }

    pub(super) fn is_reconciled(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// Whether a member comes with an epoch that it can have: its own, or the one that it had before the last answer,
    /// if that got lost. It is no such member if it works on what it does not hold.
    pub(super) fn accepts(&self, epoch: i32, owned: OwnedTasks<'_>) -> bool {
        let missed_an_answer =
            || epoch == self.previous_epoch && matches!(owned, OwnedTasks::These(owned) if self.holds(owned));
        epoch == self.epoch || (epoch < self.epoch && missed_an_answer())
    }

    fn holds(&self, tasks: &AssignedTasks) -> bool {
        tasks.difference(&self.assigned).is_subset(&self.revoking)
    }

    /// The next step of a member that came with `known_epoch`. None if it stays where it is.
    pub(super) fn reconciled(
        &self,
        place: Place<'_>,
        known_epoch: i32,
        owned: OwnedTasks<'_>,
        target: TasksTarget<'_>,
    ) -> Option<Self> {
        // What it says of an epoch that is over is no answer to what it was asked in this one.
        let owned = if known_epoch == self.epoch { owned } else { OwnedTasks::Unsaid };
        let epoch = match self.state {
            _ if self.is_reconciled(target.epoch) => return None,
            MemberState::UnrevokedPartitions if owned.may_include(&self.revoking) => return None,
            // It has done its part: others may rely on that from the next epoch on.
            MemberState::UnrevokedPartitions => self.epoch + 1,
            MemberState::Stable | MemberState::UnreleasedPartitions => self.epoch,
        };
        let next = self.step(place, epoch, owned, target);
        let next = Self {
            previous_epoch: if next.epoch == self.epoch { self.previous_epoch } else { known_epoch },
            ..next
        };
        (next != *self).then_some(next)
    }

    /// Gives back first; if there is nothing to give back, takes what is free.
    fn step(&self, place: Place<'_>, epoch: i32, owned: OwnedTasks<'_>, target: TasksTarget<'_>) -> Self {
        let previous_epoch = self.previous_epoch;
        let mut assigned = self.assigned.intersection(target.tasks);
        let revoking = self.assigned.difference(target.tasks);
        if owned.may_include(&revoking) {
            let state = MemberState::UnrevokedPartitions;
            return Self { state, epoch, previous_epoch, assigned, revoking };
        }
        let missing = target.tasks.difference(&assigned);
        let unreleased = place.holders.unreleased(place.member, place.process, &missing);
        assigned.extend(&missing.difference(&unreleased));
        let state =
            if unreleased.is_empty() { MemberState::Stable } else { MemberState::UnreleasedPartitions };
        Self { state, epoch: target.epoch, previous_epoch, assigned, revoking: AssignedTasks::new() }
    }
}

#[cfg(test)]
mod tests {
    use headwater_model::PartitionId;

    use super::*;
    use crate::SubtopologyId;
    use crate::streams::tasks::{Task, Tasks};
    use MemberState::{Stable, UnreleasedPartitions, UnrevokedPartitions};

    fn set(numbers: &[i32]) -> Tasks {
        let task =
            |number: &i32| Task { subtopology: SubtopologyId::new("0"), partition: PartitionId(*number) };
        numbers.iter().map(task).collect()
    }

    fn tasks(active: &[i32], standby: &[i32]) -> AssignedTasks {
        AssignedTasks { active: set(active), standby: set(standby) }
    }

    fn current(
        state: MemberState,
        epoch: i32,
        assigned: AssignedTasks,
        revoking: AssignedTasks,
    ) -> StreamsCurrent {
        StreamsCurrent { state, epoch, previous_epoch: epoch - 1, assigned, revoking }
    }

    /// One step of a member of the process `p` towards epoch 9. Others hold tasks in their processes. Gives state,
    /// epoch, assigned and revoking, all unless nothing changes.
    fn step(
        from: &StreamsCurrent,
        owned: Option<&AssignedTasks>,
        target: &AssignedTasks,
        others: &[(&str, AssignedTasks)],
    ) -> Option<(MemberState, i32, AssignedTasks, AssignedTasks)> {
        let mut holders = Holders::default();
        for (index, (process, held)) in others.iter().enumerate() {
            let other = current(Stable, 1, held.clone(), AssignedTasks::new());
            holders.hold(&MemberId::from(format!("other{index}")), process, &other);
        }
        let me = MemberId::new("me");
        holders.hold(&me, "p", from);
        let owned = owned.map_or(OwnedTasks::Unsaid, OwnedTasks::These);
        let place = Place { member: &me, process: "p", holders: &holders };
        let next = from.reconciled(place, from.epoch, owned, TasksTarget { epoch: 9, tasks: target })?;
        Some((next.state, next.epoch, next.assigned, next.revoking))
    }

    #[test]
    fn a_member_gives_back_before_it_gets_more() {
        let from = current(Stable, 5, tasks(&[0, 1], &[]), tasks(&[], &[]));
        let asked = Some((UnrevokedPartitions, 5, tasks(&[0], &[]), tasks(&[1], &[])));
        assert_eq!(step(&from, None, &tasks(&[0, 2], &[]), &[]), asked);
        let revoking = current(UnrevokedPartitions, 5, tasks(&[0], &[]), tasks(&[1], &[]));
        assert_eq!(step(&revoking, None, &tasks(&[0, 2], &[]), &[]), None, "silence gives nothing back");
        assert_eq!(step(&revoking, Some(&tasks(&[0, 1], &[])), &tasks(&[0, 2], &[]), &[]), None);
        let done = Some((Stable, 9, tasks(&[0, 2], &[]), tasks(&[], &[])));
        assert_eq!(step(&revoking, Some(&tasks(&[0], &[])), &tasks(&[0, 2], &[]), &[]), done);
    }

    #[test]
    fn what_others_process_is_waited_for_wherever_they_are() {
        let from = current(Stable, 5, tasks(&[], &[]), tasks(&[], &[]));
        let target = tasks(&[0, 1], &[]);
        for process in ["p", "q"] {
            let waits = Some((UnreleasedPartitions, 9, tasks(&[0], &[]), tasks(&[], &[])));
            assert_eq!(step(&from, None, &target, &[(process, tasks(&[1], &[]))]), waits);
        }
    }

    #[test]
    fn a_copy_hinders_only_in_the_same_process() {
        let from = current(Stable, 5, tasks(&[], &[]), tasks(&[], &[]));
        let nothing = Some((UnreleasedPartitions, 9, tasks(&[], &[]), tasks(&[], &[])));
        for target in [tasks(&[0], &[]), tasks(&[], &[0])] {
            assert_eq!(step(&from, None, &target, &[("p", tasks(&[], &[0]))]), nothing);
            let done = Some((Stable, 9, target.clone(), tasks(&[], &[])));
            assert_eq!(step(&from, None, &target, &[("q", tasks(&[], &[0]))]), done);
        }
        let copy = tasks(&[], &[0]);
        assert_eq!(step(&from, None, &copy, &[("p", tasks(&[0], &[]))]), nothing);
        assert_eq!(
            step(&from, None, &copy, &[("q", tasks(&[0], &[]))]),
            Some((Stable, 9, copy.clone(), tasks(&[], &[])))
        );
    }

    #[test]
    fn a_copy_that_is_to_be_processed_is_given_back_in_between() {
        let from = current(Stable, 5, tasks(&[], &[0]), tasks(&[], &[]));
        let asked = Some((UnrevokedPartitions, 5, tasks(&[], &[]), tasks(&[], &[0])));
        assert_eq!(step(&from, None, &tasks(&[0], &[]), &[]), asked);
        let revoking = current(UnrevokedPartitions, 5, tasks(&[], &[]), tasks(&[], &[0]));
        let done = Some((Stable, 9, tasks(&[0], &[]), tasks(&[], &[])));
        assert_eq!(step(&revoking, Some(&tasks(&[], &[])), &tasks(&[0], &[]), &[]), done);
    }

    #[test]
    fn what_comes_with_an_old_epoch_gives_nothing_back() {
        let from = current(UnrevokedPartitions, 5, tasks(&[0], &[]), tasks(&[1], &[]));
        let (owned, me, holders) = (tasks(&[0], &[]), MemberId::new("me"), Holders::default());
        let place = Place { member: &me, process: "p", holders: &holders };
        let target = TasksTarget { epoch: 9, tasks: &tasks(&[0], &[]) };
        assert_eq!(from.reconciled(place, 4, OwnedTasks::These(&owned), target), None);
        assert!(from.reconciled(place, 5, OwnedTasks::These(&owned), target).is_some());
    }

    #[test]
    fn the_epoch_that_the_member_came_with_is_the_one_it_may_still_have() {
        let nothing = AssignedTasks::new;
        let from = StreamsCurrent { previous_epoch: 2, ..current(Stable, 5, nothing(), nothing()) };
        let (me, holders) = (MemberId::new("me"), Holders::default());
        let place = Place { member: &me, process: "p", holders: &holders };
        let target = TasksTarget { epoch: 9, tasks: &tasks(&[0], &[]) };
        let next = from.reconciled(place, 2, OwnedTasks::Unsaid, target).unwrap();
        assert_eq!((next.epoch, next.previous_epoch), (9, 2));
    }

    #[test]
    fn an_older_epoch_is_accepted_only_with_proof() {
        let member = current(UnrevokedPartitions, 5, tasks(&[0], &[2]), tasks(&[1], &[]));
        let (owned, too_much) = (tasks(&[0, 1], &[]), tasks(&[2], &[]));
        assert!(member.accepts(5, OwnedTasks::Unsaid) && member.accepts(5, OwnedTasks::These(&too_much)));
        assert!(member.accepts(4, OwnedTasks::These(&owned)));
        assert!(!member.accepts(4, OwnedTasks::Unsaid) && !member.accepts(4, OwnedTasks::These(&too_much)));
        assert!(!member.accepts(3, OwnedTasks::These(&owned)) && !member.accepts(6, OwnedTasks::Unsaid));
    }
}
