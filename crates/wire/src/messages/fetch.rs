//! The messages of Fetch (API 1).
//!
//! Written by `cargo xtask codegen` from `tables/fetch.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Records, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `FetchRequest`, versions 4 to 18.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchRequest {
    /// `ClusterId` (string, versions 12+, nullable, tagged, default null).
    pub cluster_id: Option<String>,
    /// `ReplicaId` (int32, versions 4-14, default -1).
    pub replica_id: i32,
    /// `ReplicaState` (ReplicaState, versions 15+, tagged).
    pub replica_state: ReplicaState,
    /// `MaxWaitMs` (int32).
    pub max_wait_ms: i32,
    /// `MinBytes` (int32).
    pub min_bytes: i32,
    /// `MaxBytes` (int32, default 2147483647).
    pub max_bytes: i32,
    /// `IsolationLevel` (int8).
    pub isolation_level: i8,
    /// `SessionId` (int32, versions 7+).
    pub session_id: i32,
    /// `SessionEpoch` (int32, versions 7+, default -1).
    pub session_epoch: i32,
    /// `Topics` ([]FetchTopic).
    pub topics: Vec<FetchTopic>,
    /// `ForgottenTopicsData` ([]ForgottenTopic, versions 7+).
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    /// `RackId` (string, versions 11+).
    pub rack_id: String,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_state: ReplicaState::default(),
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            rack_id: String::new(),
        }
    }
}

impl Message for FetchRequest {
    const MIN_SIZE: usize = 21;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 4..=18)?;
        let flex = version >= 12;
        let mut this = Self {
            cluster_id: None,
            replica_id: if version <= 14 { r.i32()? } else { -1 },
            replica_state: ReplicaState::default(),
            max_wait_ms: r.i32()?,
            min_bytes: r.i32()?,
            max_bytes: r.i32()?,
            isolation_level: r.i8()?,
            session_id: if version >= 7 { r.i32()? } else { 0 },
            session_epoch: if version >= 7 { r.i32()? } else { -1 },
            topics: r.structs(flex, version)?,
            forgotten_topics_data: if version >= 7 { r.structs(flex, version)? } else { Vec::new() },
            rack_id: if version >= 11 { r.string(flex)? } else { String::new() },
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 => this.cluster_id = r.opt_string(true, true)?,
                    1 if version >= 15 => this.replica_state = ReplicaState::decode(r, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        if version <= 14 {
            w.put_i32(self.replica_id);
        }
        w.put_i32(self.max_wait_ms);
        w.put_i32(self.min_bytes);
        w.put_i32(self.max_bytes);
        w.put_i8(self.isolation_level);
        if version >= 7 {
            w.put_i32(self.session_id);
            w.put_i32(self.session_epoch);
        }
        w.put_structs(&self.topics, flex, version);
        if version >= 7 {
            w.put_structs(&self.forgotten_topics_data, flex, version);
        }
        if version >= 11 {
            w.put_string(&self.rack_id, flex);
        }
        if flex {
            let tagged = w.begin_tagged();
            if self.cluster_id.is_some() {
                let field = w.begin_tag(tagged, 0);
                w.put_opt_string(self.cluster_id.as_deref(), true, true);
                w.end_tag(field);
            }
            if version >= 15 && self.replica_state != ReplicaState::default() {
                let field = w.begin_tag(tagged, 1);
                self.replica_state.encode(w, version);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`FetchRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaState {
    /// `ReplicaId` (int32, default -1).
    pub replica_id: i32,
    /// `ReplicaEpoch` (int64, default -1).
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self { replica_id: -1, replica_epoch: -1 }
    }
}

impl Message for ReplicaState {
    const MIN_SIZE: usize = 13;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { replica_id: r.i32()?, replica_epoch: r.i64()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.replica_id);
        w.put_i64(self.replica_epoch);
        w.put_no_tagged();
    }
}

/// A part of [`FetchRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchTopic {
    /// `Topic` (string, versions 4-12).
    pub topic: String,
    /// `TopicId` (uuid, versions 13+).
    pub topic_id: Uuid,
    /// `Partitions` ([]FetchPartition).
    pub partitions: Vec<FetchPartition>,
}

impl Message for FetchTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 12;
        let this = Self {
            topic: if version <= 12 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 13 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        if version <= 12 {
            w.put_string(&self.topic, flex);
        }
        if version >= 13 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`FetchRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct FetchPartition {
    /// `Partition` (int32).
    pub partition: i32,
    /// `CurrentLeaderEpoch` (int32, versions 9+, default -1).
    pub current_leader_epoch: i32,
    /// `FetchOffset` (int64).
    pub fetch_offset: i64,
    /// `LastFetchedEpoch` (int32, versions 12+, default -1).
    pub last_fetched_epoch: i32,
    /// `LogStartOffset` (int64, versions 5+, default -1).
    pub log_start_offset: i64,
    /// `PartitionMaxBytes` (int32).
    pub partition_max_bytes: i32,
    /// `ReplicaDirectoryId` (uuid, versions 17+, tagged).
    pub replica_directory_id: Uuid,
    /// `HighWatermark` (int64, versions 18+, tagged, default 9223372036854775807).
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: 0,
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: 0,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
        }
    }
}

impl Message for FetchPartition {
    const MIN_SIZE: usize = 16;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 12;
        let mut this = Self {
            partition: r.i32()?,
            current_leader_epoch: if version >= 9 { r.i32()? } else { -1 },
            fetch_offset: r.i64()?,
            last_fetched_epoch: if version >= 12 { r.i32()? } else { -1 },
            log_start_offset: if version >= 5 { r.i64()? } else { -1 },
            partition_max_bytes: r.i32()?,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 if version >= 17 => this.replica_directory_id = r.uuid()?,
                    1 if version >= 18 => this.high_watermark = r.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        w.put_i32(self.partition);
        if version >= 9 {
            w.put_i32(self.current_leader_epoch);
        }
        w.put_i64(self.fetch_offset);
        if version >= 12 {
            w.put_i32(self.last_fetched_epoch);
        }
        if version >= 5 {
            w.put_i64(self.log_start_offset);
        }
        w.put_i32(self.partition_max_bytes);
        if flex {
            let tagged = w.begin_tagged();
            if version >= 17 && self.replica_directory_id != Uuid::ZERO {
                let field = w.begin_tag(tagged, 0);
                w.put_uuid(self.replica_directory_id);
                w.end_tag(field);
            }
            if version >= 18 && self.high_watermark != i64::MAX {
                let field = w.begin_tag(tagged, 1);
                w.put_i64(self.high_watermark);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`FetchRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForgottenTopic {
    /// `Topic` (string, versions 7-12).
    pub topic: String,
    /// `TopicId` (uuid, versions 13+).
    pub topic_id: Uuid,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for ForgottenTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 12;
        let this = Self {
            topic: if version <= 12 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 13 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.array(flex, 4, Reader::i32)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        if version <= 12 {
            w.put_string(&self.topic, flex);
        }
        if version >= 13 {
            w.put_uuid(self.topic_id);
        }
        w.put_array(&self.partitions, flex, Writer::put_i32);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for FetchRequest {
    const KEY: ApiKey = ApiKey::Fetch;
    const VERSIONS: std::ops::RangeInclusive<i16> = 4..=18;
    const FIRST_FLEXIBLE: i16 = 12;
    type Response = FetchResponse;
}

/// `FetchResponse`, versions 4 to 18.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16, versions 7+).
    pub error_code: i16,
    /// `SessionId` (int32, versions 7+).
    pub session_id: i32,
    /// `Responses` ([]FetchableTopicResponse).
    pub responses: Vec<FetchableTopicResponse>,
    /// `NodeEndpoints` ([]NodeEndpoint, versions 16+, tagged).
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for FetchResponse {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 4..=18)?;
        let flex = version >= 12;
        let mut this = Self {
            throttle_time_ms: r.i32()?,
            error_code: if version >= 7 { r.i16()? } else { 0 },
            session_id: if version >= 7 { r.i32()? } else { 0 },
            responses: r.structs(flex, version)?,
            node_endpoints: Vec::new(),
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 if version >= 16 => this.node_endpoints = r.structs(true, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        w.put_i32(self.throttle_time_ms);
        if version >= 7 {
            w.put_i16(self.error_code);
            w.put_i32(self.session_id);
        }
        w.put_structs(&self.responses, flex, version);
        if flex {
            let tagged = w.begin_tagged();
            if version >= 16 && !self.node_endpoints.is_empty() {
                let field = w.begin_tag(tagged, 0);
                w.put_structs(&self.node_endpoints, true, version);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`FetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchableTopicResponse {
    /// `Topic` (string, versions 4-12).
    pub topic: String,
    /// `TopicId` (uuid, versions 13+).
    pub topic_id: Uuid,
    /// `Partitions` ([]PartitionData).
    pub partitions: Vec<PartitionData>,
}

impl Message for FetchableTopicResponse {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 12;
        let this = Self {
            topic: if version <= 12 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 13 { r.uuid()? } else { Uuid::ZERO },
            partitions: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        if version <= 12 {
            w.put_string(&self.topic, flex);
        }
        if version >= 13 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`FetchResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionData {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `HighWatermark` (int64).
    pub high_watermark: i64,
    /// `LastStableOffset` (int64, default -1).
    pub last_stable_offset: i64,
    /// `LogStartOffset` (int64, versions 5+, default -1).
    pub log_start_offset: i64,
    /// `DivergingEpoch` (EpochEndOffset, versions 12+, tagged).
    pub diverging_epoch: EpochEndOffset,
    /// `CurrentLeader` (LeaderIdAndEpoch, versions 12+, tagged).
    pub current_leader: LeaderIdAndEpoch,
    /// `SnapshotId` (SnapshotId, versions 12+, tagged).
    pub snapshot_id: SnapshotId,
    /// `AbortedTransactions` ([]AbortedTransaction, nullable).
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// `PreferredReadReplica` (int32, versions 11+, default -1).
    pub preferred_read_replica: i32,
    /// `Records` (records, nullable).
    pub records: Option<Records>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: 0,
            high_watermark: 0,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: EpochEndOffset::default(),
            current_leader: LeaderIdAndEpoch::default(),
            snapshot_id: SnapshotId::default(),
            aborted_transactions: Some(Vec::new()),
            preferred_read_replica: -1,
            records: None,
        }
    }
}

impl Message for PartitionData {
    const MIN_SIZE: usize = 30;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 12;
        let mut this = Self {
            partition_index: r.i32()?,
            error_code: r.i16()?,
            high_watermark: r.i64()?,
            last_stable_offset: r.i64()?,
            log_start_offset: if version >= 5 { r.i64()? } else { -1 },
            diverging_epoch: EpochEndOffset::default(),
            current_leader: LeaderIdAndEpoch::default(),
            snapshot_id: SnapshotId::default(),
            aborted_transactions: r.opt_structs(flex, true, version)?,
            preferred_read_replica: if version >= 11 { r.i32()? } else { -1 },
            records: r.records(flex, true)?,
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 => this.diverging_epoch = EpochEndOffset::decode(r, version)?,
                    1 => this.current_leader = LeaderIdAndEpoch::decode(r, version)?,
                    2 => this.snapshot_id = SnapshotId::decode(r, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        w.put_i64(self.high_watermark);
        w.put_i64(self.last_stable_offset);
        if version >= 5 {
            w.put_i64(self.log_start_offset);
        }
        w.put_opt_structs(self.aborted_transactions.as_deref(), flex, true, version);
        if version >= 11 {
            w.put_i32(self.preferred_read_replica);
        }
        w.put_records(self.records.as_ref(), flex, true);
        if flex {
            let tagged = w.begin_tagged();
            if self.diverging_epoch != EpochEndOffset::default() {
                let field = w.begin_tag(tagged, 0);
                self.diverging_epoch.encode(w, version);
                w.end_tag(field);
            }
            if self.current_leader != LeaderIdAndEpoch::default() {
                let field = w.begin_tag(tagged, 1);
                self.current_leader.encode(w, version);
                w.end_tag(field);
            }
            if self.snapshot_id != SnapshotId::default() {
                let field = w.begin_tag(tagged, 2);
                self.snapshot_id.encode(w, version);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`FetchResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct EpochEndOffset {
    /// `Epoch` (int32, default -1).
    pub epoch: i32,
    /// `EndOffset` (int64, default -1).
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { epoch: -1, end_offset: -1 }
    }
}

impl Message for EpochEndOffset {
    const MIN_SIZE: usize = 13;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { epoch: r.i32()?, end_offset: r.i64()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.epoch);
        w.put_i64(self.end_offset);
        w.put_no_tagged();
    }
}

/// A part of [`FetchResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct LeaderIdAndEpoch {
    /// `LeaderId` (int32, default -1).
    pub leader_id: i32,
    /// `LeaderEpoch` (int32, default -1).
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
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

/// A part of [`FetchResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotId {
    /// `EndOffset` (int64, default -1).
    pub end_offset: i64,
    /// `Epoch` (int32, default -1).
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self { end_offset: -1, epoch: -1 }
    }
}

impl Message for SnapshotId {
    const MIN_SIZE: usize = 13;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { end_offset: r.i64()?, epoch: r.i32()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i64(self.end_offset);
        w.put_i32(self.epoch);
        w.put_no_tagged();
    }
}

/// A part of [`FetchResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AbortedTransaction {
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `FirstOffset` (int64).
    pub first_offset: i64,
}

impl Message for AbortedTransaction {
    const MIN_SIZE: usize = 16;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 12;
        let this = Self { producer_id: r.i64()?, first_offset: r.i64()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 12;
        w.put_i64(self.producer_id);
        w.put_i64(self.first_offset);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`FetchResponse`].
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
