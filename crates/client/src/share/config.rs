//! How a share consumer is set up.

use std::time::Duration;

/// What becomes of records that the application says nothing about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledging {
    /// What a poll handed out, and was not acknowledged otherwise, is accepted with the next poll. Kafka's default.
    #[default]
    Implicit,
    /// Nothing: they stay acquired until they are acknowledged, or their lock ends and others get them.
    Explicit,
}

/// How a [`ShareConsumer`](crate::ShareConsumer) is set up. Start from [`ShareConsumerConfig::in_group`] and change what
/// differs. Defaults are Kafka's unless said otherwise. How long records stay acquired, how often they are delivered, where
/// a new group begins and which isolation it has are the group's own configurations, kept by the cluster.
#[derive(Debug, Clone)]
pub struct ShareConsumerConfig {
    /// The group whose members share the records.
    pub group: String,
    /// What becomes of records that the application says nothing about.
    pub acknowledging: Acknowledging,
    /// Where the consumer runs, as the brokers' `broker.rack` says it. Default: not told.
    pub rack: Option<String>,
    /// The longest time between polls; a member that exceeds it leaves, and what it has acquired goes to others. Default 5
    /// min.
    pub max_poll_interval: Duration,
    /// How many records a broker is asked for at a time; a batch is not divided for it. Default 500.
    pub max_poll_records: i32,
    /// How long a broker waits for records to come. Default 500 ms.
    pub fetch_max_wait: Duration,
    /// How many bytes must be there for a broker to answer sooner. Default 1.
    pub fetch_min_bytes: usize,
    /// The size of an answer, exceeded only by a single batch. Default 16 MiB (Kafka's: 50).
    pub fetch_max_bytes: usize,
    /// How long acknowledgements wait for others, or for a fetch to ride on. Default 10 ms (Kafka's client sends them with
    /// the next poll or commit).
    pub acknowledge_linger: Duration,
    /// Whether the checksum of each batch is checked. Default true.
    pub check_crcs: bool,
}

impl ShareConsumerConfig {
    /// A consumer of that group.
    pub fn in_group(group: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            acknowledging: Acknowledging::default(),
            rack: None,
            max_poll_interval: Duration::from_mins(5),
            max_poll_records: 500,
            fetch_max_wait: Duration::from_millis(500),
            fetch_min_bytes: 1,
            fetch_max_bytes: 16 << 20,
            acknowledge_linger: Duration::from_millis(10),
            check_crcs: true,
        }
    }
}
