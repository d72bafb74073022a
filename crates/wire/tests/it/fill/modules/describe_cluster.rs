//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_cluster::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeClusterRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            include_cluster_authorized_operations: Fill::fill(source, version),
            endpoint_type: if version >= 1 { Fill::fill(source, version) } else { 1 },
            include_fenced_brokers: if version >= 2 { Fill::fill(source, version) } else { false },
        }
    }
}

impl Fill for DescribeClusterResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            endpoint_type: if version >= 1 { Fill::fill(source, version) } else { 1 },
            cluster_id: Fill::fill(source, version),
            controller_id: Fill::fill(source, version),
            brokers: Fill::fill(source, version),
            cluster_authorized_operations: Fill::fill(source, version),
        }
    }
}

impl Fill for DescribeClusterBroker {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            broker_id: Fill::fill(source, version),
            host: Fill::fill(source, version),
            port: Fill::fill(source, version),
            rack: source.option(true, version),
            is_fenced: if version >= 2 { Fill::fill(source, version) } else { false },
        }
    }
}
