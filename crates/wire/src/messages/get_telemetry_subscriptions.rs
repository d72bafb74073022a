//! The messages of GetTelemetrySubscriptions (API 71).
//!
//! Written by `cargo xtask codegen` from `tables/get_telemetry_subscriptions.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `GetTelemetrySubscriptionsRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GetTelemetrySubscriptionsRequest {
    /// `ClientInstanceId` (uuid).
    pub client_instance_id: Uuid,
}

impl Message for GetTelemetrySubscriptionsRequest {
    const MIN_SIZE: usize = 17;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { client_instance_id: r.uuid()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_uuid(self.client_instance_id);
        w.put_no_tagged();
    }
}

impl Request for GetTelemetrySubscriptionsRequest {
    const KEY: ApiKey = ApiKey::GetTelemetrySubscriptions;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = GetTelemetrySubscriptionsResponse;
}

/// `GetTelemetrySubscriptionsResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GetTelemetrySubscriptionsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ClientInstanceId` (uuid).
    pub client_instance_id: Uuid,
    /// `SubscriptionId` (int32).
    pub subscription_id: i32,
    /// `AcceptedCompressionTypes` ([]int8).
    pub accepted_compression_types: Vec<i8>,
    /// `PushIntervalMs` (int32).
    pub push_interval_ms: i32,
    /// `TelemetryMaxBytes` (int32).
    pub telemetry_max_bytes: i32,
    /// `DeltaTemporality` (bool).
    pub delta_temporality: bool,
    /// `RequestedMetrics` ([]string).
    pub requested_metrics: Vec<String>,
}

impl Message for GetTelemetrySubscriptionsResponse {
    const MIN_SIZE: usize = 38;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            client_instance_id: r.uuid()?,
            subscription_id: r.i32()?,
            accepted_compression_types: r.array(true, 1, Reader::i8)?,
            push_interval_ms: r.i32()?,
            telemetry_max_bytes: r.i32()?,
            delta_temporality: r.bool()?,
            requested_metrics: r.strings(true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_uuid(self.client_instance_id);
        w.put_i32(self.subscription_id);
        w.put_array(&self.accepted_compression_types, true, Writer::put_i8);
        w.put_i32(self.push_interval_ms);
        w.put_i32(self.telemetry_max_bytes);
        w.put_bool(self.delta_temporality);
        w.put_strings(&self.requested_metrics, true);
        w.put_no_tagged();
    }
}
