//! The folder that everything is kept in, for one process at a time.
//!
//! Owns: the layout `DIR/{lock,format,broker/<topic>-<n>,state/}`, the lock, the format's version.
//!
//! Invariants: as long as a [`DataDir`] lives, no other process opens the same folder. A format that this version does
//! not know is refused, and nothing in the folder is touched.
//!
//! Does not know: what is in the partitions.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use headwater_model::{PartitionId, TopicName, TopicPartition};

use crate::disk::Disk;

const LOCK: &str = "lock";
const FORMAT: &str = "format";
const BROKER: &str = "broker";
const STATE: &str = "state";

/// What the format file says.
const CURRENT_FORMAT: &str = "headwater 1";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another process has it.
    #[error(
        "{} is in use by process {pid}; stop that process, or choose another folder with --data-dir", path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, as far as the lock file says.
        pid: String,
    },
    /// It was written by another version, or by something else.
    #[error(
        "{} has the format {found:?}, and this version of Headwater knows only {CURRENT_FORMAT:?}; use the version that \
         wrote it, or choose another folder with --data-dir",
        path.display()
    )]
    UnknownFormat {
        /// The folder.
        path: PathBuf,
        /// What the format file says.
        found: String,
    },
    /// It holds something, and not Headwater's.
    #[error(
        "{} holds files and none of them says that it is Headwater's; choose an empty folder with --data-dir",
        path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// The system does not let us.
    #[error(
        "{} cannot be written: {source}; make it writable for this user, or choose another folder with --data-dir",
        path.display()
    )]
    NotWritable {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file system has no locks.
    #[error(
        "{} is on a file system that cannot lock files ({source}); choose a folder on a local disk with --data-dir",
        path.display()
    )]
    NoLocks {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A data folder, locked for as long as this lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Option<File>,
}

impl DataDir {
    /// Opens a folder, which is made if it is not there.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let not_writable = |path: &Path| {
            let path = path.to_path_buf();
            move |source| DataDirError::NotWritable { path, source }
        };
        fs::create_dir_all(path).map_err(not_writable(path))?;
        let format = path.join(FORMAT);
        check_format(path, &format)?;
        let lock = lock(path)?;
        // Nobody else can be at it now; look again, should another process have been first.
        if !check_format(path, &format)? {
            store(&format, CURRENT_FORMAT).map_err(not_writable(&format))?;
        }
        let dir = Self { path: path.to_path_buf(), _lock: Some(lock) };
        for folder in [dir.broker_dir(), dir.state_dir()] {
            fs::create_dir_all(&folder).map_err(not_writable(&folder))?;
        }
        Ok(dir)
    }

    /// The same layout without a lock, touching nothing: for a simulated disk.
    pub fn unlocked(path: &Path) -> Self {
        Self { path: path.to_path_buf(), _lock: None }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where partitions are.
    pub fn broker_dir(&self) -> PathBuf {
        self.path.join(BROKER)
    }

    /// Where a partition is.
    pub fn partition_dir(&self, partition: &TopicPartition) -> PathBuf {
        self.broker_dir().join(partition.to_string())
    }

    /// Where the states of applications are.
    pub fn state_dir(&self) -> PathBuf {
        self.path.join(STATE)
    }

    /// The partitions that are there, by name. Folders that are no partition's are left out.
    pub fn partitions(&self, disk: &dyn Disk) -> io::Result<Vec<TopicPartition>> {
        let mut partitions: Vec<_> = disk
            .list(&self.broker_dir())?
            .into_iter()
            .filter(|entry| entry.is_dir)
            .filter_map(|entry| parse_partition(&entry.name))
            .collect();
        partitions.sort();
        Ok(partitions)
    }
}

/// Reads the name of a partition's folder.
fn parse_partition(name: &str) -> Option<TopicPartition> {
    let (topic, number) = name.rsplit_once('-')?;
    let partition = PartitionId(number.parse().ok().filter(|number| *number >= 0)?);
    let parsed = TopicPartition::new(TopicName::new(topic).ok()?, partition);
    (parsed.to_string() == name).then_some(parsed)
}

/// True if the folder has our format, false if it is empty.
fn check_format(path: &Path, format: &Path) -> Result<bool, DataDirError> {
    let unreadable = |source| DataDirError::NotWritable { path: path.to_path_buf(), source };
    match fs::read_to_string(format) {
        Ok(found) if found.trim_end() == CURRENT_FORMAT => Ok(true),
        // What a crash right at the start leaves.
        Ok(found) if found.is_empty() => Ok(false),
        Ok(found) => {
            let found = found.trim_end().chars().take(80).collect();
            Err(DataDirError::UnknownFormat { path: path.to_path_buf(), found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            for entry in fs::read_dir(path).map_err(unreadable)? {
                let name = entry.map_err(unreadable)?.file_name();
                if ![LOCK, "lost+found"].iter().any(|ours| name == *ours) {
                    return Err(DataDirError::NotOurs { path: path.to_path_buf() });
                }
            }
            Ok(false)
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(DataDirError::UnknownFormat { path: path.to_path_buf(), found: "(no text)".into() })
        }
        Err(error) => Err(unreadable(error)),
    }
}

fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK);
    let not_writable = |source| DataDirError::NotWritable { path: path.clone(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(not_writable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The holder may be about to write it.
            let _ = file.take(20).read_to_string(&mut pid);
            let pid = if pid.trim().is_empty() { "(unknown)".to_owned() } else { pid.trim().to_owned() };
            return Err(DataDirError::InUse { path: dir.to_path_buf(), pid });
        }
        Err(TryLockError::Error(source)) => {
            return Err(DataDirError::NoLocks { path: dir.to_path_buf(), source });
        }
    }
    let pid = format!("{}\n", std::process::id());
    let written = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(pid.as_bytes()));
    written.map_err(not_writable)?;
    Ok(file)
}

/// Writes a small file durably.
fn store(path: &Path, line: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
