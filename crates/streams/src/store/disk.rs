//! Stores on disk: a database for each task, in it a keyspace for each store.
//!
//! Owns: the folder of a task, whose it is, and the batch that writes what waits in all of the task's stores together
//! with the offsets of what backs them.
//!
//! Invariants: what is on disk is a state that the application's group has committed, whole, and says up to which
//! offset of its changelog (or of the topic that it is read from) each store has come; so a folder that was left in the
//! midst of anything is brought up to date from there. A folder is opened by one process, for the task that made it.
//!
//! Does not know: who reads the changelogs, when something is committed.

mod buffered;
mod error;
mod identity;
mod merged;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use headwater_model::{Offset, Timestamp, Uuid};

pub(crate) use buffered::DiskStore;
pub use error::StateError;
pub(crate) use identity::Identity;

use super::StoreError;

/// The keyspace that says whose the folder is, and what its stores reflect.
const META: &str = "headwater";

/// Files that a database keeps open.
const OPEN_FILES: usize = 64;

/// The least that the database's log may grow to.
const JOURNAL_BYTES: u64 = 64 << 20;

/// The least that the database buffers for a store.
const LEAST_MEMTABLE: u64 = 1 << 20;

/// Where a task's state is kept on disk, and how much memory its stores may take.
#[derive(Debug, Clone)]
pub struct StatePlace {
    /// The folder of the application's state; tasks have folders in it.
    pub folder: PathBuf,
    /// How many bytes the task's stores may keep in memory: half for what is not committed, half for what is read often.
    pub memory: usize,
}

/// How far a store on disk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reflected {
    /// The id of the topic that backs it.
    pub(crate) topic_id: Uuid,
    /// It holds what the records of the topic's partition before this offset say.
    pub(crate) offset: Offset,
    /// When that was written, by the wall clock.
    pub(crate) at: Timestamp,
}

/// The folder of one task, opened.
pub(crate) struct TaskFolder {
    path: PathBuf,
    database: Database,
    meta: Keyspace,
    memory: usize,
    stores: usize,
}

/// What is to be written in one go.
pub struct DiskBatch {
    batch: OwnedWriteBatch,
}

impl TaskFolder {
    /// Opens or makes the folder of a task, if it is this task's.
    pub(crate) fn open(place: &StatePlace, identity: &Identity) -> Result<Self, StateError> {
        let path = place.folder.join(identity.task.to_string());
        let failed = |error| StateError::of(&path, error);
        std::fs::create_dir_all(&path)
            .map_err(|source| StateError::Failed { folder: path.clone(), source })?;
        let block_cache = (place.memory / 8) as u64;
        let database = Database::builder(&path)
            .worker_threads(1)
            .max_cached_files(Some(OPEN_FILES))
            .max_journaling_size(JOURNAL_BYTES)
            .cache_size(block_cache)
            .open()
            .map_err(failed)?;
        let meta = database
            .keyspace(META, || KeyspaceCreateOptions::default().max_memtable_size(LEAST_MEMTABLE))
            .map_err(failed)?;
        let folder = Self { path, database, meta, memory: place.memory, stores: identity.stores.len() };
        folder.claim(identity)?;
        Ok(folder)
    }

    /// One of the task's stores.
    pub(crate) fn store(&self, name: &str) -> Result<DiskStore, StateError> {
        let share = self.memory / self.stores.max(1);
        let memtable = ((share / 8) as u64).max(LEAST_MEMTABLE);
        let keyspace = self
            .database
            .keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(memtable))
            .map_err(|error| StateError::of(&self.path, error))?;
        Ok(DiskStore::new(name, keyspace, share / 4))
    }

    /// How many bytes may wait to be written, in all stores together.
    pub(crate) fn room(&self) -> usize {
        self.memory / 2
    }

    /// How far a store has come; `None` if it is new.
    pub(crate) fn reflected(&self, store: &str) -> Result<Option<Reflected>, StoreError> {
        let found = self.meta.get(reflected_key(store)).map_err(|error| failed(store, error))?;
        Ok(found.and_then(|bytes| Reflected::read(&bytes)))
    }

    pub(crate) fn batch(&self) -> DiskBatch {
        DiskBatch { batch: self.database.batch() }
    }

    /// Notes how far a store has come with this batch.
    pub(crate) fn reflect(&self, store: &str, reflected: Reflected, batch: &mut DiskBatch) {
        batch.batch.insert(&self.meta, reflected_key(store), reflected.to_bytes());
    }

    /// Forgets all that a store holds, which does not fit what backs it any more.
    pub(crate) fn clear(&self, store: &str) -> Result<(), StoreError> {
        let failed = |error| failed(store, error);
        let keyspace = self.database.keyspace(store, KeyspaceCreateOptions::default).map_err(failed)?;
        // What it reflects goes first: a folder that is left halfway is read as new.
        self.meta.remove(reflected_key(store)).map_err(failed)?;
        let mut batch = self.database.batch();
        for entry in keyspace.iter() {
            batch.remove(&keyspace, entry.key().map_err(failed)?);
        }
        batch.commit().map_err(failed)
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

impl DiskBatch {
    /// Writes all of it, or nothing. It outlives the process; whether it outlives a loss of power does not matter,
    /// because what is then missing is missing as a whole, and is read from the changelogs again.
    pub(crate) fn commit(self, store: &str) -> Result<(), StoreError> {
        self.batch.commit().map_err(|error| failed(store, error))
    }
}

impl Reflected {
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

fn reflected_key(store: &str) -> Vec<u8> {
    [b"reflects/", store.as_bytes()].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn failed(store: &str, error: fjall::Error) -> StoreError {
    StoreError { store: store.to_owned(), source: error::io_error(error) }
}

impl fmt::Debug for TaskFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskFolder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for DiskBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskBatch").field("entries", &self.batch.len()).finish()
    }
}
