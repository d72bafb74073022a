//! Data that travels or rests inside of records and other messages.
//!
//! Written by `cargo xtask codegen` from `tables/consumer_protocol.txt`; do not edit.

use bytes::Bytes;

use crate::Message;
use crate::protocol::{DecodeError, Reader, Writer, check_version};

/// `ConsumerProtocolSubscription`, versions 0 to 3.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerProtocolSubscription {
    /// `Topics` ([]string).
    pub topics: Vec<String>,
    /// `UserData` (bytes, nullable, default null).
    pub user_data: Option<Bytes>,
    /// `OwnedPartitions` ([]ConsumerProtocolSubscriptionTopicPartition, versions 1+).
    pub owned_partitions: Vec<ConsumerProtocolSubscriptionTopicPartition>,
    /// `GenerationId` (int32, versions 2+, default -1).
    pub generation_id: i32,
    /// `RackId` (string, versions 3+, nullable, default null).
    pub rack_id: Option<String>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation_id: -1,
            rack_id: None,
        }
    }
}

impl Message for ConsumerProtocolSubscription {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=3)?;
        Ok(Self {
            topics: r.strings(false)?,
            user_data: r.opt_bytes(false, true)?,
            owned_partitions: if version >= 1 { r.structs(false, version)? } else { Vec::new() },
            generation_id: if version >= 2 { r.i32()? } else { -1 },
            rack_id: if version >= 3 { r.opt_string(false, true)? } else { None },
        })
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_strings(&self.topics, false);
        w.put_opt_bytes(self.user_data.as_ref(), false, true);
        if version >= 1 {
            w.put_structs(&self.owned_partitions, false, version);
        }
        if version >= 2 {
            w.put_i32(self.generation_id);
        }
        if version >= 3 {
            w.put_opt_string(self.rack_id.as_deref(), false, true);
        }
    }
}

/// A part of [`ConsumerProtocolSubscription`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerProtocolSubscriptionTopicPartition {
    /// `Topic` (string).
    pub topic: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for ConsumerProtocolSubscriptionTopicPartition {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        Ok(Self { topic: r.string(false)?, partitions: r.array(false, 4, Reader::i32)? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic, false);
        w.put_array(&self.partitions, false, Writer::put_i32);
    }
}

impl ConsumerProtocolSubscription {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;
}

/// `ConsumerProtocolAssignment`, versions 0 to 3.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerProtocolAssignment {
    /// `AssignedPartitions` ([]ConsumerProtocolAssignmentTopicPartition).
    pub assigned_partitions: Vec<ConsumerProtocolAssignmentTopicPartition>,
    /// `UserData` (bytes, nullable, default null).
    pub user_data: Option<Bytes>,
}

impl Message for ConsumerProtocolAssignment {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=3)?;
        Ok(Self { assigned_partitions: r.structs(false, version)?, user_data: r.opt_bytes(false, true)? })
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        w.put_structs(&self.assigned_partitions, false, version);
        w.put_opt_bytes(self.user_data.as_ref(), false, true);
    }
}

/// A part of [`ConsumerProtocolAssignment`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerProtocolAssignmentTopicPartition {
    /// `Topic` (string).
    pub topic: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for ConsumerProtocolAssignmentTopicPartition {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        Ok(Self { topic: r.string(false)?, partitions: r.array(false, 4, Reader::i32)? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.topic, false);
        w.put_array(&self.partitions, false, Writer::put_i32);
    }
}

impl ConsumerProtocolAssignment {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;
}
