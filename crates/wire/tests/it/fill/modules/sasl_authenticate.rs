//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::sasl_authenticate::*;

use crate::fill::{Fill, Source};

impl Fill for SaslAuthenticateRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { auth_bytes: Fill::fill(source, version) }
    }
}

impl Fill for SaslAuthenticateResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            error_code: Fill::fill(source, version),
            error_message: source.option(true, version),
            auth_bytes: Fill::fill(source, version),
            session_lifetime_ms: if version >= 1 { Fill::fill(source, version) } else { 0 },
        }
    }
}
