//! The messages of ListConfigResources (API 74).
//!
//! Written by `cargo xtask codegen` from `tables/list_config_resources.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ListConfigResourcesRequest`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListConfigResourcesRequest {
    /// `ResourceTypes` ([]int8, versions 1+).
    pub resource_types: Vec<i8>,
}

impl Message for ListConfigResourcesRequest {
    const MIN_SIZE: usize = 1;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this =
            Self { resource_types: if version >= 1 { r.array(true, 1, Reader::i8)? } else { Vec::new() } };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        if version >= 1 {
            w.put_array(&self.resource_types, true, Writer::put_i8);
        }
        w.put_no_tagged();
    }
}

impl Request for ListConfigResourcesRequest {
    const KEY: ApiKey = ApiKey::ListConfigResources;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = ListConfigResourcesResponse;
}

/// `ListConfigResourcesResponse`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListConfigResourcesResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ConfigResources` ([]ConfigResource).
    pub config_resources: Vec<ConfigResource>,
}

impl Message for ListConfigResourcesResponse {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            config_resources: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_structs(&self.config_resources, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ListConfigResourcesResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigResource {
    /// `ResourceName` (string).
    pub resource_name: String,
    /// `ResourceType` (int8, versions 1+, default 16).
    pub resource_type: i8,
}

impl Default for ConfigResource {
    fn default() -> Self {
        Self { resource_name: String::new(), resource_type: 16 }
    }
}

impl Message for ConfigResource {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this =
            Self { resource_name: r.string(true)?, resource_type: if version >= 1 { r.i8()? } else { 16 } };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.resource_name, true);
        if version >= 1 {
            w.put_i8(self.resource_type);
        }
        w.put_no_tagged();
    }
}
