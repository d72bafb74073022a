//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::list_offsets::*;

use crate::fill::{Fill, Source};

impl Fill for ListOffsetsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            replica_id: Fill::fill(source, version),
            isolation_level: if version >= 2 { Fill::fill(source, version) } else { 0 },
            topics: Fill::fill(source, version),
            timeout_ms: if version >= 10 { Fill::fill(source, version) } else { 0 },
        }
    }
}

impl Fill for ListOffsetsTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for ListOffsetsPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            current_leader_epoch: if version >= 4 { Fill::fill(source, version) } else { -1 },
            timestamp: Fill::fill(source, version),
        }
    }
}

impl Fill for ListOffsetsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 2 { Fill::fill(source, version) } else { 0 },
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for ListOffsetsTopicResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for ListOffsetsPartitionResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            timestamp: Fill::fill(source, version),
            offset: Fill::fill(source, version),
            leader_epoch: if version >= 4 { Fill::fill(source, version) } else { -1 },
        }
    }
}
