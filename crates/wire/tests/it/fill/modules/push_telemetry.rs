//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::push_telemetry::*;

use crate::fill::{Fill, Source};

impl Fill for PushTelemetryRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            client_instance_id: Fill::fill(source, version),
            subscription_id: Fill::fill(source, version),
            terminating: Fill::fill(source, version),
            compression_type: Fill::fill(source, version),
            metrics: Fill::fill(source, version),
        }
    }
}

impl Fill for PushTelemetryResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { throttle_time_ms: Fill::fill(source, version), error_code: Fill::fill(source, version) }
    }
}
