//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_log_dirs::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeLogDirsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topics: source.option(true, version) }
    }
}

impl Fill for DescribableLogDirTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for DescribeLogDirsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: if version >= 3 { Fill::fill(source, version) } else { 0 },
            results: Fill::fill(source, version),
        }
    }
}

impl Fill for DescribeLogDirsResult {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            log_dir: Fill::fill(source, version),
            topics: Fill::fill(source, version),
            total_bytes: if version >= 4 { Fill::fill(source, version) } else { -1 },
            usable_bytes: if version >= 4 { Fill::fill(source, version) } else { -1 },
            is_cordoned: if version >= 5 { Fill::fill(source, version) } else { false },
        }
    }
}

impl Fill for DescribeLogDirsTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for DescribeLogDirsPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            partition_size: Fill::fill(source, version),
            offset_lag: Fill::fill(source, version),
            is_future_key: Fill::fill(source, version),
        }
    }
}
