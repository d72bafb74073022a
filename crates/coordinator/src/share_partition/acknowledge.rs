//! Acknowledging: a member says what has become of records that it has acquired.

use headwater_model::{ErrorCode, Offset};

use super::change::DeadLetterCause;
use super::runs::{Lock, RecordState, Run, count};
use super::{SharePartition, Step};
use crate::{MemberId, Refused};

/// What has become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledge {
    /// There is no record at this offset.
    Gap,
    /// It has been processed.
    Accept,
    /// It has not been processed; it may be delivered again.
    Release,
    /// It cannot be processed.
    Reject,
    /// It is still being processed: its lock begins anew (KIP-1222).
    Renew,
}

impl Acknowledge {
    /// By the number that the protocol has for it.
    pub fn from_id(id: i8) -> Option<Self> {
        match id {
            0 => Some(Self::Gap),
            1 => Some(Self::Accept),
            2 => Some(Self::Release),
            3 => Some(Self::Reject),
            4 => Some(Self::Renew),
            _ => None,
        }
    }
}

/// What has become of records that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgementBatch {
    /// The first record.
    pub first: Offset,
    /// The last record.
    pub last: Offset,
    /// For all of them, or for each.
    pub types: Vec<Acknowledge>,
}

/// What a member says of records of one share-partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgements {
    /// The member.
    pub member: MemberId,
    /// What it says, in the order of the offsets.
    pub batches: Vec<AcknowledgementBatch>,
}

impl AcknowledgementBatch {
    /// What can be said without looking at the state.
    fn check(&self, before: Option<&Self>) -> Result<(), Refused> {
        if self.first > self.last || self.first < Offset::ZERO || self.last == Offset(i64::MAX) {
            return Err(Refused::invalid("The offsets of an acknowledgement batch are out of order."));
        }
        if before.is_some_and(|before| before.last >= self.first) {
            return Err(Refused::invalid("Acknowledgement batches overlap or are out of order."));
        }
        let records = count(self.first, self.last);
        if self.types.len() != 1 && self.types.len() as u64 != records {
            return Err(Refused::invalid("There must be one acknowledge type, or one for each offset."));
        }
        Ok(())
    }

    /// Neighbours of the same type together.
    fn parts(&self) -> impl Iterator<Item = (Offset, Offset, Acknowledge)> {
        let mut at = self.first;
        self.types.chunk_by(|one, next| one == next).filter_map(move |alike| {
            let first = at;
            let last = if self.types.len() == 1 { self.last } else { first + (alike.len() as i64 - 1) };
            at = last.next();
            alike.first().map(|one| (first, last, *one))
        })
    }
}

impl SharePartition {
    /// Takes in all acknowledgements, or none.
    pub(crate) fn acknowledge(
        &mut self,
        step: &mut Step<'_>,
        Acknowledgements { member, batches }: &Acknowledgements,
    ) -> Result<(), Refused> {
        let mut before = None;
        for batch in batches {
            batch.check(before)?;
            self.check_acquired(member, batch)?;
            before = Some(batch);
        }
        step.watch(self);
        for batch in batches {
            for (first, last, one) in batch.parts() {
                self.settle(step, member, (first, last), one);
            }
        }
        step.finish(self);
        Ok(())
    }

    /// That the member has acquired all of these, except for what the start offset has passed.
    fn check_acquired(&self, member: &MemberId, batch: &AcknowledgementBatch) -> Result<(), Refused> {
        let invalid_state = |message: &str| Err(Refused::new(ErrorCode::InvalidRecordState, message));
        if batch.last < self.start {
            return Ok(());
        }
        if self.end() == self.start {
            return invalid_state(
                "Batch record not found. The request batch offsets are not found in the cache.",
            );
        }
        if batch.last >= self.end() {
            return Err(Refused::invalid(
                "Batch record not found. The last offset in request is past acquired records.",
            ));
        }
        for (_, run) in self.runs.between(batch.first.max(self.start), batch.last) {
            match run.state {
                RecordState::Acquired(lock) if lock.member == *member => {}
                RecordState::Acquired(_) => return invalid_state("Member is not the owner of batch record"),
                _ => {
                    return invalid_state(
                        "The batch cannot be acknowledged. The batch is not in the acquired state.",
                    );
                }
            }
        }
        Ok(())
    }

    /// (What the start offset has passed is not among the runs.)
    fn settle(
        &mut self,
        step: &mut Step<'_>,
        member: &MemberId,
        (first, last): (Offset, Offset),
        one: Acknowledge,
    ) {
        let runs: Vec<(Offset, Run)> = self.runs.between(first, last).collect();
        for (first, run) in runs {
            match one {
                Acknowledge::Accept | Acknowledge::Gap => {
                    self.change(step, first, Run::new(run.last, RecordState::Done, 0));
                }
                Acknowledge::Reject => self.bury(step, first, &run, DeadLetterCause::Rejected),
                Acknowledge::Release => self.give_back(step, first, &run),
                Acknowledge::Renew => {
                    let until = step.now + step.settings.lock_duration;
                    let state = RecordState::Acquired(Lock { member: member.clone(), until });
                    self.runs.put(first, Run { state, ..run });
                }
            }
        }
    }
}
