//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::end_txn::*;

use crate::fill::{Fill, Source};

impl Fill for EndTxnRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactional_id: Fill::fill(source, version),
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
            committed: Fill::fill(source, version),
        }
    }
}

impl Fill for EndTxnResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            producer_id: if version >= 5 { Fill::fill(source, version) } else { -1 },
            producer_epoch: if version >= 5 { Fill::fill(source, version) } else { -1 },
        }
    }
}
