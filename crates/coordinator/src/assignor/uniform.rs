//! Uniform: loads as even as the subscriptions let them be, with as few partitions moved as that takes.
//!
//! Where all subscribe to the same topics, each member keeps what it may up to its share, and the rest is dealt out: no
//! two loads differ by more than one, and no partition moves without need. Where subscriptions differ, each member keeps
//! what it has, the rest goes where the load is least, and then partitions move as long as that brings two loads closer
//! together, be it through members in between: in the end no other assignment is more even.

mod balance;
mod deal;

use std::collections::BTreeMap;

use headwater_model::{PartitionId, Uuid};

use super::Problem;
use crate::Partitions;

pub(super) fn assign(problem: &Problem<'_>) -> Vec<Partitions> {
    let mut table = Table::new(problem);
    if table.is_homogeneous() {
        deal::assign(&mut table);
    } else {
        balance::assign(&mut table);
    }
    table.into_assignment()
}

/// A member or a topic, as a place in the lists of a [`Table`].
type Place = usize;

/// The problem with members and topics as places in lists, and what has been assigned so far.
struct Table {
    topic_ids: Vec<Uuid>,
    /// Of each topic the subscribers, in order.
    subscribers: Vec<Vec<Place>>,
    /// Of each member the topics, in order.
    subscriptions: Vec<Vec<Place>>,
    /// Of each topic the owner of each partition.
    owners: Vec<Vec<Option<Place>>>,
    /// How many partitions each member has.
    loads: Vec<usize>,
}

#[expect(clippy::indexing_slicing, reason = "places are made here, for lists made here")]
impl Table {
    /// Each member has what it had, so far as it exists, it subscribes to it, and nobody before it has it.
    fn new(problem: &Problem<'_>) -> Self {
        let topic_ids: Vec<Uuid> = problem.topics.keys().copied().collect();
        let place_of: BTreeMap<Uuid, Place> =
            topic_ids.iter().enumerate().map(|(place, topic)| (*topic, place)).collect();
        let mut subscribers = vec![Vec::new(); topic_ids.len()];
        let mut subscriptions = Vec::with_capacity(problem.members.len());
        for (member, subscriber) in problem.members.iter().enumerate() {
            let topics: Vec<Place> =
                subscriber.topics.iter().filter_map(|topic| place_of.get(topic).copied()).collect();
            for topic in &topics {
                subscribers[*topic].push(member);
            }
            subscriptions.push(topics);
        }
        let count = |partitions: &i32| usize::try_from(*partitions).unwrap_or(0);
        let owners = problem.topics.values().map(|partitions| vec![None; count(partitions)]).collect();
        let loads = vec![0; problem.members.len()];
        let mut table = Self { topic_ids, subscribers, subscriptions, owners, loads };
        for (member, subscriber) in problem.members.iter().enumerate() {
            for (topic, partitions) in subscriber.before.by_topic() {
                if let Some(topic) = place_of.get(&topic)
                    && table.subscribers[*topic].binary_search(&member).is_ok()
                {
                    let numbers = partitions.iter().filter_map(|number| usize::try_from(number.0).ok());
                    numbers.for_each(|number| table.give_if_free(*topic, number, member));
                }
            }
        }
        table
    }

    fn is_homogeneous(&self) -> bool {
        let mut subscriptions = self.subscriptions.iter();
        let first = subscriptions.next();
        subscriptions.all(|other| Some(other) == first)
    }

    fn give_if_free(&mut self, topic: Place, number: usize, member: Place) {
        if self.owners[topic].get(number) == Some(&None) {
            self.give(topic, number, member);
        }
    }

    /// Takes a partition from whoever has it.
    fn give(&mut self, topic: Place, number: usize, member: Place) {
        if let Some(before) = self.owners[topic][number].replace(member) {
            self.loads[before] -= 1;
        }
        self.loads[member] += 1;
    }

    /// The partitions that nobody has.
    fn unassigned(&self) -> Vec<(Place, usize)> {
        let mut unassigned = Vec::new();
        for (topic, owners) in self.owners.iter().enumerate() {
            let free = owners.iter().enumerate().filter(|(_, owner)| owner.is_none());
            unassigned.extend(free.map(|(number, _)| (topic, number)));
        }
        unassigned
    }

    fn into_assignment(self) -> Vec<Partitions> {
        let mut assignment = vec![Partitions::new(); self.loads.len()];
        for (topic, owners) in self.owners.iter().enumerate() {
            for (number, owner) in owners.iter().enumerate() {
                if let Some(owner) = owner {
                    assignment[*owner].insert(self.topic_ids[topic], PartitionId(number as i32));
                }
            }
        }
        assignment
    }
}
