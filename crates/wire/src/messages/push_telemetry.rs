//! The messages of PushTelemetry (API 72).
//!
//! Written by `cargo xtask codegen` from `tables/push_telemetry.txt`; do not edit.

use bytes::Bytes;
use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `PushTelemetryRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PushTelemetryRequest {
    /// `ClientInstanceId` (uuid).
    pub client_instance_id: Uuid,
    /// `SubscriptionId` (int32).
    pub subscription_id: i32,
    /// `Terminating` (bool).
    pub terminating: bool,
    /// `CompressionType` (int8).
    pub compression_type: i8,
    /// `Metrics` (bytes).
    pub metrics: Bytes,
}

impl Message for PushTelemetryRequest {
    const MIN_SIZE: usize = 24;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self {
            client_instance_id: r.uuid()?,
            subscription_id: r.i32()?,
            terminating: r.bool()?,
            compression_type: r.i8()?,
            metrics: r.bytes(true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_uuid(self.client_instance_id);
        w.put_i32(self.subscription_id);
        w.put_bool(self.terminating);
        w.put_i8(self.compression_type);
        w.put_bytes(&self.metrics, true);
        w.put_no_tagged();
    }
}

impl Request for PushTelemetryRequest {
    const KEY: ApiKey = ApiKey::PushTelemetry;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = PushTelemetryResponse;
}

/// `PushTelemetryResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PushTelemetryResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for PushTelemetryResponse {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { throttle_time_ms: r.i32()?, error_code: r.i16()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_no_tagged();
    }
}
