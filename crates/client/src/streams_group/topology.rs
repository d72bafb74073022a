//! The topology that the members of a streams group say to have.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{PartitionId, TopicName, TopicPartition};
use headwater_wire::messages::streams_group_heartbeat as wire;

use crate::admin::StreamsTopic;
use crate::tasks::{TaskAssignment, TaskId};

/// What every member of a streams group runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupTopology {
    /// Grows with each version of the topology.
    pub epoch: i32,
    /// Its parts, by their ids.
    pub subtopologies: BTreeMap<String, GroupSubtopology>,
}

/// A part of a topology.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSubtopology {
    /// The topics that it reads, made by others.
    pub source_topics: BTreeSet<String>,
    /// The topics that it reads and another part writes; their partitions follow from others where they are 0.
    pub repartition_sources: Vec<StreamsTopic>,
    /// The topics that it writes and another part reads.
    pub repartition_sinks: BTreeSet<String>,
    /// The topics from which its state can be restored; they get a partition for each task.
    pub changelogs: Vec<StreamsTopic>,
    /// Topics of those that it reads that must have the same number of partitions, since they are joined.
    pub copartitioned: Vec<BTreeSet<String>>,
}

impl GroupTopology {
    /// The partitions that these tasks read.
    pub(crate) fn inputs(&self, tasks: &TaskAssignment) -> BTreeSet<TopicPartition> {
        tasks.active.iter().flat_map(|task| self.inputs_of(task)).collect()
    }

    fn inputs_of(&self, task: &TaskId) -> impl Iterator<Item = TopicPartition> {
        let part = self.subtopologies.get(&task.subtopology);
        let sources = part.into_iter().flat_map(|part| &part.source_topics);
        let repartition =
            part.into_iter().flat_map(|part| &part.repartition_sources).map(|topic| &topic.name);
        let names = sources.chain(repartition).filter_map(|name| TopicName::new(name).ok());
        let partition = PartitionId(task.partition.0);
        names.map(move |name| TopicPartition::new(name, partition))
    }

    pub(crate) fn to_wire(&self) -> wire::Topology {
        let subtopologies = self.subtopologies.iter().map(|(id, part)| part.to_wire(id));
        wire::Topology { epoch: self.epoch, subtopologies: subtopologies.collect() }
    }
}

impl GroupSubtopology {
    fn to_wire(&self, id: &str) -> wire::Subtopology {
        let sources: Vec<String> = self.source_topics.iter().cloned().collect();
        let mut repartition: Vec<wire::TopicInfo> = self.repartition_sources.iter().map(topic).collect();
        repartition.sort_by(|left, right| left.name.cmp(&right.name));
        let mut changelogs: Vec<wire::TopicInfo> = self.changelogs.iter().map(topic).collect();
        changelogs.sort_by(|left, right| left.name.cmp(&right.name));
        let group = |names: &BTreeSet<String>| wire::CopartitionGroup {
            source_topics: places(&sources, |name| names.contains(name)),
            source_topic_regex: Vec::new(),
            repartition_source_topics: places(&repartition, |topic| names.contains(&topic.name)),
        };
        wire::Subtopology {
            subtopology_id: id.to_owned(),
            copartition_groups: self.copartitioned.iter().map(group).collect(),
            source_topics: sources,
            source_topic_regex: Vec::new(),
            state_changelog_topics: changelogs,
            repartition_sink_topics: self.repartition_sinks.iter().cloned().collect(),
            repartition_source_topics: repartition,
        }
    }
}

/// Where those stand in the list, as the wire refers to them.
fn places<T>(list: &[T], is_meant: impl Fn(&T) -> bool) -> Vec<i16> {
    (0..).zip(list).filter(|(_, item)| is_meant(item)).map(|(place, _)| place).collect()
}

fn topic(topic: &StreamsTopic) -> wire::TopicInfo {
    let configs = topic.configs.iter();
    let configs = configs.map(|(key, value)| wire::KeyValue { key: key.clone(), value: value.clone() });
    wire::TopicInfo {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        topic_configs: configs.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_named_by_its_place_in_the_lists() {
        let internal = |name: &str| StreamsTopic {
            name: name.to_owned(),
            partitions: 0,
            replication_factor: 0,
            configs: BTreeMap::new(),
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let part = GroupSubtopology {
            source_topics: names(&["c", "a", "b"]),
            repartition_sources: vec![internal("z"), internal("y")],
            copartitioned: vec![names(&["b", "c", "z"])],
            ..GroupSubtopology::default()
        };
        let topology = GroupTopology { epoch: 3, subtopologies: [("0".to_owned(), part)].into() };
        let wire = topology.to_wire();
        let group = &wire.subtopologies[0].copartition_groups[0];
        assert_eq!((&group.source_topics[..], &group.repartition_source_topics[..]), (&[1, 2][..], &[1][..]));
        let tasks = TaskAssignment { active: [TaskId::new("0", 4)].into(), ..TaskAssignment::default() };
        let read: Vec<String> = topology.inputs(&tasks).iter().map(ToString::to_string).collect();
        assert_eq!(read, ["a-4", "b-4", "c-4", "y-4", "z-4"]);
    }
}
