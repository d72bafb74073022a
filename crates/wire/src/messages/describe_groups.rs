//! The messages of DescribeGroups (API 15).
//!
//! Written by `cargo xtask codegen` from `tables/describe_groups.txt`; do not edit.

use bytes::Bytes;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeGroupsRequest`, versions 0 to 6.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeGroupsRequest {
    /// `Groups` ([]string).
    pub groups: Vec<String>,
    /// `IncludeAuthorizedOperations` (bool, versions 3+).
    pub include_authorized_operations: bool,
}

impl Message for DescribeGroupsRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=6)?;
        let flex = version >= 5;
        let this = Self {
            groups: r.strings(flex)?,
            include_authorized_operations: if version >= 3 { r.bool()? } else { false },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_strings(&self.groups, flex);
        if version >= 3 {
            w.put_bool(self.include_authorized_operations);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for DescribeGroupsRequest {
    const KEY: ApiKey = ApiKey::DescribeGroups;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;
    const FIRST_FLEXIBLE: i16 = 5;
    type Response = DescribeGroupsResponse;
}

/// `DescribeGroupsResponse`, versions 0 to 6.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeGroupsResponse {
    /// `ThrottleTimeMs` (int32, versions 1+).
    pub throttle_time_ms: i32,
    /// `Groups` ([]DescribedGroup).
    pub groups: Vec<DescribedGroup>,
}

impl Message for DescribeGroupsResponse {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=6)?;
        let flex = version >= 5;
        let this = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { 0 },
            groups: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        if version >= 1 {
            w.put_i32(self.throttle_time_ms);
        }
        w.put_structs(&self.groups, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeGroupsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, versions 6+, nullable, default null).
    pub error_message: Option<String>,
    /// `GroupId` (string).
    pub group_id: String,
    /// `GroupState` (string).
    pub group_state: String,
    /// `ProtocolType` (string).
    pub protocol_type: String,
    /// `ProtocolData` (string).
    pub protocol_data: String,
    /// `Members` ([]DescribedGroupMember).
    pub members: Vec<DescribedGroupMember>,
    /// `AuthorizedOperations` (int32, versions 3+, default -2147483648).
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            protocol_type: String::new(),
            protocol_data: String::new(),
            members: Vec::new(),
            authorized_operations: i32::MIN,
        }
    }
}

impl Message for DescribedGroup {
    const MIN_SIZE: usize = 12;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 5;
        let this = Self {
            error_code: r.i16()?,
            error_message: if version >= 6 { r.opt_string(flex, true)? } else { None },
            group_id: r.string(flex)?,
            group_state: r.string(flex)?,
            protocol_type: r.string(flex)?,
            protocol_data: r.string(flex)?,
            members: r.structs(flex, version)?,
            authorized_operations: if version >= 3 { r.i32()? } else { i32::MIN },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_i16(self.error_code);
        if version >= 6 {
            w.put_opt_string(self.error_message.as_deref(), flex, true);
        }
        w.put_string(&self.group_id, flex);
        w.put_string(&self.group_state, flex);
        w.put_string(&self.protocol_type, flex);
        w.put_string(&self.protocol_data, flex);
        w.put_structs(&self.members, flex, version);
        if version >= 3 {
            w.put_i32(self.authorized_operations);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeGroupsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribedGroupMember {
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 4+, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `ClientId` (string).
    pub client_id: String,
    /// `ClientHost` (string).
    pub client_host: String,
    /// `MemberMetadata` (bytes).
    pub member_metadata: Bytes,
    /// `MemberAssignment` (bytes).
    pub member_assignment: Bytes,
}

impl Message for DescribedGroupMember {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 5;
        let this = Self {
            member_id: r.string(flex)?,
            group_instance_id: if version >= 4 { r.opt_string(flex, true)? } else { None },
            client_id: r.string(flex)?,
            client_host: r.string(flex)?,
            member_metadata: r.bytes(flex)?,
            member_assignment: r.bytes(flex)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_string(&self.member_id, flex);
        if version >= 4 {
            w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        }
        w.put_string(&self.client_id, flex);
        w.put_string(&self.client_host, flex);
        w.put_bytes(&self.member_metadata, flex);
        w.put_bytes(&self.member_assignment, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}
