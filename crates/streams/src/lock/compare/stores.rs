//! Stores, and what is in their changelogs.

use std::collections::BTreeSet;
use std::time::Duration;

use super::fate::Fate;
use super::format::{Compared, Likeness};
use super::index::Pair;
use super::report::{Effect, Finding};
use crate::lock::LockedStore;

pub(super) fn stores(pair: &Pair<'_>) -> Vec<Finding> {
    let findings = pair.stores.iter().flat_map(|fate| match *fate {
        Fate::Kept(_, old, new) => kept(old.is, new.is),
        Fate::Renamed((_, old), (_, new)) => vec![renamed(pair, old.is, new.is)],
        Fate::Added(_, new) => vec![added(new.is)],
        Fate::Removed(_, old) => vec![removed(old.is)],
    });
    findings.collect()
}

fn added(new: &LockedStore) -> Finding {
    let reason = if new.is_backed_by_a_source() {
        "it is filled from the whole topic; an old instance that has a task of it in between does not keep it"
    } else {
        "it begins empty, where the group's committed positions are: it has nothing of what was read before. To have it \
         whole, set the group's positions back, or give the application another id. An old instance that has a task of \
         it in between does not keep it"
    };
    Finding::new(Effect::FullStop, part(new), format!("is new ({})", new.kind), reason)
}

fn removed(old: &LockedStore) -> Finding {
    let reason = "an old instance that has a task of it goes on writing it, a new one does not. If the name is ever used \
                  again, what the changelog still has comes back";
    let finding = Finding::new(Effect::FullStop, part(old), "is no longer kept", reason);
    if old.is_backed_by_a_source() { finding } else { finding.leaving(&old.backed_by) }
}

fn renamed(pair: &Pair<'_>, old: &LockedStore, new: &LockedStore) -> Finding {
    let reason = if is_of_one_join(pair, old, new) {
        "a join of another kind keeps its records under other names: those that the old one keeps find no partner any \
         more"
    } else {
        "it begins empty, and what the old one has is not used. It looks as if it was given another name: with the old \
         one, nothing is lost"
    };
    let change = format!("-> {}", new.name);
    Finding::new(Effect::BreaksState, part(old), change, reason).leaving(&old.backed_by)
}

/// True if both are stores of a join that has its name in both versions.
fn is_of_one_join(pair: &Pair<'_>, old: &LockedStore, new: &LockedStore) -> bool {
    let parts = &pair.new.lock.sub_topologies;
    let users = parts.iter().flat_map(|part| &part.operators).filter(|user| user.stores.contains(&new.name));
    users.into_iter().any(|user| {
        let of_join = format!("{}-", user.name);
        old.name.starts_with(&of_join) && new.name.starts_with(&of_join)
    })
}

fn kept(old: &LockedStore, new: &LockedStore) -> Vec<Finding> {
    if old.kind != new.kind {
        let change = format!("{} -> {}", old.kind, new.kind);
        let reason = "what the old version keeps there is written in another way: the new one begins empty";
        let finding = Finding::new(Effect::BreaksState, part(new), change, reason);
        let own_changelog = (!old.is_backed_by_a_source()).then_some(&old.backed_by);
        return vec![own_changelog.into_iter().fold(finding, |finding, topic| finding.resetting(topic))];
    }
    parameters(old, new).into_iter().chain(holds(old, new)).collect()
}

fn parameters(old: &LockedStore, new: &LockedStore) -> Vec<Finding> {
    let names: BTreeSet<_> = old.parameters_ms.keys().chain(new.parameters_ms.keys()).collect();
    let findings = names.into_iter().filter_map(|name| {
        let (before, after) = (old.parameters_ms.get(name).copied(), new.parameters_ms.get(name).copied());
        if before == after {
            return None;
        }
        let change = format!("{name} {} -> {}", duration(before), duration(after));
        let (effect, reason) = parameter(&new.kind, name, before < after);
        let finding = Finding::new(effect, part(new), change, reason);
        let is_reset = effect == Effect::BreaksState && !old.is_backed_by_a_source();
        Some(if is_reset { finding.resetting(&old.backed_by) } else { finding })
    });
    findings.collect()
}

fn duration(ms: Option<i64>) -> String {
    match ms {
        None => "none".to_owned(),
        Some(0) => "0s".to_owned(),
        Some(ms) => format!("{:?}", Duration::from_millis(ms.unsigned_abs())),
    }
}

/// What it means that a parameter of such a store grew or shrank.
fn parameter(kind: &str, name: &str, grew: bool) -> (Effect, &'static str) {
    match (kind, name) {
        (_, "size") => (
            Effect::BreaksState,
            "a window is kept by its start: those that are kept would be taken for windows of the new size, with the \
             records of the old",
        ),
        (_, "advance") => (
            Effect::BreaksState,
            "windows that are kept begin where none begin any more, and those that begin between them lack what came \
             before",
        ),
        ("side of a join" | "records without a partner", _) | ("versioned table", "history") => (
            Effect::BreaksState,
            "it is kept in stretches of time, whose length follows from this: what is kept is not found any more",
        ),
        ("sessions", "gap") => (
            Effect::FullStop,
            "sessions that are kept stay as they were cut; old and new instances would cut them differently",
        ),
        (_, "grace") if grew => (
            Effect::FullStop,
            "windows that were let go of are open again: a record that is late for one begins it anew, from nothing. Old \
             instances would let go of what new ones still need",
        ),
        (_, "grace") => (
            Effect::FullStop,
            "what is open longer than that is let go of; old and new instances would not agree on what is late",
        ),
        (_, "ttl" | "retention") => (
            Effect::FullStop,
            "entries that were let go of do not come back; old and new instances would not agree on which are gone",
        ),
        _ => (Effect::BreaksState, "this version does not know what it means for what is kept"),
    }
}

fn holds(old: &LockedStore, new: &LockedStore) -> Option<Finding> {
    let compared = Compared::of(old.format.as_ref(), new.format.as_ref());
    // What is restored from a source is what the source holds.
    if compared.is_same() || old.is_backed_by_a_source() {
        return None;
    }
    let finding = |effect, change, reason: &str| Finding::new(effect, part(new), change, reason);
    if compared.key != Likeness::Same {
        let reason = "an entry is found by the bytes of its key. It need not be reset only if every key has the bytes that it \
                      had, as when a type was renamed";
        return Some(finding(Effect::BreaksState, compared.change, reason).resetting(&old.backed_by));
    }
    if compared.value == Likeness::Different {
        let reason = "the new version cannot read what the old one keeps";
        return Some(finding(Effect::BreaksState, compared.change, reason).resetting(&old.backed_by));
    }
    let reason =
        "the new version must read what the old one keeps, and in a rolling update also the other way round";
    Some(finding(Effect::CheckSerdes, compared.change, reason))
}

fn part(store: &LockedStore) -> String {
    format!("store {}", store.name)
}
