//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::sync_group::*;

use crate::fill::{Fill, Source};

impl Fill for SyncGroupRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            generation_id: Fill::fill(source, version),
            member_id: Fill::fill(source, version),
            group_instance_id: if version >= 3 { source.option(true, version) } else { None },
            protocol_type: if version >= 5 { source.option(true, version) } else { None },
            protocol_name: if version >= 5 { source.option(true, version) } else { None },
            assignments: Fill::fill(source, version),
        }
    }
}

impl Fill for SyncGroupRequestAssignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { member_id: Fill::fill(source, version), assignment: Fill::fill(source, version) }
    }
}

impl Fill for SyncGroupResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
            error_code: Fill::fill(source, version),
            protocol_type: if version >= 5 { source.option(true, version) } else { None },
            protocol_name: if version >= 5 { source.option(true, version) } else { None },
            assignment: Fill::fill(source, version),
        }
    }
}
