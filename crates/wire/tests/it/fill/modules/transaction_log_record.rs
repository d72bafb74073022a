//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::transaction_log_record::*;

use crate::fill::{Fill, Source};

impl Fill for TransactionLogKey {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { transactional_id: Fill::fill(source, version) }
    }
}

impl Fill for TransactionLogValue {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            producer_id: Fill::fill(source, version),
            previous_producer_id: if version >= 1 { Fill::fill(source, version) } else { -1 },
            next_producer_id: if version >= 1 { Fill::fill(source, version) } else { -1 },
            producer_epoch: Fill::fill(source, version),
            transaction_timeout_ms: Fill::fill(source, version),
            transaction_status: Fill::fill(source, version),
            transaction_partitions: source.option(true, version),
            transaction_last_update_timestamp_ms: Fill::fill(source, version),
            transaction_start_timestamp_ms: Fill::fill(source, version),
            client_transaction_version: if version >= 1 { Fill::fill(source, version) } else { 0 },
        }
    }
}

impl Fill for PartitionsSchema {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partition_ids: Fill::fill(source, version) }
    }
}
