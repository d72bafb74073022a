//! The tasks of a topology, as streams groups (KIP-1071) name and divide them.
//!
//! Does not know: what a task does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use headwater_model::{PartitionId, TopicPartition};

/// A task: the work on one partition (of that number) of each topic that a part of the topology reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The part of the topology, by its id.
    pub subtopology: String,
    /// The number of the partitions.
    pub partition: PartitionId,
}

/// Tasks, in order.
pub type Tasks = BTreeSet<TaskId>;

/// The tasks of a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskAssignment {
    /// Those that it works on; nobody else does.
    pub active: Tasks,
    /// Those whose state it keeps a copy of, to take over fast.
    pub standby: Tasks,
    /// Those whose state it makes a copy of, since it is to take over.
    pub warm_up: Tasks,
}

impl TaskId {
    /// The task on partitions of that number.
    pub fn new(subtopology: impl Into<String>, partition: i32) -> Self {
        Self { subtopology: subtopology.into(), partition: PartitionId(partition) }
    }
}

/// As Kafka Streams names it: `0_3`.
impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.subtopology, self.partition.0)
    }
}

impl TaskAssignment {
    /// True if there is no task at all.
    pub fn is_empty(&self) -> bool {
        self.active.is_empty() && self.standby.is_empty() && self.warm_up.is_empty()
    }

    /// What this has and `other` has not, in the same part: a task to keep a copy of is another than the one to work on.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let difference = |of: &Tasks, than: &Tasks| of.difference(than).cloned().collect();
        Self {
            active: difference(&self.active, &other.active),
            standby: difference(&self.standby, &other.standby),
            warm_up: difference(&self.warm_up, &other.warm_up),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.active.extend(other.active.iter().cloned());
        self.standby.extend(other.standby.iter().cloned());
        self.warm_up.extend(other.warm_up.iter().cloned());
    }

    pub(crate) fn remove(&mut self, other: &Self) {
        *self = self.without(other);
    }
}

/// Where the state of a member can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// What is kept at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPartitions {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The partitions that its members work on.
    pub active: BTreeSet<TopicPartition>,
    /// Those whose state they keep a copy of.
    pub standby: BTreeSet<TopicPartition>,
}

/// How far the state of a member's tasks has come, in the sum of the offsets of its changelogs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOffsets {
    /// What is restored, or worked on.
    pub reached: BTreeMap<TaskId, i64>,
    /// Where the changelogs end.
    pub ends: BTreeMap<TaskId, i64>,
}

/// Something that a member is told of its streams group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsStatus {
    /// What.
    pub code: StreamsStatusCode,
    /// It in words.
    pub detail: String,
}

/// What a member is told of its streams group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamsStatusCode {
    /// The member has an older topology than the group.
    StaleTopology,
    /// Topics that the topology reads do not exist.
    MissingSourceTopics,
    /// Topics have not the partitions that they have to have.
    IncorrectlyPartitionedTopics,
    /// Topics that the topology has for itself are still to be made.
    MissingInternalTopics,
    /// A member wants all members to end.
    ShutdownApplication,
    /// More members are waited for before tasks are assigned.
    AssignmentDelayed,
    /// What this client does not know.
    Other(i8),
}

impl From<i8> for StreamsStatusCode {
    fn from(code: i8) -> Self {
        match code {
            0 => Self::StaleTopology,
            1 => Self::MissingSourceTopics,
            2 => Self::IncorrectlyPartitionedTopics,
            3 => Self::MissingInternalTopics,
            4 => Self::ShutdownApplication,
            5 => Self::AssignmentDelayed,
            other => Self::Other(other),
        }
    }
}
