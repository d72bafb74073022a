//! One step of the machine, and how what it has changed is recorded.

use headwater_model::{Monotonic, Offset};

use super::change::{
    DeadLetterCause, DeliveryState, ShareSnapshot, ShareStateChange, ShareUpdate, StateBatch,
};
use super::runs::{RecordState, Run};
use super::{SharePartition, ShareSettings};

/// One step: the time, the rules, and what it leads to.
pub(crate) struct Step<'a> {
    pub(crate) now: Monotonic,
    pub(crate) settings: &'a ShareSettings,
    /// Updates after which a snapshot is due.
    pub(crate) updates_per_snapshot: u16,
    /// To be appended to the log.
    pub(crate) change: Option<ShareStateChange>,
    /// To be written to the dead-letter topic.
    pub(crate) dead: Vec<StateBatch>,
    /// Who waits for records may get some.
    pub(crate) frees: bool,
    /// What has durably changed.
    changed: Vec<StateBatch>,
    had_room: bool,
}

impl<'a> Step<'a> {
    pub(crate) fn new(now: Monotonic, settings: &'a ShareSettings, updates_per_snapshot: u16) -> Self {
        Self {
            now,
            settings,
            updates_per_snapshot,
            change: None,
            dead: Vec::new(),
            frees: false,
            changed: Vec::new(),
            had_room: true,
        }
    }

    /// Notes how things stand before the step.
    pub(super) fn watch(&mut self, partition: &SharePartition) {
        self.had_room = self.has_room(partition);
    }

    fn has_room(&self, partition: &SharePartition) -> bool {
        partition.runs.in_flight() < self.settings.max_record_locks
    }

    /// Notes a state that is durable from now on.
    pub(super) fn note(&mut self, first: Offset, run: &Run) {
        add_durable(&mut self.changed, first, run);
    }

    /// Moves the start offset, and records what has durably changed.
    pub(super) fn finish(&mut self, partition: &mut SharePartition) {
        partition.advance();
        self.frees |= !self.had_room && self.has_room(partition);
        let batches = std::mem::take(&mut self.changed);
        if batches.is_empty() {
            return;
        }
        self.change = Some(if partition.updates < self.updates_per_snapshot {
            partition.update(batches)
        } else {
            partition.snapshot()
        });
    }
}

/// What is durable of a run. None of what is as if it had never been acquired.
fn durable(first: Offset, run: &Run) -> Option<StateBatch> {
    let (state, deliveries) = match &run.state {
        RecordState::Available => (DeliveryState::Available, run.deliveries),
        RecordState::Acquired(_) => (DeliveryState::Available, run.deliveries.saturating_sub(1)),
        RecordState::Archiving(cause) => (DeliveryState::Archiving(*cause), run.deliveries),
        RecordState::Done => (DeliveryState::Done, 0),
    };
    let is_untouched = state == DeliveryState::Available && deliveries == 0;
    (!is_untouched).then_some(StateBatch { first, last: run.last, state, deliveries })
}

/// Adds what is durable of a run to that of others, joined with the last if they are alike.
fn add_durable(batches: &mut Vec<StateBatch>, first: Offset, run: &Run) {
    let Some(batch) = durable(first, run) else {
        return;
    };
    if let Some(before) = batches.last_mut()
        && before.last.next() == batch.first
        && (before.state, before.deliveries) == (batch.state, batch.deliveries)
    {
        before.last = batch.last;
        return;
    }
    batches.push(batch);
}

impl SharePartition {
    /// The whole state begins a new series of updates.
    pub(super) fn snapshot(&mut self) -> ShareStateChange {
        self.snapshot_epoch = self.snapshot_epoch.saturating_add(1);
        self.updates = 0;
        let mut batches = Vec::new();
        for (first, run) in self.runs.iter() {
            add_durable(&mut batches, first, run);
        }
        ShareStateChange::Snapshot(ShareSnapshot {
            state_epoch: self.state_epoch,
            snapshot_epoch: self.snapshot_epoch,
            start: self.start,
            batches,
        })
    }

    /// What the start offset has passed need not be said.
    fn update(&mut self, batches: Vec<StateBatch>) -> ShareStateChange {
        let slot = self.updates;
        self.updates += 1;
        let start = self.start;
        let left = batches.into_iter().filter(|batch| batch.last >= start);
        let batches = left.map(|batch| StateBatch { first: batch.first.max(start), ..batch }).collect();
        let update = ShareUpdate { snapshot_epoch: self.snapshot_epoch, start, batches };
        ShareStateChange::Update { slot, update }
    }

    /// Archives what cannot be processed, by way of the dead-letter topic if there is one.
    pub(super) fn bury(&mut self, step: &mut Step<'_>, first: Offset, run: &Run, cause: DeadLetterCause) {
        if !step.settings.dead_letters {
            self.change(step, first, Run::new(run.last, RecordState::Done, 0));
            return;
        }
        let buried = Run::new(run.last, RecordState::Archiving(cause), run.deliveries);
        step.dead.extend(durable(first, &buried));
        self.change(step, first, buried);
    }

    /// Puts records into a state that is durable.
    pub(super) fn change(&mut self, step: &mut Step<'_>, first: Offset, run: Run) {
        step.note(first, &run);
        self.runs.put(first, run);
    }
}
