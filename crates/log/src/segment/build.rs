//! Opening segments that are there: trusting their indexes, or making them anew.

use std::path::Path;
use std::sync::Arc;

use headwater_model::Offset;
use headwater_wire::batch::BatchHeader;

use super::{Contents, Segment, State, TimestampedOffset};
use crate::disk::{Disk, DiskFile};
use crate::error::Damage;
use crate::index::{Index, IndexEntry, OffsetEntry, TimeEntry};
use crate::names::{FileKind, segment_path};
use crate::scan::{LARGE_WINDOW, Scan, ScanError};
use crate::transactions::AbortedEntry;
use crate::{LogConfig, LogError};

/// How a walk over a segment ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// All bytes are batches.
    Whole,
    /// From the end of the batches on there is something else.
    Invalid {
        /// What is wrong there.
        damage: Damage,
        /// The file's size.
        file_size: u64,
    },
}

/// A segment whose batches have all been walked over, with indexes made anew.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    /// The segment, as far as its batches are valid. The file may be longer.
    pub segment: Segment,
    /// What comes after them.
    pub ending: Ending,
}

/// What batches are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// The settings of the log.
    pub config: &'a LogConfig,
    /// Up to here offsets may be missing, because compaction only removes what is durable; [`Offset::ZERO`] if the log
    /// never was compacted.
    pub gaps_to: Offset,
}

/// Walks over a segment's batches, with their checksums if `verify`, and makes its indexes anew.
pub(crate) fn rebuild(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    base: Offset,
    verify: bool,
    rules: Rules<'_>,
) -> Result<Rebuilt, LogError> {
    let path = segment_path(dir, base, FileKind::Log);
    let failed = |error| LogError::io("open", &path, error);
    let file = disk.open(&path).map_err(failed)?;
    let file_size = file.len().map_err(failed)?;
    let mut state = State {
        contents: Contents::empty(base),
        offsets: new_index(disk, dir, base, FileKind::OffsetIndex)?,
        times: new_index(disk, dir, base, FileKind::TimeIndex)?,
        // Filled by whoever knows which transactions were open where the segment begins.
        aborted: Index::lazy(Arc::clone(disk), segment_path(dir, base, FileKind::TransactionIndex))
            .map_err(|error| LogError::io("clear an index of", &path, error))?,
    };
    let interval = u64::from(rules.config.index_interval_bytes);
    let mut scan = Scan::new(Arc::clone(&file), 0, file_size, LARGE_WINDOW);
    let ending = loop {
        let next = if verify { scan.next_verified() } else { scan.next() };
        let damage = match next {
            Ok(None) => break Ending::Whole,
            Ok(Some(located)) => match out_of_place(&state.contents, base, &located.header, rules.gaps_to) {
                None => {
                    if state.contents.add(&located.header, interval) {
                        state.index(base, located.header.last_offset(), located.position);
                    }
                    continue;
                }
                Some(damage) => damage,
            },
            Err(ScanError::Invalid { fault, .. }) => Damage::Batch(fault),
            Err(ScanError::Io(error)) => return Err(LogError::io("read", &path, error)),
        };
        break Ending::Invalid { damage, file_size };
    };
    Ok(Rebuilt { segment: Segment::assemble(base, path, file, state), ending })
}

fn new_index<E: IndexEntry>(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    base: Offset,
    kind: FileKind,
) -> Result<Index<E>, LogError> {
    let path = segment_path(dir, base, kind);
    Index::create(Arc::clone(disk), path.clone()).map_err(|error| LogError::io("create", &path, error))
}

/// A batch that does not continue what comes before it.
fn out_of_place(contents: &Contents, base: Offset, header: &BatchHeader, gaps_to: Offset) -> Option<Damage> {
    let (expected, found) = (contents.next_offset, header.base_offset);
    let continues = found == expected || (found > expected && found <= gaps_to);
    let expressible = crate::index::relative_offset(base, header.last_offset()).is_some();
    (!continues || !expressible).then_some(Damage::Offset { expected, found })
}

impl Segment {
    /// Opens a segment whose batches are trusted, by its indexes; `None` if those are missing or do not fit.
    ///
    /// Reads what lies after the last index entry, and nothing else of the batches. What index entries in the middle
    /// say is checked by whoever uses them.
    pub(crate) fn open_indexed(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        base: Offset,
        rules: Rules<'_>,
    ) -> Result<Option<Self>, LogError> {
        let path = segment_path(dir, base, FileKind::Log);
        let failed = |error| LogError::io("open", &path, error);
        let file = disk.open(&path).map_err(failed)?;
        let size = file.len().map_err(failed)?;
        let index_path = segment_path(dir, base, FileKind::OffsetIndex);
        let time_path = segment_path(dir, base, FileKind::TimeIndex);
        let offsets = Index::<OffsetEntry>::in_file(Arc::clone(disk), index_path).map_err(failed)?;
        let times = Index::<TimeEntry>::in_file(Arc::clone(disk), time_path).map_err(failed)?;
        let aborted_path = segment_path(dir, base, FileKind::TransactionIndex);
        let aborted = Index::<AbortedEntry>::in_file_or_empty(Arc::clone(disk), aborted_path);
        let (Some(offsets), Some(times), Some(aborted)) = (offsets, times, aborted.map_err(failed)?) else {
            return Ok(None);
        };
        let last = offsets.last().map_err(failed)?;
        let Some(contents) = walk_tail(&file, base, size, last, rules).map_err(failed)? else {
            return Ok(None);
        };
        let segment = Self::assemble(base, path.clone(), file, State { contents, offsets, times, aborted });
        segment.trust_times().map_err(failed)
    }

    /// Takes the greatest timestamp from the time index, if that fits the batches.
    fn trust_times(self) -> std::io::Result<Option<Self>> {
        let (contents, last, indexed) = {
            let state = self.read_state();
            (state.contents, state.times.last()?, state.offsets.len() > 0)
        };
        let newest = match last {
            None if indexed || contents.newest.is_some() => return Ok(None),
            None => None,
            Some(entry) => {
                let newest = TimestampedOffset {
                    offset: self.base + i64::from(entry.relative),
                    timestamp: entry.timestamp,
                };
                let covers_tail = contents.newest.is_none_or(|tail| tail.timestamp <= newest.timestamp);
                let batch = self.find(newest.offset).ok().flatten();
                let fits = batch.is_some_and(|batch| {
                    (batch.header.last_offset(), batch.header.max_timestamp)
                        == (newest.offset, newest.timestamp)
                });
                if !covers_tail || !fits {
                    return Ok(None);
                }
                Some(newest)
            }
        };
        self.write_state().contents.newest = newest;
        Ok(Some(self))
    }

    /// Takes the indexes into memory, to append; false if they are not in order.
    pub(crate) fn load_indexes(&self) -> Result<bool, LogError> {
        let mut state = self.write_state();
        let offsets_in_order =
            state.offsets.load().map_err(|error| LogError::io("read an index of", &self.path, error))?;
        let times_in_order =
            state.times.load().map_err(|error| LogError::io("read an index of", &self.path, error))?;
        let aborted_in_order =
            state.aborted.load().map_err(|error| LogError::io("read an index of", &self.path, error))?;
        Ok(offsets_in_order && times_in_order && aborted_in_order)
    }
}

/// What a segment holds, from the batches after its last index entry; `None` if these do not fit the entry, the file's
/// end or the interval of entries.
fn walk_tail(
    file: &Arc<dyn DiskFile>,
    base: Offset,
    size: u64,
    last: Option<OffsetEntry>,
    rules: Rules<'_>,
) -> std::io::Result<Option<Contents>> {
    let interval = u64::from(rules.config.index_interval_bytes);
    let start = last.map_or(0, |entry| u64::from(entry.position));
    let mut contents = Contents::empty(base);
    let mut scan = Scan::new(Arc::clone(file), 0, size, crate::scan::SMALL_WINDOW);
    if start > 0 {
        match scan.next() {
            Ok(Some(first)) => contents.first_timestamp = Some(first.header.max_timestamp),
            Err(ScanError::Io(error)) => return Err(error),
            Ok(None) | Err(ScanError::Invalid { .. }) => return Ok(None),
        }
        scan = Scan::new(Arc::clone(file), start, size, crate::scan::SMALL_WINDOW);
    }
    contents.size = start;
    let mut entry = last;
    loop {
        match scan.next() {
            Ok(None) if entry.is_some() => return Ok(None),
            Ok(None) => break,
            Ok(Some(located)) => {
                let header = &located.header;
                if let Some(entry) = entry.take() {
                    // The walk starts here: whatever comes before is in order if this is.
                    if header.last_offset() != base + i64::from(entry.relative) {
                        return Ok(None);
                    }
                    contents.next_offset = header.base_offset;
                }
                let in_place = out_of_place(&contents, base, header, rules.gaps_to).is_none();
                let entry_is_missing = contents.add(header, interval);
                if !in_place || entry_is_missing {
                    return Ok(None);
                }
            }
            Err(ScanError::Io(error)) => return Err(error),
            Err(ScanError::Invalid { .. }) => return Ok(None),
        }
    }
    Ok(Some(contents))
}
