//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::share_group_heartbeat::*;

use crate::fill::{Fill, Source};

impl Fill for ShareGroupHeartbeatRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            member_id: Fill::fill(source, version),
            member_epoch: Fill::fill(source, version),
            rack_id: source.option(true, version),
            subscribed_topic_names: source.option(true, version),
        }
    }
}

impl Fill for ShareGroupHeartbeatResponse {
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

impl Fill for TopicPartitions {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}
