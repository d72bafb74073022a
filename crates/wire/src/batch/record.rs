//! Records, read in place.

use bytes::Bytes;
use headwater_model::{Offset, Timestamp};

use super::{BatchError, BatchHeader, RecordFault, TimestampType, varint};

/// A header of a record, for writing and as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its key; a record may have several headers of one key.
    pub key: &'a str,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

/// A batch whose records lie decompressed in memory.
#[derive(Debug, Clone)]
pub struct OpenBatch {
    header: BatchHeader,
    records: Bytes,
}

impl OpenBatch {
    pub(super) fn new(header: BatchHeader, records: Bytes) -> Self {
        Self { header, records }
    }

    /// The records in the order of their offsets; nothing is allocated for them.
    ///
    /// An error is the last item. Bytes after the last record that the header counts are an error.
    pub fn records(&self) -> RecordIter<'_> {
        RecordIter {
            rest: &self.records,
            header: &self.header,
            index: 0,
            last_delta: -1,
            // Marker batches and compacted batches aside, these are all the records of the batch.
            remaining: self.header.record_count,
            ended: false,
        }
    }

    /// The header of the batch.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The records as bytes, one after the other.
    pub(super) fn record_bytes(&self) -> &[u8] {
        &self.records
    }

    /// The size of the records in bytes, decompressed.
    pub fn size(&self) -> usize {
        self.records.len()
    }

    /// A part of a record as bytes that outlive the borrow, without copying; they keep the whole batch in memory.
    ///
    /// `None` unless `part` lies within this batch.
    pub fn share(&self, part: &[u8]) -> Option<Bytes> {
        let start = (part.as_ptr() as usize).checked_sub(self.records.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= self.records.len()).then(|| self.records.slice(start..end))
    }
}

/// A record in the bytes of its batch.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp, or the batch's under append time.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; null is a tombstone.
    pub value: Option<&'a [u8]>,
    header_count: i32,
    headers: &'a [u8],
}

impl<'a> Record<'a> {
    /// The headers in their order.
    ///
    /// They are checked only here, not when the record is read.
    pub fn headers(&self) -> Headers<'a> {
        Headers { rest: self.headers, remaining: self.header_count, ended: false }
    }

    /// How many headers there are.
    pub fn header_count(&self) -> usize {
        usize::try_from(self.header_count).unwrap_or_default()
    }
}

/// The records of a batch; see [`OpenBatch::records`].
#[derive(Debug, Clone)]
pub struct RecordIter<'a> {
    rest: &'a [u8],
    header: &'a BatchHeader,
    index: i32,
    last_delta: i32,
    remaining: i32,
    ended: bool,
}

impl RecordIter<'_> {
    /// How many bytes of records are to come.
    pub(super) fn bytes_left(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.remaining == 0 {
            self.ended = true;
            return (!self.rest.is_empty()).then_some(Err(BatchError::TrailingBytes(self.rest.len())));
        }
        let record = self.read();
        match record {
            Ok(record) => {
                self.index += 1;
                self.remaining -= 1;
                Some(Ok(record))
            }
            Err(fault) => {
                self.ended = true;
                Some(Err(BatchError::Record { index: self.index, fault }))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The header's count is only a claim; a record takes 7 bytes at least.
        (0, Some(self.remaining.max(0) as usize).map(|count| count.min(self.rest.len() / 7) + 1))
    }
}

impl<'a> RecordIter<'a> {
    #[inline]
    fn read(&mut self) -> Result<Record<'a>, RecordFault> {
        let length = varint::take_i32(&mut self.rest)?;
        let mut record = take(&mut self.rest, length)?;
        take(&mut record, 1)?; // attributes, which have no meaning yet
        let timestamp_delta = varint::take_i64(&mut record)?;
        let offset_delta = varint::take_i32(&mut record)?;
        if offset_delta <= self.last_delta || offset_delta > self.header.last_offset_delta {
            return Err(RecordFault::OffsetOutOfOrder);
        }
        self.last_delta = offset_delta;
        let key = take_nullable(&mut record)?;
        let value = take_nullable(&mut record)?;
        let header_count = varint::take_i32(&mut record)?;
        match header_count {
            ..0 => return Err(RecordFault::NegativeLength),
            0 if !record.is_empty() => return Err(RecordFault::TrailingBytes),
            _ => {}
        }
        let timestamp = match self.header.timestamp_type() {
            TimestampType::CreateTime => self.header.base_timestamp.plus_ms(timestamp_delta),
            TimestampType::LogAppendTime => self.header.max_timestamp,
        };
        Ok(Record {
            offset: self.header.base_offset + i64::from(offset_delta),
            timestamp,
            key,
            value,
            header_count,
            headers: record,
        })
    }
}

/// The headers of a record; see [`Record::headers`]. An error is the last item.
#[derive(Debug, Clone)]
pub struct Headers<'a> {
    rest: &'a [u8],
    remaining: i32,
    ended: bool,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a str, Option<&'a [u8]>), RecordFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.remaining == 0 {
            self.ended = true;
            return (!self.rest.is_empty()).then_some(Err(RecordFault::TrailingBytes));
        }
        self.remaining -= 1;
        let header = self.read();
        self.ended = header.is_err();
        Some(header)
    }
}

impl<'a> Headers<'a> {
    fn read(&mut self) -> Result<(&'a str, Option<&'a [u8]>), RecordFault> {
        let length = varint::take_i32(&mut self.rest)?;
        let key = take(&mut self.rest, length)?;
        let key = std::str::from_utf8(key).map_err(|_| RecordFault::HeaderKeyNotUtf8)?;
        Ok((key, take_nullable(&mut self.rest)?))
    }
}

#[inline]
fn take<'a>(rest: &mut &'a [u8], length: i32) -> Result<&'a [u8], RecordFault> {
    let length = usize::try_from(length).map_err(|_| RecordFault::NegativeLength)?;
    let (taken, after) = rest.split_at_checked(length).ok_or(RecordFault::Truncated)?;
    *rest = after;
    Ok(taken)
}

#[inline]
fn take_nullable<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordFault> {
    match varint::take_i32(rest)? {
        -1 => Ok(None),
        length => take(rest, length).map(Some),
    }
}
