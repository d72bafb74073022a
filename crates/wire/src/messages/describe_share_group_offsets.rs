//! The messages of DescribeShareGroupOffsets (API 90).
//!
//! Written by `cargo xtask codegen` from `tables/describe_share_group_offsets.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeShareGroupOffsetsRequest`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeShareGroupOffsetsRequest {
    /// `Groups` ([]DescribeShareGroupOffsetsRequestGroup).
    pub groups: Vec<DescribeShareGroupOffsetsRequestGroup>,
}

impl Message for DescribeShareGroupOffsetsRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self { groups: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.groups, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeShareGroupOffsetsRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeShareGroupOffsetsRequestGroup {
    /// `GroupId` (string).
    pub group_id: String,
    /// `Topics` ([]DescribeShareGroupOffsetsRequestTopic, nullable).
    pub topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>>,
}

impl Default for DescribeShareGroupOffsetsRequestGroup {
    fn default() -> Self {
        Self { group_id: String::new(), topics: Some(Vec::new()) }
    }
}

impl Message for DescribeShareGroupOffsetsRequestGroup {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { group_id: r.string(true)?, topics: r.opt_structs(true, true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        w.put_opt_structs(self.topics.as_deref(), true, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeShareGroupOffsetsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeShareGroupOffsetsRequestTopic {
    /// `TopicName` (string).
    pub topic_name: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for DescribeShareGroupOffsetsRequestTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_name: r.string(true)?, partitions: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic_name, true);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

impl Request for DescribeShareGroupOffsetsRequest {
    const KEY: ApiKey = ApiKey::DescribeShareGroupOffsets;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = DescribeShareGroupOffsetsResponse;
}

/// `DescribeShareGroupOffsetsResponse`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeShareGroupOffsetsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Groups` ([]DescribeShareGroupOffsetsResponseGroup).
    pub groups: Vec<DescribeShareGroupOffsetsResponseGroup>,
}

impl Message for DescribeShareGroupOffsetsResponse {
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

/// A part of [`DescribeShareGroupOffsetsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeShareGroupOffsetsResponseGroup {
    /// `GroupId` (string).
    pub group_id: String,
    /// `Topics` ([]DescribeShareGroupOffsetsResponseTopic).
    pub topics: Vec<DescribeShareGroupOffsetsResponseTopic>,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
}

impl Message for DescribeShareGroupOffsetsResponseGroup {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            group_id: r.string(true)?,
            topics: r.structs(true, version)?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        w.put_structs(&self.topics, true, version);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeShareGroupOffsetsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeShareGroupOffsetsResponseTopic {
    /// `TopicName` (string).
    pub topic_name: String,
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]DescribeShareGroupOffsetsResponsePartition).
    pub partitions: Vec<DescribeShareGroupOffsetsResponsePartition>,
}

impl Message for DescribeShareGroupOffsetsResponseTopic {
    const MIN_SIZE: usize = 19;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this =
            Self { topic_name: r.string(true)?, topic_id: r.uuid()?, partitions: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.topic_name, true);
        w.put_uuid(self.topic_id);
        w.put_structs(&self.partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeShareGroupOffsetsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeShareGroupOffsetsResponsePartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `StartOffset` (int64).
    pub start_offset: i64,
    /// `LeaderEpoch` (int32).
    pub leader_epoch: i32,
    /// `Lag` (int64, versions 1+, default -1).
    pub lag: i64,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
}

impl Default for DescribeShareGroupOffsetsResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            start_offset: 0,
            leader_epoch: 0,
            lag: -1,
            error_code: 0,
            error_message: None,
        }
    }
}

impl Message for DescribeShareGroupOffsetsResponsePartition {
    const MIN_SIZE: usize = 20;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            partition_index: r.i32()?,
            start_offset: r.i64()?,
            leader_epoch: r.i32()?,
            lag: if version >= 1 { r.i64()? } else { -1 },
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.partition_index);
        w.put_i64(self.start_offset);
        w.put_i32(self.leader_epoch);
        if version >= 1 {
            w.put_i64(self.lag);
        }
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_no_tagged();
    }
}
