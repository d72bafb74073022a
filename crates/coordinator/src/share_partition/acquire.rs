//! Acquiring: a member gets records that nobody has, for a time.

use headwater_model::Offset;

use super::change::DeadLetterCause;
use super::runs::{Lock, RecordState, Run, count};
use super::{SharePartition, Step};
use crate::MemberId;

/// How exactly the wanted number of records is kept to (KIP-1206).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcquireMode {
    /// A batch of the log that is begun is acquired to its end.
    BatchOptimized,
    /// No more records than wanted.
    RecordLimit,
}

/// A request for records, with what was read from the log for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquire {
    /// Who wants them.
    pub member: MemberId,
    /// How exactly the number is kept to.
    pub mode: AcquireMode,
    /// How many are wanted.
    pub max_records: u64,
    /// After how many records what was acquired is told apart, where a batch of the log ends.
    pub batch_size: u64,
    /// Where reading began. What is between this and the last batch and in none of the batches is not there any more.
    pub from: Offset,
    /// The batches that were read, in order; none of them above the high watermark.
    pub batches: Vec<ReadBatch>,
}

/// A batch of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBatch {
    /// The offset of its first record.
    pub first: Offset,
    /// The offset of its last record.
    pub last: Offset,
    /// False where the records are not for consumers: control records, those of aborted transactions.
    pub is_deliverable: bool,
}

/// Records that a member has acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquired {
    /// The first record.
    pub first: Offset,
    /// The last record.
    pub last: Offset,
    /// How often they were delivered, this time included.
    pub deliveries: u16,
}

/// What a request has got so far.
struct Taking<'a> {
    request: &'a Acquire,
    lock: Lock,
    acquired: Vec<Acquired>,
    records: u64,
    /// It gets no more.
    is_over: bool,
}

impl Taking<'_> {
    /// How many more it may have of records that follow each other.
    fn left(&self) -> u64 {
        match self.request.mode {
            AcquireMode::BatchOptimized => u64::MAX,
            AcquireMode::RecordLimit => self.request.max_records.saturating_sub(self.records),
        }
    }

    fn add(&mut self, batch: ReadBatch, first: Offset, run: &Run) {
        self.records += count(first, run.last);
        let by_batch = self.request.mode == AcquireMode::BatchOptimized;
        if let Some(before) = self.acquired.last_mut()
            && before.last.next() == first
            && before.deliveries == run.deliveries
            && !(by_batch
                && first == batch.first
                && count(before.first, before.last) >= self.request.batch_size)
        {
            before.last = run.last;
            return;
        }
        self.acquired.push(Acquired { first, last: run.last, deliveries: run.deliveries });
    }
}

impl SharePartition {
    /// Gives the member what it may have of what was read.
    pub(crate) fn acquire(&mut self, step: &mut Step<'_>, request: &Acquire) -> Vec<Acquired> {
        if request.from > self.end() {
            // It was read before an administrator altered the start offset.
            return Vec::new();
        }
        step.watch(self);
        let until = step.now + step.settings.lock_duration;
        let lock = Lock { member: request.member.clone(), until };
        let mut taking = Taking { request, lock, acquired: Vec::new(), records: 0, is_over: false };
        let mut at = request.from.max(self.start);
        for batch in request.batches.iter().copied() {
            if taking.is_over || taking.records >= request.max_records {
                break;
            }
            if batch.last < at {
                continue;
            }
            self.skip(at, Offset(batch.first.0 - 1));
            at = at.max(batch.first);
            if batch.is_deliverable {
                self.take(step, &mut taking, batch, at);
            } else {
                self.skip(at, batch.last);
            }
            at = batch.last.next();
        }
        step.finish(self);
        taking.acquired
    }

    /// Nobody is given what is not there. (Who has acquired it from an older batch says so.)
    fn skip(&mut self, first: Offset, last: Offset) {
        let mut at = first;
        while let Some((first, run)) = self.next_available(at, last) {
            at = run.last.next();
            self.runs.put(first, Run::new(run.last, RecordState::Done, 0));
        }
    }

    /// Takes what is available of a batch, from an offset on.
    fn take(&mut self, step: &mut Step<'_>, taking: &mut Taking<'_>, batch: ReadBatch, from: Offset) {
        let mut at = from;
        while let Some((first, run)) = self.next_available(at, batch.last) {
            at = run.last.next();
            if run.deliveries >= step.settings.delivery_limit {
                // The limit has been lowered since.
                self.bury(step, first, &run, DeadLetterCause::Exhausted);
                continue;
            }
            let wanted = count(first, run.last);
            let share = share(run.deliveries, wanted, step.settings.delivery_limit);
            if share.is_some() && taking.records > 0 {
                taking.is_over = true;
                return;
            }
            let room = self.room(step, first);
            let taken = share.unwrap_or(wanted).min(taking.left()).min(room);
            taking.is_over = share.is_some() || taken < wanted;
            if taken > 0 {
                let last = Offset(first.0 + taken as i64 - 1);
                let state = RecordState::Acquired(taking.lock.clone());
                let run = Run::new(last, state, run.deliveries + 1);
                taking.add(batch, first, &run);
                self.runs.put(first, run);
            }
            if taking.is_over {
                return;
            }
        }
    }

    /// The first records between two offsets that nobody has, be they tracked or not, as far as they are alike.
    fn next_available(&self, at: Offset, last: Offset) -> Option<(Offset, Run)> {
        if at > last {
            return None;
        }
        self.runs.next_available(at, last).or_else(|| {
            let new = at.max(self.end());
            (new <= last).then(|| (new, Run::new(last, RecordState::Available, 0)))
        })
    }

    /// How many records from an offset on may be in flight.
    fn room(&self, step: &Step<'_>, first: Offset) -> u64 {
        if first < self.end() {
            // They are already.
            return u64::MAX;
        }
        step.settings.max_record_locks.saturating_sub(self.runs.in_flight())
    }
}

/// How many of records that have failed again and again are delivered at a time, and then nothing else: fewer each time,
/// and the last time one by one, so that what is at fault is found, and the others are not archived with it. None as
/// long as they are delivered like others.
fn share(deliveries: u16, records: u64, limit: u16) -> Option<u64> {
    let suspicious = limit.div_ceil(2).max(2);
    if deliveries < suspicious {
        return None;
    }
    if deliveries + 1 == limit {
        return Some(1);
    }
    Some((records >> (deliveries - suspicious + 1).min(63)).max(1))
}
