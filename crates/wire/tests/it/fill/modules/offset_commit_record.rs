//! Written by `cargo xtask codegen`; do not edit.

use headwater_model::Uuid;
use headwater_wire::messages::offset_commit_record::*;

use crate::fill::{Fill, Source};

impl Fill for OffsetCommitKey {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            group: Fill::fill(source, version),
            topic: Fill::fill(source, version),
            partition: Fill::fill(source, version),
        }
    }
}

impl Fill for OffsetCommitValue {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            offset: Fill::fill(source, version),
            leader_epoch: if version >= 3 { Fill::fill(source, version) } else { -1 },
            metadata: Fill::fill(source, version),
            commit_timestamp: Fill::fill(source, version),
            expire_timestamp: if version == 1 { Fill::fill(source, version) } else { -1 },
            topic_id: if version >= 4 { Fill::fill(source, version) } else { Uuid::ZERO },
        }
    }
}
