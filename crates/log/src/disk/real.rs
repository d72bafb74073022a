//! The operating system's files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::{os::unix::fs::MetadataExt, sync::OnceLock};

use headwater_wire::protocol::ReadAt;

use super::{Disk, DiskFile, Entry, Room};

/// How many files are made durable at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMethod {
    /// One `fdatasync` after the other. Touches nothing but the files asked for.
    PerFile,
    /// One `syncfs` for the whole file system from this many files on. Much faster for many files, though it waits for
    /// what others wrote to that file system, too. File by file where the system has no such call or does not report
    /// errors by it (Linux before 5.8), and for files on more than one file system.
    FileSystemFrom(usize),
}

/// The operating system's file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    method: SyncMethod,
}

impl RealDisk {
    /// From this many files on, syncing the whole file system was faster wherever it was measured
    /// (`examples/sync_methods.rs`).
    const MANY_FILES: usize = 16;
    /// Files that are synced at the same time share what the file system writes once for all (a commit of its journal).
    const MOST_CALLS: usize = 4;

    /// Syncs few files one by one, many at once.
    pub fn new() -> Self {
        Self::with_method(SyncMethod::FileSystemFrom(Self::MANY_FILES))
    }

    /// Syncs by that method.
    pub fn with_method(method: SyncMethod) -> Self {
        Self { method }
    }
}

impl Default for RealDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            // Names that are not UTF-8 are nobody's here.
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_dir: entry.file_type()?.is_dir() });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        if let (SyncMethod::FileSystemFrom(least), Some(first)) = (self.method, files.first())
            && files.len() >= least
            && sync_file_system(first.as_ref(), files)?
        {
            return Ok(());
        }
        for file in files {
            std_file(file.as_ref())?.sync_data()?;
        }
        Ok(())
    }

    fn sync_calls(&self, files: usize) -> usize {
        match self.method {
            SyncMethod::FileSystemFrom(least) if files >= least => 1,
            SyncMethod::FileSystemFrom(_) | SyncMethod::PerFile => files.clamp(1, Self::MOST_CALLS),
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match File::open(dir) {
            Ok(dir) => dir.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn room(&self, dir: &Path) -> io::Result<Option<Room>> {
        let found = rustix::fs::statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Some(Room { total_bytes: bytes(found.f_blocks), usable_bytes: bytes(found.f_bavail) }))
    }
}

/// Syncs everything on the file system that all these files are on; false if it cannot be done so.
#[cfg(target_os = "linux")]
fn sync_file_system(first: &dyn DiskFile, files: &[Arc<dyn DiskFile>]) -> io::Result<bool> {
    if !syncfs_reports_errors() {
        return Ok(false);
    }
    let first = std_file(first)?;
    let device = first.metadata()?.dev();
    for file in files {
        if std_file(file.as_ref())?.metadata()?.dev() != device {
            return Ok(false);
        }
    }
    rustix::fs::syncfs(first)?;
    Ok(true)
}

/// True from Linux 5.8 on.
#[cfg(target_os = "linux")]
fn syncfs_reports_errors() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut numbers =
            release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
        (numbers.next(), numbers.next()) >= (Some(5), Some(8))
    })
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_first: &dyn DiskFile, _files: &[Arc<dyn DiskFile>]) -> io::Result<bool> {
    Ok(false)
}

fn std_file(file: &dyn DiskFile) -> io::Result<&File> {
    file.as_std_file()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the file belongs to another disk"))
}

/// A file of the operating system's.
#[derive(Debug)]
struct RealFile(File);

impl ReadAt for RealFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn as_std_file(&self) -> Option<&File> {
        Some(&self.0)
    }
}

impl DiskFile for RealFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}
