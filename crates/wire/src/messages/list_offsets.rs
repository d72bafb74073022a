//! The messages of ListOffsets (API 2).
//!
//! Written by `cargo xtask codegen` from `tables/list_offsets.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ListOffsetsRequest`, versions 1 to 11.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsRequest {
    /// `ReplicaId` (int32).
    pub replica_id: i32,
    /// `IsolationLevel` (int8, versions 2+).
    pub isolation_level: i8,
    /// `Topics` ([]ListOffsetsTopic).
    pub topics: Vec<ListOffsetsTopic>,
    /// `TimeoutMs` (int32, versions 10+).
    pub timeout_ms: i32,
}

impl Message for ListOffsetsRequest {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=11)?;
        let flex = version >= 6;
        let this = Self {
            replica_id: r.i32()?,
            isolation_level: if version >= 2 { r.i8()? } else { 0 },
            topics: r.structs(flex, version)?,
            timeout_ms: if version >= 10 { r.i32()? } else { 0 },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_i32(self.replica_id);
        if version >= 2 {
            w.put_i8(self.isolation_level);
        }
        w.put_structs(&self.topics, flex, version);
        if version >= 10 {
            w.put_i32(self.timeout_ms);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ListOffsetsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsTopic {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]ListOffsetsPartition).
    pub partitions: Vec<ListOffsetsPartition>,
}

impl Message for ListOffsetsTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self { name: r.string(flex)?, partitions: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_string(&self.name, flex);
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ListOffsetsRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct ListOffsetsPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `CurrentLeaderEpoch` (int32, versions 4+, default -1).
    pub current_leader_epoch: i32,
    /// `Timestamp` (int64).
    pub timestamp: i64,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        Self { partition_index: 0, current_leader_epoch: -1, timestamp: 0 }
    }
}

impl Message for ListOffsetsPartition {
    const MIN_SIZE: usize = 12;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self {
            partition_index: r.i32()?,
            current_leader_epoch: if version >= 4 { r.i32()? } else { -1 },
            timestamp: r.i64()?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_i32(self.partition_index);
        if version >= 4 {
            w.put_i32(self.current_leader_epoch);
        }
        w.put_i64(self.timestamp);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for ListOffsetsRequest {
    const KEY: ApiKey = ApiKey::ListOffsets;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=11;
    const FIRST_FLEXIBLE: i16 = 6;
    type Response = ListOffsetsResponse;
}

/// `ListOffsetsResponse`, versions 1 to 11.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsResponse {
    /// `ThrottleTimeMs` (int32, versions 2+).
    pub throttle_time_ms: i32,
    /// `Topics` ([]ListOffsetsTopicResponse).
    pub topics: Vec<ListOffsetsTopicResponse>,
}

impl Message for ListOffsetsResponse {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=11)?;
        let flex = version >= 6;
        let this = Self {
            throttle_time_ms: if version >= 2 { r.i32()? } else { 0 },
            topics: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        if version >= 2 {
            w.put_i32(self.throttle_time_ms);
        }
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ListOffsetsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsTopicResponse {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]ListOffsetsPartitionResponse).
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

impl Message for ListOffsetsTopicResponse {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self { name: r.string(flex)?, partitions: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_string(&self.name, flex);
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ListOffsetsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct ListOffsetsPartitionResponse {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `Timestamp` (int64, default -1).
    pub timestamp: i64,
    /// `Offset` (int64, default -1).
    pub offset: i64,
    /// `LeaderEpoch` (int32, versions 4+, default -1).
    pub leader_epoch: i32,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> Self {
        Self { partition_index: 0, error_code: 0, timestamp: -1, offset: -1, leader_epoch: -1 }
    }
}

impl Message for ListOffsetsPartitionResponse {
    const MIN_SIZE: usize = 22;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self {
            partition_index: r.i32()?,
            error_code: r.i16()?,
            timestamp: r.i64()?,
            offset: r.i64()?,
            leader_epoch: if version >= 4 { r.i32()? } else { -1 },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        w.put_i64(self.timestamp);
        w.put_i64(self.offset);
        if version >= 4 {
            w.put_i32(self.leader_epoch);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}
