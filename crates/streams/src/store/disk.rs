//! Stores on disk: a database for each task, in it a keyspace for each store.
//!
//! Owns: the folder of a task, whose it is, what its stores wait with and read, and how they are laid out on disk.
//!
//! Invariants: what is on disk of a store is a state that the application's group has committed, whole, and says up to
//! which offset of its changelog (or of the topic that it is read from) the store has come; so a folder that was left in
//! the midst of anything is brought up to date from there. Stores of a task need not have come equally far. A folder is
//! opened by one process, for the task that made it.
//!
//! Does not know: who reads the changelogs, when something is committed.

mod buffered;
mod cache;
mod entry;
mod error;
mod floors;
mod hash;
mod identity;
mod merged;
mod present;
#[cfg(test)]
mod tests;
mod unwritten;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fjall::compaction::Leveled;
use fjall::config::{PartitioningPolicy, PinningPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use headwater_model::{Offset, Timestamp, Uuid};

pub use buffered::DiskStore;
pub use error::StateError;
pub(crate) use identity::Identity;

/// The keyspace that says whose the folder is.
const META: &str = "headwater";

/// Files that a database keeps open.
const OPEN_FILES: usize = 64;

/// The least that the database's log may grow to.
const JOURNAL_BYTES: u64 = 64 << 20;

/// How much the database buffers for a store: only what is written in small pieces.
const MEMTABLE: u64 = 1 << 20;

/// How large its tables are.
const TABLE: u64 = 16 << 20;

/// Where a task's state is kept on disk, and how much memory its stores may take.
#[derive(Debug, Clone)]
pub struct StatePlace {
    /// The folder of the application's state; tasks have folders in it.
    pub folder: PathBuf,
    /// How many bytes the task's stores may keep in memory: three eighths for what waits to be written, nine sixteenths for
    /// what was written and read last, the rest for blocks that were read.
    pub memory: usize,
}

/// How far a store on disk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reflected {
    /// The id of the topic that backs it.
    pub(crate) topic_id: Uuid,
    /// It holds what the records of the topic's partition before this offset say.
    pub(crate) offset: Offset,
    /// When that was the newest that there was, by the wall clock; while the store is filled, when that began.
    pub(crate) at: Timestamp,
}

/// A store in which nothing changes says so again after this long: else it would look old.
const RENEWED: Duration = Duration::from_hours(1);

/// The folder of one task, opened.
pub(crate) struct TaskFolder {
    path: PathBuf,
    database: Database,
    meta: Keyspace,
    memory: usize,
    stores: usize,
}

impl TaskFolder {
    /// Opens or makes the folder of a task, if it is this task's.
    pub(crate) fn open(place: &StatePlace, identity: &Identity) -> Result<Self, StateError> {
        let path = place.folder.join(identity.task.to_string());
        let failed = |error| StateError::of(&path, error);
        std::fs::create_dir_all(&path)
            .map_err(|source| StateError::Failed { folder: path.clone(), source })?;
        let block_cache = (place.memory / 16) as u64;
        let database = Database::builder(&path)
            .worker_threads(1)
            .max_cached_files(Some(OPEN_FILES))
            .max_journaling_size(JOURNAL_BYTES)
            .cache_size(block_cache)
            .open()
            .map_err(failed)?;
        let meta = database.keyspace(META, options).map_err(failed)?;
        let folder = Self { path, database, meta, memory: place.memory, stores: identity.stores.len() };
        folder.claim(identity)?;
        Ok(folder)
    }

    /// One of the task's stores.
    pub(crate) fn store(&self, name: &str) -> Result<DiskStore, StateError> {
        let share = self.memory / self.stores.max(1);
        let open = || {
            let keyspace = self.database.keyspace(name, options)?;
            DiskStore::open(name, &self.path, (self.database.clone(), keyspace), share / 16 * 9)
        };
        open().map_err(|error| StateError::of(&self.path, error))
    }

    /// How many bytes may wait to be written, in all stores together.
    pub(crate) fn room(&self) -> usize {
        self.memory / 8 * 3
    }

    /// Checks that the folder is this task's, and makes it so if it is new.
    fn claim(&self, identity: &Identity) -> Result<(), StateError> {
        let failed = |error| StateError::of(&self.path, error);
        let mut found = Vec::new();
        for entry in self.meta.prefix(identity::PREFIX) {
            let (key, value) = entry.into_inner().map_err(failed)?;
            found.push((text(&key), text(&value)));
        }
        let new = identity.check(&found, &self.path)?;
        let mut batch = self.database.batch();
        for (key, value) in new {
            batch.insert(&self.meta, key.as_bytes(), value.as_bytes());
        }
        batch.commit().map_err(failed)
    }
}

impl Reflected {
    /// True if it says what another says, which is not much newer.
    fn stands_for(self, newer: Self) -> bool {
        let age_ms = newer.at.0.saturating_sub(self.at.0);
        (self.topic_id, self.offset) == (newer.topic_id, newer.offset) && age_ms < RENEWED.as_millis() as i64
    }

    fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let parts = [self.offset.0.to_be_bytes(), self.at.0.to_be_bytes()];
        for (place, part) in bytes.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part);
        }
        if let Some(place) = bytes.last_chunk_mut::<16>() {
            *place = *self.topic_id.as_bytes();
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let topic_id = Uuid::from_bytes(*rest.first_chunk()?);
        let (offset, at) = (Offset(i64::from_be_bytes(*offset)), Timestamp(i64::from_be_bytes(*at)));
        Some(Self { topic_id, offset, at })
    }
}

/// How a store's tables are made, and read.
///
/// Filters and indexes stay in memory, about two bytes for a key: in the block cache, which has a bound for each piece too,
/// they would be as large as the cache, and be read and checked whole for one key. Tables that are written past the database's
/// buffers are its level 1, which it does not keep in memory by itself: theirs are in small blocks, which the cache takes.
fn options() -> KeyspaceCreateOptions {
    let in_pieces = PartitioningPolicy::new([false, true, false]);
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE)
        .filter_block_pinning_policy(PinningPolicy::all(true))
        .index_block_pinning_policy(PinningPolicy::all(true))
        .filter_block_partitioning_policy(in_pieces.clone())
        .index_block_partitioning_policy(in_pieces)
        .compaction_strategy(Arc::new(Leveled::default().with_table_target_size(TABLE)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl fmt::Debug for TaskFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskFolder").field("path", &self.path).finish_non_exhaustive()
    }
}
