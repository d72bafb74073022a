//! The seam to the file system.
//!
//! Owns: [`Disk`] and [`DiskFile`], the few operations that a log needs; [`RealDisk`], over the operating system. The
//! simulated one is in [`crate::sim`].
//!
//! Invariants: what is not synced may be lost, wholly or in part, in any order. A file's bytes are made durable by
//! [`Disk::sync`], the names in a folder by [`Disk::sync_dir`]; neither implies the other. Errors are
//! [`std::io::Error`]s whose kind tells a full disk from a broken one.
//!
//! Does not know: logs.

mod real;

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_wire::protocol::ReadAt;

pub use real::{RealDisk, SyncMethod};

/// A file system, as far as a log needs one.
pub trait Disk: Send + Sync + Debug {
    /// Makes an empty file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file that is there.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// What a folder holds, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Renames a file or folder. A file that has the new name is replaced in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Whoever has it open goes on reading it.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder and those above it, where they are missing.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes durable what was written to the files, and their lengths. After an error nothing is known of what was
    /// written since the last success, and trying again proves nothing.
    fn sync(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()>;

    /// Into how many calls of [`Disk::sync`], made at the same time, so many files are best divided.
    fn sync_calls(&self, files: usize) -> usize {
        let _ = files;
        1
    }

    /// Makes durable which names the folder holds. One that has been removed meanwhile holds none.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// How much room there is where a folder lies, if that is known.
    fn room(&self, dir: &Path) -> io::Result<Option<Room>> {
        let _ = dir;
        Ok(None)
    }
}

/// The room of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// All of it, in bytes.
    pub total_bytes: u64,
    /// What can still be written, in bytes.
    pub usable_bytes: u64,
}

/// An open file.
pub trait DiskFile: ReadAt + Any {
    /// Writes all of `bytes` from `offset` on. After an error some of them may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// True if the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// Cuts the file, or extends it by zeros.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name, without the folder's.
    pub name: String,
    /// True for a folder.
    pub is_dir: bool,
}

/// Reads a whole file.
pub(crate) fn read_to_end(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Opens a file if it is there.
pub(crate) fn open_if_there(disk: &dyn Disk, path: &Path) -> io::Result<Option<Arc<dyn DiskFile>>> {
    match disk.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file if it is there.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a folder with everything in it.
pub(crate) fn remove_tree(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    for entry in disk.list(dir)? {
        let path: PathBuf = dir.join(&entry.name);
        if entry.is_dir {
            remove_tree(disk, &path)?;
        } else {
            disk.remove(&path)?;
        }
    }
    disk.remove_dir(dir)
}
