//! The messages of AlterShareGroupOffsets (API 91).
//!
//! Written by `cargo xtask codegen` from `tables/alter_share_group_offsets.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `AlterShareGroupOffsetsRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterShareGroupOffsetsRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `Topics` ([]AlterShareGroupOffsetsRequestTopic).
    pub topics: Vec<AlterShareGroupOffsetsRequestTopic>,
}

impl Message for AlterShareGroupOffsetsRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { group_id: r.string(true)?, topics: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`AlterShareGroupOffsetsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterShareGroupOffsetsRequestTopic {
    /// `TopicName` (string).
    pub topic_name: String,
    /// `Partitions` ([]AlterShareGroupOffsetsRequestPartition).
    pub partitions: Vec<AlterShareGroupOffsetsRequestPartition>,
}

impl Message for AlterShareGroupOffsetsRequestTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_name: r.string(true)?, partitions: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.topic_name, true);
        w.put_structs(&self.partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`AlterShareGroupOffsetsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterShareGroupOffsetsRequestPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `StartOffset` (int64).
    pub start_offset: i64,
}

impl Message for AlterShareGroupOffsetsRequestPartition {
    const MIN_SIZE: usize = 13;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { partition_index: r.i32()?, start_offset: r.i64()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.partition_index);
        w.put_i64(self.start_offset);
        w.put_no_tagged();
    }
}

impl Request for AlterShareGroupOffsetsRequest {
    const KEY: ApiKey = ApiKey::AlterShareGroupOffsets;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = AlterShareGroupOffsetsResponse;
}

/// `AlterShareGroupOffsetsResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterShareGroupOffsetsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `Responses` ([]AlterShareGroupOffsetsResponseTopic).
    pub responses: Vec<AlterShareGroupOffsetsResponseTopic>,
}

impl Message for AlterShareGroupOffsetsResponse {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            responses: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_structs(&self.responses, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`AlterShareGroupOffsetsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterShareGroupOffsetsResponseTopic {
    /// `TopicName` (string).
    pub topic_name: String,
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]AlterShareGroupOffsetsResponsePartition).
    pub partitions: Vec<AlterShareGroupOffsetsResponsePartition>,
}

impl Message for AlterShareGroupOffsetsResponseTopic {
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

/// A part of [`AlterShareGroupOffsetsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterShareGroupOffsetsResponsePartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
}

impl Message for AlterShareGroupOffsetsResponsePartition {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            partition_index: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_no_tagged();
    }
}
