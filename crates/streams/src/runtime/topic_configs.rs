//! The configs that internal topics are made with.
//!
//! They are Kafka Streams', but for two things: changelogs of windows are compacted as all others are, not deleted by time,
//! and tombstones are kept for a day, whatever the cluster's default, because stores on disk rely on that. An author's configs
//! take their place, those of one topic before those of all; but for what a promise depends on.

use std::collections::BTreeMap;

use headwater_model::TopicName;

use super::error::StreamsError;
use crate::topology::{InternalTopicKind, Topology};

type Configs = BTreeMap<String, String>;

/// Configs that internal topics are made with, beside those that they have by themselves or in their place. Topics that are
/// there already stay as they are.
///
/// ```
/// use headwater_streams::{InternalTopicConfigs, StreamsConfig};
///
/// let internal_topics = InternalTopicConfigs::new()
///     .all("min.insync.replicas", "2")
///     .topic("shop-totals-changelog", "segment.bytes", "16777216");
/// let config = StreamsConfig { internal_topics, ..StreamsConfig::default() };
/// # drop(config);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InternalTopicConfigs {
    all: Configs,
    topics: BTreeMap<String, Configs>,
}

impl InternalTopicConfigs {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a config of all internal topics: Kafka Streams' prefix `topic.`.
    #[must_use]
    pub fn all(mut self, config: &str, value: &str) -> Self {
        self.all.insert(config.to_owned(), value.to_owned());
        self
    }

    /// Adds a config of one internal topic, by its whole name; it goes before that of all: Kafka Streams'
    /// `withLoggingEnabled`, but for repartition topics, too.
    #[must_use]
    pub fn topic(mut self, topic: &str, config: &str, value: &str) -> Self {
        let configs = self.topics.entry(topic.to_owned()).or_default();
        configs.insert(config.to_owned(), value.to_owned());
        self
    }

    /// Refuses configs of topics that the topology does not have, and those that a promise depends on.
    pub(super) fn check(&self, topology: &Topology) -> Result<(), StreamsError> {
        let internal = topology.internal_topics();
        let is_internal = |topic: &str| internal.iter().any(|internal| internal.topic.as_str() == topic);
        if let Some(topic) = self.topics.keys().find(|topic| !is_internal(topic)) {
            let application = topology.application_id().to_owned();
            return Err(StreamsError::NoSuchInternalTopic { application, topic: topic.clone() });
        }
        let mut given = self.topics.values().chain([&self.all]).flat_map(Configs::keys);
        match given.find(|config| OWN.contains(&config.as_str())) {
            Some(config) => Err(StreamsError::OwnTopicConfig { config: config.clone() }),
            None => Ok(()),
        }
    }

    /// All configs of a topic that is to be made.
    pub(super) fn of(&self, topic: &TopicName, kind: InternalTopicKind) -> Configs {
        let own = match kind {
            InternalTopicKind::Repartition => REPARTITION,
            InternalTopicKind::Changelog => CHANGELOG,
        };
        let mut configs: Configs =
            own.iter().map(|(config, value)| ((*config).to_owned(), (*value).to_owned())).collect();
        configs.extend(self.all.clone());
        configs.extend(self.topics.get(topic.as_str()).cloned().unwrap_or_default());
        configs
    }
}

/// What was sent on is read, however long that takes.
const REPARTITION: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("message.timestamp.type", "CreateTime"),
    ("retention.ms", "-1"),
    ("segment.bytes", "52428800"),
];

const CHANGELOG: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    // Twice as long as a store on disk may be behind its changelog.
    ("delete.retention.ms", "86400000"),
    ("message.timestamp.type", "CreateTime"),
];

/// What authors cannot change: state would be lost, events would have other times, or what was removed would come back.
const OWN: [&str; 3] = ["cleanup.policy", "delete.retention.ms", "message.timestamp.type"];
