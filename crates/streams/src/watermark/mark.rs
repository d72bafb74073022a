//! Marks: how a task tells the readers of a repartition topic how far it has come.
//!
//! A mark is a record without key and value, with one header, `headwater-watermark`, whose value is
//!
//! ```text
//! 0 version u8, 1 | 1 idle u8 (0 no, 1 yes) | 2 sub-topology u32 | 6 partition i32 | 10 watermark i64
//! ```
//!
//! all most significant byte first. Sub-topology and partition say which task tells.

use bytes::Bytes;
use headwater_model::{PartitionId, Timestamp};
use headwater_wire::batch;

use super::Standing;
use crate::outputs::OutputRecord;
use crate::record::{Header, Headers};
use crate::topology::TaskId;

const HEADER: &str = "headwater-watermark";
const VERSION: u8 = 1;
const SIZE: usize = 18;

/// What a task tells: all that it sends from now on is of the watermark's time or later, if its inputs keep to their bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) writer: TaskId,
    pub(crate) standing: Standing,
}

/// A mark that cannot be read, such as one of a later version: it says nothing, and is no record all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Garbled;

/// True for a mark that is written.
pub(crate) fn is_mark(record: &OutputRecord<'_>) -> bool {
    let mut headers = record.headers.iter();
    let is_bare = record.key.is_none() && record.value.is_none();
    is_bare && headers.next().is_some_and(|header| header.key == HEADER) && headers.next().is_none()
}

impl Mark {
    /// The headers of the mark.
    pub(crate) fn headers(self) -> Headers {
        let Self { writer, standing } = self;
        let mut value = Vec::with_capacity(SIZE);
        value.extend_from_slice(&[VERSION, u8::from(standing.is_idle)]);
        value.extend_from_slice(&(writer.sub_topology as u32).to_be_bytes());
        value.extend_from_slice(&writer.partition.0.to_be_bytes());
        value.extend_from_slice(&standing.watermark.0.to_be_bytes());
        [Header { key: HEADER.to_owned(), value: Some(Bytes::from(value)) }].into_iter().collect()
    }

    /// `None` for a record that is no mark.
    pub(crate) fn read(record: &batch::Record<'_>) -> Option<Result<Self, Garbled>> {
        if record.key.is_some() || record.value.is_some() || record.header_count() != 1 {
            return None;
        }
        let (key, value) = record.headers().next()?.ok()?;
        (key == HEADER).then(|| value.and_then(Self::parse).ok_or(Garbled))
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let value: &[u8; SIZE] = value.try_into().ok()?;
        let [version, idle, rest @ ..] = value;
        let (sub_topology, rest) = rest.split_first_chunk()?;
        let (partition, rest) = rest.split_first_chunk()?;
        let watermark = i64::from_be_bytes(rest.try_into().ok()?);
        let writer = TaskId {
            sub_topology: u32::from_be_bytes(*sub_topology) as usize,
            partition: PartitionId(i32::from_be_bytes(*partition)),
        };
        let standing = Standing { watermark: Timestamp(watermark), is_idle: *idle == 1 };
        (*version == VERSION && *idle <= 1).then_some(Self { writer, standing })
    }
}

#[cfg(test)]
mod tests {
    use headwater_wire::batch::{Batch, BatchBuilder, BatchMeta, Compression, Header as Wire};
    use proptest::prelude::*;

    use super::*;

    fn mark() -> Mark {
        let writer = TaskId { sub_topology: 3, partition: PartitionId(70_000) };
        Mark { writer, standing: Standing { watermark: Timestamp(1 << 40), is_idle: true } }
    }

    /// What is read of a record.
    fn read(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Wire<'_>]) -> Option<Result<Mark, Garbled>> {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(Timestamp(5), key, value, headers);
        let batch = Batch::parse(&builder.build(&BatchMeta::default())).unwrap();
        let open = batch.open(1 << 20).unwrap();
        let record = open.records().next().unwrap().unwrap();
        Mark::read(&record)
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for watermark in [-1, 0, i64::MAX] {
            for is_idle in [false, true] {
                let standing = Standing { watermark: Timestamp(watermark), is_idle };
                let mark = Mark { standing, ..mark() };
                let headers = mark.headers();
                let value = headers.last(HEADER).unwrap().unwrap();
                let wire = [Wire { key: HEADER, value: Some(value) }];
                assert_eq!(read(None, None, &wire), Some(Ok(mark)));
            }
        }
    }

    #[test]
    fn what_has_a_key_a_value_or_another_header_is_a_record() {
        let own = Wire { key: HEADER, value: Some(b"") };
        let other = Wire { key: "trace", value: Some(b"") };
        assert_eq!(read(Some(b"k"), None, &[own]), None);
        assert_eq!(read(None, Some(b"v"), &[own]), None);
        assert_eq!(read(None, None, &[]), None);
        assert_eq!(read(None, None, &[other]), None);
        assert_eq!(read(None, None, &[own, other]), None);
        assert_eq!(read(None, None, &[Wire { key: HEADER, value: None }]), Some(Err(Garbled)));
    }

    proptest! {
        #[test]
        fn garbage_is_a_mark_that_says_nothing_or_one_that_would_be_written_so(value in prop::collection::vec(any::<u8>(), 0..24)) {
            let found = read(None, None, &[Wire { key: HEADER, value: Some(&value) }]).unwrap();
            if let Ok(mark) = found {
                let headers = mark.headers();
                prop_assert_eq!(headers.last(HEADER).unwrap().unwrap().as_ref(), value.as_slice());
            }
        }
    }
}
