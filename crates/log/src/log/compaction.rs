//! Log compaction: of each key the newest record stays (`cleanup.policy=compact`).
//!
//! Owns: when it is worth it, what it takes away, and the way in which compacted segments take the place of others, in
//! three steps: [`Log::begin_compaction`] decides, [`Compaction::run`] does the work without the log, and
//! [`Log::complete_compaction`] exchanges segments.
//!
//! Invariants: offsets stay. The last segment is not touched, nor anything that is not visible, decided and durable. Of
//! what stays, nothing is lost at any crash: a group of segments is replaced as a whole or not at all. Readers see the
//! old segments or the new one. Memory is bounded by the settings.
//!
//! Does not know: who schedules it, threads.

mod anchors;
mod batches;
mod decide;
mod filter;
mod offset_map;
mod output;
mod run;
mod swap;
mod transactions;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use headwater_model::{Offset, Timestamp};

use super::Log;
use crate::segment::Segment;
use crate::{LogError, checkpoint};
use decide::Facts;
use run::{Link, Replacement};

pub use decide::CompactionState;
pub use run::{Cleaned, Compaction};
pub(super) use swap::recover;

/// What became of a group of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// How many segments one segment has replaced; 0 if nothing had to change, or if the result was thrown away.
    pub replaced_segments: usize,
    /// The size of their batches in bytes.
    pub bytes_before: u64,
    /// The size of what is left of them in bytes.
    pub bytes_after: u64,
    /// True if this was the last: everything below the first dirty offset is compacted now.
    pub finished: bool,
}

/// What a log remembers of its compactions.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    /// Where the last one ended, if there was one.
    first_dirty: Option<Offset>,
    under_way: UnderWay,
    /// A segment that was exchanged and whose files have not got their own names: its base and its end.
    unfinished: Option<(Offset, Offset)>,
    told_unopened: Arc<AtomicBool>,
}

impl Cleaner {
    pub(super) fn new(first_dirty: Option<Offset>) -> Self {
        Self { first_dirty, ..Self::default() }
    }
}

/// The compaction under way, if there is one. It is told when the log comes to its end.
#[derive(Debug, Default)]
struct UnderWay(Weak<Link>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(link) = self.0.upgrade() {
            link.ended.store(true, Ordering::Release);
        }
    }
}

impl Log {
    /// Begins a compaction, if the settings say that one is worth it and none is under way. Quick: the work is done by
    /// [`Compaction::run`], without the log.
    ///
    /// Closes the last segment first if its records have waited for longer than `max.compaction.lag.ms`; they can be
    /// compacted once they are durable. An error is one of the disk's.
    pub fn begin_compaction(
        &mut self,
        now: Timestamp,
        high_watermark: Offset,
    ) -> Result<Option<Compaction>, LogError> {
        if !self.config.compacted || self.poison.is_some() || self.cleaner.under_way.0.strong_count() > 0 {
            return Ok(None);
        }
        self.finish_exchange()?;
        if decide::must_roll(&Facts::of(&self.active()), &self.config, now) {
            self.roll()?;
        }
        let state = self.compaction_state(now, high_watermark);
        if !state.is_worth_it(&self.config, now) {
            return Ok(None);
        }
        let link = Arc::new(Link::default());
        self.cleaner.under_way = UnderWay(Arc::downgrade(&link));
        Ok(Some(Compaction {
            disk: Arc::clone(&self.disk),
            dir: self.dir.clone(),
            config: self.config.clone(),
            segments: self.reader.segments(),
            first_dirty: state.first_dirty,
            first_uncleanable: state.first_uncleanable,
            producers: self.producers.last_batches(),
            now,
            link,
            told_unopened: Arc::clone(&self.cleaner.told_unopened),
            pass: None,
            given_out: 0,
            is_over: false,
        }))
    }

    /// How much of the log is compacted, and how much could be.
    pub fn compaction_state(&self, now: Timestamp, high_watermark: Offset) -> CompactionState {
        let segments = self.reader.segments();
        let sealed = segments.split_last().map(|(_, sealed)| sealed).unwrap_or_default();
        let facts: Vec<_> = sealed.iter().map(|segment| Facts::of(segment)).collect();
        let start = self.start_offset();
        let known = self.cleaner.first_dirty.filter(|offset| *offset <= self.end_offset());
        // Recovery allows for gaps below the recovery point alone.
        let durable = self.anchored.unwrap_or(Offset::ZERO);
        let stable = self.reader.last_stable_offset(high_watermark).min(durable);
        decide::state(&facts, known.unwrap_or(start).max(start), stable, &self.config, now)
    }

    /// True if a segment is closed that is not known to be durable, for which a compaction waits.
    pub fn compaction_waits_for_sync(&self) -> bool {
        let segments = self.reader.segments();
        let sealed = segments.split_last().and_then(|(_, sealed)| sealed.last());
        let durable = self.anchored.unwrap_or(Offset::ZERO);
        sealed.is_some_and(|last| last.contents().next_offset > durable)
    }

    /// Lets a compacted group of segments take its place. Quick: files are renamed and removed, and nothing is synced.
    ///
    /// If the log has changed below it meanwhile, the result is thrown away. What fails here, the next compaction or the
    /// next open completes.
    pub fn complete_compaction(&mut self, cleaned: Cleaned) -> Compacted {
        let mut compacted = Compacted::default();
        let is_due = std::ptr::eq(self.cleaner.under_way.0.as_ptr(), Arc::as_ptr(&cleaned.link))
            && cleaned.link.completed.load(Ordering::Acquire) == cleaned.index;
        if let Some(replacement) = cleaned.replacement {
            let place = self.place_of(&replacement.sources).filter(|_| is_due);
            let Some(place) = place else {
                swap::discard(self.disk.as_ref(), &self.dir, replacement.segment.base());
                return compacted;
            };
            let size =
                |segments: &[Arc<Segment>]| segments.iter().map(|segment| segment.contents().size).sum();
            compacted.replaced_segments = replacement.sources.len();
            compacted.bytes_before = size(&replacement.sources);
            compacted.bytes_after = replacement.segment.contents().size;
            self.exchange(place, &replacement);
        } else if !is_due {
            return compacted;
        }
        cleaned.link.completed.fetch_add(1, Ordering::AcqRel);
        if let Some(offset) = cleaned.compacted_to {
            compacted.finished = true;
            self.note_compacted_to(offset);
        }
        compacted
    }

    /// Where segments stand, if all are there, and none of them is the last.
    fn place_of(&self, sources: &[Arc<Segment>]) -> Option<usize> {
        let segments = self.reader.segments();
        let sealed = segments.split_last().map(|(_, sealed)| sealed).unwrap_or_default();
        let first = sources.first()?;
        let place = sealed.iter().position(|segment| Arc::ptr_eq(segment, first))?;
        let there = sealed.get(place..place + sources.len())?;
        let same = there.iter().zip(sources).all(|(one, other)| Arc::ptr_eq(one, other));
        same.then_some(place)
    }

    fn exchange(&mut self, place: usize, replacement: &Replacement) {
        let Replacement { sources, segment, indexes } = replacement;
        let (base, next) = (segment.base(), segment.contents().next_offset);
        let finished = swap::finish(self.disk.as_ref(), &self.dir, base, next);
        if let Err(error) = &finished {
            tracing::warn!(log = %self.dir.display(), %base, %error, "a compacted segment waits for its own name");
            self.cleaner.unfinished = Some((base, next));
        }
        let held = if finished.is_ok() { &[][..] } else { indexes };
        let renamed = Arc::new(segment.under_own_name(&self.disk, &self.dir, held));
        let mut segments = self.reader.segments().as_ref().clone();
        segments.splice(place..place + sources.len(), [renamed]);
        let aborted = |segments: &[Arc<Segment>]| -> u32 {
            segments.iter().map(|segment| segment.aborted_count()).sum()
        };
        let counts_change = sources.len() > 1 || aborted(sources) != segment.aborted_count();
        self.reader.set_segments(segments);
        if counts_change {
            // What was stored counts the entries of the old segments.
            self.rolled_producers = Some(self.snapshot_producers());
        }
    }

    fn note_compacted_to(&mut self, offset: Offset) {
        self.cleaner.first_dirty = Some(offset);
        // Without it all is compacted again.
        if let Err(error) = checkpoint::write_cleaner_offset(self.disk.as_ref(), &self.dir, offset, false) {
            tracing::warn!(log = %self.dir.display(), %error, "cannot store the cleaner's offset");
        }
    }

    /// Does what an exchange could not do.
    fn finish_exchange(&mut self) -> Result<(), LogError> {
        let Some((base, next)) = self.cleaner.unfinished else {
            return Ok(());
        };
        if self.reader.segments().iter().any(|segment| segment.base() == base) {
            swap::finish(self.disk.as_ref(), &self.dir, base, next)
                .map_err(|error| LogError::io("complete the compaction of", &self.dir, error))?;
        } else {
            // Retention has removed it since.
            swap::discard(self.disk.as_ref(), &self.dir, base);
        }
        self.cleaner.unfinished = None;
        Ok(())
    }
}
