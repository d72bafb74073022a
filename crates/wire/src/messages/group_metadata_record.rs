//! Data that travels or rests inside of records and other messages.
//!
//! Written by `cargo xtask codegen` from `tables/group_metadata_record.txt`; do not edit.

use bytes::Bytes;

use crate::Message;
use crate::protocol::{DecodeError, Reader, Writer, check_version};

/// `GroupMetadataKey`, versions 2 to 2.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupMetadataKey {
    /// `Group` (string).
    pub group: String,
}

impl Message for GroupMetadataKey {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 2..=2)?;
        Ok(Self { group: r.string(false)? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.group, false);
    }
}

impl GroupMetadataKey {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 2..=2;
}

/// `GroupMetadataValue`, versions 0 to 4.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupMetadataValue {
    /// `ProtocolType` (string).
    pub protocol_type: String,
    /// `Generation` (int32).
    pub generation: i32,
    /// `Protocol` (string, nullable).
    pub protocol: Option<String>,
    /// `Leader` (string, nullable).
    pub leader: Option<String>,
    /// `CurrentStateTimestamp` (int64, versions 2+, default -1).
    pub current_state_timestamp: i64,
    /// `Members` ([]MemberMetadata).
    pub members: Vec<MemberMetadata>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: String::new(),
            generation: 0,
            protocol: Some(String::new()),
            leader: Some(String::new()),
            current_state_timestamp: -1,
            members: Vec::new(),
        }
    }
}

impl Message for GroupMetadataValue {
    const MIN_SIZE: usize = 14;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=4)?;
        let flex = version >= 4;
        let this = Self {
            protocol_type: r.string(flex)?,
            generation: r.i32()?,
            protocol: r.opt_string(flex, true)?,
            leader: r.opt_string(flex, true)?,
            current_state_timestamp: if version >= 2 { r.i64()? } else { -1 },
            members: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.protocol_type, flex);
        w.put_i32(self.generation);
        w.put_opt_string(self.protocol.as_deref(), flex, true);
        w.put_opt_string(self.leader.as_deref(), flex, true);
        if version >= 2 {
            w.put_i64(self.current_state_timestamp);
        }
        w.put_structs(&self.members, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`GroupMetadataValue`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemberMetadata {
    /// `MemberId` (string).
    pub member_id: String,
    /// `GroupInstanceId` (string, versions 3+, nullable, default null).
    pub group_instance_id: Option<String>,
    /// `ClientId` (string).
    pub client_id: String,
    /// `ClientHost` (string).
    pub client_host: String,
    /// `RebalanceTimeout` (int32, versions 1+).
    pub rebalance_timeout: i32,
    /// `SessionTimeout` (int32).
    pub session_timeout: i32,
    /// `Subscription` (bytes).
    pub subscription: Bytes,
    /// `Assignment` (bytes).
    pub assignment: Bytes,
}

impl Message for MemberMetadata {
    const MIN_SIZE: usize = 15;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 4;
        let this = Self {
            member_id: r.string(flex)?,
            group_instance_id: if version >= 3 { r.opt_string(flex, true)? } else { None },
            client_id: r.string(flex)?,
            client_host: r.string(flex)?,
            rebalance_timeout: if version >= 1 { r.i32()? } else { 0 },
            session_timeout: r.i32()?,
            subscription: r.bytes(flex)?,
            assignment: r.bytes(flex)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_string(&self.member_id, flex);
        if version >= 3 {
            w.put_opt_string(self.group_instance_id.as_deref(), flex, true);
        }
        w.put_string(&self.client_id, flex);
        w.put_string(&self.client_host, flex);
        if version >= 1 {
            w.put_i32(self.rebalance_timeout);
        }
        w.put_i32(self.session_timeout);
        w.put_bytes(&self.subscription, flex);
        w.put_bytes(&self.assignment, flex);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl GroupMetadataValue {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;
}
