//! Records that follow each other and are in the same state, kept as one.
//!
//! Invariants: runs do not overlap and leave no hole; no two neighbours are alike; locks and counts are those of the runs.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{Monotonic, Offset};

use super::change::DeadLetterCause;
use crate::MemberId;

/// For whom records are acquired, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) member: MemberId,
    pub(super) until: Monotonic,
}

/// The state of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordState {
    Available,
    Acquired(Lock),
    /// It has to be written to the dead-letter topic before it is archived.
    Archiving(DeadLetterCause),
    /// It is not delivered any more: it has been processed, is archived, or does not exist.
    Done,
}

impl RecordState {
    /// Nothing more happens to the record.
    pub(super) fn is_final(&self) -> bool {
        *self == Self::Done
    }
}

/// Records in one state, up to an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) last: Offset,
    pub(super) state: RecordState,
    /// How often they were delivered, the present delivery included; 0 where that is of no account any more.
    pub(super) deliveries: u16,
}

impl Run {
    pub(super) fn new(last: Offset, state: RecordState, deliveries: u16) -> Self {
        let deliveries = if state.is_final() { 0 } else { deliveries };
        Self { last, state, deliveries }
    }
}

/// How many offsets there are from one to another.
pub(super) fn count(first: Offset, last: Offset) -> u64 {
    u64::try_from(last.0.saturating_sub(first.0).saturating_add(1)).unwrap_or(0)
}

/// The runs of a share-partition.
#[derive(Debug, Default)]
pub(super) struct Runs {
    by_first: BTreeMap<Offset, Run>,
    locks: BTreeSet<(Monotonic, Offset)>,
    available: BTreeSet<Offset>,
    in_flight: u64,
}

impl Runs {
    /// The end of the first run, and the run.
    pub(super) fn first(&self) -> Option<(Offset, &Run)> {
        self.by_first.values().next().map(|run| (run.last, run))
    }

    /// The offset after the last run.
    pub(super) fn end(&self) -> Option<Offset> {
        self.by_first.values().next_back().map(|run| run.last.next())
    }

    /// The first record that is available.
    pub(super) fn first_available(&self) -> Option<Offset> {
        self.available.first().copied()
    }

    /// The first part of a run between two offsets that is available.
    pub(super) fn next_available(&self, at: Offset, last: Offset) -> Option<(Offset, Run)> {
        // One that begins before may reach into this.
        let before = self.available.range(..=at).next_back();
        let found = before.and_then(|first| self.by_first.get(first)).filter(|run| run.last >= at);
        let (first, run) = if let Some(run) = found {
            (at, run)
        } else {
            let first = self.available.range(at..=last).next()?;
            (*first, self.by_first.get(first)?)
        };
        Some((first, Run { last: run.last.min(last), ..run.clone() }))
    }

    /// Records that have not been dealt with.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// When the first lock expires.
    pub(super) fn next_lock(&self) -> Option<Monotonic> {
        self.locks.first().map(|(until, _)| *until)
    }

    /// Where runs begin whose locks have expired.
    pub(super) fn expired(&self, now: Monotonic) -> Vec<Offset> {
        self.locks.iter().take_while(|(until, _)| *until <= now).map(|(_, first)| *first).collect()
    }

    /// The run that begins at this offset.
    pub(super) fn get(&self, first: Offset) -> Option<&Run> {
        self.by_first.get(&first)
    }

    /// All runs, with their first offsets.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Offset, &Run)> {
        self.by_first.iter().map(|(first, run)| (*first, run))
    }

    /// The parts of runs between two offsets, each with its first offset.
    pub(super) fn between(&self, first: Offset, last: Offset) -> impl Iterator<Item = (Offset, Run)> {
        let before = self.by_first.range(..=first).next_back().map(|(first, _)| *first);
        let runs = self.by_first.range(before.unwrap_or(first)..);
        let runs = runs.take_while(move |(begin, _)| **begin <= last);
        let runs = runs.filter(move |(_, run)| run.last >= first);
        runs.map(move |(begin, run)| (first.max(*begin), Run { last: run.last.min(last), ..run.clone() }))
    }

    /// Puts a run in the place of what is there, or after the end.
    pub(super) fn put(&mut self, first: Offset, run: Run) {
        self.split_at(first);
        self.split_at(run.last.next());
        let replaced: Vec<Offset> = self.by_first.range(first..=run.last).map(|(first, _)| *first).collect();
        for first in replaced {
            self.remove(first);
        }
        let (first, run) = self.joined_with_neighbours(first, run);
        self.insert(first, run);
    }

    /// Drops what is before an offset.
    pub(super) fn cut_before(&mut self, start: Offset) {
        self.split_at(start);
        while let Some((first, _)) = self.by_first.first_key_value()
            && *first < start
        {
            let first = *first;
            self.remove(first);
        }
    }

    fn joined_with_neighbours(&mut self, mut first: Offset, mut run: Run) -> (Offset, Run) {
        let alike = |one: &Run, other: &Run| one.state == other.state && one.deliveries == other.deliveries;
        if let Some((before, other)) = self.by_first.range(..first).next_back()
            && other.last.next() == first
            && alike(other, &run)
        {
            first = *before;
            self.remove(first);
        }
        let after = run.last.next();
        if let Some(other) = self.by_first.get(&after)
            && alike(other, &run)
        {
            run.last = other.last;
            self.remove(after);
        }
        (first, run)
    }

    /// Has a run begin at this offset, if it is within one.
    fn split_at(&mut self, at: Offset) {
        let Some((first, run)) = self.by_first.range(..at).next_back() else {
            return;
        };
        if run.last < at {
            return;
        }
        let (first, run) = (*first, run.clone());
        self.remove(first);
        self.insert(first, Run { last: Offset(at.0 - 1), ..run.clone() });
        self.insert(at, run);
    }

    fn insert(&mut self, first: Offset, run: Run) {
        match &run.state {
            RecordState::Available => {
                self.available.insert(first);
            }
            RecordState::Acquired(lock) => {
                self.locks.insert((lock.until, first));
            }
            RecordState::Archiving(_) | RecordState::Done => {}
        }
        if !run.state.is_final() {
            self.in_flight += count(first, run.last);
        }
        self.by_first.insert(first, run);
    }

    fn remove(&mut self, first: Offset) {
        let Some(run) = self.by_first.remove(&first) else {
            return;
        };
        self.available.remove(&first);
        if let RecordState::Acquired(lock) = &run.state {
            self.locks.remove(&(lock.until, first));
        }
        if !run.state.is_final() {
            self.in_flight -= count(first, run.last);
        }
    }
}
