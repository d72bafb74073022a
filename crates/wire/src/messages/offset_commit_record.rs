//! Data that travels or rests inside of records and other messages.
//!
//! Written by `cargo xtask codegen` from `tables/offset_commit_record.txt`; do not edit.

use headwater_model::Uuid;

use crate::Message;
use crate::protocol::{DecodeError, Reader, Writer, check_version};

/// `OffsetCommitKey`, versions 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitKey {
    /// `Group` (string).
    pub group: String,
    /// `Topic` (string).
    pub topic: String,
    /// `Partition` (int32).
    pub partition: i32,
}

impl Message for OffsetCommitKey {
    const MIN_SIZE: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=1)?;
        Ok(Self { group: r.string(false)?, topic: r.string(false)?, partition: r.i32()? })
    }

    fn encode(&self, w: &mut Writer, _version: i16) {
        w.put_string(&self.group, false);
        w.put_string(&self.topic, false);
        w.put_i32(self.partition);
    }
}

impl OffsetCommitKey {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
}

/// `OffsetCommitValue`, versions 0 to 4.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitValue {
    /// `Offset` (int64).
    pub offset: i64,
    /// `LeaderEpoch` (int32, versions 3+, default -1).
    pub leader_epoch: i32,
    /// `Metadata` (string).
    pub metadata: String,
    /// `CommitTimestamp` (int64).
    pub commit_timestamp: i64,
    /// `ExpireTimestamp` (int64, version 1, default -1).
    pub expire_timestamp: i64,
    /// `TopicId` (uuid, versions 4+, tagged).
    pub topic_id: Uuid,
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: 0,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp: 0,
            expire_timestamp: -1,
            topic_id: Uuid::ZERO,
        }
    }
}

impl Message for OffsetCommitValue {
    const MIN_SIZE: usize = 18;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 0..=4)?;
        let flex = version >= 4;
        let mut this = Self {
            offset: r.i64()?,
            leader_epoch: if version >= 3 { r.i32()? } else { -1 },
            metadata: r.string(flex)?,
            commit_timestamp: r.i64()?,
            expire_timestamp: if version == 1 { r.i64()? } else { -1 },
            topic_id: Uuid::ZERO,
        };
        if flex {
            r.tagged(|tag, r| {
                match tag {
                    0 => this.topic_id = r.uuid()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 4;
        w.put_i64(self.offset);
        if version >= 3 {
            w.put_i32(self.leader_epoch);
        }
        w.put_string(&self.metadata, flex);
        w.put_i64(self.commit_timestamp);
        if version == 1 {
            w.put_i64(self.expire_timestamp);
        }
        if flex {
            let tagged = w.begin_tagged();
            if self.topic_id != Uuid::ZERO {
                let field = w.begin_tag(tagged, 0);
                w.put_uuid(self.topic_id);
                w.end_tag(field);
            }
        }
    }
}

impl OffsetCommitValue {
    /// The versions that can be read and written.
    pub const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;
}
