//! The messages of AddPartitionsToTxn (API 24).
//!
//! Written by `cargo xtask codegen` from `tables/add_partitions_to_txn.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `AddPartitionsToTxnRequest`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnRequest {
    /// `Transactions` ([]AddPartitionsToTxnTransaction, versions 4+).
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    /// `V3AndBelowTransactionalId` (string, versions 0-3).
    pub v3_and_below_transactional_id: String,
    /// `V3AndBelowProducerId` (int64, versions 0-3).
    pub v3_and_below_producer_id: i64,
    /// `V3AndBelowProducerEpoch` (int16, versions 0-3).
    pub v3_and_below_producer_epoch: i16,
    /// `V3AndBelowTopics` ([]AddPartitionsToTxnTopic, versions 0-3).
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

impl Message for AddPartitionsToTxnRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 3;
        let this = Self {
            transactions: if version >= 4 { r.structs(flex, version)? } else { Vec::new() },
            v3_and_below_transactional_id: if version <= 3 { r.string(flex)? } else { String::new() },
            v3_and_below_producer_id: if version <= 3 { r.i64()? } else { 0 },
            v3_and_below_producer_epoch: if version <= 3 { r.i16()? } else { 0 },
            v3_and_below_topics: if version <= 3 { r.structs(flex, version)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        if version >= 4 {
            w.put_structs(&self.transactions, flex, version);
        }
        if version <= 3 {
            w.put_string(&self.v3_and_below_transactional_id, flex);
            w.put_i64(self.v3_and_below_producer_id);
            w.put_i16(self.v3_and_below_producer_epoch);
            w.put_structs(&self.v3_and_below_topics, flex, version);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`AddPartitionsToTxnRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnTransaction {
    /// `TransactionalId` (string).
    pub transactional_id: String,
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `ProducerEpoch` (int16).
    pub producer_epoch: i16,
    /// `VerifyOnly` (bool).
    pub verify_only: bool,
    /// `Topics` ([]AddPartitionsToTxnTopic).
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

impl Message for AddPartitionsToTxnTransaction {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            transactional_id: r.string(true)?,
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            verify_only: r.bool()?,
            topics: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.transactional_id, true);
        w.put_i64(self.producer_id);
        w.put_i16(self.producer_epoch);
        w.put_bool(self.verify_only);
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`AddPartitionsToTxnRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnTopic {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for AddPartitionsToTxnTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self { name: r.string(flex)?, partitions: r.array(flex, 4, Reader::i32)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_string(&self.name, flex);
        w.put_array(&self.partitions, flex, Writer::put_i32);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for AddPartitionsToTxnRequest {
    const KEY: ApiKey = ApiKey::AddPartitionsToTxn;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;
    const FIRST_FLEXIBLE: i16 = 3;
    type Response = AddPartitionsToTxnResponse;
}

/// `AddPartitionsToTxnResponse`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16, versions 4+).
    pub error_code: i16,
    /// `ResultsByTransaction` ([]AddPartitionsToTxnResult, versions 4+).
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    /// `ResultsByTopicV3AndBelow` ([]AddPartitionsToTxnTopicResult, versions 0-3).
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
}

impl Message for AddPartitionsToTxnResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 3;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: if version >= 4 { r.i16()? } else { 0 },
            results_by_transaction: if version >= 4 { r.structs(flex, version)? } else { Vec::new() },
            results_by_topic_v3_and_below: if version <= 3 { r.structs(flex, version)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i32(self.throttle_time_ms);
        if version >= 4 {
            w.put_i16(self.error_code);
            w.put_structs(&self.results_by_transaction, flex, version);
        }
        if version <= 3 {
            w.put_structs(&self.results_by_topic_v3_and_below, flex, version);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`AddPartitionsToTxnResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnResult {
    /// `TransactionalId` (string).
    pub transactional_id: String,
    /// `TopicResults` ([]AddPartitionsToTxnTopicResult).
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
}

impl Message for AddPartitionsToTxnResult {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { transactional_id: r.string(true)?, topic_results: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.transactional_id, true);
        w.put_structs(&self.topic_results, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`AddPartitionsToTxnResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnTopicResult {
    /// `Name` (string).
    pub name: String,
    /// `ResultsByPartition` ([]AddPartitionsToTxnPartitionResult).
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

impl Message for AddPartitionsToTxnTopicResult {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self { name: r.string(flex)?, results_by_partition: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_string(&self.name, flex);
        w.put_structs(&self.results_by_partition, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`AddPartitionsToTxnResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnPartitionResult {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `PartitionErrorCode` (int16).
    pub partition_error_code: i16,
}

impl Message for AddPartitionsToTxnPartitionResult {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self { partition_index: r.i32()?, partition_error_code: r.i16()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i32(self.partition_index);
        w.put_i16(self.partition_error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}
