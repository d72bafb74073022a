//! What changed between two locks, and what that means for those who run the application.
//!
//! Owns: the comparison, and how each difference is classed. What decides: two versions may run side by side if they
//! divide the same tasks (same sub-topologies, topics and stores) and neither writes into stores or repartition topics
//! what the other cannot use.
//!
//! Invariants: pure; between a lock and itself there is no difference; a topic that others own is never to be deleted.
//!
//! Does not know: what closures do, how many partitions topics have, whether anything is in a topic.

mod fate;
mod format;
mod index;
mod operators;
mod report;
mod shape;
mod stores;
mod topics;

use super::TopologyLock;
use index::Pair;

pub use report::{Effect, Finding, Report};

/// What changed from one version of a topology to the next, the gravest first.
pub fn compare(old: &TopologyLock, new: &TopologyLock) -> Report {
    let findings = match another_application(old, new) {
        Some(finding) => vec![finding],
        None => differences(&Pair::of(old, new)),
    };
    Report::new(&old.application_id, &new.application_id, findings)
}

fn differences(pair: &Pair<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = guarantee(pair).into_iter().chain(watermarks(pair)).collect();
    findings.extend(topics::sources(pair));
    findings.extend(topics::repartitions(pair));
    findings.extend(shape::sub_topologies(pair));
    findings.extend(shape::copartitioning(pair));
    findings.extend(stores::stores(pair));
    findings.extend(operators::operators(pair));
    findings.extend(topics::global_tables(pair));
    findings.extend(topics::sinks(pair));
    findings.extend(operators::steps(pair));
    findings
}

/// Everything that an application keeps in the cluster has its id in its name: under another id nothing is found.
fn another_application(old: &TopologyLock, new: &TopologyLock) -> Option<Finding> {
    let (old, new) = (&old.application_id, &new.application_id);
    (old != new).then(|| {
        Finding::new(
            Effect::NewApplication,
            "application id",
            format!("{old} -> {new}"),
            "the new one has no committed positions, no stores and no internal topics: it reads its inputs from the \
             beginning, and sends all results anew, whatever the old one does",
        )
    })
}

fn guarantee(pair: &Pair<'_>) -> Option<Finding> {
    let (old, new) = (&pair.old.lock.guarantee, &pair.new.lock.guarantee);
    (old != new).then(|| {
        Finding::new(
            Effect::FullStop,
            "guarantee",
            format!("{old} -> {new}"),
            "it holds for what all instances do together: an old instance beside new ones would still give its own",
        )
    })
}

fn watermarks(pair: &Pair<'_>) -> Option<Finding> {
    let (old, new) = (&pair.old.lock.watermarks, &pair.new.lock.watermarks);
    let words = |watermarks: &Option<String>| watermarks.as_deref().unwrap_or("none").to_owned();
    (old != new).then(|| {
        Finding::new(
            Effect::FullStop,
            "watermarks",
            format!("{} -> {}", words(old), words(new)),
            "instances tell each other how far they have come: one that does not keeps the others waiting, and with \
             another bound they would not agree on what is late",
        )
    })
}
