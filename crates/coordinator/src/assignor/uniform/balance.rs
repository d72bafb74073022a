//! Subscriptions differ: loads are brought together as far as the subscriptions let them.
//!
//! A partition may move from its owner to any other subscriber of its topic; a chain of such moves takes one partition
//! from the load of the first and adds one to that of the last. An assignment in which no chain leads to a load that is
//! smaller by two or more is as even as any.
#![expect(clippy::indexing_slicing, reason = "places are those of the table's lists")]

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use super::{Place, Table};

pub(super) fn assign(table: &mut Table) {
    give_out(table);
    Balance::new(table).run();
}

/// Gives each free partition to the subscriber with the least load; topics with few subscribers come first.
fn give_out(table: &mut Table) {
    let mut free = table.unassigned();
    free.sort_by_key(|(topic, number)| (table.subscribers[*topic].len(), *topic, *number));
    for of_topic in free.chunk_by(|one, next| one.0 == next.0) {
        let Some((topic, _)) = of_topic.first() else {
            continue;
        };
        let subscribers = table.subscribers[*topic].iter();
        let mut by_load: BTreeSet<(usize, Place)> =
            subscribers.map(|member| (table.loads[*member], *member)).collect();
        for (_, number) in of_topic {
            if let Some((load, member)) = by_load.pop_first() {
                table.give(*topic, *number, member);
                by_load.insert((load + 1, member));
            }
        }
    }
}

/// The moves that are left to make.
struct Balance<'a> {
    table: &'a mut Table,
    /// Of each member and each topic that it subscribes to (in the same order) the partitions that it has.
    owned: Vec<Vec<Vec<usize>>>,
}

/// A step of a chain: the member before gives a partition of the topic.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: Place,
    topic: Place,
}

impl<'a> Balance<'a> {
    fn new(table: &'a mut Table) -> Self {
        let mut owned: Vec<Vec<Vec<usize>>> =
            table.subscriptions.iter().map(|topics| vec![Vec::new(); topics.len()]).collect();
        for (topic, owners) in table.owners.iter().enumerate() {
            for (number, owner) in owners.iter().enumerate() {
                if let Some(owner) = owner
                    && let Ok(at) = table.subscriptions[*owner].binary_search(&topic)
                {
                    owned[*owner][at].push(number);
                }
            }
        }
        Self { table, owned }
    }

    /// Ends, as each chain makes the sum of the squares of the loads smaller.
    fn run(&mut self) {
        loop {
            let mut by_load: Vec<Place> = (0..self.table.loads.len()).collect();
            by_load.sort_by_key(|member| (Reverse(self.table.loads[*member]), *member));
            let mut moved = false;
            for member in by_load {
                while self.relieve(member) {
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Takes one partition from a member's load, if that helps.
    fn relieve(&mut self, member: Place) -> bool {
        let least = self.table.loads.iter().min().copied().unwrap_or(0);
        if self.table.loads[member] < least + 2 {
            return false;
        }
        let Some((last, steps)) = self.find_chain(member) else {
            return false;
        };
        let mut to = last;
        while to != member
            && let Some(step) = steps[to]
        {
            self.shift(step.topic, step.from, to);
            to = step.from;
        }
        true
    }

    /// The shortest chain from a member to one whose load is smaller by two: its end, and how each was reached.
    fn find_chain(&self, start: Place) -> Option<(Place, Vec<Option<Step>>)> {
        let mut steps: Vec<Option<Step>> = vec![None; self.table.loads.len()];
        let mut seen_topics = vec![false; self.table.owners.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(from) = queue.pop_front() {
            for (at, topic) in self.table.subscriptions[from].iter().enumerate() {
                if self.owned[from][at].is_empty() || std::mem::replace(&mut seen_topics[*topic], true) {
                    continue;
                }
                for to in &self.table.subscribers[*topic] {
                    if *to == start || steps[*to].is_some() {
                        continue;
                    }
                    steps[*to] = Some(Step { from, topic: *topic });
                    if self.table.loads[*to] + 2 <= self.table.loads[start] {
                        return Some((*to, steps));
                    }
                    queue.push_back(*to);
                }
            }
        }
        None
    }

    fn shift(&mut self, topic: Place, from: Place, to: Place) {
        let at = |member: Place| self.table.subscriptions[member].binary_search(&topic);
        let (Ok(at_from), Ok(at_to)) = (at(from), at(to)) else {
            return;
        };
        if let Some(number) = self.owned[from][at_from].pop() {
            self.owned[to][at_to].push(number);
            self.table.give(topic, number, to);
        }
    }
}
