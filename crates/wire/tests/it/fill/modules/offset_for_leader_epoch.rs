//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::offset_for_leader_epoch::*;

use crate::fill::{Fill, Source};

impl Fill for OffsetForLeaderEpochRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            replica_id: if version >= 3 { Fill::fill(source, version) } else { -2 },
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetForLeaderTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for OffsetForLeaderPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition: Fill::fill(source, version),
            current_leader_epoch: Fill::fill(source, version),
            leader_epoch: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetForLeaderEpochResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for OffsetForLeaderTopicResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for EpochEndOffset {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            partition: Fill::fill(source, version),
            leader_epoch: Fill::fill(source, version),
            end_offset: Fill::fill(source, version),
        }
    }
}
