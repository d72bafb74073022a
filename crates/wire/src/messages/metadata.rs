//! The messages of Metadata (API 3).
//!
//! Written by `cargo xtask codegen` from `tables/metadata.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `MetadataRequest`, versions 0 to 13.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataRequest {
    /// `Topics` ([]MetadataRequestTopic, nullable in versions 1+).
    pub topics: Option<Vec<MetadataRequestTopic>>,
    /// `AllowAutoTopicCreation` (bool, versions 4+, default true).
    pub allow_auto_topic_creation: bool,
    /// `IncludeClusterAuthorizedOperations` (bool, versions 8-10).
    pub include_cluster_authorized_operations: bool,
    /// `IncludeTopicAuthorizedOperations` (bool, versions 8+).
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: false,
            include_topic_authorized_operations: false,
        }
    }
}

impl Message for MetadataRequest {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=13)?;
        let flex = version >= 9;
        let this = Self {
            topics: r.opt_structs(flex, version >= 1, version)?,
            allow_auto_topic_creation: if version >= 4 { r.bool()? } else { true },
            include_cluster_authorized_operations: if (8..=10).contains(&version) {
                r.bool()?
            } else {
                false
            },
            include_topic_authorized_operations: if version >= 8 { r.bool()? } else { false },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_opt_structs(self.topics.as_deref(), flex, version >= 1, version);
        if version >= 4 {
            w.put_bool(self.allow_auto_topic_creation);
        }
        if (8..=10).contains(&version) {
            w.put_bool(self.include_cluster_authorized_operations);
        }
        if version >= 8 {
            w.put_bool(self.include_topic_authorized_operations);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`MetadataRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataRequestTopic {
    /// `TopicId` (uuid, versions 10+).
    pub topic_id: Uuid,
    /// `Name` (string, nullable in versions 10+).
    pub name: Option<String>,
}

impl Default for MetadataRequestTopic {
    fn default() -> Self {
        Self { topic_id: Uuid::ZERO, name: Some(String::new()) }
    }
}

impl Message for MetadataRequestTopic {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self {
            topic_id: if version >= 10 { r.uuid()? } else { Uuid::ZERO },
            name: r.opt_string(flex, version >= 10)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        if version >= 10 {
            w.put_uuid(self.topic_id);
        }
        w.put_opt_string(self.name.as_deref(), flex, version >= 10);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;
    const FIRST_FLEXIBLE: i16 = 9;
    type Response = MetadataResponse;
}

/// `MetadataResponse`, versions 0 to 13.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponse {
    /// `ThrottleTimeMs` (int32, versions 3+).
    pub throttle_time_ms: i32,
    /// `Brokers` ([]MetadataResponseBroker).
    pub brokers: Vec<MetadataResponseBroker>,
    /// `ClusterId` (string, versions 2+, nullable, default null).
    pub cluster_id: Option<String>,
    /// `ControllerId` (int32, versions 1+, default -1).
    pub controller_id: i32,
    /// `Topics` ([]MetadataResponseTopic).
    pub topics: Vec<MetadataResponseTopic>,
    /// `ClusterAuthorizedOperations` (int32, versions 8-10, default -2147483648).
    pub cluster_authorized_operations: i32,
    /// `ErrorCode` (int16, versions 13+).
    pub error_code: i16,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            brokers: Vec::new(),
            cluster_id: None,
            controller_id: -1,
            topics: Vec::new(),
            cluster_authorized_operations: i32::MIN,
            error_code: 0,
        }
    }
}

impl Message for MetadataResponse {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=13)?;
        let flex = version >= 9;
        let this = Self {
            throttle_time_ms: if version >= 3 { r.i32()? } else { 0 },
            brokers: r.structs(flex, version)?,
            cluster_id: if version >= 2 { r.opt_string(flex, true)? } else { None },
            controller_id: if version >= 1 { r.i32()? } else { -1 },
            topics: r.structs(flex, version)?,
            cluster_authorized_operations: if (8..=10).contains(&version) { r.i32()? } else { i32::MIN },
            error_code: if version >= 13 { r.i16()? } else { 0 },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        if version >= 3 {
            w.put_i32(self.throttle_time_ms);
        }
        w.put_structs(&self.brokers, flex, version);
        if version >= 2 {
            w.put_opt_string(self.cluster_id.as_deref(), flex, true);
        }
        if version >= 1 {
            w.put_i32(self.controller_id);
        }
        w.put_structs(&self.topics, flex, version);
        if (8..=10).contains(&version) {
            w.put_i32(self.cluster_authorized_operations);
        }
        if version >= 13 {
            w.put_i16(self.error_code);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`MetadataResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetadataResponseBroker {
    /// `NodeId` (int32).
    pub node_id: i32,
    /// `Host` (string).
    pub host: String,
    /// `Port` (int32).
    pub port: i32,
    /// `Rack` (string, versions 1+, nullable, default null).
    pub rack: Option<String>,
}

impl Message for MetadataResponseBroker {
    const MIN_SIZE: usize = 10;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self {
            node_id: r.i32()?,
            host: r.string(flex)?,
            port: r.i32()?,
            rack: if version >= 1 { r.opt_string(flex, true)? } else { None },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_i32(self.node_id);
        w.put_string(&self.host, flex);
        w.put_i32(self.port);
        if version >= 1 {
            w.put_opt_string(self.rack.as_deref(), flex, true);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`MetadataResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponseTopic {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `Name` (string, nullable in versions 12+).
    pub name: Option<String>,
    /// `TopicId` (uuid, versions 10+).
    pub topic_id: Uuid,
    /// `IsInternal` (bool, versions 1+).
    pub is_internal: bool,
    /// `Partitions` ([]MetadataResponsePartition).
    pub partitions: Vec<MetadataResponsePartition>,
    /// `TopicAuthorizedOperations` (int32, versions 8+, default -2147483648).
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
    fn default() -> Self {
        Self {
            error_code: 0,
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl Message for MetadataResponseTopic {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self {
            error_code: r.i16()?,
            name: r.opt_string(flex, version >= 12)?,
            topic_id: if version >= 10 { r.uuid()? } else { Uuid::ZERO },
            is_internal: if version >= 1 { r.bool()? } else { false },
            partitions: r.structs(flex, version)?,
            topic_authorized_operations: if version >= 8 { r.i32()? } else { i32::MIN },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_i16(self.error_code);
        w.put_opt_string(self.name.as_deref(), flex, version >= 12);
        if version >= 10 {
            w.put_uuid(self.topic_id);
        }
        if version >= 1 {
            w.put_bool(self.is_internal);
        }
        w.put_structs(&self.partitions, flex, version);
        if version >= 8 {
            w.put_i32(self.topic_authorized_operations);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`MetadataResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponsePartition {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `LeaderId` (int32).
    pub leader_id: i32,
    /// `LeaderEpoch` (int32, versions 7+, default -1).
    pub leader_epoch: i32,
    /// `ReplicaNodes` ([]int32).
    pub replica_nodes: Vec<i32>,
    /// `IsrNodes` ([]int32).
    pub isr_nodes: Vec<i32>,
    /// `OfflineReplicas` ([]int32, versions 5+).
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            offline_replicas: Vec::new(),
        }
    }
}

impl Message for MetadataResponsePartition {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 9;
        let this = Self {
            error_code: r.i16()?,
            partition_index: r.i32()?,
            leader_id: r.i32()?,
            leader_epoch: if version >= 7 { r.i32()? } else { -1 },
            replica_nodes: r.array(flex, 4, Reader::i32)?,
            isr_nodes: r.array(flex, 4, Reader::i32)?,
            offline_replicas: if version >= 5 { r.array(flex, 4, Reader::i32)? } else { Vec::new() },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 9;
        w.put_i16(self.error_code);
        w.put_i32(self.partition_index);
        w.put_i32(self.leader_id);
        if version >= 7 {
            w.put_i32(self.leader_epoch);
        }
        w.put_array(&self.replica_nodes, flex, Writer::put_i32);
        w.put_array(&self.isr_nodes, flex, Writer::put_i32);
        if version >= 5 {
            w.put_array(&self.offline_replicas, flex, Writer::put_i32);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}
