//! What a share consumer hands out, and what can be said to it.

use std::time::Duration;

use headwater_model::{Monotonic, Offset, TopicPartition};
use headwater_wire::batch::{Batch, BatchError, OpenBatch, Record};

/// What is to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acknowledgement {
    /// It is done with.
    Accept,
    /// It is to be delivered again, to whoever comes first; unless it was as often as the group allows.
    Release,
    /// It cannot be done with, by anybody: it is not delivered again.
    Reject,
    /// It is still worked on: its lock begins anew. Apache Kafka 4.2 and later.
    Renew,
}

/// Offsets that were acquired together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcquiredRange {
    /// The first offset.
    pub first: Offset,
    /// The last offset.
    pub last: Offset,
    /// How often its records have been delivered, this time included.
    pub delivery_count: i16,
}

/// A batch of a partition, of which some records are acquired for this consumer. It shares the memory of the answer that it
/// came in.
///
/// ```no_run
/// # fn print(acquired: &headwater_client::Acquired) -> Result<(), headwater_wire::batch::BatchError> {
/// let batch = acquired.open(64 << 20)?;
/// for record in acquired.records(&batch) {
///     let record = record?;
///     println!("{}: {:?}, delivered {} times", record.record.offset, record.record.value, record.delivery_count);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquired {
    /// Where it is from.
    pub topic_partition: TopicPartition,
    /// The batch, whole: it may have records that were not acquired.
    pub batch: Batch,
    /// What was acquired of it, in order. Some of the offsets may have no record.
    pub ranges: Vec<AcquiredRange>,
    /// How long the records are locked, from when they came: then others get what is not acknowledged.
    pub lock_timeout: Duration,
    /// When that ends, by the client's clock.
    pub locked_until: Monotonic,
}

/// A record that is acquired.
#[derive(Debug, Clone, Copy)]
pub struct ShareRecord<'a> {
    /// The record.
    pub record: Record<'a>,
    /// How often it has been delivered, this time included.
    pub delivery_count: i16,
}

impl Acquired {
    /// Opens the batch; its records may take at most `max_uncompressed` bytes.
    pub fn open(&self, max_uncompressed: usize) -> Result<OpenBatch, BatchError> {
        self.batch.open(max_uncompressed)
    }

    /// The records of the opened batch that are acquired.
    pub fn records<'a>(
        &'a self,
        batch: &'a OpenBatch,
    ) -> impl Iterator<Item = Result<ShareRecord<'a>, BatchError>> {
        batch.records().filter_map(|record| match record {
            Ok(record) => {
                let delivery_count = self.delivery_count(record.offset)?;
                Some(Ok(ShareRecord { record, delivery_count }))
            }
            Err(error) => Some(Err(error)),
        })
    }

    /// How often the record at that offset has been delivered, this time included; `None` if it is not acquired.
    pub fn delivery_count(&self, offset: Offset) -> Option<i16> {
        let after = self.ranges.partition_point(|range| range.last < offset);
        let range = self.ranges.get(after).filter(|range| range.first <= offset)?;
        Some(range.delivery_count)
    }
}
