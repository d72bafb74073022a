//! The topology of a streams application, as its members say it: which topics each subtopology reads, writes and keeps
//! its state in (KIP-1071, StreamsGroupHeartbeat).
//!
//! Owns: what makes a topology legal, whatever topics exist.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{ErrorCode, TopicName};

use crate::{Refused, SubtopologyId};

/// A topology in one of its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamsTopology {
    /// The version.
    pub epoch: i32,
    /// Its parts.
    pub subtopologies: Vec<Subtopology>,
}

/// A part of a topology whose tasks are one for each partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtopology {
    /// Its name.
    pub id: SubtopologyId,
    /// The topics from outside that it reads.
    pub source_topics: Vec<String>,
    /// Regular expressions of further topics that it reads. They are not served, as in Kafka up to 4.3.
    pub source_topic_regex: Vec<String>,
    /// The internal topics that it reads, which other subtopologies write.
    pub repartition_sources: Vec<InternalTopic>,
    /// The names of the internal topics that it writes and others read.
    pub repartition_sinks: Vec<String>,
    /// The internal topics that its state is kept in.
    pub changelogs: Vec<InternalTopic>,
    /// The topics that must have as many partitions as each other.
    pub copartition_groups: Vec<CopartitionGroup>,
}

/// A topic that exists for the application alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it is to have; 0 if that is to be worked out.
    pub partitions: i32,
    /// How many replicas it is to have; 0 or -1 for the cluster's default.
    pub replication_factor: i16,
    /// Its settings: names and values.
    pub configs: Vec<(String, String)>,
}

/// Topics that are joined, as places in the lists of a subtopology.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopartitionGroup {
    /// Among the source topics.
    pub source_topics: Vec<i16>,
    /// Among the regular expressions.
    pub source_topic_regex: Vec<i16>,
    /// Among the repartition topics that are read.
    pub repartition_sources: Vec<i16>,
}

impl StreamsTopology {
    /// With the subtopologies by id: their order means nothing.
    #[must_use]
    pub(super) fn in_order(mut self) -> Self {
        self.subtopologies.sort_by(|one, other| one.id.cmp(&other.id));
        self
    }

    /// That it is one that can be served, once its topics are there.
    pub(super) fn check(&self) -> Result<(), Refused> {
        if self.epoch < 0 {
            let message = format!("The topology epoch is {}, but must not be negative.", self.epoch);
            return Err(Refused::new(ErrorCode::StreamsInvalidTopologyEpoch, message));
        }
        let mut ids = BTreeSet::new();
        for subtopology in &self.subtopologies {
            if subtopology.id.as_str().is_empty() || !ids.insert(&subtopology.id) {
                return invalid(format!("Subtopology {} has no name of its own.", subtopology.id));
            }
            subtopology.check()?;
        }
        self.check_internal_topics()
    }

    /// Each internal topic means one thing: it keeps the state of one subtopology, or it is read, declared alike by
    /// all.
    fn check_internal_topics(&self) -> Result<(), Refused> {
        let mut changelogs = BTreeSet::new();
        let mut repartition: BTreeMap<&str, &InternalTopic> = BTreeMap::new();
        for subtopology in &self.subtopologies {
            for topic in &subtopology.repartition_sources {
                let before = repartition.insert(&topic.name, topic);
                if before.is_some_and(|before| before != topic) {
                    return invalid(format!("Repartition topic {} is declared in two ways.", topic.name));
                }
            }
            for topic in &subtopology.changelogs {
                if !changelogs.insert(topic.name.as_str()) {
                    return invalid(format!("Changelog topic {} is declared twice.", topic.name));
                }
            }
        }
        if let Some(name) = changelogs.iter().find(|name| repartition.contains_key(*name)) {
            return invalid(format!("Topic {name} is declared as changelog and as repartition topic."));
        }
        let mut sources = self.subtopologies.iter().flat_map(|subtopology| &subtopology.source_topics);
        match sources.find(|name| repartition.contains_key(name.as_str())) {
            Some(name) => invalid(format!("Topic {name} is declared as source and as repartition topic.")),
            None => Ok(()),
        }
    }

    /// The names of all topics that it needs.
    pub(super) fn required_topics(&self) -> BTreeSet<TopicName> {
        let names = self.subtopologies.iter().flat_map(|subtopology| {
            let sources = subtopology.source_topics.iter();
            sources.chain(subtopology.internal_topics().map(|topic| &topic.name))
        });
        names.filter_map(|name| TopicName::new(name).ok()).collect()
    }

    /// The names of all topics that it reads.
    pub(super) fn consumed_topics(&self) -> BTreeSet<TopicName> {
        let names = self.subtopologies.iter().flat_map(Subtopology::consumed);
        names.filter_map(|name| TopicName::new(name).ok()).collect()
    }

    /// How much it says.
    pub(super) fn said_bytes(&self) -> usize {
        let texts = |texts: &[String]| texts.iter().map(|text| text.len() + 2).sum::<usize>();
        let of_topic = |topic: &InternalTopic| {
            let configs = topic.configs.iter().map(|(name, value)| name.len() + value.len() + 4);
            topic.name.len() + 8 + configs.sum::<usize>()
        };
        let of_group =
            |group: &CopartitionGroup| 8 + 2 * (group.source_topics.len() + group.repartition_sources.len());
        let of_subtopology = |subtopology: &Subtopology| {
            subtopology.id.as_str().len()
                + texts(&subtopology.source_topics)
                + texts(&subtopology.repartition_sinks)
                + subtopology.internal_topics().map(of_topic).sum::<usize>()
                + subtopology.copartition_groups.iter().map(of_group).sum::<usize>()
        };
        self.subtopologies.iter().map(of_subtopology).sum()
    }
}

impl Subtopology {
    /// The names of the topics that it reads.
    pub(super) fn consumed(&self) -> impl Iterator<Item = &str> {
        let internal = self.repartition_sources.iter().map(|topic| topic.name.as_str());
        self.source_topics.iter().map(String::as_str).chain(internal)
    }

    /// The internal topics that it reads or keeps its state in.
    pub(super) fn internal_topics(&self) -> impl Iterator<Item = &InternalTopic> {
        self.repartition_sources.iter().chain(&self.changelogs)
    }

    /// Whether its tasks have state, so that copies of it are worth something.
    pub(super) fn is_stateful(&self) -> bool {
        !self.changelogs.is_empty()
    }

    /// The names of the topics of a copartition group. None if it names others than the subtopology has.
    pub(super) fn copartitioned(&self, group: &CopartitionGroup) -> Option<BTreeSet<&str>> {
        let place = |place: &i16| usize::try_from(*place).ok();
        let source = |at: &i16| self.source_topics.get(place(at)?).map(String::as_str);
        let internal = |at: &i16| self.repartition_sources.get(place(at)?).map(|topic| topic.name.as_str());
        let sources = group.source_topics.iter().map(source);
        sources.chain(group.repartition_sources.iter().map(internal)).collect()
    }

    fn check(&self) -> Result<(), Refused> {
        if !self.source_topic_regex.is_empty() {
            return Err(Refused::invalid("Regular expressions for source topics are not supported yet."));
        }
        if self.consumed().next().is_none() {
            return invalid(format!("Subtopology {} does not contain any source topics.", self.id));
        }
        if let Some(topic) = self.changelogs.iter().find(|topic| topic.partitions != 0) {
            return invalid(format!(
                "Changelog topic {} must have an undefined partition count, but it is set to {}.",
                topic.name, topic.partitions
            ));
        }
        if let Some(topic) = self.repartition_sources.iter().find(|topic| topic.partitions < 0) {
            return invalid(format!(
                "Repartition topic {} has a partition count of {}.",
                topic.name, topic.partitions
            ));
        }
        let mut names = self.internal_topics().map(|topic| &topic.name);
        if let Some(name) = names.find(|name| TopicName::new(name).is_err()) {
            return invalid(format!("Internal topic {name} has a name that no topic can have."));
        }
        let is_known = |group: &CopartitionGroup| {
            group.source_topic_regex.is_empty() && self.copartitioned(group).is_some()
        };
        if !self.copartition_groups.iter().all(is_known) {
            return invalid(format!("Subtopology {} copartitions topics that it does not read.", self.id));
        }
        Ok(())
    }
}

fn invalid(message: String) -> Result<(), Refused> {
    Err(Refused::new(ErrorCode::StreamsInvalidTopology, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, partitions: i32) -> InternalTopic {
        InternalTopic { name: name.to_owned(), partitions, replication_factor: 0, configs: Vec::new() }
    }

    fn subtopology(id: &str) -> Subtopology {
        Subtopology {
            id: SubtopologyId::new(id),
            source_topics: vec!["in".to_owned()],
            source_topic_regex: Vec::new(),
            repartition_sources: vec![topic("r", 0)],
            repartition_sinks: Vec::new(),
            changelogs: vec![topic(&format!("{id}-changelog"), 0)],
            copartition_groups: vec![CopartitionGroup {
                source_topics: vec![0],
                repartition_sources: vec![0],
                ..CopartitionGroup::default()
            }],
        }
    }

    #[test]
    fn what_makes_no_sense_whatever_topics_there_are_is_refused() {
        let check = |change: &dyn Fn(&mut StreamsTopology)| {
            let mut topology =
                StreamsTopology { epoch: 0, subtopologies: vec![subtopology("a"), subtopology("b")] };
            change(&mut topology);
            topology.check().map_err(|refused| refused.error)
        };
        let invalid = Err(ErrorCode::StreamsInvalidTopology);
        assert_eq!(check(&|_| {}), Ok(()));
        assert_eq!(check(&|topology| topology.subtopologies.clear()), Ok(()));
        assert_eq!(check(&|topology| topology.epoch = -1), Err(ErrorCode::StreamsInvalidTopologyEpoch));
        let in_first =
            |change: &dyn Fn(&mut Subtopology)| check(&|topology| change(&mut topology.subtopologies[0]));
        assert_eq!(in_first(&|first| first.id = SubtopologyId::new("b")), invalid);
        assert_eq!(in_first(&|first| first.id = SubtopologyId::new("")), invalid);
        assert_eq!(in_first(&|first| first.changelogs[0].partitions = 3), invalid);
        assert_eq!(in_first(&|first| first.changelogs[0].name = "b-changelog".to_owned()), invalid);
        assert_eq!(in_first(&|first| first.changelogs[0].name = "r".to_owned()), invalid);
        assert_eq!(in_first(&|first| first.changelogs[0].name = "no name".to_owned()), invalid);
        assert_eq!(in_first(&|first| first.repartition_sources[0].partitions = -1), invalid);
        assert_eq!(in_first(&|first| first.repartition_sources[0].partitions = 3), invalid);
        assert_eq!(in_first(&|first| first.source_topics[0] = "r".to_owned()), invalid);
        assert_eq!(in_first(&|first| first.copartition_groups[0].source_topics[0] = 1), invalid);
        assert_eq!(in_first(&|first| first.copartition_groups[0].repartition_sources[0] = -1), invalid);
        let none_left = |first: &mut Subtopology| {
            (first.source_topics, first.repartition_sources, first.copartition_groups) =
                (vec![], vec![], vec![]);
        };
        assert_eq!(in_first(&none_left), invalid);
        let pattern = |first: &mut Subtopology| first.source_topic_regex.push("t.*".to_owned());
        assert_eq!(in_first(&pattern), Err(ErrorCode::InvalidRequest));
    }
}
