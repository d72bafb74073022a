//! One transactional id: which producer may write, and where its transaction is.
//!
//! Owns: the rules. Every step gives the new state as a whole, or says why there is none.
//!
//! Does not know: other ids, deadlines' order, tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic, ProducerEpoch, ProducerId, Timestamp, TopicPartition};

use super::change::{Outcome, ProducerIdentity, StoredTransaction, TransactionState, TransactionVersion};
use super::{FreshIds, Waiting, fresh_id};
use crate::{Now, TransactionalId};

/// A transactional id at work.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) stored: StoredTransaction,
    /// The epoch before the present one, where the producer itself asked for that: its request may come again. Kafka does
    /// not store it either.
    last_epoch: Option<ProducerEpoch>,
    /// The number of the markers that are being written.
    pub(super) markers: Option<u64>,
    /// When an ongoing transaction is aborted.
    expires: Option<Monotonic>,
    /// Requests that wait for the markers.
    pub(super) waiting: Vec<Waiting>,
    /// Under which moment it stands in the order of deadlines.
    pub(super) registered: Option<Monotonic>,
}

/// What the end of a transaction means as things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The outcome is decided now.
    Decide,
    /// It had been, and so; the answer was lost.
    Decided,
}

impl Transaction {
    /// A transactional id that nobody has used.
    pub(super) fn new(id: TransactionalId, producer: ProducerId, timeout: Duration, now: Timestamp) -> Self {
        Self::from_stored(StoredTransaction {
            id,
            producer: ProducerIdentity::first(producer),
            previous_id: None,
            next_id: None,
            timeout,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            started_at: None,
            updated_at: now,
            version: TransactionVersion::V1,
        })
    }

    pub(super) fn from_stored(stored: StoredTransaction) -> Self {
        Self { stored, last_epoch: None, markers: None, expires: None, waiting: Vec::new(), registered: None }
    }

    /// After a restart an ongoing transaction has as long as it had left.
    pub(super) fn loaded(&mut self, now: Now) {
        if self.stored.state == TransactionState::Ongoing {
            let began = self.stored.started_at.unwrap_or(now.wall);
            let past = Duration::from_millis(u64::try_from(now.wall.ms_since(began)).unwrap_or(0));
            self.expires = Some(now.monotonic + self.stored.timeout.saturating_sub(past));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Monotonic> {
        self.waiting.iter().map(|waiting| waiting.until).chain(self.expires).min()
    }

    /// True if an ongoing transaction has taken too long.
    pub(super) fn has_expired(&self, now: Monotonic) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// True if markers are being written: nothing else may begin.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.stored.state, TransactionState::Prepared(_))
    }

    /// Whether a producer that says who it was is this one, or was it.
    pub(super) fn check_incarnation(&self, said: ProducerIdentity) -> Result<(), ErrorCode> {
        let known = said.id == self.stored.producer.id
            || said == self.successor()
            || (self.is_previous(said.id) && said.is_exhausted());
        if known { Ok(()) } else { Err(ErrorCode::ProducerFenced) }
    }

    /// Fences whoever wrote before, and gives the producer that may write from now on. For an id at rest.
    pub(super) fn initialize(
        &mut self,
        expected: Option<ProducerIdentity>,
        timeout: Duration,
        now: Timestamp,
        fresh: FreshIds<'_>,
    ) -> Result<Initialized, ErrorCode> {
        let current = self.stored.producer;
        if let Some(said) = expected {
            self.check_incarnation(said)?;
            if said != current {
                // The answer to the same request may have been lost.
                let repeated = self.last_epoch == Some(said.epoch);
                return if repeated { Ok(Initialized::Before) } else { Err(ErrorCode::ProducerFenced) };
            }
        }
        if current.is_exhausted() {
            let next = fresh_id(fresh)?;
            self.stored.previous_id = Some(current.id);
            self.stored.producer = ProducerIdentity::first(next);
        } else {
            self.stored.producer = current.bumped();
        }
        self.last_epoch = expected.map(|said| said.epoch);
        self.stored.state = TransactionState::Empty;
        self.stored.timeout = timeout;
        self.stored.started_at = None;
        self.stored.updated_at = now;
        Ok(Initialized::Now)
    }

    /// Whether a producer is the one that may write, or will be once the markers are written.
    pub(super) fn check_producer(&self, producer: ProducerIdentity) -> Result<(), ErrorCode> {
        let current = self.stored.producer;
        if producer == self.successor() {
            Ok(())
        } else if producer.id != current.id {
            Err(ErrorCode::InvalidProducerIdMapping)
        } else if producer.epoch != current.epoch {
            Err(ErrorCode::ProducerFenced)
        } else {
            Ok(())
        }
    }

    /// Adds partitions, and begins the transaction with the first; false if all are in it already.
    pub(super) fn add(
        &mut self,
        partitions: BTreeSet<TopicPartition>,
        version: TransactionVersion,
        most: usize,
        now: Now,
    ) -> Result<bool, ErrorCode> {
        let ongoing = self.stored.state == TransactionState::Ongoing;
        let new: Vec<_> =
            partitions.into_iter().filter(|partition| !self.stored.partitions.contains(partition)).collect();
        if new.is_empty() {
            return Ok(false);
        }
        if self.stored.partitions.len() + new.len() > most {
            return Err(ErrorCode::PolicyViolation);
        }
        self.stored.partitions.extend(new);
        self.stored.version = version;
        self.stored.updated_at = now.wall;
        if !ongoing {
            self.stored.state = TransactionState::Ongoing;
            self.stored.started_at = Some(now.wall);
            self.expires = Some(now.monotonic + self.stored.timeout);
        }
        Ok(true)
    }

    /// Decides the outcome, as the producer asks; false if it had been decided.
    pub(super) fn end(
        &mut self,
        producer: ProducerIdentity,
        outcome: Outcome,
        version: TransactionVersion,
        now: Timestamp,
        fresh: FreshIds<'_>,
    ) -> Result<bool, ErrorCode> {
        let ending = match version {
            TransactionVersion::V1 => self.ending_in_v1(producer, outcome),
            TransactionVersion::V2 => self.ending_in_v2(producer, outcome),
        }?;
        if ending == Ending::Decided {
            return Ok(false);
        }
        if version == TransactionVersion::V2 {
            let current = self.stored.producer;
            self.stored.next_id = current.is_exhausted().then(|| fresh_id(fresh)).transpose()?;
            self.last_epoch = Some(current.epoch);
            self.stored.producer = current.bumped();
        }
        self.stored.version = version;
        self.prepare(outcome, now);
        Ok(true)
    }

    fn ending_in_v1(&self, producer: ProducerIdentity, outcome: Outcome) -> Result<Ending, ErrorCode> {
        self.check_producer(producer)?;
        match self.stored.state {
            TransactionState::Ongoing => Ok(Ending::Decide),
            TransactionState::Prepared(decided) | TransactionState::Completed(decided)
                if decided == outcome =>
            {
                Ok(Ending::Decided)
            }
            _ => Err(ErrorCode::InvalidTxnState),
        }
    }

    fn ending_in_v2(&self, producer: ProducerIdentity, outcome: Outcome) -> Result<Ending, ErrorCode> {
        let repeated = self.ended_by(producer);
        if !repeated {
            self.check_producer(producer)?;
        }
        match (self.stored.state, repeated) {
            (TransactionState::Ongoing, false) => Ok(Ending::Decide),
            (TransactionState::Ongoing | TransactionState::Empty, true) => Err(ErrorCode::ProducerFenced),
            (TransactionState::Prepared(decided) | TransactionState::Completed(decided), true)
                if decided == outcome =>
            {
                Ok(Ending::Decided)
            }
            // What a producer aborts may have failed before its first partition was added.
            (TransactionState::Empty | TransactionState::Completed(_), false)
                if outcome == Outcome::Abort =>
            {
                Ok(Ending::Decide)
            }
            (TransactionState::Prepared(_), false) => Err(ErrorCode::ConcurrentTransactions),
            _ => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// True if the present epoch began where a transaction of this producer ended.
    fn ended_by(&self, producer: ProducerIdentity) -> bool {
        let current = self.stored.producer;
        // An epoch that only fences was given to nobody.
        let is_nobodys = current.is_last() && self.stored.next_id.is_none();
        let bumped = producer.id == current.id && producer.bumped() == current;
        let moved = self.is_previous(producer.id) && producer.is_exhausted() && current.epoch.0 == 0;
        self.stored.version == TransactionVersion::V2 && !is_nobodys && (bumped || moved)
    }

    /// Aborts an ongoing transaction against its producer's will: no request of its may be taken any more.
    pub(super) fn fence(&mut self, now: Timestamp) {
        self.stored.producer = self.stored.producer.bumped();
        self.last_epoch = None;
        self.prepare(Outcome::Abort, now);
    }

    fn prepare(&mut self, outcome: Outcome, now: Timestamp) {
        self.stored.state = TransactionState::Prepared(outcome);
        self.stored.started_at.get_or_insert(now);
        self.stored.updated_at = now;
        self.expires = None;
    }

    /// All markers are written.
    pub(super) fn complete(&mut self, now: Timestamp) {
        let TransactionState::Prepared(outcome) = self.stored.state else {
            return;
        };
        self.markers = None;
        self.stored.state = TransactionState::Completed(outcome);
        self.stored.partitions.clear();
        self.stored.updated_at = now;
        if let Some(next) = self.stored.next_id.take() {
            self.stored.previous_id = Some(self.stored.producer.id);
            self.stored.producer = ProducerIdentity::first(next);
        }
    }

    /// The producer that may write once the markers are written.
    pub(super) fn successor(&self) -> ProducerIdentity {
        self.stored.next_id.map_or(self.stored.producer, ProducerIdentity::first)
    }

    /// True if it is at rest, and nothing has happened for so long.
    pub(super) fn is_idle(&self, now: Timestamp, idle: Duration) -> bool {
        let at_rest = matches!(self.stored.state, TransactionState::Empty | TransactionState::Completed(_));
        let idle_ms = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
        at_rest && now.ms_since(self.stored.updated_at) >= idle_ms
    }

    fn is_previous(&self, id: ProducerId) -> bool {
        self.stored.previous_id == Some(id)
    }
}

/// What an initialization came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Initialized {
    /// There is a new incarnation.
    Now,
    /// The same request had made it; its answer was lost.
    Before,
}
