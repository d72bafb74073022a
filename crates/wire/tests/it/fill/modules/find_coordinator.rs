//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::find_coordinator::*;

use crate::fill::{Fill, Source};

impl Fill for FindCoordinatorRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            key: if version <= 3 { Fill::fill(source, version) } else { String::new() },
            key_type: if version >= 1 { Fill::fill(source, version) } else { 0 },
            coordinator_keys: if version >= 4 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for FindCoordinatorResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
            error_code: if version <= 3 { Fill::fill(source, version) } else { 0 },
            error_message: if (1..=3).contains(&version) {
                source.option(true, version)
            } else {
                Some(String::new())
            },
            node_id: if version <= 3 { Fill::fill(source, version) } else { 0 },
            host: if version <= 3 { Fill::fill(source, version) } else { String::new() },
            port: if version <= 3 { Fill::fill(source, version) } else { 0 },
            coordinators: if version >= 4 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for Coordinator {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            key: Fill::fill(source, version),
            node_id: Fill::fill(source, version),
            host: Fill::fill(source, version),
            port: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
        }
    }
}
