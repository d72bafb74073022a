//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_producers::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeProducersRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topics: Fill::fill(source, version) }
    }
}

impl Fill for TopicRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partition_indexes: Fill::fill(source, version) }
    }
}

impl Fill for DescribeProducersResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for TopicResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for PartitionResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            active_producers: Fill::fill(source, version),
        }
    }
}

impl Fill for ProducerState {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
            last_sequence: Fill::fill(source, version),
            last_timestamp: Fill::fill(source, version),
            coordinator_epoch: Fill::fill(source, version),
            current_txn_start_offset: Fill::fill(source, version),
        }
    }
}
