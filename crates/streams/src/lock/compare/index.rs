//! Two locks, looked up by name, and what became of what has a name.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::{Fate, fates};
use super::format::Compared;
use crate::graph::SourceRole;
use crate::lock::{LockedSource, LockedStore, LockedSubTopology, TopologyLock};

/// A thing, and the number of the sub-topology that it is in.
#[derive(Debug)]
pub(super) struct In<'a, T> {
    pub(super) part: usize,
    pub(super) is: &'a T,
}

impl<T> Clone for In<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for In<'_, T> {}

/// A lock by names.
pub(super) struct Index<'a> {
    pub(super) lock: &'a TopologyLock,
    pub(super) sources: BTreeMap<&'a str, In<'a, LockedSource>>,
    pub(super) repartitions: BTreeMap<&'a str, In<'a, LockedSource>>,
    pub(super) stores: BTreeMap<&'a str, In<'a, LockedStore>>,
}

/// Two locks, and what became of what the old one names.
pub(super) struct Pair<'a> {
    pub(super) old: Index<'a>,
    pub(super) new: Index<'a>,
    pub(super) sources: Vec<Fate<'a, In<'a, LockedSource>>>,
    pub(super) repartitions: Vec<Fate<'a, In<'a, LockedSource>>>,
    pub(super) stores: Vec<Fate<'a, In<'a, LockedStore>>>,
}

impl<'a> Index<'a> {
    fn of(lock: &'a TopologyLock) -> Self {
        let sources = || every(lock, |part| &part.sources).map(|at| (at.is.topic.topic.as_str(), at));
        let is_repartition = |at: &In<'a, LockedSource>| matches!(at.is.role, SourceRole::Repartition(_));
        Self {
            lock,
            sources: sources().filter(|(_, at)| !is_repartition(at)).collect(),
            repartitions: sources().filter(|(_, at)| is_repartition(at)).collect(),
            stores: every(lock, |part| &part.stores).map(|at| (at.is.name.as_str(), at)).collect(),
        }
    }

    pub(super) fn part(&self, number: usize) -> Option<&'a LockedSubTopology> {
        self.lock.sub_topologies.get(number)
    }

    /// The topics that a sub-topology reads.
    pub(super) fn read_by(&self, number: usize) -> BTreeSet<&'a str> {
        let sources = self.part(number).map(|part| part.sources.as_slice()).unwrap_or_default();
        sources.iter().map(|source| source.topic.topic.as_str()).collect()
    }
}

fn every<'a, T: 'a>(
    lock: &'a TopologyLock,
    of: impl Fn(&'a LockedSubTopology) -> &'a Vec<T>,
) -> impl Iterator<Item = In<'a, T>> {
    let parts = lock.sub_topologies.iter().enumerate();
    parts.flat_map(move |(part, sub_topology)| of(sub_topology).iter().map(move |is| In { part, is }))
}

impl<'a> Pair<'a> {
    pub(super) fn of(old: &'a TopologyLock, new: &'a TopologyLock) -> Self {
        let (old, new) = (Index::of(old), Index::of(new));
        let repartitions = fates(&old.repartitions, &new.repartitions, |old, new| {
            Compared::of(old.is.topic.format.as_ref(), new.is.topic.format.as_ref()).is_same()
        });
        let stores = fates(&old.stores, &new.stores, |old, new| {
            let is_alike = old.is.kind == new.is.kind && old.is.parameters_ms == new.is.parameters_ms;
            // A table is named by its topic: another topic is another table.
            is_alike
                && !old.is.is_backed_by_a_source()
                && Compared::of(old.is.format.as_ref(), new.is.format.as_ref()).is_same()
        });
        let sources = fates(&old.sources, &new.sources, |_, _| false);
        Self { old, new, sources, repartitions, stores }
    }

    /// The name that an old topic has in the new version.
    pub(super) fn new_name(&self, old_topic: &'a str) -> &'a str {
        let renamed = self.repartitions.iter().find_map(|fate| match fate {
            Fate::Renamed((old, _), (new, _)) if *old == old_topic => Some(*new),
            _ => None,
        });
        renamed.unwrap_or(old_topic)
    }

    /// The sub-topologies, old and new, that something is in that both versions have.
    pub(super) fn places(&self) -> BTreeSet<(usize, usize)> {
        let sources = self.sources.iter().chain(&self.repartitions).filter_map(Fate::both);
        let sources = sources.map(|((_, old), (_, new))| (old.part, new.part));
        let stores = self.stores.iter().filter_map(Fate::both);
        sources.chain(stores.map(|((_, old), (_, new))| (old.part, new.part))).collect()
    }
}

impl LockedStore {
    /// True if it is restored from a topic that the application reads, and has no changelog of its own.
    pub(super) fn is_backed_by_a_source(&self) -> bool {
        self.backed_by == self.name
    }
}
