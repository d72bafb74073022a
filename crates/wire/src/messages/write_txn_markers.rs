//! The messages of WriteTxnMarkers (API 27).
//!
//! Written by `cargo xtask codegen` from `tables/write_txn_markers.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `WriteTxnMarkersRequest`, versions 1 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteTxnMarkersRequest {
    /// `Markers` ([]WritableTxnMarker).
    pub markers: Vec<WritableTxnMarker>,
}

impl Message for WriteTxnMarkersRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=2)?;
        let this = Self { markers: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.markers, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`WriteTxnMarkersRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarker {
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `ProducerEpoch` (int16).
    pub producer_epoch: i16,
    /// `TransactionResult` (bool).
    pub transaction_result: bool,
    /// `Topics` ([]WritableTxnMarkerTopic).
    pub topics: Vec<WritableTxnMarkerTopic>,
    /// `CoordinatorEpoch` (int32).
    pub coordinator_epoch: i32,
    /// `TransactionVersion` (int8, versions 2+).
    pub transaction_version: i8,
}

impl Message for WritableTxnMarker {
    const MIN_SIZE: usize = 17;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            transaction_result: r.bool()?,
            topics: r.structs(true, version)?,
            coordinator_epoch: r.i32()?,
            transaction_version: if version >= 2 { r.i8()? } else { 0 },
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i64(self.producer_id);
        w.put_i16(self.producer_epoch);
        w.put_bool(self.transaction_result);
        w.put_structs(&self.topics, true, version);
        w.put_i32(self.coordinator_epoch);
        if version >= 2 {
            w.put_i8(self.transaction_version);
        }
        w.put_no_tagged();
    }
}

/// A part of [`WriteTxnMarkersRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerTopic {
    /// `Name` (string).
    pub name: String,
    /// `PartitionIndexes` ([]int32).
    pub partition_indexes: Vec<i32>,
}

impl Message for WritableTxnMarkerTopic {
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

impl Request for WriteTxnMarkersRequest {
    const KEY: ApiKey = ApiKey::WriteTxnMarkers;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=2;
    const FIRST_FLEXIBLE: i16 = 1;
    type Response = WriteTxnMarkersResponse;
}

/// `WriteTxnMarkersResponse`, versions 1 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteTxnMarkersResponse {
    /// `Markers` ([]WritableTxnMarkerResult).
    pub markers: Vec<WritableTxnMarkerResult>,
}

impl Message for WriteTxnMarkersResponse {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=2)?;
        let this = Self { markers: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.markers, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`WriteTxnMarkersResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerResult {
    /// `ProducerId` (int64).
    pub producer_id: i64,
    /// `Topics` ([]WritableTxnMarkerTopicResult).
    pub topics: Vec<WritableTxnMarkerTopicResult>,
}

impl Message for WritableTxnMarkerResult {
    const MIN_SIZE: usize = 10;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { producer_id: r.i64()?, topics: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i64(self.producer_id);
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`WriteTxnMarkersResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerTopicResult {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]WritableTxnMarkerPartitionResult).
    pub partitions: Vec<WritableTxnMarkerPartitionResult>,
}

impl Message for WritableTxnMarkerTopicResult {
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

/// A part of [`WriteTxnMarkersResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WritableTxnMarkerPartitionResult {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for WritableTxnMarkerPartitionResult {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { partition_index: r.i32()?, error_code: r.i16()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.partition_index);
        w.put_i16(self.error_code);
        w.put_no_tagged();
    }
}
