//! What a consumer hands out and takes in.

use headwater_model::{LeaderEpoch, Offset, Timestamp, TopicPartition};
use headwater_wire::batch::{Batch, BatchError, OpenBatch, Record};

/// A batch of a partition, as it came from the broker. It shares the memory of the answer that it came in.
///
/// Opening it (which decompresses) is left to the application, so that it can happen on a thread of its choice:
///
/// ```no_run
/// # fn sum(fetched: &headwater_client::Fetched) -> Result<usize, headwater_wire::batch::BatchError> {
/// let batch = fetched.open(64 << 20)?;
/// let mut bytes = 0;
/// for record in fetched.records(&batch) {
///     bytes += record?.value.map_or(0, <[u8]>::len);
/// }
/// # Ok(bytes)
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is from.
    pub topic_partition: TopicPartition,
    /// The batch, whole. It may begin before `from`.
    pub batch: Batch,
    /// Records with lower offsets were not asked for, and are to be skipped.
    pub from: Offset,
    /// The partition's high watermark when the batch came: the offset that follows the last record that consumers
    /// can see.
    pub high_watermark: Offset,
}

impl Fetched {
    /// Opens the batch; its records may take at most `max_uncompressed` bytes.
    pub fn open(&self, max_uncompressed: usize) -> Result<OpenBatch, BatchError> {
        self.batch.open(max_uncompressed)
    }

    /// The records of the opened batch that were asked for.
    pub fn records<'a>(
        &self,
        batch: &'a OpenBatch,
    ) -> impl Iterator<Item = Result<Record<'a>, BatchError>> + use<'a> {
        let from = self.from;
        batch.records().filter(move |record| record.as_ref().map_or(true, |record| record.offset >= from))
    }
}

/// What [`Consumer::poll_event`](crate::Consumer::poll_event) returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerEvent {
    /// Batches, in the order of their offsets within each partition.
    Fetched(Vec<Fetched>),
    /// The group gave this consumer these partitions, in addition to those that it has (with the classic protocol it
    /// has none then, unless it is cooperative). Nothing of them has been handed out yet, so that a seek now is in time.
    Assigned(Vec<TopicPartition>),
    /// The group takes these partitions back (with the classic protocol all that this consumer has, unless it is
    /// cooperative). It may commit still; it lets go of them with its next poll, and the rebalance waits for that.
    Revoked(Vec<TopicPartition>),
    /// These partitions, all that this consumer had, are gone, perhaps to others already: a commit would be refused.
    Lost(Vec<TopicPartition>),
}

/// Where reading a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// At this offset.
    Offset(Offset),
    /// At the first record there is.
    Earliest,
    /// At the end: with what is written from then on.
    Latest,
    /// At the first record of this time or later; at the end if there is none.
    Timestamp(Timestamp),
    /// Where the group is, or by the reset policy if it has committed nothing yet.
    Committed,
}

impl From<Offset> for StartAt {
    fn from(offset: Offset) -> Self {
        Self::Offset(offset)
    }
}

/// An offset as a group commits it: of the next record to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The offset of the next record to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, if known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The application's own; often empty.
    pub metadata: String,
}

impl From<Offset> for CommittedOffset {
    fn from(offset: Offset) -> Self {
        Self { offset, leader_epoch: None, metadata: String::new() }
    }
}

/// Where a partition's log begins and ends, as its leader last said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset in the log.
    pub log_start: Offset,
    /// The offset that follows the last record that a consumer can see who reads uncommitted.
    pub high: Offset,
    /// The same for one who reads committed.
    pub last_stable: Offset,
}
