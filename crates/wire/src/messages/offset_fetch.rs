//! The messages of OffsetFetch (API 9).
//!
//! Written by `cargo xtask codegen` from `tables/offset_fetch.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `OffsetFetchRequest`, versions 1 to 10.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchRequest {
    /// `GroupId` (string, versions 1-7).
    pub group_id: String,
    /// `Topics` ([]OffsetFetchRequestTopic, versions 1-7, nullable in versions 2-7).
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    /// `Groups` ([]OffsetFetchRequestGroup, versions 8+).
    pub groups: Vec<OffsetFetchRequestGroup>,
    /// `RequireStable` (bool, versions 7+).
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self { group_id: String::new(), topics: Some(Vec::new()), groups: Vec::new(), require_stable: false }
    }
}

impl Message for OffsetFetchRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=10)?;
        let flex = version >= 6;
        let this = Self {
            group_id: if version <= 7 { r.string(flex)? } else { String::new() },
            topics: if version <= 7 { r.opt_structs(flex, version >= 2, version)? } else { Some(Vec::new()) },
            groups: if version >= 8 { r.structs(flex, version)? } else { Vec::new() },
            require_stable: if version >= 7 { r.bool()? } else { false },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        if version <= 7 {
            w.put_string(&self.group_id, flex);
            w.put_opt_structs(self.topics.as_deref(), flex, version >= 2, version);
        }
        if version >= 8 {
            w.put_structs(&self.groups, flex, version);
        }
        if version >= 7 {
            w.put_bool(self.require_stable);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetFetchRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchRequestTopic {
    /// `Name` (string).
    pub name: String,
    /// `PartitionIndexes` ([]int32).
    pub partition_indexes: Vec<i32>,
}

impl Message for OffsetFetchRequestTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self { name: r.string(flex)?, partition_indexes: r.array(flex, 4, Reader::i32)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_string(&self.name, flex);
        w.put_array(&self.partition_indexes, flex, Writer::put_i32);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetFetchRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchRequestGroup {
    /// `GroupId` (string).
    pub group_id: String,
    /// `MemberId` (string, versions 9+, nullable, default null).
    pub member_id: Option<String>,
    /// `MemberEpoch` (int32, versions 9+, default -1).
    pub member_epoch: i32,
    /// `Topics` ([]OffsetFetchRequestTopics, nullable).
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self { group_id: String::new(), member_id: None, member_epoch: -1, topics: Some(Vec::new()) }
    }
}

impl Message for OffsetFetchRequestGroup {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            group_id: r.string(true)?,
            member_id: if version >= 9 { r.opt_string(true, true)? } else { None },
            member_epoch: if version >= 9 { r.i32()? } else { -1 },
            topics: r.opt_structs(true, true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        if version >= 9 {
            w.put_opt_string(self.member_id.as_deref(), true, true);
            w.put_i32(self.member_epoch);
        }
        w.put_opt_structs(self.topics.as_deref(), true, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`OffsetFetchRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchRequestTopics {
    /// `Name` (string, versions 8-9).
    pub name: String,
    /// `TopicId` (uuid, versions 10+).
    pub topic_id: Uuid,
    /// `PartitionIndexes` ([]int32).
    pub partition_indexes: Vec<i32>,
}

impl Message for OffsetFetchRequestTopics {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            name: if version <= 9 { r.string(true)? } else { String::new() },
            topic_id: if version >= 10 { r.uuid()? } else { Uuid::ZERO },
            partition_indexes: r.array(true, 4, Reader::i32)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 9 {
            w.put_string(&self.name, true);
        }
        if version >= 10 {
            w.put_uuid(self.topic_id);
        }
        w.put_array(&self.partition_indexes, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

impl Request for OffsetFetchRequest {
    const KEY: ApiKey = ApiKey::OffsetFetch;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=10;
    const FIRST_FLEXIBLE: i16 = 6;
    type Response = OffsetFetchResponse;
}

/// `OffsetFetchResponse`, versions 1 to 10.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchResponse {
    /// `ThrottleTimeMs` (int32, versions 3+).
    pub throttle_time_ms: i32,
    /// `Topics` ([]OffsetFetchResponseTopic, versions 1-7).
    pub topics: Vec<OffsetFetchResponseTopic>,
    /// `ErrorCode` (int16, versions 2-7).
    pub error_code: i16,
    /// `Groups` ([]OffsetFetchResponseGroup, versions 8+).
    pub groups: Vec<OffsetFetchResponseGroup>,
}

impl Message for OffsetFetchResponse {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=10)?;
        let flex = version >= 6;
        let this = Self {
            throttle_time_ms: if version >= 3 { r.i32()? } else { 0 },
            topics: if version <= 7 { r.structs(flex, version)? } else { Vec::new() },
            error_code: if (2..=7).contains(&version) { r.i16()? } else { 0 },
            groups: if version >= 8 { r.structs(flex, version)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        if version >= 3 {
            w.put_i32(self.throttle_time_ms);
        }
        if version <= 7 {
            w.put_structs(&self.topics, flex, version);
        }
        if (2..=7).contains(&version) {
            w.put_i16(self.error_code);
        }
        if version >= 8 {
            w.put_structs(&self.groups, flex, version);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetFetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchResponseTopic {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]OffsetFetchResponsePartition).
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

impl Message for OffsetFetchResponseTopic {
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

/// A part of [`OffsetFetchResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchResponsePartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `CommittedOffset` (int64).
    pub committed_offset: i64,
    /// `CommittedLeaderEpoch` (int32, versions 5-7, default -1).
    pub committed_leader_epoch: i32,
    /// `Metadata` (string, nullable).
    pub metadata: Option<String>,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: 0,
        }
    }
}

impl Message for OffsetFetchResponsePartition {
    const MIN_SIZE: usize = 16;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self {
            partition_index: r.i32()?,
            committed_offset: r.i64()?,
            committed_leader_epoch: if version >= 5 { r.i32()? } else { -1 },
            metadata: r.opt_string(flex, true)?,
            error_code: r.i16()?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_i32(self.partition_index);
        w.put_i64(self.committed_offset);
        if version >= 5 {
            w.put_i32(self.committed_leader_epoch);
        }
        w.put_opt_string(self.metadata.as_deref(), flex, true);
        w.put_i16(self.error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`OffsetFetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchResponseGroup {
    /// `GroupId` (string).
    pub group_id: String,
    /// `Topics` ([]OffsetFetchResponseTopics).
    pub topics: Vec<OffsetFetchResponseTopics>,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for OffsetFetchResponseGroup {
    const MIN_SIZE: usize = 5;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this =
            Self { group_id: r.string(true)?, topics: r.structs(true, version)?, error_code: r.i16()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        w.put_structs(&self.topics, true, version);
        w.put_i16(self.error_code);
        w.put_no_tagged();
    }
}

/// A part of [`OffsetFetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchResponseTopics {
    /// `Name` (string, versions 8-9).
    pub name: String,
    /// `TopicId` (uuid, versions 10+).
    pub topic_id: Uuid,
    /// `Partitions` ([]OffsetFetchResponsePartitions).
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl Message for OffsetFetchResponseTopics {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            name: if version <= 9 { r.string(true)? } else { String::new() },
            topic_id: if version >= 10 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version <= 9 {
            w.put_string(&self.name, true);
        }
        if version >= 10 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`OffsetFetchResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchResponsePartitions {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `CommittedOffset` (int64).
    pub committed_offset: i64,
    /// `CommittedLeaderEpoch` (int32, default -1).
    pub committed_leader_epoch: i32,
    /// `Metadata` (string, nullable).
    pub metadata: Option<String>,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: 0,
        }
    }
}

impl Message for OffsetFetchResponsePartitions {
    const MIN_SIZE: usize = 20;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            partition_index: r.i32()?,
            committed_offset: r.i64()?,
            committed_leader_epoch: r.i32()?,
            metadata: r.opt_string(true, true)?,
            error_code: r.i16()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.partition_index);
        w.put_i64(self.committed_offset);
        w.put_i32(self.committed_leader_epoch);
        w.put_opt_string(self.metadata.as_deref(), true, true);
        w.put_i16(self.error_code);
        w.put_no_tagged();
    }
}
