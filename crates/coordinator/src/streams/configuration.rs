//! What a topology comes to on the topics that there are: how many tasks each subtopology has, and which internal
//! topics are still to be made (KIP-1071, "Topology initialization").
//!
//! The source topics must exist. From their partitions follow those of the repartition topics, through chains of
//! subtopologies ([`counts`]), unless the application has fixed them; topics that are joined must have as many as each
//! other ([`copartition`]); a changelog has one for each task. An internal topic that exists must have what was worked
//! out.
//!
//! Invariant: the outcome depends on topology and topics alone, not on the order in which subtopologies are said.

mod copartition;
mod counts;

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::TopicName;

use crate::streams::status::{StatusCode, StreamsStatus};
use crate::streams::topology::{InternalTopic, StreamsTopology, Subtopology};
use crate::{SubtopologyId, Topics};

/// The greatest number of tasks of one group: they are listed in records and answers.
const MAX_TASKS: i64 = 100_000;

/// An internal topic that is to be made before the group can work. What it is to have comes from the members: who
/// makes it has the say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions it is to have.
    pub partitions: i32,
    /// How many replicas it is to have; none for the cluster's default.
    pub replication_factor: Option<i16>,
    /// Its settings: names and values.
    pub configs: Vec<(String, String)>,
}

/// What a topology comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Configuration {
    /// All topics are there.
    Ready(Layout),
    /// All will be once these are made.
    Missing(Vec<MissingTopic>),
    /// The topics that there are do not do.
    Impossible(StreamsStatus),
}

/// The tasks of a topology, and the partitions of its topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// By subtopology.
    pub(crate) parts: BTreeMap<SubtopologyId, Part>,
    /// The partitions of each internal topic.
    pub(crate) internal: BTreeMap<String, i32>,
}

/// A subtopology with its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// How many there are; their numbers begin at 0.
    pub(crate) tasks: i32,
    /// They have state.
    pub(crate) is_stateful: bool,
    /// The topics that are read, with their partitions.
    pub(crate) sources: BTreeMap<String, i32>,
}

impl Configuration {
    pub(crate) fn of(topology: &StreamsTopology, topics: &Topics) -> Self {
        let outcome = lay_out(topology, topics)
            .and_then(|layout| Ok((missing_topics(topology, topics, &layout)?, layout)));
        match outcome {
            Ok((missing, layout)) if missing.is_empty() => Self::Ready(layout),
            Ok((missing, _)) => Self::Missing(missing),
            Err(status) => Self::Impossible(status),
        }
    }

    pub(crate) fn layout(&self) -> Option<&Layout> {
        match self {
            Self::Ready(layout) => Some(layout),
            Self::Missing(_) | Self::Impossible(_) => None,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.layout().is_some()
    }

    /// The topics that are to be made.
    pub(crate) fn missing(&self) -> &[MissingTopic] {
        match self {
            Self::Missing(missing) => missing,
            Self::Ready(_) | Self::Impossible(_) => &[],
        }
    }

    /// What members are told, if something keeps the group from working.
    pub(crate) fn status(&self) -> Option<StreamsStatus> {
        match self {
            Self::Ready(_) => None,
            Self::Impossible(status) => Some(status.clone()),
            Self::Missing(missing) => {
                let names = missing.iter().map(|topic| topic.name.as_str());
                let detail = format!("Internal topics are missing: {}", listed(names));
                Some(StreamsStatus { code: StatusCode::MissingInternalTopics, detail })
            }
        }
    }
}

/// How many partitions each topic has, or will have. Those of internal topics count as they were worked out.
struct Counts<'a> {
    topics: &'a Topics,
    internal: BTreeMap<&'a str, i32>,
}

impl Counts<'_> {
    fn get(&self, name: &str) -> Option<i32> {
        let known = || self.topics.get(name).map(|topic| topic.partitions);
        self.internal.get(name).copied().or_else(known)
    }

    /// As many as the greatest of the topics that it reads.
    fn tasks(&self, subtopology: &Subtopology) -> i32 {
        subtopology.consumed().filter_map(|name| self.get(name)).max().unwrap_or(0)
    }
}

fn lay_out(topology: &StreamsTopology, topics: &Topics) -> Result<Layout, StreamsStatus> {
    check_sources(topology, topics)?;
    let mut counts = Counts { topics, internal: counts::of_repartition_topics(topology, topics)? };
    copartition::enforce(topology, &mut counts)?;
    let mut parts = BTreeMap::new();
    for subtopology in &topology.subtopologies {
        let tasks = counts.tasks(subtopology);
        for changelog in own_changelogs(subtopology) {
            counts.internal.insert(&changelog.name, tasks);
        }
        let sources = subtopology.consumed();
        let sources = sources.map(|name| (name.to_owned(), counts.get(name).unwrap_or(0))).collect();
        let part = Part { tasks, is_stateful: subtopology.is_stateful(), sources };
        parts.insert(subtopology.id.clone(), part);
    }
    check_tasks(&parts)?;
    let internal = counts.internal.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    Ok(Layout { parts, internal })
}

fn check_tasks(parts: &BTreeMap<SubtopologyId, Part>) -> Result<(), StreamsStatus> {
    let tasks: i64 = parts.values().map(|part| i64::from(part.tasks)).sum();
    if tasks <= MAX_TASKS {
        return Ok(());
    }
    Err(incorrectly_partitioned(format!(
        "The topology has {tasks} tasks, more than the {MAX_TASKS} that a group may have"
    )))
}

/// The changelogs that exist for the state alone: a source topic may serve as one.
fn own_changelogs(subtopology: &Subtopology) -> impl Iterator<Item = &InternalTopic> {
    subtopology.changelogs.iter().filter(|topic| !subtopology.source_topics.contains(&topic.name))
}

fn check_sources(topology: &StreamsTopology, topics: &Topics) -> Result<(), StreamsStatus> {
    let sources = topology.subtopologies.iter().flat_map(|subtopology| &subtopology.source_topics);
    let missing: BTreeSet<&str> =
        sources.map(String::as_str).filter(|name| topics.get(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("Source topics {} are missing.", listed(missing.into_iter()));
    Err(StreamsStatus { code: StatusCode::MissingSourceTopics, detail })
}

/// The internal topics that do not exist, by name.
fn missing_topics(
    topology: &StreamsTopology,
    topics: &Topics,
    layout: &Layout,
) -> Result<Vec<MissingTopic>, StreamsStatus> {
    let declared = topology.subtopologies.iter().flat_map(Subtopology::internal_topics);
    let declared: BTreeMap<&str, &InternalTopic> =
        declared.map(|topic| (topic.name.as_str(), topic)).collect();
    let mut missing = Vec::new();
    for (name, expected) in &layout.internal {
        match (topics.get(name), declared.get(name.as_str())) {
            (Some(found), _) if found.partitions != *expected => {
                return Err(incorrectly_partitioned(format!(
                    "Existing topic {name} has different number of partitions: expected {expected}, found {}",
                    found.partitions
                )));
            }
            (None, Some(topic)) => missing.extend(MissingTopic::new(topic, *expected)),
            _ => {}
        }
    }
    Ok(missing)
}

impl MissingTopic {
    fn new(topic: &InternalTopic, partitions: i32) -> Option<Self> {
        let replication_factor = Some(topic.replication_factor).filter(|factor| *factor > 0);
        let name = TopicName::new(&topic.name).ok()?;
        Some(Self { name, partitions, replication_factor, configs: topic.configs.clone() })
    }
}

fn incorrectly_partitioned(detail: String) -> StreamsStatus {
    StreamsStatus { code: StatusCode::IncorrectlyPartitionedTopics, detail }
}

/// The greatest number of names that a sentence lists.
const LISTED: usize = 20;

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names.get(..LISTED).unwrap_or(&names).join(", ");
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
