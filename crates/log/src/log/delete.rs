//! Deleting partitions: renamed first, so that a crash leaves either the partition or rubbish that is known as such.

use std::io;
use std::path::{Path, PathBuf};

use headwater_model::Uuid;

use super::Log;
use crate::LogError;
use crate::disk::{self, Disk};

const SUFFIX: &str = "-delete";
/// The longest name that file systems take.
const NAME_LIMIT: usize = 255;

impl Log {
    /// Deletes the partition. Reads that are under way end undisturbed.
    pub fn delete(mut self, tag: Uuid) -> Result<(), LogError> {
        // A compaction under way is told to end.
        drop(std::mem::take(&mut self.cleaner));
        delete_partition(self.disk.as_ref(), &self.dir, tag)
    }
}

/// Deletes a partition's folder, open or not: renames it to `<name>.<tag>-delete`, then removes it.
pub fn delete_partition(disk: &dyn Disk, dir: &Path, tag: Uuid) -> Result<(), LogError> {
    let doomed = doomed_path(dir, tag);
    disk.rename(dir, &doomed).map_err(|error| LogError::io("delete", dir, error))?;
    if let Some(parent) = dir.parent() {
        disk.sync_dir(parent).map_err(|error| LogError::io("sync", parent, error))?;
    }
    disk::remove_tree(disk, &doomed).map_err(|error| LogError::io("remove", &doomed, error))
}

/// Removes what deletions left that a crash cut short; returns the folders' names.
pub fn remove_deleted(disk: &dyn Disk, broker_dir: &Path) -> io::Result<Vec<String>> {
    let mut removed = Vec::new();
    for entry in disk.list(broker_dir)? {
        if entry.is_dir && is_doomed(&entry.name) {
            disk::remove_tree(disk, &broker_dir.join(&entry.name))?;
            removed.push(entry.name);
        }
    }
    Ok(removed)
}

/// Kafka's name for a folder that is being deleted: the tag in hexadecimal, the partition's name cut to fit.
pub(super) fn doomed_path(dir: &Path, tag: Uuid) -> PathBuf {
    let tag = format!(".{:032x}{SUFFIX}", u128::from_be_bytes(*tag.as_bytes()));
    let name: String = dir
        .file_name()
        .map(|name| name.to_string_lossy().chars().take(NAME_LIMIT - tag.len()).collect())
        .unwrap_or_default();
    dir.with_file_name(name + &tag)
}

/// True for the name of a folder that is being deleted: a topic cannot end so, because a partition's number would.
pub(crate) fn is_doomed(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doomed_folders_fit_the_file_system_and_are_known() {
        let long = format!("/d/{}-0", "t".repeat(249));
        let name = doomed_path(Path::new(&long), Uuid::from_u64_pair(1, 2));
        let name = name.file_name().unwrap().to_str().unwrap();
        assert_eq!(name.len(), NAME_LIMIT);
        assert!(is_doomed(name));
        assert!(!is_doomed("orders-0"));
    }
}
