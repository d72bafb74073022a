//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::delete_share_group_offsets::*;

use crate::fill::{Fill, Source};

impl Fill for DeleteShareGroupOffsetsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { group_id: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for DeleteShareGroupOffsetsRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_name: Fill::fill(source, version) }
    }
}

impl Fill for DeleteShareGroupOffsetsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            responses: Fill::fill(source, version),
        }
    }
}

impl Fill for DeleteShareGroupOffsetsResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic_name: Fill::fill(source, version),
            topic_id: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
        }
    }
}
