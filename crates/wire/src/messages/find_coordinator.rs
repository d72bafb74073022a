//! The messages of FindCoordinator (API 10).
//!
//! Written by `cargo xtask codegen` from `tables/find_coordinator.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `FindCoordinatorRequest`, versions 0 to 6.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FindCoordinatorRequest {
    /// `Key` (string, versions 0-3).
    pub key: String,
    /// `KeyType` (int8, versions 1+).
    pub key_type: i8,
    /// `CoordinatorKeys` ([]string, versions 4+).
    pub coordinator_keys: Vec<String>,
}

impl Message for FindCoordinatorRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=6)?;
        let flex = version >= 3;
        let this = Self {
            key: if version <= 3 { r.string(flex)? } else { String::new() },
            key_type: if version >= 1 { r.i8()? } else { 0 },
            coordinator_keys: if version >= 4 { r.strings(flex)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        if version <= 3 {
            w.put_string(&self.key, flex);
        }
        if version >= 1 {
            w.put_i8(self.key_type);
        }
        if version >= 4 {
            w.put_strings(&self.coordinator_keys, flex);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for FindCoordinatorRequest {
    const KEY: ApiKey = ApiKey::FindCoordinator;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;
    const FIRST_FLEXIBLE: i16 = 3;
    type Response = FindCoordinatorResponse;
}

/// `FindCoordinatorResponse`, versions 0 to 6.
#[derive(Debug, Clone, PartialEq)]
pub struct FindCoordinatorResponse {
    /// `ThrottleTimeMs` (int32, versions 1+).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16, versions 0-3).
    pub error_code: i16,
    /// `ErrorMessage` (string, versions 1-3, nullable).
    pub error_message: Option<String>,
    /// `NodeId` (int32, versions 0-3).
    pub node_id: i32,
    /// `Host` (string, versions 0-3).
    pub host: String,
    /// `Port` (int32, versions 0-3).
    pub port: i32,
    /// `Coordinators` ([]Coordinator, versions 4+).
    pub coordinators: Vec<Coordinator>,
}

impl Default for FindCoordinatorResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: Some(String::new()),
            node_id: 0,
            host: String::new(),
            port: 0,
            coordinators: Vec::new(),
        }
    }
}

impl Message for FindCoordinatorResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=6)?;
        let flex = version >= 3;
        let this = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { 0 },
            error_code: if version <= 3 { r.i16()? } else { 0 },
            error_message: if (1..=3).contains(&version) {
                r.opt_string(flex, true)?
            } else {
                Some(String::new())
            },
            node_id: if version <= 3 { r.i32()? } else { 0 },
            host: if version <= 3 { r.string(flex)? } else { String::new() },
            port: if version <= 3 { r.i32()? } else { 0 },
            coordinators: if version >= 4 { r.structs(flex, version)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        if version >= 1 {
            w.put_i32(self.throttle_time_ms);
        }
        if version <= 3 {
            w.put_i16(self.error_code);
        }
        if (1..=3).contains(&version) {
            w.put_opt_string(self.error_message.as_deref(), flex, true);
        }
        if version <= 3 {
            w.put_i32(self.node_id);
            w.put_string(&self.host, flex);
            w.put_i32(self.port);
        }
        if version >= 4 {
            w.put_structs(&self.coordinators, flex, version);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`FindCoordinatorResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinator {
    /// `Key` (string).
    pub key: String,
    /// `NodeId` (int32).
    pub node_id: i32,
    /// `Host` (string).
    pub host: String,
    /// `Port` (int32).
    pub port: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable).
    pub error_message: Option<String>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            key: String::new(),
            node_id: 0,
            host: String::new(),
            port: 0,
            error_code: 0,
            error_message: Some(String::new()),
        }
    }
}

impl Message for Coordinator {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            key: r.string(true)?,
            node_id: r.i32()?,
            host: r.string(true)?,
            port: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.key, true);
        w.put_i32(self.node_id);
        w.put_string(&self.host, true);
        w.put_i32(self.port);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_no_tagged();
    }
}
