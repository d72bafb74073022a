//! Written by `cargo xtask codegen`; do not edit.

use headwater_wire::messages::consumer_protocol::*;

use crate::fill::{Fill, Source};

impl Fill for ConsumerProtocolSubscription {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self {
            topics: Fill::fill(source, version),
            user_data: source.option(true, version),
            owned_partitions: if version >= 1 { Fill::fill(source, version) } else { Vec::new() },
            generation_id: if version >= 2 { Fill::fill(source, version) } else { -1 },
            rack_id: if version >= 3 { source.option(true, version) } else { None },
        }
    }
}

impl Fill for ConsumerProtocolSubscriptionTopicPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}

impl Fill for ConsumerProtocolAssignment {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { assigned_partitions: Fill::fill(source, version), user_data: source.option(true, version) }
    }
}

impl Fill for ConsumerProtocolAssignmentTopicPartition {
    fn fill(source: &mut Source, version: i16) -> Self {
        Self { topic: Fill::fill(source, version), partitions: Fill::fill(source, version) }
    }
}
