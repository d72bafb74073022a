//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::share_fetch::*;

use crate::fill::{Fill, Source};

impl Fill for ShareFetchRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: source.option(true, version),
            member_id: source.option(true, version),
            share_session_epoch: Fill::fill(source, version),
            max_wait_ms: Fill::fill(source, version),
            min_bytes: Fill::fill(source, version),
            max_bytes: Fill::fill(source, version),
            max_records: Fill::fill(source, version),
            batch_size: Fill::fill(source, version),
            share_acquire_mode: if version >= 2 { Fill::fill(source, version) } else { 0 },
            is_renew_ack: if version >= 2 { Fill::fill(source, version) } else { false },
            topics: Fill::fill(source, version),
            forgotten_topics_data: Fill::fill(source, version),
        }
    }
}

impl Fill for FetchTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for FetchPartition {
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

impl Fill for ForgottenTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for ShareFetchResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            acquisition_lock_timeout_ms: Fill::fill(source, version),
            responses: Fill::fill(source, version),
            node_endpoints: Fill::fill(source, version),
        }
    }
}

impl Fill for ShareFetchableTopicResponse {
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
            acknowledge_error_code: Fill::fill(source, version),
            acknowledge_error_message: source.option(true, version),
            current_leader: Fill::fill(source, version),
            records: source.option(false, version),
            acquired_records: Fill::fill(source, version),
        }
    }
}

impl Fill for LeaderIdAndEpoch {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { leader_id: Fill::fill(source, version), leader_epoch: Fill::fill(source, version) }
    }
}

impl Fill for AcquiredRecords {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            first_offset: Fill::fill(source, version),
            last_offset: Fill::fill(source, version),
            delivery_count: Fill::fill(source, version),
        }
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
