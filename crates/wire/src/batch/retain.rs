//! A batch without some of its records, as compaction leaves it.
//!
//! Offsets, sequence numbers and codec stay; so do the bytes of the records, unless the batch gets a delete horizon: then
//! it takes the place of the base timestamp, as in Kafka, and the records' timestamps are told from there.

use std::ops::Range;

use bytes::Bytes;
use headwater_model::{ProducerEpoch, ProducerId, Timestamp};

use super::header::{CODEC_BITS, CONTROL_BIT, DELETE_HORIZON_BIT, TRANSACTIONAL_BIT};
use super::{BatchError, BatchHeader, HEADER_SIZE, OpenBatch, Record, RecordFault, TimestampType, varint};
use crate::compression::Compression;

/// Which records of a batch stay. One value serves many batches, one after the other.
#[derive(Debug, Default)]
pub struct Retained {
    /// Where they are among the batch's records; neighbours are one run.
    runs: Vec<Range<usize>>,
    records: i32,
    tombstones: i32,
    newest: Option<Timestamp>,
}

impl Retained {
    /// Asks of each record whether it stays. After an error, which says that the batch is malformed, nothing is chosen.
    pub fn choose(
        &mut self,
        batch: &OpenBatch,
        mut stays: impl FnMut(&Record<'_>) -> bool,
    ) -> Result<(), BatchError> {
        self.clear();
        let mut records = batch.records();
        loop {
            let start = batch.size() - records.bytes_left();
            match records.next() {
                None => return Ok(()),
                Some(Ok(record)) if stays(&record) => {
                    self.note(&record);
                    self.extend(start..batch.size() - records.bytes_left());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.clear();
                    return Err(error);
                }
            }
        }
    }

    fn clear(&mut self) {
        let mut runs = std::mem::take(&mut self.runs);
        runs.clear();
        *self = Self { runs, ..Self::default() };
    }

    fn note(&mut self, record: &Record<'_>) {
        self.records += 1;
        self.tombstones += i32::from(record.value.is_none());
        self.newest = self.newest.max(Some(record.timestamp));
    }

    fn extend(&mut self, record: Range<usize>) {
        match self.runs.last_mut() {
            Some(run) if run.end == record.start => run.end = record.end,
            _ => self.runs.push(record),
        }
    }

    /// How many records stay.
    pub fn records(&self) -> i32 {
        self.records
    }

    /// How many of them have no value.
    pub fn tombstones(&self) -> i32 {
        self.tombstones
    }

    /// The batch with the records that were chosen of it, and with that delete horizon, if any.
    ///
    /// Should the codec fail (it would for want of memory), the records are left as they are: the batch says so.
    ///
    /// # Panics
    /// If the records take 2 GiB or more.
    pub fn rewrite(&self, batch: &OpenBatch, delete_horizon: Option<Timestamp>) -> Result<Bytes, BatchError> {
        let old = batch.header();
        let base_timestamp = delete_horizon.unwrap_or(old.base_timestamp);
        let mut records = Vec::with_capacity(self.runs.iter().map(Range::len).sum());
        for run in &self.runs {
            let run = batch.record_bytes().get(run.clone()).unwrap_or_default();
            if base_timestamp == old.base_timestamp {
                records.extend_from_slice(run);
            } else {
                let moved = old.base_timestamp.0.wrapping_sub(base_timestamp.0);
                move_timestamps(run, moved, &mut records)
                    .map_err(|fault| BatchError::Record { index: 0, fault })?;
            }
        }
        let (mut bytes, codec) = compressed(&records, old.compression()?);
        assert!(i32::try_from(bytes.len()).is_ok(), "a batch has less than 2 GiB");
        let header = BatchHeader {
            size: bytes.len(),
            attributes: (old.attributes & !(CODEC_BITS | DELETE_HORIZON_BIT))
                | codec.code()
                | if delete_horizon.is_some() { DELETE_HORIZON_BIT } else { 0 },
            base_timestamp,
            max_timestamp: match old.timestamp_type() {
                TimestampType::CreateTime => self.newest.unwrap_or(Timestamp::NONE),
                TimestampType::LogAppendTime => old.max_timestamp,
            },
            record_count: self.records,
            ..*old
        };
        header.write(&mut bytes);
        Ok(bytes.into())
    }
}

/// Room for a header, then the records, compressed.
fn compressed(records: &[u8], codec: Compression) -> (Vec<u8>, Compression) {
    let mut bytes = Vec::with_capacity(HEADER_SIZE + records.len());
    bytes.resize(HEADER_SIZE, 0);
    if codec.compress(records, &mut bytes).is_ok() {
        return (bytes, codec);
    }
    bytes.truncate(HEADER_SIZE);
    bytes.extend_from_slice(records);
    (bytes, Compression::None)
}

/// Writes records with timestamps that are told from a base that lies `moved` milliseconds earlier.
fn move_timestamps(mut records: &[u8], moved: i64, out: &mut Vec<u8>) -> Result<(), RecordFault> {
    while !records.is_empty() {
        let length = usize::try_from(varint::take_i32(&mut records)?);
        let length = length.map_err(|_| RecordFault::NegativeLength)?;
        let (record, after) = records.split_at_checked(length).ok_or(RecordFault::Truncated)?;
        records = after;
        let (attributes, mut rest) = record.split_first().ok_or(RecordFault::Truncated)?;
        let delta = varint::take_i64(&mut rest)?.wrapping_add(moved);
        varint::put(out, (1 + varint::length(delta) + rest.len()) as i64);
        out.push(*attributes);
        varint::put(out, delta);
        out.extend_from_slice(rest);
    }
    Ok(())
}

/// What is left of a batch without records: its offsets, and its producer's epoch and sequence, as Kafka writes it.
pub fn emptied(header: &BatchHeader) -> Bytes {
    let bits = CODEC_BITS | DELETE_HORIZON_BIT;
    write_empty(BatchHeader { attributes: header.attributes & !bits, ..*header })
}

/// The same without its producer: a batch that holds the place of its offsets and nothing else.
pub fn placeholder(header: &BatchHeader) -> Bytes {
    let bits = CODEC_BITS | DELETE_HORIZON_BIT | TRANSACTIONAL_BIT | CONTROL_BIT;
    write_empty(BatchHeader {
        attributes: header.attributes & !bits,
        producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch::NONE,
        base_sequence: -1,
        ..*header
    })
}

fn write_empty(header: BatchHeader) -> Bytes {
    let header =
        BatchHeader { size: HEADER_SIZE, base_timestamp: Timestamp::NONE, record_count: 0, ..header };
    let mut bytes = vec![0; HEADER_SIZE];
    header.write(&mut bytes);
    bytes.into()
}
