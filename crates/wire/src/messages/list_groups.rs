//! The messages of ListGroups (API 16).
//!
//! Written by `cargo xtask codegen` from `tables/list_groups.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ListGroupsRequest`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListGroupsRequest {
    /// `StatesFilter` ([]string, versions 4+).
    pub states_filter: Vec<String>,
    /// `TypesFilter` ([]string, versions 5+).
    pub types_filter: Vec<String>,
}

impl Message for ListGroupsRequest {
    const MIN_SIZE: usize = 0;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 3;
        let this = Self {
            states_filter: if version >= 4 { r.strings(flex)? } else { Vec::new() },
            types_filter: if version >= 5 { r.strings(flex)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        if version >= 4 {
            w.put_strings(&self.states_filter, flex);
        }
        if version >= 5 {
            w.put_strings(&self.types_filter, flex);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for ListGroupsRequest {
    const KEY: ApiKey = ApiKey::ListGroups;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;
    const FIRST_FLEXIBLE: i16 = 3;
    type Response = ListGroupsResponse;
}

/// `ListGroupsResponse`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListGroupsResponse {
    /// `ThrottleTimeMs` (int32, versions 1+).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `Groups` ([]ListedGroup).
    pub groups: Vec<ListedGroup>,
}

impl Message for ListGroupsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 3;
        let this = Self {
            throttle_time_ms: if version >= 1 { r.i32()? } else { 0 },
            error_code: r.i16()?,
            groups: r.structs(flex, version)?,
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
        w.put_i16(self.error_code);
        w.put_structs(&self.groups, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ListGroupsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListedGroup {
    /// `GroupId` (string).
    pub group_id: String,
    /// `ProtocolType` (string).
    pub protocol_type: String,
    /// `GroupState` (string, versions 4+).
    pub group_state: String,
    /// `GroupType` (string, versions 5+).
    pub group_type: String,
}

impl Message for ListedGroup {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self {
            group_id: r.string(flex)?,
            protocol_type: r.string(flex)?,
            group_state: if version >= 4 { r.string(flex)? } else { String::new() },
            group_type: if version >= 5 { r.string(flex)? } else { String::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_string(&self.group_id, flex);
        w.put_string(&self.protocol_type, flex);
        if version >= 4 {
            w.put_string(&self.group_state, flex);
        }
        if version >= 5 {
            w.put_string(&self.group_type, flex);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}
