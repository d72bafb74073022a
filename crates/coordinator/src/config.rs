//! Limits and times of group coordination.

use std::time::Duration;

use crate::{Assignor, StreamsSettings};

/// Limits and times that hold for every group of a coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsConfig {
    /// How long the first rebalance of an empty group waits for more members; each newcomer extends it by as much,
    /// up to the group's rebalance timeout (Kafka's `group.initial.rebalance.delay.ms`).
    ///
    /// Zero by default, where Kafka waits for 3 s: on an embedded broker few members start at a time, a rebalance
    /// costs them a round trip, and the 3 s would stand before the first record of every demo, command and test.
    pub initial_rebalance_delay: Duration,
    /// The shortest session timeout that a member may ask for.
    pub min_session_timeout: Duration,
    /// The longest session timeout that a member may ask for.
    pub max_session_timeout: Duration,
    /// How long a new member may wait in its first join: it has no session yet, so nothing else ends the wait of
    /// one that has gone.
    pub new_member_join_timeout: Duration,
    /// The greatest number of members of one group, and apart from them of announced ones.
    pub max_group_size: usize,
    /// The greatest number of groups.
    pub max_groups: usize,
    /// The greatest size of what one member says of itself: its protocols' names and metadata.
    pub max_member_metadata_bytes: usize,
    /// The greatest size of a group with all its members' metadata and assignments, in bytes; it has to fit into
    /// one record.
    pub max_group_bytes: usize,
    /// The greatest size of the text that may go with a committed offset (Kafka's `offset.metadata.max.bytes`).
    pub max_offset_metadata_bytes: usize,
    /// How long a member of a consumer group may be silent (Kafka's `group.consumer.session.timeout.ms`).
    pub consumer_session_timeout: Duration,
    /// How often a member of a consumer group is to be heard of (Kafka's `group.consumer.heartbeat.interval.ms`).
    pub consumer_heartbeat_interval: Duration,
    /// The assignors that consumer groups may use; the first is that of groups whose members do not say (Kafka's
    /// `group.consumer.assignors`).
    pub consumer_assignors: Vec<Assignor>,
    /// The greatest number of members of one share group (Kafka's `group.share.max.size`).
    pub max_share_group_size: usize,
    /// How long a member of a share group may be silent (Kafka's `group.share.session.timeout.ms`).
    pub share_session_timeout: Duration,
    /// How often a member of a share group is to be heard of (Kafka's `group.share.heartbeat.interval.ms`).
    pub share_heartbeat_interval: Duration,
    /// The settings of streams groups that have none of their own.
    pub streams: StreamsSettings,
    /// How long an offset outlives its last use (Kafka's `offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// How often to look for offsets that have outlived their retention.
    pub retention_check_interval: Duration,
}

impl Default for GroupsConfig {
    fn default() -> Self {
        Self {
            initial_rebalance_delay: Duration::ZERO,
            min_session_timeout: Duration::from_secs(6),
            max_session_timeout: Duration::from_mins(30),
            new_member_join_timeout: Duration::from_mins(5),
            max_group_size: 10_000,
            max_groups: 100_000,
            max_member_metadata_bytes: 512 * 1024,
            max_group_bytes: 8 * 1024 * 1024,
            max_offset_metadata_bytes: 4096,
            consumer_session_timeout: Duration::from_secs(45),
            consumer_heartbeat_interval: Duration::from_secs(5),
            consumer_assignors: vec![Assignor::Uniform, Assignor::Range],
            max_share_group_size: 200,
            share_session_timeout: Duration::from_secs(45),
            share_heartbeat_interval: Duration::from_secs(5),
            streams: StreamsSettings::default(),
            offsets_retention: Duration::from_hours(7 * 24),
            retention_check_interval: Duration::from_mins(10),
        }
    }
}
