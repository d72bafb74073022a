//! Partitions and tasks: what a topology needs on a given cluster.

use std::collections::BTreeMap;

use headwater_model::{PartitionId, TopicName, TopicPartition};

use super::{SubTopology, TaskId, Topology};

/// How many partitions the internal topics must have, and how many tasks there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    partitions: BTreeMap<TopicName, i32>,
    tasks: Vec<i32>,
    repartitions: Vec<TopicName>,
    /// The sub-topologies that write each repartition topic.
    writers: BTreeMap<TopicName, Vec<usize>>,
}

/// Why a topology cannot run on the topics that there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Topics that the topology reads do not exist.
    #[error("{} to read: {}; create {} first", missing_subject(.0), list(.0), if .0.len() == 1 { "it" } else { "them" })]
    MissingTopics(Vec<TopicName>),
    /// Topics that are joined have different partition counts.
    #[error(
        "\"{operator}\" needs topics with equal partition counts, but \"{left}\" has {left_partitions} and \"{right}\" has \
         {right_partitions}; create one of them anew, or send the stream through `.repartition(..)`"
    )]
    NotCopartitioned {
        /// The operator that needs it.
        operator: String,
        /// One topic.
        left: TopicName,
        /// Its partitions.
        left_partitions: i32,
        /// Another topic.
        right: TopicName,
        /// Its partitions.
        right_partitions: i32,
    },
}

impl Plan {
    /// The plan for a topology, given the partition counts of topics that exist.
    ///
    /// A repartition topic gets as many partitions as the author says or as the topics have that it is joined with, else as
    /// many as the widest topic that feeds it.
    pub fn new(topology: &Topology, existing: &BTreeMap<TopicName, i32>) -> Result<Self, PlanError> {
        let needed = topology.source_topics();
        let missing: Vec<_> =
            needed.iter().filter(|topic| !existing.contains_key(**topic)).copied().cloned().collect();
        if !missing.is_empty() {
            return Err(PlanError::MissingTopics(missing));
        }
        let external = |topic: &&TopicName| existing.get(*topic).map(|count| ((*topic).clone(), *count));
        let mut partitions: BTreeMap<_, _> = needed.iter().filter_map(external).collect();
        partitions.extend(topology.graph().partitions.clone());
        let sub_topologies = topology.sub_topologies();
        join_alike(sub_topologies, &mut partitions);
        let settled = partitions.clone();
        let repartitions: Vec<_> =
            sub_topologies.iter().flat_map(SubTopology::repartitions).cloned().collect();
        // Each round settles at least one topic, so that there is an end even where sub-topologies feed each other.
        for _ in 0..=repartitions.len() {
            for topic in repartitions.iter().filter(|topic| !settled.contains_key(*topic)) {
                if let Some(count) = wanted_partitions(topic, sub_topologies, &partitions) {
                    partitions.insert(topic.clone(), count);
                }
            }
        }
        for sub_topology in sub_topologies {
            check_copartitioned(sub_topology, &partitions)?;
        }
        let tasks = sub_topologies.iter().map(|sub| widest(sub, &partitions).unwrap_or_default()).collect();
        let mut writers = BTreeMap::<_, Vec<_>>::new();
        for sub_topology in sub_topologies {
            for topic in sub_topology.repartitions() {
                writers.entry(topic.clone()).or_default().push(sub_topology.number());
            }
        }
        Ok(Self { partitions, tasks, repartitions, writers })
    }

    /// The tasks that write a repartition topic; none for any other.
    pub fn writers(&self, topic: &TopicName) -> impl Iterator<Item = TaskId> {
        let sub_topologies = self.writers.get(topic).into_iter().flatten();
        sub_topologies.flat_map(|sub_topology| self.tasks(*sub_topology))
    }

    /// True if a topic of the plan has this partition.
    pub(crate) fn has(&self, at: &TopicPartition) -> bool {
        self.partitions(&at.topic).is_some_and(|count| at.partition.0 < count)
    }

    /// The partition count of a topic that the topology reads.
    pub fn partitions(&self, topic: &TopicName) -> Option<i32> {
        self.partitions.get(topic).copied()
    }

    /// True for a repartition topic.
    pub(crate) fn is_repartition(&self, topic: &TopicName) -> bool {
        self.writers.contains_key(topic)
    }

    /// The repartition topics, with their partition counts.
    pub fn repartition_topics(&self) -> impl Iterator<Item = (&TopicName, i32)> {
        self.repartitions.iter().filter_map(|topic| Some((topic, self.partitions(topic)?)))
    }

    /// All tasks of a sub-topology.
    pub fn tasks(&self, sub_topology: usize) -> impl Iterator<Item = TaskId> {
        let count = self.tasks.get(sub_topology).copied().unwrap_or_default();
        (0..count).map(move |partition| TaskId { sub_topology, partition: PartitionId(partition) })
    }

    /// All tasks, sub-topology by sub-topology.
    pub fn all_tasks(&self) -> impl Iterator<Item = TaskId> {
        (0..self.tasks.len()).flat_map(|sub_topology| self.tasks(sub_topology))
    }
}

/// What is joined with a topic whose partitions are known has as many.
fn join_alike(sub_topologies: &[SubTopology], known: &mut BTreeMap<TopicName, i32>) {
    let groups: Vec<_> = sub_topologies.iter().flat_map(SubTopology::copartitioned).collect();
    loop {
        let before = known.len();
        for group in &groups {
            if let Some(count) = group.topics.iter().find_map(|topic| known.get(topic).copied()) {
                for topic in &group.topics {
                    known.entry(topic.clone()).or_insert(count);
                }
            }
        }
        if known.len() == before {
            return;
        }
    }
}

fn wanted_partitions(
    topic: &TopicName,
    sub_topologies: &[SubTopology],
    known: &BTreeMap<TopicName, i32>,
) -> Option<i32> {
    let reader = sub_topologies.iter().find(|sub| sub.reads(topic))?;
    let writers = sub_topologies.iter().filter(|sub| sub.repartitions().contains(topic));
    // Repartition topics that are joined with each other must agree on the widest of what feeds them.
    let partners = reader.copartitioned().iter().filter(|group| group.topics.contains(topic));
    let partners = partners.flat_map(|group| &group.topics).filter_map(|other| known.get(other).copied());
    writers.filter_map(|sub| widest(sub, known)).chain(partners).max()
}

fn widest(sub_topology: &SubTopology, partitions: &BTreeMap<TopicName, i32>) -> Option<i32> {
    sub_topology.sources().iter().filter_map(|source| partitions.get(&source.topic).copied()).max()
}

fn check_copartitioned(
    sub_topology: &SubTopology,
    partitions: &BTreeMap<TopicName, i32>,
) -> Result<(), PlanError> {
    for group in sub_topology.copartitioned() {
        let mut counted = group.topics.iter().filter_map(|topic| Some((topic, *partitions.get(topic)?)));
        let Some((left, left_partitions)) = counted.next() else {
            continue;
        };
        if let Some((right, right_partitions)) = counted.find(|(_, count)| *count != left_partitions) {
            return Err(PlanError::NotCopartitioned {
                operator: group.operator.clone(),
                left: left.clone(),
                left_partitions,
                right: right.clone(),
                right_partitions,
            });
        }
    }
    Ok(())
}

fn missing_subject(missing: &[TopicName]) -> &'static str {
    if missing.len() == 1 { "there is no such topic" } else { "there are no such topics" }
}

fn list(topics: &[TopicName]) -> String {
    topics.iter().map(|topic| format!("\"{topic}\"")).collect::<Vec<_>>().join(", ")
}
