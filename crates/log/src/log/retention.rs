//! Removing old records, a segment at a time.

use std::sync::Arc;

use headwater_model::{Offset, Timestamp};

use super::Log;
use crate::segment::Segment;
use crate::{LogError, checkpoint};

/// What retention removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// How many segments are gone.
    pub removed_segments: usize,
    /// Their size in bytes.
    pub removed_bytes: u64,
}

impl Log {
    /// Removes the oldest segments that are too old, that make the log too large, or that lie below its start; only such as
    /// lie wholly below the high watermark. Should all of them go, a new one is begun first. Forgets idle producers, too.
    ///
    /// A segment is as old as its newest record; segments without timestamps are removed by size only.
    pub fn apply_retention(&mut self, now: Timestamp, high_watermark: Offset) -> Result<Retained, LogError> {
        self.producers.expire(now, self.config.producer_expiry_ms);
        let segments = self.reader.segments();
        let retained = self.choose_expired(&segments, now, high_watermark);
        if retained.removed_segments == 0 {
            return Ok(retained);
        }
        if retained.removed_segments == segments.len() {
            self.roll()?;
        }
        self.remove_oldest(&self.reader.segments(), retained.removed_segments)?;
        Ok(retained)
    }

    /// How many of the oldest segments are to go.
    fn choose_expired(&self, segments: &[Arc<Segment>], now: Timestamp, high_watermark: Offset) -> Retained {
        let mut excess = match self.config.retention_bytes {
            Some(limit) => self.size_bytes().saturating_sub(limit),
            None => 0,
        };
        let mut retained = Retained::default();
        for segment in segments {
            let contents = segment.contents();
            let is_empty = contents.size == 0;
            // What compaction has emptied is as old as the records were that it held.
            let emptied = contents.first_timestamp.filter(|timestamp| timestamp.0 >= 0);
            let newest = contents.newest.map(|newest| newest.timestamp).or(emptied);
            let too_old = newest
                .zip(self.config.retention_ms)
                .is_some_and(|(newest, limit)| now.ms_since(newest) > limit);
            let too_much = !is_empty && excess >= contents.size;
            let below_start = contents.next_offset <= self.start_offset();
            if is_empty || contents.next_offset > high_watermark || !(too_old || too_much || below_start) {
                break;
            }
            excess = excess.saturating_sub(contents.size);
            retained.removed_segments += 1;
            retained.removed_bytes += contents.size;
        }
        retained
    }

    /// Makes records below an offset unreadable; retention removes them. The new start is durable on return.
    ///
    /// Moving it back changes nothing.
    pub fn set_start_offset(&mut self, start: Offset) -> Result<(), LogError> {
        let (from, end) = (self.start_offset(), self.end_offset());
        if start > end {
            return Err(LogError::OffsetOutOfRange { from: start, start: from, end });
        }
        if start <= from {
            return Ok(());
        }
        checkpoint::write_start_offset(self.disk.as_ref(), &self.dir, start)
            .map_err(|error| LogError::io("store the start offset of", &self.dir, error))?;
        self.reader.set_start(start);
        if self.reader.change_epochs(|epochs| epochs.cut_start(start)) {
            self.unsynced.epochs = true;
        }
        Ok(())
    }

    fn remove_oldest(&mut self, segments: &[Arc<Segment>], count: usize) -> Result<(), LogError> {
        let (removed, kept) = segments.split_at(count);
        let Some(first) = kept.first() else {
            return Ok(());
        };
        // Stored first: should only some of the files be gone after a crash, recovery knows which were to go.
        self.set_start_offset(first.base().max(self.start_offset()))?;
        self.reader.set_segments(kept.to_vec());
        for segment in removed {
            segment
                .remove_files(self.disk.as_ref())
                .map_err(|error| LogError::io("remove", segment.path(), error))?;
        }
        Ok(())
    }
}
