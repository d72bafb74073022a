//! Making appends durable, in two halves, so that one sync of the disk can serve many logs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::Offset;

use super::Log;
use crate::checkpoint::{self, RecoveryPoint};
use crate::disk::{Disk, DiskFile};
use crate::producers::{AbortedCounts, ProducerSnapshot};
use crate::{LogError, Poison, epochs};

/// What is to be synced for a log, and what is durable afterwards.
///
/// Sync its files and then its folders, then give it to [`Log::complete_sync`]; or, if either failed, give the error to
/// [`Log::poison`]. The log may be appended to meanwhile.
#[derive(Debug)]
#[must_use = "a ticket ends in complete_sync, or the log in poison"]
pub struct SyncTicket {
    files: Vec<Arc<dyn DiskFile>>,
    directories: Vec<PathBuf>,
    durable: Offset,
}

impl SyncTicket {
    /// The files, for [`Disk::sync`] with those of other tickets.
    pub fn files(&self) -> &[Arc<dyn DiskFile>] {
        &self.files
    }

    /// The folders, for [`Disk::sync_dir`]; mostly none. Tickets of other logs may name the same.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// The offset below which everything is durable once the sync is done.
    pub fn durable_to(&self) -> Offset {
        self.durable
    }

    /// Syncs what the ticket names.
    pub fn sync(&self, disk: &dyn Disk) -> std::io::Result<()> {
        disk.sync(&self.files)?;
        self.directories.iter().try_for_each(|dir| disk.sync_dir(dir))
    }
}

impl Log {
    /// True if something was appended that no sync has covered yet.
    pub fn is_dirty(&self) -> bool {
        let unsynced = &self.unsynced;
        unsynced.active || unsynced.epochs || !unsynced.files.is_empty() || !unsynced.directories.is_empty()
    }

    /// What to sync, so that everything appended so far becomes durable; `None` if it is, or if the log is poisoned.
    pub fn begin_sync(&mut self) -> Option<SyncTicket> {
        if self.poison.is_some() || !self.is_dirty() {
            return None;
        }
        if self.unsynced.epochs {
            match self.write_epochs() {
                Ok(file) => self.unsynced.files.push(file),
                Err(error) => {
                    tracing::warn!(log = %self.dir.display(), %error, "cannot store the leader epochs");
                }
            }
        }
        let mut files = std::mem::take(&mut self.unsynced.files);
        if std::mem::take(&mut self.unsynced.active) {
            files.push(Arc::clone(self.active().file()));
        }
        let directories = std::mem::take(&mut self.unsynced.directories).into_iter().collect();
        Some(SyncTicket { files, directories, durable: self.end_offset() })
    }

    /// Takes note that what a ticket names has been synced.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn complete_sync(&mut self, ticket: SyncTicket) {
        if self.poison.is_some() {
            return;
        }
        self.reader.set_durable(ticket.durable);
        let rolled = self.is_anchor_due();
        self.store_rolled_producers(ticket.durable);
        let point = self.point(false);
        let stored = if rolled {
            self.recovery_point
                .anchor(self.disk.as_ref(), &point)
                .map(|()| self.anchored = Some(point.durable))
        } else {
            self.recovery_point.hint(&point)
        };
        // Without it a crash makes recovery look at more than it need.
        if let Err(error) = stored {
            tracing::warn!(log = %self.dir.display(), %error, "cannot store the recovery point");
        }
    }

    /// True if the last anchor says nothing of the last segment, and one can say that it is reached or begun.
    fn is_anchor_due(&self) -> bool {
        let (base, durable) = (self.active().base(), self.durable_offset());
        self.anchored.is_none_or(|anchored| anchored < base || (anchored == base && durable > base))
    }

    /// Syncs this log alone.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.refuse_if_poisoned()?;
        let Some(ticket) = self.begin_sync() else {
            return Ok(());
        };
        match ticket.sync(self.disk.as_ref()) {
            Ok(()) => {
                self.complete_sync(ticket);
                Ok(())
            }
            Err(error) => {
                self.poison(Poison::from(&error));
                Err(LogError::io("sync", &self.dir, error))
            }
        }
    }

    /// Refuses appends from now on, because a sync failed: what is on disk is unknown until recovery has looked.
    pub fn poison(&mut self, cause: Poison) {
        tracing::error!(log = %self.dir.display(), %cause, "the log is poisoned");
        self.poison.get_or_insert(cause);
    }

    /// Makes everything durable and marks the end as orderly, so that the next open need not look at the batches.
    pub fn close(mut self) -> Result<(), LogError> {
        self.refuse_if_poisoned()?;
        let active = self.active();
        let indexes = active.finish_indexes().map_err(|error| LogError::io("write", active.path(), error))?;
        self.unsynced.files.extend(indexes);
        self.unsynced.active = true;
        self.sync()?;
        self.write_producers(&self.snapshot_producers())?;
        let point = self.point(true);
        let failed = |error| LogError::io("store the recovery point of", &self.dir, error);
        self.recovery_point.anchor(self.disk.as_ref(), &point).map_err(failed)?;
        self.disk.sync_dir(&self.dir).map_err(failed)
    }

    /// Before a log gets its second segment, its recovery point must be on disk: without one, recovery could not tell a
    /// torn end of the first segment from damage.
    pub(super) fn anchor_once(&mut self) -> Result<(), LogError> {
        if self.anchored.is_some() {
            return Ok(());
        }
        let point = self.point(false);
        let failed = |error| LogError::io("store the recovery point of", &self.dir, error);
        self.recovery_point.anchor(self.disk.as_ref(), &point).map_err(failed)?;
        self.disk.sync_dir(&self.dir).map_err(failed)?;
        self.anchored = Some(point.durable);
        Ok(())
    }

    pub(super) fn point(&self, clean: bool) -> RecoveryPoint {
        let active = self.active();
        RecoveryPoint {
            durable: self.durable_offset(),
            last_segment: active.base(),
            last_size: active.contents().size,
            clean,
        }
    }

    pub(super) fn write_epochs(&mut self) -> std::io::Result<Arc<dyn DiskFile>> {
        let text = self.reader.with_epochs(epochs::Epochs::to_text);
        let path: &Path = &self.dir.join(epochs::FILE_NAME);
        let file = checkpoint::replace(self.disk.as_ref(), path, text.as_bytes(), false)?;
        self.unsynced.directories.insert(self.dir.clone());
        self.unsynced.epochs = false;
        Ok(file)
    }

    /// Stores the producers as they were when the last segment was begun, once all that they remember is durable. Sooner,
    /// a crash could leave a memory of batches that are lost, and others in their place.
    fn store_rolled_producers(&mut self, durable: Offset) {
        let Some(snapshot) = self.rolled_producers.take_if(|rolled| rolled.offset <= durable) else {
            return;
        };
        // Without it the next open replays more.
        if let Err(error) = self.write_producers(&snapshot) {
            tracing::warn!(log = %self.dir.display(), %error, "cannot store the producers");
        }
    }

    pub(super) fn snapshot_producers(&self) -> ProducerSnapshot {
        self.producers.to_snapshot(self.end_offset(), &self.count_aborted(self.end_offset()))
    }

    /// How many transactions were aborted in each segment that begins below an offset, where any were.
    pub(super) fn count_aborted(&self, below: Offset) -> AbortedCounts {
        let segments = self.reader.segments();
        let counts = segments.iter().map(|segment| (segment.base(), segment.aborted_count()));
        counts.filter(|(base, count)| *base < below && *count > 0).collect()
    }

    fn write_producers(&self, snapshot: &ProducerSnapshot) -> Result<(), LogError> {
        let path = self.dir.join(ProducerSnapshot::FILE_NAME);
        checkpoint::replace(self.disk.as_ref(), &path, &snapshot.bytes, true)
            .map(drop)
            .map_err(|error| LogError::io("write", &path, error))
    }
}
