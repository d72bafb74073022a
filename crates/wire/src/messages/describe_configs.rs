//! The messages of DescribeConfigs (API 32).
//!
//! Written by `cargo xtask codegen` from `tables/describe_configs.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeConfigsRequest`, versions 1 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeConfigsRequest {
    /// `Resources` ([]DescribeConfigsResource).
    pub resources: Vec<DescribeConfigsResource>,
    /// `IncludeSynonyms` (bool).
    pub include_synonyms: bool,
    /// `IncludeDocumentation` (bool, versions 3+).
    pub include_documentation: bool,
}

impl Message for DescribeConfigsRequest {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=4)?;
        let flex = version >= 4;
        let this = Self {
            resources: r.structs(flex, version)?,
            include_synonyms: r.bool()?,
            include_documentation: if version >= 3 { r.bool()? } else { false },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_structs(&self.resources, flex, version);
        w.put_bool(self.include_synonyms);
        if version >= 3 {
            w.put_bool(self.include_documentation);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeConfigsRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsResource {
    /// `ResourceType` (int8).
    pub resource_type: i8,
    /// `ResourceName` (string).
    pub resource_name: String,
    /// `ConfigurationKeys` ([]string, nullable).
    pub configuration_keys: Option<Vec<String>>,
}

impl Default for DescribeConfigsResource {
    fn default() -> Self {
        Self { resource_type: 0, resource_name: String::new(), configuration_keys: Some(Vec::new()) }
    }
}

impl Message for DescribeConfigsResource {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self {
            resource_type: r.i8()?,
            resource_name: r.string(flex)?,
            configuration_keys: r.opt_strings(flex, true)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_i8(self.resource_type);
        w.put_string(&self.resource_name, flex);
        w.put_opt_strings(self.configuration_keys.as_deref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for DescribeConfigsRequest {
    const KEY: ApiKey = ApiKey::DescribeConfigs;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=4;
    const FIRST_FLEXIBLE: i16 = 4;
    type Response = DescribeConfigsResponse;
}

/// `DescribeConfigsResponse`, versions 1 to 4.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeConfigsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Results` ([]DescribeConfigsResult).
    pub results: Vec<DescribeConfigsResult>,
}

impl Message for DescribeConfigsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=4)?;
        let flex = version >= 4;
        let this = Self { throttle_time_ms: r.i32()?, results: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.results, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeConfigsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsResult {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable).
    pub error_message: Option<String>,
    /// `ResourceType` (int8).
    pub resource_type: i8,
    /// `ResourceName` (string).
    pub resource_name: String,
    /// `Configs` ([]DescribeConfigsResourceResult).
    pub configs: Vec<DescribeConfigsResourceResult>,
}

impl Default for DescribeConfigsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            resource_type: 0,
            resource_name: String::new(),
            configs: Vec::new(),
        }
    }
}

impl Message for DescribeConfigsResult {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self {
            error_code: r.i16()?,
            error_message: r.opt_string(flex, true)?,
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
        let flex = version >= 4;
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), flex, true);
        w.put_i8(self.resource_type);
        w.put_string(&self.resource_name, flex);
        w.put_structs(&self.configs, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeConfigsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsResourceResult {
    /// `Name` (string).
    pub name: String,
    /// `Value` (string, nullable).
    pub value: Option<String>,
    /// `ReadOnly` (bool).
    pub read_only: bool,
    /// `ConfigSource` (int8, default -1).
    pub config_source: i8,
    /// `IsSensitive` (bool).
    pub is_sensitive: bool,
    /// `Synonyms` ([]DescribeConfigsSynonym).
    pub synonyms: Vec<DescribeConfigsSynonym>,
    /// `ConfigType` (int8, versions 3+).
    pub config_type: i8,
    /// `Documentation` (string, versions 3+, nullable).
    pub documentation: Option<String>,
}

impl Default for DescribeConfigsResourceResult {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
            synonyms: Vec::new(),
            config_type: 0,
            documentation: Some(String::new()),
        }
    }
}

impl Message for DescribeConfigsResourceResult {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self {
            name: r.string(flex)?,
            value: r.opt_string(flex, true)?,
            read_only: r.bool()?,
            config_source: r.i8()?,
            is_sensitive: r.bool()?,
            synonyms: r.structs(flex, version)?,
            config_type: if version >= 3 { r.i8()? } else { 0 },
            documentation: if version >= 3 { r.opt_string(flex, true)? } else { Some(String::new()) },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.name, flex);
        w.put_opt_string(self.value.as_deref(), flex, true);
        w.put_bool(self.read_only);
        w.put_i8(self.config_source);
        w.put_bool(self.is_sensitive);
        w.put_structs(&self.synonyms, flex, version);
        if version >= 3 {
            w.put_i8(self.config_type);
            w.put_opt_string(self.documentation.as_deref(), flex, true);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeConfigsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeConfigsSynonym {
    /// `Name` (string).
    pub name: String,
    /// `Value` (string, nullable).
    pub value: Option<String>,
    /// `Source` (int8).
    pub source: i8,
}

impl Default for DescribeConfigsSynonym {
    fn default() -> Self {
        Self { name: String::new(), value: Some(String::new()), source: 0 }
    }
}

impl Message for DescribeConfigsSynonym {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self { name: r.string(flex)?, value: r.opt_string(flex, true)?, source: r.i8()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.name, flex);
        w.put_opt_string(self.value.as_deref(), flex, true);
        w.put_i8(self.source);
        if flex {
            w.put_no_tagged();
        }
    }
}
