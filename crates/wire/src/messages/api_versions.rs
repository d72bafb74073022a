//! The messages of ApiVersions (API 18).
//!
//! Written by `cargo xtask codegen` from `tables/api_versions.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ApiVersionsRequest`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiVersionsRequest {
    /// `ClientSoftwareName` (string, versions 3+).
    pub client_software_name: String,
    /// `ClientSoftwareVersion` (string, versions 3+).
    pub client_software_version: String,
    /// `ClusterId` (string, versions 5+, nullable, default null).
    pub cluster_id: Option<String>,
    /// `NodeId` (int32, versions 5+, default -1).
    pub node_id: i32,
}

impl Default for ApiVersionsRequest {
    fn default() -> Self {
        Self {
            client_software_name: String::new(),
            client_software_version: String::new(),
            cluster_id: None,
            node_id: -1,
        }
    }
}

impl Message for ApiVersionsRequest {
    const MIN_SIZE: usize = 0;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 3;
        let this = Self {
            client_software_name: if version >= 3 { r.string(flex)? } else { String::new() },
            client_software_version: if version >= 3 { r.string(flex)? } else { String::new() },
            cluster_id: if version >= 5 { r.opt_string(flex, true)? } else { None },
            node_id: if version >= 5 { r.i32()? } else { -1 },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        if version >= 3 {
            w.put_string(&self.client_software_name, flex);
            w.put_string(&self.client_software_version, flex);
        }
        if version >= 5 {
            w.put_opt_string(self.cluster_id.as_deref(), flex, true);
            w.put_i32(self.node_id);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;
    const FIRST_FLEXIBLE: i16 = 3;
    type Response = ApiVersionsResponse;
}

/// `ApiVersionsResponse`, versions 0 to 5.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiVersionsResponse {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ApiKeys` ([]ApiVersion).
    pub api_keys: Vec<ApiVersion>,
    /// `ThrottleTimeMs` (int32, versions 1+).
    pub throttle_time_ms: i32,
    /// `SupportedFeatures` ([]SupportedFeatureKey, versions 3+, tagged).
    pub supported_features: Vec<SupportedFeatureKey>,
    /// `FinalizedFeaturesEpoch` (int64, versions 3+, tagged, default -1).
    pub finalized_features_epoch: i64,
    /// `FinalizedFeatures` ([]FinalizedFeatureKey, versions 3+, tagged).
    pub finalized_features: Vec<FinalizedFeatureKey>,
    /// `ZkMigrationReady` (bool, versions 3+, tagged).
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            api_keys: Vec::new(),
            throttle_time_ms: 0,
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
        }
    }
}

impl Message for ApiVersionsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=5)?;
        let flex = version >= 3;
        let mut this = Self {
            error_code: r.i16()?,
            api_keys: r.structs(flex, version)?,
            throttle_time_ms: if version >= 1 { r.i32()? } else { 0 },
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 => this.supported_features = r.structs(true, version)?,
                    1 => this.finalized_features_epoch = r.i64()?,
                    2 => this.finalized_features = r.structs(true, version)?,
                    3 => this.zk_migration_ready = r.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i16(self.error_code);
        w.put_structs(&self.api_keys, flex, version);
        if version >= 1 {
            w.put_i32(self.throttle_time_ms);
        }
        if flex {
            let tagged = w.begin_tagged();
            if !self.supported_features.is_empty() {
                let field = w.begin_tag(tagged, 0);
                w.put_structs(&self.supported_features, true, version);
                w.end_tag(field);
            }
            if self.finalized_features_epoch != -1 {
                let field = w.begin_tag(tagged, 1);
                w.put_i64(self.finalized_features_epoch);
                w.end_tag(field);
            }
            if !self.finalized_features.is_empty() {
                let field = w.begin_tag(tagged, 2);
                w.put_structs(&self.finalized_features, true, version);
                w.end_tag(field);
            }
            if self.zk_migration_ready {
                let field = w.begin_tag(tagged, 3);
                w.put_bool(self.zk_migration_ready);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`ApiVersionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ApiVersion {
    /// `ApiKey` (int16).
    pub api_key: i16,
    /// `MinVersion` (int16).
    pub min_version: i16,
    /// `MaxVersion` (int16).
    pub max_version: i16,
}

impl Message for ApiVersion {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 3;
        let this = Self { api_key: r.i16()?, min_version: r.i16()?, max_version: r.i16()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 3;
        w.put_i16(self.api_key);
        w.put_i16(self.min_version);
        w.put_i16(self.max_version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`ApiVersionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SupportedFeatureKey {
    /// `Name` (string).
    pub name: String,
    /// `MinVersion` (int16).
    pub min_version: i16,
    /// `MaxVersion` (int16).
    pub max_version: i16,
}

impl Message for SupportedFeatureKey {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { name: r.string(true)?, min_version: r.i16()?, max_version: r.i16()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.name, true);
        w.put_i16(self.min_version);
        w.put_i16(self.max_version);
        w.put_no_tagged();
    }
}

/// A part of [`ApiVersionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FinalizedFeatureKey {
    /// `Name` (string).
    pub name: String,
    /// `MaxVersionLevel` (int16).
    pub max_version_level: i16,
    /// `MinVersionLevel` (int16).
    pub min_version_level: i16,
}

impl Message for FinalizedFeatureKey {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { name: r.string(true)?, max_version_level: r.i16()?, min_version_level: r.i16()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.name, true);
        w.put_i16(self.max_version_level);
        w.put_i16(self.min_version_level);
        w.put_no_tagged();
    }
}
