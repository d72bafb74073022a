//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::metadata::*;

use crate::fill::{Fill, Source};

impl Fill for MetadataRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topics: source.option(version >= 1, version),
            allow_auto_topic_creation: if version >= 4 { Fill::fill(source, version) } else { true },
            include_cluster_authorized_operations: if (8..=10).contains(&version) {
                Fill::fill(source, version)
            } else {
                false
            },
            include_topic_authorized_operations: if version >= 8 {
                Fill::fill(source, version)
            } else {
                false
            },
        }
    }
}

impl Fill for MetadataRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic_id: if version >= 10 { Fill::fill(source, version) } else { Uuid::ZERO },
            name: source.option(version >= 10, version),
        }
    }
}

impl Fill for MetadataResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 3 { Fill::fill(source, version) } else { 0 },
            brokers: Fill::fill(source, version),
            cluster_id: if version >= 2 { source.option(true, version) } else { None },
            controller_id: if version >= 1 { Fill::fill(source, version) } else { -1 },
            topics: Fill::fill(source, version),
            cluster_authorized_operations: if (8..=10).contains(&version) {
                Fill::fill(source, version)
            } else {
                i32::MIN
            },
            error_code: if version >= 13 { Fill::fill(source, version) } else { 0 },
        }
    }
}

impl Fill for MetadataResponseBroker {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            node_id: Fill::fill(source, version),
            host: Fill::fill(source, version),
            port: Fill::fill(source, version),
            rack: if version >= 1 { source.option(true, version) } else { None },
        }
    }
}

impl Fill for MetadataResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            name: source.option(version >= 12, version),
            topic_id: if version >= 10 { Fill::fill(source, version) } else { Uuid::ZERO },
            is_internal: if version >= 1 { Fill::fill(source, version) } else { false },
            partitions: Fill::fill(source, version),
            topic_authorized_operations: if version >= 8 { Fill::fill(source, version) } else { i32::MIN },
        }
    }
}

impl Fill for MetadataResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            partition_index: Fill::fill(source, version),
            leader_id: Fill::fill(source, version),
            leader_epoch: if version >= 7 { Fill::fill(source, version) } else { -1 },
            replica_nodes: Fill::fill(source, version),
            isr_nodes: Fill::fill(source, version),
            offline_replicas: if version >= 5 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}
