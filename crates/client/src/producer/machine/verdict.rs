//! What a broker's answer says about one batch.

use std::sync::Arc;

use headwater_model::{ErrorCode, Offset, Timestamp, TopicPartition};

use crate::error::CallError;
use crate::producer::error::SendFailure;

/// Where an acknowledged batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// The offset of its first record; not known without acknowledgements, nor of an old duplicate.
    pub(crate) base_offset: Option<Offset>,
    /// The time that the broker gave all records, where the topic is configured so.
    pub(crate) log_append_time: Option<Timestamp>,
}

/// What became of one attempt to write a batch.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// It is in the log, by this attempt or an earlier one.
    Written(Written),
    /// It may succeed later. `certain`: this attempt wrote nothing.
    Retry { certain: bool, cause: Arc<SendFailure> },
    /// Its number is not the next one: something before it is missing. This attempt wrote nothing.
    OutOfOrder { cause: Arc<SendFailure> },
    /// The broker has forgotten the producer. This attempt wrote nothing.
    UnknownProducer { cause: Arc<SendFailure> },
    /// The producer's id or epoch is no longer valid. This attempt wrote nothing.
    Fenced { cause: Arc<SendFailure> },
    /// It will never succeed. `certain`: this attempt wrote nothing.
    Refused { certain: bool, cause: Arc<SendFailure> },
}

impl Verdict {
    /// The verdict of an answer's error code.
    pub(crate) fn of_code(
        at: &TopicPartition,
        error: ErrorCode,
        message: Option<String>,
        written: Written,
    ) -> Self {
        if matches!(error, ErrorCode::None | ErrorCode::DuplicateSequenceNumber) {
            return Self::Written(written);
        }
        let cause = Arc::new(SendFailure::Refused { at: at.clone(), error, message });
        let certain = wrote_nothing(error);
        match error {
            ErrorCode::OutOfOrderSequenceNumber => Self::OutOfOrder { cause },
            ErrorCode::UnknownProducerId => Self::UnknownProducer { cause },
            ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidProducerIdMapping
            | ErrorCode::ProducerFenced => Self::Fenced { cause },
            error if error.is_retriable() => Self::Retry { certain, cause },
            _ => Self::Refused { certain, cause },
        }
    }

    /// The same for a batch of a transaction: without it, the transaction cannot be committed, and no number is given
    /// anew before it is aborted. `is_oldest`: none before it is unresolved.
    pub(super) fn in_transaction(self, is_oldest: bool) -> Self {
        match self {
            Self::OutOfOrder { cause } if is_oldest => Self::Refused { certain: true, cause },
            Self::UnknownProducer { cause } | Self::Fenced { cause } => {
                Self::Refused { certain: true, cause }
            }
            other => other,
        }
    }

    /// The verdict where no answer came.
    pub(crate) fn of_failure(error: &CallError) -> Self {
        let certain = !error.may_have_been_processed();
        let cause = Arc::new(SendFailure::Call(error.clone()));
        if error.is_retriable() { Self::Retry { certain, cause } } else { Self::Refused { certain, cause } }
    }
}

/// True for errors that a broker gives only before it writes.
///
/// Not among them: REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND, which come after the write, and
/// NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR and UNKNOWN_SERVER_ERROR, which may.
fn wrote_nothing(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::CorruptMessage
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::MessageTooLarge
            | ErrorCode::InvalidTopicException
            | ErrorCode::RecordListTooLarge
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::InvalidRequiredAcks
            | ErrorCode::TopicAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::InvalidTimestamp
            | ErrorCode::UnsupportedVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::UnsupportedForMessageFormat
            | ErrorCode::PolicyViolation
            | ErrorCode::UnsupportedCompressionType
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidTxnState
            | ErrorCode::TransactionAbortable
            | ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::ConcurrentTransactions
            | ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::ThrottlingQuotaExceeded
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId
    )
}
