//! The messages of DescribeProducers (API 61).
//!
//! Written by `cargo xtask codegen` from `tables/describe_producers.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeProducersRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeProducersRequest {
    /// `Topics` ([]TopicRequest).
    pub topics: Vec<TopicRequest>,
}

impl Message for DescribeProducersRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { topics: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeProducersRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicRequest {
    /// `Name` (string).
    pub name: String,
    /// `PartitionIndexes` ([]int32).
    pub partition_indexes: Vec<i32>,
}

impl Message for TopicRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { name: r.string(true)?, partition_indexes: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.name, true);
        w.put_array(&self.partition_indexes, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

impl Request for DescribeProducersRequest {
    const KEY: ApiKey = ApiKey::DescribeProducers;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = DescribeProducersResponse;
}

/// `DescribeProducersResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeProducersResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Topics` ([]TopicResponse).
    pub topics: Vec<TopicResponse>,
}

impl Message for DescribeProducersResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { throttle_time_ms: r.i32()?, topics: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeProducersResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicResponse {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]PartitionResponse).
    pub partitions: Vec<PartitionResponse>,
}

impl Message for TopicResponse {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { name: r.string(true)?, partitions: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.name, true);
        w.put_structs(&self.partitions, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeProducersResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionResponse {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `ActiveProducers` ([]ProducerState).
    pub active_producers: Vec<ProducerState>,
}

impl Message for PartitionResponse {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            partition_index: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            active_producers: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_structs(&self.active_producers, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeProducersResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProducerState {
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `ProducerEpoch` (int32).
    pub producer_epoch: i32,
    /// `LastSequence` (int32, default -1).
    pub last_sequence: i32,
    /// `LastTimestamp` (int64, default -1).
    pub last_timestamp: i64,
    /// `CoordinatorEpoch` (int32).
    pub coordinator_epoch: i32,
    /// `CurrentTxnStartOffset` (int64, default -1).
    pub current_txn_start_offset: i64,
}

impl Default for ProducerState {
    fn default() -> Self {
        Self {
            producer_id: 0,
            producer_epoch: 0,
            last_sequence: -1,
            last_timestamp: -1,
            coordinator_epoch: 0,
            current_txn_start_offset: -1,
        }
    }
}

impl Message for ProducerState {
    const MIN_SIZE: usize = 37;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            producer_id: r.i64()?,
            producer_epoch: r.i32()?,
            last_sequence: r.i32()?,
            last_timestamp: r.i64()?,
            coordinator_epoch: r.i32()?,
            current_txn_start_offset: r.i64()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i64(self.producer_id);
        w.put_i32(self.producer_epoch);
        w.put_i32(self.last_sequence);
        w.put_i64(self.last_timestamp);
        w.put_i32(self.coordinator_epoch);
        w.put_i64(self.current_txn_start_offset);
        w.put_no_tagged();
    }
}
