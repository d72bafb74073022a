//! Taking in a partition that came from elsewhere: Apache Kafka's folder, or one of another broker of ours.
//!
//! Owns: the copy of its segments and its check, under a name that the next start removes.
//!
//! Invariants: the folder that is copied is not changed. Only batches are taken over: indexes, epochs, producers and the
//! outcomes of transactions are made anew from them. What is not whole is refused, a torn tail too, as nobody knows here
//! what was acknowledged there; so is a transaction without an end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::{LeaderEpoch, Offset, ProducerId, Timestamp, Uuid};

use super::Log;
use super::delete::doomed_path;
use crate::disk::{Disk, Entry};
use crate::names::{FileKind, Stage, parse_segment_name, parse_staged_name};
use crate::{LogConfig, LogError};

const CHUNK: usize = 1024 * 1024;

/// A copy that was checked and is durable, and has its own name not yet.
#[derive(Debug)]
pub struct StagedPartition {
    /// Where it lies: to be renamed to the partition's folder. Until then the next start removes it.
    pub staged: PathBuf,
    /// Its first offset.
    pub start: Offset,
    /// The offset after its last.
    pub end: Offset,
    /// All its batches.
    pub size_bytes: u64,
    /// The greatest leader epoch in it, if it holds anything.
    pub greatest_epoch: Option<LeaderEpoch>,
    /// The greatest producer id in it, if it has any.
    pub greatest_producer: Option<ProducerId>,
}

/// Copies a partition's segments from a folder that nobody writes to, and checks every batch.
///
/// `to` is the partition's folder to be; the tag tells this copy from others.
pub fn stage_partition(
    disk: &Arc<dyn Disk>,
    from: &Path,
    to: &Path,
    tag: Uuid,
    config: LogConfig,
    now: Timestamp,
) -> Result<StagedPartition, LogError> {
    let staged = doomed_path(to, tag);
    copy_segments(disk.as_ref(), from, &staged)?;
    // Whoever reads the error has the original.
    let original = |error| match error {
        LogError::Damaged { file, position, damage } => {
            let file = file.file_name().map_or_else(|| from.to_path_buf(), |name| from.join(name));
            LogError::Damaged { file, position, damage }
        }
        other => other,
    };
    let (log, report) = Log::open(Arc::clone(disk), &staged, config, now).map_err(original)?;
    if let Some(torn) = report.truncation {
        let damaged = LogError::Damaged { file: torn.file, position: torn.position, damage: torn.cause };
        return Err(original(damaged));
    }
    if let Some(offset) = log.producers().open().first() {
        return Err(LogError::OpenTransaction { folder: from.to_path_buf(), offset });
    }
    let mut partition = StagedPartition {
        start: log.start_offset(),
        end: log.end_offset(),
        size_bytes: log.size_bytes(),
        greatest_epoch: None,
        greatest_producer: None,
        staged,
    };
    for header in log.batch_headers(partition.start) {
        let header = header?;
        partition.greatest_epoch = partition.greatest_epoch.max(Some(header.leader_epoch));
        let producer = Some(header.producer_id).filter(|id| id.0 >= 0);
        partition.greatest_producer = partition.greatest_producer.max(producer);
    }
    log.close()?;
    Ok(partition)
}

fn copy_segments(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), LogError> {
    let entries = disk.list(from).map_err(|error| LogError::io("list", from, error))?;
    disk.create_dir(to).map_err(|error| LogError::io("create the folder", to, error))?;
    let is_batches = |name: &str| parse_segment_name(name).is_some_and(|(_, kind)| kind == FileKind::Log);
    let committed = committed_swaps(&entries);
    let counts = |name: &String| is_batches(name) || committed.contains(&name);
    for entry in entries.iter().filter(|entry| !entry.is_dir && counts(&entry.name)) {
        copy(disk, &from.join(&entry.name), &to.join(&entry.name))?;
    }
    Ok(())
}

/// Compacted segments that are to take the place of others. Opening the copy completes that, as Kafka does at its start:
/// unless a segment before it is not complete, which is of the same exchange, then.
fn committed_swaps(entries: &[Entry]) -> Vec<&String> {
    let staged = |stage: Stage| {
        entries.iter().filter_map(move |entry| match parse_staged_name(&entry.name) {
            Some((base, FileKind::Log, of)) if of == stage => Some((base, &entry.name)),
            _ => None,
        })
    };
    let incomplete = staged(Stage::Cleaned).map(|(base, _)| base).min();
    let complete = |base: Offset| incomplete.is_none_or(|incomplete| base < incomplete);
    staged(Stage::Swap).filter(|(base, _)| complete(*base)).map(|(_, name)| name).collect()
}

/// Not synced: opening the copy does that, once it is checked.
fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), LogError> {
    let unreadable = |error| LogError::io("read", from, error);
    let unwritable = |error| LogError::io("write", to, error);
    let source = disk.open(from).map_err(unreadable)?;
    let target = disk.create(to).map_err(unwritable)?;
    let len = source.len().map_err(unreadable)?;
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    while at < len {
        let wanted = CHUNK.min(usize::try_from(len - at).unwrap_or(CHUNK));
        let chunk = chunk.get_mut(..wanted).unwrap_or_default();
        source.read_exact_at(chunk, at).map_err(unreadable)?;
        target.write_all_at(chunk, at).map_err(unwritable)?;
        at += chunk.len() as u64;
    }
    Ok(())
}
