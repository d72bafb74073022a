//! Why a share consumer's poll or an acknowledgement failed, and what to do about it.

use std::sync::Arc;

use headwater_model::{ErrorCode, Offset, TopicPartition};
use headwater_wire::batch::BatchError;

use crate::consumer::GroupError;
use crate::error::CallError;

/// Why a poll failed. It is told once; the next poll goes on with what can be had.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The membership in the group.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A broker refuses to serve a partition.
    #[error("the broker refuses to share {partition}: {error}{}", said(message.as_deref()))]
    Refused {
        /// The partition.
        partition: TopicPartition,
        /// Why.
        error: ErrorCode,
        /// What the broker says about it.
        message: Option<String>,
    },
    /// A broker refuses to serve any of its partitions.
    #[error("broker {node} refuses to share its partitions: {error}{}", said(message.as_deref()))]
    NodeRefused {
        /// The broker's id.
        node: i32,
        /// Why.
        error: ErrorCode,
        /// What it says about it.
        message: Option<String>,
    },
    /// A request that is needed to share partitions cannot be made.
    #[error("broker {node} cannot be asked for records: {source}")]
    Call {
        /// The broker's id.
        node: i32,
        /// Why not.
        source: CallError,
    },
    /// A batch came that cannot be read. Its records are rejected where they are whole but wrong, released where they are not
    /// whole.
    #[error("the batch of {partition} at offset {offset} cannot be read: {source}")]
    Batch {
        /// The partition.
        partition: TopicPartition,
        /// The first offset that cannot be read.
        offset: Offset,
        /// What is wrong with it.
        source: Arc<BatchError>,
    },
    /// The consumer was closed.
    #[error("the consumer is closed")]
    Closed,
}

/// The record cannot be acknowledged, since this consumer does not have it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this consumer has not acquired offset {offset} of {partition} (any more): it was acknowledged before, its lock has \
     ended, or the consumer was out of its group; others get it, if it is not done with"
)]
pub struct NotAcquired {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset, or the first of those that were to be acknowledged.
    pub offset: Offset,
}

/// Acknowledgements that did not get through, or perhaps did: the records may be delivered again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("offsets {first} to {last} of {partition} were not acknowledged, so far as is known: {cause}")]
pub struct AcknowledgeFailure {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset.
    pub first: Offset,
    /// The last offset.
    pub last: Offset,
    /// Why.
    pub cause: AcknowledgeCause,
}

/// Why acknowledgements did not get through.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AcknowledgeCause {
    /// The broker refuses them; [`ErrorCode::InvalidRecordState`] where a lock had ended.
    #[error("{error}{}", said(message.as_deref()))]
    Refused {
        /// Why.
        error: ErrorCode,
        /// What the broker says about it.
        message: Option<String>,
    },
    /// The request could not be made, or no answer came: [`CallError::may_have_been_processed`] says which.
    #[error(transparent)]
    Call(CallError),
    /// The session or the membership by which the records were acquired ended before.
    #[error("the broker's session of this consumer ended before, and released what it had acquired")]
    SessionEnded,
}

/// Some acknowledgements did not get through; the others did.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{}", first(.0), others(.0))]
pub struct AcknowledgeFailures(pub Vec<AcknowledgeFailure>);

fn first(failures: &[AcknowledgeFailure]) -> String {
    failures.first().map_or_else(|| "the consumer is closed".to_owned(), ToString::to_string)
}

fn others(failures: &[AcknowledgeFailure]) -> String {
    match failures.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    }
}

fn said(message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("; the broker says: {message}"),
        _ => String::new(),
    }
}
