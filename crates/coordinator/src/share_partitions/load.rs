//! The state by its records.

use super::{Kept, SharePartitionChange, SharePartitionEffects, SharePartitions};
use crate::share_partition::SharePartition;
use crate::{SharePartitionId, ShareStateChange};

impl SharePartitions {
    /// Takes over a durable fact, in the log's order.
    pub fn replay(&mut self, change: SharePartitionChange) {
        let SharePartitionChange { id, change } = change;
        let kept = self.partitions.entry(id).or_default();
        match change {
            ShareStateChange::Snapshot(snapshot) => {
                kept.state = Some(SharePartition::from_snapshot(&snapshot));
            }
            ShareStateChange::Update { slot, update } => {
                kept.slots.insert(slot);
                if let Some(state) = &mut kept.state {
                    state.replay(slot, &update);
                }
            }
            ShareStateChange::SnapshotForgotten => kept.state = None,
            ShareStateChange::UpdateForgotten { slot } => {
                kept.slots.remove(&slot);
            }
        }
    }

    /// Takes the place of a state that was dropped: groups keep their rules.
    pub fn succeed(&mut self, before: &Self) {
        self.settings.clone_from(&before.settings);
    }

    /// The log has been replayed: what may be missing in dead-letter topics is to be written, and what an interrupted
    /// command has left goes.
    pub fn loaded(&mut self) -> SharePartitionEffects {
        let mut effects = SharePartitionEffects::default();
        let left = self.partitions.extract_if(.., |_, kept| kept.state.is_none());
        for (id, kept) in left {
            effects.forget_updates(&id, &kept);
        }
        for (id, kept) in &self.partitions {
            if let Some(state) = &kept.state {
                effects.bury(id, state.dying());
            }
        }
        effects
    }
}

impl SharePartitionEffects {
    /// The snapshot goes first: without it updates are of no account.
    pub(super) fn forget(&mut self, id: &SharePartitionId, kept: &Kept) {
        let change = ShareStateChange::SnapshotForgotten;
        self.records.push(SharePartitionChange { id: id.clone(), change });
        self.forget_updates(id, kept);
    }

    fn forget_updates(&mut self, id: &SharePartitionId, kept: &Kept) {
        for slot in kept.slots.iter().copied() {
            let change = ShareStateChange::UpdateForgotten { slot };
            self.records.push(SharePartitionChange { id: id.clone(), change });
        }
    }
}
