//! One store on disk, behind a buffer of what is not committed and a cache of what was read.
//!
//! Invariants: the buffer is newer than the cache, and the cache is what the disk says; nothing reaches the disk but by
//! [`DiskStore::write_to`]. On disk a key has a byte in front, because the database has no empty keys.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;

use bytes::Bytes;
use fjall::{Keyspace, Slice};
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::merged::Merged;
use super::{DiskBatch, failed};
use crate::store::{ByteStore, Entries, KeyRange, StoreError, is_empty};

/// About what an entry takes beside its bytes.
const ENTRY_OVERHEAD: usize = 96;

/// In front of every key on disk.
const FRONT: u8 = b'k';

/// The longest key, which the database writes with a length of two bytes.
const LONGEST_KEY: usize = u16::MAX as usize - 1;

/// What is known of a key: its value, or that it has none.
type Known = Option<Bytes>;

pub(crate) struct DiskStore {
    name: String,
    keyspace: Keyspace,
    unwritten: BTreeMap<Bytes, Known>,
    unwritten_bytes: usize,
    read: RefCell<Cache<Bytes, Known, BySize>>,
}

/// Entries weigh what they take.
#[derive(Debug, Clone)]
struct BySize;

impl Weighter<Bytes, Known> for BySize {
    fn weight(&self, key: &Bytes, value: &Known) -> u64 {
        size(key, value.as_ref()) as u64
    }
}

impl DiskStore {
    pub(super) fn new(name: &str, keyspace: Keyspace, cache_bytes: usize) -> Self {
        let entries = cache_bytes / (2 * ENTRY_OVERHEAD);
        let read = RefCell::new(Cache::with_weighter(entries, cache_bytes as u64, BySize));
        Self { name: name.to_owned(), keyspace, unwritten: BTreeMap::new(), unwritten_bytes: 0, read }
    }

    fn set(&mut self, key: &[u8], value: Known) -> Result<(), StoreError> {
        if key.len() > LONGEST_KEY {
            let reason = format!("a key of {} bytes; stores on disk take {LONGEST_KEY}", key.len());
            return Err(StoreError { store: self.name.clone(), source: io::Error::other(reason) });
        }
        self.unwritten_bytes += size(key, value.as_ref());
        match self.unwritten.get_mut(key) {
            Some(known) => {
                self.unwritten_bytes -= size(key, known.as_ref());
                *known = value;
            }
            None => drop(self.unwritten.insert(Bytes::copy_from_slice(key), value)),
        }
        Ok(())
    }

    fn get_written(&self, key: &[u8]) -> Result<Known, StoreError> {
        if let Some(known) = self.read.borrow().get(key) {
            return Ok(known.clone());
        }
        let found =
            self.keyspace.get(on_disk(key)).map_err(|error| failed(&self.name, error))?.map(Bytes::from);
        self.read.borrow_mut().insert(Bytes::copy_from_slice(key), found.clone());
        Ok(found)
    }
}

impl ByteStore for DiskStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.unwritten.get(key) {
            Some(known) => Ok(known.clone()),
            None => self.get_written(key),
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.set(key, Some(Bytes::copy_from_slice(value)))
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.set(key, None)
    }

    fn range(&self, range: KeyRange<'_>) -> Entries<'_> {
        if is_empty(range) {
            return Box::new(std::iter::empty());
        }
        let bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>) = (range.0.map(on_disk), range.1.map(on_disk));
        let written = self.keyspace.range(bounds).map(|entry| {
            let (key, value) = entry.into_inner().map_err(|error| failed(&self.name, error))?;
            Ok((Bytes::from(key).slice(1..), Bytes::from(value)))
        });
        let unwritten = self.unwritten.range::<[u8], _>(range);
        Box::new(Merged::new(written, unwritten))
    }

    fn unwritten_bytes(&self) -> usize {
        self.unwritten_bytes
    }

    fn write_to(&mut self, batch: &mut DiskBatch) {
        let mut read = self.read.borrow_mut();
        for (key, value) in std::mem::take(&mut self.unwritten) {
            match &value {
                Some(value) => batch.batch.insert(&self.keyspace, on_disk(&key), Slice::from(value.clone())),
                None => batch.batch.remove(&self.keyspace, on_disk(&key)),
            }
            read.insert(key, value);
        }
        self.unwritten_bytes = 0;
    }
}

fn on_disk(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(FRONT);
    bytes.extend_from_slice(key);
    bytes
}

fn size(key: &[u8], value: Option<&Bytes>) -> usize {
    key.len() + value.map_or(0, Bytes::len) + ENTRY_OVERHEAD
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
