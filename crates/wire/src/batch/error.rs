//! What can be wrong with a batch.

use headwater_model::ErrorCode;

use crate::compression::DecompressError;

/// Why bytes are no record batch that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("the batch is incomplete: it needs {needed} bytes and {available} are there")]
    Incomplete {
        /// The size of the batch, or of what is needed to know it.
        needed: usize,
        /// The bytes that are there.
        available: usize,
    },
    /// The batch's length field is less than a header.
    #[error("the batch's length field is {0}, which is less than a header takes")]
    LengthTooSmall(i32),
    /// A format that this crate does not read.
    #[error("the batch has format {0}; only format 2 (Kafka 0.11 and newer) can be read")]
    UnsupportedMagic(i8),
    /// A last offset delta or a record count below zero, or offsets past the greatest.
    #[error(
        "the batch's header contradicts itself (base offset {base_offset}, last offset delta {last_offset_delta}, \
         {record_count} records)"
    )]
    ImpossibleHeader {
        /// The base offset.
        base_offset: i64,
        /// The last offset's distance from it.
        last_offset_delta: i32,
        /// The number of records.
        record_count: i32,
    },
    /// The checksum of the bytes is not the one in the header.
    #[error("the batch is damaged: its checksum is {computed:#010x}, its header says {stored:#010x}")]
    BadChecksum {
        /// The header's.
        stored: u32,
        /// The bytes'.
        computed: u32,
    },
    /// A codec that does not exist.
    #[error("the batch has compression {0}, which is unknown")]
    UnknownCodec(i16),
    /// The records could not be decompressed.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// A producer's batch must have a record for each of its offsets.
    #[error(
        "a producer's batch has a record for each of its offsets; this one has {record_count} for {offsets}"
    )]
    OffsetsNotDense {
        /// The header's record count.
        record_count: i32,
        /// The offsets from the first to the last.
        offsets: i64,
    },
    /// A record cannot be read.
    #[error("record {index} of the batch is malformed: {fault}")]
    Record {
        /// Its position among the batch's records, from 0.
        index: i32,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// Bytes after the last record that the header counts.
    #[error("{0} bytes follow the last record of the batch")]
    TrailingBytes(usize),
    /// A control batch's record that is no marker.
    #[error("the control record's key is no marker")]
    NotAMarker,
}

impl BatchError {
    /// The error that a producer of such a batch is told.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::UnsupportedMagic(_) => ErrorCode::UnsupportedForMessageFormat,
            Self::UnknownCodec(_) | Self::OffsetsNotDense { .. } => ErrorCode::InvalidRecord,
            _ => ErrorCode::CorruptMessage,
        }
    }
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// A length reaches past the end of the record, or the record past the end of the batch.
    #[error("it ends early")]
    Truncated,
    /// A variable-length integer has too many bits.
    #[error("an integer is too long")]
    BadVarint,
    /// A length below zero where null is not legal, or below -1.
    #[error("a length is negative")]
    NegativeLength,
    /// An offset that does not rise, or lies past the batch's last.
    #[error("its offset is out of order")]
    OffsetOutOfOrder,
    /// A header's key is not UTF-8.
    #[error("a header's key is not UTF-8")]
    HeaderKeyNotUtf8,
    /// Bytes after the record's last header.
    #[error("bytes follow its last header")]
    TrailingBytes,
}
