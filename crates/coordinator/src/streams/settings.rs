//! What may differ from one streams group to another.

use std::time::Duration;

/// The settings of one streams group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsSettings {
    /// How long a member may be silent (Kafka's `streams.session.timeout.ms`).
    pub session_timeout: Duration,
    /// How often a member is to be heard of (Kafka's `streams.heartbeat.interval.ms`).
    pub heartbeat_interval: Duration,
    /// How many copies of the state of each task are kept, apart from that of the member that processes it (Kafka's
    /// `streams.num.standby.replicas`). With few processes there are fewer.
    pub standby_replicas: usize,
    /// How long an empty group waits for more members before it assigns (Kafka's
    /// `streams.initial.rebalance.delay.ms`). Zero by default, where Kafka waits for 3 s, as for classic groups.
    pub initial_rebalance_delay: Duration,
    /// How far behind a copy may be to count as caught up, in records. Members are told.
    pub acceptable_recovery_lag: i64,
    /// How often members are to tell how far their tasks' state has come. Members are told.
    pub task_offset_interval: Duration,
}

impl Default for StreamsSettings {
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(5),
            standby_replicas: 0,
            initial_rebalance_delay: Duration::ZERO,
            acceptable_recovery_lag: 10_000,
            task_offset_interval: Duration::from_mins(1),
        }
    }
}
