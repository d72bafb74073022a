//! The messages of DeleteShareGroupOffsets (API 92).
//!
//! Written by `cargo xtask codegen` from `tables/delete_share_group_offsets.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DeleteShareGroupOffsetsRequest`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteShareGroupOffsetsRequest {
    /// `GroupId` (string).
    pub group_id: String,
    /// `Topics` ([]DeleteShareGroupOffsetsRequestTopic).
    pub topics: Vec<DeleteShareGroupOffsetsRequestTopic>,
}

impl Message for DeleteShareGroupOffsetsRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self { group_id: r.string(true)?, topics: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.group_id, true);
        w.put_structs(&self.topics, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DeleteShareGroupOffsetsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteShareGroupOffsetsRequestTopic {
    /// `TopicName` (string).
    pub topic_name: String,
}

impl Message for DeleteShareGroupOffsetsRequestTopic {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_name: r.string(true)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic_name, true);
        w.put_no_tagged();
    }
}

impl Request for DeleteShareGroupOffsetsRequest {
    const KEY: ApiKey = ApiKey::DeleteShareGroupOffsets;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;
    const FIRST_FLEXIBLE: i16 = 0;
    type Response = DeleteShareGroupOffsetsResponse;
}

/// `DeleteShareGroupOffsetsResponse`, versions 0 to 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteShareGroupOffsetsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `Responses` ([]DeleteShareGroupOffsetsResponseTopic).
    pub responses: Vec<DeleteShareGroupOffsetsResponseTopic>,
}

impl Message for DeleteShareGroupOffsetsResponse {
    const MIN_SIZE: usize = 9;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=0)?;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            responses: r.structs(true, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_structs(&self.responses, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`DeleteShareGroupOffsetsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteShareGroupOffsetsResponseTopic {
    /// `TopicName` (string).
    pub topic_name: String,
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
}

impl Message for DeleteShareGroupOffsetsResponseTopic {
    const MIN_SIZE: usize = 21;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            topic_name: r.string(true)?,
            topic_id: r.uuid()?,
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic_name, true);
        w.put_uuid(self.topic_id);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_no_tagged();
    }
}
