//! The messages of SyncGroup (API 14).
//!
//! Written by `cargo xtask codegen` from `tables/sync_group.txt`; do not edit.

use bytes::Bytes;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `SyncGroupRequest`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncGroupRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `GenerationId` (int32).
    pub generation_id: i32,
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 3+, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `ProtocolType` (string, versions 5+, nullable, default null).
    pub protocol_type: Option<String>,
    /// `ProtocolName` (string, versions 5+, nullable, default null).
    pub protocol_name: Option<String>,
    /// `Assignments` ([]SyncGroupRequestAssignment).
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl Message for SyncGroupRequest {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 4;
        let this = Self {
            group_id: r.string(flex)?,
            generation_id: r.i32()?,
            member_id: r.string(flex)?,
            group_instance_id: if version >= 3 { r.opt_string(flex, true)? } else { None },
            protocol_type: if version >= 5 { r.opt_string(flex, true)? } else { None },
            protocol_name: if version >= 5 { r.opt_string(flex, true)? } else { None },
            assignments: r.structs(flex, version)?,
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
        if version >= 5 {
            w.put_opt_string(self.protocol_type.as_deref(), flex, true);
            w.put_opt_string(self.protocol_name.as_deref(), flex, true);
        }
        w.put_structs(&self.assignments, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`SyncGroupRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncGroupRequestAssignment {
    /// `MemberId` (string).
    pub member_id: String,
    /// `Assignment` (bytes).
    pub assignment: Bytes,
}

impl Message for SyncGroupRequestAssignment {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self { member_id: r.string(flex)?, assignment: r.bytes(flex)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.member_id, flex);
        w.put_bytes(&self.assignment, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for SyncGroupRequest {
    const KEY: ApiKey = ApiKey::SyncGroup;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;
    const FIRST_FLEXIBLE: i16 = 4;
    type Response = SyncGroupResponse;
}

/// `SyncGroupResponse`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncGroupResponse {
    /// `ThrottleTimeMs` (int32, versions 1+).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ProtocolType` (string, versions 5+, nullable, default null).
    pub protocol_type: Option<String>,
    /// `ProtocolName` (string, versions 5+, nullable, default null).
    pub protocol_name: Option<String>,
    /// `Assignment` (bytes).
    pub assignment: Bytes,
}

impl Message for SyncGroupResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 4;
        let this = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { 0 },
            error_code: r.i16()?,
            protocol_type: if version >= 5 { r.opt_string(flex, true)? } else { None },
            protocol_name: if version >= 5 { r.opt_string(flex, true)? } else { None },
            assignment: r.bytes(flex)?,
        };
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
        if version >= 5 {
            w.put_opt_string(self.protocol_type.as_deref(), flex, true);
            w.put_opt_string(self.protocol_name.as_deref(), flex, true);
        }
        w.put_bytes(&self.assignment, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}
