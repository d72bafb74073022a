//! The batches of one partition: in which order they are sent, and what an answer means for those behind.
//!
//! Invariants, for an idempotent producer:
//! - Batches are numbered (`sequence`) without a gap in the order in which they were filled. From the oldest that is
//!   unresolved to the newest that was sent there are at most five, since a broker remembers that many: should any of
//!   them be sent again, it finds that it has it. All in flight are on one connection, so that they arrive in order.
//! - Until the broker has acknowledged one batch of an epoch, only one is in flight: a broker without any memory of a
//!   producer takes whatever number comes first.
//! - A batch that failed in passing is sent again when it is the oldest one unresolved, alone, under its old number;
//!   so the broker either finds that it has it, or takes it in its place.
//! - When a number was used up by a batch that was given up, those behind it cannot be taken any more. Once nothing is
//!   in flight and each batch behind is known to be written or not, the epoch is raised and they are numbered anew
//!   from 0; a broker refuses stragglers of the old epoch. The epoch is the partition's own: brokers compare it per
//!   partition, and without transactions nobody else does.
//!
//! Without idempotence one batch is in flight at a time, which keeps the order but not the uniqueness.
//!
//! In a transaction the first batch that is given up ends it all: the others are given up too, and the epoch, which is
//! the whole producer's, is raised by [`TransactionMachine`](crate::producer::transaction::TransactionMachine) before
//! anything is numbered again. A batch out of its place can thus never be committed, and need not be waited for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::BatchMeta;

use super::batch::{Batch, Payload, RequestId};
use super::numbering::{Numbering, add_wrapping};
use super::verdict::{Verdict, Written};
use crate::producer::error::{SendError, SendFailure};
use crate::producer::record::ProducerRecord;
use crate::retry::{Backoff, MARKERS_BACKOFF};

/// What is the same for all partitions of a producer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) idempotent: bool,
    pub(super) transactional: bool,
    /// The transaction to which a partition must be admitted before it is written to.
    pub(super) admission: Option<u64>,
    pub(super) max_in_flight: usize,
    pub(super) linger: Duration,
    pub(super) delivery_timeout: Duration,
    pub(super) backoff: Backoff,
}

impl Rules {
    fn backoff_after(&self, cause: &SendFailure) -> Backoff {
        match cause {
            SendFailure::Refused { error: ErrorCode::ConcurrentTransactions, .. } => MARKERS_BACKOFF,
            _ => self.backoff,
        }
    }
}

/// A batch whose waiters are to be told.
#[derive(Debug)]
pub(super) struct Resolved<T> {
    pub(super) number: u64,
    pub(super) records: i32,
    pub(super) token: T,
    pub(super) outcome: Result<Written, SendError>,
}

/// What an event changed.
#[derive(Debug)]
pub(super) struct Changes<T> {
    pub(super) resolved: Vec<Resolved<T>>,
    /// Bytes of buffer memory that are free again.
    pub(super) freed: usize,
}

impl<T> Default for Changes<T> {
    fn default() -> Self {
        Self { resolved: Vec::new(), freed: 0 }
    }
}

/// What happens to a batch after an answer.
enum Fate {
    Settled,
    Again { cause: Arc<SendFailure>, wait: bool },
    Over { cause: Arc<SendFailure> },
}

#[derive(Debug)]
pub(super) struct Partition<T> {
    pub(super) leader: Option<i32>,
    /// Full, or sent: the oldest first, and so those with a sequence before those without.
    batches: VecDeque<Batch<T>>,
    /// Being filled.
    open: Option<Batch<T>>,
    /// `None` without idempotence, and until a producer id is had.
    numbering: Option<Numbering>,
    /// A producer id that is of no more use here.
    retired: Option<ProducerId>,
    /// The last transaction to which the coordinator has admitted the partition.
    pub(super) admitted: Option<u64>,
    /// The broker that the batches in flight went to.
    in_flight_at: Option<i32>,
    /// Nothing is sent before.
    not_before: Monotonic,
    /// How large the last batch became, so that the next one need not grow.
    pub(super) typical_size: usize,
}

impl<T> Default for Partition<T> {
    fn default() -> Self {
        Self {
            leader: None,
            batches: VecDeque::new(),
            open: None,
            numbering: None,
            retired: None,
            admitted: None,
            in_flight_at: None,
            not_before: Monotonic::ORIGIN,
            typical_size: 0,
        }
    }
}

impl<T> Partition<T> {
    /// True if a batch is being filled and has room for a record of that size.
    pub(super) fn fits(&self, record_size: usize, batch_size: usize) -> bool {
        self.open.as_ref().is_some_and(|open| open.size + record_size <= batch_size)
    }

    /// Takes a record into the open batch: its waiters, the record's place, and by how much the batch grew.
    pub(super) fn append(
        &mut self,
        record: &ProducerRecord<'_>,
        timestamp: Timestamp,
    ) -> Option<(T, i32, usize)>
    where
        T: Clone,
    {
        let batch = self.open.as_mut()?;
        let token = batch.token.clone()?;
        let builder = batch.builder()?;
        builder.append(timestamp, record.key, record.value, record.headers);
        let size = builder.estimated_size();
        let grown = size - std::mem::replace(&mut batch.size, size);
        let index = batch.records;
        batch.records += 1;
        Some((token, index, grown))
    }

    pub(super) fn has_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn begin(&mut self, batch: Batch<T>) {
        self.seal();
        self.open = Some(batch);
    }

    /// Nothing more goes into the open batch.
    pub(super) fn seal(&mut self) {
        if let Some(full) = self.open.take() {
            self.typical_size = full.size;
            self.batches.push_back(full);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.open.is_none()
    }

    fn in_flight(&self) -> usize {
        self.batches.iter().filter(|batch| batch.request.is_some()).count()
    }

    /// Takes a producer id to number by, if there is anything to number. False if it has to be another one.
    pub(super) fn number_by(&mut self, identity: Option<(ProducerId, ProducerEpoch)>) -> bool {
        if self.numbering.is_none() && !self.is_empty() {
            let fresh = identity.filter(|(id, _)| Some(*id) != self.retired);
            self.numbering = fresh.map(Numbering::new);
            return self.numbering.is_some();
        }
        true
    }

    /// The producer's id or epoch is another one, from which numbers begin at 0 again. Nothing is unresolved.
    pub(super) fn forget_numbers(&mut self) {
        self.numbering = None;
    }

    /// True if there is something to write, and the transaction's coordinator does not know of the partition.
    pub(super) fn wants_admission(&self, rules: &Rules) -> bool {
        rules.admission.is_some() && self.admitted != rules.admission && !self.is_empty()
    }

    /// The size of the batch that may be sent now, if one may. `flush` is the newest batch that shall not linger.
    pub(super) fn sendable(&self, rules: &Rules, now: Monotonic, flush: u64) -> Option<usize> {
        let batch = match self.batches.get(self.next_to_send(rules, now)?) {
            Some(batch) => batch,
            None => self
                .open
                .as_ref()
                .filter(|open| open.number <= flush || open.created + rules.linger <= now)?,
        };
        Some(batch.size)
    }

    /// The index of the batch that is next, if the order allows it to be sent; the open batch is the last.
    fn next_to_send(&self, rules: &Rules, now: Monotonic) -> Option<usize> {
        let leader = self.leader?;
        let is_elsewhere = self.in_flight_at.is_some_and(|node| node != leader);
        if now < self.not_before || is_elsewhere || self.wants_admission(rules) {
            return None;
        }
        let waiting = self.batches.iter().position(|batch| batch.request.is_none());
        let index = waiting.unwrap_or(self.batches.len());
        if !rules.idempotent {
            return (index == 0).then_some(0);
        }
        let numbering = self.numbering.as_ref()?;
        let numbered = self.batches.get(index).is_some_and(|batch| batch.sequence.is_some());
        // The broker must still remember the oldest, should that be sent again.
        let oldest = self.batches.front().map_or(numbering.numbered, |oldest| oldest.ordinal);
        let in_window = numbering.numbered.saturating_sub(oldest) < rules.max_in_flight as u64;
        let allowed = if index == 0 {
            numbered || !numbering.gap
        } else {
            !numbered && !numbering.gap && (numbering.established || rules.transactional) && in_window
        };
        allowed.then_some(index)
    }

    /// The moment at which something may be sent or has to be given up, if that is a matter of time. Not before `now`.
    pub(super) fn deadline(&self, rules: &Rules, now: Monotonic) -> Option<Monotonic> {
        let oldest = self.batches.iter().chain(&self.open).find(|batch| batch.token.is_some());
        let expiry = oldest.map(|batch| batch.created + rules.delivery_timeout);
        let linger = self.open.as_ref().map(|open| open.created + rules.linger);
        let backoff = (!self.is_empty()).then_some(self.not_before);
        [expiry, linger, backoff].into_iter().flatten().filter(|moment| *moment > now).min()
    }

    /// Takes the batch that [`Partition::sendable`] told of.
    pub(super) fn send(
        &mut self,
        rules: &Rules,
        now: Monotonic,
        request: RequestId,
    ) -> Option<(BatchMeta, Payload)> {
        let index = self.next_to_send(rules, now)?;
        if index == self.batches.len() {
            self.seal();
        }
        let batch = self.batches.get_mut(index)?;
        let payload = batch.payload.take()?;
        batch.request = Some(request);
        batch.attempts += 1;
        self.in_flight_at = self.leader;
        let mut meta = BatchMeta { is_transactional: rules.transactional, ..BatchMeta::default() };
        if let Some(numbering) = &mut self.numbering {
            let base_sequence = batch.sequence.unwrap_or(numbering.next);
            if batch.sequence.is_none() {
                batch.sequence = Some(base_sequence);
                batch.ordinal = numbering.numbered;
                numbering.numbered += 1;
                numbering.next = add_wrapping(base_sequence, batch.records);
            }
            meta = BatchMeta {
                producer_id: numbering.producer_id,
                producer_epoch: numbering.epoch,
                base_sequence,
                ..meta
            };
        }
        Some((meta, payload))
    }

    /// What became of the batch that went with a request.
    pub(super) fn answered(
        &mut self,
        rules: &Rules,
        now: Monotonic,
        entropy: &mut Entropy,
        (request, verdict, payload): (RequestId, Verdict, Payload),
    ) -> Changes<T> {
        let mut changes = Changes::default();
        let found = self.batches.iter().position(|batch| batch.request == Some(request));
        let Some((index, batch)) = found.and_then(|index| Some((index, self.batches.get_mut(index)?))) else {
            return changes;
        };
        batch.request = None;
        batch.payload = Some(payload);
        let (attempts, uncertain) = (batch.attempts, batch.uncertain);
        // Its waiters were told already: there is nobody to try again for.
        let abandoned = batch.token.is_none();
        if self.in_flight() == 0 {
            self.in_flight_at = None;
        }
        let verdict = if rules.transactional { verdict.in_transaction(index == 0) } else { verdict };
        let fate = match verdict {
            Verdict::Written(written) => {
                self.acknowledge(index, written, &mut changes);
                Fate::Settled
            }
            Verdict::Retry { certain, cause } => {
                self.failed(index, uncertain || !certain, &cause);
                Fate::Again { cause, wait: true }
            }
            Verdict::OutOfOrder { cause } => {
                self.failed(index, false, &cause);
                if index == 0 {
                    // Nothing unresolved is before it: the broker lacks what was given up, or what it acknowledged.
                    // Nor has it anything behind.
                    self.leave_gap();
                    self.unsent_is_certain();
                }
                Fate::Again { cause, wait: index == 0 && attempts > 1 }
            }
            Verdict::UnknownProducer { cause } => self.lost_number(index, uncertain, cause),
            Verdict::Fenced { cause } => {
                self.needs_new_id();
                self.lost_number(index, uncertain, cause)
            }
            Verdict::Refused { certain, cause } => {
                self.failed(index, uncertain || !certain, &cause);
                Fate::Over { cause }
            }
        };
        match fate {
            Fate::Over { cause } => self.give_up(index, &cause, &mut changes),
            Fate::Again { cause, .. } if abandoned => self.give_up(index, &cause, &mut changes),
            Fate::Settled | Fate::Again { wait: false, .. } => {}
            Fate::Again { wait: true, cause } => {
                self.not_before = now + rules.backoff_after(&cause).delay(attempts, entropy);
            }
        }
        self.close_gap(rules);
        changes
    }

    /// The broker no longer goes by our numbers: what is certainly not written is numbered anew.
    fn lost_number(&mut self, index: usize, uncertain: bool, cause: Arc<SendFailure>) -> Fate {
        self.failed(index, uncertain, &cause);
        self.leave_gap();
        if uncertain { Fate::Over { cause } } else { Fate::Again { cause, wait: true } }
    }

    /// True if something is older than the delivery timeout.
    pub(super) fn has_expired(&self, rules: &Rules, now: Monotonic) -> bool {
        let oldest = self.batches.iter().chain(&self.open).find(|batch| batch.token.is_some());
        oldest.is_some_and(|batch| batch.created + rules.delivery_timeout <= now)
    }

    /// Gives up what is older than the delivery timeout.
    pub(super) fn expire(
        &mut self,
        rules: &Rules,
        now: Monotonic,
        why: impl Fn(Option<Arc<SendFailure>>) -> SendFailure,
    ) -> Changes<T> {
        let mut changes = Changes::default();
        if self.open.as_ref().is_some_and(|open| open.created + rules.delivery_timeout <= now) {
            self.seal();
        }
        let mut index = 0;
        while let Some(batch) = self.batches.get_mut(index) {
            if batch.created + rules.delivery_timeout > now {
                break;
            }
            let cause = Arc::new(why(batch.last_failure.clone()));
            if batch.request.is_none() {
                self.give_up(index, &cause, &mut changes);
                continue;
            }
            // Its answer may still come, and tells then whether there is a gap.
            batch.uncertain = true;
            resolve(batch, Err(SendError::PossiblyWritten { cause }), &mut changes);
            index += 1;
        }
        self.close_gap(rules);
        changes
    }

    /// Gives up everything, but keeps what is in flight until its answer comes.
    pub(super) fn discard(&mut self, cause: &Arc<SendFailure>) -> Changes<T> {
        let mut changes = Changes::default();
        self.seal();
        for mut batch in std::mem::take(&mut self.batches) {
            let is_in_flight = batch.request.is_some();
            let error = SendError::new(batch.uncertain || is_in_flight, Arc::clone(cause));
            resolve(&mut batch, Err(error), &mut changes);
            if is_in_flight {
                batch.uncertain = true;
                self.batches.push_back(batch);
            } else {
                changes.freed += batch.size;
            }
        }
        changes
    }

    /// Gives up everything.
    pub(super) fn abort(&mut self, cause: &Arc<SendFailure>) -> Changes<T> {
        let mut changes = Changes::default();
        self.seal();
        for mut batch in std::mem::take(&mut self.batches) {
            let may_be_written = batch.uncertain || batch.request.is_some();
            resolve(&mut batch, Err(SendError::new(may_be_written, Arc::clone(cause))), &mut changes);
            changes.freed += batch.size;
        }
        changes
    }

    fn acknowledge(&mut self, index: usize, written: Written, changes: &mut Changes<T>) {
        if let Some(numbering) = &mut self.numbering {
            numbering.established = true;
        }
        if let Some(mut batch) = self.batches.remove(index) {
            resolve(&mut batch, Ok(written), changes);
            changes.freed += batch.size;
        }
    }

    fn failed(&mut self, index: usize, uncertain: bool, cause: &Arc<SendFailure>) {
        if let Some(batch) = self.batches.get_mut(index) {
            batch.uncertain = uncertain;
            batch.last_failure = Some(Arc::clone(cause));
        }
    }

    /// Fails a batch that is not in flight.
    fn give_up(&mut self, index: usize, cause: &Arc<SendFailure>, changes: &mut Changes<T>) {
        let Some(mut batch) = self.batches.remove(index) else {
            return;
        };
        let error = SendError::new(batch.uncertain, Arc::clone(cause));
        resolve(&mut batch, Err(error), changes);
        changes.freed += batch.size;
        let Some(sequence) = batch.sequence else {
            return;
        };
        let is_last = self.batches.get(index).is_none_or(|next| next.sequence.is_none());
        match &mut self.numbering {
            // Certainly not written, and the last to get a number: the number is free again.
            Some(numbering) if is_last && !batch.uncertain => {
                numbering.next = sequence;
                numbering.numbered -= 1;
            }
            _ => self.leave_gap(),
        }
    }

    fn leave_gap(&mut self) {
        if let Some(numbering) = &mut self.numbering {
            numbering.gap = true;
        }
    }

    fn needs_new_id(&mut self) {
        if let Some(numbering) = &mut self.numbering {
            numbering.fenced = true;
        }
    }

    /// Everything that waits is certainly not written.
    fn unsent_is_certain(&mut self) {
        for batch in self.batches.iter_mut().filter(|batch| batch.request.is_none()) {
            batch.uncertain = false;
        }
    }

    /// Raises the epoch and takes all numbers back, if a number is missing and every batch's fate is known.
    fn close_gap(&mut self, rules: &Rules) {
        if rules.transactional {
            return;
        }
        let Some(numbering) = &mut self.numbering else {
            return;
        };
        let is_open =
            |batch: &Batch<T>| batch.request.is_some() || (batch.sequence.is_some() && batch.uncertain);
        if !numbering.gap || self.batches.iter().any(is_open) {
            return;
        }
        for batch in &mut self.batches {
            batch.sequence = None;
        }
        let (id, ProducerEpoch(epoch)) = (numbering.producer_id, numbering.epoch);
        // Kafka keeps the last epoch for itself.
        if numbering.fenced || epoch >= i16::MAX - 1 {
            self.retired = Some(id);
            self.numbering = None;
        } else {
            *numbering = Numbering::new((id, ProducerEpoch(epoch + 1)));
        }
    }
}

fn resolve<T>(batch: &mut Batch<T>, outcome: Result<Written, SendError>, changes: &mut Changes<T>) {
    if let Some(token) = batch.token.take() {
        changes.resolved.push(Resolved { number: batch.number, records: batch.records, token, outcome });
    }
}
