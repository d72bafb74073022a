//! A segment's sparse indexes: offsets to positions, timestamps to offsets.
//!
//! Owns: the entries, in memory while the segment grows, in their file afterwards.
//!
//! Invariants: an entry's file format is Kafka's; entries rise. An index is only a shortcut: whoever uses one checks
//! what it finds there, and can do without.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use headwater_model::{Offset, Timestamp};

use crate::disk::{self, Disk, DiskFile};

/// An entry of fixed size.
pub(crate) trait IndexEntry: Copy + std::fmt::Debug {
    /// The size in the file.
    const SIZE: usize;
    /// Reads [`IndexEntry::SIZE`] bytes.
    fn decode(bytes: &[u8]) -> Option<Self>;
    /// Writes as many.
    fn encode(self, out: &mut Vec<u8>);
    /// True if this may stand right before `next`.
    fn precedes(self, next: Self) -> bool;
}

/// The batch that ends with an offset starts at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    /// The last offset of the batch, from the segment's base.
    pub relative: u32,
    /// Where the batch starts.
    pub position: u32,
}

impl IndexEntry for OffsetEntry {
    const SIZE: usize = 8;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (relative, rest) = bytes.split_first_chunk()?;
        Some(Self {
            relative: u32::from_be_bytes(*relative),
            position: u32::from_be_bytes(*rest.first_chunk()?),
        })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn precedes(self, next: Self) -> bool {
        self.relative < next.relative && self.position < next.position
    }
}

/// No record up to an offset is newer than a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    /// The greatest timestamp so far.
    pub timestamp: Timestamp,
    /// The last offset of the batch that has it, from the segment's base.
    pub relative: u32,
}

impl IndexEntry for TimeEntry {
    const SIZE: usize = 12;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (timestamp, rest) = bytes.split_first_chunk()?;
        Some(Self {
            timestamp: Timestamp(i64::from_be_bytes(*timestamp)),
            relative: u32::from_be_bytes(*rest.first_chunk()?),
        })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.relative.to_be_bytes());
    }

    fn precedes(self, next: Self) -> bool {
        self.timestamp < next.timestamp && self.relative < next.relative
    }
}

/// An offset relative to a segment's base, if it can be expressed (Kafka's are signed).
pub(crate) fn relative_offset(base: Offset, offset: Offset) -> Option<u32> {
    i32::try_from(offset - base).ok().and_then(|relative| u32::try_from(relative).ok())
}

/// No entry is larger, in bytes.
const LARGEST_ENTRY: usize = 34;
/// How many entries may wait in memory before they are written to the file.
const WRITE_BEHIND: usize = 512;

/// One index of one segment.
#[derive(Debug)]
pub(crate) struct Index<E> {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    entries: Entries<E>,
}

#[derive(Debug)]
enum Entries<E> {
    /// The first `written` are in the file, too.
    Memory { entries: Vec<E>, written: usize },
    /// All are in the file, which is opened when first needed.
    File { file: OnceLock<Arc<dyn DiskFile>>, count: usize },
}

impl<E: IndexEntry> Index<E> {
    /// An empty one, with an empty file.
    pub(crate) fn create(disk: Arc<dyn Disk>, path: PathBuf) -> io::Result<Self> {
        disk.create(&path)?;
        Ok(Self { disk, path, entries: Entries::Memory { entries: Vec::new(), written: 0 } })
    }

    /// An empty one, without a file as long as it is empty.
    pub(crate) fn lazy(disk: Arc<dyn Disk>, path: PathBuf) -> io::Result<Self> {
        disk::remove_if_there(disk.as_ref(), &path)?;
        Ok(Self { disk, path, entries: Entries::Memory { entries: Vec::new(), written: 0 } })
    }

    /// One that stays in its file; `None` if the file is missing or its length impossible.
    pub(crate) fn in_file(disk: Arc<dyn Disk>, path: PathBuf) -> io::Result<Option<Self>> {
        let Some(file) = disk::open_if_there(disk.as_ref(), &path)? else {
            return Ok(None);
        };
        let Some(count) = entry_count::<E>(file.len()?) else {
            return Ok(None);
        };
        // The file is closed again: most segments are never read.
        Ok(Some(Self { disk, path, entries: Entries::File { file: OnceLock::new(), count } }))
    }

    /// The same for an index that has no file where it has no entries.
    pub(crate) fn in_file_or_empty(disk: Arc<dyn Disk>, path: PathBuf) -> io::Result<Option<Self>> {
        if disk::open_if_there(disk.as_ref(), &path)?.is_some() {
            return Self::in_file(disk, path);
        }
        Ok(Some(Self { disk, path, entries: Entries::File { file: OnceLock::new(), count: 0 } }))
    }

    /// One whose entries are all in a file, which may have another name until it is renamed to `path`; with the open file,
    /// if it may keep that name.
    pub(crate) fn moved(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        count: usize,
        open: Option<Arc<dyn DiskFile>>,
    ) -> Self {
        let file = open.map_or_else(OnceLock::new, OnceLock::from);
        Self { disk, path, entries: Entries::File { file, count } }
    }

    /// Opens the file, so that the entries stay readable when it is removed or replaced.
    pub(crate) fn hold(&self) -> io::Result<()> {
        match &self.entries {
            Entries::File { file, count } if *count > 0 => self.opened(file).map(drop),
            _ => Ok(()),
        }
    }

    /// Takes all entries into memory, to go on writing; false if they are not in order.
    pub(crate) fn load(&mut self) -> io::Result<bool> {
        if matches!(self.entries, Entries::Memory { .. }) {
            return Ok(true);
        }
        if self.len() == 0 {
            self.entries = Entries::Memory { entries: Vec::new(), written: 0 };
            return Ok(true);
        }
        let bytes = disk::read_to_end(self.disk.open(&self.path)?.as_ref())?;
        let entries: Vec<E> = bytes.chunks_exact(E::SIZE).filter_map(E::decode).collect();
        let in_order = entries.iter().zip(entries.iter().skip(1)).all(|(entry, next)| entry.precedes(*next));
        let written = entries.len();
        self.entries = Entries::Memory { entries, written };
        Ok(in_order)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        match &self.entries {
            Entries::Memory { entries, .. } => entries.len(),
            Entries::File { count, .. } => *count,
        }
    }

    /// The entry at an index.
    pub(crate) fn get(&self, index: usize) -> io::Result<Option<E>> {
        match &self.entries {
            Entries::Memory { entries, .. } => Ok(entries.get(index).copied()),
            Entries::File { count, .. } if index >= *count => Ok(None),
            Entries::File { file, .. } => {
                let mut bytes = [0; LARGEST_ENTRY];
                let entry = bytes.get_mut(..E::SIZE).unwrap_or_default();
                self.opened(file)?.read_exact_at(entry, (index * E::SIZE) as u64)?;
                Ok(E::decode(entry))
            }
        }
    }

    /// The last entry.
    pub(crate) fn last(&self) -> io::Result<Option<E>> {
        match self.len().checked_sub(1) {
            Some(last) => self.get(last),
            None => Ok(None),
        }
    }

    /// The last of the entries for which `holds` is true, which must be the first ones.
    pub(crate) fn last_where(&self, holds: impl Fn(E) -> bool) -> io::Result<Option<E>> {
        match self.count_where(holds)?.checked_sub(1) {
            Some(last) => self.get(last),
            None => Ok(None),
        }
    }

    /// How many of the entries `holds` is true for, which must be the first ones.
    pub(crate) fn count_where(&self, holds: impl Fn(E) -> bool) -> io::Result<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle)? {
                Some(entry) if holds(entry) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Adds an entry, in memory; now and then the file catches up, and a failure to do so waits for [`Self::write`].
    pub(crate) fn push(&mut self, entry: E) {
        if let Entries::Memory { entries, written } = &mut self.entries {
            entries.push(entry);
            if entries.len() - *written >= WRITE_BEHIND
                && let Err(error) = self.write()
            {
                tracing::warn!(path = %self.path.display(), %error, "an index could not be written; it stays in memory");
            }
        }
    }

    /// Brings the file up to date, and returns it.
    pub(crate) fn write(&mut self) -> io::Result<Arc<dyn DiskFile>> {
        match &mut self.entries {
            Entries::File { .. } => self.disk.open(&self.path),
            Entries::Memory { entries, written } => {
                let there = disk::open_if_there(self.disk.as_ref(), &self.path)?;
                let file = if let Some(file) = there {
                    file
                } else {
                    *written = 0;
                    self.disk.create(&self.path)?
                };
                if *written < entries.len() {
                    let mut bytes = Vec::with_capacity((entries.len() - *written) * E::SIZE);
                    for entry in entries.iter().skip(*written) {
                        entry.encode(&mut bytes);
                    }
                    file.write_all_at(&bytes, (*written * E::SIZE) as u64)?;
                    *written = entries.len();
                }
                Ok(file)
            }
        }
    }

    /// Gives back the memory of entries that are all in the file.
    pub(crate) fn release(&mut self) {
        if let Entries::Memory { entries, written } = &self.entries
            && *written == entries.len()
            && *written > 0
        {
            let count = entries.len();
            self.entries = Entries::File { file: OnceLock::new(), count };
        }
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn opened<'a>(&self, file: &'a OnceLock<Arc<dyn DiskFile>>) -> io::Result<&'a Arc<dyn DiskFile>> {
        if let Some(file) = file.get() {
            return Ok(file);
        }
        let opened = self.disk.open(&self.path)?;
        Ok(file.get_or_init(|| opened))
    }
}

fn entry_count<E: IndexEntry>(len: u64) -> Option<usize> {
    let size = E::SIZE as u64;
    len.is_multiple_of(size).then(|| usize::try_from(len / size).ok()).flatten()
}
