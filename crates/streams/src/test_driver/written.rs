//! What was written to one topic and not read by the test yet. Keys and values lie in one buffer.

use std::ops::Range;

use headwater_model::{PartitionId, Timestamp};

use crate::outputs::OutputRecord;
use crate::record::Headers;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Written {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    partition: PartitionId,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    timestamp: Timestamp,
    headers: Headers,
}

/// A record as it was written.
pub(super) struct WrittenRecord<'a> {
    pub(super) partition: PartitionId,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) timestamp: Timestamp,
    pub(super) headers: Headers,
}

impl Written {
    pub(super) fn push(&mut self, record: &OutputRecord<'_>, partition: PartitionId) {
        let key = record.key.map(|key| self.append(key));
        let value = record.value.map(|value| self.append(value));
        let (timestamp, headers) = (record.timestamp, record.headers.clone());
        self.entries.push(Entry { partition, key, value, timestamp, headers });
    }

    /// The records in the order in which they were written.
    pub(super) fn records(&self) -> impl ExactSizeIterator<Item = WrittenRecord<'_>> {
        self.entries.iter().map(|entry| WrittenRecord {
            partition: entry.partition,
            key: self.slice(entry.key.as_ref()),
            value: self.slice(entry.value.as_ref()),
            timestamp: entry.timestamp,
            headers: entry.headers.clone(),
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn slice(&self, span: Option<&Range<usize>>) -> Option<&[u8]> {
        self.bytes.get(span?.clone())
    }
}
