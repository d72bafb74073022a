//! The offsets that groups have committed.

mod commit;
mod delete;
mod fetch;
mod pending;
mod retention;

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{ProducerId, TopicPartition};

use crate::effects::Turn;
use crate::group::Group;
use crate::{Change, CommittedOffset};

pub use commit::{CommitOffsets, OffsetToCommit};
pub use delete::DeleteOffsets;
pub(crate) use pending::{Ends, OpenTransactions};
pub use pending::{EndsSeen, WithinTransaction};

/// The committed offsets of one group.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    by_partition: BTreeMap<TopicPartition, Placed>,
    /// Within transactions that are open, by producer.
    pending: BTreeMap<ProducerId, BTreeMap<TopicPartition, Placed>>,
}

/// An offset, with its place in the order of the shard's commits.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) committed: CommittedOffset,
    pub(crate) number: u64,
}

impl Offsets {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_partition.is_empty() && self.pending.is_empty()
    }

    pub(crate) fn put(&mut self, partition: TopicPartition, placed: Placed) {
        self.by_partition.insert(partition, placed);
    }

    /// Forgets what is committed for a partition, and what is pending.
    pub(crate) fn remove(&mut self, partition: &TopicPartition) {
        self.by_partition.remove(partition);
        self.pending.retain(|_, offsets| {
            offsets.remove(partition);
            !offsets.is_empty()
        });
    }
}

impl Group {
    /// Forgets the offsets of the partitions for which `forgotten` holds, the pending ones too.
    pub(crate) fn forget_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        forgotten: impl Fn(&TopicPartition) -> bool,
    ) {
        let known = self.offsets.by_partition.keys().chain(self.offsets.pending_partitions());
        let gone: BTreeSet<_> = known.filter(|partition| forgotten(partition)).cloned().collect();
        for partition in gone {
            self.offsets.remove(&partition);
            turn.record(Change::OffsetForgotten { group: self.id.clone(), partition });
        }
    }
}
