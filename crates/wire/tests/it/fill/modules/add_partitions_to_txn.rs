//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::add_partitions_to_txn::*;

use crate::fill::{Fill, Source};

impl Fill for AddPartitionsToTxnRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactions: if version >= 4 { Fill::fill(source, version) } else { Vec::new() },
            v3_and_below_transactional_id: if version <= 3 {
                Fill::fill(source, version)
            } else {
                String::new()
            },
            v3_and_below_producer_id: if version <= 3 { Fill::fill(source, version) } else { 0 },
            v3_and_below_producer_epoch: if version <= 3 { Fill::fill(source, version) } else { 0 },
            v3_and_below_topics: if version <= 3 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for AddPartitionsToTxnTransaction {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            transactional_id: Fill::fill(source, version),
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
            verify_only: Fill::fill(source, version),
            topics: Fill::fill(source, version),
        }
    }
}

impl Fill for AddPartitionsToTxnTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for AddPartitionsToTxnResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: if version >= 4 { Fill::fill(source, version) } else { 0 },
            results_by_transaction: if version >= 4 { Fill::fill(source, version) } else { Vec::new() },
            results_by_topic_v3_and_below: if version <= 3 {
                Fill::fill(source, version)
            } else {
                Vec::new()
            },
        }
    }
}

impl Fill for AddPartitionsToTxnResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { transactional_id: Fill::fill(source, version), topic_results: Fill::fill(source, version) }
    }
}

impl Fill for AddPartitionsToTxnTopicResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), results_by_partition: Fill::fill(source, version) }
    }
}

impl Fill for AddPartitionsToTxnPartitionResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            partition_error_code: Fill::fill(source, version),
        }
    }
}
