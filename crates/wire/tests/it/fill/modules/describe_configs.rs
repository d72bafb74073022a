//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_configs::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeConfigsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            resources: Fill::fill(source, version),
            include_synonyms: Fill::fill(source, version),
            include_documentation: if version >= 3 { Fill::fill(source, version) } else { false },
        }
    }
}

impl Fill for DescribeConfigsResource {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            resource_type: Fill::fill(source, version),
            resource_name: Fill::fill(source, version),
            configuration_keys: source.option(true, version),
        }
    }
}

impl Fill for DescribeConfigsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), results: Fill::fill(source, version) }
    }
}

impl Fill for DescribeConfigsResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            resource_type: Fill::fill(source, version),
            resource_name: Fill::fill(source, version),
            configs: Fill::fill(source, version),
        }
    }
}

impl Fill for DescribeConfigsResourceResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            value: source.option(true, version),
            read_only: Fill::fill(source, version),
            config_source: Fill::fill(source, version),
            is_sensitive: Fill::fill(source, version),
            synonyms: Fill::fill(source, version),
            config_type: if version >= 3 { Fill::fill(source, version) } else { 0 },
            documentation: if version >= 3 { source.option(true, version) } else { Some(String::new()) },
        }
    }
}

impl Fill for DescribeConfigsSynonym {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            value: source.option(true, version),
            source: Fill::fill(source, version),
        }
    }
}
