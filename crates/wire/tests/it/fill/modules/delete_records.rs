//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::delete_records::*;

use crate::fill::{Fill, Source};

impl Fill for DeleteRecordsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topics: Fill::fill(source, version), timeout_ms: Fill::fill(source, version) }
    }
}

impl Fill for DeleteRecordsTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for DeleteRecordsPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version), offset: Fill::fill(source, version) }
    }
}

impl Fill for DeleteRecordsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for DeleteRecordsTopicResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for DeleteRecordsPartitionResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            low_watermark: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
        }
    }
}
