//! Small files that tell recovery what to trust.
//!
//! Owns: `recovery-point`, how far the log is durable and whether it was closed in order, in four slots;
//! `log-start-offset`, below which records are deleted; `cleaner-offset-checkpoint`, below which they are compacted; the
//! way in which small files are replaced.
//!
//! ```text
//! recovery-point: 4 slots of 64 bytes; the valid one with the highest sequence holds
//!   slots 0 and 1: written in turn, and synced        slots 2 and 3: written in turn after every sync, not synced
//!
//!  0 magic "HWRP"            16 durable up to, offset i64       40 clean u32 (1: closed in order)
//!  4 version u32 = 1         24 base of the last segment i64    44 zeros
//!  8 sequence u64            32 size of the last segment u64    60 CRC-32C of 0..60 u32
//!
//! log-start-offset, cleaner-offset-checkpoint: text, "0\n<offset>\n"
//! ```
//!
//! Invariants: the offset in a slot was durable before the slot was written, so any valid slot is a lower bound. Losing
//! the unsynced slots makes recovery look at more, never at less.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_model::Offset;

use crate::disk::{self, Disk, DiskFile};

const RECOVERY_POINT: &str = "recovery-point";
const START_OFFSET: &str = "log-start-offset";
const CLEANER_OFFSET: &str = "cleaner-offset-checkpoint";
const TEMPORARY: &str = ".tmp";

const SLOT_SIZE: usize = 64;
const CHECKED: usize = 60;
const MAGIC: &[u8; 4] = b"HWRP";
const VERSION: u32 = 1;

/// What a slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecoveryPoint {
    /// Everything below is durable.
    pub durable: Offset,
    /// The last segment when the slot was written.
    pub last_segment: Offset,
    /// Its size in bytes then.
    pub last_size: u64,
    /// True if the log was closed in order, all of it durable.
    pub clean: bool,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct RecoveryPointFile {
    file: Arc<dyn DiskFile>,
    sequence: u64,
    /// The slots that hold the newest points of their kind, so that the next ones go elsewhere.
    anchor_slot: usize,
    hint_slot: usize,
}

impl RecoveryPointFile {
    /// Opens the file, makes it if need be, and reads what it says.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path) -> io::Result<(Self, Option<RecoveryPoint>)> {
        let path = dir.join(RECOVERY_POINT);
        let file = match disk::open_if_there(disk, &path)? {
            Some(file) => file,
            None => disk.create(&path)?,
        };
        let bytes = disk::read_to_end(file.as_ref())?;
        let slots: Vec<_> = bytes.chunks_exact(SLOT_SIZE).map(decode).collect();
        let sequence_in = |slot: usize| slots.get(slot).copied().flatten().map(|(sequence, _)| sequence);
        let newer_of =
            |one: usize, other: usize| if sequence_in(one) > sequence_in(other) { one } else { other };
        let (anchor_slot, hint_slot) = (newer_of(1, 0), newer_of(3, 2));
        let newest = slots.iter().take(4).flatten().max_by_key(|(sequence, _)| *sequence);
        let sequence = newest.map_or(0, |(sequence, _)| *sequence);
        Ok((Self { file, sequence, anchor_slot, hint_slot }, newest.map(|(_, point)| *point)))
    }

    /// Writes a point that may be lost.
    pub(crate) fn hint(&mut self, point: &RecoveryPoint) -> io::Result<()> {
        self.hint_slot ^= 1;
        self.write(self.hint_slot, point)
    }

    /// Writes a point and makes it durable.
    pub(crate) fn anchor(&mut self, disk: &dyn Disk, point: &RecoveryPoint) -> io::Result<()> {
        self.anchor_slot ^= 1;
        self.write(self.anchor_slot, point)?;
        disk.sync(&[Arc::clone(&self.file)])
    }

    fn write(&mut self, slot: usize, point: &RecoveryPoint) -> io::Result<()> {
        self.sequence += 1;
        self.file.write_all_at(&encode(self.sequence, point), (slot * SLOT_SIZE) as u64)
    }
}

fn encode(sequence: u64, point: &RecoveryPoint) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_SIZE);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&VERSION.to_be_bytes());
    slot.extend_from_slice(&sequence.to_be_bytes());
    slot.extend_from_slice(&point.durable.0.to_be_bytes());
    slot.extend_from_slice(&point.last_segment.0.to_be_bytes());
    slot.extend_from_slice(&point.last_size.to_be_bytes());
    slot.extend_from_slice(&u32::from(point.clean).to_be_bytes());
    slot.resize(CHECKED, 0);
    let checksum = crc32c::crc32c(&slot);
    slot.extend_from_slice(&checksum.to_be_bytes());
    slot
}

fn decode(slot: &[u8]) -> Option<(u64, RecoveryPoint)> {
    let (checked, checksum) = slot.split_at_checked(CHECKED)?;
    if crc32c::crc32c(checked).to_be_bytes() != checksum {
        return None;
    }
    let (magic, rest) = checked.split_first_chunk::<4>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    if magic != MAGIC || u32::from_be_bytes(*version) != VERSION {
        return None;
    }
    let (sequence, rest) = rest.split_first_chunk()?;
    let (durable, rest) = rest.split_first_chunk()?;
    let (last_segment, rest) = rest.split_first_chunk()?;
    let (last_size, rest) = rest.split_first_chunk()?;
    let clean = rest.first_chunk::<4>()?;
    let point = RecoveryPoint {
        durable: Offset(i64::from_be_bytes(*durable)),
        last_segment: Offset(i64::from_be_bytes(*last_segment)),
        last_size: u64::from_be_bytes(*last_size),
        clean: u32::from_be_bytes(*clean) == 1,
    };
    Some((u64::from_be_bytes(*sequence), point))
}

/// Reads the log's start offset, if one was stored.
pub(crate) fn read_start_offset(disk: &dyn Disk, dir: &Path) -> io::Result<Option<Offset>> {
    let Some(text) = read_text(disk, &dir.join(START_OFFSET))? else {
        return Ok(None);
    };
    let mut lines = text.lines();
    let offset = match (lines.next(), lines.next().map(str::parse)) {
        (Some("0"), Some(Ok(offset))) if offset >= 0 => offset,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a stored start offset")),
    };
    Ok(Some(Offset(offset)))
}

/// The first offset that was never compacted, [`Offset::ZERO`] if that is not known; `None` if the log never was.
pub(crate) fn read_cleaner_offset(disk: &dyn Disk, dir: &Path) -> io::Result<Option<Offset>> {
    let path = dir.join(CLEANER_OFFSET);
    if disk::open_if_there(disk, &path)?.is_none() {
        return Ok(None);
    }
    // It may be torn: then all is compacted again.
    let text = read_text(disk, &path)?.unwrap_or_default();
    let offset = text.strip_prefix("0\n").and_then(|rest| rest.strip_suffix('\n')?.parse().ok());
    Ok(Some(Offset(offset.unwrap_or(0).max(0))))
}

/// Stores the first offset that was never compacted; durably, if `synced`.
pub(crate) fn write_cleaner_offset(
    disk: &dyn Disk,
    dir: &Path,
    offset: Offset,
    synced: bool,
) -> io::Result<()> {
    replace(disk, &dir.join(CLEANER_OFFSET), format!("0\n{offset}\n").as_bytes(), synced)?;
    if synced { disk.sync_dir(dir) } else { Ok(()) }
}

/// Stores the log's start offset, durably.
pub(crate) fn write_start_offset(disk: &dyn Disk, dir: &Path, start: Offset) -> io::Result<()> {
    replace(disk, &dir.join(START_OFFSET), format!("0\n{start}\n").as_bytes(), true)?;
    disk.sync_dir(dir)
}

/// Reads a small text file; `None` if it is missing or not text.
pub(crate) fn read_text(disk: &dyn Disk, path: &Path) -> io::Result<Option<String>> {
    let Some(file) = disk::open_if_there(disk, path)? else {
        return Ok(None);
    };
    Ok(String::from_utf8(disk::read_to_end(file.as_ref())?).ok())
}

/// Replaces a file in one step, and returns it. Synced first, it is wholly the old or the new one after a power loss;
/// else its content counts only once file and folder have been synced.
pub(crate) fn replace(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    synced: bool,
) -> io::Result<Arc<dyn DiskFile>> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    let temporary = PathBuf::from(temporary);
    let file = disk.create(&temporary)?;
    file.write_all_at(bytes, 0)?;
    if synced {
        disk.sync(&[Arc::clone(&file)])?;
    }
    disk.rename(&temporary, path)?;
    Ok(file)
}

/// True for what a crash during [`replace`] leaves.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.ends_with(TEMPORARY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimDisk;

    fn point(durable: i64) -> RecoveryPoint {
        RecoveryPoint { durable: Offset(durable), last_segment: Offset(0), last_size: 7, clean: false }
    }

    #[test]
    fn the_newest_point_holds_and_a_torn_slot_falls_back_to_the_one_before() {
        let disk = SimDisk::new(1);
        let dir = Path::new("/p");
        disk.create_dir(dir).unwrap();
        let (mut file, found) = RecoveryPointFile::open(&disk, dir).unwrap();
        assert_eq!(found, None);
        file.anchor(&disk, &point(1)).unwrap();
        for durable in 2..6 {
            file.hint(&point(durable)).unwrap();
            assert_eq!(RecoveryPointFile::open(&disk, dir).unwrap().1, Some(point(durable)));
        }
        for slot in [3, 2] {
            file.file.write_all_at(&[0xFF], slot * 64 + 20).unwrap();
        }
        assert_eq!(RecoveryPointFile::open(&disk, dir).unwrap().1, Some(point(1)));
    }

    #[test]
    fn an_anchor_never_overwrites_the_newest_one() {
        let disk = SimDisk::new(1);
        let dir = Path::new("/p");
        disk.create_dir(dir).unwrap();
        for durable in 1..6 {
            let (mut file, before) = RecoveryPointFile::open(&disk, dir).unwrap();
            file.anchor(&disk, &point(durable)).unwrap();
            // As if the write had been torn.
            let torn = file.anchor_slot * SLOT_SIZE;
            let good = disk::read_to_end(file.file.as_ref()).unwrap();
            file.file.write_all_at(&[0xFF; 30], torn as u64).unwrap();
            assert_eq!(RecoveryPointFile::open(&disk, dir).unwrap().1, before);
            file.file.write_all_at(&good, 0).unwrap();
        }
    }
}
