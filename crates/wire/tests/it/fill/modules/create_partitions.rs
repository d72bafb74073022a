//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::create_partitions::*;

use crate::fill::{Fill, Source};

impl Fill for CreatePartitionsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topics: Fill::fill(source, version),
            timeout_ms: Fill::fill(source, version),
            validate_only: Fill::fill(source, version),
        }
    }
}

impl Fill for CreatePartitionsTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            count: Fill::fill(source, version),
            assignments: source.option(true, version),
        }
    }
}

impl Fill for CreatePartitionsAssignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { broker_ids: Fill::fill(source, version) }
    }
}

impl Fill for CreatePartitionsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), results: Fill::fill(source, version) }
    }
}

impl Fill for CreatePartitionsTopicResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
        }
    }
}
