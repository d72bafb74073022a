//! The durable facts about groups, as domain types: what `__consumer_offsets` holds, and
//! the log of the newer kinds of group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_model::{LeaderEpoch, Offset, Timestamp, TopicPartition};

use crate::{
    ConsumerGroupChange, GroupId, InstanceId, MemberId, Outcome, ProducerIdentity, ShareGroupChange,
    StreamsGroupChange,
};

/// A durable fact. Each replaces what an earlier one with the same key said, so that the log may be compacted.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A group committed an offset.
    OffsetCommitted {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// What was committed.
        committed: CommittedOffset,
    },
    /// A group's offset is gone: expired, deleted, or its topic deleted.
    OffsetForgotten {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
    },
    /// A group committed an offset within a producer's transaction: it counts once that is committed.
    OffsetPending {
        /// Whose transaction.
        producer: ProducerIdentity,
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// What was committed.
        committed: CommittedOffset,
    },
    /// A producer's transaction is over: the offsets of all groups that are pending in it count, or are gone.
    TransactionEnded {
        /// Whose transaction.
        producer: ProducerIdentity,
        /// How it ended.
        outcome: Outcome,
    },
    /// A classic group became stable or empty.
    GroupStored(StoredGroup),
    /// A classic group is gone.
    GroupForgotten {
        /// The group.
        group: GroupId,
    },
    /// Something about a consumer group. These make up a log of their own: their order among the others need not be kept.
    ConsumerGroup {
        /// The group.
        group: GroupId,
        /// What.
        change: ConsumerGroupChange,
    },
    /// Something about the membership of a share group; in the same log as those.
    ShareGroup {
        /// The group.
        group: GroupId,
        /// What.
        change: ShareGroupChange,
    },
    /// Something about a streams group, in the same log as what is about consumer groups.
    StreamsGroup {
        /// The group.
        group: GroupId,
        /// What.
        change: StreamsGroupChange,
    },
}

/// A position that a group has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next record to read.
    pub offset: Offset,
    /// The leader epoch of the record before it, if the member knew.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The text that the member wanted to be kept with it.
    pub metadata: Arc<str>,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// When it expires, if the request asked for a retention of its own (OffsetCommit up to version 4).
    pub expires_at: Option<Timestamp>,
}

/// A group at rest: stable if it has members, else empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroup {
    /// The group.
    pub group: GroupId,
    /// The kind of group: "consumer", "connect", ...
    pub protocol_type: Arc<str>,
    /// The generation.
    pub generation: i32,
    /// The chosen protocol; none in an empty group.
    pub protocol: Option<Arc<str>>,
    /// The leader; none in an empty group.
    pub leader: Option<MemberId>,
    /// Since when it has been in this state; unknown in records of old brokers.
    pub state_since: Option<Timestamp>,
    /// The members, by id.
    pub members: Vec<StoredMember>,
}

/// A member of a stable group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMember {
    /// The member.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// The client id of its connection.
    pub client_id: String,
    /// Where it connected from.
    pub client_host: String,
    /// How long it may take to rejoin.
    pub rebalance_timeout: Duration,
    /// How long it may be silent.
    pub session_timeout: Duration,
    /// What it said under the chosen protocol.
    pub metadata: Bytes,
    /// What the leader assigned to it.
    pub assignment: Bytes,
}
