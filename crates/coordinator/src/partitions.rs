//! Sets of partitions, by topic id: what members own, are assigned, have to give back.
//!
//! Invariant: a topic stands in a set only with at least one partition, so that equal sets are equal values.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{PartitionId, Uuid};

/// A set of partitions. A topic that is made anew under its old name has another id: its partitions are others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partitions(BTreeMap<Uuid, BTreeSet<PartitionId>>);

impl Partitions {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a partition. False if it was there.
    pub fn insert(&mut self, topic: Uuid, partition: PartitionId) -> bool {
        self.0.entry(topic).or_default().insert(partition)
    }

    /// Whether it has a partition.
    pub fn contains(&self, topic: Uuid, partition: PartitionId) -> bool {
        self.0.get(&topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many it has.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// The partitions, by topic id and number.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, PartitionId)> {
        let of_topic = |(topic, partitions): (&Uuid, &BTreeSet<PartitionId>)| {
            let topic = *topic;
            partitions.iter().map(move |partition| (topic, *partition)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_topic)
    }

    /// The partitions of each topic, by topic id.
    pub fn by_topic(&self) -> impl Iterator<Item = (Uuid, &BTreeSet<PartitionId>)> {
        self.0.iter().map(|(topic, partitions)| (*topic, partitions))
    }

    /// Whether the other has all that this one has.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0
            .iter()
            .all(|(topic, partitions)| other.0.get(topic).is_some_and(|others| partitions.is_subset(others)))
    }

    /// Whether both have a partition in common.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().any(|(topic, partitions)| {
            other.0.get(topic).is_some_and(|others| !partitions.is_disjoint(others))
        })
    }

    /// The partitions for which something holds.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(Uuid, PartitionId) -> bool) -> Self {
        self.iter().filter(|(topic, partition)| keep(*topic, *partition)).collect()
    }

    /// What both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filtered(|topic, partition| other.contains(topic, partition))
    }

    /// What the other has not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.filtered(|topic, partition| !other.contains(topic, partition))
    }
}

impl FromIterator<(Uuid, PartitionId)> for Partitions {
    fn from_iter<I: IntoIterator<Item = (Uuid, PartitionId)>>(partitions: I) -> Self {
        let mut set = Self::new();
        set.extend(partitions);
        set
    }
}

impl Extend<(Uuid, PartitionId)> for Partitions {
    fn extend<I: IntoIterator<Item = (Uuid, PartitionId)>>(&mut self, partitions: I) {
        for (topic, partition) in partitions {
            self.insert(topic, partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[(u64, i32)]) -> Partitions {
        let partition = |(topic, number): &(u64, i32)| (Uuid::from_u64_pair(0, *topic), PartitionId(*number));
        numbers.iter().map(partition).collect()
    }

    #[test]
    fn sets_behave_as_sets() {
        let (one, other) = (set(&[(1, 0), (1, 1), (2, 0)]), set(&[(1, 1), (3, 0)]));
        assert_eq!(one.intersection(&other), set(&[(1, 1)]));
        assert_eq!(one.difference(&other), set(&[(1, 0), (2, 0)]));
        assert!(one.intersects(&other) && !one.intersects(&set(&[(3, 0)])));
        assert!(set(&[(1, 1)]).is_subset(&one) && !other.is_subset(&one));
        assert_eq!((one.len(), one.is_empty()), (3, false));
    }

    #[test]
    fn what_is_left_of_nothing_is_the_empty_set() {
        let one = set(&[(1, 0)]);
        assert_eq!(one.difference(&one), Partitions::new());
    }
}
