//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::consumer_group_heartbeat::*;

use crate::fill::{Fill, Source};

impl Fill for ConsumerGroupHeartbeatRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            member_id: Fill::fill(source, version),
            member_epoch: Fill::fill(source, version),
            instance_id: source.option(true, version),
            rack_id: source.option(true, version),
            rebalance_timeout_ms: Fill::fill(source, version),
            subscribed_topic_names: source.option(true, version),
            subscribed_topic_regex: if version >= 1 { source.option(true, version) } else { None },
            server_assignor: source.option(true, version),
            topic_partitions: source.option(true, version),
        }
    }
}

impl Fill for ConsumerGroupHeartbeatRequestTopicPartitions {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for ConsumerGroupHeartbeatResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            member_id: source.option(true, version),
            member_epoch: Fill::fill(source, version),
            heartbeat_interval_ms: Fill::fill(source, version),
            assignment: source.option(true, version),
        }
    }
}

impl Fill for Assignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_partitions: Fill::fill(source, version) }
    }
}

impl Fill for ConsumerGroupHeartbeatResponseTopicPartitions {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}
