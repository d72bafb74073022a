//! The messages of ShareAcknowledge (API 79).
//!
//! Written by `cargo xtask codegen` from `tables/share_acknowledge.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ShareAcknowledgeRequest`, versions 1 to 2.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareAcknowledgeRequest {
    /// `GroupId` (string, nullable, default null).
    pub group_id: Option<String>,
    /// `MemberId` (string, nullable).
    pub member_id: Option<String>,
    /// `ShareSessionEpoch` (int32).
    pub share_session_epoch: i32,
    /// `IsRenewAck` (bool, versions 2+).
    pub is_renew_ack: bool,
    /// `Topics` ([]AcknowledgeTopic).
    pub topics: Vec<AcknowledgeTopic>,
}

impl Default for ShareAcknowledgeRequest {
    fn default() -> Self {
        Self {
            group_id: None,
            member_id: Some(String::new()),
            share_session_epoch: 0,
            is_renew_ack: false,
            topics: Vec::new(),
        }
    }
}

impl Message for ShareAcknowledgeRequest {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=2)?;
        let this = Self {
            group_id: r.opt_string(true, true)?,
            member_id: r.opt_string(true, true)?,
            share_session_epoch: r.i32()?,
            is_renew_ack: if version >= 2 { r.bool()? } else { false },
            topics: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_opt_string(self.group_id.as_deref(), true, true);
        w.put_opt_string(self.member_id.as_deref(), true, true);
        w.put_i32(self.share_session_epoch);
        if version >= 2 {
            w.put_bool(self.is_renew_ack);
        }
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareAcknowledgeRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcknowledgeTopic {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]AcknowledgePartition).
    pub partitions: Vec<AcknowledgePartition>,
}

impl Message for AcknowledgeTopic {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_id: r.uuid()?, partitions: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_uuid(self.topic_id);
        w.put_structs(&self.partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareAcknowledgeRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcknowledgePartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `AcknowledgementBatches` ([]AcknowledgementBatch).
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

impl Message for AcknowledgePartition {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { partition_index: r.i32()?, acknowledgement_batches: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.partition_index);
        w.put_structs(&self.acknowledgement_batches, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareAcknowledgeRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcknowledgementBatch {
    /// `FirstOffset` (int64).
    pub first_offset: i64,
    /// `LastOffset` (int64).
    pub last_offset: i64,
    /// `AcknowledgeTypes` ([]int8).
    pub acknowledge_types: Vec<i8>,
}

impl Message for AcknowledgementBatch {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            first_offset: r.i64()?,
            last_offset: r.i64()?,
            acknowledge_types: r.array(true, 1, Reader::i8)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i64(self.first_offset);
        w.put_i64(self.last_offset);
        w.put_array(&self.acknowledge_types, true, Writer::put_i8);
        w.put_no_tagged();
    }
}

impl Request for ShareAcknowledgeRequest {
    const KEY: ApiKey = ApiKey::ShareAcknowledge;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=2;
    const FIRST_FLEXIBLE: i16 = 1;
    type Response = ShareAcknowledgeResponse;
}

/// `ShareAcknowledgeResponse`, versions 1 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareAcknowledgeResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `AcquisitionLockTimeoutMs` (int32, versions 2+).
    pub acquisition_lock_timeout_ms: i32,
    /// `Responses` ([]ShareAcknowledgeTopicResponse).
    pub responses: Vec<ShareAcknowledgeTopicResponse>,
    /// `NodeEndpoints` ([]NodeEndpoint).
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for ShareAcknowledgeResponse {
    const MIN_SIZE: usize = 10;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=2)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            acquisition_lock_timeout_ms: if version >= 2 { r.i32()? } else { 0 },
            responses: r.structs(true, version)?,
            node_endpoints: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        if version >= 2 {
            w.put_i32(self.acquisition_lock_timeout_ms);
        }
        w.put_structs(&self.responses, true, version);
        w.put_structs(&self.node_endpoints, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareAcknowledgeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareAcknowledgeTopicResponse {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]PartitionData).
    pub partitions: Vec<PartitionData>,
}

impl Message for ShareAcknowledgeTopicResponse {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_id: r.uuid()?, partitions: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_uuid(self.topic_id);
        w.put_structs(&self.partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareAcknowledgeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionData {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `CurrentLeader` (LeaderIdAndEpoch).
    pub current_leader: LeaderIdAndEpoch,
}

impl Message for PartitionData {
    const MIN_SIZE: usize = 17;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            partition_index: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            current_leader: LeaderIdAndEpoch::decode(r, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        self.current_leader.encode(w, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareAcknowledgeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaderIdAndEpoch {
    /// `LeaderId` (int32).
    pub leader_id: i32,
    /// `LeaderEpoch` (int32).
    pub leader_epoch: i32,
}

impl Message for LeaderIdAndEpoch {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { leader_id: r.i32()?, leader_epoch: r.i32()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.leader_id);
        w.put_i32(self.leader_epoch);
        w.put_no_tagged();
    }
}

/// A part of [`ShareAcknowledgeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeEndpoint {
    /// `NodeId` (int32).
    pub node_id: i32,
    /// `Host` (string).
    pub host: String,
    /// `Port` (int32).
    pub port: i32,
    /// `Rack` (string, nullable, default null).
    pub rack: Option<String>,
}

impl Message for NodeEndpoint {
    const MIN_SIZE: usize = 11;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            node_id: r.i32()?,
            host: r.string(true)?,
            port: r.i32()?,
            rack: r.opt_string(true, true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.node_id);
        w.put_string(&self.host, true);
        w.put_i32(self.port);
        w.put_opt_string(self.rack.as_deref(), true, true);
        w.put_no_tagged();
    }
}
