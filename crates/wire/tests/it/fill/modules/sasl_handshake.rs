//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::sasl_handshake::*;

use crate::fill::{Fill, Source};

impl Fill for SaslHandshakeRequest {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { mechanism: Fill::fill(source, version) }
    }
}

impl Fill for SaslHandshakeResponse {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { error_code: Fill::fill(source, version), mechanisms: Fill::fill(source, version) }
    }
}
