//! The messages of ShareFetch (API 78).
//!
//! Written by `cargo xtask codegen` from `tables/share_fetch.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Records, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ShareFetchRequest`, versions 1 to 2.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareFetchRequest {
    /// `GroupId` (string, nullable, default null).
    pub group_id: Option<String>,
    /// `MemberId` (string, nullable).
    pub member_id: Option<String>,
    /// `ShareSessionEpoch` (int32).
    pub share_session_epoch: i32,
    /// `MaxWaitMs` (int32).
    pub max_wait_ms: i32,
    /// `MinBytes` (int32).
    pub min_bytes: i32,
    /// `MaxBytes` (int32, default 2147483647).
    pub max_bytes: i32,
    /// `MaxRecords` (int32).
    pub max_records: i32,
    /// `BatchSize` (int32).
    pub batch_size: i32,
    /// `ShareAcquireMode` (int8, versions 2+).
    pub share_acquire_mode: i8,
    /// `IsRenewAck` (bool, versions 2+).
    pub is_renew_ack: bool,
    /// `Topics` ([]FetchTopic).
    pub topics: Vec<FetchTopic>,
    /// `ForgottenTopicsData` ([]ForgottenTopic).
    pub forgotten_topics_data: Vec<ForgottenTopic>,
}

impl Default for ShareFetchRequest {
    fn default() -> Self {
        Self {
            group_id: None,
            member_id: Some(String::new()),
            share_session_epoch: 0,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            max_records: 0,
            batch_size: 0,
            share_acquire_mode: 0,
            is_renew_ack: false,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
        }
    }
}

impl Message for ShareFetchRequest {
    const MIN_SIZE: usize = 29;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=2)?;
        let this = Self {
            group_id: r.opt_string(true, true)?,
            member_id: r.opt_string(true, true)?,
            share_session_epoch: r.i32()?,
            max_wait_ms: r.i32()?,
            min_bytes: r.i32()?,
            max_bytes: r.i32()?,
            max_records: r.i32()?,
            batch_size: r.i32()?,
            share_acquire_mode: if version >= 2 { r.i8()? } else { 0 },
            is_renew_ack: if version >= 2 { r.bool()? } else { false },
            topics: r.structs(true, version)?,
            forgotten_topics_data: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_opt_string(self.group_id.as_deref(), true, true);
        w.put_opt_string(self.member_id.as_deref(), true, true);
        w.put_i32(self.share_session_epoch);
        w.put_i32(self.max_wait_ms);
        w.put_i32(self.min_bytes);
        w.put_i32(self.max_bytes);
        w.put_i32(self.max_records);
        w.put_i32(self.batch_size);
        if version >= 2 {
            w.put_i8(self.share_acquire_mode);
            w.put_bool(self.is_renew_ack);
        }
        w.put_structs(&self.topics, true, version);
        w.put_structs(&self.forgotten_topics_data, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareFetchRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchTopic {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]FetchPartition).
    pub partitions: Vec<FetchPartition>,
}

impl Message for FetchTopic {
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

/// A part of [`ShareFetchRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `AcknowledgementBatches` ([]AcknowledgementBatch).
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

impl Message for FetchPartition {
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

/// A part of [`ShareFetchRequest`].
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

/// A part of [`ShareFetchRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForgottenTopic {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for ForgottenTopic {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_id: r.uuid()?, partitions: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_uuid(self.topic_id);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

impl Request for ShareFetchRequest {
    const KEY: ApiKey = ApiKey::ShareFetch;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=2;
    const FIRST_FLEXIBLE: i16 = 1;
    type Response = ShareFetchResponse;
}

/// `ShareFetchResponse`, versions 1 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareFetchResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `AcquisitionLockTimeoutMs` (int32).
    pub acquisition_lock_timeout_ms: i32,
    /// `Responses` ([]ShareFetchableTopicResponse).
    pub responses: Vec<ShareFetchableTopicResponse>,
    /// `NodeEndpoints` ([]NodeEndpoint).
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for ShareFetchResponse {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=2)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            acquisition_lock_timeout_ms: r.i32()?,
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
        w.put_i32(self.acquisition_lock_timeout_ms);
        w.put_structs(&self.responses, true, version);
        w.put_structs(&self.node_endpoints, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareFetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareFetchableTopicResponse {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `Partitions` ([]PartitionData).
    pub partitions: Vec<PartitionData>,
}

impl Message for ShareFetchableTopicResponse {
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

/// A part of [`ShareFetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionData {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `AcknowledgeErrorCode` (int16).
    pub acknowledge_error_code: i16,
    /// `AcknowledgeErrorMessage` (string, nullable, default null).
    pub acknowledge_error_message: Option<String>,
    /// `CurrentLeader` (LeaderIdAndEpoch).
    pub current_leader: LeaderIdAndEpoch,
    /// `Records` (records).
    pub records: Option<Records>,
    /// `AcquiredRecords` ([]AcquiredRecords).
    pub acquired_records: Vec<AcquiredRecords>,
}

impl Message for PartitionData {
    const MIN_SIZE: usize = 22;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            partition_index: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            acknowledge_error_code: r.i16()?,
            acknowledge_error_message: r.opt_string(true, true)?,
            current_leader: LeaderIdAndEpoch::decode(r, version)?,
            records: r.records(true, false)?,
            acquired_records: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_i16(self.acknowledge_error_code);
        w.put_opt_string(self.acknowledge_error_message.as_deref(), true, true);
        self.current_leader.encode(w, version);
        w.put_records(self.records.as_ref(), true, false);
        w.put_structs(&self.acquired_records, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareFetchResponse`].
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

/// A part of [`ShareFetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcquiredRecords {
    /// `FirstOffset` (int64).
    pub first_offset: i64,
    /// `LastOffset` (int64).
    pub last_offset: i64,
    /// `DeliveryCount` (int16).
    pub delivery_count: i16,
}

impl Message for AcquiredRecords {
    const MIN_SIZE: usize = 19;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { first_offset: r.i64()?, last_offset: r.i64()?, delivery_count: r.i16()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i64(self.first_offset);
        w.put_i64(self.last_offset);
        w.put_i16(self.delivery_count);
        w.put_no_tagged();
    }
}

/// A part of [`ShareFetchResponse`].
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
