//! A batch under construction.

use bytes::Bytes;
use headwater_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

use super::header::{APPEND_TIME_BIT, CONTROL_BIT, TRANSACTIONAL_BIT};
use super::{BatchHeader, HEADER_SIZE, Header, TimestampType, varint};
use crate::compression::Compression;

/// What a batch's header says besides what follows from its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchMeta {
    /// The offset of the first record; brokers assign their own.
    pub base_offset: Offset,
    /// The epoch of the leader; brokers assign their own.
    pub leader_epoch: LeaderEpoch,
    /// The identity of an idempotent producer.
    pub producer_id: ProducerId,
    /// Its incarnation.
    pub producer_epoch: ProducerEpoch,
    /// The producer's number of the first record.
    pub base_sequence: i32,
    /// Part of a transaction.
    pub is_transactional: bool,
    /// Made of markers.
    pub is_control: bool,
    /// Whose clock the timestamps are from.
    pub timestamp_type: TimestampType,
}

impl Default for BatchMeta {
    /// A producer's batch without idempotence.
    fn default() -> Self {
        Self {
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch(-1),
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: -1,
            is_transactional: false,
            is_control: false,
            timestamp_type: TimestampType::CreateTime,
        }
    }
}

/// Takes records and makes a batch of them.
///
/// A record is encoded once, into the buffer that becomes the batch (or, compressed, the codec's input).
///
/// ```
/// use headwater_model::Timestamp;
/// use headwater_wire::batch::{Batch, BatchBuilder, BatchMeta, Compression, Header};
///
/// let mut builder = BatchBuilder::new(Compression::Zstd);
/// let trace = Header { key: "trace", value: Some(b"7f") };
/// builder.append(Timestamp(1_000), Some(b"JFK"), Some(b"{}"), &[trace]);
/// let batch = Batch::parse(&builder.build(&BatchMeta::default()))?;
///
/// let open = batch.open(1 << 20)?;
/// for record in open.records() {
///     let record = record?;
///     assert_eq!((record.key, record.value), (Some(&b"JFK"[..]), Some(&b"{}"[..])));
/// }
/// # Ok::<(), headwater_wire::batch::BatchError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    compression: Compression,
    /// Room for the header, then the records. Empty until the first record.
    buffer: Vec<u8>,
    record_count: i32,
    last_offset_delta: i32,
    base_timestamp: Timestamp,
    max_timestamp: Timestamp,
}

impl BatchBuilder {
    /// A builder without records; it allocates at the first.
    pub fn new(compression: Compression) -> Self {
        Self {
            compression,
            buffer: Vec::new(),
            record_count: 0,
            last_offset_delta: -1,
            base_timestamp: Timestamp::NONE,
            max_timestamp: Timestamp::NONE,
        }
    }

    /// A builder whose buffer has room for a batch of that size.
    pub fn with_capacity(compression: Compression, bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes), ..Self::new(compression) }
    }

    /// Forgets the records and keeps the buffer.
    pub fn clear(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        *self = Self { buffer, ..Self::new(self.compression) };
    }

    /// Adds a record at the next offset.
    ///
    /// A batch has less than 2 GiB; whoever appends keeps below ([`BatchBuilder::size_with`]).
    pub fn append(
        &mut self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) {
        self.append_at(self.last_offset_delta + 1, timestamp, key, value, headers);
    }

    /// Adds a record at that distance from the base offset: past the record before it, as compaction leaves them.
    pub fn append_at(
        &mut self,
        offset_delta: i32,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) {
        debug_assert!(offset_delta > self.last_offset_delta, "offsets rise within a batch");
        if self.record_count == 0 {
            self.buffer.resize(HEADER_SIZE, 0);
            self.base_timestamp = timestamp;
            self.max_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.last_offset_delta = offset_delta;
        self.record_count += 1;
        let timestamp_delta = timestamp.0.wrapping_sub(self.base_timestamp.0);
        let size = body_size(timestamp_delta, offset_delta, key, value, headers);
        let out = &mut self.buffer;
        out.reserve(size + MAX_VARINT);
        varint::put(out, size as i64);
        out.push(0); // attributes
        varint::put(out, timestamp_delta);
        varint::put(out, i64::from(offset_delta));
        put_nullable(out, key);
        put_nullable(out, value);
        varint::put(out, headers.len() as i64);
        for header in headers {
            put_nullable(out, Some(header.key.as_bytes()));
            put_nullable(out, header.value);
        }
    }

    /// The size of the batch so far if it were not compressed.
    pub fn estimated_size(&self) -> usize {
        self.buffer.len().max(HEADER_SIZE)
    }

    /// An upper bound of [`BatchBuilder::estimated_size`] after one more record.
    pub fn size_with(&self, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header<'_>]) -> usize {
        let body = body_size(i64::MIN, self.last_offset_delta + 1, key, value, headers);
        self.estimated_size() + MAX_VARINT + body
    }

    /// How many records there are.
    pub fn record_count(&self) -> i32 {
        self.record_count
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// The greatest timestamp of the records, [`Timestamp::NONE`] without any.
    pub fn max_timestamp(&self) -> Timestamp {
        self.max_timestamp
    }

    /// The codec.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Makes the batch and leaves the builder without records.
    ///
    /// Should the codec fail (it would for want of memory), the records are left as they are: the batch says so.
    ///
    /// # Panics
    /// If the records take 2 GiB or more.
    pub fn build(&mut self, meta: &BatchMeta) -> Bytes {
        self.buffer.resize(self.buffer.len().max(HEADER_SIZE), 0);
        let (mut batch, compression) = match self.compressed() {
            Some(batch) => (batch, self.compression),
            None => (std::mem::take(&mut self.buffer), Compression::None),
        };
        assert!(i32::try_from(batch.len()).is_ok(), "a batch has less than 2 GiB");
        let flag = |set: bool, bit: i16| if set { bit } else { 0 };
        let header = BatchHeader {
            base_offset: meta.base_offset,
            size: batch.len(),
            leader_epoch: meta.leader_epoch,
            crc: 0,
            attributes: compression.code()
                | flag(meta.timestamp_type == TimestampType::LogAppendTime, APPEND_TIME_BIT)
                | flag(meta.is_transactional, TRANSACTIONAL_BIT)
                | flag(meta.is_control, CONTROL_BIT),
            last_offset_delta: self.last_offset_delta.max(0),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: meta.producer_id,
            producer_epoch: meta.producer_epoch,
            base_sequence: meta.base_sequence,
            record_count: self.record_count,
        };
        header.write(&mut batch);
        self.clear();
        Bytes::from(batch)
    }

    /// Room for a header, then the compressed records; `None` where there is nothing to compress.
    fn compressed(&self) -> Option<Vec<u8>> {
        if self.compression == Compression::None || self.is_empty() {
            return None;
        }
        let records = self.buffer.get(HEADER_SIZE..)?;
        let mut batch = Vec::with_capacity(HEADER_SIZE + records.len() / 2);
        batch.resize(HEADER_SIZE, 0);
        self.compression.compress(records, &mut batch).ok()?;
        Some(batch)
    }
}

/// The most bytes that the length of a record takes.
const MAX_VARINT: usize = 5;

/// The size of a record without its length.
fn body_size(
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header<'_>],
) -> usize {
    let headers_size: usize = headers
        .iter()
        .map(|header| nullable_size(Some(header.key.as_bytes())) + nullable_size(header.value))
        .sum();
    1 + varint::length(timestamp_delta)
        + varint::length(i64::from(offset_delta))
        + nullable_size(key)
        + nullable_size(value)
        + varint::length(headers.len() as i64)
        + headers_size
}

fn nullable_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint::length(bytes.len() as i64) + bytes.len())
}

fn put_nullable(output: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => varint::put(output, -1),
        Some(bytes) => {
            varint::put(output, bytes.len() as i64);
            output.extend_from_slice(bytes);
        }
    }
}
