//! Why a transaction was not committed, and what to do about it: one variant for each thing to do.

use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, TopicPartition};
use headwater_wire::ApiKey;

use crate::error::CallError;
use crate::producer::error::SendError;

/// Why a transaction was not committed, or another call of a
/// [`TransactionalProducer`](crate::TransactionalProducer) failed. What can be tried again was tried again before.
///
/// | error | what to do |
/// |---|---|
/// | [`Abortable`](Self::Abortable) | go back to the last committed offsets, and begin a transaction anew |
/// | [`Fenced`](Self::Fenced) | stop, or make a new producer if the other instance is not meant to be |
/// | [`OutcomeUnknown`](Self::OutcomeUnknown) | make a new producer, then see how far the committed offsets are |
/// | [`Fatal`](Self::Fatal) | mend the cause, then make a new producer |
/// | [`TimedOut`](Self::TimedOut) | call again |
/// | [`Closed`](Self::Closed) | nothing: the producer was closed |
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The transaction is aborted, by the producer itself unless [`Transaction::abort`](crate::Transaction::abort) is
    /// called: nothing of it becomes visible. The producer can begin the next one.
    #[error("the transaction cannot be committed, and nothing of it will be seen: {cause}; begin it anew")]
    Abortable {
        /// What failed first.
        cause: Arc<TransactionFailure>,
    },
    /// A newer producer with the same transactional id has taken over, or the transaction lasted longer than its
    /// timeout and was aborted by the coordinator. The transaction is not committed, and this producer is of no more
    /// use.
    #[error(
        "this producer was shut out ({error}): another one took over transactional id \"{transactional_id}\", or a \
         transaction lasted longer than {} ms; give each running process its own id, or raise `transaction_timeout`",
        timeout.as_millis()
    )]
    Fenced {
        /// The transactional id.
        transactional_id: Arc<str>,
        /// What the cluster says.
        error: ErrorCode,
        /// The transaction timeout.
        timeout: Duration,
    },
    /// A commit was asked for, and no answer told what became of it. Either all of the transaction is committed or
    /// nothing is. This producer is of no more use: a new one with the same transactional id settles the matter, and
    /// afterwards the group's committed offsets tell.
    #[error(
        "it is not known whether the transaction was committed: {cause}; make a new producer with transactional id \
         \"{transactional_id}\", which settles it, and go on from the offsets that are committed then"
    )]
    OutcomeUnknown {
        /// The transactional id.
        transactional_id: Arc<str>,
        /// What went wrong last.
        cause: Arc<TransactionFailure>,
    },
    /// The cluster refuses, and will go on to. The transaction is not committed.
    #[error("there can be no transactions of transactional id \"{transactional_id}\": {cause}")]
    Fatal {
        /// The transactional id.
        transactional_id: Arc<str>,
        /// What went wrong.
        cause: Arc<TransactionFailure>,
    },
    /// A beginning or an abort took too long. It goes on in the background, and the next call waits for it.
    #[error("the coordinator did not do it within {} ms{}", waited.as_millis(), because(last.as_deref()))]
    TimedOut {
        /// How long the call waited.
        waited: Duration,
        /// What went wrong last.
        last: Option<Arc<TransactionFailure>>,
    },
    /// The producer was closed.
    #[error("the producer is closed")]
    Closed,
}

impl TransactionError {
    /// True if the same producer can begin the next transaction.
    pub fn is_abortable(&self) -> bool {
        matches!(self, Self::Abortable { .. } | Self::TimedOut { .. })
    }

    /// True if the group has moved on without the consumer whose offsets were sent: poll, then read on from the
    /// committed offsets of the partitions that are assigned then.
    pub fn must_rejoin(&self) -> bool {
        matches!(
            self,
            Self::Abortable { cause } if matches!(**cause, TransactionFailure::Membership { .. })
        )
    }
}

/// What went wrong with a transaction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionFailure {
    /// A record was not acknowledged: the first that failed.
    #[error(transparent)]
    Send(SendError),
    /// A coordinator refuses.
    #[error("{api} was refused: {error}")]
    Refused {
        /// What was asked.
        api: ApiKey,
        /// Why it was refused.
        error: ErrorCode,
    },
    /// A partition cannot be part of the transaction.
    #[error("{at} cannot be written to in a transaction: {error}")]
    Partition {
        /// The partition.
        at: TopicPartition,
        /// Why not.
        error: ErrorCode,
    },
    /// The group has moved on without the consumer whose offsets were sent.
    #[error("group \"{group}\" has moved on without this consumer: {error}")]
    Membership {
        /// The group.
        group: String,
        /// What its coordinator says.
        error: ErrorCode,
    },
    /// An offset was refused.
    #[error("group \"{group}\" refuses the offset of {at}: {error}")]
    Offset {
        /// The group.
        group: String,
        /// The partition.
        at: TopicPartition,
        /// Why.
        error: ErrorCode,
    },
    /// A request could not be made, or was not answered.
    #[error(transparent)]
    Call(CallError),
    /// A request was tried for too long.
    #[error("it was tried for {} ms; the last trouble was: {last}", after.as_millis())]
    Expired {
        /// For how long.
        after: Duration,
        /// What went wrong last.
        last: Arc<TransactionFailure>,
    },
}

impl TransactionFailure {
    /// What the cluster answered, if it did.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { error, .. }
            | Self::Partition { error, .. }
            | Self::Membership { error, .. }
            | Self::Offset { error, .. }
            | Self::Call(
                CallError::Coordinator { error, .. } | CallError::TransactionCoordinator { error, .. },
            ) => Some(*error),
            Self::Expired { last, .. } => last.code(),
            Self::Send(_) | Self::Call(_) => None,
        }
    }
}

fn because(error: Option<&TransactionFailure>) -> String {
    error.map(|error| format!("; the last trouble was: {error}")).unwrap_or_default()
}
