//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::share_acknowledge::*;

use crate::fill::{Fill, Source};

impl Fill for ShareAcknowledgeRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: source.option(true, version),
            member_id: source.option(true, version),
            share_session_epoch: Fill::fill(source, version),
            is_renew_ack: if version >= 2 { Fill::fill(source, version) } else { false },
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for AcknowledgeTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for AcknowledgePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            acknowledgement_batches: Fill::fill(source, version),
        }
    }
}

impl Fill for AcknowledgementBatch {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            first_offset: Fill::fill(source, version),
            last_offset: Fill::fill(source, version),
            acknowledge_types: Fill::fill(source, version),
        }
    }
}

impl Fill for ShareAcknowledgeResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            acquisition_lock_timeout_ms: if version >= 2 { Fill::fill(source, version) } else { 0 },
            responses: Fill::fill(source, version),
            node_endpoints: Fill::fill(source, version),
        }
    }
}

impl Fill for ShareAcknowledgeTopicResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for PartitionData {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            current_leader: Fill::fill(source, version),
        }
    }
}

impl Fill for LeaderIdAndEpoch {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { leader_id: Fill::fill(source, version), leader_epoch: Fill::fill(source, version) }
    }
}

impl Fill for NodeEndpoint {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            node_id: Fill::fill(source, version),
            host: Fill::fill(source, version),
            port: Fill::fill(source, version),
            rack: source.option(true, version),
        }
    }
}
