//! The messages of OffsetCommit (API 8).
//!
//! Written by `cargo xtask codegen` from `tables/offset_commit.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `OffsetCommitRequest`, versions 2 to 10.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `GenerationIdOrMemberEpoch` (int32, default -1).
    pub generation_id_or_member_epoch: i32,
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 7+, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `RetentionTimeMs` (int64, versions 2-4, default -1).
    pub retention_time_ms: i64,
    /// `Topics` ([]OffsetCommitRequestTopic).
    pub topics: Vec<OffsetCommitRequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Vec::new(),
        }
    }
}

impl Message for OffsetCommitRequest {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 2..=10)?;
        let flex = version >= 8;
        let this = Self {
            group_id: r.string(flex)?,
            generation_id_or_member_epoch: r.i32()?,
            member_id: r.string(flex)?,
            group_instance_id: if version >= 7 { r.opt_string(flex, true)? } else { None },
            retention_time_ms: if version <= 4 { r.i64()? } else { -1 },
            topics: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 8;
        w.put_string(&self.group_id, flex);
        w.put_i32(self.generation_id_or_member_epoch);
        w.put_string(&self.member_id, flex);
        if version >= 7 {
            w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        }
        if version <= 4 {
            w.put_i64(self.retention_time_ms);
        }
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetCommitRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitRequestTopic {
    /// `Name` (string, versions 2-9).
    pub name: String,
    /// `TopicId` (uuid, versions 10+).
    pub topic_id: Uuid,
    /// `Partitions` ([]OffsetCommitRequestPartition).
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

impl Message for OffsetCommitRequestTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 8;
        let this = Self {
            name: if version <= 9 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 10 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 8;
        if version <= 9 {
            w.put_string(&self.name, flex);
        }
        if version >= 10 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetCommitRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitRequestPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `CommittedOffset` (int64).
    pub committed_offset: i64,
    /// `CommittedLeaderEpoch` (int32, versions 6+, default -1).
    pub committed_leader_epoch: i32,
    /// `CommittedMetadata` (string, nullable).
    pub committed_metadata: Option<String>,
}

impl Default for OffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: Some(String::new()),
        }
    }
}

impl Message for OffsetCommitRequestPartition {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 8;
        let this = Self {
            partition_index: r.i32()?,
            committed_offset: r.i64()?,
            committed_leader_epoch: if version >= 6 { r.i32()? } else { -1 },
            committed_metadata: r.opt_string(flex, true)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 8;
        w.put_i32(self.partition_index);
        w.put_i64(self.committed_offset);
        if version >= 6 {
            w.put_i32(self.committed_leader_epoch);
        }
        w.put_opt_string(self.committed_metadata.as_deref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for OffsetCommitRequest {
    const KEY: ApiKey = ApiKey::OffsetCommit;
    const VERSIONS: std::ops::RangeInclusive<i16> = 2..=10;
    const FIRST_FLEXIBLE: i16 = 8;
    type Response = OffsetCommitResponse;
}

/// `OffsetCommitResponse`, versions 2 to 10.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitResponse {
    /// `ThrottleTimeMs` (int32, versions 3+).
    pub throttle_time_ms: i32,
    /// `Topics` ([]OffsetCommitResponseTopic).
    pub topics: Vec<OffsetCommitResponseTopic>,
}

impl Message for OffsetCommitResponse {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 2..=10)?;
        let flex = version >= 8;
        let this = Self {
            throttle_time_ms: if version >= 3 { r.i32()? } else { 0 },
            topics: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 8;
        if version >= 3 {
            w.put_i32(self.throttle_time_ms);
        }
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetCommitResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitResponseTopic {
    /// `Name` (string, versions 2-9).
    pub name: String,
    /// `TopicId` (uuid, versions 10+).
    pub topic_id: Uuid,
    /// `Partitions` ([]OffsetCommitResponsePartition).
    pub partitions: Vec<OffsetCommitResponsePartition>,
}

impl Message for OffsetCommitResponseTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 8;
        let this = Self {
            name: if version <= 9 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 10 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 8;
        if version <= 9 {
            w.put_string(&self.name, flex);
        }
        if version >= 10 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetCommitResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitResponsePartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for OffsetCommitResponsePartition {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 8;
        let this = Self { partition_index: r.i32()?, error_code: r.i16()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 8;
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}
