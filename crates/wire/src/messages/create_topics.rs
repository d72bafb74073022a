//! The messages of CreateTopics (API 19).
//!
//! Written by `cargo xtask codegen` from `tables/create_topics.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `CreateTopicsRequest`, versions 2 to 7.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTopicsRequest {
    /// `Topics` ([]CreatableTopic).
    pub topics: Vec<CreatableTopic>,
    /// `timeoutMs` (int32, default 60000).
    pub timeout_ms: i32,
    /// `validateOnly` (bool).
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self { topics: Vec::new(), timeout_ms: 60_000, validate_only: false }
    }
}

impl Message for CreateTopicsRequest {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 2..=7)?;
        let flex = version >= 5;
        let this = Self { topics: r.structs(flex, version)?, timeout_ms: r.i32()?, validate_only: r.bool()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_structs(&self.topics, flex, version);
        w.put_i32(self.timeout_ms);
        w.put_bool(self.validate_only);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`CreateTopicsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatableTopic {
    /// `Name` (string).
    pub name: String,
    /// `NumPartitions` (int32).
    pub num_partitions: i32,
    /// `ReplicationFactor` (int16).
    pub replication_factor: i16,
    /// `Assignments` ([]CreatableReplicaAssignment).
    pub assignments: Vec<CreatableReplicaAssignment>,
    /// `Configs` ([]CreatableTopicConfig).
    pub configs: Vec<CreatableTopicConfig>,
}

impl Message for CreatableTopic {
    const MIN_SIZE: usize = 10;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 5;
        let this = Self {
            name: r.string(flex)?,
            num_partitions: r.i32()?,
            replication_factor: r.i16()?,
            assignments: r.structs(flex, version)?,
            configs: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_string(&self.name, flex);
        w.put_i32(self.num_partitions);
        w.put_i16(self.replication_factor);
        w.put_structs(&self.assignments, flex, version);
        w.put_structs(&self.configs, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`CreateTopicsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatableReplicaAssignment {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `BrokerIds` ([]int32).
    pub broker_ids: Vec<i32>,
}

impl Message for CreatableReplicaAssignment {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 5;
        let this = Self { partition_index: r.i32()?, broker_ids: r.array(flex, 4, Reader::i32)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_i32(self.partition_index);
        w.put_array(&self.broker_ids, flex, Writer::put_i32);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`CreateTopicsRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicConfig {
    /// `Name` (string).
    pub name: String,
    /// `Value` (string, nullable).
    pub value: Option<String>,
}

impl Default for CreatableTopicConfig {
    fn default() -> Self {
        Self { name: String::new(), value: Some(String::new()) }
    }
}

impl Message for CreatableTopicConfig {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 5;
        let this = Self { name: r.string(flex)?, value: r.opt_string(flex, true)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_string(&self.name, flex);
        w.put_opt_string(self.value.as_deref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for CreateTopicsRequest {
    const KEY: ApiKey = ApiKey::CreateTopics;
    const VERSIONS: std::ops::RangeInclusive<i16> = 2..=7;
    const FIRST_FLEXIBLE: i16 = 5;
    type Response = CreateTopicsResponse;
}

/// `CreateTopicsResponse`, versions 2 to 7.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateTopicsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Topics` ([]CreatableTopicResult).
    pub topics: Vec<CreatableTopicResult>,
}

impl Message for CreateTopicsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 2..=7)?;
        let flex = version >= 5;
        let this = Self { throttle_time_ms: r.i32()?, topics: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.topics, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`CreateTopicsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicResult {
    /// `Name` (string).
    pub name: String,
    /// `TopicId` (uuid, versions 7+).
    pub topic_id: Uuid,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable).
    pub error_message: Option<String>,
    /// `TopicConfigErrorCode` (int16, versions 5+, tagged).
    pub topic_config_error_code: i16,
    /// `NumPartitions` (int32, versions 5+, default -1).
    pub num_partitions: i32,
    /// `ReplicationFactor` (int16, versions 5+, default -1).
    pub replication_factor: i16,
    /// `Configs` ([]CreatableTopicConfigs, versions 5+, nullable).
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        Self {
            name: String::new(),
            topic_id: Uuid::ZERO,
            error_code: 0,
            error_message: Some(String::new()),
            topic_config_error_code: 0,
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Vec::new()),
        }
    }
}

impl Message for CreatableTopicResult {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 5;
        let mut this = Self {
            name: r.string(flex)?,
            topic_id: if version >= 7 { r.uuid()? } else { Uuid::ZERO },
            error_code: r.i16()?,
            error_message: r.opt_string(flex, true)?,
            topic_config_error_code: 0,
            num_partitions: if version >= 5 { r.i32()? } else { -1 },
            replication_factor: if version >= 5 { r.i16()? } else { -1 },
            configs: if version >= 5 { r.opt_structs(flex, true, version)? } else { Some(Vec::new()) },
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 => this.topic_config_error_code = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 5;
        w.put_string(&self.name, flex);
        if version >= 7 {
            w.put_uuid(self.topic_id);
        }
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), flex, true);
        if version >= 5 {
            w.put_i32(self.num_partitions);
            w.put_i16(self.replication_factor);
            w.put_opt_structs(self.configs.as_deref(), flex, true, version);
        }
        if flex {
            let tagged = w.begin_tagged();
            if self.topic_config_error_code != 0 {
                let field = w.begin_tag(tagged, 0);
                w.put_i16(self.topic_config_error_code);
                w.end_tag(field);
            }
        }
    }
}

/// A part of [`CreateTopicsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicConfigs {
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
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
        }
    }
}

impl Message for CreatableTopicConfigs {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            name: r.string(true)?,
            value: r.opt_string(true, true)?,
            read_only: r.bool()?,
            config_source: r.i8()?,
            is_sensitive: r.bool()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.name, true);
        w.put_opt_string(self.value.as_deref(), true, true);
        w.put_bool(self.read_only);
        w.put_i8(self.config_source);
        w.put_bool(self.is_sensitive);
        w.put_no_tagged();
    }
}
