//! The messages of JoinGroup (API 11).
//!
//! Written by `cargo xtask codegen` from `tables/join_group.txt`; do not edit.

use bytes::Bytes;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `JoinGroupRequest`, versions 0 to 9.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinGroupRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `SessionTimeoutMs` (int32).
    pub session_timeout_ms: i32,
    /// `RebalanceTimeoutMs` (int32, versions 1+, default -1).
    pub rebalance_timeout_ms: i32,
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 5+, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `ProtocolType` (string).
    pub protocol_type: String,
    /// `Protocols` ([]JoinGroupRequestProtocol).
    pub protocols: Vec<JoinGroupRequestProtocol>,
    /// `Reason` (string, versions 8+, nullable, default null).
    pub reason: Option<String>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: -1,
            member_id: String::new(),
            group_instance_id: None,
            protocol_type: String::new(),
            protocols: Vec::new(),
            reason: None,
        }
    }
}

impl Message for JoinGroupRequest {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=9)?;
        let flex = version >= 6;
        let this = Self {
            group_id: r.string(flex)?,
            session_timeout_ms: r.i32()?,
            rebalance_timeout_ms: if version >= 1 { r.i32()? } else { -1 },
            member_id: r.string(flex)?,
            group_instance_id: if version >= 5 { r.opt_string(flex, true)? } else { None },
            protocol_type: r.string(flex)?,
            protocols: r.structs(flex, version)?,
            reason: if version >= 8 { r.opt_string(flex, true)? } else { None },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_string(&self.group_id, flex);
        w.put_i32(self.session_timeout_ms);
        if version >= 1 {
            w.put_i32(self.rebalance_timeout_ms);
        }
        w.put_string(&self.member_id, flex);
        if version >= 5 {
            w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        }
        w.put_string(&self.protocol_type, flex);
        w.put_structs(&self.protocols, flex, version);
        if version >= 8 {
            w.put_opt_string(self.reason.as_deref(), flex, true);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`JoinGroupRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinGroupRequestProtocol {
    /// `Name` (string).
    pub name: String,
    /// `Metadata` (bytes).
    pub metadata: Bytes,
}

impl Message for JoinGroupRequestProtocol {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self { name: r.string(flex)?, metadata: r.bytes(flex)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_string(&self.name, flex);
        w.put_bytes(&self.metadata, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for JoinGroupRequest {
    const KEY: ApiKey = ApiKey::JoinGroup;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=9;
    const FIRST_FLEXIBLE: i16 = 6;
    type Response = JoinGroupResponse;
}

/// `JoinGroupResponse`, versions 0 to 9.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinGroupResponse {
    /// `ThrottleTimeMs` (int32, versions 2+).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `GenerationId` (int32, default -1).
    pub generation_id: i32,
    /// `ProtocolType` (string, versions 7+, nullable, default null).
    pub protocol_type: Option<String>,
    /// `ProtocolName` (string, nullable in versions 7+).
    pub protocol_name: Option<String>,
    /// `Leader` (string).
    pub leader: String,
    /// `SkipAssignment` (bool, versions 9+).
    pub skip_assignment: bool,
    /// `MemberId` (string).
    pub member_id: String,
    /// `Members` ([]JoinGroupResponseMember).
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(String::new()),
            leader: String::new(),
            skip_assignment: false,
            member_id: String::new(),
            members: Vec::new(),
        }
    }
}

impl Message for JoinGroupResponse {
    const MIN_SIZE: usize = 15;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=9)?;
        let flex = version >= 6;
        let this = Self {
            throttle_time_ms: if version >= 2 { r.i32()? } else { 0 },
            error_code: r.i16()?,
            generation_id: r.i32()?,
            protocol_type: if version >= 7 { r.opt_string(flex, true)? } else { None },
            protocol_name: r.opt_string(flex, version >= 7)?,
            leader: r.string(flex)?,
            skip_assignment: if version >= 9 { r.bool()? } else { false },
            member_id: r.string(flex)?,
            members: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        if version >= 2 {
            w.put_i32(self.throttle_time_ms);
        }
        w.put_i16(self.error_code);
        w.put_i32(self.generation_id);
        if version >= 7 {
            w.put_opt_string(self.protocol_type.as_deref(), flex, true);
        }
        w.put_opt_string(self.protocol_name.as_deref(), flex, version >= 7);
        w.put_string(&self.leader, flex);
        if version >= 9 {
            w.put_bool(self.skip_assignment);
        }
        w.put_string(&self.member_id, flex);
        w.put_structs(&self.members, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`JoinGroupResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinGroupResponseMember {
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 5+, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `Metadata` (bytes).
    pub metadata: Bytes,
}

impl Message for JoinGroupResponseMember {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 6;
        let this = Self {
            member_id: r.string(flex)?,
            group_instance_id: if version >= 5 { r.opt_string(flex, true)? } else { None },
            metadata: r.bytes(flex)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 6;
        w.put_string(&self.member_id, flex);
        if version >= 5 {
            w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        }
        w.put_bytes(&self.metadata, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}
