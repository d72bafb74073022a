//! Transaction coordination: all transactional ids of one shard of `__transaction_state`.
//!
//! A command goes in with the time and a [`Token`]; out come [`TransactionEffects`]: the changes to append, the replies to
//! send once these are durable, and the [`Markers`] to write once they are. When the markers of a transaction are written,
//! [`Transactions::markers_written`] ends it.
//!
//! # Invariants
//! - At most one producer identity per transactional id may write, and identities only grow: an id's epoch rises, or a new
//!   id takes its place.
//! - A decided outcome never changes; its markers go to all partitions that were added since the last one ended, and to no
//!   others; nothing begins before they are written.
//! - A transaction ends in bounded time: by its producer, by its successor, or by its timeout.
//! - Every token is answered once. What would meet [`ErrorCode::ConcurrentTransactions`] in Kafka, and be tried again by
//!   the client after a pause, waits for the markers instead, for a bounded time and in bounded number.
//! - Replaying every change, in order, gives what is durable. A decided outcome whose markers may be missing is said again
//!   by [`Transactions::loaded`].

mod change;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic, ProducerId, TopicPartition};

use crate::{Now, Token, TransactionalId};
use transaction::{Initialized, Transaction};

pub use change::{
    Outcome, ProducerIdentity, StoredTransaction, TransactionChange, TransactionState, TransactionVersion,
};

/// Gives producer ids that nobody has used; `None` if there is none at hand, so that the request has to come again.
pub type FreshIds<'a> = &'a mut dyn FnMut() -> Option<ProducerId>;

/// Limits and times that hold for every transactional id of a coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionsConfig {
    /// The longest that a transaction may take (Kafka's `transaction.max.timeout.ms`).
    pub max_timeout: Duration,
    /// How long an id outlives its last use (Kafka's `transactional.id.expiration.ms`).
    pub id_expiration: Duration,
    /// How often to look for ids that nobody uses.
    pub expiration_check_interval: Duration,
    /// The greatest number of transactional ids.
    pub max_ids: usize,
    /// The greatest number of partitions in one transaction; they have to fit into one record.
    pub max_partitions: usize,
    /// How long a request may wait for the markers of the transaction before.
    pub max_wait: Duration,
    /// How many may wait, for each id.
    pub max_waiting: usize,
}

impl Default for TransactionsConfig {
    fn default() -> Self {
        Self {
            max_timeout: Duration::from_mins(15),
            id_expiration: Duration::from_hours(7 * 24),
            expiration_check_interval: Duration::from_hours(1),
            max_ids: 100_000,
            max_partitions: 10_000,
            max_wait: Duration::from_secs(1),
            max_waiting: 16,
        }
    }
}

/// A producer begins its life, or goes on with a new epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitProducer {
    /// Its transactional id.
    pub id: TransactionalId,
    /// How long its transactions may take.
    pub timeout: Duration,
    /// Who it was, if it goes on (KIP-360).
    pub expected: Option<ProducerIdentity>,
}

/// A producer is about to write to partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddPartitions {
    /// Its transactional id.
    pub id: TransactionalId,
    /// Who it is.
    pub producer: ProducerIdentity,
    /// The partitions.
    pub partitions: BTreeSet<TopicPartition>,
    /// How it will end the transaction.
    pub version: TransactionVersion,
}

/// A producer ends its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndTransaction {
    /// Its transactional id.
    pub id: TransactionalId,
    /// Who it is.
    pub producer: ProducerIdentity,
    /// How.
    pub outcome: Outcome,
    /// Whether the producer gets a new epoch by it.
    pub version: TransactionVersion,
}

/// What a command or the passing of time leads to.
///
/// The changes have been applied already. Replies may be sent, and markers written, once the changes, and all that came
/// before them, are durable.
#[derive(Debug, Default, PartialEq)]
pub struct TransactionEffects {
    /// To be appended to the log, in this order.
    pub records: Vec<TransactionChange>,
    /// To be sent, each to the request that its token stands for.
    pub replies: Vec<(Token, TransactionReply)>,
    /// To be written to the partitions that they name.
    pub markers: Vec<Markers>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionReply {
    /// To an initialization: who may write now.
    Init(Result<ProducerIdentity, ErrorCode>),
    /// To the adding of partitions; the same for all.
    AddPartitions(Result<(), ErrorCode>),
    /// To an end: who may write in the next transaction.
    End(Result<ProducerIdentity, ErrorCode>),
}

/// The end of a transaction, to be written to each of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markers {
    /// The transactional id.
    pub id: TransactionalId,
    /// Whose transaction ends, in the epoch that the markers carry.
    pub producer: ProducerIdentity,
    /// How it ends.
    pub outcome: Outcome,
    /// Where it has written.
    pub partitions: BTreeSet<TopicPartition>,
    /// Tells it from other ends of the same producer's transactions.
    pub number: u64,
}

/// A request that waits for the markers of the transaction before.
#[derive(Debug)]
struct Waiting {
    token: Token,
    until: Monotonic,
    request: Delayed,
}

#[derive(Debug)]
enum Delayed {
    Init(InitProducer),
    Add(AddPartitions),
}

impl Waiting {
    fn refused(self, error: ErrorCode) -> (Token, TransactionReply) {
        let reply = match self.request {
            Delayed::Init(_) => TransactionReply::Init(Err(error)),
            Delayed::Add(_) => TransactionReply::AddPartitions(Err(error)),
        };
        (self.token, reply)
    }
}

fn fresh_id(fresh: FreshIds<'_>) -> Result<ProducerId, ErrorCode> {
    fresh().ok_or(ErrorCode::CoordinatorLoadInProgress)
}

/// The transactional ids of one shard of `__transaction_state`.
#[derive(Debug)]
pub struct Transactions {
    config: TransactionsConfig,
    by_id: BTreeMap<TransactionalId, Transaction>,
    /// Each id with a deadline once, at that moment or an earlier one.
    deadlines: BTreeSet<(Monotonic, TransactionalId)>,
    expiration_check: Option<Monotonic>,
    /// How often markers were asked for.
    marked: u64,
}

impl Transactions {
    /// No ids yet: replay the log, then say that it is [`Transactions::loaded`].
    pub fn new(config: TransactionsConfig) -> Self {
        Self { config, by_id: BTreeMap::new(), deadlines: BTreeSet::new(), expiration_check: None, marked: 0 }
    }

    /// Takes over a durable fact, in the log's order.
    pub fn replay(&mut self, change: TransactionChange) {
        match change {
            TransactionChange::Stored(stored) => {
                self.by_id.insert(stored.id.clone(), Transaction::from_stored(stored));
            }
            TransactionChange::Forgotten { id } => {
                self.by_id.remove(&id);
            }
        }
    }

    /// Takes the place of a state that was dropped: what was asked for in its name is not taken for ours.
    pub fn succeed(&mut self, before: &Self) {
        self.marked = before.marked;
    }

    /// The log has been replayed: timeouts go on, and markers that may be missing are to be written.
    pub fn loaded(&mut self, now: Now) -> TransactionEffects {
        self.expiration_check = Some(now.monotonic + self.config.expiration_check_interval);
        let mut effects = TransactionEffects::default();
        let ids: Vec<_> = self.by_id.keys().cloned().collect();
        for id in ids {
            if let Some(transaction) = self.by_id.get_mut(&id) {
                transaction.loaded(now);
                effects.mark(transaction, &mut self.marked, now);
            }
            self.settle(&id);
        }
        effects
    }

    /// A producer begins, and fences whoever had its transactional id before.
    pub fn init(
        &mut self,
        now: Now,
        token: Token,
        init: InitProducer,
        fresh: FreshIds<'_>,
    ) -> TransactionEffects {
        let mut effects = TransactionEffects::default();
        let id = init.id.clone();
        self.init_in(&mut effects, now, token, init, fresh);
        self.settle(&id);
        effects
    }

    fn init_in(
        &mut self,
        effects: &mut TransactionEffects,
        now: Now,
        token: Token,
        mut init: InitProducer,
        fresh: FreshIds<'_>,
    ) {
        let reply = match self.check_init(&init) {
            Err(error) => Err(error),
            Ok(()) => match self.by_id.get_mut(&init.id) {
                None => fresh_id(fresh).map(|producer| {
                    let new = Transaction::new(init.id.clone(), producer, init.timeout, now.wall);
                    let producer = new.stored.producer;
                    effects.store(&new);
                    self.by_id.insert(init.id, new);
                    producer
                }),
                Some(transaction) => {
                    if transaction.stored.state == TransactionState::Ongoing {
                        transaction.fence(now.wall);
                        effects.store(transaction);
                        effects.mark(transaction, &mut self.marked, now);
                        // Who it was has been looked at; it is nobody any more.
                        init.expected = None;
                    }
                    if transaction.is_ending() {
                        let request = Delayed::Init(init);
                        effects.delay(transaction, &self.config, now, token, request);
                        return;
                    }
                    let initialized = transaction.initialize(init.expected, init.timeout, now.wall, fresh);
                    if initialized == Ok(Initialized::Now) {
                        effects.store(transaction);
                    }
                    initialized.map(|_| transaction.stored.producer)
                }
            },
        };
        effects.replies.push((token, TransactionReply::Init(reply)));
    }

    fn check_init(&self, init: &InitProducer) -> Result<(), ErrorCode> {
        if !init.id.is_legal() {
            return Err(ErrorCode::InvalidRequest);
        }
        if init.timeout.is_zero() || init.timeout > self.config.max_timeout {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        match (self.by_id.get(&init.id), init.expected) {
            (None, _) if self.by_id.len() >= self.config.max_ids => Err(ErrorCode::PolicyViolation),
            (Some(transaction), Some(said)) if transaction.stored.state == TransactionState::Ongoing => {
                // A producer that was fenced must not end the transaction of the one that fenced it.
                transaction.check_producer(said).map_err(|_| ErrorCode::ProducerFenced)
            }
            (Some(transaction), Some(said)) => transaction.check_incarnation(said),
            _ => Ok(()),
        }
    }

    /// A producer is about to write to partitions; the first begin its transaction.
    pub fn add_partitions(&mut self, now: Now, token: Token, add: AddPartitions) -> TransactionEffects {
        let mut effects = TransactionEffects::default();
        let id = add.id.clone();
        self.add_in(&mut effects, now, token, add);
        self.settle(&id);
        effects
    }

    fn add_in(&mut self, effects: &mut TransactionEffects, now: Now, token: Token, add: AddPartitions) {
        let reply = match self.by_id.get_mut(&add.id) {
            _ if !add.id.is_legal() => Err(ErrorCode::InvalidRequest),
            None => Err(ErrorCode::InvalidProducerIdMapping),
            Some(transaction) => match transaction.check_producer(add.producer) {
                Err(error) => Err(error),
                Ok(()) if transaction.is_ending() => {
                    effects.delay(transaction, &self.config, now, token, Delayed::Add(add));
                    return;
                }
                Ok(()) => {
                    let added = transaction.add(add.partitions, add.version, self.config.max_partitions, now);
                    if added == Ok(true) {
                        effects.store(transaction);
                    }
                    added.map(|_| ())
                }
            },
        };
        effects.replies.push((token, TransactionReply::AddPartitions(reply)));
    }

    /// Whether a partition is in the ongoing transaction of a producer. Changes nothing.
    pub fn verify(
        &self,
        id: &TransactionalId,
        producer: ProducerIdentity,
        partition: &TopicPartition,
    ) -> Result<(), ErrorCode> {
        let transaction = self.by_id.get(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        transaction.check_producer(producer)?;
        match transaction.stored.state {
            TransactionState::Prepared(_) => Err(ErrorCode::ConcurrentTransactions),
            TransactionState::Ongoing if transaction.stored.partitions.contains(partition) => Ok(()),
            _ => Err(ErrorCode::TransactionAbortable),
        }
    }

    /// A producer ends its transaction.
    pub fn end(
        &mut self,
        now: Now,
        token: Token,
        end: &EndTransaction,
        fresh: FreshIds<'_>,
    ) -> TransactionEffects {
        let mut effects = TransactionEffects::default();
        let reply = match self.by_id.get_mut(&end.id) {
            _ if !end.id.is_legal() => Err(ErrorCode::InvalidRequest),
            None => Err(ErrorCode::InvalidProducerIdMapping),
            Some(transaction) => {
                let decided = transaction.end(end.producer, end.outcome, end.version, now.wall, fresh);
                if decided == Ok(true) {
                    effects.store(transaction);
                    effects.mark(transaction, &mut self.marked, now);
                }
                decided.map(|_| transaction.successor())
            }
        };
        effects.replies.push((token, TransactionReply::End(reply)));
        self.settle(&end.id);
        effects
    }

    /// These markers are written to all their partitions, durably: the transaction is over, and what waited goes on.
    pub fn markers_written(
        &mut self,
        now: Now,
        id: &TransactionalId,
        number: u64,
        fresh: FreshIds<'_>,
    ) -> TransactionEffects {
        let mut effects = TransactionEffects::default();
        let Some(transaction) = self.by_id.get_mut(id).filter(|known| known.markers == Some(number)) else {
            return effects;
        };
        transaction.complete(now.wall);
        effects.store(transaction);
        for waiting in std::mem::take(&mut transaction.waiting) {
            match waiting.request {
                Delayed::Init(init) => self.init_in(&mut effects, now, waiting.token, init, fresh),
                Delayed::Add(add) => self.add_in(&mut effects, now, waiting.token, add),
            }
        }
        self.settle(id);
        effects
    }

    /// Does what is due: call it at or after [`Transactions::next_deadline`].
    pub fn tick(&mut self, now: Now) -> TransactionEffects {
        let mut effects = TransactionEffects::default();
        let mut visited = Vec::new();
        while let Some((at, _)) = self.deadlines.first()
            && *at <= now.monotonic
            && let Some((_, id)) = self.deadlines.pop_first()
        {
            if let Some(transaction) = self.by_id.get_mut(&id) {
                transaction.registered = None;
                if transaction.has_expired(now.monotonic) {
                    transaction.fence(now.wall);
                    effects.store(transaction);
                    effects.mark(transaction, &mut self.marked, now);
                }
                let late = transaction.waiting.extract_if(.., |waiting| waiting.until <= now.monotonic);
                let refused = late.map(|waiting| waiting.refused(ErrorCode::ConcurrentTransactions));
                effects.replies.extend(refused);
            }
            visited.push(id);
        }
        if self.expiration_check.is_some_and(|at| at <= now.monotonic) {
            self.expiration_check = Some(now.monotonic + self.config.expiration_check_interval);
            self.forget_idle(&mut effects, now);
        }
        for id in visited {
            self.settle(&id);
        }
        effects
    }

    fn forget_idle(&mut self, effects: &mut TransactionEffects, now: Now) {
        let idle = self.config.id_expiration;
        let gone = self.by_id.extract_if(.., |_, transaction| transaction.is_idle(now.wall, idle));
        for (id, _) in gone {
            // An id at rest has no deadline.
            effects.records.push(TransactionChange::Forgotten { id });
        }
    }

    /// When [`Transactions::tick`] is to be called next. It may turn out that nothing was due.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let first = self.deadlines.first().map(|(at, _)| *at);
        [first, self.expiration_check].into_iter().flatten().min()
    }

    /// Answers everything that waits with this error. To be called before the shard is dropped, because its log failed or
    /// because it closes.
    pub fn fail_pending(&mut self, error: ErrorCode) -> TransactionEffects {
        let mut effects = TransactionEffects::default();
        for transaction in self.by_id.values_mut() {
            effects.replies.extend(transaction.waiting.drain(..).map(|waiting| waiting.refused(error)));
        }
        effects
    }

    /// How a transactional id stands.
    pub fn get(&self, id: &TransactionalId) -> Option<&StoredTransaction> {
        self.by_id.get(id).map(|transaction| &transaction.stored)
    }

    /// How all of them stand, by id.
    pub fn iter(&self) -> impl Iterator<Item = &StoredTransaction> {
        self.by_id.values().map(|transaction| &transaction.stored)
    }

    /// After a command: brings the id's place in the order of deadlines up to date.
    fn settle(&mut self, id: &TransactionalId) {
        let Some(transaction) = self.by_id.get_mut(id) else {
            return;
        };
        let deadline = transaction.next_deadline();
        if deadline == transaction.registered {
            return;
        }
        if let Some(registered) = std::mem::replace(&mut transaction.registered, deadline) {
            self.deadlines.remove(&(registered, id.clone()));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id.clone()));
        }
    }
}

impl TransactionEffects {
    fn store(&mut self, transaction: &Transaction) {
        self.records.push(TransactionChange::Stored(transaction.stored.clone()));
    }

    /// Has the markers of a decided transaction written; one without partitions is over at once.
    fn mark(&mut self, transaction: &mut Transaction, marked: &mut u64, now: Now) {
        let TransactionState::Prepared(outcome) = transaction.stored.state else {
            return;
        };
        if transaction.stored.partitions.is_empty() {
            transaction.complete(now.wall);
            self.store(transaction);
            return;
        }
        *marked += 1;
        transaction.markers = Some(*marked);
        self.markers.push(Markers {
            number: *marked,
            id: transaction.stored.id.clone(),
            producer: transaction.stored.producer,
            outcome,
            partitions: transaction.stored.partitions.clone(),
        });
    }

    fn delay(
        &mut self,
        transaction: &mut Transaction,
        config: &TransactionsConfig,
        now: Now,
        token: Token,
        request: Delayed,
    ) {
        let waiting = Waiting { token, until: now.monotonic + config.max_wait, request };
        if transaction.waiting.len() < config.max_waiting {
            transaction.waiting.push(waiting);
        } else {
            self.replies.push(waiting.refused(ErrorCode::ConcurrentTransactions));
        }
    }
}
