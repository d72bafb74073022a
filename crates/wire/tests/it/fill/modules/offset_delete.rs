//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::offset_delete::*;

use crate::fill::{Fill, Source};

impl Fill for OffsetDeleteRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { group_id: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for OffsetDeleteRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for OffsetDeleteRequestPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version) }
    }
}

impl Fill for OffsetDeleteResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            throttle_time_ms: Fill::fill(source, version),
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetDeleteResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for OffsetDeleteResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version), error_code: Fill::fill(source, version) }
    }
}
