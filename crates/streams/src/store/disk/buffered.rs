//! One store on disk, behind a buffer of what waits to be written.
//!
//! What is looked for is found in the buffer, or in the cache of what was written and read last, or on the disk, which is not
//! asked for keys that it does not have.
//!
//! Invariants: the buffer is newer than the others, and the cache says what the disk does; nothing reaches the disk but by
//! [`DiskStore::write`], which writes all that waits together with how far the store has come then. On disk a key has a byte in
//! front, because the database has no empty keys.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fjall::{Database, Keyspace};

use super::cache::Cache;
use super::floors::Floors;
use super::hash::KeyHash;
use super::merged::Merged;
use super::present::Present;
use super::unwritten::Unwritten;
use super::{Reflected, StateError};
use crate::store::{ByteStore, Entries, KeyRange, StoreError, is_empty};

/// In front of every key of an entry on disk.
const FRONT: u8 = b'k';

/// Behind all of them: how far the store has come.
const REFLECTED: &[u8] = b"r";

/// The longest key, which the database writes with a length of two bytes.
const LONGEST_KEY: usize = u16::MAX as usize - 1;

/// From so many bytes on, what waits goes to the disk as a table of its own, past the database's log and its buffers; less
/// would be many small tables.
const TABLE_BYTES: usize = 1 << 20;

/// At so many tables that are not sorted into the others yet, who writes sorts them first.
const MOST_UNSORTED: usize = 24;

/// One store of a task, on disk.
pub struct DiskStore {
    name: String,
    /// The folder of the task.
    folder: PathBuf,
    database: Database,
    keyspace: Keyspace,
    pub(super) unwritten: Unwritten,
    /// True if some of it is not committed.
    is_uncommitted: bool,
    /// From so many bytes on, what waits is written as a table.
    pub(super) table_bytes: usize,
    /// At so many tables that are not sorted into the others, who writes sorts them first.
    pub(super) most_unsorted: usize,
    /// What the disk says that the store reflects.
    reflected: Option<Reflected>,
    hash: KeyHash,
    cache: RefCell<Cache>,
    pub(super) present: Present,
    floors: RefCell<Floors>,
    /// No key on the disk is higher. Where keys begin with a time, most of what is looked for is.
    highest: Option<Vec<u8>>,
}

impl DiskStore {
    /// A store that keeps so many bytes of what was written and read.
    pub(super) fn open(
        name: &str,
        folder: &Path,
        (database, keyspace): (Database, Keyspace),
        most_cached: usize,
    ) -> Result<Self, fjall::Error> {
        let reflected = keyspace.get(REFLECTED)?.and_then(|bytes| Reflected::read(&bytes));
        let highest = keyspace.range(vec![FRONT]..vec![FRONT + 1]).next_back();
        let highest = highest.map(fjall::Guard::key).transpose()?;
        let hash = KeyHash::new();
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            database,
            keyspace,
            unwritten: Unwritten::new(hash),
            is_uncommitted: false,
            table_bytes: TABLE_BYTES,
            most_unsorted: MOST_UNSORTED,
            reflected,
            hash,
            cache: RefCell::new(Cache::new(hash, most_cached)),
            present: match &highest {
                Some(highest) => Present::unknown(vec![FRONT], highest.to_vec()),
                None => Present::none(),
            },
            floors: RefCell::default(),
            highest: highest.and_then(|key| key.get(1..).map(<[u8]>::to_vec)),
        })
    }

    /// How far the store has come; `None` if it is new.
    pub(crate) fn reflected(&self) -> Option<Reflected> {
        self.reflected
    }

    /// True if all changes are committed.
    pub(crate) fn is_committed(&self) -> bool {
        !self.is_uncommitted
    }

    /// Says that all changes up to now are committed.
    pub(crate) fn has_committed(&mut self) -> Result<(), StoreError> {
        self.is_uncommitted = false;
        self.learn().map_err(|error| self.failed(error))
    }

    /// Writes all that waits, and that the store has come so far with it: all of it, or nothing.
    pub(crate) fn write(&mut self, reflected: Reflected) -> Result<(), StoreError> {
        if self.unwritten.is_empty() && self.reflected.is_some_and(|known| known.stands_for(reflected)) {
            return Ok(());
        }
        self.note_written();
        let written = if self.is_much() { self.write_table(reflected) } else { self.write_batch(reflected) };
        written.map_err(|error| self.failed(error))?;
        self.reflected = Some(reflected);
        self.has_written();
        Ok(())
    }

    /// True if the next write may have to merge tables first, which can take long.
    pub(crate) fn is_crowded(&self) -> bool {
        self.is_much() && self.keyspace.l0_table_count() >= self.most_unsorted
    }

    /// True if what waits is worth a table of its own.
    fn is_much(&self) -> bool {
        self.unwritten.bytes() >= self.table_bytes
    }

    /// Forgets all that the store holds, which does not fit what backs it any more.
    pub(crate) fn clear(&mut self) -> Result<(), StoreError> {
        self.remove_all().map_err(|error| self.failed(error))?;
        (self.reflected, self.highest) = Default::default();
        self.unwritten.clear();
        self.present = Present::none();
        self.cache.get_mut().clear();
        Ok(())
    }

    fn failed(&self, error: fjall::Error) -> StoreError {
        let source = io::Error::other(StateError::of(&self.folder, error));
        StoreError { store: self.name.clone(), source }
    }

    fn remove_all(&self) -> Result<(), fjall::Error> {
        let mut batch = self.database.batch();
        for entry in self.keyspace.iter() {
            batch.remove(&self.keyspace, entry.key()?);
        }
        batch.commit()
    }

    fn set(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        if key.len() > LONGEST_KEY {
            let reason = format!("a key of {} bytes; stores on disk take {LONGEST_KEY}", key.len());
            return Err(StoreError { store: self.name.clone(), source: io::Error::other(reason) });
        }
        self.is_uncommitted = true;
        let hash = self.hash.of(key);
        let was_there = if value.is_none() && self.is_absent(hash, key) {
            // It came and goes while it waits: the disk need not hear of it.
            self.unwritten.remove(hash, key)
        } else {
            self.unwritten.set(hash, key, value)
        };
        if value.is_some() && !was_there {
            self.floors.get_mut().lower(key);
        }
        Ok(())
    }

    /// What is known of a key.
    fn look_up<T>(&self, key: &[u8], give: impl FnOnce(Option<&[u8]>) -> T) -> Result<T, StoreError> {
        let hash = self.hash.of(key);
        if let Some(known) = self.unwritten.get(hash, key) {
            return Ok(give(known));
        }
        if self.is_beyond(Bound::Included(key)) {
            return Ok(give(None));
        }
        let mut cache = self.cache.borrow_mut();
        if let Some(known) = cache.get(hash, key) {
            return Ok(give(known));
        }
        if self.is_absent(hash, key) {
            return Ok(give(None));
        }
        let found = self.keyspace.get(on_disk(key)).map_err(|error| self.failed(error))?;
        cache.put(hash, key, found.as_deref());
        Ok(give(found.as_deref()))
    }

    /// From now on the disk may have what waits.
    fn note_written(&mut self) {
        self.unwritten.each_as_it_lies(|key, value| {
            match value {
                Some(_) => self.present.add(self.hash.of(key)),
                None => self.present.remove(),
            }
            match &mut self.highest {
                None => self.highest = Some(key.to_vec()),
                Some(highest) if key > highest.as_slice() => {
                    highest.clear();
                    highest.extend_from_slice(key);
                }
                Some(_) => {}
            }
        });
        if self.present.is_outdated() {
            let first = self.floors.get_mut().first().unwrap_or_default();
            self.present.learn_anew(on_disk(&first), on_disk(self.highest.as_deref().unwrap_or_default()));
        }
    }

    /// Learns some more of the keys that are on the disk, if not all are known.
    fn learn(&mut self) -> Result<(), fjall::Error> {
        let Some(unlearned) = self.present.unlearned() else {
            return Ok(());
        };
        let mut keys = self.keyspace.range(unlearned).map(fjall::Guard::key);
        let mut hashes = Vec::new();
        for key in keys.by_ref().take(self.present.learned_at_once) {
            hashes.push(self.hash.of(key?.get(1..).unwrap_or_default()));
        }
        let next = keys.next().transpose()?.map(|key| key.to_vec());
        self.present.learn(hashes, next);
        Ok(())
    }

    /// True if it is known that the disk has not got a key.
    fn is_absent(&self, hash: u64, key: &[u8]) -> bool {
        self.is_beyond(Bound::Included(key)) || self.present.denies(hash)
    }

    /// True if nothing on the disk is at or behind a bound.
    fn is_beyond(&self, from: Bound<&[u8]>) -> bool {
        match (from, self.highest.as_deref()) {
            (_, None) => true,
            (Bound::Unbounded, Some(_)) => false,
            (Bound::Included(from), Some(highest)) => from > highest,
            (Bound::Excluded(from), Some(highest)) => from >= highest,
        }
    }

    /// The entries of a range that may hold some.
    fn merged<'a>(
        &'a self,
        range: KeyRange<'_>,
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), StoreError>> + use<'a> {
        let from = match range.0 {
            Bound::Unbounded => Bound::Included(vec![FRONT]),
            from => from.map(on_disk),
        };
        let to = match range.1 {
            Bound::Unbounded => Bound::Excluded(vec![FRONT + 1]),
            to => to.map(on_disk),
        };
        let on_disk = (!self.is_beyond(range.0)).then(|| self.keyspace.range((from, to)));
        let written = on_disk.into_iter().flatten().map(|entry| {
            let (key, value) = entry.into_inner().map_err(|error| self.failed(error))?;
            Ok((Bytes::from(key).slice(1..), Bytes::from(value)))
        });
        Merged::new(written, self.unwritten.ordered().range::<[u8], _>(range))
    }

    /// The entries of a range from a key whose floor is kept.
    fn merged_from(&self, section: &[u8], to: Bound<&[u8]>) -> Entries<'_> {
        let floor = self.floors.borrow().get(section).cloned();
        let from = match &floor {
            Some(Some(floor)) => Bound::Included(floor.as_ref()),
            Some(None) => return Box::new(std::iter::empty()),
            None => Bound::Included(section),
        };
        if is_empty((from, to)) {
            return Box::new(std::iter::empty());
        }
        let mut entries = self.merged((from, to));
        let first = entries.next();
        let found = match (&first, to) {
            (Some(Ok((key, _))), _) => Some(Some(key.clone())),
            (None, Bound::Excluded(to)) => Some(Some(Bytes::copy_from_slice(to))),
            (None, Bound::Unbounded) => Some(None),
            (None, Bound::Included(_)) | (Some(Err(_)), _) => None,
        };
        if let Some(found) = found {
            self.floors.borrow_mut().keep(section, found);
        }
        Box::new(first.into_iter().chain(entries))
    }

    /// Writes what waits, which is much, as a table of its own.
    fn write_table(&self, reflected: Reflected) -> Result<(), fjall::Error> {
        if self.is_crowded() {
            self.keyspace.major_compact()?;
        }
        let mut table = self.keyspace.start_ingestion()?;
        self.unwritten.each(|key, value| match value {
            Some(value) => table.write(on_disk(key), value),
            None => table.write_tombstone(on_disk(key)),
        })?;
        table.write(REFLECTED, reflected.to_bytes())?;
        table.finish()
    }

    /// Writes what waits, which is little, by way of the database's log.
    fn write_batch(&self, reflected: Reflected) -> Result<(), fjall::Error> {
        let mut batch = self.database.batch();
        self.unwritten.each_as_it_lies(|key, value| match value {
            Some(value) => batch.insert(&self.keyspace, on_disk(key), value),
            None => batch.remove(&self.keyspace, on_disk(key)),
        });
        batch.insert(&self.keyspace, REFLECTED, reflected.to_bytes());
        batch.commit()
    }

    /// What waited has been written.
    fn has_written(&mut self) {
        let cache = self.cache.get_mut();
        self.unwritten.each_as_it_lies(|key, value| cache.put(self.hash.of(key), key, value));
        self.unwritten.clear();
    }
}

impl ByteStore for DiskStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.look_up(key, |value| value.map(Bytes::copy_from_slice))
    }

    fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        self.look_up(key, |value| value.is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.set(key, Some(value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.set(key, None)
    }

    fn range(&self, range: KeyRange<'_>) -> Entries<'_> {
        if is_empty(range) {
            return Box::new(std::iter::empty());
        }
        match Floors::section(&range.0) {
            Some(section) => self.merged_from(section, range.1),
            None => Box::new(self.merged(range)),
        }
    }

    fn unwritten_bytes(&self) -> usize {
        self.unwritten.bytes()
    }

    fn on_disk(&mut self) -> Option<&mut DiskStore> {
        Some(self)
    }
}

fn on_disk(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(FRONT);
    bytes.extend_from_slice(key);
    bytes
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unwritten = self.unwritten.len();
        f.debug_struct("DiskStore")
            .field("name", &self.name)
            .field("unwritten", &unwritten)
            .finish_non_exhaustive()
    }
}
