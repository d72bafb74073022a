//! The messages of ShareGroupHeartbeat (API 76).
//!
//! Written by `cargo xtask codegen` from `tables/share_group_heartbeat.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ShareGroupHeartbeatRequest`, versions 1 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupHeartbeatRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `MemberId` (string).
    pub member_id: String,
    /// `MemberEpoch` (int32).
    pub member_epoch: i32,
    /// `RackId` (string, nullable, default null).
    pub rack_id: Option<String>,
    /// `SubscribedTopicNames` ([]string, nullable, default null).
    pub subscribed_topic_names: Option<Vec<String>>,
}

impl Message for ShareGroupHeartbeatRequest {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=1)?;
        let this = Self {
            group_id: r.string(true)?,
            member_id: r.string(true)?,
            member_epoch: r.i32()?,
            rack_id: r.opt_string(true, true)?,
            subscribed_topic_names: r.opt_strings(true, true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.group_id, true);
        w.put_string(&self.member_id, true);
        w.put_i32(self.member_epoch);
        w.put_opt_string(self.rack_id.as_deref(), true, true);
        w.put_opt_strings(self.subscribed_topic_names.as_deref(), true, true);
        w.put_no_tagged();
    }
}

impl Request for ShareGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::ShareGroupHeartbeat;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=1;
    const FIRST_FLEXIBLE: i16 = 1;
    type Response = ShareGroupHeartbeatResponse;
}

/// `ShareGroupHeartbeatResponse`, versions 1 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupHeartbeatResponse {
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

impl Message for ShareGroupHeartbeatResponse {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=1)?;
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

/// A part of [`ShareGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    /// `TopicPartitions` ([]TopicPartitions).
    pub topic_partitions: Vec<TopicPartitions>,
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

/// A part of [`ShareGroupHeartbeatResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitions {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for TopicPartitions {
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
