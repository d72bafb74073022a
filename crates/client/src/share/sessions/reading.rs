//! What an answer holds of a partition: which records were acquired, and which offsets have none. Pure.
//!
//! Invariants: each acquired offset comes out once: as present, or as something that is told the broker by itself.

use bytes::Bytes;
use headwater_model::Offset;
use headwater_wire::batch::{Batch, BatchError, batches};

use crate::share::acquired::AcquiredRange;
use crate::share::ranges::Ranges;

/// How large a batch may be that has to be opened to see which offsets it lacks.
const LARGEST_BATCH: usize = 256 << 20;

/// What is to be told of offsets that the application does not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is no record.
    Gap,
    /// The record is there and cannot be read, by anybody.
    Broken,
    /// It was not sent whole.
    Cut,
}

#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) batches: Vec<Found>,
    pub(super) unread: Vec<(i64, i64, Unread)>,
    /// The first thing that is wrong, and where.
    pub(super) fault: Option<(Offset, BatchError)>,
}

/// A batch of which something was acquired.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) batch: Batch,
    pub(super) ranges: Vec<AcquiredRange>,
    /// The acquired offsets that have a record.
    pub(super) present: Vec<(i64, i64)>,
}

impl Reading {
    /// `acquired`: how often the records have been delivered.
    pub(super) fn of(bytes: &Bytes, acquired: Ranges<i16>, check_crcs: bool) -> Self {
        let mut left = acquired;
        let mut reading = Self::default();
        let mut read = 0;
        for batch in batches(bytes.clone()) {
            match batch {
                Ok(batch) => {
                    read += batch.size();
                    let parts = left.remove(batch.base_offset().0, batch.last_offset().0);
                    reading.take(batch, &parts, check_crcs);
                }
                Err(error) => {
                    reading.cannot_read(&left, error);
                    break;
                }
            }
        }
        if read == 0
            && !bytes.is_empty()
            && let Err(error) = Batch::parse(bytes)
        {
            // A broker cuts an answer at any byte, but not within the first batch: that would be no progress for ever.
            reading.cannot_read(&left, error);
        }
        let unread = if read == bytes.len() { Unread::Gap } else { Unread::Cut };
        reading.unread.extend(left.iter().map(|(first, last, _)| (first, last, unread)));
        reading
    }

    fn cannot_read(&mut self, left: &Ranges<i16>, error: BatchError) {
        let offset = left.iter().next().map_or(0, |(first, ..)| first);
        self.fault.get_or_insert((Offset(offset), error));
    }

    fn take(&mut self, batch: Batch, parts: &[(i64, i64, i16)], check_crcs: bool) {
        let Some((first, ..)) = parts.first().copied() else {
            return;
        };
        if batch.is_control() {
            return self.leave_out(parts, Unread::Gap);
        }
        let checked = if check_crcs { batch.verify_crc() } else { Ok(()) };
        match checked.and_then(|()| existing(&batch)) {
            Err(error) => {
                self.fault.get_or_insert((Offset(first), error));
                self.leave_out(parts, Unread::Broken);
            }
            Ok(existing) => self.find(batch, parts, existing.as_ref()),
        }
    }

    /// `existing` is `None` where every offset has a record.
    fn find(&mut self, batch: Batch, parts: &[(i64, i64, i16)], existing: Option<&Ranges<()>>) {
        let mut present = Vec::new();
        for (first, last, _) in parts {
            let Some(existing) = existing else {
                present.push((*first, *last));
                continue;
            };
            let mut next = *first;
            for (start, end, ()) in existing.within(*first, *last) {
                self.gap(next, start - 1);
                present.push((start, end));
                next = end + 1;
            }
            self.gap(next, *last);
        }
        if !present.is_empty() {
            let ranges = parts.iter().map(|(first, last, delivery_count)| AcquiredRange {
                first: Offset(*first),
                last: Offset(*last),
                delivery_count: *delivery_count,
            });
            self.batches.push(Found { batch, ranges: ranges.collect(), present });
        }
    }

    fn gap(&mut self, first: i64, last: i64) {
        if first <= last {
            self.unread.push((first, last, Unread::Gap));
        }
    }

    fn leave_out(&mut self, parts: &[(i64, i64, i16)], why: Unread) {
        self.unread.extend(parts.iter().map(|(first, last, _)| (*first, *last, why)));
    }
}

/// The offsets of a batch that have a record; `None` if all of them do, which its header says.
fn existing(batch: &Batch) -> Result<Option<Ranges<()>>, BatchError> {
    if i64::from(batch.record_count()) == batch.next_offset().0 - batch.base_offset().0 {
        return Ok(None);
    }
    let mut existing = Ranges::default();
    for record in batch.open(LARGEST_BATCH)?.records() {
        let offset = record?.offset.0;
        existing.insert(offset, offset, ());
    }
    Ok(Some(existing))
}
