//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_groups::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeGroupsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            groups: Fill::fill(source, version),
            include_authorized_operations: if version >= 3 { Fill::fill(source, version) } else { false },
        }
    }
}

impl Fill for DescribeGroupsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
            groups: Fill::fill(source, version),
        }
    }
}

impl Fill for DescribedGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            error_message: if version >= 6 { source.option(true, version) } else { None },
            group_id: Fill::fill(source, version),
            group_state: Fill::fill(source, version),
            protocol_type: Fill::fill(source, version),
            protocol_data: Fill::fill(source, version),
            members: Fill::fill(source, version),
            authorized_operations: if version >= 3 { Fill::fill(source, version) } else { i32::MIN },
        }
    }
}

impl Fill for DescribedGroupMember {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            member_id: Fill::fill(source, version),
            group_instance_id: if version >= 4 { source.option(true, version) } else { None },
            client_id: Fill::fill(source, version),
            client_host: Fill::fill(source, version),
            member_metadata: Fill::fill(source, version),
            member_assignment: Fill::fill(source, version),
        }
    }
}
