//! Topics that are joined must have as many partitions as each other.
//!
//! What is joined with the same topic is joined with each other, over all subtopologies. Where a topic from outside
//! or a fixed count is among them, that decides, and all of these must agree; else the greatest count does.

use std::collections::{BTreeMap, BTreeSet};

use super::{Counts, incorrectly_partitioned};
use crate::streams::status::StreamsStatus;
use crate::streams::topology::StreamsTopology;

/// Sets the counts of repartition topics to those of the topics that they are joined with.
pub(super) fn enforce<'a>(
    topology: &'a StreamsTopology,
    counts: &mut Counts<'a>,
) -> Result<(), StreamsStatus> {
    let internal = topology.subtopologies.iter().flat_map(|subtopology| &subtopology.repartition_sources);
    let is_fixed: BTreeMap<&str, bool> =
        internal.map(|topic| (topic.name.as_str(), topic.partitions > 0)).collect();
    for joined in Joined::of(topology).sets() {
        let (decided, open): (Vec<&str>, Vec<&str>) =
            joined.into_iter().partition(|name| is_fixed.get(name).copied().unwrap_or(true));
        let known = |names: &[&'a str]| -> BTreeMap<&'a str, i32> {
            names.iter().filter_map(|name| Some((*name, counts.get(name)?))).collect()
        };
        let decided = known(&decided);
        let agreed = decided.values().next().copied();
        if decided.values().any(|count| Some(*count) != agreed) {
            let each: Vec<String> = decided.iter().map(|(name, count)| format!("{name}={count}")).collect();
            return Err(incorrectly_partitioned(format!(
                "Following topics do not have the same number of partitions: [{}]",
                each.join(", ")
            )));
        }
        if let Some(count) = agreed.or_else(|| known(&open).into_values().max()) {
            counts.internal.extend(open.into_iter().map(|name| (name, count)));
        }
    }
    Ok(())
}

/// The topics that are joined, with one of each set that stands for it.
struct Joined<'a> {
    places: BTreeMap<&'a str, usize>,
    /// Of each topic another of its set, or itself.
    next: Vec<usize>,
}

impl<'a> Joined<'a> {
    fn of(topology: &'a StreamsTopology) -> Self {
        let mut joined = Self { places: BTreeMap::new(), next: Vec::new() };
        for subtopology in &topology.subtopologies {
            for group in &subtopology.copartition_groups {
                let names = subtopology.copartitioned(group).unwrap_or_default();
                let places: Vec<usize> = names.into_iter().map(|name| joined.place(name)).collect();
                for pair in places.windows(2) {
                    if let [one, other] = pair {
                        joined.unite(*one, *other);
                    }
                }
            }
        }
        joined
    }

    fn place(&mut self, name: &'a str) -> usize {
        let fresh = self.next.len();
        let place = *self.places.entry(name).or_insert(fresh);
        if place == fresh {
            self.next.push(fresh);
        }
        place
    }

    /// The one that stands for the set.
    fn root(&mut self, mut place: usize) -> usize {
        while let Some(next) = self.next.get(place).copied().filter(|next| *next != place) {
            let after = self.next.get(next).copied().unwrap_or(next);
            if let Some(entry) = self.next.get_mut(place) {
                *entry = after;
            }
            place = next;
        }
        place
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(next) = self.next.get_mut(one.max(other)) {
            *next = one.min(other);
        }
    }

    /// The sets in order, each by name.
    fn sets(mut self) -> BTreeSet<Vec<&'a str>> {
        let mut sets: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (name, place) in std::mem::take(&mut self.places) {
            sets.entry(self.root(place)).or_default().push(name);
        }
        sets.into_values().collect()
    }
}
