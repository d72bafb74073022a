//! The messages of SaslHandshake (API 17).
//!
//! Written by `cargo xtask codegen` from `tables/sasl_handshake.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `SaslHandshakeRequest`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SaslHandshakeRequest {
    /// `Mechanism` (string).
    pub mechanism: String,
}

impl Message for SaslHandshakeRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        Ok(Self { mechanism: r.string(false)? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.mechanism, false);
    }
}

impl Request for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const FIRST_FLEXIBLE: i16 = i16::MAX;
    type Response = SaslHandshakeResponse;
}

/// `SaslHandshakeResponse`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SaslHandshakeResponse {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `Mechanisms` ([]string).
    pub mechanisms: Vec<String>,
}

impl Message for SaslHandshakeResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        Ok(Self { error_code: r.i16()?, mechanisms: r.strings(false)? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_i16(self.error_code);
        w.put_strings(&self.mechanisms, false);
    }
}
