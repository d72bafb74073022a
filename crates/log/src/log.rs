//! One partition's log.
//!
//! Owns: [`Log`], the one writer, and [`LogReader`], of which there may be many; how segments, epochs and producers make
//! up a partition; how far it reaches and how far it is durable.
//!
//! Invariants: offsets below [`Log::durable_offset`] survive a power loss; readers never wait for the disk writes of the
//! writer, nor it for their reads; after a failure that leaves the disk's state unknown the log is poisoned: it can be
//! read, and closing it leaves no mark of an orderly end.
//!
//! Does not know: the high watermark (readers are given a limit), who writes and reads.

mod append;
mod compaction;
mod delete;
mod import;
mod open;
mod reader;
mod recovery;
mod replay;
mod retention;
mod sync;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::{LeaderEpoch, Offset, Timestamp};
use headwater_wire::protocol::Records;

use crate::checkpoint::RecoveryPointFile;
use crate::disk::{Disk, DiskFile};
use crate::producers::ProducerSnapshot;
use crate::segment::Segment;
use crate::{EpochEnd, LogConfig, LogError, Poison, Producers};

use compaction::Cleaner;

pub use crate::segment::TimestampedOffset;
pub use append::{Appended, Assign};
pub use compaction::{Cleaned, Compacted, Compaction, CompactionState};
pub use delete::{delete_partition, remove_deleted};
pub use import::{StagedPartition, stage_partition};
pub use reader::{BatchHeaders, LogReader};
pub use recovery::{RecoveryReport, Truncation};
pub use retention::Retained;
pub use sync::SyncTicket;

/// A partition on disk. One thing at a time writes to it; reads go through [`Log::reader`] from anywhere.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    config: LogConfig,
    reader: LogReader,
    producers: Producers,
    /// As they were when the last segment was begun, until that is stored.
    rolled_producers: Option<ProducerSnapshot>,
    recovery_point: RecoveryPointFile,
    /// Up to where the last anchor of the recovery point says that the log is durable, if one was written.
    anchored: Option<Offset>,
    unsynced: Unsynced,
    poison: Option<Poison>,
    /// It was logged that the disk is full, and nothing could be written since.
    told_full: bool,
    cleaner: Cleaner,
}

/// What the next sync has to cover.
#[derive(Debug, Default)]
struct Unsynced {
    /// The file of the last segment has new bytes.
    active: bool,
    /// Other files: of rolled segments, rebuilt indexes.
    files: Vec<Arc<dyn DiskFile>>,
    /// Folders with new names.
    directories: BTreeSet<PathBuf>,
    /// The epochs are not in their file yet.
    epochs: bool,
}

impl Log {
    /// A handle that reads, for any thread.
    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// The partition's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The settings in force.
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Changes the settings, from the next operation on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.reader.set_max_uncompressed(config.max_uncompressed_bytes);
        self.config = config;
    }

    /// What idempotent producers have written.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// See [`LogReader::read`].
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Records, LogError> {
        self.reader.read(from, limit, max_bytes, at_least_one)
    }

    /// See [`LogReader::offset_for_timestamp`].
    pub fn offset_for_timestamp(
        &self,
        timestamp: Timestamp,
        limit: Offset,
    ) -> Result<Option<TimestampedOffset>, LogError> {
        self.reader.offset_for_timestamp(timestamp, limit)
    }

    /// See [`LogReader::max_timestamp`].
    pub fn max_timestamp(&self, limit: Offset) -> Result<Option<TimestampedOffset>, LogError> {
        self.reader.max_timestamp(limit)
    }

    /// The first offset that can be read.
    pub fn start_offset(&self) -> Offset {
        self.reader.start_offset()
    }

    /// The log end offset: the next record's.
    pub fn end_offset(&self) -> Offset {
        self.reader.end_offset()
    }

    /// Everything below survives a power loss.
    pub fn durable_offset(&self) -> Offset {
        self.reader.durable_offset()
    }

    /// The size of all batches in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.reader.size_bytes()
    }

    /// See [`LogReader::end_offset_for_epoch`].
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        self.reader.end_offset_for_epoch(epoch)
    }

    /// The epoch of the newest records.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.reader.latest_epoch()
    }

    /// See [`LogReader::batch_headers`].
    pub fn batch_headers(&self, from: Offset) -> BatchHeaders {
        self.reader.batch_headers(from)
    }

    /// Why appends are refused, if they are.
    pub fn poisoned(&self) -> Option<&Poison> {
        self.poison.as_ref()
    }

    fn active(&self) -> Arc<Segment> {
        self.reader.active()
    }

    fn refuse_if_poisoned(&self) -> Result<(), LogError> {
        match &self.poison {
            Some(poison) => Err(LogError::Poisoned(poison.clone())),
            None => Ok(()),
        }
    }
}
