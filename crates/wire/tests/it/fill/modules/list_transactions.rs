//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::list_transactions::*;

use crate::fill::{Fill, Source};

impl Fill for ListTransactionsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            state_filters: Fill::fill(source, version),
            producer_id_filters: Fill::fill(source, version),
            duration_filter: if version >= 1 { Fill::fill(source, version) } else { -1 },
            transactional_id_pattern: if version >= 2 { source.option(true, version) } else { None },
        }
    }
}

impl Fill for ListTransactionsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            unknown_state_filters: Fill::fill(source, version),
            transaction_states: Fill::fill(source, version),
        }
    }
}

impl Fill for TransactionState {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactional_id: Fill::fill(source, version),
            producer_id: Fill::fill(source, version),
            transaction_state: Fill::fill(source, version),
        }
    }
}
