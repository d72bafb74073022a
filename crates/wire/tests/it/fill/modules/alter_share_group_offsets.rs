//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::alter_share_group_offsets::*;

use crate::fill::{Fill, Source};

impl Fill for AlterShareGroupOffsetsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { group_id: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for AlterShareGroupOffsetsRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for AlterShareGroupOffsetsRequestPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version), start_offset: Fill::fill(source, version) }
    }
}

impl Fill for AlterShareGroupOffsetsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            responses: Fill::fill(source, version),
        }
    }
}

impl Fill for AlterShareGroupOffsetsResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic_name: Fill::fill(source, version),
            topic_id: Fill::fill(source, version),
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for AlterShareGroupOffsetsResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
        }
    }
}
