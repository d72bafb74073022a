//! Why a record was not acknowledged, and whether it may have been written nevertheless.

use std::sync::Arc;
use std::time::Duration;

use headwater_model::{ErrorCode, TopicName, TopicPartition};

use super::transaction::error::TransactionError;
use crate::error::{CallError, MetadataError};

/// A record that was not acknowledged.
///
/// - [`SendError::NotWritten`]: it is certain that the record is not in the log, and will not appear there. Sending it
///   again writes it once.
/// - [`SendError::PossiblyWritten`]: the record was sent, and it is not known what became of it: an answer was lost,
///   or was an error that a broker may give after the write. It may be in the log, once. Sending it again may write it
///   twice.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// Certainly not in the log.
    #[error("the record was not written: {cause}")]
    NotWritten {
        /// What went wrong.
        cause: Arc<SendFailure>,
    },
    /// Perhaps in the log.
    #[error("it is not known whether the record was written: {cause}")]
    PossiblyWritten {
        /// What went wrong.
        cause: Arc<SendFailure>,
    },
}

impl SendError {
    /// What went wrong.
    pub fn cause(&self) -> &SendFailure {
        match self {
            Self::NotWritten { cause } | Self::PossiblyWritten { cause } => cause,
        }
    }

    /// True if the record may be in the log.
    pub fn may_be_written(&self) -> bool {
        matches!(self, Self::PossiblyWritten { .. })
    }

    pub(crate) fn not_written(cause: SendFailure) -> Self {
        Self::NotWritten { cause: Arc::new(cause) }
    }

    pub(crate) fn new(may_be_written: bool, cause: Arc<SendFailure>) -> Self {
        if may_be_written { Self::PossiblyWritten { cause } } else { Self::NotWritten { cause } }
    }
}

/// What went wrong with a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendFailure {
    /// The topic does not exist.
    #[error("there is no topic \"{0}\"; create it first, for example with `headwater topic create {0}`")]
    NoSuchTopic(TopicName),
    /// The topic has fewer partitions.
    #[error("topic \"{topic}\" has no partition {partition}; it has partitions 0 to {}", partitions - 1)]
    NoSuchPartition {
        /// The topic.
        topic: TopicName,
        /// The partition that was asked for.
        partition: i32,
        /// How many partitions there are.
        partitions: usize,
    },
    /// The topic cannot be used.
    #[error("topic \"{topic}\" cannot be used: {error}")]
    Topic {
        /// The topic.
        topic: TopicName,
        /// What the cluster says.
        error: ErrorCode,
    },
    /// The topic's partitions could not be found out in time.
    #[error("the partitions of topic \"{topic}\" are not known after {} ms{}", waited.as_millis(), because(last.as_deref()))]
    NoMetadata {
        /// The topic.
        topic: TopicName,
        /// How long `send` waited.
        waited: Duration,
        /// What went wrong last.
        last: Option<Arc<MetadataError>>,
    },
    /// The record is larger than the producer allows.
    #[error(
        "the record takes {size} bytes, more than the limit of {limit} (max_request_size, buffer_memory)"
    )]
    RecordTooLarge {
        /// The record's size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// There was no room among the unacknowledged records in time.
    #[error("{limit} bytes of records wait to be acknowledged, and none was within {} ms", waited.as_millis())]
    BufferFull {
        /// The limit.
        limit: usize,
        /// How long `send` waited.
        waited: Duration,
    },
    /// The broker refused the batch.
    #[error("{at} refused the batch: {error}{}", said(message.as_deref()))]
    Refused {
        /// The partition.
        at: TopicPartition,
        /// The error.
        error: ErrorCode,
        /// What the broker says about it.
        message: Option<String>,
    },
    /// The batch was not acknowledged in time.
    #[error("{at} did not acknowledge it within {} ms{}", after.as_millis(), because(last.as_deref()))]
    Expired {
        /// The partition.
        at: TopicPartition,
        /// The delivery timeout.
        after: Duration,
        /// What went wrong last.
        last: Option<Arc<SendFailure>>,
    },
    /// The broker's answer did not come, or could not be read.
    #[error(transparent)]
    Call(CallError),
    /// The cluster gives this producer no id to number its batches by.
    #[error("the cluster refuses an id for an idempotent producer: {0}")]
    ProducerId(ErrorCode),
    /// The record's transaction can only be aborted, or the producer can have no more of them.
    #[error(transparent)]
    Transaction(TransactionError),
    /// The record's transaction was aborted.
    #[error("the transaction was aborted before the record was acknowledged")]
    Aborted,
    /// The producer was closed or dropped before the record was acknowledged.
    #[error("the producer was closed before the record was acknowledged")]
    Closed,
}

fn said(message: Option<&str>) -> String {
    message.map(|message| format!("; the broker says: {message}")).unwrap_or_default()
}

fn because(error: Option<&impl std::fmt::Display>) -> String {
    error.map(|error| format!("; the last trouble was: {error}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use headwater_model::PartitionId;

    use super::*;

    #[test]
    fn errors_say_whether_the_record_may_be_written_and_why() {
        let topic = TopicName::new("flights").unwrap();
        let at = TopicPartition::new(topic.clone(), PartitionId(2));
        let refused =
            SendFailure::Refused { at: at.clone(), error: ErrorCode::NotEnoughReplicas, message: None };
        let expired =
            SendFailure::Expired { at, after: Duration::from_mins(2), last: Some(Arc::new(refused)) };
        let waited = Duration::from_mins(1);
        let errors = [
            SendError::new(true, Arc::new(expired)),
            SendError::not_written(SendFailure::NoSuchTopic(topic.clone())),
            SendError::not_written(SendFailure::NoMetadata { topic, waited, last: None }),
            SendError::not_written(SendFailure::BufferFull { limit: 1000, waited }),
        ];
        let expected = expect_test::expect![[r#"
            it is not known whether the record was written: flights-2 did not acknowledge it within 120000 ms; the last trouble was: flights-2 refused the batch: too few replicas are in sync (error code 19)
            the record was not written: there is no topic "flights"; create it first, for example with `headwater topic create flights`
            the record was not written: the partitions of topic "flights" are not known after 60000 ms
            the record was not written: 1000 bytes of records wait to be acknowledged, and none was within 60000 ms
        "#]];
        let lines = errors.map(|error| format!("{error}\n"));
        expected.assert_eq(&lines.concat());
    }
}
