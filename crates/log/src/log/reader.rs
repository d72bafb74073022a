//! Reading a log while it is written.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use headwater_model::{LeaderEpoch, Offset, Timestamp};
use headwater_wire::batch::BatchHeader;
use headwater_wire::protocol::{Chunk, Records};

use super::TimestampedOffset;
use crate::epochs::Epochs;
use crate::scan::{Located, Scan, ScanError};
use crate::segment::Segment;
use crate::transactions::{AbortedEntry, AbortedTransaction, Unstable};
use crate::{Damage, EpochEnd, LogError};

/// Reads a log. Cheap to clone; any number of them read while one [`super::Log`] writes, also after it is closed or
/// deleted.
#[derive(Debug, Clone)]
pub struct LogReader {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    segments: RwLock<Segments>,
    epochs: RwLock<Epochs>,
    start: AtomicI64,
    end: AtomicI64,
    durable: AtomicI64,
    max_uncompressed: AtomicUsize,
    unstable: RwLock<Unstable>,
    /// What [`Unstable::first`] gives, or [`NOTHING`].
    first_unstable: AtomicI64,
    /// True if some transaction has ended out of consumers' sight.
    unseen: AtomicBool,
}

/// The segments of a log as they were at a time, in order.
pub(super) type Segments = Arc<Vec<Arc<Segment>>>;

/// No transaction is undecided.
const NOTHING: i64 = i64::MAX;

impl LogReader {
    pub(super) fn new(
        segments: Vec<Arc<Segment>>,
        epochs: Epochs,
        start: Offset,
        max_uncompressed: usize,
    ) -> Self {
        let end = segments.last().map_or(start, |active| active.contents().next_offset);
        let shared = Shared {
            segments: RwLock::new(Arc::new(segments)),
            epochs: RwLock::new(epochs),
            start: AtomicI64::new(start.0),
            end: AtomicI64::new(end.0),
            durable: AtomicI64::new(end.0),
            max_uncompressed: AtomicUsize::new(max_uncompressed),
            unstable: RwLock::default(),
            first_unstable: AtomicI64::new(NOTHING),
            unseen: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The first offset that can be read.
    pub fn start_offset(&self) -> Offset {
        Offset(self.shared.start.load(Ordering::Acquire))
    }

    /// The log end offset: the next record's.
    pub fn end_offset(&self) -> Offset {
        Offset(self.shared.end.load(Ordering::Acquire))
    }

    /// Everything below survives a power loss.
    pub fn durable_offset(&self) -> Offset {
        Offset(self.shared.durable.load(Ordering::Acquire))
    }

    /// Below it, every transaction is decided, as far as consumers see: who reads committed records alone reads no
    /// further.
    pub fn last_stable_offset(&self, high_watermark: Offset) -> Offset {
        // The high watermark was read before: what it shows is either unstable by now, or decided below it.
        let first = Offset(self.shared.first_unstable.load(Ordering::Acquire));
        first.max(self.start_offset()).min(high_watermark)
    }

    /// Takes note of how far consumers see: transactions whose marker lies below are no longer unstable.
    pub fn set_visible(&self, high_watermark: Offset) {
        if self.shared.unseen.load(Ordering::Acquire) {
            self.change_unstable(|unstable| unstable.see(high_watermark));
        }
    }

    /// The aborted transactions that have records between `from` and `limit` (exclusive), in the order of their ends.
    /// `limit` is not above the last stable offset.
    pub fn aborted_transactions(
        &self,
        from: Offset,
        limit: Offset,
    ) -> Result<Vec<AbortedTransaction>, LogError> {
        aborted_in(&self.segments(), from, limit)
    }

    /// The size of all batches in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.segments().iter().map(|segment| segment.contents().size).sum()
    }

    /// The batches from the one that holds `from` on, whole, as ranges of files.
    ///
    /// Only batches that lie wholly below `limit` (exclusive; the high watermark, say), in at most `max_bytes`; the
    /// first one even if it is larger, if `at_least_one`. The first batch may begin below `from`. Empty at the end.
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Records, LogError> {
        self.read_to(from, limit, max_bytes, at_least_one).map(|(records, ..)| records)
    }

    /// The same below the last stable offset, with the aborted transactions that have records among them.
    pub fn read_committed(
        &self,
        from: Offset,
        last_stable: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<(Records, Vec<AbortedTransaction>), LogError> {
        let (records, end, segments) = self.read_to(from, last_stable, max_bytes, at_least_one)?;
        // Of the same segments: compaction takes aborted records away together with their entries.
        let aborted = if records.is_empty() { Vec::new() } else { aborted_in(&segments, from, end)? };
        Ok((records, aborted))
    }

    /// What [`LogReader::read`] gives, the offset after the last record of it, and the segments that it was read from.
    fn read_to(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<(Records, Offset, Segments), LogError> {
        // The end before the segments: these then reach at least that far.
        let end = self.end_offset();
        let segments = self.segments();
        let start = self.start_offset();
        if from < start || from > end {
            return Err(LogError::OffsetOutOfRange { from, start, end });
        }
        let limit = limit.min(end);
        let (mut chunks, mut left, mut at) = (Vec::new(), max_bytes, from);
        for segment in segments_from(&segments, from) {
            if at >= limit {
                break;
            }
            let slice = segment.slice(at, limit, left, at_least_one && chunks.is_empty())?;
            if let Some(range) = slice.range {
                left = left.saturating_sub(range.len);
                chunks.push(Chunk::File(range));
            }
            at = at.max(slice.next);
            if !slice.to_the_end {
                break;
            }
        }
        Ok((Records::from(chunks), at, segments))
    }

    /// The first record below `limit` whose timestamp is not below `timestamp`, with its own timestamp; `None` if there
    /// is none. Timestamps need not rise with offsets.
    pub fn offset_for_timestamp(
        &self,
        timestamp: Timestamp,
        limit: Offset,
    ) -> Result<Option<TimestampedOffset>, LogError> {
        // Records without a time have -1, and are found by no time.
        let timestamp = timestamp.max(Timestamp(0));
        let limit = limit.min(self.end_offset());
        let segments = self.segments();
        let start = self.start_offset();
        for segment in segments_from(&segments, start) {
            if let Some(found) = segment.first_not_older(timestamp, start, self.max_uncompressed())? {
                return Ok((found.offset < limit).then_some(found));
            }
        }
        Ok(None)
    }

    /// The first record below `limit` that has the greatest timestamp; `None` if no record has one.
    pub fn max_timestamp(&self, limit: Offset) -> Result<Option<TimestampedOffset>, LogError> {
        let limit = limit.min(self.end_offset());
        let (segments, start) = (self.segments(), self.start_offset());
        let mut best: Option<TimestampedOffset> = None;
        for segment in segments_from(&segments, start) {
            let could_be_newer = segment
                .contents()
                .newest
                .is_some_and(|newest| best.is_none_or(|best| newest.timestamp > best.timestamp));
            if could_be_newer
                && segment.base() < limit
                && let Some(found) = segment.newest_between(start, limit, self.max_uncompressed())?
                && best.is_none_or(|best| found.timestamp > best.timestamp)
            {
                best = Some(found);
            }
        }
        Ok(best)
    }

    /// Where the records of a leader epoch end, or of the last one before it that wrote; `None` for an epoch to come.
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        let end = self.end_offset();
        self.with_epochs(|epochs| epochs.end_of(epoch, end))
    }

    /// The epoch of the newest records.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.with_epochs(Epochs::latest)
    }

    /// The epoch of the record at an offset.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.with_epochs(|epochs| epochs.at(offset))
    }

    /// The headers of all batches from the one that holds `from` to the end as it is now.
    pub fn batch_headers(&self, from: Offset) -> BatchHeaders {
        let segments = self.segments();
        let remaining: Vec<_> = segments_from(&segments, from).rev().cloned().collect();
        BatchHeaders { remaining, current: None, from }
    }

    pub(super) fn segments(&self) -> Segments {
        Arc::clone(&self.shared.segments.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the first segment begins.
    pub(super) fn first_base(&self) -> Offset {
        self.segments().first().map_or(Offset::ZERO, |first| first.base())
    }

    /// The last segment, which is appended to.
    #[expect(clippy::expect_used, reason = "a log is made with a segment, and removal leaves the last one")]
    pub(super) fn active(&self) -> Arc<Segment> {
        Arc::clone(self.segments().last().expect("a log has a segment"))
    }

    pub(super) fn set_segments(&self, segments: Vec<Arc<Segment>>) {
        *self.shared.segments.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(segments);
    }

    pub(super) fn set_start(&self, start: Offset) {
        self.shared.start.store(start.0, Ordering::Release);
    }

    pub(super) fn set_end(&self, end: Offset) {
        self.shared.end.store(end.0, Ordering::Release);
    }

    /// For the log that is being opened: not all that was found is known to be durable.
    pub(super) fn take_back_durable(&self, durable: Offset) {
        self.shared.durable.fetch_min(durable.0, Ordering::AcqRel);
    }

    pub(super) fn set_durable(&self, durable: Offset) {
        self.shared.durable.fetch_max(durable.0, Ordering::AcqRel);
    }

    pub(super) fn set_max_uncompressed(&self, bytes: usize) {
        self.shared.max_uncompressed.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn with_epochs<T>(&self, look: impl FnOnce(&Epochs) -> T) -> T {
        look(&self.shared.epochs.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change_epochs<T>(&self, change: impl FnOnce(&mut Epochs) -> T) -> T {
        change(&mut self.shared.epochs.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change_unstable(&self, change: impl FnOnce(&mut Unstable)) {
        let mut unstable = self.shared.unstable.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut unstable);
        let first = unstable.first().map_or(NOTHING, |first| first.0);
        self.shared.first_unstable.store(first, Ordering::Release);
        self.shared.unseen.store(!unstable.all_seen(), Ordering::Release);
    }

    fn max_uncompressed(&self) -> usize {
        self.shared.max_uncompressed.load(Ordering::Relaxed)
    }
}

/// See [`LogReader::aborted_transactions`].
fn aborted_in(
    segments: &[Arc<Segment>],
    from: Offset,
    limit: Offset,
) -> Result<Vec<AbortedTransaction>, LogError> {
    let mut aborted = Vec::new();
    visit_aborted(segments, from, limit, |entry| {
        aborted.push(AbortedTransaction { producer: entry.producer, first_offset: entry.first });
    })?;
    Ok(aborted)
}

/// The same, entry by entry.
pub(super) fn visit_aborted(
    segments: &[Arc<Segment>],
    from: Offset,
    limit: Offset,
    mut visit: impl FnMut(AbortedEntry),
) -> Result<(), LogError> {
    for segment in segments_from(segments, from) {
        let more = segment.visit_aborted(from, |entry| {
            if entry.first < limit {
                visit(entry);
            }
            entry.last_stable < limit
        });
        if !more.map_err(|error| LogError::io("read an index of", segment.path(), error))? {
            break;
        }
    }
    Ok(())
}

/// The segments from the one that may hold an offset on.
fn segments_from(
    segments: &[Arc<Segment>],
    offset: Offset,
) -> impl DoubleEndedIterator<Item = &Arc<Segment>> {
    let holding = segments.partition_point(|segment| segment.base() <= offset).saturating_sub(1);
    segments.iter().skip(holding)
}

/// See [`LogReader::batch_headers`].
#[derive(Debug)]
pub struct BatchHeaders {
    /// The segments to come, last first.
    remaining: Vec<Arc<Segment>>,
    current: Option<(Arc<Segment>, Scan)>,
    from: Offset,
}

impl Iterator for BatchHeaders {
    type Item = Result<BatchHeader, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_in_segment().map(|found| found.map(|(_, located)| located.header))
    }
}

impl BatchHeaders {
    /// The next batch, and where it is.
    pub(super) fn next_in_segment(&mut self) -> Option<Result<(Arc<Segment>, Located), LogError>> {
        loop {
            let Some((segment, scan)) = &mut self.current else {
                let segment = self.remaining.pop()?;
                let found = match segment.find(self.from) {
                    Ok(found) => found,
                    Err(error) => {
                        self.remaining.clear();
                        return Some(Err(error));
                    }
                };
                if let Some(first) = found {
                    let scan = segment.scan(first.position, segment.contents().size);
                    self.current = Some((segment, scan));
                }
                continue;
            };
            match scan.next() {
                Ok(Some(located)) => return Some(Ok((segment.clone(), located))),
                Ok(None) => self.current = None,
                Err(error) => {
                    let file: PathBuf = segment.path().to_path_buf();
                    self.remaining.clear();
                    self.current = None;
                    return Some(Err(match error {
                        ScanError::Io(source) => LogError::io("read", &file, source),
                        ScanError::Invalid { position, fault } => {
                            LogError::Damaged { file, position, damage: Damage::Batch(fault) }
                        }
                    }));
                }
            }
        }
    }
}
