//! The messages of StreamsGroupHeartbeat (API 88).
//!
//! Written by `cargo xtask codegen` from `tables/streams_group_heartbeat.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `StreamsGroupHeartbeatRequest`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamsGroupHeartbeatRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `MemberId` (string).
    pub member_id: String,
    /// `MemberEpoch` (int32).
    pub member_epoch: i32,
    /// `EndpointInformationEpoch` (int32).
    pub endpoint_information_epoch: i32,
    /// `InstanceId` (string, nullable, default null).
    pub instance_id: Option<String>,
    /// `RackId` (string, nullable, default null).
    pub rack_id: Option<String>,
    /// `RebalanceTimeoutMs` (int32, default -1).
    pub rebalance_timeout_ms: i32,
    /// `Topology` (Topology, nullable, default null).
    pub topology: Option<Topology>,
    /// `ActiveTasks` ([]StreamsGroupHeartbeatRequestTaskIds, nullable, default null).
    pub active_tasks: Option<Vec<StreamsGroupHeartbeatRequestTaskIds>>,
    /// `StandbyTasks` ([]StreamsGroupHeartbeatRequestTaskIds, nullable, default null).
    pub standby_tasks: Option<Vec<StreamsGroupHeartbeatRequestTaskIds>>,
    /// `WarmupTasks` ([]StreamsGroupHeartbeatRequestTaskIds, nullable, default null).
    pub warmup_tasks: Option<Vec<StreamsGroupHeartbeatRequestTaskIds>>,
    /// `ProcessId` (string, nullable, default null).
    pub process_id: Option<String>,
    /// `UserEndpoint` (StreamsGroupHeartbeatRequestEndpoint, nullable, default null).
    pub user_endpoint: Option<StreamsGroupHeartbeatRequestEndpoint>,
    /// `ClientTags` ([]KeyValue, nullable, default null).
    pub client_tags: Option<Vec<KeyValue>>,
    /// `TaskOffsets` ([]TaskOffset, nullable, default null).
    pub task_offsets: Option<Vec<TaskOffset>>,
    /// `TaskEndOffsets` ([]TaskOffset, nullable, default null).
    pub task_end_offsets: Option<Vec<TaskOffset>>,
    /// `ShutdownApplication` (bool).
    pub shutdown_application: bool,
}

impl Default for StreamsGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: String::new(),
            member_epoch: 0,
            endpoint_information_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            topology: None,
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            process_id: None,
            user_endpoint: None,
            client_tags: None,
            task_offsets: None,
            task_end_offsets: None,
            shutdown_application: false,
        }
    }
}

impl Message for StreamsGroupHeartbeatRequest {
    const MIN_SIZE: usize = 27;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self {
            group_id: r.string(true)?,
            member_id: r.string(true)?,
            member_epoch: r.i32()?,
            endpoint_information_epoch: r.i32()?,
            instance_id: r.opt_string(true, true)?,
            rack_id: r.opt_string(true, true)?,
            rebalance_timeout_ms: r.i32()?,
            topology: r.opt_struct(version)?,
            active_tasks: r.opt_structs(true, true, version)?,
            standby_tasks: r.opt_structs(true, true, version)?,
            warmup_tasks: r.opt_structs(true, true, version)?,
            process_id: r.opt_string(true, true)?,
            user_endpoint: r.opt_struct(version)?,
            client_tags: r.opt_structs(true, true, version)?,
            task_offsets: r.opt_structs(true, true, version)?,
            task_end_offsets: r.opt_structs(true, true, version)?,
            shutdown_application: r.bool()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        w.put_string(&self.member_id, true);
        w.put_i32(self.member_epoch);
        w.put_i32(self.endpoint_information_epoch);
        w.put_opt_string(self.instance_id.as_deref(), true, true);
        w.put_opt_string(self.rack_id.as_deref(), true, true);
        w.put_i32(self.rebalance_timeout_ms);
        w.put_opt_struct(self.topology.as_ref(), version);
        w.put_opt_structs(self.active_tasks.as_deref(), true, true, version);
        w.put_opt_structs(self.standby_tasks.as_deref(), true, true, version);
        w.put_opt_structs(self.warmup_tasks.as_deref(), true, true, version);
        w.put_opt_string(self.process_id.as_deref(), true, true);
        w.put_opt_struct(self.user_endpoint.as_ref(), version);
        w.put_opt_structs(self.client_tags.as_deref(), true, true, version);
        w.put_opt_structs(self.task_offsets.as_deref(), true, true, version);
        w.put_opt_structs(self.task_end_offsets.as_deref(), true, true, version);
        w.put_bool(self.shutdown_application);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Topology {
    /// `Epoch` (int32).
    pub epoch: i32,
    /// `Subtopologies` ([]Subtopology).
    pub subtopologies: Vec<Subtopology>,
}

impl Message for Topology {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { epoch: r.i32()?, subtopologies: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.epoch);
        w.put_structs(&self.subtopologies, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subtopology {
    /// `SubtopologyId` (string).
    pub subtopology_id: String,
    /// `SourceTopics` ([]string).
    pub source_topics: Vec<String>,
    /// `SourceTopicRegex` ([]string).
    pub source_topic_regex: Vec<String>,
    /// `StateChangelogTopics` ([]TopicInfo).
    pub state_changelog_topics: Vec<TopicInfo>,
    /// `RepartitionSinkTopics` ([]string).
    pub repartition_sink_topics: Vec<String>,
    /// `RepartitionSourceTopics` ([]TopicInfo).
    pub repartition_source_topics: Vec<TopicInfo>,
    /// `CopartitionGroups` ([]CopartitionGroup).
    pub copartition_groups: Vec<CopartitionGroup>,
}

impl Message for Subtopology {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            subtopology_id: r.string(true)?,
            source_topics: r.strings(true)?,
            source_topic_regex: r.strings(true)?,
            state_changelog_topics: r.structs(true, version)?,
            repartition_sink_topics: r.strings(true)?,
            repartition_source_topics: r.structs(true, version)?,
            copartition_groups: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.subtopology_id, true);
        w.put_strings(&self.source_topics, true);
        w.put_strings(&self.source_topic_regex, true);
        w.put_structs(&self.state_changelog_topics, true, version);
        w.put_strings(&self.repartition_sink_topics, true);
        w.put_structs(&self.repartition_source_topics, true, version);
        w.put_structs(&self.copartition_groups, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CopartitionGroup {
    /// `SourceTopics` ([]int16).
    pub source_topics: Vec<i16>,
    /// `SourceTopicRegex` ([]int16).
    pub source_topic_regex: Vec<i16>,
    /// `RepartitionSourceTopics` ([]int16).
    pub repartition_source_topics: Vec<i16>,
}

impl Message for CopartitionGroup {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            source_topics: r.array(true, 2, Reader::i16)?,
            source_topic_regex: r.array(true, 2, Reader::i16)?,
            repartition_source_topics: r.array(true, 2, Reader::i16)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_array(&self.source_topics, true, Writer::put_i16);
        w.put_array(&self.source_topic_regex, true, Writer::put_i16);
        w.put_array(&self.repartition_source_topics, true, Writer::put_i16);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatRequest`].
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

/// A part of [`StreamsGroupHeartbeatRequest`].
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

/// A part of [`StreamsGroupHeartbeatRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupHeartbeatRequestEndpoint {
    /// `Host` (string).
    pub host: String,
    /// `Port` (uint16).
    pub port: u16,
}

impl Message for StreamsGroupHeartbeatRequestEndpoint {
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

/// A part of [`StreamsGroupHeartbeatRequest`].
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

/// A part of [`StreamsGroupHeartbeatRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupHeartbeatRequestTaskIds {
    /// `SubtopologyId` (string).
    pub subtopology_id: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for StreamsGroupHeartbeatRequestTaskIds {
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

impl Request for StreamsGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::StreamsGroupHeartbeat;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = StreamsGroupHeartbeatResponse;
}

/// `StreamsGroupHeartbeatResponse`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamsGroupHeartbeatResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `MemberId` (string).
    pub member_id: String,
    /// `MemberEpoch` (int32).
    pub member_epoch: i32,
    /// `HeartbeatIntervalMs` (int32).
    pub heartbeat_interval_ms: i32,
    /// `AcceptableRecoveryLagLegacy` (int32, version 0).
    pub acceptable_recovery_lag_legacy: i32,
    /// `TaskOffsetIntervalMs` (int32).
    pub task_offset_interval_ms: i32,
    /// `AcceptableRecoveryLag` (int64, versions 1+, default -1).
    pub acceptable_recovery_lag: i64,
    /// `Status` ([]Status, nullable).
    pub status: Option<Vec<Status>>,
    /// `ActiveTasks` ([]StreamsGroupHeartbeatResponseTaskIds, nullable, default null).
    pub active_tasks: Option<Vec<StreamsGroupHeartbeatResponseTaskIds>>,
    /// `StandbyTasks` ([]StreamsGroupHeartbeatResponseTaskIds, nullable, default null).
    pub standby_tasks: Option<Vec<StreamsGroupHeartbeatResponseTaskIds>>,
    /// `WarmupTasks` ([]StreamsGroupHeartbeatResponseTaskIds, nullable, default null).
    pub warmup_tasks: Option<Vec<StreamsGroupHeartbeatResponseTaskIds>>,
    /// `TopologyDescriptionRequired` (bool, versions 1+).
    pub topology_description_required: bool,
    /// `EndpointInformationEpoch` (int32).
    pub endpoint_information_epoch: i32,
    /// `PartitionsByUserEndpoint` ([]EndpointToPartitions, nullable, default null).
    pub partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>,
}

impl Default for StreamsGroupHeartbeatResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            member_id: String::new(),
            member_epoch: 0,
            heartbeat_interval_ms: 0,
            acceptable_recovery_lag_legacy: 0,
            task_offset_interval_ms: 0,
            acceptable_recovery_lag: -1,
            status: Some(Vec::new()),
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            topology_description_required: false,
            endpoint_information_epoch: 0,
            partitions_by_user_endpoint: None,
        }
    }
}

impl Message for StreamsGroupHeartbeatResponse {
    const MIN_SIZE: usize = 34;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            member_id: r.string(true)?,
            member_epoch: r.i32()?,
            heartbeat_interval_ms: r.i32()?,
            acceptable_recovery_lag_legacy: if version == 0 { r.i32()? } else { 0 },
            task_offset_interval_ms: r.i32()?,
            acceptable_recovery_lag: if version >= 1 { r.i64()? } else { -1 },
            status: r.opt_structs(true, true, version)?,
            active_tasks: r.opt_structs(true, true, version)?,
            standby_tasks: r.opt_structs(true, true, version)?,
            warmup_tasks: r.opt_structs(true, true, version)?,
            topology_description_required: if version >= 1 { r.bool()? } else { false },
            endpoint_information_epoch: r.i32()?,
            partitions_by_user_endpoint: r.opt_structs(true, true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_string(&self.member_id, true);
        w.put_i32(self.member_epoch);
        w.put_i32(self.heartbeat_interval_ms);
        if version == 0 {
            w.put_i32(self.acceptable_recovery_lag_legacy);
        }
        w.put_i32(self.task_offset_interval_ms);
        if version >= 1 {
            w.put_i64(self.acceptable_recovery_lag);
        }
        w.put_opt_structs(self.status.as_deref(), true, true, version);
        w.put_opt_structs(self.active_tasks.as_deref(), true, true, version);
        w.put_opt_structs(self.standby_tasks.as_deref(), true, true, version);
        w.put_opt_structs(self.warmup_tasks.as_deref(), true, true, version);
        if version >= 1 {
            w.put_bool(self.topology_description_required);
        }
        w.put_i32(self.endpoint_information_epoch);
        w.put_opt_structs(self.partitions_by_user_endpoint.as_deref(), true, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EndpointToPartitions {
    /// `UserEndpoint` (StreamsGroupHeartbeatResponseEndpoint).
    pub user_endpoint: StreamsGroupHeartbeatResponseEndpoint,
    /// `ActivePartitions` ([]TopicPartition).
    pub active_partitions: Vec<TopicPartition>,
    /// `StandbyPartitions` ([]TopicPartition).
    pub standby_partitions: Vec<TopicPartition>,
}

impl Message for EndpointToPartitions {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            user_endpoint: StreamsGroupHeartbeatResponseEndpoint::decode(r, version)?,
            active_partitions: r.structs(true, version)?,
            standby_partitions: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        self.user_endpoint.encode(w, version);
        w.put_structs(&self.active_partitions, true, version);
        w.put_structs(&self.standby_partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status {
    /// `StatusCode` (int8).
    pub status_code: i8,
    /// `StatusDetail` (string).
    pub status_detail: String,
}

impl Message for Status {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { status_code: r.i8()?, status_detail: r.string(true)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i8(self.status_code);
        w.put_string(&self.status_detail, true);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartition {
    /// `Topic` (string).
    pub topic: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for TopicPartition {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic: r.string(true)?, partitions: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic, true);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

/// A part of [`StreamsGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupHeartbeatResponseTaskIds {
    /// `SubtopologyId` (string).
    pub subtopology_id: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for StreamsGroupHeartbeatResponseTaskIds {
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

/// A part of [`StreamsGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupHeartbeatResponseEndpoint {
    /// `Host` (string).
    pub host: String,
    /// `Port` (uint16).
    pub port: u16,
}

impl Message for StreamsGroupHeartbeatResponseEndpoint {
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
