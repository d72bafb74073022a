//! Coordination of groups and transactions as pure state machines.
//!
//! [`Transactions`] holds every transactional id of one shard of `__transaction_state`; its module says how it works.
//! [`SharePartitions`] holds what has become of the records that share groups consume; its module says how.
//! [`Groups`] holds every group of one shard: its members and the offsets that it has committed. A group is of one kind at
//! a time: classic, whose members join, elect a leader and sync; a consumer group (KIP-848) or share group (KIP-932), to
//! which the coordinator assigns partitions; or a streams group (KIP-1071), to which it assigns tasks. Offsets and classic
//! groups are recorded in `__consumer_offsets`; [`Change::ConsumerGroup`], [`Change::ShareGroup`] and
//! [`Change::StreamsGroup`] are for a log of their own. A reply waits for both. A command goes in with the time and a
//! [`Token`]; out come [`Effects`]: the [`Change`]s
//! to append to the log, and the replies to send once these are durable. A reply may belong to another token than the
//! command's: a join is answered when the last member has joined, or by [`Groups::tick`].
//!
//! # Invariants
//! - A generation only grows while its group exists, and a reply names the generation that it belongs to.
//! - Every token is answered exactly once: by its command, a later one, a tick, or [`Groups::fail_pending`].
//! - In a stable group each member supports the chosen protocol, the leader is a member, and no two members share
//!   an instance id. An assignment reaches the member that the leader gave it to, and nobody else.
//! - In a consumer group no partition is held by two members, epochs only grow, and once it is stable every partition of
//!   the topics that its members subscribe to is assigned to one of them.
//! - In a share group a partition may have several members; epochs only grow, and once all members have come to the group's
//!   epoch, every partition of the topics that they subscribe to has one.
//! - In a streams group no task is active at two members, epochs only grow, and once it is stable every task of its topology
//!   is active at one of them.
//! - A group that changes its kind goes on with a greater epoch or generation, so that the logs tell which kind counts,
//!   in whatever order they are read.
//! - Replaying every change, in the order of its log, gives what is durable: committed offsets, and each group as it was
//!   when it last became stable or empty, a newer kind of group as it is. Any prefix of either log gives a state that holds
//!   what is said here. Waiting requests, sessions and half-finished rebalances are soft: they are lost with the process,
//!   and members find their way back by the errors that they then get.
//! - The same commands at the same times with the same entropy give the same effects.
//!
//! # What is not here
//! No clock, randomness, input, output or thread, and neither wire messages nor record bytes: the broker's driver
//! appends, waits until changes are durable, and answers. Which topics exist is told ([`Groups::topics_changed`]), or asked
//! before a command comes here, as is who may do what.

mod assignor;
mod change;
mod classic;
mod config;
mod consumer;
mod consumer_protocol;
mod effects;
mod group;
mod groups;
mod ids;
mod membership;
mod migration;
mod offsets;
mod partitions;
mod queries;
mod share;
mod share_partition;
mod share_partitions;
mod streams;
mod subscription;
mod times;
mod topics;
mod transactions;

pub use assignor::Assignor;
pub use change::{Change, CommittedOffset, StoredGroup, StoredMember};
pub use classic::{GroupState, Heartbeat, Join, Leave, Leaver, Protocol, Sync};
pub use config::GroupsConfig;
pub use consumer::{
    ClassicSide, ConsumerGroupChange, ConsumerHeartbeat, DescribedConsumer, DescribedConsumerGroup,
    HeartbeatAnswer, Refused, Subscription,
};
pub use effects::{Effects, JoinRefused, Joined, JoinedMember, Now, Reply, Synced, Token};
pub use groups::Groups;
pub use ids::{GroupId, InstanceId, MemberId, SubtopologyId, TransactionalId};
pub use membership::{Current, MemberState};
pub use offsets::{CommitOffsets, DeleteOffsets, EndsSeen, OffsetToCommit, WithinTransaction};
pub use partitions::Partitions;
pub use queries::{DescribedGroup, DescribedMember, ListFilter, ListedGroup};
pub use share::{
    DescribedShareGroup, DescribedShareMember, ShareCurrent, ShareGroupChange, ShareHeartbeat,
    ShareSubscription,
};
pub use share_partition::{
    Acknowledge, AcknowledgementBatch, Acknowledgements, Acquire, AcquireMode, Acquired, DeadLetterCause,
    DeliveryState, DescribedSharePartition, ReadBatch, ShareSettings, ShareSnapshot, ShareStateChange,
    ShareUpdate, StateBatch,
};
pub use share_partitions::{
    DeadLetters, MemberGone, SharePartitionChange, SharePartitionEffects, SharePartitionId,
    SharePartitionReply, SharePartitions, SharePartitionsConfig, SharePartitionsGone,
};
pub use streams::{
    AssignedTasks, CopartitionGroup, DescribedStreamsGroup, DescribedStreamsMember, Endpoint,
    EndpointPartitions, InternalTopic, MissingTopic, StatusCode, StreamsAnswer, StreamsBasis, StreamsCurrent,
    StreamsGroupChange, StreamsHeartbeat, StreamsMember, StreamsSettings, StreamsStatus, StreamsTopology,
    Subtopology, Task, TaskOffset, Tasks,
};
pub use times::{MemberTimes, Times};
pub use topics::{Topic, Topics};
pub use transactions::{
    AddPartitions, EndTransaction, FreshIds, InitProducer, Markers, Outcome, ProducerIdentity,
    StoredTransaction, TransactionChange, TransactionEffects, TransactionReply, TransactionState,
    TransactionVersion, Transactions, TransactionsConfig,
};
