//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::write_txn_markers::*;

use crate::fill::{Fill, Source};

impl Fill for WriteTxnMarkersRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { markers: Fill::fill(source, version) }
    }
}

impl Fill for WritableTxnMarker {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            producer_id: Fill::fill(source, version),
            producer_epoch: Fill::fill(source, version),
            transaction_result: Fill::fill(source, version),
            topics: Fill::fill(source, version),
            coordinator_epoch: Fill::fill(source, version),
            transaction_version: if version >= 2 { Fill::fill(source, version) } else { 0 },
        }
    }
}

impl Fill for WritableTxnMarkerTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partition_indexes: Fill::fill(source, version) }
    }
}

impl Fill for WriteTxnMarkersResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { markers: Fill::fill(source, version) }
    }
}

impl Fill for WritableTxnMarkerResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { producer_id: Fill::fill(source, version), topics: Fill::fill(source, version) }
    }
}

impl Fill for WritableTxnMarkerTopicResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for WritableTxnMarkerPartitionResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { partition_index: Fill::fill(source, version), error_code: Fill::fill(source, version) }
    }
}
