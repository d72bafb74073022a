//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::create_topics::*;

use crate::fill::{Fill, Source};

impl Fill for CreateTopicsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topics: Fill::fill(source, version),
            timeout_ms: Fill::fill(source, version),
            validate_only: Fill::fill(source, version),
        }
    }
}

impl Fill for CreatableTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            num_partitions: Fill::fill(source, version),
            replication_factor: Fill::fill(source, version),
            assignments: Fill::fill(source, version),
            configs: Fill::fill(source, version),
        }
    }
}

impl Fill for CreatableReplicaAssignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version), broker_ids: Fill::fill(source, version) }
    }
}

impl Fill for CreatableTopicConfig {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), value: source.option(true, version) }
    }
}

impl Fill for CreateTopicsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for CreatableTopicResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            topic_id: if version >= 7 { Fill::fill(source, version) } else { Uuid::ZERO },
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            topic_config_error_code: if version >= 5 { Fill::fill(source, version) } else { 0 },
            num_partitions: if version >= 5 { Fill::fill(source, version) } else { -1 },
            replication_factor: if version >= 5 { Fill::fill(source, version) } else { -1 },
            configs: if version >= 5 { source.option(true, version) } else { Some(Vec::new()) },
        }
    }
}

impl Fill for CreatableTopicConfigs {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            value: source.option(true, version),
            read_only: Fill::fill(source, version),
            config_source: Fill::fill(source, version),
            is_sensitive: Fill::fill(source, version),
        }
    }
}
