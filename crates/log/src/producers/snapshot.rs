//! The producers as a file, so that opening a log need not walk over all of it.
//!
//! ```text
//! producer-snapshot (all numbers big-endian)
//!  0 magic "HWPS" | 4 version u32 = 2 | 8 offset i64: all batches below it are in | 16 producers u32
//!    producer: id i64 | epoch i16 | only a marker is known u8 | last seen i64 | batches u32
//!      batch: first sequence i32 | last sequence i32 | first offset i64 | last offset i64 | append time i64
//!  open transactions u32
//!    transaction: producer id i64 | first offset i64
//!  segments in which transactions were aborted u32
//!    segment: base offset i64 | how many u32: so many entries its transaction index must have
//!  end: CRC-32C of all before u32
//! ```

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, BufMut, TryGetError};
use headwater_model::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::{OpenTransactions, Producer, Producers, Remembered, Written};

const MAGIC: u32 = u32::from_be_bytes(*b"HWPS");
const VERSION: u32 = 2;

/// The producers as they were once.
#[derive(Debug)]
pub(crate) struct ProducerSnapshot {
    /// All batches below are in.
    pub(crate) offset: Offset,
    /// The file's content.
    pub(crate) bytes: Vec<u8>,
}

impl ProducerSnapshot {
    /// The name of the file in a partition's folder.
    pub(crate) const FILE_NAME: &str = "producer-snapshot";
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct StoredProducers {
    pub(crate) producers: Producers,
    /// All batches below are in.
    pub(crate) offset: Offset,
    /// How many transactions were aborted in each segment below, where any were.
    pub(crate) aborted: AbortedCounts,
}

/// How many transactions were aborted by markers in a segment, by its base offset.
pub(crate) type AbortedCounts = BTreeMap<Offset, u32>;

impl Producers {
    /// What to store, when all batches below an offset have been recorded.
    pub(crate) fn to_snapshot(&self, offset: Offset, aborted: &AbortedCounts) -> ProducerSnapshot {
        let mut out = Vec::new();
        out.put_u32(MAGIC);
        out.put_u32(VERSION);
        out.put_i64(offset.0);
        out.put_u32(self.entries.len() as u32);
        for (id, producer) in &self.entries {
            out.put_i64(id.0);
            out.put_i16(producer.epoch.0);
            out.put_u8(producer.by_marker_alone.into());
            out.put_i64(producer.last_seen.0);
            out.put_u32(producer.batches.len() as u32);
            for batch in &producer.batches {
                out.put_i32(batch.first_sequence);
                out.put_i32(batch.last_sequence);
                out.put_i64(batch.written.first_offset.0);
                out.put_i64(batch.written.last_offset.0);
                out.put_i64(batch.written.append_time.0);
            }
        }
        out.put_u32(self.open.iter().len() as u32);
        for (id, first) in self.open.iter() {
            out.put_i64(id.0);
            out.put_i64(first.0);
        }
        out.put_u32(aborted.len() as u32);
        for (base, count) in aborted {
            out.put_i64(base.0);
            out.put_u32(*count);
        }
        let checksum = crc32c::crc32c(&out);
        out.put_u32(checksum);
        ProducerSnapshot { offset, bytes: out }
    }

    /// Reads the file's content; `None` if it is not wholly as it was written.
    pub(crate) fn from_snapshot(bytes: &[u8]) -> Option<StoredProducers> {
        let (content, checksum) = bytes.split_last_chunk()?;
        if crc32c::crc32c(content) != u32::from_be_bytes(*checksum) {
            return None;
        }
        read(content).ok().flatten()
    }
}

fn read(mut from: &[u8]) -> Result<Option<StoredProducers>, TryGetError> {
    if from.try_get_u32()? != MAGIC || from.try_get_u32()? != VERSION {
        return Ok(None);
    }
    let offset = Offset(from.try_get_i64()?);
    let mut entries = BTreeMap::new();
    for _ in 0..from.try_get_u32()? {
        let id = ProducerId(from.try_get_i64()?);
        let epoch = ProducerEpoch(from.try_get_i16()?);
        let by_marker_alone = from.try_get_u8()? != 0;
        let last_seen = Timestamp(from.try_get_i64()?);
        let mut batches = VecDeque::new();
        for _ in 0..from.try_get_u32()? {
            batches.push_back(Remembered {
                first_sequence: from.try_get_i32()?,
                last_sequence: from.try_get_i32()?,
                written: Written {
                    first_offset: Offset(from.try_get_i64()?),
                    last_offset: Offset(from.try_get_i64()?),
                    append_time: Timestamp(from.try_get_i64()?),
                },
            });
        }
        entries.insert(id, Producer { epoch, batches, by_marker_alone, last_seen });
    }
    let mut open = OpenTransactions::default();
    for _ in 0..from.try_get_u32()? {
        open.write(ProducerId(from.try_get_i64()?), Offset(from.try_get_i64()?));
    }
    let mut aborted = AbortedCounts::new();
    for _ in 0..from.try_get_u32()? {
        aborted.insert(Offset(from.try_get_i64()?), from.try_get_u32()?);
    }
    Ok(Some(StoredProducers { producers: Producers { entries, open }, offset, aborted }))
}
