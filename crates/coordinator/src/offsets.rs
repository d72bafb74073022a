//! The offsets that groups have committed.

mod commit;
mod delete;
mod fetch;
mod retention;

use std::collections::BTreeMap;

use headwater_model::TopicPartition;

use crate::effects::Turn;
use crate::group::Group;
use crate::{Change, CommittedOffset};

pub use commit::{CommitOffsets, OffsetToCommit};
pub use delete::DeleteOffsets;

/// The committed offsets of one group.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    by_partition: BTreeMap<TopicPartition, CommittedOffset>,
}

impl Offsets {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    pub(crate) fn put(&mut self, partition: TopicPartition, committed: CommittedOffset) {
        self.by_partition.insert(partition, committed);
    }

    pub(crate) fn remove(&mut self, partition: &TopicPartition) {
        self.by_partition.remove(partition);
    }
}

impl Group {
    /// Forgets the offsets for which `forgotten` holds.
    pub(crate) fn forget_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        forgotten: impl Fn(&TopicPartition, &CommittedOffset) -> bool,
    ) {
        let group = &self.id;
        self.offsets.by_partition.retain(|partition, committed| {
            let forgotten = forgotten(partition, committed);
            if forgotten {
                turn.record(Change::OffsetForgotten { group: group.clone(), partition: partition.clone() });
            }
            !forgotten
        });
    }
}
