//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::txn_offset_commit::*;

use crate::fill::{Fill, Source};

impl Fill for TxnOffsetCommitRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactional_id: Fill::fill(source, version),
            group_id: Fill::fill(source, version),
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
            generation_id_or_member_epoch: if version >= 3 { Fill::fill(source, version) } else { -1 },
            member_id: if version >= 3 { Fill::fill(source, version) } else { String::new() },
            group_instance_id: if version >= 3 { source.option(true, version) } else { None },
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for TxnOffsetCommitRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 5 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 6 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for TxnOffsetCommitRequestPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            committed_offset: Fill::fill(source, version),
            committed_leader_epoch: if version >= 2 { Fill::fill(source, version) } else { -1 },
            committed_metadata: source.option(true, version),
        }
    }
}

impl Fill for TxnOffsetCommitResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for TxnOffsetCommitResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 5 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 6 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for TxnOffsetCommitResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version), error_code: Fill::fill(source, version) }
    }
}
