//! Sets of tasks: what members of a streams group own, are assigned, have to give back.
//!
//! Invariant: a subtopology stands in a set only with at least one partition, so that equal sets are equal values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use headwater_model::PartitionId;

use crate::SubtopologyId;

/// A task: a subtopology on one partition of its source topics. Prints as Kafka calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task {
    /// The subtopology.
    pub subtopology: SubtopologyId,
    /// The partition.
    pub partition: PartitionId,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.subtopology, self.partition)
    }
}

/// A set of tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tasks(BTreeMap<SubtopologyId, BTreeSet<PartitionId>>);

impl Tasks {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task. False if it was there.
    pub fn insert(&mut self, task: Task) -> bool {
        self.0.entry(task.subtopology).or_default().insert(task.partition)
    }

    /// Whether it has a task.
    pub fn contains(&self, task: &Task) -> bool {
        self.0.get(&task.subtopology).is_some_and(|partitions| partitions.contains(&task.partition))
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many it has.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// The tasks, by subtopology and partition.
    pub fn iter(&self) -> impl Iterator<Item = Task> {
        self.0.iter().flat_map(|(subtopology, partitions)| {
            partitions
                .iter()
                .map(|partition| Task { subtopology: subtopology.clone(), partition: *partition })
        })
    }

    /// The partitions of each subtopology, by its id.
    pub fn by_subtopology(&self) -> impl Iterator<Item = (&SubtopologyId, &BTreeSet<PartitionId>)> {
        self.0.iter()
    }

    /// Whether the other has all that this one has.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|(subtopology, partitions)| {
            other.0.get(subtopology).is_some_and(|others| partitions.is_subset(others))
        })
    }

    /// Whether both have a task in common.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().any(|(subtopology, partitions)| {
            other.0.get(subtopology).is_some_and(|others| !partitions.is_disjoint(others))
        })
    }

    /// The tasks for which something holds.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&Task) -> bool) -> Self {
        self.iter().filter(keep).collect()
    }

    /// What both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filtered(|task| other.contains(task))
    }

    /// What the other has not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.filtered(|task| !other.contains(task))
    }
}

impl FromIterator<Task> for Tasks {
    fn from_iter<I: IntoIterator<Item = Task>>(tasks: I) -> Self {
        let mut set = Self::new();
        set.extend(tasks);
        set
    }
}

impl Extend<Task> for Tasks {
    fn extend<I: IntoIterator<Item = Task>>(&mut self, tasks: I) {
        for task in tasks {
            self.insert(task);
        }
    }
}

/// The tasks of one member, by what it does with them. (Warm-up tasks are not assigned, as in Kafka up to 4.3.)
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssignedTasks {
    /// Those that it processes.
    pub active: Tasks,
    /// Those whose state it keeps a copy of.
    pub standby: Tasks,
}

impl AssignedTasks {
    /// None at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.active.is_empty() && self.standby.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.active.len() + self.standby.len()
    }

    /// Whether the other has all that this one has, in the same roles.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.active.is_subset(&other.active) && self.standby.is_subset(&other.standby)
    }

    /// Whether both have a task in common, in the same role.
    pub fn intersects(&self, other: &Self) -> bool {
        self.active.intersects(&other.active) || self.standby.intersects(&other.standby)
    }

    /// What both have, in the same roles.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            active: self.active.intersection(&other.active),
            standby: self.standby.intersection(&other.standby),
        }
    }

    /// What the other has not, in the same roles.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            active: self.active.difference(&other.active),
            standby: self.standby.difference(&other.standby),
        }
    }

    /// Adds what the other has.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.active.extend(other.active.iter());
        self.standby.extend(other.standby.iter());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(of: &[(&str, i32)]) -> Tasks {
        let task = |(subtopology, number): &(&str, i32)| Task {
            subtopology: SubtopologyId::new(subtopology),
            partition: PartitionId(*number),
        };
        of.iter().map(task).collect()
    }

    #[test]
    fn sets_behave_as_sets() {
        let (one, other) = (set(&[("a", 0), ("a", 1), ("b", 0)]), set(&[("a", 1), ("c", 0)]));
        assert_eq!(one.intersection(&other), set(&[("a", 1)]));
        assert_eq!(one.difference(&other), set(&[("a", 0), ("b", 0)]));
        assert!(one.intersects(&other) && !one.intersects(&set(&[("c", 0)])));
        assert!(set(&[("a", 1)]).is_subset(&one) && !other.is_subset(&one));
        assert_eq!((one.len(), one.is_empty()), (3, false));
        assert_eq!(one.difference(&one), Tasks::new(), "what is left of nothing is the empty set");
    }

    #[test]
    fn roles_are_told_apart() {
        let active = AssignedTasks { active: set(&[("a", 0)]), standby: Tasks::new() };
        let standby = AssignedTasks { active: Tasks::new(), standby: set(&[("a", 0)]) };
        assert!(!active.intersects(&standby) && !active.is_subset(&standby));
        assert_eq!(active.difference(&standby), active);
        assert_eq!(active.active.iter().next().unwrap().to_string(), "a_0");
    }
}
