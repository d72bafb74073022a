//! What was made from what: a stamp beside each part of the set-up tells whether it is current.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Removes a folder with all that is in it, if there is one.
pub(super) fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The files that something was made from, copied beside it into one once it was made.
pub(super) struct Stamp {
    wanted: Vec<u8>,
    path: PathBuf,
}

impl Stamp {
    pub(super) fn new(made_from: &Path, path: PathBuf) -> anyhow::Result<Self> {
        Self::of_all(&[made_from.to_owned()], path)
    }

    pub(super) fn of_all(made_from: &[PathBuf], path: PathBuf) -> anyhow::Result<Self> {
        let mut wanted = Vec::new();
        for file in made_from {
            wanted.extend(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
        }
        Ok(Self { wanted, path })
    }

    pub(super) fn is_current(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|made_from| made_from == self.wanted)
    }

    pub(super) fn set(&self) -> anyhow::Result<()> {
        std::fs::write(&self.path, &self.wanted)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}
