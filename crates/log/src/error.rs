//! What can go wrong with a log, as data.

use std::io;
use std::path::{Path, PathBuf};

use headwater_model::{ErrorCode, Offset};
use headwater_wire::batch::BatchError;

use crate::SequenceError;

/// Why an operation on a log failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk has no space left; nothing of the append remains, and it may be tried again once there is.
    #[error(
        "the disk is full: cannot {action} {} ({cause}); free some space, or let retention remove records",
        path.display()
    )]
    DiskFull {
        /// What was to be done.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The system refused an operation.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What was stored is not what is there now. The partition must stay offline until a person has looked.
    #[error(
        "{} is damaged at byte {position}: {damage}; restore the file from a copy, or delete the partition's folder \
         and lose its records",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in the file.
        position: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// A partition to be taken in ends within a transaction.
    #[error(
        "the transaction that begins at offset {offset} in {} was never ended, and nobody here can end it; let its own \
         broker end it (its producer's timeout does, or kafka-transactions abort), then stop that",
        folder.display()
    )]
    OpenTransaction {
        /// The partition's folder.
        folder: PathBuf,
        /// Its first record.
        offset: Offset,
    },
    /// A read outside of what the log holds.
    #[error("offset {from} is not in the log, which goes from {start} to {end}")]
    OffsetOutOfRange {
        /// The offset asked for.
        from: Offset,
        /// The first offset.
        start: Offset,
        /// The end, exclusive.
        end: Offset,
    },
    /// An append without a batch.
    #[error("there is no batch to append")]
    Empty,
    /// A batch that is malformed.
    #[error("batch {index} of the append is refused: {source}")]
    InvalidBatch {
        /// Its position in the append, from 0.
        index: usize,
        /// What is wrong with it.
        source: BatchError,
    },
    /// A batch that only a transaction coordinator may write.
    #[error("control batches are written by the broker, not by clients")]
    ControlBatch,
    /// A batch with a producer id and without the numbers that belong to it.
    #[error("a batch of an idempotent producer needs an epoch and a sequence number that are not negative")]
    MissingSequence,
    /// A batch above `max.message.bytes`.
    #[error("the batch has {size} bytes, the topic allows {limit} (max.message.bytes)")]
    BatchTooLarge {
        /// The batch's size.
        size: usize,
        /// The limit.
        limit: u32,
    },
    /// Batches that do not fit into one segment.
    #[error("the batches have {size} bytes, a segment takes {limit} (segment.bytes)")]
    LargerThanSegment {
        /// The size of all batches.
        size: usize,
        /// The limit.
        limit: u32,
    },
    /// There are no offsets left.
    #[error("the partition has used up its offsets")]
    OffsetsUsedUp,
    /// The producer's sequence numbers do not fit.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    /// An earlier failure left the log in a state that only opening it again can clear. It can still be read.
    #[error(transparent)]
    Poisoned(#[from] Poison),
}

impl LogError {
    /// The error that a client is told.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::DiskFull { .. } | Self::Io { .. } | Self::Damaged { .. } | Self::Poisoned(_) => {
                ErrorCode::KafkaStorageError
            }
            Self::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            Self::InvalidBatch { source, .. } => source.error_code(),
            Self::Empty | Self::ControlBatch | Self::MissingSequence | Self::OpenTransaction { .. } => {
                ErrorCode::InvalidRecord
            }
            Self::BatchTooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
            Self::OffsetsUsedUp => ErrorCode::UnknownServerError,
            Self::Sequence(error) => error.error_code(),
        }
    }

    /// An error of the system's.
    pub(crate) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        let path = path.to_path_buf();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { action, path, cause }
            }
            _ => Self::Io { action, path, cause },
        }
    }
}

/// What is wrong with a stored file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// There is no valid batch where one must be.
    #[error("a batch is expected there ({0})")]
    Batch(#[source] BatchError),
    /// A batch has another offset than the one before it leads up to.
    #[error("offset {expected} is expected there and {found} is found")]
    Offset {
        /// The offset expected.
        expected: Offset,
        /// The offset found.
        found: Offset,
    },
    /// The file ends before what was made durable.
    #[error("it ends there, at offset {end}, and records up to offset {durable} were made durable")]
    EndsEarly {
        /// The offset that it ends at.
        end: Offset,
        /// The offset up to which records were durable.
        durable: Offset,
    },
}

/// Why a log refuses appends until it is opened again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the partition accepts no more records, because a write to disk failed ({message}); check the disk, then restart \
     the broker"
)]
pub struct Poison {
    /// What kind of failure it was.
    pub kind: io::ErrorKind,
    /// What the system said.
    pub message: String,
}

impl From<&io::Error> for Poison {
    fn from(error: &io::Error) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}
