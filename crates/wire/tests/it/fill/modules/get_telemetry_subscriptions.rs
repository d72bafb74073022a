//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::get_telemetry_subscriptions::*;

use crate::fill::{Fill, Source};

impl Fill for GetTelemetrySubscriptionsRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { client_instance_id: Fill::fill(source, version) }
    }
}

impl Fill for GetTelemetrySubscriptionsResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            throttle_time_ms: Fill::fill(source, version),
            error_code: Fill::fill(source, version),
            client_instance_id: Fill::fill(source, version),
            subscription_id: Fill::fill(source, version),
            accepted_compression_types: Fill::fill(source, version),
            push_interval_ms: Fill::fill(source, version),
            telemetry_max_bytes: Fill::fill(source, version),
            delta_temporality: Fill::fill(source, version),
            requested_metrics: Fill::fill(source, version),
        }
    }
}
