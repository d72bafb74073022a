//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::offset_fetch::*;

use crate::fill::{Fill, Source};

impl Fill for OffsetFetchRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: if version <= 7 { Fill::fill(source, version) } else { String::new() },
            topics: if version <= 7 { source.option(version >= 2, version) } else { Some(Vec::new()) },
            groups: if version >= 8 { Fill::fill(source, version) } else { Vec::new() },
            require_stable: if version >= 7 { Fill::fill(source, version) } else { false },
        }
    }
}

impl Fill for OffsetFetchRequestTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partition_indexes: Fill::fill(source, version) }
    }
}

impl Fill for OffsetFetchRequestGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            member_id: if version >= 9 { source.option(true, version) } else { None },
            member_epoch: if version >= 9 { Fill::fill(source, version) } else { -1 },
            topics: source.option(true, version),
        }
    }
}

impl Fill for OffsetFetchRequestTopics {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 9 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 10 { Fill::fill(source, version) } else { Uuid::ZERO },
            partition_indexes: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetFetchResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: if version >= 3 { Fill::fill(source, version) } else { 0 },
            topics: if version <= 7 { Fill::fill(source, version) } else { Vec::new() },
            error_code: if (2..=7).contains(&version) { Fill::fill(source, version) } else { 0 },
            groups: if version >= 8 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for OffsetFetchResponseTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { name: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for OffsetFetchResponsePartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            committed_offset: Fill::fill(source, version),
            committed_leader_epoch: if version >= 5 { Fill::fill(source, version) } else { -1 },
            metadata: source.option(true, version),
            error_code: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetFetchResponseGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            topics: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetFetchResponseTopics {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: if version <= 9 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 10 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetFetchResponsePartitions {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            committed_offset: Fill::fill(source, version),
            committed_leader_epoch: Fill::fill(source, version),
            metadata: source.option(true, version),
            error_code: Fill::fill(source, version),
        }
    }
}
