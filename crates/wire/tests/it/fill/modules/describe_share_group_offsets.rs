//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::describe_share_group_offsets::*;

use crate::fill::{Fill, Source};

impl Fill for DescribeShareGroupOffsetsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { groups: Fill::fill(source, version) }
    }
}

impl Fill for DescribeShareGroupOffsetsRequestGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { group_id: Fill::fill(source, version), topics: source.option(true, version) }
    }
}

impl Fill for DescribeShareGroupOffsetsRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic_name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for DescribeShareGroupOffsetsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), groups: Fill::fill(source, version) }
    }
}

impl Fill for DescribeShareGroupOffsetsResponseGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            topics: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
        }
    }
}

impl Fill for DescribeShareGroupOffsetsResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic_name: Fill::fill(source, version),
            topic_id: Fill::fill(source, version),
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for DescribeShareGroupOffsetsResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            start_offset: Fill::fill(source, version),
            leader_epoch: Fill::fill(source, version),
            lag: if version >= 1 { Fill::fill(source, version) } else { -1 },
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
        }
    }
}
