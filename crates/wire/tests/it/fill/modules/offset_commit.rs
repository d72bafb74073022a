//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::offset_commit::*;

use crate::fill::{Fill, Source};

impl Fill for OffsetCommitRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            generation_id_or_member_epoch: Fill::fill(source, version),
            member_id: Fill::fill(source, version),
            group_instance_id: if version >= 7 { source.option(true, version) } else { None },
            retention_time_ms: if version <= 4 { Fill::fill(source, version) } else { -1 },
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetCommitRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 9 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 10 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetCommitRequestPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            committed_offset: Fill::fill(source, version),
            committed_leader_epoch: if version >= 6 { Fill::fill(source, version) } else { -1 },
            committed_metadata: source.option(true, version),
        }
    }
}

impl Fill for OffsetCommitResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 3 { Fill::fill(source, version) } else { 0 },
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetCommitResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 9 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 10 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetCommitResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version), error_code: Fill::fill(source, version) }
    }
}
