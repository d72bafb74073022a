//! The messages of DescribeTransactions (API 65).
//!
//! Written by `cargo xtask codegen` from `tables/describe_transactions.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeTransactionsRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTransactionsRequest {
    /// `TransactionalIds` ([]string).
    pub transactional_ids: Vec<String>,
}

impl Message for DescribeTransactionsRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { transactional_ids: r.strings(true)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_strings(&self.transactional_ids, true);
        w.put_no_tagged();
    }
}

impl Request for DescribeTransactionsRequest {
    const KEY: ApiKey = ApiKey::DescribeTransactions;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = DescribeTransactionsResponse;
}

/// `DescribeTransactionsResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTransactionsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `TransactionStates` ([]TransactionState).
    pub transaction_states: Vec<TransactionState>,
}

impl Message for DescribeTransactionsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { throttle_time_ms: r.i32()?, transaction_states: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.transaction_states, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeTransactionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransactionState {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `TransactionalId` (string).
    pub transactional_id: String,
    /// `TransactionState` (string).
    pub transaction_state: String,
    /// `TransactionTimeoutMs` (int32).
    pub transaction_timeout_ms: i32,
    /// `TransactionStartTimeMs` (int64).
    pub transaction_start_time_ms: i64,
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `ProducerEpoch` (int16).
    pub producer_epoch: i16,
    /// `Topics` ([]TopicData).
    pub topics: Vec<TopicData>,
}

impl Message for TransactionState {
    const MIN_SIZE: usize = 28;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            error_code: r.i16()?,
            transactional_id: r.string(true)?,
            transaction_state: r.string(true)?,
            transaction_timeout_ms: r.i32()?,
            transaction_start_time_ms: r.i64()?,
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            topics: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i16(self.error_code);
        w.put_string(&self.transactional_id, true);
        w.put_string(&self.transaction_state, true);
        w.put_i32(self.transaction_timeout_ms);
        w.put_i64(self.transaction_start_time_ms);
        w.put_i64(self.producer_id);
        w.put_i16(self.producer_epoch);
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeTransactionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicData {
    /// `Topic` (string).
    pub topic: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for TopicData {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic: r.string(true)?, partitions: r.array(true, 4, Reader::i32)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic, true);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}
