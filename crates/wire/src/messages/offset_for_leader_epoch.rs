//! The messages of OffsetForLeaderEpoch (API 23).
//!
//! Written by `cargo xtask codegen` from `tables/offset_for_leader_epoch.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `OffsetForLeaderEpochRequest`, versions 2 to 4.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetForLeaderEpochRequest {
    /// `ReplicaId` (int32, versions 3+, default -2).
    pub replica_id: i32,
    /// `Topics` ([]OffsetForLeaderTopic).
    pub topics: Vec<OffsetForLeaderTopic>,
}

impl Default for OffsetForLeaderEpochRequest {
    fn default() -> Self {
        Self { replica_id: -2, topics: Vec::new() }
    }
}

impl Message for OffsetForLeaderEpochRequest {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 2..=4)?;
        let flex = version >= 4;
        let this =
            Self { replica_id: if version >= 3 { r.i32()? } else { -2 }, topics: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        if version >= 3 {
            w.put_i32(self.replica_id);
        }
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetForLeaderEpochRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetForLeaderTopic {
    /// `Topic` (string).
    pub topic: String,
    /// `Partitions` ([]OffsetForLeaderPartition).
    pub partitions: Vec<OffsetForLeaderPartition>,
}

impl Message for OffsetForLeaderTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self { topic: r.string(flex)?, partitions: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.topic, flex);
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetForLeaderEpochRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetForLeaderPartition {
    /// `Partition` (int32).
    pub partition: i32,
    /// `CurrentLeaderEpoch` (int32, default -1).
    pub current_leader_epoch: i32,
    /// `LeaderEpoch` (int32).
    pub leader_epoch: i32,
}

impl Default for OffsetForLeaderPartition {
    fn default() -> Self {
        Self { partition: 0, current_leader_epoch: -1, leader_epoch: 0 }
    }
}

impl Message for OffsetForLeaderPartition {
    const MIN_SIZE: usize = 12;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self { partition: r.i32()?, current_leader_epoch: r.i32()?, leader_epoch: r.i32()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_i32(self.partition);
        w.put_i32(self.current_leader_epoch);
        w.put_i32(self.leader_epoch);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for OffsetForLeaderEpochRequest {
    const KEY: ApiKey = ApiKey::OffsetForLeaderEpoch;
    const VERSIONS: std::ops::RangeInclusive<i16> = 2..=4;
    const FIRST_FLEXIBLE: i16 = 4;
    type Response = OffsetForLeaderEpochResponse;
}

/// `OffsetForLeaderEpochResponse`, versions 2 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetForLeaderEpochResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Topics` ([]OffsetForLeaderTopicResult).
    pub topics: Vec<OffsetForLeaderTopicResult>,
}

impl Message for OffsetForLeaderEpochResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 2..=4)?;
        let flex = version >= 4;
        let this = Self { throttle_time_ms: r.i32()?, topics: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetForLeaderEpochResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetForLeaderTopicResult {
    /// `Topic` (string).
    pub topic: String,
    /// `Partitions` ([]EpochEndOffset).
    pub partitions: Vec<EpochEndOffset>,
}

impl Message for OffsetForLeaderTopicResult {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self { topic: r.string(flex)?, partitions: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.topic, flex);
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetForLeaderEpochResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct EpochEndOffset {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `Partition` (int32).
    pub partition: i32,
    /// `LeaderEpoch` (int32, default -1).
    pub leader_epoch: i32,
    /// `EndOffset` (int64, default -1).
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { error_code: 0, partition: 0, leader_epoch: -1, end_offset: -1 }
    }
}

impl Message for EpochEndOffset {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this =
            Self { error_code: r.i16()?, partition: r.i32()?, leader_epoch: r.i32()?, end_offset: r.i64()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_i16(self.error_code);
        w.put_i32(self.partition);
        w.put_i32(self.leader_epoch);
        w.put_i64(self.end_offset);
        if flex {
            w.put_no_tagged();
        }
    }
}
