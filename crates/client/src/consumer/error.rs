//! Why consuming or committing failed, and what to do about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, Offset, TopicPartition};
use headwater_wire::ApiKey;
use headwater_wire::batch::BatchError;
use headwater_wire::protocol::DecodeError;

use crate::error::CallError;

/// Why a poll, or another call of a consumer, failed.
///
/// A fault of one partition comes back with each poll until the partition is sought elsewhere, paused or given up;
/// the other partitions are read on.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// The next offset is not in the log, and no policy says where to go on.
    #[error(
        "{partition} has no offset {offset} (any more); seek to another offset, or let `auto_offset_reset` choose one"
    )]
    OffsetOutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset that was to be read.
        offset: Offset,
    },
    /// The group has no offset for the partition, and no policy says where to begin.
    #[error(
        "the group has committed no offset for {partition}; seek to one, or let `auto_offset_reset` choose one"
    )]
    NoCommittedOffset {
        /// The partition.
        partition: TopicPartition,
    },
    /// A batch came that cannot be read.
    #[error(
        "the batch of {partition} at offset {offset} cannot be read: {source}; seek past it to go on without it"
    )]
    Batch {
        /// The partition.
        partition: TopicPartition,
        /// The first offset that cannot be read.
        offset: Offset,
        /// What is wrong with it.
        source: Arc<BatchError>,
    },
    /// The broker refuses to serve the partition.
    #[error("the broker refuses to serve {partition}: {error}")]
    Refused {
        /// The partition.
        partition: TopicPartition,
        /// Why.
        error: ErrorCode,
    },
    /// A request that is needed to read the partition cannot be made.
    #[error("{partition} cannot be read: {source}")]
    Call {
        /// The partition.
        partition: TopicPartition,
        /// Why not.
        source: CallError,
    },
    /// The membership in the group.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The group's committed offsets could not be had.
    #[error(transparent)]
    Committed(#[from] CommitError),
    /// The partition is not assigned to this consumer.
    #[error("{0} is not assigned to this consumer")]
    NotAssigned(TopicPartition),
    /// Partitions were assigned by hand while subscribed.
    #[error(
        "the consumer is subscribed, so that its group assigns its partitions; unsubscribe to assign by hand"
    )]
    Subscribed,
    /// What needs a group was asked of a consumer without one.
    #[error("the consumer has no group; set `group` in its configuration")]
    NoGroup,
    /// The consumer was closed.
    #[error("the consumer is closed")]
    Closed,
}

/// Why a consumer is not a member of its group.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The coordinator refuses.
    #[error("group \"{group}\" refuses this consumer ({api}): {error}{}", Said(reason))]
    Refused {
        /// The group.
        group: String,
        /// What was asked.
        api: ApiKey,
        /// Why it was refused.
        error: ErrorCode,
        /// What the coordinator said to it, if anything.
        reason: Option<String>,
    },
    /// The cluster does not have the protocol by which the group was to be joined.
    #[error(
        "this cluster does not offer the consumer group protocol (KIP-848) by which group \"{group}\" is to be joined; \
         set `group_protocol` to `GroupProtocol::Classic`, or use a cluster that has it: Apache Kafka 4.0 and later, with \
         the feature group.version"
    )]
    UnknownProtocol {
        /// The group.
        group: String,
    },
    /// The cluster does not have share groups.
    #[error(
        "this cluster does not offer share groups (KIP-932), by which group \"{group}\" is to be joined; use a cluster that \
         has them: Apache Kafka 4.2 and later, with the feature share.version, or `headwater up`"
    )]
    NoShareGroups {
        /// The group.
        group: String,
    },
    /// The cluster does not have streams groups.
    #[error(
        "this cluster does not offer streams groups (KIP-1071), by which group \"{group}\" is to be joined; use a cluster that \
         has them: Apache Kafka 4.2 and later, with the feature streams.version, or `headwater up`"
    )]
    NoStreamsGroups {
        /// The group.
        group: String,
    },
    /// Another member holds the instance id, and has not let go of it for `session_timeout`.
    #[error(
        "another consumer still holds instance \"{instance}\" of group \"{group}\"; give each running process its own \
         instance id, or, if that one has died, try again once its session has ended"
    )]
    Unreleased {
        /// The group.
        group: String,
        /// The instance id.
        instance: String,
    },
    /// Another process has joined under the same instance id.
    #[error(
        "another consumer took over instance \"{instance}\" of group \"{group}\"; give each running process its own \
         instance id"
    )]
    Fenced {
        /// The group.
        group: String,
        /// The instance id.
        instance: String,
    },
    /// The application polled too rarely, and others were given its partitions.
    #[error(
        "this consumer left group \"{group}\" because it did not poll for {} ms; its partitions went to others. Poll \
         more often, take less per poll (`poll_max_bytes`), or raise `max_poll_interval`. The next poll joins again",
        interval.as_millis()
    )]
    PollTooLate {
        /// The group.
        group: String,
        /// The longest time between polls that is allowed.
        interval: Duration,
    },
    /// A request of membership cannot be made.
    #[error("cannot take part in group \"{group}\": {source}")]
    Call {
        /// The group.
        group: String,
        /// Why not.
        source: CallError,
    },
    /// The leader's assignment cannot be read.
    #[error("the leader of group \"{group}\" assigned partitions in a form that cannot be read: {source}")]
    Assignment {
        /// The group.
        group: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The group agreed on a way to assign that we do not have.
    #[error("group \"{group}\" agreed on the assignor \"{assignor}\", which this consumer does not have")]
    Assignor {
        /// The group.
        group: String,
        /// The assignor's name.
        assignor: String,
    },
}

/// What a coordinator said, after a colon.
struct Said<'a>(&'a Option<String>);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |said| write!(f, ": {said}"))
    }
}

/// Why offsets were not committed (or, after a lost answer, perhaps were), or could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The consumer is not a member just now: the group is rebalancing. What was read since the last commit will be
    /// read again, by this consumer or another.
    #[error(
        "the group is rebalancing, and this consumer is no member of it just now; poll, then commit what is read then"
    )]
    Rebalancing,
    /// The group has moved on without this consumer: others own its partitions.
    #[error(
        "the group has moved on without this consumer ({0}), and others read its partitions; poll more often, or \
         raise `max_poll_interval`"
    )]
    NotMember(ErrorCode),
    /// The coordinator refuses.
    #[error("the offset of {partition} was refused: {error}")]
    Refused {
        /// The partition.
        partition: TopicPartition,
        /// Why.
        error: ErrorCode,
    },
    /// The coordinator refuses the whole request.
    #[error("group \"{group}\" refuses: {error}")]
    GroupRefused {
        /// The group.
        group: String,
        /// Why.
        error: ErrorCode,
    },
    /// The request could not be made, though it was tried for as long as the configuration says.
    #[error("the group's offsets are out of reach: {0}")]
    Call(#[from] CallError),
    /// The consumer has no group.
    #[error("the consumer has no group to commit for; set `group` in its configuration")]
    NoGroup,
    /// The consumer was closed before an answer came.
    #[error("the consumer was closed before its offsets were committed")]
    Closed,
}

impl CommitError {
    /// True if the same may succeed a little later.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retriable(),
            Self::Refused { error, .. } | Self::GroupRefused { error, .. } => {
                // The member's epoch has risen, or it was put out: its next heartbeat tells.
                error.is_retriable()
                    || matches!(error, ErrorCode::StaleMemberEpoch | ErrorCode::UnknownMemberId)
            }
            Self::Rebalancing | Self::NotMember(_) | Self::NoGroup | Self::Closed => false,
        }
    }
    /// True if the coordinator may have moved.
    pub(crate) fn may_be_elsewhere(&self) -> bool {
        match self {
            Self::Call(_) => true,
            Self::Refused { error, .. } | Self::GroupRefused { error, .. } => {
                matches!(error, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable)
            }
            Self::Rebalancing | Self::NotMember(_) | Self::NoGroup | Self::Closed => false,
        }
    }
}
