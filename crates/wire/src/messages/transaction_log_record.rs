//! Data that travels or rests inside of records and other messages.
//!
//! Written by `cargo xtask codegen` from `tables/transaction_log_record.txt`; do not edit.

use crate::Message;
use crate::protocol::{DecodeError, Reader, Writer, check_version};

/// `TransactionLogKey`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransactionLogKey {
    /// `TransactionalId` (string).
    pub transactional_id: String,
}

impl Message for TransactionLogKey {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        Ok(Self { transactional_id: r.string(false)? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.transactional_id, false);
    }
}

impl TransactionLogKey {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
}

/// `TransactionLogValue`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct TransactionLogValue {
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `PreviousProducerId` (int64, versions 1+, tagged, default -1).
    pub previous_producer_id: i64,
    /// `NextProducerId` (int64, versions 1+, tagged, default -1).
    pub next_producer_id: i64,
    /// `ProducerEpoch` (int16).
    pub producer_epoch: i16,
    /// `TransactionTimeoutMs` (int32).
    pub transaction_timeout_ms: i32,
    /// `TransactionStatus` (int8).
    pub transaction_status: i8,
    /// `TransactionPartitions` ([]PartitionsSchema, nullable).
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    /// `TransactionLastUpdateTimestampMs` (int64).
    pub transaction_last_update_timestamp_ms: i64,
    /// `TransactionStartTimestampMs` (int64).
    pub transaction_start_timestamp_ms: i64,
    /// `ClientTransactionVersion` (int16, versions 1+, tagged).
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: 0,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: 0,
            transaction_timeout_ms: 0,
            transaction_status: 0,
            transaction_partitions: Some(Vec::new()),
            transaction_last_update_timestamp_ms: 0,
            transaction_start_timestamp_ms: 0,
            client_transaction_version: 0,
        }
    }
}

impl Message for TransactionLogValue {
    const MIN_SIZE: usize = 33;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let flex = version >= 1;
        let mut this = Self {
            producer_id: r.i64()?,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: r.i16()?,
            transaction_timeout_ms: r.i32()?,
            transaction_status: r.i8()?,
            transaction_partitions: r.opt_structs(flex, true, version)?,
            transaction_last_update_timestamp_ms: r.i64()?,
            transaction_start_timestamp_ms: r.i64()?,
            client_transaction_version: 0,
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 => this.previous_producer_id = r.i64()?,
                    1 => this.next_producer_id = r.i64()?,
                    2 => this.client_transaction_version = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 1;
        w.put_i64(self.producer_id);
        w.put_i16(self.producer_epoch);
        w.put_i32(self.transaction_timeout_ms);
        w.put_i8(self.transaction_status);
        w.put_opt_structs(self.transaction_partitions.as_deref(), flex, true, version);
        w.put_i64(self.transaction_last_update_timestamp_ms);
        w.put_i64(self.transaction_start_timestamp_ms);
        if flex {
            let tagged = w.begin_tagged();
            if self.previous_producer_id != -1 {
                let field = w.begin_tag(tagged, 0);
                w.put_i64(self.previous_producer_id);
                w.end_tag(field);
            }
            if self.next_producer_id != -1 {
                let field = w.begin_tag(tagged, 1);
                w.put_i64(self.next_producer_id);
                w.end_tag(field);
            }
            if self.client_transaction_version != 0 {
                let field = w.begin_tag(tagged, 2);
                w.put_i16(self.client_transaction_version);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`TransactionLogValue`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionsSchema {
    /// `Topic` (string).
    pub topic: String,
    /// `PartitionIds` ([]int32).
    pub partition_ids: Vec<i32>,
}

impl Message for PartitionsSchema {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 1;
        let this = Self { topic: r.string(flex)?, partition_ids: r.array(flex, 4, Reader::i32)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 1;
        w.put_string(&self.topic, flex);
        w.put_array(&self.partition_ids, flex, Writer::put_i32);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl TransactionLogValue {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
}
