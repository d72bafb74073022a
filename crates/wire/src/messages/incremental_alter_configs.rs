//! The messages of IncrementalAlterConfigs (API 44).
//!
//! Written by `cargo xtask codegen` from `tables/incremental_alter_configs.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `IncrementalAlterConfigsRequest`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncrementalAlterConfigsRequest {
    /// `Resources` ([]AlterConfigsResource).
    pub resources: Vec<AlterConfigsResource>,
    /// `ValidateOnly` (bool).
    pub validate_only: bool,
}

impl Message for IncrementalAlterConfigsRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let flex = version >= 1;
        let this = Self { resources: r.structs(flex, version)?, validate_only: r.bool()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 1;
        w.put_structs(&self.resources, flex, version);
        w.put_bool(self.validate_only);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`IncrementalAlterConfigsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterConfigsResource {
    /// `ResourceType` (int8).
    pub resource_type: i8,
    /// `ResourceName` (string).
    pub resource_name: String,
    /// `Configs` ([]AlterableConfig).
    pub configs: Vec<AlterableConfig>,
}

impl Message for AlterConfigsResource {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 1;
        let this = Self {
            resource_type: r.i8()?,
            resource_name: r.string(flex)?,
            configs: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 1;
        w.put_i8(self.resource_type);
        w.put_string(&self.resource_name, flex);
        w.put_structs(&self.configs, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`IncrementalAlterConfigsRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct AlterableConfig {
    /// `Name` (string).
    pub name: String,
    /// `ConfigOperation` (int8).
    pub config_operation: i8,
    /// `Value` (string, nullable).
    pub value: Option<String>,
}

impl Default for AlterableConfig {
    fn default() -> Self {
        Self { name: String::new(), config_operation: 0, value: Some(String::new()) }
    }
}

impl Message for AlterableConfig {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 1;
        let this =
            Self { name: r.string(flex)?, config_operation: r.i8()?, value: r.opt_string(flex, true)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 1;
        w.put_string(&self.name, flex);
        w.put_i8(self.config_operation);
        w.put_opt_string(self.value.as_deref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for IncrementalAlterConfigsRequest {
    const KEY: ApiKey = ApiKey::IncrementalAlterConfigs;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const FIRST_FLEXIBLE: i16 = 1;
    type Response = IncrementalAlterConfigsResponse;
}

/// `IncrementalAlterConfigsResponse`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncrementalAlterConfigsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Responses` ([]AlterConfigsResourceResponse).
    pub responses: Vec<AlterConfigsResourceResponse>,
}

impl Message for IncrementalAlterConfigsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        let flex = version >= 1;
        let this = Self { throttle_time_ms: r.i32()?, responses: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 1;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.responses, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`IncrementalAlterConfigsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct AlterConfigsResourceResponse {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable).
    pub error_message: Option<String>,
    /// `ResourceType` (int8).
    pub resource_type: i8,
    /// `ResourceName` (string).
    pub resource_name: String,
}

impl Default for AlterConfigsResourceResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            resource_type: 0,
            resource_name: String::new(),
        }
    }
}

impl Message for AlterConfigsResourceResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 1;
        let this = Self {
            error_code: r.i16()?,
            error_message: r.opt_string(flex, true)?,
            resource_type: r.i8()?,
            resource_name: r.string(flex)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 1;
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), flex, true);
        w.put_i8(self.resource_type);
        w.put_string(&self.resource_name, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}
