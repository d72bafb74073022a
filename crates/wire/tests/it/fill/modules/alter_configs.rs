//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::alter_configs::*;

use crate::fill::{Fill, Source};

impl Fill for AlterConfigsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { resources: Fill::fill(source, version), validate_only: Fill::fill(source, version) }
    }
}

impl Fill for AlterConfigsResource {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            resource_type: Fill::fill(source, version),
            resource_name: Fill::fill(source, version),
            configs: Fill::fill(source, version),
        }
    }
}

impl Fill for AlterableConfig {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), value: source.option(true, version) }
    }
}

impl Fill for AlterConfigsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), responses: Fill::fill(source, version) }
    }
}

impl Fill for AlterConfigsResourceResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            resource_type: Fill::fill(source, version),
            resource_name: Fill::fill(source, version),
        }
    }
}
