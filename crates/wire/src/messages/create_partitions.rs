//! The messages of CreatePartitions (API 37).
//!
//! Written by `cargo xtask codegen` from `tables/create_partitions.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `CreatePartitionsRequest`, versions 0 to 3.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatePartitionsRequest {
    /// `Topics` ([]CreatePartitionsTopic).
    pub topics: Vec<CreatePartitionsTopic>,
    /// `TimeoutMs` (int32).
    pub timeout_ms: i32,
    /// `ValidateOnly` (bool).
    pub validate_only: bool,
}

impl Message for CreatePartitionsRequest {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=3)?;
        let flex = version >= 2;
        let this = Self { topics: r.structs(flex, version)?, timeout_ms: r.i32()?, validate_only: r.bool()? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_structs(&self.topics, flex, version);
        w.put_i32(self.timeout_ms);
        w.put_bool(self.validate_only);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`CreatePartitionsRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct CreatePartitionsTopic {
    /// `Name` (string).
    pub name: String,
    /// `Count` (int32).
    pub count: i32,
    /// `Assignments` ([]CreatePartitionsAssignment, nullable).
    pub assignments: Option<Vec<CreatePartitionsAssignment>>,
}

impl Default for CreatePartitionsTopic {
    fn default() -> Self {
        Self { name: String::new(), count: 0, assignments: Some(Vec::new()) }
    }
}

impl Message for CreatePartitionsTopic {
    const MIN_SIZE: usize = 7;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this =
            Self { name: r.string(flex)?, count: r.i32()?, assignments: r.opt_structs(flex, true, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_string(&self.name, flex);
        w.put_i32(self.count);
        w.put_opt_structs(self.assignments.as_deref(), flex, true, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`CreatePartitionsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatePartitionsAssignment {
    /// `BrokerIds` ([]int32).
    pub broker_ids: Vec<i32>,
}

impl Message for CreatePartitionsAssignment {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self { broker_ids: r.array(flex, 4, Reader::i32)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_array(&self.broker_ids, flex, Writer::put_i32);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for CreatePartitionsRequest {
    const KEY: ApiKey = ApiKey::CreatePartitions;
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;
    const FIRST_FLEXIBLE: i16 = 2;
    type Response = CreatePartitionsResponse;
}

/// `CreatePartitionsResponse`, versions 0 to 3.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatePartitionsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Results` ([]CreatePartitionsTopicResult).
    pub results: Vec<CreatePartitionsTopicResult>,
}

impl Message for CreatePartitionsResponse {
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

/// A part of [`CreatePartitionsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatePartitionsTopicResult {
    /// `Name` (string).
    pub name: String,
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
}

impl Message for CreatePartitionsTopicResult {
    const MIN_SIZE: usize = 5;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this =
            Self { name: r.string(flex)?, error_code: r.i16()?, error_message: r.opt_string(flex, true)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_string(&self.name, flex);
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), flex, true);
        if flex {
            w.put_no_tagged();
        }
    }
}
