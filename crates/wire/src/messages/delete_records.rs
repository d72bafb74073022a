//! The messages of DeleteRecords (API 21).
//!
//! Written by `cargo xtask codegen` from `tables/delete_records.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DeleteRecordsRequest`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteRecordsRequest {
    /// `Topics` ([]DeleteRecordsTopic).
    pub topics: Vec<DeleteRecordsTopic>,
    /// `TimeoutMs` (int32).
    pub timeout_ms: i32,
}

impl Message for DeleteRecordsRequest {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let flex = version >= 2;
        let this = Self { topics: r.structs(flex, version)?, timeout_ms: r.i32()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_structs(&self.topics, flex, version);
        w.put_i32(self.timeout_ms);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DeleteRecordsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteRecordsTopic {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]DeleteRecordsPartition).
    pub partitions: Vec<DeleteRecordsPartition>,
}

impl Message for DeleteRecordsTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self { name: r.string(flex)?, partitions: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_string(&self.name, flex);
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DeleteRecordsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteRecordsPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `Offset` (int64).
    pub offset: i64,
}

impl Message for DeleteRecordsPartition {
    const MIN_SIZE: usize = 12;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self { partition_index: r.i32()?, offset: r.i64()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i32(self.partition_index);
        w.put_i64(self.offset);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for DeleteRecordsRequest {
    const KEY: ApiKey = ApiKey::DeleteRecords;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;
    const FIRST_FLEXIBLE: i16 = 2;
    type Response = DeleteRecordsResponse;
}

/// `DeleteRecordsResponse`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteRecordsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Topics` ([]DeleteRecordsTopicResult).
    pub topics: Vec<DeleteRecordsTopicResult>,
}

impl Message for DeleteRecordsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let flex = version >= 2;
        let this = Self { throttle_time_ms: r.i32()?, topics: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DeleteRecordsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteRecordsTopicResult {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]DeleteRecordsPartitionResult).
    pub partitions: Vec<DeleteRecordsPartitionResult>,
}

impl Message for DeleteRecordsTopicResult {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self { name: r.string(flex)?, partitions: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_string(&self.name, flex);
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DeleteRecordsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteRecordsPartitionResult {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `LowWatermark` (int64).
    pub low_watermark: i64,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for DeleteRecordsPartitionResult {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self { partition_index: r.i32()?, low_watermark: r.i64()?, error_code: r.i16()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i32(self.partition_index);
        w.put_i64(self.low_watermark);
        w.put_i16(self.error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}
