//! The messages of AddOffsetsToTxn (API 25).
//!
//! Written by `cargo xtask codegen` from `tables/add_offsets_to_txn.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `AddOffsetsToTxnRequest`, versions 0 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddOffsetsToTxnRequest {
    /// `TransactionalId` (string).
    pub transactional_id: String,
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `ProducerEpoch` (int16).
    pub producer_epoch: i16,
    /// `GroupId` (string).
    pub group_id: String,
}

impl Message for AddOffsetsToTxnRequest {
    const MIN_SIZE: usize = 13;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=4)?;
        let flex = version >= 3;
        let this = Self {
            transactional_id: r.string(flex)?,
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            group_id: r.string(flex)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_string(&self.transactional_id, flex);
        w.put_i64(self.producer_id);
        w.put_i16(self.producer_epoch);
        w.put_string(&self.group_id, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for AddOffsetsToTxnRequest {
    const KEY: ApiKey = ApiKey::AddOffsetsToTxn;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;
    const FIRST_FLEXIBLE: i16 = 3;
    type Response = AddOffsetsToTxnResponse;
}

/// `AddOffsetsToTxnResponse`, versions 0 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddOffsetsToTxnResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for AddOffsetsToTxnResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=4)?;
        let flex = version >= 3;
        let this = Self { throttle_time_ms: r.i32()?, error_code: r.i16()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}
