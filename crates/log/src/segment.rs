//! One segment: a file of batches and its indexes.
//!
//! Owns: how batches are indexed while they are appended, and lookups by offset, size and time; the transactions that
//! were aborted by a marker in it.
//!
//! Invariants: bytes below the published size never change, so lookups read the file without a lock. Index entries are
//! exactly Kafka's: after each interval of bytes the batch that crosses it, by its last offset; and the greatest
//! timestamp so far, by the last offset of its batch.
//!
//! Does not know: other segments, high watermarks, what is durable.

mod build;
mod lookup;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::{Batch, BatchError, BatchHeader, ControlMarker};

use crate::LogError;
use crate::disk::{Disk, DiskFile};
use crate::error::Damage;
use crate::index::{Index, IndexEntry, OffsetEntry, TimeEntry, relative_offset};
use crate::names::{FileKind, Stage, segment_path, staged_path};
use crate::scan::{Located, ScanError};
use crate::transactions::AbortedEntry;

pub(crate) use build::{Ending, Rebuilt, Rules, rebuild};

/// No control batch is larger, in bytes.
const LARGEST_MARKER: usize = 64 << 10;

/// A record's timestamp and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampedOffset {
    /// The offset of the record, or of the last record of its batch where only headers were read.
    pub offset: Offset,
    /// The timestamp.
    pub timestamp: Timestamp,
}

/// A segment, shared by the log and its readers.
#[derive(Debug)]
pub(crate) struct Segment {
    base: Offset,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    contents: Contents,
    offsets: Index<OffsetEntry>,
    times: Index<TimeEntry>,
    aborted: Index<AbortedEntry>,
}

/// What is known of a segment's batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The bytes of whole batches.
    pub size: u64,
    /// The offset after the last.
    pub next_offset: Offset,
    /// The first batch's greatest timestamp, from which the segment's age in `segment.ms` counts.
    pub first_timestamp: Option<Timestamp>,
    /// The greatest timestamp, with the last offset of its batch.
    pub newest: Option<TimestampedOffset>,
    /// Bytes since the batch that the last offset index entry stands for.
    pub bytes_since_entry: u64,
}

impl Contents {
    fn empty(base: Offset) -> Self {
        Self { size: 0, next_offset: base, first_timestamp: None, newest: None, bytes_since_entry: 0 }
    }

    /// Takes note of a batch that follows; true if it is to have an index entry.
    fn add(&mut self, header: &BatchHeader, interval: u64) -> bool {
        let (offset, timestamp) = (header.last_offset(), header.max_timestamp);
        self.first_timestamp.get_or_insert(timestamp);
        // Batches without a time have -1 and are no news, nor are those without records.
        if timestamp.0 >= 0
            && header.record_count > 0
            && self.newest.is_none_or(|newest| timestamp > newest.timestamp)
        {
            self.newest = Some(TimestampedOffset { offset, timestamp });
        }
        let indexed = self.bytes_since_entry > interval;
        if indexed {
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += header.size as u64;
        self.size += header.size as u64;
        self.next_offset = header.next_offset();
        indexed
    }
}

impl Segment {
    /// A new, empty segment, with its three files.
    pub(crate) fn create(disk: &Arc<dyn Disk>, dir: &Path, base: Offset) -> Result<Self, LogError> {
        Self::create_named(disk, base, |kind| segment_path(dir, base, kind))
    }

    /// A new, empty segment that compaction writes, not under its own name yet.
    pub(crate) fn create_cleaned(disk: &Arc<dyn Disk>, dir: &Path, base: Offset) -> Result<Self, LogError> {
        Self::create_named(disk, base, |kind| staged_path(dir, base, kind, Stage::Cleaned))
    }

    fn create_named(
        disk: &Arc<dyn Disk>,
        base: Offset,
        name: impl Fn(FileKind) -> PathBuf,
    ) -> Result<Self, LogError> {
        let path = name(FileKind::Log);
        let file = disk.create(&path).map_err(|error| LogError::io("create", &path, error))?;
        let offsets = Index::create(Arc::clone(disk), name(FileKind::OffsetIndex))
            .map_err(|error| LogError::io("create an index of", &path, error))?;
        let times = Index::create(Arc::clone(disk), name(FileKind::TimeIndex))
            .map_err(|error| LogError::io("create an index of", &path, error))?;
        let aborted = Index::lazy(Arc::clone(disk), name(FileKind::TransactionIndex))
            .map_err(|error| LogError::io("clear an index of", &path, error))?;
        let state = State { contents: Contents::empty(base), offsets, times, aborted };
        Ok(Self::assemble(base, path, file, state))
    }

    /// This segment, which compaction has written, under its own name. `open_indexes` are the files of its indexes, as
    /// [`Self::finish_indexes`] gives them, if they have not got their own names.
    pub(crate) fn under_own_name(
        &self,
        disk: &Arc<dyn Disk>,
        dir: &Path,
        open_indexes: &[Arc<dyn DiskFile>],
    ) -> Self {
        let state = self.read_state();
        let path = |kind| segment_path(dir, self.base, kind);
        let open = |index: usize| open_indexes.get(index).cloned();
        let (offsets, times) = (state.offsets.len(), state.times.len());
        let renamed = State {
            contents: state.contents,
            offsets: Index::moved(Arc::clone(disk), path(FileKind::OffsetIndex), offsets, open(0)),
            times: Index::moved(Arc::clone(disk), path(FileKind::TimeIndex), times, open(1)),
            aborted: Index::moved(
                Arc::clone(disk),
                path(FileKind::TransactionIndex),
                state.aborted.len(),
                open(2),
            ),
        };
        Self::assemble(self.base, path(FileKind::Log), Arc::clone(&self.file), renamed)
    }

    /// Opens the indexes' files, so that whoever reads this segment can go on when they are removed or replaced.
    pub(crate) fn hold_indexes(&self) -> io::Result<()> {
        let state = self.read_state();
        state.offsets.hold()?;
        state.times.hold()?;
        state.aborted.hold()
    }

    /// The sizes of the files of offset index and time index in bytes.
    pub(crate) fn index_bytes(&self) -> (u64, u64) {
        let state = self.read_state();
        let bytes = |count: usize, size: usize| (count * size) as u64;
        (bytes(state.offsets.len(), OffsetEntry::SIZE), bytes(state.times.len(), TimeEntry::SIZE))
    }

    fn assemble(base: Offset, path: PathBuf, file: Arc<dyn DiskFile>, state: State) -> Self {
        Self { base, path, file, state: RwLock::new(state) }
    }

    /// The first offset that it may hold.
    pub(crate) fn base(&self) -> Offset {
        self.base
    }

    /// The path of its batches.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of its batches.
    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// What it holds now.
    pub(crate) fn contents(&self) -> Contents {
        self.read_state().contents
    }

    /// True if that offset can be expressed relative to the base.
    pub(crate) fn can_hold(&self, offset: Offset) -> bool {
        relative_offset(self.base, offset).is_some()
    }

    /// True if an index has as many entries as fit into that many bytes.
    pub(crate) fn index_is_full(&self, index_bytes: u32) -> bool {
        let state = self.read_state();
        let room = |size: usize| index_bytes as usize / size;
        // The time index keeps a place for the entry that is added at the end.
        state.offsets.len() >= room(OffsetEntry::SIZE)
            || state.aborted.len() >= room(AbortedEntry::SIZE).max(1)
            || state.times.len() >= room(TimeEntry::SIZE).saturating_sub(1)
    }

    /// Makes batches visible that have been written at the end of the file.
    pub(crate) fn publish(&self, headers: &[BatchHeader], interval: u32) {
        let mut state = self.write_state();
        for header in headers {
            let position = state.contents.size;
            if state.contents.add(header, u64::from(interval)) {
                state.index(self.base, header.last_offset(), position);
            }
        }
    }

    /// Completes the indexes' files, and returns them: for a close.
    pub(crate) fn finish_indexes(&self) -> io::Result<Vec<Arc<dyn DiskFile>>> {
        let mut state = self.write_state();
        state.index_newest(self.base);
        let mut files = vec![state.offsets.write()?, state.times.write()?];
        if state.aborted.len() > 0 {
            files.push(state.aborted.write()?);
        }
        Ok(files)
    }

    /// Takes note of a transaction that a marker in this segment has aborted, unless it is known.
    pub(crate) fn add_aborted(&self, entry: AbortedEntry) -> io::Result<()> {
        let mut state = self.write_state();
        if state.aborted.last()?.is_none_or(|last| last.precedes(entry)) {
            state.aborted.load()?;
            state.aborted.push(entry);
        }
        Ok(())
    }

    /// What the control batch at a place says; `None` if compaction has emptied it.
    pub(crate) fn marker(&self, located: &Located) -> Result<Option<ControlMarker>, LogError> {
        let invalid = |fault| self.failed(ScanError::Invalid { position: located.position, fault });
        if located.header.size > LARGEST_MARKER {
            return Err(invalid(BatchError::NotAMarker));
        }
        let mut bytes = vec![0; located.header.size];
        self.file
            .read_exact_at(&mut bytes, located.position)
            .map_err(|error| LogError::io("read", &self.path, error))?;
        Batch::parse(&bytes.into()).and_then(|batch| ControlMarker::of(&batch)).map_err(invalid)
    }

    /// Brings the file of aborted transactions up to date, for a segment that grows no more, and gives it if there is one.
    pub(crate) fn seal_aborted(&self) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let mut state = self.write_state();
        if state.aborted.len() == 0 {
            return Ok(None);
        }
        let file = state.aborted.write()?;
        state.aborted.release();
        Ok(Some(file))
    }

    /// How many transactions a marker in this segment has aborted.
    pub(crate) fn aborted_count(&self) -> u32 {
        u32::try_from(self.read_state().aborted.len()).unwrap_or(u32::MAX)
    }

    /// The aborted transactions whose marker is not below an offset, in the order of their markers, as long as `go_on`.
    pub(crate) fn visit_aborted(
        &self,
        from: Offset,
        mut go_on: impl FnMut(AbortedEntry) -> bool,
    ) -> io::Result<bool> {
        let state = self.read_state();
        for index in state.aborted.count_where(|entry| entry.marker < from)?..state.aborted.len() {
            let Some(entry) = state.aborted.get(index)? else {
                let path = state.aborted.path().display();
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("entry {index} of {path} is malformed"),
                ));
            };
            if !go_on(entry) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Completes the indexes' files of a segment that grows no more, and returns them. If that fails, the indexes stay
    /// in memory, and their files are removed, so that the next open makes them anew.
    pub(crate) fn seal_indexes(&self, disk: &dyn Disk) -> Vec<Arc<dyn DiskFile>> {
        let finished = self.finish_indexes();
        let mut state = self.write_state();
        match finished {
            Ok(files) => {
                state.offsets.release();
                state.times.release();
                state.aborted.release();
                files
            }
            Err(error) => {
                tracing::warn!(segment = %self.path.display(), %error, "cannot complete the indexes");
                for path in [state.offsets.path(), state.times.path(), state.aborted.path()] {
                    if let Err(error) = crate::disk::remove_if_there(disk, path) {
                        tracing::warn!(path = %path.display(), %error, "cannot remove an incomplete index");
                    }
                }
                Vec::new()
            }
        }
    }

    /// Removes the files. Open ones go on being readable.
    pub(crate) fn remove_files(&self, disk: &dyn Disk) -> io::Result<()> {
        crate::disk::remove_if_there(disk, &self.path)?;
        let state = self.read_state();
        crate::disk::remove_if_there(disk, state.offsets.path())?;
        crate::disk::remove_if_there(disk, state.times.path())?;
        crate::disk::remove_if_there(disk, state.aborted.path())
    }

    pub(crate) fn failed(&self, error: ScanError) -> LogError {
        match error {
            ScanError::Io(source) => LogError::io("read", &self.path, source),
            ScanError::Invalid { position, fault } => {
                LogError::Damaged { file: self.path.clone(), position, damage: Damage::Batch(fault) }
            }
        }
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds the entries for a batch.
    fn index(&mut self, base: Offset, last_offset: Offset, position: u64) {
        if let (Some(relative), Ok(position)) = (relative_offset(base, last_offset), u32::try_from(position))
        {
            self.offsets.push(OffsetEntry { relative, position });
            self.index_newest(base);
        }
    }

    /// Adds the entry for the greatest timestamp so far, unless it is there.
    fn index_newest(&mut self, base: Offset) {
        let Some(newest) = self.contents.newest else {
            return;
        };
        let Some(relative) = relative_offset(base, newest.offset) else {
            return;
        };
        let entry = TimeEntry { timestamp: newest.timestamp, relative };
        match self.times.last() {
            Ok(Some(last)) if !last.precedes(entry) => {}
            Ok(_) => self.times.push(entry),
            Err(error) => {
                tracing::warn!(path = %self.times.path().display(), %error, "cannot read a time index");
            }
        }
    }
}
