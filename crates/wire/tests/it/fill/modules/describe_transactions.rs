//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_transactions::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeTransactionsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { transactional_ids: Fill::fill(source, version) }
    }
}

impl Fill for DescribeTransactionsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            transaction_states: Fill::fill(source, version),
        }
    }
}

impl Fill for TransactionState {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            transactional_id: Fill::fill(source, version),
            transaction_state: Fill::fill(source, version),
            transaction_timeout_ms: Fill::fill(source, version),
            transaction_start_time_ms: Fill::fill(source, version),
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for TopicData {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}
