//! One share-partition (KIP-932): what has become of the records of a partition in a share group.
//!
//! The records from the start offset to the end are tracked, as runs of neighbours in the same state; what is before has been
//! dealt with, what is after has never been acquired. A record is acquired by a member for a time; until then the member
//! acknowledges it, or it becomes available again, with a delivery more. One that was delivered too often, or is rejected,
//! is archived, by way of the group's dead-letter topic if it has one.
//!
//! # Invariants
//! - A record is acquired by one member at a time, and by no other until it is released or its lock has expired.
//! - A record is delivered no more often than the limit says.
//! - The start offset only grows, except when an administrator alters it; then the state epoch grows.
//! - Where the start offset is, there is a record that has not been dealt with, or none that is tracked.
//! - No more records than the limit says are tracked and not dealt with. (After a restart, what is not there counts until
//!   that is found out anew.)
//! - A record that goes to the dead-letter topic keeps the start offset back until it is there.
//! - What is durable of an acquired record is how it was before: available, with a delivery less. What is not there
//!   (compacted away, control records, records of aborted transactions) is found out anew after a restart. So acquiring
//!   records nothing.
//!
//! # What is not here
//! The log and its records, share sessions, who may acquire; the bytes that an answer may have.

mod acknowledge;
mod acquire;
mod change;
mod record;
mod release;
mod replay;
mod runs;

use std::time::Duration;

use headwater_model::{Monotonic, Offset};

pub use acknowledge::{Acknowledge, AcknowledgementBatch, Acknowledgements};
pub use acquire::{Acquire, AcquireMode, Acquired, ReadBatch};
pub use change::{DeadLetterCause, DeliveryState, ShareSnapshot, ShareStateChange, ShareUpdate, StateBatch};

pub(crate) use record::Step;

use runs::Runs;

/// The rules of a group for its share-partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareSettings {
    /// For how long records are acquired (Kafka's `group.share.record.lock.duration.ms`).
    pub lock_duration: Duration,
    /// How often a record may be delivered (Kafka's `group.share.delivery.count.limit`).
    pub delivery_limit: u16,
    /// The greatest number of records of a partition that are not dealt with (Kafka's
    /// `group.share.partition.max.record.locks`).
    pub max_record_locks: u64,
    /// What is archived because it could not be processed goes to a dead-letter topic (KIP-1191).
    pub dead_letters: bool,
}

impl Default for ShareSettings {
    fn default() -> Self {
        Self {
            lock_duration: Duration::from_secs(30),
            delivery_limit: 5,
            max_record_locks: 2_000,
            dead_letters: false,
        }
    }
}

/// A share-partition as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescribedSharePartition {
    /// The first record that has not been dealt with.
    pub start: Offset,
    /// The first record that has never been acquired.
    pub end: Offset,
    /// How often the start offset was altered.
    pub state_epoch: i32,
    /// Records between start and end that have not been dealt with.
    pub in_flight: u64,
    /// Records between start and end that have been dealt with. (A group's lag is what is from the start offset on,
    /// without these.)
    pub completed: u64,
}

/// The state of one share-partition.
#[derive(Debug)]
pub(crate) struct SharePartition {
    state_epoch: i32,
    snapshot_epoch: i32,
    /// Updates since the last snapshot.
    updates: u16,
    start: Offset,
    /// From the start offset on, without a hole.
    runs: Runs,
}

impl SharePartition {
    fn beginning_at(start: Offset) -> Self {
        Self { state_epoch: 0, snapshot_epoch: 0, updates: 0, start, runs: Runs::default() }
    }

    /// The first offset that has never been acquired.
    fn end(&self) -> Offset {
        self.runs.end().unwrap_or(self.start)
    }

    /// Where to read what can be acquired next. None if nothing can be before records are acknowledged or released.
    pub(crate) fn next_fetch_offset(&self, settings: &ShareSettings) -> Option<Offset> {
        self.runs.first_available().or_else(|| {
            let has_room = self.runs.in_flight() < settings.max_record_locks;
            has_room.then(|| self.end())
        })
    }

    pub(crate) fn describe(&self) -> DescribedSharePartition {
        let (end, in_flight) = (self.end(), self.runs.in_flight());
        DescribedSharePartition {
            start: self.start,
            end,
            state_epoch: self.state_epoch,
            in_flight,
            completed: ((end.0 - self.start.0) as u64).saturating_sub(in_flight),
        }
    }

    /// When the next lock expires.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.runs.next_lock()
    }

    /// The log begins here now: what was before is gone.
    pub(crate) fn log_start_moved(&mut self, step: &mut Step<'_>, log_start: Offset) {
        if log_start > self.start {
            step.watch(self);
            self.start = log_start;
            self.advance();
            step.finish(self);
        }
    }

    /// The start offset passes what has been dealt with.
    fn advance(&mut self) {
        self.runs.cut_before(self.start);
        while let Some((last, run)) = self.runs.first()
            && run.state.is_final()
        {
            self.start = last.next();
            self.runs.cut_before(self.start);
        }
    }
}
