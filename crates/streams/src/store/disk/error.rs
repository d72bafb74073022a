//! Why a task's folder cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why the folder of a task's state cannot be used.
///
/// What a folder holds is a copy: it can always be deleted, and is made again from the changelogs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another process has it open, or another part of this one.
    #[error("the state folder {} is in use: is another instance running with the same state folder?", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// It belongs to something else.
    #[error(
        "the state folder {} belongs to the {what} \"{found}\", not to \"{expected}\": give each a folder of its own, or \
         delete it (it is made again from the changelogs)",
        folder.display()
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// What tells whose it is: the application or the task.
        what: &'static str,
        /// Whose it is.
        found: String,
        /// Who wants it.
        expected: String,
    },
    /// Another version of Headwater wrote it.
    #[error(
        "the state folder {} has format {found}, and this version reads format {expected}: use the version that wrote it, \
         or delete it (it is made again from the changelogs)",
        folder.display()
    )]
    Format {
        /// The folder.
        folder: PathBuf,
        /// Its format.
        found: String,
        /// The format that is read.
        expected: &'static str,
    },
    /// Another version of the topology wrote it.
    #[error(
        "the state folder {} is of another version of the topology: in it, the store \"{store}\" is {found}; now it is \
         {expected}; delete the folder (it is made again from the changelogs)",
        folder.display()
    )]
    Topology {
        /// The folder.
        folder: PathBuf,
        /// A store that differs.
        store: String,
        /// What the store was.
        found: String,
        /// What it is now.
        expected: String,
    },
    /// It could not be read or written.
    #[error("the state folder {} cannot be used", folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// What happened.
        #[source]
        source: io::Error,
    },
}

impl StateError {
    pub(super) fn of(folder: &Path, error: fjall::Error) -> Self {
        let folder = folder.to_owned();
        match error {
            fjall::Error::Locked => Self::InUse { folder },
            error => Self::Failed { folder, source: io_error(error) },
        }
    }
}

/// The error of the file system, if it is one.
fn io_error(error: fjall::Error) -> io::Error {
    match error {
        fjall::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
