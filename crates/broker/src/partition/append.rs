//! What is handed to a partition to append, and what comes of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use headwater_log::{Appended, LogError, Poison};
use headwater_model::{ErrorCode, ProducerId, Timestamp};
use headwater_wire::batch::{BatchError, Compression};
use tokio::sync::oneshot;

/// When an append is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// Once it is written; the producer is not told.
    None,
    /// Once it is written.
    Leader,
    /// Once consumers may see it.
    All,
}

impl Acks {
    /// Kafka's codes: 0, 1, -1.
    pub fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::None),
            1 => Some(Self::Leader),
            -1 => Some(Self::All),
            _ => None,
        }
    }
}

/// Who appends, which decides what is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client: Kafka's rules for produced batches hold.
    Client {
        /// False for versions of Produce before zstd.
        may_send_zstd: bool,
        /// The [`Verification`](super::Verification) of a batch within a transaction, if there is one.
        verified: Option<u64>,
    },
    /// The broker itself.
    Broker,
    /// The broker, ending a producer's transaction.
    Marker {
        /// Whose.
        producer: ProducerId,
        /// An administrator asked for it, and not the transaction's coordinator.
        by_hand: bool,
    },
}

impl Origin {
    pub(super) fn is_client(self) -> bool {
        matches!(self, Self::Client { .. })
    }
}

/// Why batches are not in a partition, or not known to stay.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The log refused or failed; nothing was written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// They were written, but it is unknown whether they are durable.
    #[error("the records were written, and then syncing them to the disk failed: {0}")]
    NotDurable(Poison),
    /// A produce request has one batch per partition.
    #[error("a produce request must have exactly one batch per partition")]
    NotOneBatch,
    /// The batch is malformed.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// More is queued than may be.
    #[error("the disk is behind with what others have produced; nothing was written, try again")]
    Behind,
    /// It claims more records than its bytes can hold.
    #[error("the batch claims more records than its bytes can hold")]
    TooManyRecords,
    /// A batch within a transaction, of nobody.
    #[error("a transactional batch needs a producer id")]
    NoProducer,
    /// The coordinator was not asked, or a transaction has ended since.
    #[error("the partition is not known to be in a transaction of the batch's producer")]
    Unverified,
    /// A codec that the request's version does not know.
    #[error("{0} is not allowed in this version of the request")]
    Codec(Compression),
    /// A record's time is too far off.
    #[error("the timestamp {timestamp} is out of the range that the topic allows around {now}")]
    Timestamp {
        /// The record's.
        timestamp: Timestamp,
        /// The broker's.
        now: Timestamp,
    },
    /// Compaction works by key.
    #[error("record {index} has no key, and the topic is compacted")]
    NoKey {
        /// Its position in the batch, from 0.
        index: usize,
    },
    /// The partition was deleted.
    #[error("the partition has been deleted")]
    Deleted,
    /// The broker is shutting down.
    #[error("the broker is shutting down")]
    Stopped,
}

impl AppendError {
    /// The code for clients.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Log(error) => error.error_code(),
            Self::NotDurable(_) => ErrorCode::KafkaStorageError,
            Self::NotOneBatch | Self::TooManyRecords | Self::NoKey { .. } | Self::NoProducer => {
                ErrorCode::InvalidRecord
            }
            Self::Batch(error) => error.error_code(),
            Self::Unverified => ErrorCode::InvalidTxnState,
            Self::Codec(_) => ErrorCode::UnsupportedCompressionType,
            Self::Behind => ErrorCode::RequestTimedOut,
            Self::Timestamp { .. } => ErrorCode::InvalidTimestamp,
            Self::Deleted => ErrorCode::UnknownTopicOrPartition,
            Self::Stopped => ErrorCode::NotLeaderOrFollower,
        }
    }
}

pub(super) type Outcome = Result<Appended, AppendError>;

/// Batches in a partition's queue.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) batches: Bytes,
    pub(super) acks: Acks,
    pub(super) origin: Origin,
    pub(super) reply: oneshot::Sender<Outcome>,
}

/// An append under way: its place in the order is fixed. Waits for what comes of it; dropping it does not undo it.
#[derive(Debug)]
pub struct Appending(pub(super) oneshot::Receiver<Outcome>);

impl Future for Appending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0).poll(cx).map(|outcome| outcome.unwrap_or(Err(AppendError::Stopped)))
    }
}
