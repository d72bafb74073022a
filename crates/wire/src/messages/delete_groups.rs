//! The messages of DeleteGroups (API 42).
//!
//! Written by `cargo xtask codegen` from `tables/delete_groups.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DeleteGroupsRequest`, versions 0 to 3.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteGroupsRequest {
    /// `GroupsNames` ([]string).
    pub groups_names: Vec<String>,
}

impl Message for DeleteGroupsRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=3)?;
        let flex = version >= 2;
        let this = Self { groups_names: r.strings(flex)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_strings(&self.groups_names, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for DeleteGroupsRequest {
    const KEY: ApiKey = ApiKey::DeleteGroups;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;
    const FIRST_FLEXIBLE: i16 = 2;
    type Response = DeleteGroupsResponse;
}

/// `DeleteGroupsResponse`, versions 0 to 3.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteGroupsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Results` ([]DeletableGroupResult).
    pub results: Vec<DeletableGroupResult>,
}

impl Message for DeleteGroupsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=3)?;
        let flex = version >= 2;
        let this = Self { throttle_time_ms: r.i32()?, results: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.results, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DeleteGroupsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeletableGroupResult {
    /// `GroupId` (string).
    pub group_id: String,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, versions 3+, nullable, default null).
    pub error_message: Option<String>,
}

impl Message for DeletableGroupResult {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self {
            group_id: r.string(flex)?,
            error_code: r.i16()?,
            error_message: if version >= 3 { r.opt_string(flex, true)? } else { None },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_string(&self.group_id, flex);
        w.put_i16(self.error_code);
        if version >= 3 {
            w.put_opt_string(self.error_message.as_deref(), flex, true);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}
