//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::group_metadata_record::*;

use crate::fill::{Fill, Source};

impl Fill for GroupMetadataKey {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { group: Fill::fill(source, version) }
    }
}

impl Fill for GroupMetadataValue {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            protocol_type: Fill::fill(source, version),
            generation: Fill::fill(source, version),
            protocol: source.option(true, version),
            leader: source.option(true, version),
            current_state_timestamp: if version >= 2 { Fill::fill(source, version) } else { -1 },
            members: Fill::fill(source, version),
        }
    }
}

impl Fill for MemberMetadata {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            member_id: Fill::fill(source, version),
            group_instance_id: if version >= 3 { source.option(true, version) } else { None },
            client_id: Fill::fill(source, version),
            client_host: Fill::fill(source, version),
            rebalance_timeout: if version >= 1 { Fill::fill(source, version) } else { 0 },
            session_timeout: Fill::fill(source, version),
            subscription: Fill::fill(source, version),
            assignment: Fill::fill(source, version),
        }
    }
}
