//! The messages of DescribeCluster (API 60).
//!
//! Written by `cargo xtask codegen` from `tables/describe_cluster.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeClusterRequest`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeClusterRequest {
    /// `IncludeClusterAuthorizedOperations` (bool).
    pub include_cluster_authorized_operations: bool,
    /// `EndpointType` (int8, versions 1+, default 1).
    pub endpoint_type: i8,
    /// `IncludeFencedBrokers` (bool, versions 2+).
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self { include_cluster_authorized_operations: false, endpoint_type: 1, include_fenced_brokers: false }
    }
}

impl Message for DescribeClusterRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let this = Self {
            include_cluster_authorized_operations: r.bool()?,
            endpoint_type: if version >= 1 { r.i8()? } else { 1 },
            include_fenced_brokers: if version >= 2 { r.bool()? } else { false },
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_bool(self.include_cluster_authorized_operations);
        if version >= 1 {
            w.put_i8(self.endpoint_type);
        }
        if version >= 2 {
            w.put_bool(self.include_fenced_brokers);
        }
        w.put_no_tagged();
    }
}

impl Request for DescribeClusterRequest {
    const KEY: ApiKey = ApiKey::DescribeCluster;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = DescribeClusterResponse;
}

/// `DescribeClusterResponse`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeClusterResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `EndpointType` (int8, versions 1+, default 1).
    pub endpoint_type: i8,
    /// `ClusterId` (string).
    pub cluster_id: String,
    /// `ControllerId` (int32, default -1).
    pub controller_id: i32,
    /// `Brokers` ([]DescribeClusterBroker).
    pub brokers: Vec<DescribeClusterBroker>,
    /// `ClusterAuthorizedOperations` (int32, default -2147483648).
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            endpoint_type: 1,
            cluster_id: String::new(),
            controller_id: -1,
            brokers: Vec::new(),
            cluster_authorized_operations: i32::MIN,
        }
    }
}

impl Message for DescribeClusterResponse {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=2)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            endpoint_type: if version >= 1 { r.i8()? } else { 1 },
            cluster_id: r.string(true)?,
            controller_id: r.i32()?,
            brokers: r.structs(true, version)?,
            cluster_authorized_operations: r.i32()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        if version >= 1 {
            w.put_i8(self.endpoint_type);
        }
        w.put_string(&self.cluster_id, true);
        w.put_i32(self.controller_id);
        w.put_structs(&self.brokers, true, version);
        w.put_i32(self.cluster_authorized_operations);
        w.put_no_tagged();
    }
}

/// A part of [`DescribeClusterResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeClusterBroker {
    /// `BrokerId` (int32).
    pub broker_id: i32,
    /// `Host` (string).
    pub host: String,
    /// `Port` (int32).
    pub port: i32,
    /// `Rack` (string, nullable, default null).
    pub rack: Option<String>,
    /// `IsFenced` (bool, versions 2+).
    pub is_fenced: bool,
}

impl Message for DescribeClusterBroker {
    const MIN_SIZE: usize = 11;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            broker_id: r.i32()?,
            host: r.string(true)?,
            port: r.i32()?,
            rack: r.opt_string(true, true)?,
            is_fenced: if version >= 2 { r.bool()? } else { false },
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.broker_id);
        w.put_string(&self.host, true);
        w.put_i32(self.port);
        w.put_opt_string(self.rack.as_deref(), true, true);
        if version >= 2 {
            w.put_bool(self.is_fenced);
        }
        w.put_no_tagged();
    }
}
