//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::init_producer_id::*;

use crate::fill::{Fill, Source};

impl Fill for InitProducerIdRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactional_id: source.option(true, version),
            transaction_timeout_ms: Fill::fill(source, version),
            producer_id: if version >= 3 { Fill::fill(source, version) } else { -1 },
            producer_epoch: if version >= 3 { Fill::fill(source, version) } else { -1 },
        }
    }
}

impl Fill for InitProducerIdResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
        }
    }
}
