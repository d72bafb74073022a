//! What is done with records between topics and stores.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::Fate;
use super::index::Pair;
use super::report::{Effect, Finding};
use crate::lock::{LockedOperator, LockedSubTopology, TopologyLock};

/// Operators of one name that do something else, or with other settings, where their stores do not tell it already.
pub(super) fn operators(pair: &Pair<'_>) -> Vec<Finding> {
    let (old, new) = (by_name(pair.old.lock), by_name(pair.new.lock));
    let told = changed_stores(pair);
    let findings = old.iter().filter_map(|(name, old)| {
        let new = new.get(name)?;
        let (before, after) = (words(old), words(new));
        let is_told = new.iter().chain(old).flat_map(|operator| &operator.stores);
        if before == after || is_told.into_iter().any(|store| told.contains(store.as_str())) {
            return None;
        }
        let change = format!("{} -> {}", joined(before.difference(&after)), joined(after.difference(&before)));
        let keeps_something = new.iter().chain(old).any(|operator| has_own_store(operator));
        let (effect, reason) = if keeps_something {
            let reason = "what its store holds was made by the old way, and stays; old and new instances would go on with it \
                          differently";
            (Effect::FullStop, reason)
        } else {
            (Effect::Rolling, SIDE_BY_SIDE)
        };
        Some(Finding::new(effect, format!("operator {name}"), change, reason))
    });
    findings.collect()
}

const SIDE_BY_SIDE: &str = "it keeps nothing: while both versions run, records take the old or the new way with the instance that has their \
     partition";

/// What operators of one name do.
fn words(operators: &[&LockedOperator]) -> BTreeSet<String> {
    let words = operators.iter().map(|LockedOperator { verb, detail, .. }| match detail {
        Some(detail) => format!("{verb} {detail}"),
        None => verb.clone(),
    });
    words.collect()
}

fn joined<'a>(words: impl Iterator<Item = &'a String>) -> String {
    let words: Vec<_> = words.map(String::as_str).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(" and ") }
}

fn by_name(lock: &TopologyLock) -> BTreeMap<&str, Vec<&LockedOperator>> {
    let mut operators: BTreeMap<&str, Vec<&LockedOperator>> = BTreeMap::new();
    for operator in lock.sub_topologies.iter().flat_map(|part| &part.operators) {
        operators.entry(operator.name.as_str()).or_default().push(operator);
    }
    operators
}

/// Stores are named after the operator that keeps them; others are those of tables that it looks into.
fn has_own_store(operator: &LockedOperator) -> bool {
    let of_operator = format!("{}-", operator.name);
    operator.stores.iter().any(|store| *store == operator.name || store.starts_with(&of_operator))
}

/// Stores that are not what they were.
fn changed_stores<'a>(pair: &Pair<'a>) -> BTreeSet<&'a str> {
    let changed = pair.stores.iter().flat_map(|fate| match *fate {
        Fate::Kept(name, old, new) => {
            let is_same = old.is.kind == new.is.kind && old.is.parameters_ms == new.is.parameters_ms;
            if is_same { Vec::new() } else { vec![name] }
        }
        Fate::Renamed((old, _), (new, _)) => vec![old, new],
        Fate::Removed(name, _) | Fate::Added(name, _) => vec![name],
    });
    changed.collect()
}

/// Steps without a name of their own that came or went, within a sub-topology that is in its place; and named ones that
/// keep nothing.
pub(super) fn steps(pair: &Pair<'_>) -> Vec<Finding> {
    let told = told_elsewhere(pair);
    let findings = pair.places().into_iter().filter(|(old, new)| old == new).filter_map(|(_, number)| {
        let change = step_change(pair.old.part(number)?, pair.new.part(number)?, &told)?;
        Some(Finding::new(Effect::Rolling, format!("steps of sub-topology {number}"), change, SIDE_BY_SIDE))
    });
    findings.collect()
}

/// How the steps begin that other findings are about: sources, sinks, and operators that have stores or are in both
/// versions.
fn told_elsewhere(pair: &Pair<'_>) -> BTreeSet<String> {
    let locks = [pair.old.lock, pair.new.lock];
    let names: Vec<_> = locks.into_iter().map(by_name).collect();
    let is_told = |name: &str| {
        let named = || names.iter().filter_map(|names| names.get(name));
        named().count() > 1 || named().flatten().any(|operator| has_own_store(operator))
    };
    let parts = || locks.into_iter().flat_map(|lock| &lock.sub_topologies);
    let operators = parts().flat_map(|part| &part.operators).filter(|operator| is_told(&operator.name));
    let operators = operators.map(|operator| format!("{} {}", operator.verb, operator.name));
    let sinks = parts().flat_map(|part| &part.sinks).map(|sink| format!("to {}", sink.topic));
    let sources = ["stream", "table", "repartition"].map(str::to_owned);
    operators.chain(sinks).chain(sources).collect()
}

fn is_told(step: &str, told: &BTreeSet<String>) -> bool {
    told.iter().any(|told| {
        step.strip_prefix(told.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

fn step_change(old: &LockedSubTopology, new: &LockedSubTopology, told: &BTreeSet<String>) -> Option<String> {
    if old.steps == new.steps {
        return None;
    }
    let (before, after) = (counted(old), counted(new));
    if before == after {
        return Some("the same steps in another order".to_owned());
    }
    let gone = beyond(&before, &after).filter(|step| !is_told(step, told)).map(|step| format!("- {step}"));
    let come = beyond(&after, &before).filter(|step| !is_told(step, told)).map(|step| format!("+ {step}"));
    let changes: Vec<_> = gone.chain(come).collect();
    (!changes.is_empty()).then(|| changes.join(", "))
}

fn counted(part: &LockedSubTopology) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    let steps = part.steps.iter().map(|step| step.trim());
    for step in steps.map(|step| step.strip_suffix(", see above").unwrap_or(step)) {
        *counts.entry(step).or_default() += 1;
    }
    counts
}

fn beyond<'a>(
    these: &'a BTreeMap<&'a str, usize>,
    those: &'a BTreeMap<&'a str, usize>,
) -> impl Iterator<Item = &'a str> {
    let more = these.iter().filter(|(step, count)| **count > those.get(*step).copied().unwrap_or_default());
    more.map(|(step, _)| *step)
}
