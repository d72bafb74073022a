//! The messages of LeaveGroup (API 13).
//!
//! Written by `cargo xtask codegen` from `tables/leave_group.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `LeaveGroupRequest`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaveGroupRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `MemberId` (string, versions 0-2).
    pub member_id: String,
    /// `Members` ([]MemberIdentity, versions 3+).
    pub members: Vec<MemberIdentity>,
}

impl Message for LeaveGroupRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 4;
        let this = Self {
            group_id: r.string(flex)?,
            member_id: if version <= 2 { r.string(flex)? } else { String::new() },
            members: if version >= 3 { r.structs(flex, version)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.group_id, flex);
        if version <= 2 {
            w.put_string(&self.member_id, flex);
        }
        if version >= 3 {
            w.put_structs(&self.members, flex, version);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`LeaveGroupRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemberIdentity {
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `Reason` (string, versions 5+, nullable, default null).
    pub reason: Option<String>,
}

impl Message for MemberIdentity {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self {
            member_id: r.string(flex)?,
            group_instance_id: r.opt_string(flex, true)?,
            reason: if version >= 5 { r.opt_string(flex, true)? } else { None },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.member_id, flex);
        w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        if version >= 5 {
            w.put_opt_string(self.reason.as_deref(), flex, true);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for LeaveGroupRequest {
    const KEY: ApiKey = ApiKey::LeaveGroup;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;
    const FIRST_FLEXIBLE: i16 = 4;
    type Response = LeaveGroupResponse;
}

/// `LeaveGroupResponse`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaveGroupResponse {
    /// `ThrottleTimeMs` (int32, versions 1+).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `Members` ([]MemberResponse, versions 3+).
    pub members: Vec<MemberResponse>,
}

impl Message for LeaveGroupResponse {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 4;
        let this = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { 0 },
            error_code: r.i16()?,
            members: if version >= 3 { r.structs(flex, version)? } else { Vec::new() },
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
        if version >= 3 {
            w.put_structs(&self.members, flex, version);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`LeaveGroupResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct MemberResponse {
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, nullable).
    pub group_instance_id: Option<String>,
    /// `ErrorCode` (int16).
    pub error_code: i16,
}

impl Default for MemberResponse {
    fn default() -> Self {
        Self { member_id: String::new(), group_instance_id: Some(String::new()), error_code: 0 }
    }
}

impl Message for MemberResponse {
    const MIN_SIZE: usize = 5;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self {
            member_id: r.string(flex)?,
            group_instance_id: r.opt_string(flex, true)?,
            error_code: r.i16()?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.member_id, flex);
        w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        w.put_i16(self.error_code);
        if flex {
            w.put_no_tagged();
        }
    }
}
