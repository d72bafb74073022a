//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::list_config_resources::*;

use crate::fill::{Fill, Source};

impl Fill for ListConfigResourcesRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { resource_types: if version >= 1 { Fill::fill(source, version) } else { Vec::new() } }
    }
}

impl Fill for ListConfigResourcesResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            config_resources: Fill::fill(source, version),
        }
    }
}

impl Fill for ConfigResource {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            resource_name: Fill::fill(source, version),
            resource_type: if version >= 1 { Fill::fill(source, version) } else { 16 },
        }
    }
}
