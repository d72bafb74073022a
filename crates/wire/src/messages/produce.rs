//! The messages of Produce (API 0).
//!
//! Written by `cargo xtask codegen` from `tables/produce.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Records, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ProduceRequest`, versions 3 to 13.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProduceRequest {
    /// `TransactionalId` (string, nullable, default null).
    pub transactional_id: Option<String>,
    /// `Acks` (int16).
    pub acks: i16,
    /// `TimeoutMs` (int32).
    pub timeout_ms: i32,
    /// `TopicData` ([]TopicProduceData).
    pub topic_data: Vec<TopicProduceData>,
}

impl Message for ProduceRequest {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 3..=13)?;
        let flex = version >= 9;
        let this = Self {
            transactional_id: r.opt_string(flex, true)?,
            acks: r.i16()?,
            timeout_ms: r.i32()?,
            topic_data: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_opt_string(self.transactional_id.as_deref(), flex, true);
        w.put_i16(self.acks);
        w.put_i32(self.timeout_ms);
        w.put_structs(&self.topic_data, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ProduceRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicProduceData {
    /// `Name` (string, versions 3-12).
    pub name: String,
    /// `TopicId` (uuid, versions 13+).
    pub topic_id: Uuid,
    /// `PartitionData` ([]PartitionProduceData).
    pub partition_data: Vec<PartitionProduceData>,
}

impl Message for TopicProduceData {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self {
            name: if version <= 12 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 13 { r.uuid()? } else { Uuid::ZERO },
            partition_data: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        if version <= 12 {
            w.put_string(&self.name, flex);
        }
        if version >= 13 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partition_data, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ProduceRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionProduceData {
    /// `Index` (int32).
    pub index: i32,
    /// `Records` (records, nullable).
    pub records: Option<Records>,
}

impl Message for PartitionProduceData {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self { index: r.i32()?, records: r.records(flex, true)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_i32(self.index);
        w.put_records(self.records.as_ref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for ProduceRequest {
    const KEY: ApiKey = ApiKey::Produce;
    const VERSIONS: std::ops::RangeInclusive<i16> = 3..=13;
    const FIRST_FLEXIBLE: i16 = 9;
    type Response = ProduceResponse;
}

/// `ProduceResponse`, versions 3 to 13.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProduceResponse {
    /// `Responses` ([]TopicProduceResponse).
    pub responses: Vec<TopicProduceResponse>,
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `NodeEndpoints` ([]NodeEndpoint, versions 10+, tagged).
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for ProduceResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 3..=13)?;
        let flex = version >= 9;
        let mut this = Self {
            responses: r.structs(flex, version)?,
            throttle_time_ms: r.i32()?,
            node_endpoints: Vec::new(),
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 if version >= 10 => this.node_endpoints = r.structs(true, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_structs(&self.responses, flex, version);
        w.put_i32(self.throttle_time_ms);
        if flex {
            let tagged = w.begin_tagged();
            if version >= 10 && !self.node_endpoints.is_empty() {
                let field = w.begin_tag(tagged, 0);
                w.put_structs(&self.node_endpoints, true, version);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`ProduceResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicProduceResponse {
    /// `Name` (string, versions 3-12).
    pub name: String,
    /// `TopicId` (uuid, versions 13+).
    pub topic_id: Uuid,
    /// `PartitionResponses` ([]PartitionProduceResponse).
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl Message for TopicProduceResponse {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self {
            name: if version <= 12 { r.string(flex)? } else { String::new() },
            topic_id: if version >= 13 { r.uuid()? } else { Uuid::ZERO },
            partition_responses: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        if version <= 12 {
            w.put_string(&self.name, flex);
        }
        if version >= 13 {
            w.put_uuid(self.topic_id);
        }
        w.put_structs(&self.partition_responses, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ProduceResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionProduceResponse {
    /// `Index` (int32).
    pub index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `BaseOffset` (int64).
    pub base_offset: i64,
    /// `LogAppendTimeMs` (int64, default -1).
    pub log_append_time_ms: i64,
    /// `LogStartOffset` (int64, versions 5+, default -1).
    pub log_start_offset: i64,
    /// `RecordErrors` ([]BatchIndexAndErrorMessage, versions 8+).
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    /// `ErrorMessage` (string, versions 8+, nullable, default null).
    pub error_message: Option<String>,
    /// `CurrentLeader` (LeaderIdAndEpoch, versions 10+, tagged).
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        Self {
            index: 0,
            error_code: 0,
            base_offset: 0,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: LeaderIdAndEpoch::default(),
        }
    }
}

impl Message for PartitionProduceResponse {
    const MIN_SIZE: usize = 22;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let mut this = Self {
            index: r.i32()?,
            error_code: r.i16()?,
            base_offset: r.i64()?,
            log_append_time_ms: r.i64()?,
            log_start_offset: if version >= 5 { r.i64()? } else { -1 },
            record_errors: if version >= 8 { r.structs(flex, version)? } else { Vec::new() },
            error_message: if version >= 8 { r.opt_string(flex, true)? } else { None },
            current_leader: LeaderIdAndEpoch::default(),
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 if version >= 10 => this.current_leader = LeaderIdAndEpoch::decode(r, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_i32(self.index);
        w.put_i16(self.error_code);
        w.put_i64(self.base_offset);
        w.put_i64(self.log_append_time_ms);
        if version >= 5 {
            w.put_i64(self.log_start_offset);
        }
        if version >= 8 {
            w.put_structs(&self.record_errors, flex, version);
            w.put_opt_string(self.error_message.as_deref(), flex, true);
        }
        if flex {
            let tagged = w.begin_tagged();
            if version >= 10 && self.current_leader != LeaderIdAndEpoch::default() {
                let field = w.begin_tag(tagged, 0);
                self.current_leader.encode(w, version);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`ProduceResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BatchIndexAndErrorMessage {
    /// `BatchIndex` (int32).
    pub batch_index: i32,
    /// `BatchIndexErrorMessage` (string, nullable, default null).
    pub batch_index_error_message: Option<String>,
}

impl Message for BatchIndexAndErrorMessage {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self { batch_index: r.i32()?, batch_index_error_message: r.opt_string(flex, true)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_i32(self.batch_index);
        w.put_opt_string(self.batch_index_error_message.as_deref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ProduceResponse`].
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

/// A part of [`ProduceResponse`].
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
