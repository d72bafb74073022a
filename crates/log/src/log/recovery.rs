//! Finding out what a log holds when it is opened.
//!
//! A log that was closed in order, and whose last segment still has the size noted then, is trusted as it is. Else the
//! recovery point says how far it was durable, and every batch from the segment of that point on is read and checked:
//!
//! - **Torn tail**: at or after the recovery point, everything from the first byte that does not continue the log: no
//!   valid batch, or one with another offset than is due. Nobody was told that it is safe, so it is cut off, later
//!   segments included: a power loss may keep a later write and lose an earlier one.
//! - **Damage**: the same below the recovery point, or an end before it. Nothing is cut; opening fails, naming file and
//!   byte, and the partition stays offline.
//! - A **compacted** log has gaps below its recovery point: compaction removes only what is durable.
//! - Without a recovery point (a folder that came from elsewhere), only the last segment can have a torn tail.
//!
//! Invariants: an index that is missing or does not fit is made anew; it never decides what a log holds. Damage changes
//! no file of batches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::Offset;

use crate::checkpoint::RecoveryPoint;
use crate::disk::{self, Disk, DiskFile};
use crate::names::{FileKind, segment_path};
use crate::segment::{Ending, Rebuilt, Rules, Segment, rebuild};
use crate::{Damage, LogConfig, LogError};

/// What opening a log found and did.
#[derive(Debug, Default)]
pub struct RecoveryReport {
    /// True if the log had been closed in order (or is new), so that no batch had to be looked at.
    pub clean: bool,
    /// How many bytes of batches were read and checked.
    pub checked_bytes: u64,
    /// What was cut off the end, if anything.
    pub truncation: Option<Truncation>,
    /// Segments that were removed, because they came after what was cut off, by their base offsets.
    pub removed_segments: Vec<Offset>,
    /// Segments whose indexes were made anew, by their base offsets.
    pub rebuilt_indexes: Vec<Offset>,
    /// True if the leader epochs were gathered from the batches, because their file was missing or malformed.
    pub epochs_rebuilt: bool,
    /// How many batch headers were replayed to know the producers and epochs.
    pub replayed_batches: u64,
}

impl RecoveryReport {
    /// True if something was taken away that a crash could bring back.
    pub(super) fn has_cut(&self) -> bool {
        self.truncation.is_some() || !self.removed_segments.is_empty()
    }
}

/// A torn tail that was cut off.
#[derive(Debug)]
pub struct Truncation {
    /// The file that was cut.
    pub file: PathBuf,
    /// Where.
    pub position: u64,
    /// How many bytes it lost.
    pub bytes: u64,
    /// The offset at which the log ends since.
    pub end: Offset,
    /// What was found there.
    pub cause: Damage,
}

/// The segments found.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub segments: Vec<Segment>,
    /// Files that were changed, or of which it is unknown whether they are durable.
    pub to_sync: Vec<Arc<dyn DiskFile>>,
    /// Batches from here on were not durable for certain.
    pub unsure_from: Option<Offset>,
    pub report: RecoveryReport,
}

/// A walk over a partition's segments.
pub(super) struct Recovery<'a> {
    pub disk: &'a Arc<dyn Disk>,
    pub dir: &'a Path,
    pub config: &'a LogConfig,
    /// True if the log is compacted, or was.
    pub compacted: bool,
    pub point: Option<RecoveryPoint>,
}

impl Recovery<'_> {
    /// Opens the segments with these base offsets.
    pub(super) fn run(&self, bases: &[Offset]) -> Result<Recovered, LogError> {
        let mut found = Recovered::default();
        found.report.clean = self.closed_in_order(bases)?;
        for (index, base) in bases.iter().enumerate() {
            let rest = bases.get(index..).unwrap_or_default();
            if let Some(before) = found.segments.last()
                && let Some(damage) = self.gap(before, *base)?
            {
                tracing::warn!(log = %self.dir.display(), %damage, "segments do not continue the log");
                self.remove_segments(rest, &mut found.report)?;
                break;
            }
            let later = bases.get(index + 1..).unwrap_or_default();
            // Its indexes were synced together with the first records of the next one.
            let trusted = found.report.clean || later.first().is_some_and(|next| *next < self.durable());
            if trusted {
                let segment = self.open_trusted(*base, later.is_empty(), &mut found)?;
                found.segments.push(segment);
            } else if !self.open_checked(*base, later, &mut found)? {
                self.remove_segments(later, &mut found.report)?;
                break;
            }
        }
        self.check_end(&found)?;
        Ok(found)
    }

    fn durable(&self) -> Offset {
        self.point.map_or(Offset::ZERO, |point| point.durable)
    }

    fn rules(&self) -> Rules<'_> {
        let gaps_to = match self.point {
            _ if !self.compacted => Offset::ZERO,
            Some(point) => point.durable,
            None => Offset(i64::MAX),
        };
        Rules { config: self.config, gaps_to }
    }

    fn closed_in_order(&self, bases: &[Offset]) -> Result<bool, LogError> {
        let (Some(point), Some(last)) = (self.point.filter(|point| point.clean), bases.last()) else {
            return Ok(false);
        };
        if point.last_segment != *last {
            return Ok(false);
        }
        let path = segment_path(self.dir, *last, FileKind::Log);
        let size = self.disk.open(&path).and_then(|file| file.len());
        Ok(size.map_err(|error| LogError::io("open", &path, error))? == point.last_size)
    }

    /// A segment of which all batches are durable. The last one has its indexes in memory.
    fn open_trusted(&self, base: Offset, is_last: bool, found: &mut Recovered) -> Result<Segment, LogError> {
        if let Some(segment) = Segment::open_indexed(self.disk, self.dir, base, self.rules())?
            && (!is_last || segment.load_indexes()?)
        {
            return Ok(segment);
        }
        let Rebuilt { segment, ending } = rebuild(self.disk, self.dir, base, false, self.rules())?;
        if let Ending::Invalid { damage, .. } = ending {
            return Err(damaged(&segment, damage));
        }
        found.report.rebuilt_indexes.push(base);
        if !is_last {
            found.to_sync.extend(segment.seal_indexes(self.disk.as_ref()));
        }
        Ok(segment)
    }

    /// A segment of which batches may be torn; false if nothing may follow it.
    fn open_checked(&self, base: Offset, later: &[Offset], found: &mut Recovered) -> Result<bool, LogError> {
        let Rebuilt { segment, ending } = rebuild(self.disk, self.dir, base, true, self.rules())?;
        let contents = segment.contents();
        let whole = match ending {
            Ending::Whole => true,
            Ending::Invalid { damage, file_size } => {
                let may_be_torn = self.point.is_some() || later.is_empty();
                if contents.next_offset < self.durable() || !may_be_torn {
                    return Err(damaged(&segment, damage));
                }
                let cut = segment.file().truncate(contents.size);
                cut.map_err(|error| LogError::io("cut the torn end of", segment.path(), error))?;
                found.report.truncation = Some(Truncation {
                    file: segment.path().to_path_buf(),
                    position: contents.size,
                    bytes: file_size - contents.size,
                    end: contents.next_offset,
                    cause: damage,
                });
                false
            }
        };
        found.report.checked_bytes += contents.size;
        found.report.rebuilt_indexes.push(base);
        found.unsure_from.get_or_insert(base);
        found.to_sync.push(Arc::clone(segment.file()));
        if whole && !later.is_empty() {
            found.to_sync.extend(segment.seal_indexes(self.disk.as_ref()));
        }
        found.segments.push(segment);
        Ok(whole)
    }

    /// What is wrong between a segment and the next, if that may be cut off; an error if it may not.
    fn gap(&self, before: &Segment, next: Offset) -> Result<Option<Damage>, LogError> {
        let expected = before.contents().next_offset;
        if next == expected || (next > expected && next <= self.rules().gaps_to) {
            return Ok(None);
        }
        let damage = Damage::Offset { expected, found: next };
        if next < expected || expected < self.durable() || self.point.is_none() {
            return Err(damaged(before, damage));
        }
        Ok(Some(damage))
    }

    /// An end before the recovery point is damage.
    fn check_end(&self, found: &Recovered) -> Result<(), LogError> {
        let durable = self.durable();
        match found.segments.last() {
            Some(last) if last.contents().next_offset < durable => {
                let end = last.contents().next_offset;
                Err(damaged(last, Damage::EndsEarly { end, durable }))
            }
            None if durable > Offset::ZERO => Err(LogError::Damaged {
                file: self.dir.to_path_buf(),
                position: 0,
                damage: Damage::EndsEarly { end: Offset::ZERO, durable },
            }),
            _ => Ok(()),
        }
    }

    fn remove_segments(&self, bases: &[Offset], report: &mut RecoveryReport) -> Result<(), LogError> {
        // The last first: what a crash leaves is then still without a gap.
        for base in bases.iter().rev() {
            for kind in FileKind::ALL {
                let path = segment_path(self.dir, *base, kind);
                disk::remove_if_there(self.disk.as_ref(), &path)
                    .map_err(|error| LogError::io("remove", &path, error))?;
            }
            report.removed_segments.push(*base);
        }
        Ok(())
    }
}

fn damaged(segment: &Segment, damage: Damage) -> LogError {
    LogError::Damaged { file: segment.path().to_path_buf(), position: segment.contents().size, damage }
}
