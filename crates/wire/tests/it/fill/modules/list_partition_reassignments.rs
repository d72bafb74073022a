//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::list_partition_reassignments::*;

use crate::fill::{Fill, Source};

impl Fill for ListPartitionReassignmentsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { timeout_ms: Fill::fill(source, version), topics: source.option(true, version) }
    }
}

impl Fill for ListPartitionReassignmentsTopics {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partition_indexes: Fill::fill(source, version) }
    }
}

impl Fill for ListPartitionReassignmentsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for OngoingTopicReassignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for OngoingPartitionReassignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            replicas: Fill::fill(source, version),
            adding_replicas: Fill::fill(source, version),
            removing_replicas: Fill::fill(source, version),
        }
    }
}
