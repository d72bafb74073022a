//! Range: each topic's partitions in runs of consecutive numbers, one run for each subscriber.
//!
//! Topics with as many partitions and the same subscribers are split alike, so that partitions of the same number come
//! to the same member: a join needs that. Subscribers stand in an order that outlives restarts: static members by
//! instance id, then the others by member id.

use std::collections::BTreeMap;

use headwater_model::{PartitionId, Uuid};

use super::{Problem, Subscriber};
use crate::Partitions;

pub(super) fn assign(problem: &Problem<'_>) -> Vec<Partitions> {
    let mut assigned = vec![Partitions::new(); problem.members.len()];
    for (topic, subscribers) in subscribers_in_order(&problem.members) {
        let partitions = problem.topics.get(&topic).copied().unwrap_or(0);
        for (place, member) in subscribers.iter().enumerate() {
            if let Some(assigned) = assigned.get_mut(*member) {
                let run = run(partitions, subscribers.len(), place);
                assigned.extend(run.map(|number| (topic, PartitionId(number))));
            }
        }
    }
    assigned
}

/// Of each topic the subscribers, as places in the list of members.
fn subscribers_in_order(members: &[Subscriber<'_>]) -> BTreeMap<Uuid, Vec<usize>> {
    let mut in_order: Vec<(usize, &Subscriber<'_>)> = members.iter().enumerate().collect();
    in_order.sort_by_key(|(_, member)| (member.instance.is_none(), member.instance, member.member));
    let mut by_topic: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (index, member) in in_order {
        for topic in &member.topics {
            by_topic.entry(*topic).or_default().push(index);
        }
    }
    by_topic
}

/// The numbers for the subscriber at `place`; the first ones get one more if it does not come out even.
fn run(partitions: i32, subscribers: usize, place: usize) -> std::ops::Range<i32> {
    let (partitions, subscribers) = (i64::from(partitions), subscribers as i64);
    let start = |place: i64| {
        let (each, left) = (partitions / subscribers, partitions % subscribers);
        (place * each + place.min(left)) as i32
    };
    start(place as i64)..start(place as i64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_consecutive_and_the_first_are_longer() {
        let runs = |partitions, subscribers| {
            (0..subscribers).map(|place| run(partitions, subscribers, place)).collect::<Vec<_>>()
        };
        assert_eq!(runs(7, 3), [0..3, 3..5, 5..7]);
        assert_eq!(runs(2, 3), [0..1, 1..2, 2..2]);
    }
}
