//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::fetch::*;

use crate::fill::{Fill, Source};

impl Fill for FetchRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            cluster_id: if version >= 12 { source.option(true, version) } else { None },
            replica_id: if version <= 14 { Fill::fill(source, version) } else { -1 },
            replica_state: if version >= 15 { Fill::fill(source, version) } else { ReplicaState::default() },
            max_wait_ms: Fill::fill(source, version),
            min_bytes: Fill::fill(source, version),
            max_bytes: Fill::fill(source, version),
            isolation_level: Fill::fill(source, version),
            session_id: if version >= 7 { Fill::fill(source, version) } else { 0 },
            session_epoch: if version >= 7 { Fill::fill(source, version) } else { -1 },
            topics: Fill::fill(source, version),
            forgotten_topics_data: if version >= 7 { Fill::fill(source, version) } else { Vec::new() },
            rack_id: if version >= 11 { Fill::fill(source, version) } else { String::new() },
        }
    }
}

impl Fill for ReplicaState {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { replica_id: Fill::fill(source, version), replica_epoch: Fill::fill(source, version) }
    }
}

impl Fill for FetchTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic: if version <= 12 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 13 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for FetchPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition: Fill::fill(source, version),
            current_leader_epoch: if version >= 9 { Fill::fill(source, version) } else { -1 },
            fetch_offset: Fill::fill(source, version),
            last_fetched_epoch: if version >= 12 { Fill::fill(source, version) } else { -1 },
            log_start_offset: if version >= 5 { Fill::fill(source, version) } else { -1 },
            partition_max_bytes: Fill::fill(source, version),
            replica_directory_id: if version >= 17 { Fill::fill(source, version) } else { Uuid::ZERO },
            high_watermark: if version >= 18 { Fill::fill(source, version) } else { i64::MAX },
        }
    }
}

impl Fill for ForgottenTopic {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic: if version <= 12 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 13 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for FetchResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: if version >= 7 { Fill::fill(source, version) } else { 0 },
            session_id: if version >= 7 { Fill::fill(source, version) } else { 0 },
            responses: Fill::fill(source, version),
            node_endpoints: if version >= 16 { Fill::fill(source, version) } else { Vec::new() },
        }
    }
}

impl Fill for FetchableTopicResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topic: if version <= 12 { Fill::fill(source, version) } else { String::new() },
            topic_id: if version >= 13 { Fill::fill(source, version) } else { Uuid::ZERO },
            partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for PartitionData {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            partition_index: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            high_watermark: Fill::fill(source, version),
            last_stable_offset: Fill::fill(source, version),
            log_start_offset: if version >= 5 { Fill::fill(source, version) } else { -1 },
            diverging_epoch: if version >= 12 {
                Fill::fill(source, version)
            } else {
                EpochEndOffset::default()
            },
            current_leader: if version >= 12 {
                Fill::fill(source, version)
            } else {
                LeaderIdAndEpoch::default()
            },
            snapshot_id: if version >= 12 { Fill::fill(source, version) } else { SnapshotId::default() },
            aborted_transactions: source.option(true, version),
            preferred_read_replica: if version >= 11 { Fill::fill(source, version) } else { -1 },
            records: source.option(true, version),
        }
    }
}

impl Fill for EpochEndOffset {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { epoch: Fill::fill(source, version), end_offset: Fill::fill(source, version) }
    }
}

impl Fill for LeaderIdAndEpoch {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { leader_id: Fill::fill(source, version), leader_epoch: Fill::fill(source, version) }
    }
}

impl Fill for SnapshotId {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { end_offset: Fill::fill(source, version), epoch: Fill::fill(source, version) }
    }
}

impl Fill for AbortedTransaction {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { producer_id: Fill::fill(source, version), first_offset: Fill::fill(source, version) }
    }
}

impl Fill for NodeEndpoint {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            node_id: Fill::fill(source, version),
            host: Fill::fill(source, version),
            port: Fill::fill(source, version),
            rack: source.option(true, version),
        }
    }
}
