//! A time for each member by which something must have happened.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::Monotonic;

use crate::MemberId;

/// At most one time for each member.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_member: BTreeMap<MemberId, Monotonic>,
    in_order: BTreeSet<(Monotonic, MemberId)>,
}

impl Timers {
    /// Sets the time of a member, instead of any before.
    pub(crate) fn set(&mut self, member: &MemberId, at: Monotonic) {
        self.cancel(member);
        self.by_member.insert(member.clone(), at);
        self.in_order.insert((at, member.clone()));
    }

    /// Sets the time of a member that has none.
    pub(crate) fn set_if_absent(&mut self, member: &MemberId, at: Monotonic) {
        if !self.by_member.contains_key(member) {
            self.set(member, at);
        }
    }

    pub(crate) fn cancel(&mut self, member: &MemberId) {
        if let Some(at) = self.by_member.remove(member) {
            self.in_order.remove(&(at, member.clone()));
        }
    }

    /// The earliest time.
    pub(crate) fn next(&self) -> Option<Monotonic> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// The members whose time has come; they have none any more.
    pub(crate) fn take_due(&mut self, now: Monotonic) -> Vec<MemberId> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now)
            && let Some((_, member)) = self.in_order.pop_first()
        {
            self.by_member.remove(&member);
            due.push(member);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn the_last_time_that_was_set_counts() {
        let mut timers = Timers::default();
        let (a, b) = (MemberId::new("a"), MemberId::new("b"));
        timers.set(&a, at(1));
        timers.set(&b, at(2));
        timers.set_if_absent(&b, at(9));
        timers.set(&a, at(3));
        assert_eq!(timers.next(), Some(at(2)));
        assert_eq!(timers.take_due(at(2)), std::slice::from_ref(&b));
        timers.set(&b, at(4));
        timers.cancel(&a);
        assert_eq!(timers.take_due(at(9)), [b]);
        assert_eq!((timers.next(), timers.take_due(at(99))), (None, Vec::new()));
    }
}
