//! Topics that are read and written.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::{Fate, fates};
use super::format::{Compared, Likeness};
use super::index::{In, Pair};
use super::report::{Effect, Finding};
use crate::graph::SourceRole;
use crate::lock::{LockedSource, LockedSubTopology, LockedTopic, TopologyLock};

const OTHER_TASKS: &str = "old and new instances in one group would divide tasks that are not the same";

/// Topics of others that are read as streams and tables.
pub(super) fn sources(pair: &Pair<'_>) -> Vec<Finding> {
    let findings = pair.sources.iter().flat_map(|fate| match *fate {
        Fate::Kept(topic, old, new) | Fate::Renamed((topic, old), (_, new)) => kept(topic, old.is, new.is),
        Fate::Added(topic, new) => vec![added(topic, new.is)],
        Fate::Removed(topic, _) => vec![Finding::new(
            Effect::FullStop,
            source(topic),
            "is no longer read",
            format!(
                "{OTHER_TASKS}. What of it is not read by then is not processed; the group's positions in it stay, and \
                 who reads it again goes on there"
            ),
        )],
    });
    findings.chain(order(pair)).collect()
}

fn added(topic: &str, new: &LockedSource) -> Finding {
    let reads = match new.role {
        SourceRole::Table => "Its table is filled from the whole topic",
        SourceRole::Stream | SourceRole::Repartition(_) => "It is read from its beginning",
    };
    let reason = format!("{OTHER_TASKS}. {reads}; it must exist before the new version starts");
    Finding::new(Effect::FullStop, source(topic), format!("is new, read as a {}", word(&new.role)), reason)
}

fn kept(topic: &str, old: &LockedSource, new: &LockedSource) -> Vec<Finding> {
    let mut findings = Vec::new();
    if old.role != new.role {
        findings.push(Finding::new(
            Effect::FullStop,
            source(topic),
            format!("read as a {} -> as a {}", word(&old.role), word(&new.role)),
            "one version keeps a store that the other does not: whichever has a task after the other would not find what \
             it needs",
        ));
    }
    let compared = Compared::of(old.topic.format.as_ref(), new.topic.format.as_ref());
    if !compared.is_same() {
        findings.push(Finding::new(
            Effect::CheckSerdes,
            source(topic),
            compared.change,
            "the new version must read what is in the topic, and what its producers go on writing",
        ));
    }
    findings
}

/// Of records of one time, that of the input declared first comes first.
fn order(pair: &Pair<'_>) -> Vec<Finding> {
    let findings = pair.places().into_iter().filter_map(|(old, new)| {
        let (old_part, new_part) = (pair.old.part(old)?, pair.new.part(new)?);
        let old_order = topics_of(old_part).map(|topic| pair.new_name(topic));
        let new_order: Vec<_> = topics_of(new_part).collect();
        let of_both: Vec<_> = old_order.filter(|topic| new_order.contains(topic)).collect();
        let of_new: Vec<_> = new_order.into_iter().filter(|topic| of_both.contains(topic)).collect();
        (of_both != of_new).then(|| {
            Finding::new(
                Effect::Rolling,
                format!("sources of sub-topology {new}"),
                format!("{} -> {}", of_both.join(", "), of_new.join(", ")),
                "of records of one time, that of the input declared first comes first: a replay may give other results",
            )
        })
    });
    findings.collect()
}

fn topics_of(part: &LockedSubTopology) -> impl Iterator<Item = &str> {
    part.sources.iter().map(|source| source.topic.topic.as_str())
}

/// Topics by which the application hands records to itself.
pub(super) fn repartitions(pair: &Pair<'_>) -> Vec<Finding> {
    let counts = pair.repartitions.iter().filter_map(|fate| match *fate {
        Fate::Kept(topic, old, new) => other_partitions(pair, topic, old.is, new.is),
        Fate::Added(..) | Fate::Removed(..) | Fate::Renamed(..) => None,
    });
    let findings = pair.repartitions.iter().filter_map(|fate| match *fate {
        Fate::Kept(topic, old, new) => repartition_holds(topic, old, new),
        Fate::Added(topic, _) => Some(Finding::new(
            Effect::FullStop,
            repartition(topic),
            "is new",
            format!("{OTHER_TASKS}. The topic is made when the new version starts"),
        )),
        Fate::Removed(topic, _) => Some(left(topic, "is no longer read", "")),
        Fate::Renamed((topic, _), (new, _)) => Some(left(
            topic,
            &format!("-> {new}"),
            ". It looks as if an operator was given another name: with the old one, nothing is to be done",
        )),
    });
    counts.chain(findings).collect()
}

/// Kafka can add partitions to a topic, but what is in the old ones stays there, and so does the state made of it.
fn other_partitions(pair: &Pair<'_>, topic: &str, old: &LockedSource, new: &LockedSource) -> Option<Finding> {
    if old.partitions == new.partitions {
        return None;
    }
    let word = |count: Option<i64>| match count {
        Some(count) => format!("{count} partitions"),
        None => "as many partitions as what feeds it".to_owned(),
    };
    let change = format!("{} -> {}", word(old.partitions), word(new.partitions));
    let reason = "keys go to other partitions, away from what is remembered of them; the new version does not start where \
                  the topic or a changelog behind it has another number than it needs";
    let finding = Finding::new(Effect::BreaksState, repartition(topic), change, reason);
    let behind = sized_by(pair.old.lock, topic);
    let finding =
        behind.topics.iter().fold(finding, |finding, topic| finding.working_off(topic).resetting(topic));
    Some(behind.changelogs.iter().fold(finding, |finding, changelog| finding.resetting(changelog)))
}

/// Topics of the application's own whose partitions follow from a repartition topic's.
#[derive(Default)]
struct SizedBy<'a> {
    topics: BTreeSet<&'a str>,
    changelogs: BTreeSet<&'a str>,
}

/// Who reads such a topic has changelogs of as many partitions, and hands on to topics of as many, unless the author says how
/// many; what is joined with it has as many, too.
fn sized_by<'a>(lock: &'a TopologyLock, topic: &'a str) -> SizedBy<'a> {
    let sources = lock.sub_topologies.iter().flat_map(|part| &part.sources);
    let is_free = |topic: &str| {
        let mut of_topic = sources.clone().filter(|source| source.topic.topic == topic);
        of_topic
            .all(|source| source.partitions.is_none() && matches!(source.role, SourceRole::Repartition(_)))
    };
    let mut sized = SizedBy::default();
    let mut next = vec![topic];
    while let Some(topic) = next.pop() {
        if !sized.topics.insert(topic) {
            continue;
        }
        let readers = lock.sub_topologies.iter().filter(|part| topics_of(part).any(|read| read == topic));
        for reader in readers {
            let stores = reader.stores.iter().filter(|store| !store.is_backed_by_a_source());
            sized.changelogs.extend(stores.map(|store| store.backed_by.as_str()));
            let groups =
                reader.copartitioned.iter().filter(|group| group.topics.iter().any(|of| of == topic));
            let follow = reader.repartitions.iter().chain(groups.flat_map(|group| &group.topics));
            next.extend(follow.map(String::as_str).filter(|topic| is_free(topic)));
        }
    }
    sized
}

fn left(topic: &str, change: &str, more: &str) -> Finding {
    let reason = format!(
        "records that the old version has sent there and not yet taken up are never processed, as their inputs count as \
         read{more}"
    );
    Finding::new(Effect::LosesRecords, repartition(topic), change, reason).working_off(topic).leaving(topic)
}

fn repartition_holds(topic: &str, old: In<'_, LockedSource>, new: In<'_, LockedSource>) -> Option<Finding> {
    let compared = Compared::of(old.is.topic.format.as_ref(), new.is.topic.format.as_ref());
    if compared.is_same() {
        return None;
    }
    let finding = |effect, change, reason: &str| Finding::new(effect, repartition(topic), change, reason);
    // Keys also say which partition a record is in.
    if compared.value == Likeness::Different || compared.key != Likeness::Same {
        let reason =
            "the new version cannot take up what the old one has sent there, nor the other way round";
        return Some(finding(Effect::LosesRecords, compared.change, reason).working_off(topic));
    }
    let reason = "the new version must read what the old one has sent there, and in a rolling update also the other way \
                  round";
    Some(finding(Effect::CheckSerdes, compared.change, reason))
}

/// Tables that every instance reads whole.
pub(super) fn global_tables(pair: &Pair<'_>) -> Vec<Finding> {
    let (old, new) = (by_topic(&pair.old.lock.global_tables), by_topic(&pair.new.lock.global_tables));
    let findings = fates(&old, &new, |_, _| false).into_iter().filter_map(|fate| {
        let (topic, effect, change, reason) = match fate {
            Fate::Added(topic, _) => {
                let reason =
                    "each instance reads it by itself; the topic must exist before the new version starts";
                (topic, Effect::Rolling, "is new".to_owned(), reason)
            }
            Fate::Removed(topic, _) => {
                let reason = "each instance reads it by itself";
                (topic, Effect::Rolling, "is no longer read".to_owned(), reason)
            }
            Fate::Kept(topic, old, new) | Fate::Renamed((topic, old), (_, new)) => {
                let compared = Compared::of(old.format.as_ref(), new.format.as_ref());
                if compared.is_same() {
                    return None;
                }
                let reason =
                    "the new version must read what is in the topic, and what its producers go on writing";
                (topic, Effect::CheckSerdes, compared.change, reason)
            }
        };
        Some(Finding::new(effect, format!("global table {topic}"), change, reason))
    });
    findings.collect()
}

/// Topics that are written for others.
pub(super) fn sinks(pair: &Pair<'_>) -> Vec<Finding> {
    let (old, new) = (sinks_of(pair.old.lock), sinks_of(pair.new.lock));
    let topics: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let findings = topics.into_iter().filter_map(|topic| match (old.get(topic), new.get(topic)) {
        (None, _) => Some(Finding::new(
            Effect::Rolling,
            sink(topic),
            "is new",
            "until the last old instance is gone, results of the partitions that it has are missing there; the topic must \
             exist before the new version starts",
        )),
        (_, None) => Some(Finding::new(
            Effect::Rolling,
            sink(topic),
            "is no longer written",
            "its readers get nothing new; until the last old instance is gone, they get the results of its partitions",
        )),
        (Some(old), Some(new)) => written_otherwise(topic, old, new),
    });
    findings.collect()
}

fn written_otherwise(topic: &str, old: &[&LockedTopic], new: &[&LockedTopic]) -> Option<Finding> {
    let read_as_before = |written: &&&LockedTopic| {
        old.iter().any(|old| Compared::of(old.format.as_ref(), written.format.as_ref()).is_same())
    };
    let other = new.iter().find(|written| !read_as_before(written))?;
    let compared = Compared::of(old.first()?.format.as_ref(), other.format.as_ref());
    let more = if compared.key == Likeness::Same {
        ""
    } else {
        "; where a key has other bytes, its records go to another partition than before"
    };
    let reason = format!("its readers must read what the new version writes{more}");
    Some(Finding::new(Effect::CheckSerdes, sink(topic), compared.change, reason))
}

fn sinks_of(lock: &TopologyLock) -> BTreeMap<&str, Vec<&LockedTopic>> {
    let mut sinks: BTreeMap<&str, Vec<&LockedTopic>> = BTreeMap::new();
    for written in lock.sub_topologies.iter().flat_map(|part| &part.sinks) {
        sinks.entry(written.topic.as_str()).or_default().push(written);
    }
    sinks
}

fn by_topic(topics: &[LockedTopic]) -> BTreeMap<&str, &LockedTopic> {
    topics.iter().map(|topic| (topic.topic.as_str(), topic)).collect()
}

fn word(role: &SourceRole) -> &'static str {
    match role {
        SourceRole::Stream => "stream",
        SourceRole::Table => "table",
        SourceRole::Repartition(_) => "repartition topic",
    }
}

fn source(topic: &str) -> String {
    format!("source topic {topic}")
}

fn repartition(topic: &str) -> String {
    format!("repartition topic {topic}")
}

fn sink(topic: &str) -> String {
    format!("sink topic {topic}")
}
