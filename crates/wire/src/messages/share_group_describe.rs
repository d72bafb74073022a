//! The messages of ShareGroupDescribe (API 77).
//!
//! Written by `cargo xtask codegen` from `tables/share_group_describe.txt`; do not edit.

use headwater_model::Uuid;

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `ShareGroupDescribeRequest`, versions 1 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupDescribeRequest {
    /// `GroupIds` ([]string).
    pub group_ids: Vec<String>,
    /// `IncludeAuthorizedOperations` (bool).
    pub include_authorized_operations: bool,
}

impl Message for ShareGroupDescribeRequest {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=1)?;
        let this = Self { group_ids: r.strings(true)?, include_authorized_operations: r.bool()? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_strings(&self.group_ids, true);
        w.put_bool(self.include_authorized_operations);
        w.put_no_tagged();
    }
}

impl Request for ShareGroupDescribeRequest {
    const KEY: ApiKey = ApiKey::ShareGroupDescribe;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=1;
    const FIRST_FLEXIBLE: i16 = 1;
    type Response = ShareGroupDescribeResponse;
}

/// `ShareGroupDescribeResponse`, versions 1 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupDescribeResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `Groups` ([]DescribedGroup).
    pub groups: Vec<DescribedGroup>,
}

impl Message for ShareGroupDescribeResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=1)?;
        let this = Self { throttle_time_ms: r.i32()?, groups: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i32(self.throttle_time_ms);
        w.put_structs(&self.groups, true, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `ErrorMessage` (string, nullable, default null).
    pub error_message: Option<String>,
    /// `GroupId` (string).
    pub group_id: String,
    /// `GroupState` (string).
    pub group_state: String,
    /// `GroupEpoch` (int32).
    pub group_epoch: i32,
    /// `AssignmentEpoch` (int32).
    pub assignment_epoch: i32,
    /// `AssignorName` (string).
    pub assignor_name: String,
    /// `Members` ([]Member).
    pub members: Vec<Member>,
    /// `AuthorizedOperations` (int32, default -2147483648).
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            group_epoch: 0,
            assignment_epoch: 0,
            assignor_name: String::new(),
            members: Vec::new(),
            authorized_operations: i32::MIN,
        }
    }
}

impl Message for DescribedGroup {
    const MIN_SIZE: usize = 20;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            error_code: r.i16()?,
            error_message: r.opt_string(true, true)?,
            group_id: r.string(true)?,
            group_state: r.string(true)?,
            group_epoch: r.i32()?,
            assignment_epoch: r.i32()?,
            assignor_name: r.string(true)?,
            members: r.structs(true, version)?,
            authorized_operations: r.i32()?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_i16(self.error_code);
        w.put_opt_string(self.error_message.as_deref(), true, true);
        w.put_string(&self.group_id, true);
        w.put_string(&self.group_state, true);
        w.put_i32(self.group_epoch);
        w.put_i32(self.assignment_epoch);
        w.put_string(&self.assignor_name, true);
        w.put_structs(&self.members, true, version);
        w.put_i32(self.authorized_operations);
        w.put_no_tagged();
    }
}

/// A part of [`ShareGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Member {
    /// `MemberId` (string).
    pub member_id: String,
    /// `RackId` (string, nullable, default null).
    pub rack_id: Option<String>,
    /// `MemberEpoch` (int32).
    pub member_epoch: i32,
    /// `ClientId` (string).
    pub client_id: String,
    /// `ClientHost` (string).
    pub client_host: String,
    /// `SubscribedTopicNames` ([]string).
    pub subscribed_topic_names: Vec<String>,
    /// `Assignment` (Assignment).
    pub assignment: Assignment,
}

impl Message for Member {
    const MIN_SIZE: usize = 12;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            member_id: r.string(true)?,
            rack_id: r.opt_string(true, true)?,
            member_epoch: r.i32()?,
            client_id: r.string(true)?,
            client_host: r.string(true)?,
            subscribed_topic_names: r.strings(true)?,
            assignment: Assignment::decode(r, version)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_string(&self.member_id, true);
        w.put_opt_string(self.rack_id.as_deref(), true, true);
        w.put_i32(self.member_epoch);
        w.put_string(&self.client_id, true);
        w.put_string(&self.client_host, true);
        w.put_strings(&self.subscribed_topic_names, true);
        self.assignment.encode(w, version);
        w.put_no_tagged();
    }
}

/// A part of [`ShareGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitions {
    /// `TopicId` (uuid).
    pub topic_id: Uuid,
    /// `TopicName` (string).
    pub topic_name: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for TopicPartitions {
    const MIN_SIZE: usize = 19;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let this = Self {
            topic_id: r.uuid()?,
            topic_name: r.string(true)?,
            partitions: r.array(true, 4, Reader::i32)?,
        };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_uuid(self.topic_id);
        w.put_string(&self.topic_name, true);
        w.put_array(&self.partitions, true, Writer::put_i32);
        w.put_no_tagged();
    }
}

/// A part of [`ShareGroupDescribeResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    /// `TopicPartitions` ([]TopicPartitions).
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Message for Assignment {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let this = Self { topic_partitions: r.structs(true, version)? };
        r.skip_tagged()?;
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.topic_partitions, true, version);
        w.put_no_tagged();
    }
}
