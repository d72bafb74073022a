//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::leave_group::*;

use crate::fill::{Fill, Source};

impl Fill for LeaveGroupRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            member_id: if version <= 2 { Fill::fill(source, version) } else { String::new() },
            members: if version >= 3 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for MemberIdentity {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            member_id: Fill::fill(source, version),
            group_instance_id: source.option(true, version),
            reason: if version >= 5 { source.option(true, version) } else { None },
        }
    }
}

impl Fill for LeaveGroupResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
            error_code: Fill::fill(source, version),
            members: if version >= 3 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for MemberResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            member_id: Fill::fill(source, version),
            group_instance_id: source.option(true, version),
            error_code: Fill::fill(source, version),
        }
    }
}
