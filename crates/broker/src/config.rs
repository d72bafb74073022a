//! What a broker is told when it is opened.
//!
//! Owns: the settings, their defaults and the limits on what comes from outside.
//!
//! Does not know: files of configuration, flags, environment (the binary's business); settings of single topics
//! ([`crate::topics::settings`]).

mod group_settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use headwater_coordinator::{GroupsConfig, SharePartitionsConfig, TransactionsConfig};
use headwater_model::Uuid;

use crate::fetch::sessions::SessionLimits;
use crate::metadata::MOST_PARTITIONS;

pub use group_settings::{GroupBounds, GroupSettingError};

/// When a record counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Once it is synced to the disk: no acknowledged record and no record that a consumer saw is lost in a crash.
    #[default]
    Fsync,
    /// Once the operating system has it, as Kafka does by default: a crash of the machine may lose it.
    Os,
}

/// Where the log's work (writes, reads, syncs) runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// On that many threads, apart from the runtime's, plus one that syncs.
    Threads(usize),
    /// On the runtime, in a fixed order: for simulation, where the same seed must give the same trace.
    Inline,
}

impl Default for Execution {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self::Threads(cores.clamp(2, 4))
    }
}

/// Host and port under which clients reach the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// A host name or address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Bounds on what comes from outside.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest request (Kafka's `socket.request.max.bytes`).
    pub max_request_bytes: usize,
    /// Connections open at a time; further ones are closed at once.
    pub max_connections: usize,
    /// A connection without a request for so long is closed (Kafka's `connections.max.idle.ms`).
    pub max_idle: Duration,
    /// Produce requests of one connection under way at a time; the connection is not read beyond them.
    pub max_in_flight: usize,
    /// Bytes of produce requests of one connection under way at a time (one request is always let through).
    pub max_in_flight_bytes: usize,
    /// Largest fetch response (Kafka's `fetch.max.bytes`).
    pub max_fetch_bytes: usize,
    /// Fetch sessions kept at a time (Kafka's `max.incremental.fetch.session.cache.slots`).
    pub max_fetch_sessions: usize,
    /// Share sessions kept at a time (Kafka's `group.share.max.share.sessions`).
    pub max_share_sessions: usize,
    /// Partitions of one topic; never more than 10,000.
    pub max_partitions_per_topic: i32,
    /// Partitions of all topics together.
    pub max_partitions: usize,
    /// How large a compressed batch may become where the broker must open it.
    pub max_uncompressed_batch_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_bytes: 100 * 1024 * 1024,
            max_connections: 4_096,
            max_idle: Duration::from_mins(10),
            max_in_flight: 64,
            max_in_flight_bytes: 16 * 1024 * 1024,
            max_fetch_bytes: 55 * 1024 * 1024,
            max_fetch_sessions: 1_000,
            max_share_sessions: 2_000,
            max_partitions_per_topic: 1_000,
            max_partitions: 10_000,
            max_uncompressed_batch_bytes: 100 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Partitions that a topic may have.
    pub(crate) fn partitions_per_topic(&self) -> i32 {
        self.max_partitions_per_topic.min(MOST_PARTITIONS)
    }

    /// How many fetch sessions there may be, how large, and when one gives way.
    pub(crate) fn fetch_sessions(&self) -> SessionLimits {
        SessionLimits {
            sessions: self.max_fetch_sessions,
            partitions: self.max_partitions,
            idle: Duration::from_mins(2),
        }
    }
}

/// The settings of a broker.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// The folder that holds everything; created if absent.
    pub data_dir: PathBuf,
    /// When a record counts as written.
    pub durability: Durability,
    /// Where the log's work runs.
    pub execution: Execution,
    /// The broker's number, as clients see it.
    pub node_id: i32,
    /// The identity of the cluster; drawn at the first start, and kept, if not given.
    pub cluster_id: Option<Uuid>,
    /// Where clients reach the broker; if not given, the address on which they connected.
    pub advertised: Option<Advertised>,
    /// Allows a listener beyond loopback although nobody has to authenticate.
    pub insecure: bool,
    /// Creates a topic when a client that allows it asks for metadata of one that does not exist.
    pub auto_create_topics: bool,
    /// Partitions of a topic whose creator gave no number.
    pub default_partitions: i32,
    /// Accepts a replication factor above 1 (and reports 1). Many tools ask for 3.
    pub accept_replication_factors: bool,
    /// Settings of topics (by their Kafka names, such as `retention.ms`) for topics that do not give their own.
    pub topic_defaults: BTreeMap<String, String>,
    /// Partitions of `__consumer_offsets`, if it is made now (Kafka's `offsets.topic.num.partitions`). Few: each that is
    /// written to is one more file to sync, and one task coordinates many groups.
    pub group_partitions: i32,
    /// Limits and times of groups.
    pub groups: GroupsConfig,
    /// Between what a group's own settings may be.
    pub group_bounds: GroupBounds,
    /// Limits and rules of what share groups acquire.
    pub share_partitions: SharePartitionsConfig,
    /// Partitions of `__transaction_state`, if it is made now (Kafka's `transaction.state.log.num.partitions`).
    pub transaction_partitions: i32,
    /// Limits and times of transactions.
    pub transactions: TransactionsConfig,
    /// How often expired segments are looked for (Kafka's `log.retention.check.interval.ms`).
    pub retention_check_interval: Duration,
    /// How often logs are looked for that are to be compacted (Kafka's `log.cleaner.backoff.ms`).
    pub compaction_check_interval: Duration,
    /// How long a shutdown waits for requests under way.
    pub shutdown_grace: Duration,
    /// How long writing everything to the disk may then take. A disk that hangs does not keep the broker: the next start
    /// checks the logs, and finds all that was acknowledged as durable.
    pub close_timeout: Duration,
    /// Bounds on what comes from outside.
    pub limits: Limits,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("headwater-data"),
            durability: Durability::default(),
            execution: Execution::default(),
            node_id: 1,
            cluster_id: None,
            advertised: None,
            insecure: false,
            auto_create_topics: true,
            default_partitions: 1,
            accept_replication_factors: true,
            topic_defaults: BTreeMap::new(),
            group_partitions: 4,
            groups: GroupsConfig::default(),
            group_bounds: GroupBounds::default(),
            share_partitions: SharePartitionsConfig::default(),
            transaction_partitions: 4,
            transactions: TransactionsConfig::default(),
            retention_check_interval: Duration::from_mins(5),
            compaction_check_interval: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(5),
            close_timeout: Duration::from_secs(30),
            limits: Limits::default(),
        }
    }
}
