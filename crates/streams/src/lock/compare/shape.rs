//! Sub-topologies: which parts there are, and what must be partitioned alike.
//!
//! A task is a sub-topology's number and a partition. Positions are committed by topic, and outlive a change of numbers;
//! who has which task is divided by them, and instances name what they keep on disk by them.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::Fate;
use super::index::Pair;
use super::report::{Effect, Finding};
use crate::lock::TopologyLock;

/// Sub-topologies that were divided, brought together or numbered anew.
pub(super) fn sub_topologies(pair: &Pair<'_>) -> Vec<Finding> {
    let places = pair.places();
    let mut became: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut came_from: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (old, new) in &places {
        became.entry(*old).or_default().insert(*new);
        came_from.entry(*new).or_default().insert(*old);
    }
    let split = became.iter().filter(|(_, new)| new.len() > 1).map(|(old, new)| {
        changed(&format!("sub-topology {old}"), &format!("was split, into {}", numbers(new)))
    });
    let merged = came_from.iter().filter(|(_, old)| old.len() > 1).map(|(new, old)| {
        changed(&format!("sub-topologies {}", numbers(old)), &format!("are one now, {new}"))
    });
    let is_alone = |(old, new): &(usize, usize)| {
        became.get(old).is_some_and(|new| new.len() == 1)
            && came_from.get(new).is_some_and(|old| old.len() == 1)
    };
    let renumbered = places
        .iter()
        .filter(|place| place.0 != place.1 && is_alone(place))
        .map(|(old, new)| changed(&format!("sub-topology {old}"), &format!("has the number {new}")));
    split.chain(merged).chain(renumbered).chain(fed_otherwise(pair)).collect()
}

fn changed(part: &str, change: &str) -> Finding {
    Finding::new(
        Effect::FullStop,
        part,
        change,
        "tasks are named by these numbers: old and new instances in one group would divide tasks that are not the same. \
         Positions are committed by topic and stay; stores are restored from their changelogs under the new names",
    )
}

fn numbers(numbers: &BTreeSet<usize>) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// Stores whose records came straight from a topic and now come through a repartition topic, or the other way round: the
/// entries of a key may be in another partition than its records.
fn fed_otherwise(pair: &Pair<'_>) -> Vec<Finding> {
    let added = new_repartitions(pair, |fate| matches!(fate, Fate::Added(..)));
    let removed = new_repartitions(pair, |fate| matches!(fate, Fate::Removed(..)));
    let findings = pair.stores.iter().filter_map(|fate| {
        let ((_, old), (name, new)) = fate.both()?;
        let before: BTreeSet<_> =
            pair.old.read_by(old.part).into_iter().map(|topic| pair.new_name(topic)).collect();
        let after = pair.new.read_by(new.part);
        let begins = after.iter().find(|topic| added.contains(*topic)).filter(|_| !before.is_subset(&after));
        let ends = before.iter().find(|topic| removed.contains(*topic)).filter(|_| !after.is_subset(&before));
        let change = match (begins, ends) {
            (Some(topic), _) => format!("gets its records through {topic}"),
            (None, Some(topic)) => format!("no longer gets its records through {topic}"),
            (None, None) => return None,
        };
        // What is restored from a source has the partitions of that.
        if new.is.is_backed_by_a_source() {
            return None;
        }
        let reason = "the records of a key may come to another partition than the one whose store has its entry, which is \
                      then not found. It need not be reset only if the topic was partitioned by the same key";
        let part = format!("store {name}");
        Some(Finding::new(Effect::BreaksState, part, change, reason).resetting(&old.is.backed_by))
    });
    findings.collect()
}

fn new_repartitions<'a>(
    pair: &Pair<'a>,
    wanted: impl Fn(&Fate<'a, super::index::In<'a, crate::lock::LockedSource>>) -> bool,
) -> BTreeSet<&'a str> {
    let topics = pair.repartitions.iter().filter(|fate| wanted(fate)).filter_map(|fate| match fate {
        Fate::Added(topic, _) | Fate::Removed(topic, _) => Some(*topic),
        Fate::Kept(..) | Fate::Renamed(..) => None,
    });
    topics.collect()
}

/// Topics that must have equal partition counts in one version alone.
pub(super) fn copartitioning(pair: &Pair<'_>) -> Vec<Finding> {
    let old: Vec<BTreeSet<&str>> = together(pair.old.lock)
        .into_iter()
        .map(|group| group.into_iter().map(|topic| pair.new_name(topic)).collect())
        .collect();
    let new = together(pair.new.lock);
    let of_both = in_both(pair);
    let needed = groups_beyond(&new, &old, &of_both).map(|topics| {
        Finding::new(
            Effect::FullStop,
            topics.join(", "),
            "must have equal partition counts",
            "the new version refuses to start where they have not; and the group's members would not agree on the tasks",
        )
    });
    let no_longer = groups_beyond(&old, &new, &of_both).map(|topics| {
        Finding::new(
            Effect::FullStop,
            topics.join(", "),
            "need not have equal partition counts any more",
            "the group's members would not agree on the tasks",
        )
    });
    needed.chain(no_longer).collect()
}

/// Topics, by their new names, that both versions read.
fn in_both<'a>(pair: &Pair<'a>) -> BTreeSet<&'a str> {
    let fates = pair.sources.iter().chain(&pair.repartitions);
    fates.filter_map(Fate::both).map(|(_, (name, _))| name).collect()
}

/// The topics of each group that both versions have, where the other version does not need all of them alike.
fn groups_beyond<'a>(
    groups: &[BTreeSet<&'a str>],
    others: &[BTreeSet<&'a str>],
    of_both: &BTreeSet<&'a str>,
) -> impl Iterator<Item = Vec<&'a str>> {
    let groups = groups.iter().map(|group| group.intersection(of_both).copied().collect::<BTreeSet<_>>());
    let beyond = groups.filter(|group| group.len() > 1 && !others.iter().any(|other| group.is_subset(other)));
    beyond.map(|group| group.into_iter().collect())
}

/// The groups of topics that must be alike, those that share a topic taken together.
fn together(lock: &TopologyLock) -> Vec<BTreeSet<&str>> {
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for needed in lock.sub_topologies.iter().flat_map(|part| &part.copartitioned) {
        let mut group: BTreeSet<&str> = needed.topics.iter().map(String::as_str).collect();
        groups.retain(|other| {
            let is_apart = group.is_disjoint(other);
            if !is_apart {
                group.extend(other);
            }
            is_apart
        });
        groups.push(group);
    }
    groups
}
