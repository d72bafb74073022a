//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::join_group::*;

use crate::fill::{Fill, Source};

impl Fill for JoinGroupRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            session_timeout_ms: Fill::fill(source, version),
            rebalance_timeout_ms: if version >= 1 { Fill::fill(source, version) } else { -1 },
            member_id: Fill::fill(source, version),
            group_instance_id: if version >= 5 { source.option(true, version) } else { None },
            protocol_type: Fill::fill(source, version),
            protocols: Fill::fill(source, version),
            reason: if version >= 8 { source.option(true, version) } else { None },
        }
    }
}

impl Fill for JoinGroupRequestProtocol {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), metadata: Fill::fill(source, version) }
    }
}

impl Fill for JoinGroupResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 2 { Fill::fill(source, version) } else { 0 },
            error_code: Fill::fill(source, version),
            generation_id: Fill::fill(source, version),
            protocol_type: if version >= 7 { source.option(true, version) } else { None },
            protocol_name: source.option(version >= 7, version),
            leader: Fill::fill(source, version),
            skip_assignment: if version >= 9 { Fill::fill(source, version) } else { false },
            member_id: Fill::fill(source, version),
            members: Fill::fill(source, version),
        }
    }
}

impl Fill for JoinGroupResponseMember {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            member_id: Fill::fill(source, version),
            group_instance_id: if version >= 5 { source.option(true, version) } else { None },
            metadata: Fill::fill(source, version),
        }
    }
}
