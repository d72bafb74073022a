//! How a consumer is set up.

use std::time::Duration;

use crate::assignor::Assignor;

/// Which records of transactions a consumer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// All records as they are written, also of transactions that are aborted later. Kafka's default.
    #[default]
    ReadUncommitted,
    /// Records of transactions only once committed, never those of aborted ones.
    ReadCommitted,
}

/// Where reading goes on if a partition's offset is not known, or not in its log (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OffsetReset {
    /// At the first record there is.
    Earliest,
    /// At the end: with what is written from then on. Kafka's default.
    #[default]
    Latest,
    /// Nowhere: the poll fails, and the application decides.
    Fail,
}

/// By which of Kafka's protocols a consumer takes part in its group.
///
/// A group may change from one to the other while it has no members; Apache Kafka also lets members of both kinds meet
/// in one group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GroupProtocol {
    /// The members divide the partitions among themselves, by [`ConsumerConfig::assignors`]. Whenever anything changes,
    /// each lets go of everything it has; unless all its assignors are cooperative, then only of what goes to another
    /// ([`Assignor::CooperativeSticky`]). Every cluster knows it. Kafka's default.
    #[default]
    Classic,
    /// The coordinator divides the partitions (KIP-848), and only those that change hands are let go of: Apache Kafka 4.0
    /// and later. Session timeout and heartbeat interval are the broker's, by its configuration or the group's.
    Consumer {
        /// How the coordinator is to divide the partitions, by name: `uniform` or `range` in Apache Kafka. Default: as it
        /// chooses.
        server_assignor: Option<String>,
    },
}

/// How a [`Consumer`](crate::Consumer) is set up. Start from `ConsumerConfig::default()` or
/// [`ConsumerConfig::in_group`] and change what differs. Defaults are Kafka's unless said otherwise.
#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    /// The group whose offsets are committed, and that divides the partitions of subscribed topics among its members.
    /// Default: none; partitions are then assigned by hand, and nothing can be committed.
    pub group: Option<String>,
    /// By which protocol it takes part in the group. Default: classic.
    pub group_protocol: GroupProtocol,
    /// Makes the consumer a static member: it may restart within the session timeout without a rebalance. Every
    /// running process needs its own.
    pub group_instance_id: Option<String>,
    /// Where the consumer runs, as the brokers' `broker.rack` says it; told to the coordinator of a group with the consumer
    /// protocol, or to the leader of a classic group (ours do not heed it). Default: not told.
    pub rack: Option<String>,
    /// How the leader of a classic group divides partitions, in the order of preference; all members must have one in
    /// common. Default: range (Kafka's: range, and cooperative-sticky to change over to).
    pub assignors: Vec<Assignor>,
    /// A member of a classic group that is not heard of for this long is dead. With the consumer protocol that is up to
    /// the broker, and this says how long to wait for an instance id that a member holds who died. Default 45 s.
    pub session_timeout: Duration,
    /// How often a member of a classic group tells that it lives. Default 3 s.
    pub heartbeat_interval: Duration,
    /// The longest time between polls; a member that exceeds it leaves. Also how long a rebalance waits for each
    /// member. Default 5 min.
    pub max_poll_interval: Duration,
    /// Which records of transactions are seen.
    pub isolation: Isolation,
    /// Where to begin without an offset.
    pub auto_offset_reset: OffsetReset,
    /// How long a broker waits for records to come. Default 500 ms.
    pub fetch_max_wait: Duration,
    /// How many bytes must be there for a broker to answer sooner. Default 1.
    pub fetch_min_bytes: usize,
    /// The size of an answer, exceeded only by a single batch. Default 16 MiB (Kafka's: 50).
    pub fetch_max_bytes: usize,
    /// Each partition's part in an answer, exceeded only by a single batch. Default 1 MiB.
    pub partition_max_bytes: usize,
    /// Once so many bytes are read ahead of the application, no more is asked for. At most this, and one answer of
    /// each broker, is kept in memory. Default 32 MiB.
    pub prefetch_bytes: usize,
    /// How many bytes a poll returns, exceeded only by a single batch. Default 4 MiB.
    pub poll_max_bytes: usize,
    /// Whether the checksum of each batch is checked. Default true.
    pub check_crcs: bool,
}

impl Default for ConsumerConfig {
    /// A consumer without a group.
    fn default() -> Self {
        Self {
            group: None,
            group_protocol: GroupProtocol::default(),
            group_instance_id: None,
            rack: None,
            assignors: vec![Assignor::Range],
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            max_poll_interval: Duration::from_mins(5),
            isolation: Isolation::default(),
            auto_offset_reset: OffsetReset::default(),
            fetch_max_wait: Duration::from_millis(500),
            fetch_min_bytes: 1,
            fetch_max_bytes: 16 << 20,
            partition_max_bytes: 1 << 20,
            prefetch_bytes: 32 << 20,
            poll_max_bytes: 4 << 20,
            check_crcs: true,
        }
    }
}

impl ConsumerConfig {
    /// A consumer of that group.
    pub fn in_group(group: impl Into<String>) -> Self {
        Self { group: Some(group.into()), ..Self::default() }
    }
}
