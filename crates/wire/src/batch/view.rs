//! One batch as a view of the bytes that it came in.

use bytes::Bytes;
use headwater_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

use super::header::ATTRIBUTES_AT;
use super::{BatchError, BatchHeader, HEADER_SIZE, OpenBatch, TimestampType};
use crate::compression::Compression;

/// One whole batch. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// The batch at the start of `bytes`, which may go on after it.
    ///
    /// Checks format and lengths, neither the checksum ([`Batch::verify_crc`]) nor the records ([`Batch::open`]).
    pub fn parse(bytes: &Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::parse(bytes)?;
        if header.size > bytes.len() {
            return Err(BatchError::Incomplete { needed: header.size, available: bytes.len() });
        }
        Ok(Self { header, bytes: bytes.slice(..header.size) })
    }

    /// Checks the checksum, which covers everything from the attributes on.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let computed = crc32c::crc32c(self.bytes.get(ATTRIBUTES_AT..).unwrap_or_default());
        if computed == self.header.crc {
            Ok(())
        } else {
            Err(BatchError::BadChecksum { stored: self.header.crc, computed })
        }
    }

    /// The records, decompressed if need be, into at most `max_uncompressed` bytes.
    ///
    /// Records that are not compressed are not copied, and the limit does not matter to them.
    pub fn open(&self, max_uncompressed: usize) -> Result<OpenBatch, BatchError> {
        let stored = self.bytes.slice(HEADER_SIZE..);
        let records = match self.compression()? {
            Compression::None => stored,
            // What compaction leaves of a batch whose records are all gone.
            _ if self.header.record_count == 0 && stored.is_empty() => stored,
            codec => Bytes::from(codec.decompress(&stored, max_uncompressed)?),
        };
        Ok(OpenBatch::new(self.header, records))
    }

    /// The whole batch as bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The size in bytes, header included.
    pub fn size(&self) -> usize {
        self.header.size
    }

    /// See [`BatchHeader::base_offset`].
    pub fn base_offset(&self) -> Offset {
        self.header.base_offset
    }

    /// See [`BatchHeader::last_offset`].
    pub fn last_offset(&self) -> Offset {
        self.header.last_offset()
    }

    /// See [`BatchHeader::next_offset`].
    pub fn next_offset(&self) -> Offset {
        self.header.next_offset()
    }

    /// See [`BatchHeader::record_count`].
    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// See [`BatchHeader::base_timestamp`].
    pub fn base_timestamp(&self) -> Timestamp {
        self.header.base_timestamp
    }

    /// See [`BatchHeader::max_timestamp`].
    pub fn max_timestamp(&self) -> Timestamp {
        self.header.max_timestamp
    }

    /// See [`BatchHeader::leader_epoch`].
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.header.leader_epoch
    }

    /// See [`BatchHeader::producer_id`].
    pub fn producer_id(&self) -> ProducerId {
        self.header.producer_id
    }

    /// See [`BatchHeader::producer_epoch`].
    pub fn producer_epoch(&self) -> ProducerEpoch {
        self.header.producer_epoch
    }

    /// See [`BatchHeader::base_sequence`].
    pub fn base_sequence(&self) -> i32 {
        self.header.base_sequence
    }

    /// See [`BatchHeader::last_sequence`].
    pub fn last_sequence(&self) -> i32 {
        self.header.last_sequence()
    }

    /// See [`BatchHeader::compression`].
    pub fn compression(&self) -> Result<Compression, BatchError> {
        self.header.compression()
    }

    /// See [`BatchHeader::timestamp_type`].
    pub fn timestamp_type(&self) -> TimestampType {
        self.header.timestamp_type()
    }

    /// See [`BatchHeader::is_transactional`].
    pub fn is_transactional(&self) -> bool {
        self.header.is_transactional()
    }

    /// See [`BatchHeader::is_control`].
    pub fn is_control(&self) -> bool {
        self.header.is_control()
    }

    /// See [`BatchHeader::check_dense`].
    pub fn check_dense(&self) -> Result<(), BatchError> {
        self.header.check_dense()
    }
}

/// The batches in `bytes`, one after the other.
///
/// A batch that is cut off at the end ends the iteration silently: brokers cut fetched records at any byte. Any other
/// fault is an error, after which there is nothing more.
pub fn batches(bytes: Bytes) -> Batches {
    Batches { rest: bytes }
}

/// See [`batches`].
#[derive(Debug, Clone)]
pub struct Batches {
    rest: Bytes,
}

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        match Batch::parse(&self.rest) {
            Ok(batch) => {
                self.rest = self.rest.slice(batch.size()..);
                Some(Ok(batch))
            }
            Err(error) => {
                self.rest = Bytes::new();
                match error {
                    BatchError::Incomplete { .. } => None,
                    error => Some(Err(error)),
                }
            }
        }
    }
}
