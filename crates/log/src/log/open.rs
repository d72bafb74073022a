//! Opening a log: the folder's files put together again.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::{Offset, Timestamp};

use super::compaction::{Cleaner, recover};
use super::recovery::{Recovered, Recovery};
use super::{Log, LogReader, RecoveryReport, Unsynced};
use crate::checkpoint::{self, RecoveryPointFile};
use crate::disk::{self, Disk, Entry};
use crate::epochs::Epochs;
use crate::names::{FileKind, parse_segment_name};
use crate::segment::Segment;
use crate::{LogConfig, LogError, Producers};

impl Log {
    /// Opens the log in a folder, which is made if it is not there. Cuts off a torn tail and nothing else.
    ///
    /// Everything found is durable on return: the end and the durable offset are the same. `now` is when the producers
    /// found count as last seen.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        config: LogConfig,
        now: Timestamp,
    ) -> Result<(Self, RecoveryReport), LogError> {
        let (mut log, report) = Self::open_unsynced(disk, dir, config, now)?;
        if log.has_unsynced_finds(&report) {
            log.settle_on_disk()?;
        }
        Ok((log, report))
    }

    /// The same without a sync, unless something was cut off: what was found is whole, but it may not be durable before the
    /// first sync, which many logs may share.
    pub fn open_unsynced(
        disk: Arc<dyn Disk>,
        dir: &Path,
        config: LogConfig,
        now: Timestamp,
    ) -> Result<(Self, RecoveryReport), LogError> {
        let mut unsynced = Unsynced::default();
        let entries = match disk.list(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                unsynced.directories = parents_of_missing(disk.as_ref(), dir);
                disk.create_dir(dir).map_err(|error| LogError::io("create the folder", dir, error))?;
                Vec::new()
            }
            Err(error) => return Err(LogError::io("list", dir, error)),
        };
        let failed = |error| LogError::io("read the checkpoints of", dir, error);
        let start =
            checkpoint::read_start_offset(disk.as_ref(), dir).map_err(failed)?.unwrap_or(Offset::ZERO);
        let entries = if recover(disk.as_ref(), dir, &entries)? {
            disk.list(dir).map_err(|error| LogError::io("list", dir, error))?
        } else {
            entries
        };
        let bases = sweep(disk.as_ref(), dir, &entries, start)?;
        let first_dirty = checkpoint::read_cleaner_offset(disk.as_ref(), dir).map_err(failed)?;
        let (recovery_point, point) = RecoveryPointFile::open(disk.as_ref(), dir).map_err(failed)?;

        let compacted = config.compacted || first_dirty.is_some();
        let mut found = Recovery { disk: &disk, dir, config: &config, compacted, point }.run(&bases)?;
        let is_new = bases.is_empty();
        found.report.clean |= is_new;
        settle(&disk, dir, start, &mut found)?;
        if is_new {
            unsynced.directories.insert(dir.to_path_buf());
        }
        let segments: Vec<_> = found.segments.drain(..).map(Arc::new).collect();
        let start = segments.first().map_or(start, |first| first.base().max(start));
        let reader = LogReader::new(segments, Epochs::default(), start, config.max_uncompressed_bytes);
        let mut log = Self {
            disk,
            dir: dir.to_path_buf(),
            config,
            reader,
            producers: Producers::default(),
            rolled_producers: None,
            recovery_point,
            anchored: point.filter(|_| found.report.clean).map(|point| point.durable),
            unsynced,
            poison: None,
            told_full: false,
            cleaner: Cleaner::new(first_dirty),
        };
        log.replay(&mut found, now)?;
        log.unsynced.files.append(&mut found.to_sync);
        let report = found.report;
        if !report.clean {
            log.unsynced.directories.insert(dir.to_path_buf());
            log.reader.take_back_durable(point.map_or(start, |point| point.durable));
        }
        if report.clean {
            log.mark_open();
        }
        // What was cut off must not come back behind what is appended now. And a folder that came from elsewhere gets its
        // first recovery point while it is known to be whole.
        if report.has_cut() || (point.is_none() && !is_new) {
            log.settle_on_disk()?;
        }
        Ok((log, report))
    }

    fn has_unsynced_finds(&self, report: &RecoveryReport) -> bool {
        !self.unsynced.files.is_empty() || (!report.clean && self.is_dirty())
    }

    /// Makes durable what recovery found and did.
    fn settle_on_disk(&mut self) -> Result<(), LogError> {
        if self.unsynced.epochs {
            let file = self.write_epochs().map_err(|error| LogError::io("sync", &self.dir, error))?;
            self.unsynced.files.push(file);
        }
        let failed = |error| LogError::io("sync", &self.dir, error);
        self.disk.sync(&self.unsynced.files).map_err(failed)?;
        self.unsynced.files.clear();
        self.disk.sync_dir(&self.dir).map_err(failed)?;
        self.unsynced.directories.remove(&self.dir);
        self.reader.set_durable(self.end_offset());
        let point = self.point(false);
        self.recovery_point.anchor(self.disk.as_ref(), &point).map_err(failed)?;
        self.anchored = Some(point.durable);
        Ok(())
    }

    /// Takes back the mark of an orderly end, or says of a new log that nothing of it is durable. Should that be lost, the
    /// size noted with the mark tells; and a new log without it has one segment.
    fn mark_open(&mut self) {
        let point = self.point(false);
        if let Err(error) = self.recovery_point.hint(&point) {
            tracing::warn!(log = %self.dir.display(), %error, "cannot store the recovery point");
        }
    }
}

/// The folders that get a new name when a folder is made.
fn parents_of_missing(disk: &dyn Disk, dir: &Path) -> BTreeSet<PathBuf> {
    let mut parents = BTreeSet::new();
    let mut missing = dir;
    while let Some(parent) = missing.parent() {
        parents.insert(parent.to_path_buf());
        if disk.list(parent).is_ok() {
            break;
        }
        missing = parent;
    }
    parents
}

/// Removes what crashes leave, and returns the base offsets of the segments, in order.
fn sweep(disk: &dyn Disk, dir: &Path, entries: &[Entry], start: Offset) -> Result<Vec<Offset>, LogError> {
    let files = entries.iter().filter(|entry| !entry.is_dir);
    let named: Vec<_> =
        files.clone().filter_map(|entry| Some((parse_segment_name(&entry.name)?, entry))).collect();
    let bases: BTreeSet<Offset> =
        named.iter().filter(|((_, kind), _)| *kind == FileKind::Log).map(|((base, _), _)| *base).collect();
    // The first segment is the one that holds the start: removing those before it was not finished.
    let first = bases.range(..=start).next_back().or(bases.first()).copied();
    let bases: BTreeSet<Offset> = bases.into_iter().filter(|base| Some(*base) >= first).collect();
    let of_no_segment = named.iter().filter(|((base, _), _)| !bases.contains(base)).map(|(_, entry)| *entry);
    let temporary = files.filter(|entry| checkpoint::is_temporary(&entry.name));
    for entry in of_no_segment.chain(temporary) {
        let path = dir.join(&entry.name);
        disk::remove_if_there(disk, &path).map_err(|error| LogError::io("remove", &path, error))?;
    }
    Ok(bases.into_iter().collect())
}

/// Leaves a last segment that can be appended to, at or after the start.
fn settle(disk: &Arc<dyn Disk>, dir: &Path, start: Offset, found: &mut Recovered) -> Result<(), LogError> {
    let end = found.segments.last().map(|last| last.contents().next_offset);
    if end.is_none_or(|end| end < start) {
        // Records up to the start were deleted, and what was left of them is lost: nothing of value.
        for segment in found.segments.drain(..).rev() {
            segment
                .remove_files(disk.as_ref())
                .map_err(|error| LogError::io("remove", segment.path(), error))?;
        }
        let fresh = Segment::create(disk, dir, start)?;
        found.to_sync.clear();
        if end.is_some() {
            found.to_sync.push(Arc::clone(fresh.file()));
        }
        found.segments.push(fresh);
        return Ok(());
    }
    // It is in memory already, unless recovery took it for one that others follow.
    found.segments.last().map_or(Ok(()), |last| last.load_indexes().map(drop))
}
