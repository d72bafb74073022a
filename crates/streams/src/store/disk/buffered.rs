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
    floors: RefCell<Floors>,
}

/// Where the entries behind a key begin, for the keys from which a store is read again and again while what comes first is
/// removed: the beginning, and single bytes. Without it, each such reading would pass all that was removed before.
///
/// Invariant: between a key and its floor, which is `None` behind the last entry, there is nothing.
#[derive(Debug, Default)]
struct Floors(BTreeMap<Vec<u8>, Option<Bytes>>);

impl Floors {
    /// The key that a range is read from, if its floor is kept.
    fn section<'a>(from: &Bound<&'a [u8]>) -> Option<&'a [u8]> {
        match from {
            Bound::Unbounded => Some(&[]),
            Bound::Included(from) if from.len() <= 1 => Some(from),
            Bound::Included(_) | Bound::Excluded(_) => None,
        }
    }

    /// An entry is put.
    fn lower(&mut self, key: &[u8]) {
        for (section, floor) in &mut self.0 {
            if key >= section.as_slice() && floor.as_ref().is_none_or(|floor| key < floor.as_ref()) {
                *floor = Some(Bytes::copy_from_slice(key));
            }
        }
    }
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
        Self {
            name: name.to_owned(),
            keyspace,
            unwritten: BTreeMap::new(),
            unwritten_bytes: 0,
            read,
            floors: RefCell::default(),
        }
    }

    fn set(&mut self, key: &[u8], value: Known) -> Result<(), StoreError> {
        if key.len() > LONGEST_KEY {
            let reason = format!("a key of {} bytes; stores on disk take {LONGEST_KEY}", key.len());
            return Err(StoreError { store: self.name.clone(), source: io::Error::other(reason) });
        }
        self.unwritten_bytes += size(key, value.as_ref());
        let is_put = value.is_some();
        if let Some(known) = self.unwritten.get_mut(key) {
            self.unwritten_bytes -= size(key, known.as_ref());
            let was_there = known.is_some();
            *known = value;
            if was_there {
                return Ok(());
            }
        } else {
            self.unwritten.insert(Bytes::copy_from_slice(key), value);
        }
        if is_put {
            self.floors.get_mut().lower(key);
        }
        Ok(())
    }

    /// The entries of a range that may hold some.
    fn merged<'a>(
        &'a self,
        range: KeyRange<'_>,
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), StoreError>> + use<'a> {
        let bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>) = (range.0.map(on_disk), range.1.map(on_disk));
        let written = self.keyspace.range(bounds).map(|entry| {
            let (key, value) = entry.into_inner().map_err(|error| failed(&self.name, error))?;
            Ok((Bytes::from(key).slice(1..), Bytes::from(value)))
        });
        Merged::new(written, self.unwritten.range::<[u8], _>(range))
    }

    /// The entries of a range from a key whose floor is kept.
    fn merged_from(&self, section: &[u8], to: Bound<&[u8]>) -> Entries<'_> {
        let floor = self.floors.borrow().0.get(section).cloned();
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
            self.floors.borrow_mut().0.insert(section.to_vec(), found);
        }
        Box::new(first.into_iter().chain(entries))
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
        match Floors::section(&range.0) {
            Some(section) => self.merged_from(section, range.1),
            None => Box::new(self.merged(range)),
        }
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
