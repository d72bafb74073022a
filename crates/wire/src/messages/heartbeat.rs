//! The messages of Heartbeat (API 12).
//!
//! Written by `cargo xtask codegen` from `tables/heartbeat.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `HeartbeatRequest`, versions 0 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeartbeatRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `GenerationId` (int32).
    pub generation_id: i32,
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 3+, nullable, default null).
    pub group_instance_id: Option<String>,
}

impl Message for HeartbeatRequest {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=4)?;
        let flex = version >= 4;
        let this = Self {
            group_id: r.string(flex)?,
            generation_id: r.i32()?,
            member_id: r.string(flex)?,
            group_instance_id: if version >= 3 { r.opt_string(flex, true)? } else { None },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.group_id, flex);
        w.put_i32(self.generation_id);
        w.put_string(&self.member_id, flex);
        if version >= 3 {
            w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for HeartbeatRequest {
    const KEY: ApiKey = ApiKey::Heartbeat;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;
    const FIRST_FLEXIBLE: i16 = 4;
    type Response = HeartbeatResponse;
}

/// `HeartbeatResponse`, versions 0 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeartbeatResponse {
    /// `ThrottleTimeMs` (int32, versions 1+).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Message for HeartbeatResponse {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=4)?;
        let flex = version >= 4;
        let this = Self { throttle_time_ms: if version >= 1 { r.i32()? } else { 0 }, error_code: r.i16()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        if version >= 1 {
            w.put_i32(self.throttle_time_ms);
        }
        w.put_i16(self.error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}
