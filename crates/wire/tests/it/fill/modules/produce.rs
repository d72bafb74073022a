//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::produce::*;

use crate::fill::{Fill, Source};

impl Fill for ProduceRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactional_id: source.option(true, version),
            acks: Fill::fill(source, version),
            timeout_ms: Fill::fill(source, version),
            topic_data: Fill::fill(source, version),
        }
    }
}

impl Fill for TopicProduceData {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 12 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 13 { Fill::fill(source, version) } else { Uuid::ZERO },
            partition_data: Fill::fill(source, version),
        }
    }
}

impl Fill for PartitionProduceData {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { index: Fill::fill(source, version), records: source.option(true, version) }
    }
}

impl Fill for ProduceResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            responses: Fill::fill(source, version),
            throttle_time_ms: Fill::fill(source, version),
            node_endpoints: if version >= 10 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for TopicProduceResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 12 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 13 { Fill::fill(source, version) } else { Uuid::ZERO },
            partition_responses: Fill::fill(source, version),
        }
    }
}

impl Fill for PartitionProduceResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            index: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            base_offset: Fill::fill(source, version),
            log_append_time_ms: Fill::fill(source, version),
            log_start_offset: if version >= 5 { Fill::fill(source, version) } else { -1 },
            record_errors: if version >= 8 { Fill::fill(source, version) } else { Vec::new() },
            error_message: if version >= 8 { source.option(true, version) } else { None },
            current_leader: if version >= 10 {
                Fill::fill(source, version)
            } else {
                LeaderIdAndEpoch::default()
            },
        }
    }
}

impl Fill for BatchIndexAndErrorMessage {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            batch_index: Fill::fill(source, version),
            batch_index_error_message: source.option(true, version),
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
