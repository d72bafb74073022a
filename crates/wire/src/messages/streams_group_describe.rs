//! The messages of StreamsGroupDescribe (API 89).
//!
//! Written by `cargo xtask codegen` from `tables/streams_group_describe.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `StreamsGroupDescribeRequest`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupDescribeRequest {
    /// `GroupIds` ([]string).
    pub group_ids: Vec<String>,
    /// `IncludeAuthorizedOperations` (bool).
    pub include_authorized_operations: bool,
    /// `IncludeTopologyDescription` (bool, versions 1+).
    pub include_topology_description: bool,
}

impl Message for StreamsGroupDescribeRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self {
            group_ids: r.strings(true)?,
            include_authorized_operations: r.bool()?,
            include_topology_description: if version >= 1 { r.bool()? } else { false },
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_strings(&self.group_ids, true);
        w.put_bool(self.include_authorized_operations);
        if version >= 1 {
            w.put_bool(self.include_topology_description);
        }
        w.put_no_tagged();
    }
}

impl Request for StreamsGroupDescribeRequest {
    const KEY: ApiKey = ApiKey::StreamsGroupDescribe;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = StreamsGroupDescribeResponse;
}

/// `StreamsGroupDescribeResponse`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupDescribeResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Groups` ([]DescribedGroup).
    pub groups: Vec<DescribedGroup>,
}

impl Message for StreamsGroupDescribeResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self { throttle_time_ms: r.i32()?, groups: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.groups, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `GroupId` (string).
    pub group_id: String,
    /// `GroupState` (string).
    pub group_state: String,
    /// `GroupEpoch` (int32).
    pub group_epoch: i32,
    /// `AssignmentEpoch` (int32).
    pub assignment_epoch: i32,
    /// `Topology` (Topology, nullable, default null).
    pub topology: Option<Topology>,
    /// `Members` ([]Member).
    pub members: Vec<Member>,
    /// `AuthorizedOperations` (int32, default -2147483648).
    pub authorized_operations: i32,
    /// `TopologyDescription` (TopologyDescription, versions 1+, nullable, default null).
    pub topology_description: Option<TopologyDescription>,
    /// `TopologyDescriptionStatus` (int8, versions 1+).
    pub topology_description_status: i8,
    /// `AssignorName` (string, versions 1+, nullable, default null).
    pub assignor_name: Option<String>,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            group_epoch: 0,
            assignment_epoch: 0,
            topology: None,
            members: Vec::new(),
            authorized_operations: i32::MIN,
            topology_description: None,
            topology_description_status: 0,
            assignor_name: None,
        }
    }
}

impl Message for DescribedGroup {
    const MIN_SIZE: usize = 20;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            group_id: r.string(true)?,
            group_state: r.string(true)?,
            group_epoch: r.i32()?,
            assignment_epoch: r.i32()?,
            topology: r.opt_struct(version)?,
            members: r.structs(true, version)?,
            authorized_operations: r.i32()?,
            topology_description: if version >= 1 { r.opt_struct(version)? } else { None },
            topology_description_status: if version >= 1 { r.i8()? } else { 0 },
            assignor_name: if version >= 1 { r.opt_string(true, true)? } else { None },
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_string(&self.group_id, true);
        w.put_string(&self.group_state, true);
        w.put_i32(self.group_epoch);
        w.put_i32(self.assignment_epoch);
        w.put_opt_struct(self.topology.as_ref(), version);
        w.put_structs(&self.members, true, version);
        w.put_i32(self.authorized_operations);
        if version >= 1 {
            w.put_opt_struct(self.topology_description.as_ref(), version);
            w.put_i8(self.topology_description_status);
            w.put_opt_string(self.assignor_name.as_deref(), true, true);
        }
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Topology {
    /// `Epoch` (int32).
    pub epoch: i32,
    /// `Subtopologies` ([]Subtopology, nullable, default null).
    pub subtopologies: Option<Vec<Subtopology>>,
}

impl Message for Topology {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { epoch: r.i32()?, subtopologies: r.opt_structs(true, true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.epoch);
        w.put_opt_structs(self.subtopologies.as_deref(), true, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subtopology {
    /// `SubtopologyId` (string).
    pub subtopology_id: String,
    /// `SourceTopics` ([]string).
    pub source_topics: Vec<String>,
    /// `RepartitionSinkTopics` ([]string).
    pub repartition_sink_topics: Vec<String>,
    /// `StateChangelogTopics` ([]TopicInfo).
    pub state_changelog_topics: Vec<TopicInfo>,
    /// `RepartitionSourceTopics` ([]TopicInfo).
    pub repartition_source_topics: Vec<TopicInfo>,
}

impl Message for Subtopology {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            subtopology_id: r.string(true)?,
            source_topics: r.strings(true)?,
            repartition_sink_topics: r.strings(true)?,
            state_changelog_topics: r.structs(true, version)?,
            repartition_source_topics: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.subtopology_id, true);
        w.put_strings(&self.source_topics, true);
        w.put_strings(&self.repartition_sink_topics, true);
        w.put_structs(&self.state_changelog_topics, true, version);
        w.put_structs(&self.repartition_source_topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Member {
    /// `MemberId` (string).
    pub member_id: String,
    /// `MemberEpoch` (int32).
    pub member_epoch: i32,
    /// `InstanceId` (string, nullable, default null).
    pub instance_id: Option<String>,
    /// `RackId` (string, nullable, default null).
    pub rack_id: Option<String>,
    /// `ClientId` (string).
    pub client_id: String,
    /// `ClientHost` (string).
    pub client_host: String,
    /// `TopologyEpoch` (int32).
    pub topology_epoch: i32,
    /// `ProcessId` (string).
    pub process_id: String,
    /// `UserEndpoint` (Endpoint, nullable, default null).
    pub user_endpoint: Option<Endpoint>,
    /// `ClientTags` ([]KeyValue).
    pub client_tags: Vec<KeyValue>,
    /// `TaskOffsets` ([]TaskOffset).
    pub task_offsets: Vec<TaskOffset>,
    /// `TaskEndOffsets` ([]TaskOffset).
    pub task_end_offsets: Vec<TaskOffset>,
    /// `Assignment` (Assignment).
    pub assignment: Assignment,
    /// `TargetAssignment` (Assignment).
    pub target_assignment: Assignment,
    /// `IsClassic` (bool).
    pub is_classic: bool,
}

impl Message for Member {
    const MIN_SIZE: usize = 28;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            member_id: r.string(true)?,
            member_epoch: r.i32()?,
            instance_id: r.opt_string(true, true)?,
            rack_id: r.opt_string(true, true)?,
            client_id: r.string(true)?,
            client_host: r.string(true)?,
            topology_epoch: r.i32()?,
            process_id: r.string(true)?,
            user_endpoint: r.opt_struct(version)?,
            client_tags: r.structs(true, version)?,
            task_offsets: r.structs(true, version)?,
            task_end_offsets: r.structs(true, version)?,
            assignment: Assignment::decode(r, version)?,
            target_assignment: Assignment::decode(r, version)?,
            is_classic: r.bool()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.member_id, true);
        w.put_i32(self.member_epoch);
        w.put_opt_string(self.instance_id.as_deref(), true, true);
        w.put_opt_string(self.rack_id.as_deref(), true, true);
        w.put_string(&self.client_id, true);
        w.put_string(&self.client_host, true);
        w.put_i32(self.topology_epoch);
        w.put_string(&self.process_id, true);
        w.put_opt_struct(self.user_endpoint.as_ref(), version);
        w.put_structs(&self.client_tags, true, version);
        w.put_structs(&self.task_offsets, true, version);
        w.put_structs(&self.task_end_offsets, true, version);
        self.assignment.encode(w, version);
        self.target_assignment.encode(w, version);
        w.put_bool(self.is_classic);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Endpoint {
    /// `Host` (string).
    pub host: String,
    /// `Port` (uint16).
    pub port: u16,
}

impl Message for Endpoint {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { host: r.string(true)?, port: r.u16()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.host, true);
        w.put_u16(self.port);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskOffset {
    /// `SubtopologyId` (string).
    pub subtopology_id: String,
    /// `Partition` (int32).
    pub partition: i32,
    /// `Offset` (int64).
    pub offset: i64,
}

impl Message for TaskOffset {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { subtopology_id: r.string(true)?, partition: r.i32()?, offset: r.i64()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.subtopology_id, true);
        w.put_i32(self.partition);
        w.put_i64(self.offset);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    /// `ActiveTasks` ([]TaskIds).
    pub active_tasks: Vec<TaskIds>,
    /// `StandbyTasks` ([]TaskIds).
    pub standby_tasks: Vec<TaskIds>,
    /// `WarmupTasks` ([]TaskIds).
    pub warmup_tasks: Vec<TaskIds>,
}

impl Message for Assignment {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            active_tasks: r.structs(true, version)?,
            standby_tasks: r.structs(true, version)?,
            warmup_tasks: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.active_tasks, true, version);
        w.put_structs(&self.standby_tasks, true, version);
        w.put_structs(&self.warmup_tasks, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskIds {
    /// `SubtopologyId` (string).
    pub subtopology_id: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for TaskIds {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { subtopology_id: r.string(true)?, partitions: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.subtopology_id, true);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KeyValue {
    /// `Key` (string).
    pub key: String,
    /// `Value` (string).
    pub value: String,
}

impl Message for KeyValue {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { key: r.string(true)?, value: r.string(true)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.key, true);
        w.put_string(&self.value, true);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicInfo {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` (int32).
    pub partitions: i32,
    /// `ReplicationFactor` (int16).
    pub replication_factor: i16,
    /// `TopicConfigs` ([]KeyValue).
    pub topic_configs: Vec<KeyValue>,
}

impl Message for TopicInfo {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            name: r.string(true)?,
            partitions: r.i32()?,
            replication_factor: r.i16()?,
            topic_configs: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.name, true);
        w.put_i32(self.partitions);
        w.put_i16(self.replication_factor);
        w.put_structs(&self.topic_configs, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopologyDescription {
    /// `Subtopologies` ([]TopologyDescriptionSubtopology).
    pub subtopologies: Vec<TopologyDescriptionSubtopology>,
    /// `GlobalStores` ([]TopologyDescriptionGlobalStore).
    pub global_stores: Vec<TopologyDescriptionGlobalStore>,
}

impl Message for TopologyDescription {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this =
            Self { subtopologies: r.structs(true, version)?, global_stores: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.subtopologies, true, version);
        w.put_structs(&self.global_stores, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopologyDescriptionSubtopology {
    /// `SubtopologyId` (string).
    pub subtopology_id: String,
    /// `Nodes` ([]TopologyDescriptionNode).
    pub nodes: Vec<TopologyDescriptionNode>,
}

impl Message for TopologyDescriptionSubtopology {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { subtopology_id: r.string(true)?, nodes: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.subtopology_id, true);
        w.put_structs(&self.nodes, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopologyDescriptionNode {
    /// `Name` (string).
    pub name: String,
    /// `NodeType` (int8).
    pub node_type: i8,
    /// `SourceTopics` ([]string).
    pub source_topics: Vec<String>,
    /// `SinkTopic` (string, nullable, default null).
    pub sink_topic: Option<String>,
    /// `Stores` ([]string).
    pub stores: Vec<String>,
    /// `Successors` ([]string).
    pub successors: Vec<String>,
}

impl Message for TopologyDescriptionNode {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            name: r.string(true)?,
            node_type: r.i8()?,
            source_topics: r.strings(true)?,
            sink_topic: r.opt_string(true, true)?,
            stores: r.strings(true)?,
            successors: r.strings(true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.name, true);
        w.put_i8(self.node_type);
        w.put_strings(&self.source_topics, true);
        w.put_opt_string(self.sink_topic.as_deref(), true, true);
        w.put_strings(&self.stores, true);
        w.put_strings(&self.successors, true);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopologyDescriptionGlobalStore {
    /// `Source` (TopologyDescriptionNode).
    pub source: TopologyDescriptionNode,
    /// `Processor` (TopologyDescriptionNode).
    pub processor: TopologyDescriptionNode,
}

impl Message for TopologyDescriptionGlobalStore {
    const MIN_SIZE: usize = 15;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            source: TopologyDescriptionNode::decode(r, version)?,
            processor: TopologyDescriptionNode::decode(r, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        self.source.encode(w, version);
        self.processor.encode(w, version);
        w.put_no_tagged();
    }
}
