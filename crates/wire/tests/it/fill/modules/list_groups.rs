//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::list_groups::*;

use crate::fill::{Fill, Source};

impl Fill for ListGroupsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            states_filter: if version >= 4 { Fill::fill(source, version) } else { Vec::new() },
            types_filter: if version >= 5 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for ListGroupsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
            error_code: Fill::fill(source, version),
            groups: Fill::fill(source, version),
        }
    }
}

impl Fill for ListedGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            protocol_type: Fill::fill(source, version),
            group_state: if version >= 4 { Fill::fill(source, version) } else { String::new() },
            group_type: if version >= 5 { Fill::fill(source, version) } else { String::new() },
        }
    }
}
