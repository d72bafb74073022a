//! Putting a cleaned segment in the place of those that it was made of.
//!
//! ```text
//! 1 <base>.log.cleaned, .index.cleaned, …   written, then synced
//! 2 renamed to .swap, the batches last; the folder is synced: from here on the new segment holds
//! 3 the files of merged segments removed, the indexes renamed over the old ones, then the batches
//! ```
//!
//! Invariants: before step 2 is complete the old segments are whole; as long as `<base>.log.swap` is there, step 3 can be
//! done again. A cleaned segment ends with the offset that its last source ended with, so it says itself what it replaces.

use std::io;
use std::path::Path;
use std::sync::Arc;

use headwater_model::Offset;

use crate::LogError;
use crate::disk::{self, Disk, Entry};
use crate::error::Damage;
use crate::names::{FileKind, Stage, parse_segment_name, parse_staged_name, segment_path, staged_path};
use crate::scan::{LARGE_WINDOW, Scan, ScanError};

/// Names a cleaned segment, whose files are synced, as the one that holds. An error says nothing of whether it does.
pub(super) fn commit(disk: &dyn Disk, dir: &Path, base: Offset) -> io::Result<()> {
    for kind in indexes_then_log() {
        let path = |stage| staged_path(dir, base, kind, stage);
        disk.rename(&path(Stage::Cleaned), &path(Stage::Swap))?;
    }
    disk.sync_dir(dir)
}

/// Gives the committed segment from `base` to `next` its own name, and removes what it replaces.
pub(super) fn finish(disk: &dyn Disk, dir: &Path, base: Offset, next: Offset) -> io::Result<()> {
    for entry in disk.list(dir)? {
        if parse_segment_name(&entry.name).is_some_and(|(of, _)| base < of && of < next) {
            disk.remove(&dir.join(&entry.name))?;
        }
    }
    for kind in indexes_then_log() {
        let from = staged_path(dir, base, kind, Stage::Swap);
        // An index that is not there any more has its own name already.
        if kind == FileKind::Log || disk::open_if_there(disk, &from)?.is_some() {
            disk.rename(&from, &segment_path(dir, base, kind))?;
        }
    }
    Ok(())
}

/// Completes the swaps that were committed, and removes what else compaction left; true if there was anything.
pub(in crate::log) fn recover(disk: &dyn Disk, dir: &Path, entries: &[Entry]) -> Result<bool, LogError> {
    let staged: Vec<_> = entries.iter().filter_map(|entry| parse_staged_name(&entry.name)).collect();
    let committed: Vec<_> = staged
        .iter()
        .filter(|(_, kind, stage)| (*kind, *stage) == (FileKind::Log, Stage::Swap))
        .map(|(base, ..)| *base)
        .collect();
    for (base, kind, stage) in &staged {
        if *stage == Stage::Cleaned || !committed.contains(base) {
            let path = staged_path(dir, *base, *kind, *stage);
            disk::remove_if_there(disk, &path).map_err(|error| LogError::io("remove", &path, error))?;
        }
    }
    for base in committed {
        let next = end_of(disk, dir, base)?;
        tracing::info!(log = %dir.display(), %base, %next, "a compacted segment takes its place");
        finish(disk, dir, base, next)
            .and_then(|()| disk.sync_dir(dir))
            .map_err(|error| LogError::io("complete the compaction of", dir, error))?;
    }
    Ok(!staged.is_empty())
}

/// Where the segment ends that was committed.
fn end_of(disk: &dyn Disk, dir: &Path, base: Offset) -> Result<Offset, LogError> {
    let path = staged_path(dir, base, FileKind::Log, Stage::Swap);
    let unreadable = |error| LogError::io("read", &path, error);
    let file = disk.open(&path).map_err(unreadable)?;
    let size = file.len().map_err(unreadable)?;
    let (mut scan, mut end) = (Scan::new(Arc::clone(&file), 0, size, LARGE_WINDOW), base);
    loop {
        match scan.next() {
            Ok(None) => return Ok(end),
            Ok(Some(located)) => end = located.header.next_offset(),
            Err(ScanError::Io(error)) => return Err(unreadable(error)),
            Err(ScanError::Invalid { position, fault }) => {
                return Err(LogError::Damaged { file: path, position, damage: Damage::Batch(fault) });
            }
        }
    }
}

/// Removes what compactions have left that did not take its place, so that it never will.
pub(super) fn sweep(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let entries = disk.list(dir)?;
    let staged = entries.iter().filter_map(|entry| Some((parse_staged_name(&entry.name)?, entry)));
    // The batches first: without them the rest is rubbish.
    let (logs, others): (Vec<_>, Vec<_>) = staged.partition(|((_, kind, _), _)| *kind == FileKind::Log);
    logs.iter().chain(&others).try_for_each(|(_, entry)| disk.remove(&dir.join(&entry.name)))
}

/// Removes a segment that is not to hold, as far as that can be done: what is left, opening the log removes or completes.
pub(super) fn discard(disk: &dyn Disk, dir: &Path, base: Offset) {
    for stage in [Stage::Swap, Stage::Cleaned] {
        // The batches first: without them the rest is rubbish.
        for kind in FileKind::ALL {
            let path = staged_path(dir, base, kind, stage);
            if let Err(error) = disk::remove_if_there(disk, &path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove what compaction left");
            }
        }
    }
}

fn indexes_then_log() -> impl Iterator<Item = FileKind> {
    FileKind::ALL.into_iter().rev()
}
