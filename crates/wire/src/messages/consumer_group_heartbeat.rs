//! The messages of ConsumerGroupHeartbeat (API 68).
//!
//! Written by `cargo xtask codegen` from `tables/consumer_group_heartbeat.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ConsumerGroupHeartbeatRequest`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerGroupHeartbeatRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `MemberId` (string).
    pub member_id: String,
    /// `MemberEpoch` (int32).
    pub member_epoch: i32,
    /// `InstanceId` (string, nullable, default null).
    pub instance_id: Option<String>,
    /// `RackId` (string, nullable, default null).
    pub rack_id: Option<String>,
    /// `RebalanceTimeoutMs` (int32, default -1).
    pub rebalance_timeout_ms: i32,
    /// `SubscribedTopicNames` ([]string, nullable, default null).
    pub subscribed_topic_names: Option<Vec<String>>,
    /// `SubscribedTopicRegex` (string, versions 1+, nullable, default null).
    pub subscribed_topic_regex: Option<String>,
    /// `ServerAssignor` (string, nullable, default null).
    pub server_assignor: Option<String>,
    /// `TopicPartitions` ([]ConsumerGroupHeartbeatRequestTopicPartitions, nullable, default null).
    pub topic_partitions: Option<Vec<ConsumerGroupHeartbeatRequestTopicPartitions>>,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: String::new(),
            member_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            subscribed_topic_names: None,
            subscribed_topic_regex: None,
            server_assignor: None,
            topic_partitions: None,
        }
    }
}

impl Message for ConsumerGroupHeartbeatRequest {
    const MIN_SIZE: usize = 16;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self {
            group_id: r.string(true)?,
            member_id: r.string(true)?,
            member_epoch: r.i32()?,
            instance_id: r.opt_string(true, true)?,
            rack_id: r.opt_string(true, true)?,
            rebalance_timeout_ms: r.i32()?,
            subscribed_topic_names: r.opt_strings(true, true)?,
            subscribed_topic_regex: if version >= 1 { r.opt_string(true, true)? } else { None },
            server_assignor: r.opt_string(true, true)?,
            topic_partitions: r.opt_structs(true, true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        w.put_string(&self.member_id, true);
        w.put_i32(self.member_epoch);
        w.put_opt_string(self.instance_id.as_deref(), true, true);
        w.put_opt_string(self.rack_id.as_deref(), true, true);
        w.put_i32(self.rebalance_timeout_ms);
        w.put_opt_strings(self.subscribed_topic_names.as_deref(), true, true);
        if version >= 1 {
            w.put_opt_string(self.subscribed_topic_regex.as_deref(), true, true);
        }
        w.put_opt_string(self.server_assignor.as_deref(), true, true);
        w.put_opt_structs(self.topic_partitions.as_deref(), true, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ConsumerGroupHeartbeatRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupHeartbeatRequestTopicPartitions {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for ConsumerGroupHeartbeatRequestTopicPartitions {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_id: r.uuid()?, partitions: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_uuid(self.topic_id);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

impl Request for ConsumerGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::ConsumerGroupHeartbeat;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = ConsumerGroupHeartbeatResponse;
}

/// `ConsumerGroupHeartbeatResponse`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupHeartbeatResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `MemberId` (string, nullable, default null).
    pub member_id: Option<String>,
    /// `MemberEpoch` (int32).
    pub member_epoch: i32,
    /// `HeartbeatIntervalMs` (int32).
    pub heartbeat_interval_ms: i32,
    /// `Assignment` (Assignment, nullable, default null).
    pub assignment: Option<Assignment>,
}

impl Message for ConsumerGroupHeartbeatResponse {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            member_id: r.opt_string(true, true)?,
            member_epoch: r.i32()?,
            heartbeat_interval_ms: r.i32()?,
            assignment: r.opt_struct(version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_opt_string(self.member_id.as_deref(), true, true);
        w.put_i32(self.member_epoch);
        w.put_i32(self.heartbeat_interval_ms);
        w.put_opt_struct(self.assignment.as_ref(), version);
        w.put_no_tagged();
    }
}

/// A part of [`ConsumerGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    /// `TopicPartitions` ([]ConsumerGroupHeartbeatResponseTopicPartitions).
    pub topic_partitions: Vec<ConsumerGroupHeartbeatResponseTopicPartitions>,
}

impl Message for Assignment {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_partitions: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.topic_partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ConsumerGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupHeartbeatResponseTopicPartitions {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for ConsumerGroupHeartbeatResponseTopicPartitions {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_id: r.uuid()?, partitions: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_uuid(self.topic_id);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}
