//! The messages of ListTransactions (API 66).
//!
//! Written by `cargo xtask codegen` from `tables/list_transactions.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ListTransactionsRequest`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq)]
pub struct ListTransactionsRequest {
    /// `StateFilters` ([]string).
    pub state_filters: Vec<String>,
    /// `ProducerIdFilters` ([]int64).
    pub producer_id_filters: Vec<i64>,
    /// `DurationFilter` (int64, versions 1+, default -1).
    pub duration_filter: i64,
    /// `TransactionalIdPattern` (string, versions 2+, nullable, default null).
    pub transactional_id_pattern: Option<String>,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        Self {
            state_filters: Vec::new(),
            producer_id_filters: Vec::new(),
            duration_filter: -1,
            transactional_id_pattern: None,
        }
    }
}

impl Message for ListTransactionsRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let this = Self {
            state_filters: r.strings(true)?,
            producer_id_filters: r.array(true, 8, Reader::i64)?,
            duration_filter: if version >= 1 { r.i64()? } else { -1 },
            transactional_id_pattern: if version >= 2 { r.opt_string(true, true)? } else { None },
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_strings(&self.state_filters, true);
        w.put_array(&self.producer_id_filters, true, Writer::put_i64);
        if version >= 1 {
            w.put_i64(self.duration_filter);
        }
        if version >= 2 {
            w.put_opt_string(self.transactional_id_pattern.as_deref(), true, true);
        }
        w.put_no_tagged();
    }
}

impl Request for ListTransactionsRequest {
    const KEY: ApiKey = ApiKey::ListTransactions;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = ListTransactionsResponse;
}

/// `ListTransactionsResponse`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListTransactionsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `UnknownStateFilters` ([]string).
    pub unknown_state_filters: Vec<String>,
    /// `TransactionStates` ([]TransactionState).
    pub transaction_states: Vec<TransactionState>,
}

impl Message for ListTransactionsResponse {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            unknown_state_filters: r.strings(true)?,
            transaction_states: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_strings(&self.unknown_state_filters, true);
        w.put_structs(&self.transaction_states, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ListTransactionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransactionState {
    /// `TransactionalId` (string).
    pub transactional_id: String,
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `TransactionState` (string).
    pub transaction_state: String,
}

impl Message for TransactionState {
    const MIN_SIZE: usize = 11;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            transactional_id: r.string(true)?,
            producer_id: r.i64()?,
            transaction_state: r.string(true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.transactional_id, true);
        w.put_i64(self.producer_id);
        w.put_string(&self.transaction_state, true);
        w.put_no_tagged();
    }
}
