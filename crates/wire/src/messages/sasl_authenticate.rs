//! The messages of SaslAuthenticate (API 36).
//!
//! Written by `cargo xtask codegen` from `tables/sasl_authenticate.txt`; do not edit.

use bytes::Bytes;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `SaslAuthenticateRequest`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SaslAuthenticateRequest {
    /// `AuthBytes` (bytes).
    pub auth_bytes: Bytes,
}

impl Message for SaslAuthenticateRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let flex = version >= 2;
        let this = Self { auth_bytes: r.bytes(flex)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_bytes(&self.auth_bytes, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for SaslAuthenticateRequest {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;
    const FIRST_FLEXIBLE: i16 = 2;
    type Response = SaslAuthenticateResponse;
}

/// `SaslAuthenticateResponse`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq)]
pub struct SaslAuthenticateResponse {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable).
    pub error_message: Option<String>,
    /// `AuthBytes` (bytes).
    pub auth_bytes: Bytes,
    /// `SessionLifetimeMs` (int64, versions 1+).
    pub session_lifetime_ms: i64,
}

impl Default for SaslAuthenticateResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            auth_bytes: Bytes::new(),
            session_lifetime_ms: 0,
        }
    }
}

impl Message for SaslAuthenticateResponse {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let flex = version >= 2;
        let this = Self {
            error_code: r.i16()?,
            error_message: r.opt_string(flex, true)?,
            auth_bytes: r.bytes(flex)?,
            session_lifetime_ms: if version >= 1 { r.i64()? } else { 0 },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), flex, true);
        w.put_bytes(&self.auth_bytes, flex);
        if version >= 1 {
            w.put_i64(self.session_lifetime_ms);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}
