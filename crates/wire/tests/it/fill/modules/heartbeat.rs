//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::heartbeat::*;

use crate::fill::{Fill, Source};

impl Fill for HeartbeatRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            generation_id: Fill::fill(source, version),
            member_id: Fill::fill(source, version),
            group_instance_id: if version >= 3 { source.option(true, version) } else { None },
        }
    }
}

impl Fill for HeartbeatResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
            error_code: Fill::fill(source, version),
        }
    }
}
