//! The producers as a file, so that opening a log need not walk over all of it.
//!
//! ```text
//! producer-snapshot (all numbers big-endian)
//!  0 magic "HWPS" | 4 version u32 = 1 | 8 offset i64: all batches below it are in | 16 producers u32
//!    producer: id i64 | epoch i16 | last seen i64 | batches u32
//!      batch: first sequence i32 | last sequence i32 | first offset i64 | last offset i64 | append time i64
//!  end: CRC-32C of all before u32
//! ```

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, BufMut, TryGetError};
use headwater_model::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::{Producer, Producers, Remembered, Written};

const MAGIC: u32 = u32::from_be_bytes(*b"HWPS");
const VERSION: u32 = 1;

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

impl Producers {
    /// What to store, when all batches below an offset have been recorded.
    pub(crate) fn to_snapshot(&self, offset: Offset) -> ProducerSnapshot {
        let mut out = Vec::new();
        out.put_u32(MAGIC);
        out.put_u32(VERSION);
        out.put_i64(offset.0);
        out.put_u32(self.entries.len() as u32);
        for (id, producer) in &self.entries {
            out.put_i64(id.0);
            out.put_i16(producer.epoch.0);
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
        let checksum = crc32c::crc32c(&out);
        out.put_u32(checksum);
        ProducerSnapshot { offset, bytes: out }
    }

    /// Reads the file's content; `None` if it is not wholly as it was written.
    pub(crate) fn from_snapshot(bytes: &[u8]) -> Option<(Self, Offset)> {
        let (content, checksum) = bytes.split_last_chunk()?;
        if crc32c::crc32c(content) != u32::from_be_bytes(*checksum) {
            return None;
        }
        read(content).ok().flatten()
    }
}

fn read(mut from: &[u8]) -> Result<Option<(Producers, Offset)>, TryGetError> {
    if from.try_get_u32()? != MAGIC || from.try_get_u32()? != VERSION {
        return Ok(None);
    }
    let offset = Offset(from.try_get_i64()?);
    let mut entries = BTreeMap::new();
    for _ in 0..from.try_get_u32()? {
        let id = ProducerId(from.try_get_i64()?);
        let epoch = ProducerEpoch(from.try_get_i16()?);
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
        entries.insert(id, Producer { epoch, batches, last_seen });
    }
    Ok(Some((Producers { entries }, offset)))
}
