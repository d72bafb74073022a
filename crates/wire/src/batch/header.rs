//! The 61 bytes in front of a batch's records.

use headwater_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

use super::BatchError;
use crate::compression::Compression;

/// The size of a batch's header in bytes.
pub const HEADER_SIZE: usize = 61;

/// Where the length field's count begins.
const LENGTH_END: usize = 12;
const MAGIC_AT: usize = 16;
const MAGIC: i8 = 2;

/// Where the CRC is, and where what it covers begins.
pub(super) const CRC_AT: usize = 17;
pub(super) const ATTRIBUTES_AT: usize = 21;
pub(super) const LEADER_EPOCH_AT: usize = 12;
pub(super) const MAX_TIMESTAMP_AT: usize = 35;

pub(super) const CODEC_BITS: i16 = 0b111;
pub(super) const APPEND_TIME_BIT: i16 = 1 << 3;
pub(super) const TRANSACTIONAL_BIT: i16 = 1 << 4;
pub(super) const CONTROL_BIT: i16 = 1 << 5;
/// The base timestamp is the delete horizon.
pub(super) const DELETE_HORIZON_BIT: i16 = 1 << 6;

/// Whose clock the timestamps of a batch are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimestampType {
    /// The producer's: each record has its own.
    #[default]
    CreateTime,
    /// The broker's: all records have the batch's.
    LogAppendTime,
}

/// A batch's header, read.
///
/// Enough to walk over a log without reading the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset of the first record that the batch was made of.
    pub base_offset: Offset,
    /// The size of the whole batch in bytes, header included.
    pub size: usize,
    /// The epoch of the leader that appended it.
    pub leader_epoch: LeaderEpoch,
    /// The checksum of what follows it.
    pub crc: u32,
    /// Codec, timestamp type, transactional, control.
    pub attributes: i16,
    /// The distance of the last record's offset from the base offset; stays when compaction removes that record.
    pub last_offset_delta: i32,
    /// The time that the records' deltas count from.
    pub base_timestamp: Timestamp,
    /// The greatest timestamp of the records, or the append time of all.
    pub max_timestamp: Timestamp,
    /// Who wrote it, if idempotent.
    pub producer_id: ProducerId,
    /// The producer's incarnation.
    pub producer_epoch: ProducerEpoch,
    /// The producer's number of the first record, or -1.
    pub base_sequence: i32,
    /// How many records there are.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`, which need not hold the records.
    ///
    /// Checks the format, and that size, count and offsets are possible.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let incomplete = BatchError::Incomplete { needed: HEADER_SIZE, available: bytes.len() };
        // Older formats have shorter headers, so the format is looked at before the length.
        match bytes.get(MAGIC_AT) {
            None => return Err(incomplete),
            Some(&magic) if magic as i8 != MAGIC => return Err(BatchError::UnsupportedMagic(magic as i8)),
            Some(_) => {}
        }
        let Some(header) = bytes.first_chunk::<HEADER_SIZE>() else {
            return Err(incomplete);
        };
        Self::from_fields(header)
    }

    fn from_fields(header: &[u8; HEADER_SIZE]) -> Result<Self, BatchError> {
        let length = i32::from_be_bytes(field::<8, 4>(header));
        let size = usize::try_from(length).unwrap_or(0).saturating_add(LENGTH_END);
        if size < HEADER_SIZE {
            return Err(BatchError::LengthTooSmall(length));
        }
        let read = Self {
            base_offset: Offset(i64::from_be_bytes(field::<0, 8>(header))),
            size,
            leader_epoch: LeaderEpoch(i32::from_be_bytes(field::<LEADER_EPOCH_AT, 4>(header))),
            crc: u32::from_be_bytes(field::<CRC_AT, 4>(header)),
            attributes: i16::from_be_bytes(field::<ATTRIBUTES_AT, 2>(header)),
            last_offset_delta: i32::from_be_bytes(field::<23, 4>(header)),
            base_timestamp: Timestamp(i64::from_be_bytes(field::<27, 8>(header))),
            max_timestamp: Timestamp(i64::from_be_bytes(field::<MAX_TIMESTAMP_AT, 8>(header))),
            producer_id: ProducerId(i64::from_be_bytes(field::<43, 8>(header))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(field::<51, 2>(header))),
            base_sequence: i32::from_be_bytes(field::<53, 4>(header)),
            record_count: i32::from_be_bytes(field::<57, 4>(header)),
        };
        // One more than the last offset must be an offset too.
        let greatest_base = i64::MAX - 1 - i64::from(read.last_offset_delta.max(0));
        if read.last_offset_delta < 0 || read.record_count < 0 || read.base_offset.0 > greatest_base {
            return Err(BatchError::ImpossibleHeader {
                base_offset: read.base_offset.0,
                last_offset_delta: read.last_offset_delta,
                record_count: read.record_count,
            });
        }
        Ok(read)
    }

    /// Writes the header over the first 61 bytes of a batch, with the checksum of the rest.
    pub(super) fn write(&self, batch: &mut [u8]) {
        let length = (self.size - LENGTH_END) as i32;
        let mut header = [0; HEADER_SIZE];
        let fields: [&[u8]; 13] = [
            &self.base_offset.0.to_be_bytes(),
            &length.to_be_bytes(),
            &self.leader_epoch.0.to_be_bytes(),
            &MAGIC.to_be_bytes(),
            &self.crc.to_be_bytes(),
            &self.attributes.to_be_bytes(),
            &self.last_offset_delta.to_be_bytes(),
            &self.base_timestamp.0.to_be_bytes(),
            &self.max_timestamp.0.to_be_bytes(),
            &self.producer_id.0.to_be_bytes(),
            &self.producer_epoch.0.to_be_bytes(),
            &self.base_sequence.to_be_bytes(),
            &self.record_count.to_be_bytes(),
        ];
        for (byte, value) in header.iter_mut().zip(fields.into_iter().flatten()) {
            *byte = *value;
        }
        if let Some(place) = batch.first_chunk_mut() {
            *place = header;
        }
        stamp_crc(batch);
    }

    /// The offset of the last record that the batch was made of.
    pub fn last_offset(&self) -> Offset {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// The offset that follows the batch.
    pub fn next_offset(&self) -> Offset {
        self.last_offset().next()
    }

    /// The sequence number of the last record, or -1; sequences start again at 0 after 2^31 - 1.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        (last % (i64::from(i32::MAX) + 1)) as i32
    }

    /// The codec of the records.
    pub fn compression(&self) -> Result<Compression, BatchError> {
        let code = self.attributes & CODEC_BITS;
        Compression::from_code(code).ok_or(BatchError::UnknownCodec(code))
    }

    /// Whose clock the timestamps are from.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & APPEND_TIME_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// True for a batch of a transaction, and for the marker that ends one.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    /// True for a batch of markers, which are not for the application.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// From when on compaction may remove the batch's tombstones, or its marker; `None` before it has seen them (Kafka's
    /// delete horizon, KIP-534).
    pub fn delete_horizon(&self) -> Option<Timestamp> {
        (self.attributes & DELETE_HORIZON_BIT != 0).then_some(self.base_timestamp)
    }

    /// Checks what holds for a producer's batch and not after compaction: a record for each offset.
    pub fn check_dense(&self) -> Result<(), BatchError> {
        let offsets = i64::from(self.last_offset_delta) + 1;
        if i64::from(self.record_count) == offsets {
            Ok(())
        } else {
            Err(BatchError::OffsetsNotDense { record_count: self.record_count, offsets })
        }
    }
}

/// Writes the checksum of what follows it.
pub(super) fn stamp_crc(batch: &mut [u8]) {
    let crc = crc32c::crc32c(batch.get(ATTRIBUTES_AT..).unwrap_or_default());
    if let Some(place) = batch.get_mut(CRC_AT..ATTRIBUTES_AT) {
        place.copy_from_slice(&crc.to_be_bytes());
    }
}

/// The `N` bytes at `AT`.
fn field<const AT: usize, const N: usize>(header: &[u8; HEADER_SIZE]) -> [u8; N] {
    const { assert!(AT + N <= HEADER_SIZE) };
    let mut value = [0; N];
    for (byte, from) in value.iter_mut().zip(header.iter().skip(AT)) {
        *byte = *from;
    }
    value
}
