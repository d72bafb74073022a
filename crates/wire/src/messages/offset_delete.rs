//! The messages of OffsetDelete (API 47).
//!
//! Written by `cargo xtask codegen` from `tables/offset_delete.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `OffsetDeleteRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetDeleteRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `Topics` ([]OffsetDeleteRequestTopic).
    pub topics: Vec<OffsetDeleteRequestTopic>,
}

impl Message for OffsetDeleteRequest {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        Ok(Self { group_id: r.string(false)?, topics: r.structs(false, version)? })
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, false);
        w.put_structs(&self.topics, false, version);
    }
}

/// A part of [`OffsetDeleteRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetDeleteRequestTopic {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]OffsetDeleteRequestPartition).
    pub partitions: Vec<OffsetDeleteRequestPartition>,
}

impl Message for OffsetDeleteRequestTopic {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        Ok(Self { name: r.string(false)?, partitions: r.structs(false, version)? })
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.name, false);
        w.put_structs(&self.partitions, false, version);
    }
}

/// A part of [`OffsetDeleteRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetDeleteRequestPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
}

impl Message for OffsetDeleteRequestPartition {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        Ok(Self { partition_index: r.i32()? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.partition_index);
    }
}

impl Request for OffsetDeleteRequest {
    const KEY: ApiKey = ApiKey::OffsetDelete;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = i16::MAX;
    type Response = OffsetDeleteResponse;
}

/// `OffsetDeleteResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetDeleteResponse {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Topics` ([]OffsetDeleteResponseTopic).
    pub topics: Vec<OffsetDeleteResponseTopic>,
}

impl Message for OffsetDeleteResponse {
    const MIN_SIZE: usize = 10;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        Ok(Self { error_code: r.i16()?, throttle_time_ms: r.i32()?, topics: r.structs(false, version)? })
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i16(self.error_code);
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.topics, false, version);
    }
}

/// A part of [`OffsetDeleteResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetDeleteResponseTopic {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]OffsetDeleteResponsePartition).
    pub partitions: Vec<OffsetDeleteResponsePartition>,
}

impl Message for OffsetDeleteResponseTopic {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        Ok(Self { name: r.string(false)?, partitions: r.structs(false, version)? })
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.name, false);
        w.put_structs(&self.partitions, false, version);
    }
}

/// A part of [`OffsetDeleteResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetDeleteResponsePartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for OffsetDeleteResponsePartition {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        Ok(Self { partition_index: r.i32()?, error_code: r.i16()? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
    }
}
