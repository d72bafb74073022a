//! What becomes of each batch.
//!
//! Owns: the rules of what stays: of each key the newest record, tombstones and markers for as long as they must; nothing
//! of aborted transactions, and no record without a key.
//!
//! Invariants: pure. Nothing at or above the end of what the offset map covers changes. A batch that stays keeps its
//! offsets; one that loses all records stays, empty, where a producer's last sequence or the end of its segment is known
//! by it. A batch that cannot be opened stays as it is, and no tombstone after it goes, as it may hold what that deletes.
//!
//! Does not know: files.

use bytes::Bytes;
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::{
    Batch, BatchHeader, ControlMarker, HEADER_SIZE, OpenBatch, Retained, emptied, placeholder,
};

use super::anchors::Anchors;
use super::offset_map::OffsetMap;
use super::transactions::Transactions;

/// A batch that is larger when opened is not rewritten, whatever the settings allow: it could not be a batch any more.
const LARGEST: usize = 512 << 20;

/// What becomes of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays as it is.
    Unchanged,
    /// It goes.
    Gone,
    /// This takes its place.
    Replaced(Bytes),
}

/// The rules, with what they depend on. Batches are to be shown in their order, from the first of the log on.
#[derive(Debug)]
pub(super) struct Filter {
    /// The newest record of every key between the first dirty offset and `end`.
    pub newest: OffsetMap,
    /// Only what lies below may change.
    pub end: Offset,
    pub transactions: Transactions,
    pub anchors: Anchors,
    pub now: Timestamp,
    pub delete_retention_ms: i64,
    pub max_uncompressed: usize,
    /// The first batch that could not be opened.
    pub unopened: Option<Offset>,
    pub retained: Retained,
}

impl Filter {
    /// What becomes of a batch. `bytes` are missing if it is too large to be read; `ends_segment` if the end of what is to
    /// be a segment is known by it.
    pub(super) fn judge(
        &mut self,
        header: &BatchHeader,
        bytes: Option<&Bytes>,
        ends_segment: bool,
    ) -> Verdict {
        if header.base_offset >= self.end {
            return Verdict::Unchanged;
        }
        let verdict = if header.is_control() {
            self.judge_marker(header, bytes)
        } else {
            self.judge_records(header, bytes)
        };
        let verdict = match verdict {
            Verdict::Gone if self.anchors.hold(header) => replaced(bytes, emptied(header)),
            Verdict::Gone if ends_segment => return replaced(bytes, placeholder(header)),
            verdict => verdict,
        };
        if verdict != Verdict::Gone && !header.is_control() {
            self.transactions.stays(header);
        }
        verdict
    }

    /// A marker stays until nothing is left of its transaction; then for as long as a tombstone.
    fn judge_marker(&mut self, header: &BatchHeader, bytes: Option<&Bytes>) -> Verdict {
        if header.record_count == 0 {
            return Verdict::Gone;
        }
        let Some(batch) = bytes.and_then(sound) else {
            return Verdict::Unchanged;
        };
        let Ok(Some(ControlMarker::Abort | ControlMarker::Commit)) = ControlMarker::of(&batch) else {
            return Verdict::Unchanged;
        };
        if self.transactions.end(header.producer_id) {
            return Verdict::Unchanged;
        }
        match header.delete_horizon() {
            Some(horizon) if self.now >= horizon => Verdict::Gone,
            Some(_) => Verdict::Unchanged,
            None => self.with_horizon(&batch).map_or(Verdict::Unchanged, Verdict::Replaced),
        }
    }

    fn with_horizon(&mut self, batch: &Batch) -> Option<Bytes> {
        let open = batch.open(LARGEST).ok()?;
        self.retained.choose(&open, |_| true).ok()?;
        self.retained.rewrite(&open, Some(self.horizon())).ok()
    }

    fn horizon(&self) -> Timestamp {
        self.now.plus_ms(self.delete_retention_ms)
    }

    fn judge_records(&mut self, header: &BatchHeader, bytes: Option<&Bytes>) -> Verdict {
        if header.record_count == 0 || self.transactions.has_aborted(header) {
            return Verdict::Gone;
        }
        let Some(open) = bytes.and_then(|bytes| self.open(bytes)) else {
            self.unopened.get_or_insert(header.base_offset);
            return Verdict::Unchanged;
        };
        let (newest, end) = (&self.newest, self.end);
        let old_horizon = header.delete_horizon();
        let tombstones_go = old_horizon.is_some_and(|horizon| self.now >= horizon) && self.unopened.is_none();
        let chosen = self.retained.choose(&open, |record| {
            let is_newest = |key| newest.newest(key).is_none_or(|newest| record.offset >= newest);
            record.offset >= end
                || (record.key.is_some_and(is_newest) && (record.value.is_some() || !tombstones_go))
        });
        if chosen.is_err() {
            self.unopened.get_or_insert(header.base_offset);
            return Verdict::Unchanged;
        }
        if self.retained.records() == 0 {
            return Verdict::Gone;
        }
        // Of a batch that reaches beyond the end, not all tombstones have been seen.
        let begins = self.retained.tombstones() > 0 && header.last_offset() < end;
        let horizon = old_horizon.or_else(|| begins.then(|| self.horizon()));
        if self.retained.records() == header.record_count && horizon == old_horizon {
            return Verdict::Unchanged;
        }
        self.retained.rewrite(&open, horizon).map_or(Verdict::Unchanged, Verdict::Replaced)
    }

    fn open(&self, bytes: &Bytes) -> Option<OpenBatch> {
        open(bytes, self.max_uncompressed)
    }
}

/// A batch whose records can be looked at: its checksum is right, and it is not too large.
pub(super) fn open(bytes: &Bytes, max_uncompressed: usize) -> Option<OpenBatch> {
    sound(bytes)?.open(max_uncompressed.min(LARGEST)).ok()
}

/// The largest batch that is read.
pub(super) fn largest(max_uncompressed: usize) -> usize {
    max_uncompressed.min(LARGEST) + HEADER_SIZE
}

fn sound(bytes: &Bytes) -> Option<Batch> {
    Batch::parse(bytes).ok().filter(|batch| batch.verify_crc().is_ok())
}

fn replaced(old: Option<&Bytes>, new: Bytes) -> Verdict {
    if old == Some(&new) { Verdict::Unchanged } else { Verdict::Replaced(new) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::log::compaction) fn header(producer: i64, offset: i64, transactional: bool) -> BatchHeader {
        let mut builder = headwater_wire::batch::BatchBuilder::new(headwater_wire::batch::Compression::None);
        builder.append(Timestamp(1), Some(b"key"), Some(b"value"), &[]);
        let meta = headwater_wire::batch::BatchMeta {
            base_offset: Offset(offset),
            producer_id: headwater_model::ProducerId(producer),
            is_transactional: transactional,
            ..Default::default()
        };
        BatchHeader::parse(&builder.build(&meta)).unwrap()
    }
}
