//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::streams_group_describe::*;

use crate::fill::{Fill, Source};

impl Fill for StreamsGroupDescribeRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group_ids: Fill::fill(source, version),
            include_authorized_operations: Fill::fill(source, version),
            include_topology_description: if version >= 1 { Fill::fill(source, version) } else { false },
        }
    }
}

impl Fill for StreamsGroupDescribeResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), groups: Fill::fill(source, version) }
    }
}

impl Fill for DescribedGroup {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            group_id: Fill::fill(source, version),
            group_state: Fill::fill(source, version),
            group_epoch: Fill::fill(source, version),
            assignment_epoch: Fill::fill(source, version),
            topology: source.option(true, version),
            members: Fill::fill(source, version),
            authorized_operations: Fill::fill(source, version),
            topology_description: if version >= 1 { source.option(true, version) } else { None },
            topology_description_status: if version >= 1 { Fill::fill(source, version) } else { 0 },
            assignor_name: if version >= 1 { source.option(true, version) } else { None },
        }
    }
}

impl Fill for Topology {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { epoch: Fill::fill(source, version), subtopologies: source.option(true, version) }
    }
}

impl Fill for Subtopology {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            subtopology_id: Fill::fill(source, version),
            source_topics: Fill::fill(source, version),
            repartition_sink_topics: Fill::fill(source, version),
            state_changelog_topics: Fill::fill(source, version),
            repartition_source_topics: Fill::fill(source, version),
        }
    }
}

impl Fill for Member {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            member_id: Fill::fill(source, version),
            member_epoch: Fill::fill(source, version),
            instance_id: source.option(true, version),
            rack_id: source.option(true, version),
            client_id: Fill::fill(source, version),
            client_host: Fill::fill(source, version),
            topology_epoch: Fill::fill(source, version),
            process_id: Fill::fill(source, version),
            user_endpoint: source.option(true, version),
            client_tags: Fill::fill(source, version),
            task_offsets: Fill::fill(source, version),
            task_end_offsets: Fill::fill(source, version),
            assignment: Fill::fill(source, version),
            target_assignment: Fill::fill(source, version),
            is_classic: Fill::fill(source, version),
        }
    }
}

impl Fill for Endpoint {
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

impl Fill for Assignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            active_tasks: Fill::fill(source, version),
            standby_tasks: Fill::fill(source, version),
            warmup_tasks: Fill::fill(source, version),
        }
    }
}

impl Fill for TaskIds {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { subtopology_id: Fill::fill(source, version), partitions: Fill::fill(source, version) }
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

impl Fill for TopologyDescription {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { subtopologies: Fill::fill(source, version), global_stores: Fill::fill(source, version) }
    }
}

impl Fill for TopologyDescriptionSubtopology {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { subtopology_id: Fill::fill(source, version), nodes: Fill::fill(source, version) }
    }
}

impl Fill for TopologyDescriptionNode {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            name: Fill::fill(source, version),
            node_type: Fill::fill(source, version),
            source_topics: Fill::fill(source, version),
            sink_topic: source.option(true, version),
            stores: Fill::fill(source, version),
            successors: Fill::fill(source, version),
        }
    }
}

impl Fill for TopologyDescriptionGlobalStore {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { source: Fill::fill(source, version), processor: Fill::fill(source, version) }
    }
}
