//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::streams_group_heartbeat::*;

use crate::fill::{Fill, Source};

impl Fill for StreamsGroupHeartbeatRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_id: Fill::fill(source, version),
            member_id: Fill::fill(source, version),
            member_epoch: Fill::fill(source, version),
            endpoint_information_epoch: Fill::fill(source, version),
            instance_id: source.option(true, version),
            rack_id: source.option(true, version),
            rebalance_timeout_ms: Fill::fill(source, version),
            topology: source.option(true, version),
            active_tasks: source.option(true, version),
            standby_tasks: source.option(true, version),
            warmup_tasks: source.option(true, version),
            process_id: source.option(true, version),
            user_endpoint: source.option(true, version),
            client_tags: source.option(true, version),
            task_offsets: source.option(true, version),
            task_end_offsets: source.option(true, version),
            shutdown_application: Fill::fill(source, version),
        }
    }
}

impl Fill for Topology {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { epoch: Fill::fill(source, version), subtopologies: Fill::fill(source, version) }
    }
}

impl Fill for Subtopology {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            subtopology_id: Fill::fill(source, version),
            source_topics: Fill::fill(source, version),
            source_topic_regex: Fill::fill(source, version),
            state_changelog_topics: Fill::fill(source, version),
            repartition_sink_topics: Fill::fill(source, version),
            repartition_source_topics: Fill::fill(source, version),
            copartition_groups: Fill::fill(source, version),
        }
    }
}

impl Fill for CopartitionGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            source_topics: Fill::fill(source, version),
            source_topic_regex: Fill::fill(source, version),
            repartition_source_topics: Fill::fill(source, version),
        }
    }
}

impl Fill for KeyValue {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { key: Fill::fill(source, version), value: Fill::fill(source, version) }
    }
}

impl Fill for TopicInfo {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            partitions: Fill::fill(source, version),
            replication_factor: Fill::fill(source, version),
            topic_configs: Fill::fill(source, version),
        }
    }
}

impl Fill for StreamsGroupHeartbeatRequestEndpoint {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { host: Fill::fill(source, version), port: Fill::fill(source, version) }
    }
}

impl Fill for TaskOffset {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            subtopology_id: Fill::fill(source, version),
            partition: Fill::fill(source, version),
            offset: Fill::fill(source, version),
        }
    }
}

impl Fill for StreamsGroupHeartbeatRequestTaskIds {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { subtopology_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for StreamsGroupHeartbeatResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            member_id: Fill::fill(source, version),
            member_epoch: Fill::fill(source, version),
            heartbeat_interval_ms: Fill::fill(source, version),
            acceptable_recovery_lag_legacy: if version == 0 { Fill::fill(source, version) } else { 0 },
            task_offset_interval_ms: Fill::fill(source, version),
            acceptable_recovery_lag: if version >= 1 { Fill::fill(source, version) } else { -1 },
            status: source.option(true, version),
            active_tasks: source.option(true, version),
            standby_tasks: source.option(true, version),
            warmup_tasks: source.option(true, version),
            topology_description_required: if version >= 1 { Fill::fill(source, version) } else { false },
            endpoint_information_epoch: Fill::fill(source, version),
            partitions_by_user_endpoint: source.option(true, version),
        }
    }
}

impl Fill for EndpointToPartitions {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            user_endpoint: Fill::fill(source, version),
            active_partitions: Fill::fill(source, version),
            standby_partitions: Fill::fill(source, version),
        }
    }
}

impl Fill for Status {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { status_code: Fill::fill(source, version), status_detail: Fill::fill(source, version) }
    }
}

impl Fill for TopicPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for StreamsGroupHeartbeatResponseTaskIds {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { subtopology_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for StreamsGroupHeartbeatResponseEndpoint {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { host: Fill::fill(source, version), port: Fill::fill(source, version) }
    }
}
