//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_topic_partitions::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeTopicPartitionsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topics: Fill::fill(source, version),
            response_partition_limit: Fill::fill(source, version),
            cursor: source.option(true, version),
        }
    }
}

impl Fill for TopicRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version) }
    }
}

impl Fill for DescribeTopicPartitionsRequestCursor {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_name: Fill::fill(source, version), partition_index: Fill::fill(source, version) }
    }
}

impl Fill for DescribeTopicPartitionsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            topics: Fill::fill(source, version),
            next_cursor: source.option(true, version),
        }
    }
}

impl Fill for DescribeTopicPartitionsResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            name: source.option(true, version),
            topic_id: Fill::fill(source, version),
            is_internal: Fill::fill(source, version),
            partitions: Fill::fill(source, version),
            topic_authorized_operations: Fill::fill(source, version),
        }
    }
}

impl Fill for DescribeTopicPartitionsResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            partition_index: Fill::fill(source, version),
            leader_id: Fill::fill(source, version),
            leader_epoch: Fill::fill(source, version),
            replica_nodes: Fill::fill(source, version),
            isr_nodes: Fill::fill(source, version),
            eligible_leader_replicas: source.option(true, version),
            last_known_elr: source.option(true, version),
            offline_replicas: Fill::fill(source, version),
        }
    }
}

impl Fill for DescribeTopicPartitionsResponseCursor {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_name: Fill::fill(source, version), partition_index: Fill::fill(source, version) }
    }
}
