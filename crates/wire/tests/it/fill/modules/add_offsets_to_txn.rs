//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::add_offsets_to_txn::*;

use crate::fill::{Fill, Source};

impl Fill for AddOffsetsToTxnRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactional_id: Fill::fill(source, version),
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
            group_id: Fill::fill(source, version),
        }
    }
}

impl Fill for AddOffsetsToTxnResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), error_code: Fill::fill(source, version) }
    }
}
