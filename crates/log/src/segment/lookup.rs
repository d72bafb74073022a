//! Finding batches in a segment.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::Batch;
use headwater_wire::protocol::{FileRange, ReadAt};

use super::{Segment, State, TimestampedOffset};
use crate::LogError;
use crate::error::Damage;
use crate::index::relative_offset;
use crate::scan::{Located, SMALL_WINDOW, Scan, ScanError};

/// Whole batches of one segment.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    /// Where they are; empty if none qualify.
    pub range: Option<FileRange>,
    /// The offset after the last of them, or the one that was asked for.
    pub next: Offset,
    /// True if the segment has no more that qualify by offset, so that the next segment may go on.
    pub to_the_end: bool,
}

/// Where batches end.
#[derive(Debug, Clone, Copy)]
struct End {
    position: u64,
    /// The offset that may come next.
    next: Offset,
}

impl End {
    fn of(last: &Located) -> Self {
        Self { position: last.end(), next: last.header.next_offset() }
    }
}

impl Segment {
    /// The batches from the one that holds `from` on, below `limit`, in at most `max_bytes`; the first one even if it is
    /// larger, if `at_least_one`.
    pub(crate) fn slice(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Slice, LogError> {
        let Some(first) = self.find(from)? else {
            return Ok(Slice { range: None, next: from, to_the_end: true });
        };
        let too_large = first.header.size > max_bytes && !at_least_one;
        if first.header.last_offset() >= limit || too_large {
            return Ok(Slice { range: None, next: from, to_the_end: false });
        }
        let contents = self.contents();
        let cap = first.position.saturating_add(max_bytes as u64).max(first.end());
        let (End { position: end, next }, to_the_end) =
            if contents.size <= cap && contents.next_offset <= limit {
                (End { position: contents.size, next: contents.next_offset }, true)
            } else {
                (self.end_below(&first, limit, cap)?, false)
            };
        let len = usize::try_from(end - first.position).unwrap_or(usize::MAX);
        let file: Arc<dyn ReadAt> = Arc::clone(self.file()) as _;
        Ok(Slice { range: Some(FileRange { file, offset: first.position, len }), next, to_the_end })
    }

    /// The first batch whose last offset is not below `offset`; none beyond the segment's end. That there is none before it,
    /// or one that would end after it, is damage: checksums do not cover offsets.
    pub(crate) fn find(&self, offset: Offset) -> Result<Option<Located>, LogError> {
        let (size, next_offset, position) = {
            let state = self.read_state();
            let position = state.position_at_or_before(self.base, offset);
            (state.contents.size, state.contents.next_offset, position)
        };
        if offset.max(self.base) >= next_offset {
            return Ok(None);
        }
        let found = match self.find_from(position, size, offset) {
            // An index that leads astray is done without.
            Err(_) if position > 0 => self.find_from(0, size, offset),
            Ok(Some(found))
                if position > 0 && found.position == position && found.header.base_offset > offset =>
            {
                self.find_from(0, size, offset)
            }
            found => found,
        }
        .map_err(|error| self.failed(error))?;
        let damaged = |position, damage| LogError::Damaged { file: self.path.clone(), position, damage };
        match found {
            None => Err(damaged(size, Damage::EndsEarly { end: offset, durable: next_offset })),
            Some(Located { position, header }) if header.next_offset() > next_offset => {
                Err(damaged(position, Damage::Offset { expected: offset, found: header.base_offset }))
            }
            found => Ok(found),
        }
    }

    fn find_from(&self, position: u64, size: u64, offset: Offset) -> Result<Option<Located>, ScanError> {
        let mut scan = self.scan(position, size);
        while let Some(located) = scan.next()? {
            if located.header.last_offset() >= offset {
                return Ok(Some(located));
            }
        }
        Ok(None)
    }

    /// The end of the last batch that lies below `limit` and ends at or before `cap`, at least the first one.
    fn end_below(&self, first: &Located, limit: Offset, cap: u64) -> Result<End, LogError> {
        let (size, from) = {
            let state = self.read_state();
            let below = |relative: u32, position: u32| {
                u64::from(position) <= cap && self.base + i64::from(relative) < limit
            };
            let entry = state.offsets.last_where(|entry| below(entry.relative, entry.position));
            let position = entry.ok().flatten().map_or(0, |entry| u64::from(entry.position));
            // An index that leads into the first batch, or before it, says nothing of what comes after.
            (state.contents.size, if position < first.end() { first.position } else { position })
        };
        let end_from = |from| {
            let (mut scan, mut end) = (self.scan(from, size), End::of(first));
            while let Some(located) = scan.next()? {
                if located.end() > cap || located.header.last_offset() >= limit {
                    if located.position > end.position {
                        // The walk began here, behind all that qualify.
                        end = End { position: located.position, next: located.header.base_offset };
                    }
                    break;
                }
                end = End::of(&located);
            }
            Ok(end)
        };
        match end_from(from) {
            Err(_) if from > first.position => end_from(first.position),
            end => end,
        }
        .map_err(|error| self.failed(error))
    }

    /// A walk over the headers from a position on.
    pub(crate) fn scan(&self, position: u64, size: u64) -> Scan {
        Scan::new(Arc::clone(self.file()), position, size, SMALL_WINDOW)
    }

    /// The first record from `from` on that is not older than `timestamp`.
    pub(crate) fn first_not_older(
        &self,
        timestamp: Timestamp,
        from: Offset,
        max_uncompressed: usize,
    ) -> Result<Option<TimestampedOffset>, LogError> {
        let (size, position) = {
            let state = self.read_state();
            if state.contents.newest.is_none_or(|newest| newest.timestamp < timestamp) {
                return Ok(None);
            }
            // Everything up to the offset of this entry is older.
            let entry = state.times.last_where(|entry| entry.timestamp < timestamp).ok().flatten();
            let relative = entry.map_or(0, |entry| i64::from(entry.relative));
            let offset = from.max(self.base + relative);
            (state.contents.size, state.position_at_or_before(self.base, offset))
        };
        let mut scan = self.scan(position, size);
        while let Some(located) = scan.next().map_err(|error| self.failed(error))? {
            if located.header.max_timestamp < timestamp || located.header.last_offset() < from {
                continue;
            }
            let holds = |record: &TimestampedOffset| record.timestamp >= timestamp && record.offset >= from;
            if let Some(found) = self.first_record(&located, from, max_uncompressed, holds)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first record from `start` on, below `limit`, that has the greatest timestamp of those.
    pub(crate) fn newest_between(
        &self,
        start: Offset,
        limit: Offset,
        max_uncompressed: usize,
    ) -> Result<Option<TimestampedOffset>, LogError> {
        let contents = self.contents();
        let batch = match contents.newest {
            None => return Ok(None),
            Some(newest) if (start..limit).contains(&newest.offset) => self.find(newest.offset)?,
            Some(_) => {
                let (mut scan, mut best) = (self.scan(0, contents.size), None::<Located>);
                while let Some(located) = scan.next().map_err(|error| self.failed(error))? {
                    let (timestamp, last_offset) =
                        (located.header.max_timestamp, located.header.last_offset());
                    if last_offset >= limit {
                        break;
                    }
                    if last_offset >= start
                        && timestamp.0 >= 0
                        && located.header.record_count > 0
                        && best.is_none_or(|best| timestamp > best.header.max_timestamp)
                    {
                        best = Some(located);
                    }
                }
                best
            }
        };
        let Some(batch) = batch else {
            return Ok(None);
        };
        let timestamp = batch.header.max_timestamp;
        let holds = |record: &TimestampedOffset| record.timestamp == timestamp && record.offset >= start;
        let found = self.first_record(&batch, start, max_uncompressed, holds)?;
        // A header may claim a time that no record has.
        Ok(found.or(Some(TimestampedOffset { offset: batch.header.last_offset(), timestamp })))
    }

    /// The first record of a batch for which `holds` is true. The batch's interior is its producer's business and was
    /// never looked at, so one that cannot be read is answered with its header's word: its first offset, its greatest
    /// timestamp.
    fn first_record(
        &self,
        located: &Located,
        from: Offset,
        max_uncompressed: usize,
        holds: impl Fn(&TimestampedOffset) -> bool,
    ) -> Result<Option<TimestampedOffset>, LogError> {
        let bytes = self.read_batch(located).map_err(|error| LogError::io("read", self.path(), error))?;
        let damaged = |fault| LogError::Damaged {
            file: self.path().to_path_buf(),
            position: located.position,
            damage: Damage::Batch(fault),
        };
        let batch = Batch::parse(&bytes).map_err(damaged)?;
        batch.verify_crc().map_err(damaged)?;
        let by_header = TimestampedOffset {
            offset: located.header.base_offset.max(from),
            timestamp: located.header.max_timestamp,
        };
        let Ok(open) = batch.open(max_uncompressed) else {
            return Ok(Some(by_header));
        };
        for record in open.records() {
            let Ok(record) = record else {
                return Ok(Some(by_header));
            };
            let found = TimestampedOffset { offset: record.offset, timestamp: record.timestamp };
            if holds(&found) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn read_batch(&self, located: &Located) -> io::Result<Bytes> {
        let mut bytes = BytesMut::zeroed(located.header.size);
        self.file().read_exact_at(&mut bytes, located.position)?;
        Ok(bytes.freeze())
    }
}

impl State {
    /// Where a walk towards an offset may begin.
    fn position_at_or_before(&self, base: Offset, offset: Offset) -> u64 {
        let Some(relative) = relative_offset(base, offset) else {
            return 0;
        };
        let entry = self.offsets.last_where(|entry| entry.relative <= relative);
        // Without its index a segment is still readable, from its start.
        entry.ok().flatten().map_or(0, |entry| u64::from(entry.position))
    }
}
