//! The messages of DescribeTopicPartitions (API 75).
//!
//! Written by `cargo xtask codegen` from `tables/describe_topic_partitions.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeTopicPartitionsRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsRequest {
    /// `Topics` ([]TopicRequest).
    pub topics: Vec<TopicRequest>,
    /// `ResponsePartitionLimit` (int32, default 2000).
    pub response_partition_limit: i32,
    /// `Cursor` (DescribeTopicPartitionsRequestCursor, nullable, default null).
    pub cursor: Option<DescribeTopicPartitionsRequestCursor>,
}

impl Default for DescribeTopicPartitionsRequest {
    fn default() -> Self {
        Self { topics: Vec::new(), response_partition_limit: 2_000, cursor: None }
    }
}

impl Message for DescribeTopicPartitionsRequest {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self {
            topics: r.structs(true, version)?,
            response_partition_limit: r.i32()?,
            cursor: r.opt_struct(version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.topics, true, version);
        w.put_i32(self.response_partition_limit);
        w.put_opt_struct(self.cursor.as_ref(), version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeTopicPartitionsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicRequest {
    /// `Name` (string).
    pub name: String,
}

impl Message for TopicRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { name: r.string(true)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.name, true);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeTopicPartitionsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTopicPartitionsRequestCursor {
    /// `TopicName` (string).
    pub topic_name: String,
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
}

impl Message for DescribeTopicPartitionsRequestCursor {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_name: r.string(true)?, partition_index: r.i32()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic_name, true);
        w.put_i32(self.partition_index);
        w.put_no_tagged();
    }
}

impl Request for DescribeTopicPartitionsRequest {
    const KEY: ApiKey = ApiKey::DescribeTopicPartitions;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = DescribeTopicPartitionsResponse;
}

/// `DescribeTopicPartitionsResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTopicPartitionsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Topics` ([]DescribeTopicPartitionsResponseTopic).
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    /// `NextCursor` (DescribeTopicPartitionsResponseCursor, nullable, default null).
    pub next_cursor: Option<DescribeTopicPartitionsResponseCursor>,
}

impl Message for DescribeTopicPartitionsResponse {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            topics: r.structs(true, version)?,
            next_cursor: r.opt_struct(version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.topics, true, version);
        w.put_opt_struct(self.next_cursor.as_ref(), version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeTopicPartitionsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsResponseTopic {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `Name` (string, nullable).
    pub name: Option<String>,
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `IsInternal` (bool).
    pub is_internal: bool,
    /// `Partitions` ([]DescribeTopicPartitionsResponsePartition).
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    /// `TopicAuthorizedOperations` (int32, default -2147483648).
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopic {
    fn default() -> Self {
        Self {
            error_code: 0,
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl Message for DescribeTopicPartitionsResponseTopic {
    const MIN_SIZE: usize = 26;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            error_code: r.i16()?,
            name: r.opt_string(true, true)?,
            topic_id: r.uuid()?,
            is_internal: r.bool()?,
            partitions: r.structs(true, version)?,
            topic_authorized_operations: r.i32()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i16(self.error_code);
        w.put_opt_string(self.name.as_deref(), true, true);
        w.put_uuid(self.topic_id);
        w.put_bool(self.is_internal);
        w.put_structs(&self.partitions, true, version);
        w.put_i32(self.topic_authorized_operations);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeTopicPartitionsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsResponsePartition {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `LeaderId` (int32).
    pub leader_id: i32,
    /// `LeaderEpoch` (int32, default -1).
    pub leader_epoch: i32,
    /// `ReplicaNodes` ([]int32).
    pub replica_nodes: Vec<i32>,
    /// `IsrNodes` ([]int32).
    pub isr_nodes: Vec<i32>,
    /// `EligibleLeaderReplicas` ([]int32, nullable, default null).
    pub eligible_leader_replicas: Option<Vec<i32>>,
    /// `LastKnownElr` ([]int32, nullable, default null).
    pub last_known_elr: Option<Vec<i32>>,
    /// `OfflineReplicas` ([]int32).
    pub offline_replicas: Vec<i32>,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
            offline_replicas: Vec::new(),
        }
    }
}

impl Message for DescribeTopicPartitionsResponsePartition {
    const MIN_SIZE: usize = 20;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            error_code: r.i16()?,
            partition_index: r.i32()?,
            leader_id: r.i32()?,
            leader_epoch: r.i32()?,
            replica_nodes: r.array(true, 4, Reader::i32)?,
            isr_nodes: r.array(true, 4, Reader::i32)?,
            eligible_leader_replicas: r.opt_array(true, true, 4, Reader::i32)?,
            last_known_elr: r.opt_array(true, true, 4, Reader::i32)?,
            offline_replicas: r.array(true, 4, Reader::i32)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i16(self.error_code);
        w.put_i32(self.partition_index);
        w.put_i32(self.leader_id);
        w.put_i32(self.leader_epoch);
        w.put_array(&self.replica_nodes, true, Writer::put_i32);
        w.put_array(&self.isr_nodes, true, Writer::put_i32);
        w.put_opt_array(self.eligible_leader_replicas.as_deref(), true, true, Writer::put_i32);
        w.put_opt_array(self.last_known_elr.as_deref(), true, true, Writer::put_i32);
        w.put_array(&self.offline_replicas, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeTopicPartitionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTopicPartitionsResponseCursor {
    /// `TopicName` (string).
    pub topic_name: String,
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
}

impl Message for DescribeTopicPartitionsResponseCursor {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_name: r.string(true)?, partition_index: r.i32()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic_name, true);
        w.put_i32(self.partition_index);
        w.put_no_tagged();
    }
}
