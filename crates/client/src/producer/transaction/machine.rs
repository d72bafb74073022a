//! A transactional producer's dealings with the coordinators as a pure machine: what happens to batches, answers and
//! the time go in; the request that is due comes out.
//!
//! Owns: the producer id and epoch, the state of the transaction, which partitions and groups are part of it, what each
//! error code means for it (`answer.rs`).
//!
//! Invariants:
//! - One request is under way at a time. A transaction is ended only when no batch of it is in flight, and committed
//!   only when every batch and every offset of it succeeded.
//! - With version 1, a partition or group is told to the coordinator before anything is written to it. With version 2
//!   (KIP-890) brokers do that by themselves. The version stays the same from the beginning of a transaction to its end.
//! - After the first failure of anything in it, a transaction can only be aborted.
//! - A commit whose answer was lost is asked for again until it is answered, and never turned into an abort.
//! - The epoch is raised between two transactions: always by version 2, which does so at each end; by version 1 after
//!   an abort, since a batch that was given up has left a gap among the numbers (KIP-360).
//!
//! Does not know: connections, records, batches (it is told what becomes of them), who waits.

mod answer;
mod request;
#[cfg(test)]
pub(in crate::producer) mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{Entropy, Monotonic, ProducerEpoch, ProducerId, TopicPartition};

use super::error::{TransactionError, TransactionFailure};
use crate::consumer::{CommittedOffset, ConsumerGroupMetadata};
use crate::producer::error::SendError;
use crate::retry::Backoff;

pub(crate) use request::{Call, LAST_ADD_PARTITIONS, TransactionAnswer, TransactionRequest};

/// Who tells the coordinator what is part of a transaction: the feature `transaction.version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TransactionVersion {
    /// The producer.
    V1,
    /// The brokers, as they are written to; each end raises the epoch.
    V2,
}

/// How the machine behaves.
#[derive(Debug, Clone)]
pub(crate) struct TransactionRules {
    pub(crate) transactional_id: Arc<str>,
    /// After so long the coordinator aborts a transaction by itself.
    pub(crate) timeout: Duration,
    /// For how long offsets, and a commit, are tried.
    pub(crate) patience: Duration,
    pub(crate) backoff: Backoff,
}

/// What there is of batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batches {
    /// Some are not resolved yet.
    pub(crate) unresolved: bool,
    /// Some are on their way, whether or not anybody waits for them.
    pub(crate) in_flight: bool,
}

#[derive(Debug, Clone)]
enum Phase {
    /// A producer id is needed, or a higher epoch of the one there is.
    Identifying,
    Ready,
    Open,
    Committing {
        /// Until when the commit is asked for; set when it first is.
        until: Option<Monotonic>,
        /// The coordinator may have taken the commit.
        uncertain: bool,
    },
    Aborting,
    /// There will be no more transactions.
    Over(TransactionError),
}

/// A request, as far as its answer's meaning depends on it.
#[derive(Debug, Clone)]
enum Step {
    Identify,
    AddPartitions(BTreeSet<TopicPartition>),
    AddGroup(String),
    CommitOffsets,
    End { commit: bool },
}

/// Offsets that are to be committed with the transaction.
#[derive(Debug)]
struct Offsets {
    offsets: BTreeMap<TopicPartition, CommittedOffset>,
    group: ConsumerGroupMetadata,
    until: Monotonic,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct TransactionMachine {
    rules: TransactionRules,
    entropy: Entropy,
    identity: Option<(ProducerId, ProducerEpoch)>,
    version: TransactionVersion,
    phase: Phase,
    /// How many transactions have begun.
    number: u64,
    /// The coordinator may know of the transaction.
    started: bool,
    failure: Option<TransactionError>,
    /// Nobody waits for the commit any more.
    abandoned: bool,
    /// Partitions that something is to be written to and that the coordinator does not know of.
    missing: BTreeSet<TopicPartition>,
    /// Groups that the coordinator knows of.
    groups: BTreeSet<String>,
    offsets: VecDeque<Offsets>,
    offsets_taken: u64,
    offsets_done: u64,
    asked: Option<Step>,
    /// The coordinator that was asked last is to be looked up again.
    elsewhere: bool,
    failures: u32,
    not_before: Monotonic,
    trouble: Option<Arc<TransactionFailure>>,
}

impl TransactionMachine {
    pub(crate) fn new(rules: TransactionRules, entropy: Entropy) -> Self {
        Self {
            rules,
            entropy,
            identity: None,
            version: TransactionVersion::V1,
            phase: Phase::Identifying,
            number: 0,
            started: false,
            failure: None,
            abandoned: false,
            missing: BTreeSet::new(),
            groups: BTreeSet::new(),
            offsets: VecDeque::new(),
            offsets_taken: 0,
            offsets_done: 0,
            asked: None,
            elsewhere: false,
            failures: 0,
            not_before: Monotonic::ORIGIN,
            trouble: None,
        }
    }

    /// What batches are written under.
    pub(crate) fn identity(&self) -> Option<(ProducerId, ProducerEpoch)> {
        self.identity
    }

    /// The version of the transaction, from its beginning to its end.
    pub(crate) fn version(&self) -> TransactionVersion {
        self.version
    }

    /// Which transaction it is.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Begins a transaction if the one before has ended: `None` if not yet.
    pub(crate) fn begin(&mut self, version: TransactionVersion) -> Option<Result<(), TransactionError>> {
        match &self.phase {
            Phase::Ready => {}
            Phase::Over(error) => return Some(Err(error.clone())),
            Phase::Identifying | Phase::Open | Phase::Committing { .. } | Phase::Aborting => return None,
        }
        self.version = version;
        self.number += 1;
        self.phase = Phase::Open;
        Some(Ok(()))
    }

    /// True once the cluster has given a producer id.
    pub(crate) fn is_identified(&self) -> Option<Result<(), TransactionError>> {
        match &self.phase {
            Phase::Over(error) => Some(Err(error.clone())),
            Phase::Identifying => None,
            _ => Some(Ok(())),
        }
    }

    /// Why nothing more is taken into the transaction, if so.
    pub(crate) fn refusal(&self) -> Option<&TransactionError> {
        match &self.phase {
            Phase::Over(error) => Some(error),
            _ => self.failure.as_ref(),
        }
    }

    /// True if the batches there are will never be committed.
    pub(crate) fn gives_up_batches(&self) -> bool {
        self.failure.is_some() || matches!(self.phase, Phase::Aborting | Phase::Over(_))
    }

    /// Something is to be written to a partition that was not admitted to this transaction yet (version 1).
    pub(crate) fn wants(&mut self, at: TopicPartition) {
        if matches!(self.phase, Phase::Open | Phase::Committing { .. }) && self.failure.is_none() {
            self.missing.insert(at);
        }
    }

    /// A batch was sent.
    pub(crate) fn batch_sent(&mut self) {
        self.started = true;
    }

    /// A batch was not acknowledged. The first failure is what the transaction fails of.
    pub(crate) fn batch_failed(&mut self, error: &SendError) {
        if matches!(self.phase, Phase::Open | Phase::Committing { .. }) && self.failure.is_none() {
            self.fail_of_batch(error);
        }
    }

    /// Offsets are to be committed with the transaction. Gives their number, for [`TransactionMachine::offsets_sent`].
    pub(crate) fn push_offsets(
        &mut self,
        offsets: BTreeMap<TopicPartition, CommittedOffset>,
        group: ConsumerGroupMetadata,
        now: Monotonic,
    ) -> u64 {
        if offsets.is_empty() {
            return self.offsets_taken;
        }
        self.offsets_taken += 1;
        self.offsets.push_back(Offsets { offsets, group, until: now + self.rules.patience });
        self.offsets_taken
    }

    /// Whether the group's coordinator has taken them; `None` if it is still asked.
    pub(crate) fn offsets_sent(&self, number: u64) -> Option<Result<(), TransactionError>> {
        if let Some(error) = self.refusal() {
            return Some(Err(error.clone()));
        }
        (self.offsets_done >= number).then_some(Ok(()))
    }

    /// Commits once every batch and offset has succeeded.
    pub(crate) fn commit(&mut self) {
        if matches!(self.phase, Phase::Open) {
            self.phase = Phase::Committing { until: None, uncertain: false };
        }
    }

    /// What came of the commit; `None` while it is under way.
    pub(crate) fn committed(&self) -> Option<Result<(), TransactionError>> {
        match (&self.phase, &self.failure) {
            (Phase::Over(error), _) | (_, Some(error)) => Some(Err(error.clone())),
            (Phase::Ready | Phase::Identifying, None) => Some(Ok(())),
            (Phase::Open | Phase::Committing { .. } | Phase::Aborting, None) => None,
        }
    }

    /// Aborts, unless the transaction has ended or its commit was asked for already.
    pub(crate) fn abort(&mut self) {
        let may_abort = match self.phase {
            Phase::Open | Phase::Committing { until: None, .. } => true,
            // A commit that was asked for is aborted only if it is refused.
            Phase::Committing { .. } => {
                self.abandoned = true;
                self.failure.is_some()
            }
            Phase::Identifying | Phase::Ready | Phase::Aborting | Phase::Over(_) => false,
        };
        if may_abort {
            self.phase = Phase::Aborting;
            self.missing.clear();
            self.offsets.clear();
        }
    }

    /// What came of the abort; `None` while it is under way.
    pub(crate) fn aborted(&self) -> Option<Result<(), TransactionError>> {
        match &self.phase {
            Phase::Over(error) => Some(Err(error.clone())),
            Phase::Ready | Phase::Identifying => Some(Ok(())),
            Phase::Open | Phase::Committing { .. } | Phase::Aborting => None,
        }
    }

    /// What went wrong last, while something is tried again.
    pub(crate) fn trouble(&self) -> Option<Arc<TransactionFailure>> {
        self.trouble.clone()
    }

    /// The request that is due; to be answered by [`TransactionMachine::answered`].
    pub(crate) fn poll(&mut self, now: Monotonic, batches: Batches) -> Option<Call> {
        if self.asked.is_some() {
            return None;
        }
        if self.abandoned && self.failure.is_some() {
            self.abort();
        }
        self.end_what_never_started(batches);
        if now < self.not_before {
            return None;
        }
        let step = self.next_step(batches)?;
        if let (Phase::Committing { until, .. }, Step::End { .. }) = (&mut self.phase, &step) {
            until.get_or_insert(now + self.rules.patience);
        }
        let request = self.request(&step)?;
        self.started |= !matches!(step, Step::Identify);
        self.asked = Some(step);
        Some(Call { request, lookup: std::mem::take(&mut self.elsewhere) })
    }

    /// When to poll again because time has passed.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.asked.is_none().then_some(self.not_before)
    }

    fn next_step(&self, batches: Batches) -> Option<Step> {
        match &self.phase {
            Phase::Identifying => Some(Step::Identify),
            Phase::Open | Phase::Committing { .. } if self.failure.is_some() => None,
            Phase::Open => self.next_within(),
            Phase::Committing { .. } => {
                let end = (!batches.unresolved && !batches.in_flight).then_some(Step::End { commit: true });
                self.next_within().or(end)
            }
            Phase::Aborting => (!batches.in_flight).then_some(Step::End { commit: false }),
            Phase::Ready | Phase::Over(_) => None,
        }
    }

    fn next_within(&self) -> Option<Step> {
        if !self.missing.is_empty() {
            return Some(Step::AddPartitions(self.missing.clone()));
        }
        let group = &self.offsets.front()?.group.group;
        let is_told = self.version == TransactionVersion::V2 || self.groups.contains(group);
        Some(if is_told { Step::CommitOffsets } else { Step::AddGroup(group.clone()) })
    }

    /// A transaction that no coordinator can have heard of ends by itself.
    fn end_what_never_started(&mut self, batches: Batches) {
        let has_ended = match self.phase {
            Phase::Committing { .. } => {
                self.failure.is_none() && !batches.unresolved && self.next_within().is_none()
            }
            Phase::Aborting => !batches.in_flight,
            _ => false,
        };
        if has_ended && !self.started {
            self.end(Phase::Ready);
        }
    }

    /// The transaction has ended, one way or the other.
    fn end(&mut self, next: Phase) {
        self.phase = next;
        self.started = false;
        self.failure = None;
        self.abandoned = false;
        self.missing.clear();
        self.groups.clear();
        self.offsets.clear();
        self.offsets_done = self.offsets_taken;
    }

    fn fail(&mut self, cause: TransactionFailure) {
        self.failure.get_or_insert_with(|| TransactionError::Abortable { cause: Arc::new(cause) });
    }

    fn over(&mut self, error: TransactionError) {
        self.phase = Phase::Over(error);
    }
}
