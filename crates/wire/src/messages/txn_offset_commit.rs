//! The messages of TxnOffsetCommit (API 28).
//!
//! Written by `cargo xtask codegen` from `tables/txn_offset_commit.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `TxnOffsetCommitRequest`, versions 0 to 6.
#[derive(Debug, Clone, PartialEq)]
pub struct TxnOffsetCommitRequest {
    /// `TransactionalId` (string).
    pub transactional_id: String,
    /// `GroupId` (string).
    pub group_id: String,
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `ProducerEpoch` (int16).
    pub producer_epoch: i16,
    /// `GenerationIdOrMemberEpoch` (int32, versions 3+, default -1).
    pub generation_id_or_member_epoch: i32,
    /// `MemberId` (string, versions 3+).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 3+, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `Topics` ([]TxnOffsetCommitRequestTopic).
    pub topics: Vec<TxnOffsetCommitRequestTopic>,
}

impl Default for TxnOffsetCommitRequest {
    fn default() -> Self {
        Self {
            transactional_id: String::new(),
            group_id: String::new(),
            producer_id: 0,
            producer_epoch: 0,
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
            topics: Vec::new(),
        }
    }
}

impl Message for TxnOffsetCommitRequest {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=6)?;
        let flex = version >= 3;
        let this = Self {
            transactional_id: r.string(flex)?,
            group_id: r.string(flex)?,
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            generation_id_or_member_epoch: if version >= 3 { r.i32()? } else { -1 },
            member_id: if version >= 3 { r.string(flex)? } else { String::new() },
            group_instance_id: if version >= 3 { r.opt_string(flex, true)? } else { None },
            topics: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_string(&self.transactional_id, flex);
        w.put_string(&self.group_id, flex);
        w.put_i64(self.producer_id);
        w.put_i16(self.producer_epoch);
        if version >= 3 {
            w.put_i32(self.generation_id_or_member_epoch);
            w.put_string(&self.member_id, flex);
            w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        }
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`TxnOffsetCommitRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TxnOffsetCommitRequestTopic {
    /// `Name` (string, versions 0-5).
    pub name: String,
    /// `TopicId` (uuid, versions 6+).
    pub topic_id: Uuid,
    /// `Partitions` ([]TxnOffsetCommitRequestPartition).
    pub partitions: Vec<TxnOffsetCommitRequestPartition>,
}

impl Message for TxnOffsetCommitRequestTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self {
            name: if version <= 5 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 6 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        if version <= 5 {
            w.put_string(&self.name, flex);
        }
        if version >= 6 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`TxnOffsetCommitRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct TxnOffsetCommitRequestPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `CommittedOffset` (int64).
    pub committed_offset: i64,
    /// `CommittedLeaderEpoch` (int32, versions 2+, default -1).
    pub committed_leader_epoch: i32,
    /// `CommittedMetadata` (string, nullable).
    pub committed_metadata: Option<String>,
}

impl Default for TxnOffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: Some(String::new()),
        }
    }
}

impl Message for TxnOffsetCommitRequestPartition {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self {
            partition_index: r.i32()?,
            committed_offset: r.i64()?,
            committed_leader_epoch: if version >= 2 { r.i32()? } else { -1 },
            committed_metadata: r.opt_string(flex, true)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i32(self.partition_index);
        w.put_i64(self.committed_offset);
        if version >= 2 {
            w.put_i32(self.committed_leader_epoch);
        }
        w.put_opt_string(self.committed_metadata.as_deref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for TxnOffsetCommitRequest {
    const KEY: ApiKey = ApiKey::TxnOffsetCommit;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;
    const FIRST_FLEXIBLE: i16 = 3;
    type Response = TxnOffsetCommitResponse;
}

/// `TxnOffsetCommitResponse`, versions 0 to 6.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TxnOffsetCommitResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Topics` ([]TxnOffsetCommitResponseTopic).
    pub topics: Vec<TxnOffsetCommitResponseTopic>,
}

impl Message for TxnOffsetCommitResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=6)?;
        let flex = version >= 3;
        let this = Self { throttle_time_ms: r.i32()?, topics: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`TxnOffsetCommitResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TxnOffsetCommitResponseTopic {
    /// `Name` (string, versions 0-5).
    pub name: String,
    /// `TopicId` (uuid, versions 6+).
    pub topic_id: Uuid,
    /// `Partitions` ([]TxnOffsetCommitResponsePartition).
    pub partitions: Vec<TxnOffsetCommitResponsePartition>,
}

impl Message for TxnOffsetCommitResponseTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self {
            name: if version <= 5 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 6 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        if version <= 5 {
            w.put_string(&self.name, flex);
        }
        if version >= 6 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`TxnOffsetCommitResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TxnOffsetCommitResponsePartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for TxnOffsetCommitResponsePartition {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self { partition_index: r.i32()?, error_code: r.i16()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}
