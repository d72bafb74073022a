//! What can go wrong while a task works, always with the record that it went wrong at.

use std::error::Error;
use std::fmt;

use headwater_model::{InvalidName, Offset, Timestamp, TopicPartition};
use headwater_schema::{Part, SerdeError};
use headwater_wire::batch::{BatchError, RecordFault};

use crate::store::StoreError;

/// Where a record is. Prints as `topic-partition@offset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The partition.
    pub topic_partition: TopicPartition,
    /// The offset in it.
    pub offset: Offset,
}

/// Why a task stopped.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A key or value is not what the topology expects there.
    #[error("the {part} of the record at {at} cannot be read")]
    Unreadable {
        /// The record.
        at: Location,
        /// Its key or its value.
        part: Part,
        /// What is wrong with it.
        source: SerdeError,
    },
    /// The headers of a record are malformed.
    #[error("the headers of the record at {at} cannot be read")]
    Headers {
        /// The record.
        at: Location,
        /// What is wrong with them.
        source: RecordFault,
    },
    /// A record without a timestamp, which event time needs.
    #[error("the record at {at} has no timestamp")]
    NoTimestamp {
        /// The record.
        at: Location,
    },
    /// A batch that cannot be opened. It is never skipped, because nobody knows what is in it.
    #[error("the batch at {at} cannot be read")]
    Batch {
        /// Where it begins.
        at: Location,
        /// What is wrong with it.
        source: BatchError,
    },
    /// An author's closure refused a record.
    #[error("\"{operator}\" failed on the record at {at}")]
    Refused {
        /// The operator.
        operator: String,
        /// The record that came in.
        at: Location,
        /// What the closure said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A processor failed when one of its timers was due.
    #[error("\"{operator}\" failed on a timer at {time}")]
    Punctuation {
        /// The processor.
        operator: String,
        /// What the timer's clock showed.
        time: Timestamp,
        /// What the processor said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A processor could not begin. It is never skipped, because nothing can be done without it.
    #[error("\"{operator}\" could not begin")]
    Begin {
        /// The processor.
        operator: String,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A result cannot be written.
    #[error("the {part} that \"{operator}\" made of the record at {at} cannot be written")]
    Unwritable {
        /// The operator that writes.
        operator: String,
        /// The record that came in.
        at: Location,
        /// The result's key or value.
        part: Part,
        /// What is wrong with it.
        source: SerdeError,
    },
    /// A result is to go to a topic whose name is none.
    #[error("\"{operator}\" sends what it made of the record at {at} to \"{topic}\", which cannot be")]
    IllegalTopic {
        /// The operator that writes.
        operator: String,
        /// The record that came in.
        at: Location,
        /// The name.
        topic: String,
        /// What is wrong with it.
        source: InvalidName,
    },
    /// A key or value cannot be written to, or read from, a store.
    #[error("the store \"{store}\", at work on the record at {at}, cannot {} an entry", if *.reading { "read" } else { "write" })]
    Entry {
        /// The store.
        store: String,
        /// The record that came in.
        at: Location,
        /// Reading or writing.
        reading: bool,
        /// What is wrong with it.
        source: SerdeError,
    },
    /// More changes wait than a buffer may hold. It is never skipped, because what waits would be lost.
    #[error(
        "the buffer of \"{operator}\" is full at the record at {at}, with {records} records of {bytes} bytes; give it \
         more room, or let it emit early"
    )]
    BufferFull {
        /// The operator that holds changes back.
        operator: String,
        /// The record that came in.
        at: Location,
        /// How many changes wait, with this one.
        records: u64,
        /// How many bytes they are estimated at.
        bytes: u64,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TaskError {
    /// What kind of error it is, in one word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "Unreadable",
            Self::Headers { .. } => "Headers",
            Self::NoTimestamp { .. } => "NoTimestamp",
            Self::Batch { .. } => "Batch",
            Self::Refused { .. } => "Refused",
            Self::Punctuation { .. } => "Punctuation",
            Self::Begin { .. } => "Begin",
            Self::Unwritable { .. } => "Unwritable",
            Self::IllegalTopic { .. } => "IllegalTopic",
            Self::Entry { .. } => "Entry",
            Self::BufferFull { .. } => "BufferFull",
            Self::Store(_) => "Store",
        }
    }
}

/// Why the entries of a store cannot be read from outside.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A key or value is not what the reader expects there.
    #[error("an entry of the store \"{store}\" cannot be read")]
    Entry {
        /// The store.
        store: String,
        /// What is wrong with it.
        source: SerdeError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to do about a record that cannot be dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Stop, and say which record it was.
    #[default]
    Fail,
    /// Leave the record out, and count it.
    Skip,
    /// As `Skip`, but write the record that came in to the [dead-letter topic](crate::TaskConfig::dead_letter_topic), as
    /// it came, with headers that tell the cause.
    ///
    /// A result that the broker refuses still stops the task: nobody knows any more which record it was made of. So does a
    /// record that has no place to go, for want of a topic, and an error within a timer, which no record stands for.
    /// Records of global tables are skipped.
    DeadLetter,
}

/// What to do about records that cannot be dealt with, by the kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErrorPolicies {
    /// A record that cannot be read.
    pub deserialization: OnError,
    /// A record that an operator fails on.
    pub processing: OnError,
    /// A result that the broker refuses for good, or that is to go to a topic whose name is none.
    pub production: OnError,
}

impl ErrorPolicies {
    pub(crate) fn need_dead_letter_topic(self) -> bool {
        [self.deserialization, self.processing, self.production].contains(&OnError::DeadLetter)
    }

    pub(crate) fn of(self, error: &TaskError) -> OnError {
        match error {
            TaskError::Unreadable { .. } | TaskError::Headers { .. } | TaskError::NoTimestamp { .. } => {
                self.deserialization
            }
            TaskError::Refused { .. }
            | TaskError::Punctuation { .. }
            | TaskError::Unwritable { .. }
            | TaskError::Entry { .. } => self.processing,
            TaskError::IllegalTopic { .. } => self.production,
            TaskError::Batch { .. }
            | TaskError::BufferFull { .. }
            | TaskError::Begin { .. }
            | TaskError::Store(_) => OnError::Fail,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.topic_partition, self.offset)
    }
}
