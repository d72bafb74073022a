//! Simple: the assignor of share groups, in which a partition may have several members (KIP-932, "Assignment").
//!
//! Each partition first gets one member, as [`super::uniform`] does it: even and sticky. A member that has got none joins
//! where there are fewest, where it was before if that is as good. So each partition has a member, each member that
//! subscribes to something has a partition, and with equal subscriptions neither the members' loads nor the partitions'
//! sharers differ by more than one.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{PartitionId, Uuid};

use super::{Problem, Subscriber, uniform};
use crate::Partitions;

/// What Kafka calls it.
pub(crate) const NAME: &str = "simple";

/// What each member is to have, in the order of the problem's members.
pub(crate) fn assign(problem: &Problem<'_>) -> Vec<Partitions> {
    let mut assigned = uniform::assign(problem);
    let idle: Vec<usize> = assigned
        .iter()
        .zip(&problem.members)
        .enumerate()
        .filter(|(_, (assigned, member))| assigned.is_empty() && !member.topics.is_empty())
        .map(|(index, _)| index)
        .collect();
    if idle.is_empty() {
        return assigned;
    }
    let mut sharing = Sharing::new(problem);
    let places = sharing.place(&idle, &problem.members);
    for (index, place) in idle.iter().zip(places) {
        if let (Some(assigned), Some((topic, partition))) = (assigned.get_mut(*index), place) {
            assigned.insert(topic, partition);
        }
    }
    assigned
}

type Place = (Uuid, PartitionId);

/// How many members more than one each partition has.
struct Sharing<'a> {
    sharers: BTreeMap<Place, usize>,
    /// Of each subscription that an idle member has, the partitions by how many share them.
    by_sharers: BTreeMap<&'a [Uuid], BTreeSet<(usize, Place)>>,
    topics: &'a BTreeMap<Uuid, i32>,
}

impl<'a> Sharing<'a> {
    fn new(problem: &'a Problem<'_>) -> Self {
        let places = problem.topics.iter().flat_map(|(topic, partitions)| {
            (0..*partitions).map(move |number| ((*topic, PartitionId(number)), 0))
        });
        Self { sharers: places.collect(), by_sharers: BTreeMap::new(), topics: &problem.topics }
    }

    /// The partition of each idle member; none where its topics have no partitions.
    fn place(&mut self, idle: &[usize], members: &'a [Subscriber<'_>]) -> Vec<Option<Place>> {
        let members: Vec<&Subscriber<'_>> = idle.iter().filter_map(|index| members.get(*index)).collect();
        for member in &members {
            self.learn(&member.topics);
        }
        let mut places: Vec<Option<Place>> = members.iter().map(|member| self.stay(member)).collect();
        for (member, place) in members.iter().zip(&mut places) {
            if place.is_none() {
                *place = self.least(&member.topics).map(|(_, least)| least);
                self.count(*place, 1);
            }
        }
        self.even_out(&members, &mut places);
        places
    }

    /// Prepares for members with this subscription.
    fn learn(&mut self, topics: &'a [Uuid]) {
        let Self { by_sharers, sharers, topics: known } = self;
        by_sharers.entry(topics).or_insert_with(|| {
            let partitions = |topic: &Uuid| known.get(topic).copied().unwrap_or(0);
            let places = topics
                .iter()
                .flat_map(|topic| (0..partitions(topic)).map(move |number| (*topic, PartitionId(number))));
            places.map(|place| (sharers.get(&place).copied().unwrap_or(0), place)).collect()
        });
    }

    /// The partition that the member had before, where it is one that it subscribes to.
    fn stay(&mut self, member: &Subscriber<'_>) -> Option<Place> {
        let subscribed = |(topic, _): &Place| member.topics.binary_search(topic).is_ok();
        let known = member.before.iter().filter(subscribed).filter(|place| self.sharers.contains_key(place));
        let place = known.min_by_key(|place| (self.sharers.get(place).copied(), *place));
        self.count(place, 1);
        place
    }

    fn least(&self, topics: &[Uuid]) -> Option<(usize, Place)> {
        self.by_sharers.get(topics)?.first().copied()
    }

    /// Moves members as long as that brings the numbers of two partitions closer together. Ends, as each move makes the
    /// sum of the squares smaller.
    fn even_out(&mut self, members: &[&Subscriber<'_>], places: &mut [Option<Place>]) {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for (member, place) in members.iter().zip(&mut *places) {
                let here = place.and_then(|place| self.sharers.get(&place).copied()).unwrap_or(0);
                if let Some((there, least)) = self.least(&member.topics)
                    && there + 2 <= here
                {
                    self.count(*place, -1);
                    *place = Some(least);
                    self.count(*place, 1);
                    moved = true;
                }
            }
        }
    }

    fn count(&mut self, place: Option<Place>, change: isize) {
        let Some(place) = place else {
            return;
        };
        let Some(sharers) = self.sharers.get_mut(&place) else {
            return;
        };
        let before = *sharers;
        *sharers = before.saturating_add_signed(change);
        let after = *sharers;
        for by_sharers in self.by_sharers.values_mut() {
            if by_sharers.remove(&(before, place)) {
                by_sharers.insert((after, place));
            }
        }
    }
}

#[cfg(test)]
mod tests;
