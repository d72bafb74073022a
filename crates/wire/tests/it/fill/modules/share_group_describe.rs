//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::share_group_describe::*;

use crate::fill::{Fill, Source};

impl Fill for ShareGroupDescribeRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_ids: Fill::fill(source, version),
            include_authorized_operations: Fill::fill(source, version),
        }
    }
}

impl Fill for ShareGroupDescribeResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), groups: Fill::fill(source, version) }
    }
}

impl Fill for DescribedGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            group_id: Fill::fill(source, version),
            group_state: Fill::fill(source, version),
            group_epoch: Fill::fill(source, version),
            assignment_epoch: Fill::fill(source, version),
            assignor_name: Fill::fill(source, version),
            members: Fill::fill(source, version),
            authorized_operations: Fill::fill(source, version),
        }
    }
}

impl Fill for Member {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            member_id: Fill::fill(source, version),
            rack_id: source.option(true, version),
            member_epoch: Fill::fill(source, version),
            client_id: Fill::fill(source, version),
            client_host: Fill::fill(source, version),
            subscribed_topic_names: Fill::fill(source, version),
            assignment: Fill::fill(source, version),
        }
    }
}

impl Fill for TopicPartitions {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic_id: Fill::fill(source, version),
            topic_name: Fill::fill(source, version),
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for Assignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_partitions: Fill::fill(source, version) }
    }
}
