//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::delete_groups::*;

use crate::fill::{Fill, Source};

impl Fill for DeleteGroupsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { groups_names: Fill::fill(source, version) }
    }
}

impl Fill for DeleteGroupsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), results: Fill::fill(source, version) }
    }
}

impl Fill for DeletableGroupResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: if version >= 3 { source.option(true, version) } else { None },
        }
    }
}
