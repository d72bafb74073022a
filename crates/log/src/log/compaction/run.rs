//! The long part of a compaction, without the log.
//!
//! Owns: [`Compaction`], a walk over the segments as they were when it began: first over the dirty ones, for the newest
//! offset of each key, then over all, group by group.
//!
//! Invariants: the log's own files are only read. A group is begun when the one before it has taken its place, so what is
//! below it is compacted; what a failure leaves is removed, now or when the log is opened.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use headwater_model::{Offset, ProducerId, Timestamp};
use headwater_wire::batch::Retained;

use super::anchors::Anchors;
use super::batches::Batches;
use super::decide::{self, Facts};
use super::filter::{self, Filter, Verdict};
use super::offset_map::OffsetMap;
use super::output::Output;
use super::swap;
use super::transactions::Transactions;
use crate::disk::{Disk, DiskFile};
use crate::log::reader::Segments;
use crate::segment::Segment;
use crate::{LogConfig, LogError, checkpoint};

/// What a log and its compaction know of each other.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// How many groups have taken their place.
    pub(super) completed: AtomicUsize,
    /// The log was closed, deleted or dropped.
    pub(super) ended: AtomicBool,
}

/// A compaction under way. It reads and writes beside the log, which may be appended to meanwhile, on any thread.
///
/// Call [`Compaction::run`] until it gives nothing more, and give what it gives to
/// [`Log::complete_compaction`](crate::Log::complete_compaction). Dropping it ends the compaction without harm. End it
/// before the partition's folder is deleted or opened anew.
#[derive(Debug)]
pub struct Compaction {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) config: LogConfig,
    /// All segments as they were at the beginning.
    pub(super) segments: Segments,
    /// The first dirty offset, and where what can be compacted ends.
    pub(super) first_dirty: Offset,
    pub(super) first_uncleanable: Offset,
    /// The active producers, with the last offset of each one's last batch.
    pub(super) producers: BTreeMap<ProducerId, Option<Offset>>,
    pub(super) now: Timestamp,
    pub(super) link: Arc<Link>,
    /// It was said already that a batch cannot be opened.
    pub(super) told_unopened: Arc<AtomicBool>,
    pub(super) pass: Option<Pass>,
    /// How many groups were given out.
    pub(super) given_out: usize,
    /// It was stopped, or has failed.
    pub(super) is_over: bool,
}

/// The walk over all segments.
#[derive(Debug)]
pub(super) struct Pass {
    filter: Filter,
    /// Neighbours that are to become one segment.
    groups: VecDeque<Vec<Arc<Segment>>>,
}

/// A group of segments that was compacted; see [`Compaction::run`].
#[derive(Debug)]
#[must_use = "it takes its place in the log by complete_compaction"]
pub struct Cleaned {
    pub(super) link: Arc<Link>,
    /// Which of the groups it is.
    pub(super) index: usize,
    pub(super) replacement: Option<Replacement>,
    /// Where the log is dirty from once this has taken its place, if it is the last.
    pub(super) compacted_to: Option<Offset>,
}

/// A segment that is to take the place of others. It is committed on disk.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) sources: Vec<Arc<Segment>>,
    pub(super) segment: Segment,
    pub(super) indexes: Vec<Arc<dyn DiskFile>>,
}

/// Why a run ended before its end.
#[derive(Debug)]
enum Interruption {
    Stopped,
    Failed(LogError),
}

impl From<LogError> for Interruption {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

impl Compaction {
    /// Compacts the next group of segments; `None` when there is nothing more to do, or after `should_stop`, which is asked
    /// before each batch is read.
    ///
    /// An error (of the disk, or of a batch's header that cannot be read) leaves the log as it is, and ends the compaction.
    pub fn run(&mut self, should_stop: &dyn Fn() -> bool) -> Result<Option<Cleaned>, LogError> {
        let link = Arc::clone(&self.link);
        let should_stop = || link.ended.load(Ordering::Acquire) || should_stop();
        let interruption = match self.next(&should_stop) {
            Ok(cleaned) => return Ok(cleaned),
            Err(interruption) => interruption,
        };
        self.is_over = true;
        match interruption {
            Interruption::Stopped => Ok(None),
            Interruption::Failed(error) => Err(error),
        }
    }

    fn next(&mut self, should_stop: &dyn Fn() -> bool) -> Result<Option<Cleaned>, Interruption> {
        // What did not take its place was discarded; what follows it would leave a gap.
        if self.is_over || self.link.completed.load(Ordering::Acquire) != self.given_out {
            return Ok(None);
        }
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => self.begin(should_stop)?,
        };
        while let Some(group) = pass.groups.front() {
            let replacement = match self.compact(group, &mut pass.filter, should_stop) {
                Ok(replacement) => replacement,
                Err(interruption) => {
                    if let Some(first) = group.first() {
                        swap::discard(self.disk.as_ref(), &self.dir, first.base());
                    }
                    return Err(interruption);
                }
            };
            pass.groups.pop_front();
            let compacted_to = pass.groups.is_empty().then_some(pass.filter.end);
            if replacement.is_some() || compacted_to.is_some() {
                self.tell_unopened(&pass.filter);
                let index = self.given_out;
                self.given_out += 1;
                self.pass = Some(pass);
                let link = Arc::clone(&self.link);
                return Ok(Some(Cleaned { link, index, replacement, compacted_to }));
            }
        }
        self.pass = Some(pass);
        Ok(None)
    }

    /// Finds out what is the newest, as far as that fits into memory, and which segments are to be walked over.
    fn begin(&self, should_stop: &dyn Fn() -> bool) -> Result<Pass, Interruption> {
        swap::sweep(self.disk.as_ref(), &self.dir)
            .map_err(|error| LogError::io("clear", &self.dir, error))?;
        let transactions = Transactions::read(&self.segments, self.first_uncleanable)?;
        let mut anchors = Anchors::new(&self.producers, self.first_dirty);
        let (newest, end) = self.map_keys(&transactions, &mut anchors, should_stop)?;
        let filter = Filter {
            newest,
            end,
            transactions,
            anchors,
            now: self.now,
            delete_retention_ms: self.config.delete_retention_ms,
            max_uncompressed: self.config.max_uncompressed_bytes,
            unopened: None,
            retained: Retained::default(),
        };
        let below: Vec<_> =
            self.segments.iter().take_while(|segment| segment.base() < end).map(Arc::clone).collect();
        if end <= self.first_dirty {
            return Ok(Pass { filter, groups: VecDeque::new() });
        }
        let facts: Vec<_> = below.iter().map(|segment| Facts::of(segment)).collect();
        let group = |range: Range<usize>| below.get(range).unwrap_or_default().to_vec();
        let groups = decide::groups(&facts, &self.config).into_iter().map(group).collect();
        self.mark_compacted()?;
        Ok(Pass { filter, groups })
    }

    /// The newest offset of every key from the first dirty offset on, and where that ends; what was last written by whom.
    fn map_keys(
        &self,
        transactions: &Transactions,
        anchors: &mut Anchors,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<(OffsetMap, Offset), Interruption> {
        let (start, limit) = (self.first_dirty, self.first_uncleanable);
        let keys = u64::try_from(limit - start).unwrap_or(0);
        let mut map = OffsetMap::new(self.config.dedupe_buffer_bytes, keys);
        let largest = filter::largest(self.config.max_uncompressed_bytes);
        let dirty = self.segments.iter().skip_while(|segment| segment.contents().next_offset <= start);
        for segment in dirty.take_while(|segment| segment.base() < limit) {
            let Some(first) = segment.find(start)? else {
                continue;
            };
            let mut batches = Batches::new(segment, first.position, largest);
            while let Some((located, bytes)) = batches.next()? {
                if should_stop() {
                    return Err(Interruption::Stopped);
                }
                let header = &located.header;
                if header.next_offset() > limit {
                    return Ok((map, header.base_offset));
                }
                anchors.see(header);
                if header.is_control() || header.record_count == 0 || transactions.has_aborted(header) {
                    continue;
                }
                if let Some(full) = bytes.and_then(|bytes| self.map_batch(&bytes, &mut map)) {
                    return Ok((map, full));
                }
            }
        }
        Ok((map, limit))
    }

    /// Takes the keys of a batch into the map; gives the offset of the first that has no room there.
    fn map_batch(&self, bytes: &bytes::Bytes, map: &mut OffsetMap) -> Option<Offset> {
        let open = filter::open(bytes, self.config.max_uncompressed_bytes)?;
        // All or nothing: a batch that turns out to be malformed stays, and must not make others go.
        if open.records().any(|record| record.is_err()) {
            return None;
        }
        let dirty = open.records().filter_map(Result::ok).filter(|record| record.offset >= self.first_dirty);
        let mut keyed = dirty.filter_map(|record| Some((record.offset, record.key?)));
        keyed.find(|(offset, key)| !map.put(key, *offset)).map(|(offset, _)| offset)
    }

    /// Makes durable that this log is compacted, before it is: recovery takes gaps for damage elsewhere.
    fn mark_compacted(&self) -> Result<(), LogError> {
        let known = checkpoint::read_cleaner_offset(self.disk.as_ref(), &self.dir);
        let marked = match known {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                checkpoint::write_cleaner_offset(self.disk.as_ref(), &self.dir, self.first_dirty, true)
            }
            Err(error) => Err(error),
        };
        marked.map_err(|error| LogError::io("store the cleaner's offset of", &self.dir, error))
    }

    /// Writes the segment that a group becomes, and commits it; `None` if nothing would change.
    fn compact(
        &self,
        group: &[Arc<Segment>],
        filter: &mut Filter,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<Option<Replacement>, Interruption> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Ok(None);
        };
        let next = last.contents().next_offset;
        let create = || Output::create(&self.disk, &self.dir, first.base(), self.config.index_interval_bytes);
        let mut output = if group.len() > 1 { Some(create()?) } else { None };
        for segment in group {
            let largest = filter::largest(self.config.max_uncompressed_bytes);
            let mut batches = Batches::new(segment, 0, largest);
            while let Some((located, bytes)) = batches.next()? {
                if should_stop() {
                    return Err(Interruption::Stopped);
                }
                let ends_segment = located.header.next_offset() == next;
                let verdict = filter.judge(&located.header, bytes.as_ref(), ends_segment);
                if output.is_none() && verdict != Verdict::Unchanged {
                    let written = output.insert(create()?);
                    written.copy(segment, 0, located.position)?;
                }
                let Some(output) = &mut output else {
                    continue;
                };
                match (verdict, bytes) {
                    (Verdict::Gone, _) => {}
                    (Verdict::Replaced(bytes), _) | (Verdict::Unchanged, Some(bytes)) => {
                        output.append(&bytes)?;
                    }
                    (Verdict::Unchanged, None) => {
                        output.copy(segment, located.position, located.end())?;
                    }
                }
            }
        }
        let Some(mut output) = output else {
            return Ok(None);
        };
        keep_aborted(group, filter.end, &mut output)?;
        let (segment, indexes) = output.finish()?;
        if should_stop() {
            return Err(Interruption::Stopped);
        }
        self.commit(group, &segment, &indexes)?;
        Ok(Some(Replacement { sources: group.to_vec(), segment, indexes }))
    }

    fn commit(
        &self,
        group: &[Arc<Segment>],
        segment: &Segment,
        indexes: &[Arc<dyn DiskFile>],
    ) -> Result<(), LogError> {
        for source in group {
            source.hold_indexes().map_err(|error| LogError::io("open an index of", source.path(), error))?;
        }
        let files: Vec<_> = indexes.iter().chain([segment.file()]).map(Arc::clone).collect();
        self.disk.sync(&files).map_err(|error| LogError::io("sync", segment.path(), error))?;
        swap::commit(self.disk.as_ref(), &self.dir, segment.base())
            .map_err(|error| LogError::io("rename", segment.path(), error))
    }

    fn tell_unopened(&self, filter: &Filter) {
        if let Some(offset) = filter.unopened
            && !self.told_unopened.swap(true, Ordering::AcqRel)
        {
            tracing::warn!(
                log = %self.dir.display(), %offset,
                "a batch cannot be opened (its producer's fault, or it is larger than the limit); compaction keeps it, \
                 and the tombstones after it"
            );
        }
    }
}

/// Of a transaction that ends below what is compacted, nothing is left that would have to be known as aborted.
fn keep_aborted(group: &[Arc<Segment>], end: Offset, output: &mut Output) -> Result<(), LogError> {
    for segment in group {
        let mut added = Ok(());
        let visited = segment.visit_aborted(end, |entry| {
            added = output.add_aborted(entry);
            added.is_ok()
        });
        visited.map_err(|error| LogError::io("read an index of", segment.path(), error))?;
        added?;
    }
    Ok(())
}
