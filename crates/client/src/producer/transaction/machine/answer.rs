//! What the coordinators' answers mean to a transaction (KIP-360, KIP-890, KIP-1050).

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_model::{
    ErrorCode, Monotonic, PartitionId, ProducerEpoch, ProducerId, TopicName, TopicPartition,
};
use headwater_wire::ApiKey;
use headwater_wire::messages::add_offsets_to_txn::AddOffsetsToTxnResponse;
use headwater_wire::messages::add_partitions_to_txn::AddPartitionsToTxnResponse;
use headwater_wire::messages::end_txn::EndTxnResponse;
use headwater_wire::messages::init_producer_id::InitProducerIdResponse;
use headwater_wire::messages::txn_offset_commit::TxnOffsetCommitResponse;

use super::{Phase, Step, TransactionAnswer, TransactionMachine, TransactionVersion};
use crate::error::CallError;
use crate::producer::error::{SendError, SendFailure};
use crate::producer::transaction::error::{TransactionError, TransactionFailure};
use crate::retry::MARKERS_BACKOFF;

/// What an error code leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It succeeded.
    Done,
    /// The same is tried again.
    Again,
    /// The same, soon: the transaction before is being ended.
    Soon,
    /// The same, after the coordinator was looked up again.
    Elsewhere,
    /// The transaction can only be aborted; the next one may succeed.
    Abort,
    /// Another producer has taken over.
    Fenced,
    /// There will be no more transactions.
    Over,
}

impl Class {
    pub(super) fn of(error: ErrorCode) -> Self {
        match error {
            ErrorCode::None => Self::Done,
            ErrorCode::ConcurrentTransactions => Self::Soon,
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => Self::Elsewhere,
            ErrorCode::ProducerFenced
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidProducerIdMapping => Self::Fenced,
            ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::InvalidTransactionTimeout
            | ErrorCode::UnsupportedVersion => Self::Over,
            error if error.is_retriable() => Self::Again,
            _ => Self::Abort,
        }
    }

    fn of_call(error: &CallError) -> Self {
        match error {
            CallError::TransactionCoordinator { error, .. } | CallError::Coordinator { error, .. }
                if !error.is_retriable() =>
            {
                Self::of(*error)
            }
            error if error.is_retriable() => Self::Elsewhere,
            _ => Self::Over,
        }
    }
}

impl TransactionMachine {
    /// The answer to the request that is under way. Gives the partitions that may be written to from now on.
    pub(crate) fn answered(&mut self, answer: TransactionAnswer, now: Monotonic) -> BTreeSet<TopicPartition> {
        match (self.asked.take(), answer) {
            (Some(Step::Identify), TransactionAnswer::InitProducerId(answer)) => self.identified(answer, now),
            (Some(Step::AddPartitions(asked)), TransactionAnswer::AddPartitions(answer)) => {
                return self.partitions_added(asked, answer, now);
            }
            (Some(Step::AddGroup(group)), TransactionAnswer::AddOffsets(answer)) => {
                self.group_added(group, answer, now);
            }
            (Some(Step::CommitOffsets), TransactionAnswer::CommitOffsets(answer)) => {
                self.offsets_committed(answer, now);
            }
            (Some(Step::End { commit: true }), TransactionAnswer::End(answer)) => {
                self.commit_answered(answer, now);
            }
            (Some(Step::End { commit: false }), TransactionAnswer::End(answer)) => {
                self.abort_answered(answer, now);
            }
            // Not what was asked for.
            _ => {}
        }
        BTreeSet::new()
    }

    fn identified(&mut self, answer: Result<InitProducerIdResponse, CallError>, now: Monotonic) {
        match accepted(ApiKey::InitProducerId, answer, |response| response.error_code) {
            Ok(response) => {
                let (id, epoch) = (response.producer_id, response.producer_epoch);
                self.identity = Some((ProducerId(id), ProducerEpoch(epoch)));
                self.phase = Phase::Ready;
                self.succeeded(now);
            }
            Err((Class::Abort, cause)) => self.over_of(Class::Over, cause),
            Err((class, cause)) => self.again_or_over(class, cause, now),
        }
    }

    fn partitions_added(
        &mut self,
        asked: BTreeSet<TopicPartition>,
        answer: Result<AddPartitionsToTxnResponse, CallError>,
        now: Monotonic,
    ) -> BTreeSet<TopicPartition> {
        match refused_partition(answer) {
            None => {
                self.succeeded(now);
                self.missing.retain(|at| !asked.contains(at));
                return asked;
            }
            Some((Class::Abort, cause)) => self.fail(cause),
            Some((class, cause)) => self.again_or_over(class, cause, now),
        }
        BTreeSet::new()
    }

    fn group_added(
        &mut self,
        group: String,
        answer: Result<AddOffsetsToTxnResponse, CallError>,
        now: Monotonic,
    ) {
        let refused = accepted(ApiKey::AddOffsetsToTxn, answer, |response| response.error_code).err();
        if self.offsets_go_on(refused, now) {
            self.groups.insert(group);
        }
    }

    fn offsets_committed(&mut self, answer: Result<TxnOffsetCommitResponse, CallError>, now: Monotonic) {
        let group = self.offsets.front().map(|offsets| offsets.group.group.as_str());
        let refused = refused_offset(group.unwrap_or_default(), answer);
        if self.offsets_go_on(refused, now) {
            self.offsets.pop_front();
            self.offsets_done += 1;
        }
    }

    /// True if the offsets' request succeeded. What is tried for too long fails the transaction.
    fn offsets_go_on(&mut self, refused: Option<(Class, TransactionFailure)>, now: Monotonic) -> bool {
        // Aborted meanwhile: there is nothing to go on with.
        let is_over_time = self.offsets.front().is_none_or(|offsets| offsets.until <= now);
        match refused {
            None => {
                self.succeeded(now);
                return !self.offsets.is_empty();
            }
            Some((Class::Abort, cause)) => self.fail(cause),
            Some((Class::Again | Class::Soon | Class::Elsewhere, cause)) if is_over_time => {
                self.expired(cause);
            }
            Some((class, cause)) => self.again_or_over(class, cause, now),
        }
        false
    }

    fn commit_answered(&mut self, answer: Result<EndTxnResponse, CallError>, now: Monotonic) {
        let Phase::Committing { until, uncertain } = self.phase else {
            return;
        };
        let uncertain = uncertain || may_be_taken(&answer);
        let (class, cause) = match accepted(ApiKey::EndTxn, answer, |response| response.error_code) {
            Ok(response) => return self.ended(&response, true, now),
            Err(refused) => refused,
        };
        self.phase = Phase::Committing { until, uncertain };
        let is_over_time = until.is_some_and(|until| until <= now);
        match class {
            Class::Done | Class::Again | Class::Soon | Class::Elsewhere if !is_over_time => {
                self.again(class, cause, now);
            }
            _ if uncertain => {
                let transactional_id = Arc::clone(&self.rules.transactional_id);
                self.over(TransactionError::OutcomeUnknown { transactional_id, cause: Arc::new(cause) });
            }
            Class::Fenced | Class::Over => self.over_of(class, cause),
            Class::Abort => self.fail(cause),
            Class::Done | Class::Again | Class::Soon | Class::Elsewhere => self.expired(cause),
        }
    }

    fn abort_answered(&mut self, answer: Result<EndTxnResponse, CallError>, now: Monotonic) {
        match accepted(ApiKey::EndTxn, answer, |response| response.error_code) {
            Ok(response) => self.ended(&response, false, now),
            // The coordinator has no transaction to abort, or cannot: a higher epoch puts an end to whatever there is.
            Err((Class::Abort, _)) => {
                self.succeeded(now);
                self.end(Phase::Identifying);
            }
            Err((class, cause)) => self.again_or_over(class, cause, now),
        }
    }

    /// The coordinator has taken the end. With version 2 it tells under which epoch to go on.
    fn ended(&mut self, response: &EndTxnResponse, committed: bool, now: Monotonic) {
        self.succeeded(now);
        let next = match (self.version, next_identity(response)) {
            (TransactionVersion::V2, Some(identity)) => {
                self.identity = Some(identity);
                Phase::Ready
            }
            (TransactionVersion::V1, _) if committed => Phase::Ready,
            _ => Phase::Identifying,
        };
        self.end(next);
    }

    pub(super) fn fail_of_batch(&mut self, error: &SendError) {
        let class = match error.cause() {
            SendFailure::Refused { error, .. } => Class::of(*error),
            SendFailure::Call(CallError::Unsupported { .. }) => Class::Over,
            _ => Class::Abort,
        };
        let cause = TransactionFailure::Send(error.clone());
        match (class, error.cause()) {
            (Class::Fenced, SendFailure::Refused { error, .. }) => self.over(self.fenced(*error)),
            (Class::Over, _) => self.over_of(class, cause),
            _ => self.fail(cause),
        }
    }

    fn fenced(&self, error: ErrorCode) -> TransactionError {
        let transactional_id = Arc::clone(&self.rules.transactional_id);
        TransactionError::Fenced { transactional_id, error, timeout: self.rules.timeout }
    }

    fn again_or_over(&mut self, class: Class, cause: TransactionFailure, now: Monotonic) {
        match class {
            Class::Fenced | Class::Over | Class::Abort => self.over_of(class, cause),
            Class::Done | Class::Again | Class::Soon | Class::Elsewhere => self.again(class, cause, now),
        }
    }

    fn over_of(&mut self, class: Class, cause: TransactionFailure) {
        let fenced_by = cause.code().filter(|_| class == Class::Fenced);
        let transactional_id = Arc::clone(&self.rules.transactional_id);
        let fatal = TransactionError::Fatal { transactional_id, cause: Arc::new(cause) };
        self.over(fenced_by.map_or(fatal, |error| self.fenced(error)));
    }

    fn again(&mut self, class: Class, cause: TransactionFailure, now: Monotonic) {
        tracing::debug!(transactional_id = &*self.rules.transactional_id, %cause, "tried again");
        self.failures = self.failures.saturating_add(1);
        let backoff = match class {
            Class::Soon => MARKERS_BACKOFF,
            _ => self.rules.backoff,
        };
        self.not_before = now + backoff.delay(self.failures, &mut self.entropy);
        self.elsewhere |= class == Class::Elsewhere;
        self.trouble = Some(Arc::new(cause));
    }

    fn succeeded(&mut self, now: Monotonic) {
        self.failures = 0;
        self.not_before = now;
        self.trouble = None;
    }

    fn expired(&mut self, last: TransactionFailure) {
        let after = self.rules.patience;
        self.fail(TransactionFailure::Expired { after, last: Arc::new(last) });
    }
}

/// The answer, unless it is a refusal.
fn accepted<R>(
    api: ApiKey,
    answer: Result<R, CallError>,
    code: impl Fn(&R) -> i16,
) -> Result<R, (Class, TransactionFailure)> {
    let response = answer.map_err(|error| (Class::of_call(&error), TransactionFailure::Call(error)))?;
    let error = ErrorCode::from_code(code(&response));
    match Class::of(error) {
        Class::Done => Ok(response),
        class => Err((class, TransactionFailure::Refused { api, error })),
    }
}

fn refused_partition(
    answer: Result<AddPartitionsToTxnResponse, CallError>,
) -> Option<(Class, TransactionFailure)> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Some((Class::of_call(&error), TransactionFailure::Call(error))),
    };
    let mut refused = None;
    for topic in &response.results_by_topic_v3_and_below {
        let Ok(name) = TopicName::new(&topic.name) else { continue };
        for partition in &topic.results_by_partition {
            let error = ErrorCode::from_code(partition.partition_error_code);
            // What was not attempted is so because of another partition.
            if error.is_error() && error != ErrorCode::OperationNotAttempted {
                let at = TopicPartition::new(name.clone(), PartitionId(partition.partition_index));
                worst(&mut refused, (Class::of(error), TransactionFailure::Partition { at, error }));
            }
        }
    }
    refused
}

fn refused_offset(
    group: &str,
    answer: Result<TxnOffsetCommitResponse, CallError>,
) -> Option<(Class, TransactionFailure)> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Some((Class::of_call(&error), TransactionFailure::Call(error))),
    };
    let mut refused = None;
    for topic in &response.topics {
        let Ok(name) = TopicName::new(&topic.name) else { continue };
        for partition in &topic.partitions {
            let error = ErrorCode::from_code(partition.error_code);
            if !error.is_error() {
                continue;
            }
            let failure = if is_of_membership(error) {
                TransactionFailure::Membership { group: group.to_owned(), error }
            } else {
                let at = TopicPartition::new(name.clone(), PartitionId(partition.partition_index));
                TransactionFailure::Offset { group: group.to_owned(), at, error }
            };
            // A coordinator of groups tells by this code that it is busy for longer than its answer may take.
            let class = match Class::of(error) {
                Class::Again if error == ErrorCode::RequestTimedOut => Class::Elsewhere,
                class => class,
            };
            worst(&mut refused, (class, failure));
        }
    }
    refused
}

/// Keeps what weighs more: a transaction is not tried again if any part of it cannot succeed.
fn worst(kept: &mut Option<(Class, TransactionFailure)>, other: (Class, TransactionFailure)) {
    if kept.as_ref().is_none_or(|(class, _)| weight(*class) < weight(other.0)) {
        *kept = Some(other);
    }
}

fn weight(class: Class) -> u8 {
    match class {
        Class::Done => 0,
        Class::Soon => 1,
        Class::Again => 2,
        Class::Elsewhere => 3,
        Class::Abort => 4,
        Class::Over => 5,
        Class::Fenced => 6,
    }
}

fn is_of_membership(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::StaleMemberEpoch
            | ErrorCode::RebalanceInProgress
    )
}

/// True if the coordinator may have taken the end that it did not confirm: these codes, too, may follow the write.
fn may_be_taken(answer: &Result<EndTxnResponse, CallError>) -> bool {
    match answer {
        Ok(response) => matches!(
            ErrorCode::from_code(response.error_code),
            ErrorCode::CoordinatorNotAvailable
                | ErrorCode::NotCoordinator
                | ErrorCode::RequestTimedOut
                | ErrorCode::NotEnoughReplicas
                | ErrorCode::NotEnoughReplicasAfterAppend
                | ErrorCode::UnknownServerError
        ),
        Err(error) => error.may_have_been_processed(),
    }
}

fn next_identity(response: &EndTxnResponse) -> Option<(ProducerId, ProducerEpoch)> {
    let identity = (ProducerId(response.producer_id), ProducerEpoch(response.producer_epoch));
    (response.producer_id >= 0 && response.producer_epoch >= 0).then_some(identity)
}
