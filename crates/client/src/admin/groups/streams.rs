//! A group whose members divide the tasks of a topology (KIP-1071).

use std::collections::BTreeMap;

use headwater_wire::messages::streams_group_describe::{
    self as wire, Assignment, DescribedGroup, KeyValue, Member, TaskIds, TopicInfo,
};

use super::{GroupDescription, GroupEpochs, MemberDescription, StreamsMemberDescription, in_order};
use crate::tasks::{TaskAssignment, TaskId, Tasks};

/// What the members of a streams group run, as the group knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsTopology {
    /// Grows with each version of the topology.
    pub epoch: i32,
    /// Its parts, which share no partition.
    pub subtopologies: Vec<Subtopology>,
}

/// A part of a topology: each number of a partition of its topics makes a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtopology {
    /// Its id, unique within the topology.
    pub id: String,
    /// The topics that it reads.
    pub source_topics: Vec<String>,
    /// The topics that it reads and another part writes, by which records are divided anew.
    pub repartition_sources: Vec<StreamsTopic>,
    /// The topics that it writes and another part reads.
    pub repartition_sinks: Vec<String>,
    /// The topics from which its state can be restored.
    pub changelogs: Vec<StreamsTopic>,
}

/// A topic that a topology has for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it is to have; 0 where that follows from other topics.
    pub partitions: i32,
    /// How many replicas; 0 leaves it to the cluster.
    pub replication_factor: i16,
    /// Its configuration, where the topology wants another than the cluster's.
    pub configs: BTreeMap<String, String>,
}

impl Subtopology {
    /// The topics whose partitions its tasks read.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        let repartition = self.repartition_sources.iter().map(|topic| &topic.name);
        self.source_topics.iter().chain(repartition).map(String::as_str)
    }
}

pub(super) fn description(group: DescribedGroup) -> GroupDescription {
    GroupDescription {
        group: group.group_id,
        kind: "streams".to_owned(),
        state: group.group_state,
        protocol_type: "streams".to_owned(),
        epochs: Some(GroupEpochs { group: group.group_epoch, assignment: group.assignment_epoch }),
        assignor: group.assignor_name.unwrap_or_default(),
        members: in_order(group.members.into_iter().map(member).collect()),
        topology: group.topology.map(topology),
    }
}

fn topology(topology: wire::Topology) -> StreamsTopology {
    let subtopologies = topology.subtopologies.unwrap_or_default().into_iter().map(|part| Subtopology {
        id: part.subtopology_id,
        source_topics: part.source_topics,
        repartition_sources: part.repartition_source_topics.into_iter().map(topic).collect(),
        repartition_sinks: part.repartition_sink_topics,
        changelogs: part.state_changelog_topics.into_iter().map(topic).collect(),
    });
    StreamsTopology { epoch: topology.epoch, subtopologies: subtopologies.collect() }
}

fn topic(topic: TopicInfo) -> StreamsTopic {
    StreamsTopic {
        name: topic.name,
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: pairs(topic.topic_configs),
    }
}

fn member(member: Member) -> MemberDescription {
    let streams = StreamsMemberDescription {
        topology_epoch: member.topology_epoch,
        process_id: member.process_id,
        endpoint: member.user_endpoint.map(|endpoint| (endpoint.host, endpoint.port)),
        tags: pairs(member.client_tags),
        tasks: assignment(member.assignment),
        target: assignment(member.target_assignment),
        is_classic: member.is_classic,
    };
    MemberDescription {
        member: member.member_id,
        instance: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        epoch: Some(member.member_epoch),
        rack: member.rack_id,
        assignment: Vec::new(),
        streams: Some(streams),
    }
}

fn pairs(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

fn assignment(assignment: Assignment) -> TaskAssignment {
    TaskAssignment {
        active: tasks(assignment.active_tasks),
        standby: tasks(assignment.standby_tasks),
        warm_up: tasks(assignment.warmup_tasks),
    }
}

fn tasks(ids: Vec<TaskIds>) -> Tasks {
    let tasks = ids.into_iter().flat_map(|ids| {
        let subtopology = ids.subtopology_id;
        ids.partitions.into_iter().map(move |partition| TaskId::new(subtopology.clone(), partition))
    });
    tasks.collect()
}
