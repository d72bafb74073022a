//! Where a share-partition begins, how its start is altered, and what it is by its records.

use headwater_model::Offset;

use super::SharePartition;
use super::change::{DeliveryState, ShareSnapshot, ShareStateChange, ShareUpdate, StateBatch};
use super::record::Step;
use super::runs::{RecordState, Run, Runs};

impl SharePartition {
    /// A share-partition of which nothing is known begins at an offset.
    pub(crate) fn begin(start: Offset) -> (Self, ShareStateChange) {
        let mut partition = Self::beginning_at(start);
        let change = partition.snapshot();
        (partition, change)
    }

    /// An administrator has it begin at another offset.
    pub(crate) fn alter(&mut self, step: &mut Step<'_>, start: Offset) {
        self.state_epoch = self.state_epoch.saturating_add(1);
        self.start = start;
        self.runs = Runs::default();
        step.change = Some(self.snapshot());
        step.frees = true;
    }

    /// By the records, begins as a snapshot says.
    pub(crate) fn from_snapshot(snapshot: &ShareSnapshot) -> Self {
        let mut partition = Self::beginning_at(snapshot.start);
        partition.state_epoch = snapshot.state_epoch;
        partition.snapshot_epoch = snapshot.snapshot_epoch;
        partition.apply(snapshot.start, &snapshot.batches);
        partition
    }

    /// By the records, goes on as an update says, if that is one of its snapshot.
    pub(crate) fn replay(&mut self, slot: u16, update: &ShareUpdate) {
        if update.snapshot_epoch == self.snapshot_epoch {
            self.updates = self.updates.max(slot.saturating_add(1));
            self.apply(update.start, &update.batches);
        }
    }

    fn apply(&mut self, start: Offset, batches: &[StateBatch]) {
        for batch in batches.iter().filter(|batch| batch.last >= self.start) {
            let first = batch.first.max(self.start);
            if first > self.end() {
                // What nothing is said of was never delivered, so far as is durable.
                let between = Run::new(Offset(first.0 - 1), RecordState::Available, 0);
                self.runs.put(self.end(), between);
            }
            let state = match batch.state {
                DeliveryState::Available => RecordState::Available,
                DeliveryState::Archiving(cause) => RecordState::Archiving(cause),
                DeliveryState::Done => RecordState::Done,
            };
            self.runs.put(first, Run::new(batch.last, state, batch.deliveries));
        }
        self.start = self.start.max(start);
        self.advance();
    }

    /// What may be missing in the dead-letter topic.
    pub(crate) fn dying(&self) -> Vec<StateBatch> {
        let runs = self.runs.iter().filter_map(|(first, run)| match run.state {
            RecordState::Archiving(cause) => Some(StateBatch {
                first,
                last: run.last,
                state: DeliveryState::Archiving(cause),
                deliveries: run.deliveries,
            }),
            _ => None,
        });
        runs.collect()
    }
}
