//! The messages of DeleteTopics (API 20).
//!
//! Written by `cargo xtask codegen` from `tables/delete_topics.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DeleteTopicsRequest`, versions 1 to 6.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteTopicsRequest {
    /// `Topics` ([]DeleteTopicState, versions 6+).
    pub topics: Vec<DeleteTopicState>,
    /// `TopicNames` ([]string, versions 1-5).
    pub topic_names: Vec<String>,
    /// `TimeoutMs` (int32).
    pub timeout_ms: i32,
}

impl Message for DeleteTopicsRequest {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=6)?;
        let flex = version >= 4;
        let this = Self {
            topics: if version >= 6 { r.structs(flex, version)? } else { Vec::new() },
            topic_names: if version <= 5 { r.strings(flex)? } else { Vec::new() },
            timeout_ms: r.i32()?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        if version >= 6 {
            w.put_structs(&self.topics, flex, version);
        }
        if version <= 5 {
            w.put_strings(&self.topic_names, flex);
        }
        w.put_i32(self.timeout_ms);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DeleteTopicsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteTopicState {
    /// `Name` (string, nullable, default null).
    pub name: Option<String>,
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
}

impl Message for DeleteTopicState {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { name: r.opt_string(true, true)?, topic_id: r.uuid()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_opt_string(self.name.as_deref(), true, true);
        w.put_uuid(self.topic_id);
        w.put_no_tagged();
    }
}

impl Request for DeleteTopicsRequest {
    const KEY: ApiKey = ApiKey::DeleteTopics;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=6;
    const FIRST_FLEXIBLE: i16 = 4;
    type Response = DeleteTopicsResponse;
}

/// `DeleteTopicsResponse`, versions 1 to 6.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteTopicsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Responses` ([]DeletableTopicResult).
    pub responses: Vec<DeletableTopicResult>,
}

impl Message for DeleteTopicsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=6)?;
        let flex = version >= 4;
        let this = Self { throttle_time_ms: r.i32()?, responses: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.responses, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DeleteTopicsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DeletableTopicResult {
    /// `Name` (string, nullable in versions 6+).
    pub name: Option<String>,
    /// `TopicId` (uuid, versions 6+).
    pub topic_id: Uuid,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, versions 5+, nullable, default null).
    pub error_message: Option<String>,
}

impl Default for DeletableTopicResult {
    fn default() -> Self {
        Self { name: Some(String::new()), topic_id: Uuid::ZERO, error_code: 0, error_message: None }
    }
}

impl Message for DeletableTopicResult {
    const MIN_SIZE: usize = 4;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self {
            name: r.opt_string(flex, version >= 6)?,
            topic_id: if version >= 6 { r.uuid()? } else { Uuid::ZERO },
            error_code: r.i16()?,
            error_message: if version >= 5 { r.opt_string(flex, true)? } else { None },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_opt_string(self.name.as_deref(), flex, version >= 6);
        if version >= 6 {
            w.put_uuid(self.topic_id);
        }
        w.put_i16(self.error_code);
        if version >= 5 {
            w.put_opt_string(self.error_message.as_deref(), flex, true);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}
