//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::delete_topics::*;

use crate::fill::{Fill, Source};

impl Fill for DeleteTopicsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topics: if version >= 6 { Fill::fill(source, version) } else { Vec::new() },
            topic_names: if version <= 5 { Fill::fill(source, version) } else { Vec::new() },
            timeout_ms: Fill::fill(source, version),
        }
    }
}

impl Fill for DeleteTopicState {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: source.option(true, version), topic_id: Fill::fill(source, version) }
    }
}

impl Fill for DeleteTopicsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), responses: Fill::fill(source, version) }
    }
}

impl Fill for DeletableTopicResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: source.option(version >= 6, version),
            topic_id: if version >= 6 { Fill::fill(source, version) } else { Uuid::ZERO },
            error_code: Fill::fill(source, version),
            error_message: if version >= 5 { source.option(true, version) } else { None },
        }
    }
}
