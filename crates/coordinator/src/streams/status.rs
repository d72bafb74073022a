//! What members of a streams group are told besides their tasks.

/// Something that a member is told of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsStatus {
    /// What.
    pub code: StatusCode,
    /// It in words.
    pub detail: String,
}

/// What a member is told of its group; the numbers are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum StatusCode {
    /// The member has an older topology than the group.
    StaleTopology = 0,
    /// Topics that the topology reads do not exist.
    MissingSourceTopics = 1,
    /// Topics have not the partitions that they have to have.
    IncorrectlyPartitionedTopics = 2,
    /// Internal topics are still to be made.
    MissingInternalTopics = 3,
    /// A member wants all members to end.
    ShutdownApplication = 4,
    /// More members are waited for before tasks are assigned.
    AssignmentDelayed = 5,
}

impl StatusCode {
    /// The number that stands for it.
    pub fn number(self) -> i8 {
        self as i8
    }
}
