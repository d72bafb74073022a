//! Changes of a task's stores: which entries have changed since the last commit, and how their changelogs hear of it.
//!
//! An entry that changes a hundred times between two commits is told once. What is told says whether the entry is new: so
//! whoever takes back changes that were never committed knows an entry that was not there from one whose last committed
//! value compaction has removed.
//!
//! Invariants: told in the order of stores, then of keys; a key that was not there and is not there is not told.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use headwater_model::{Timestamp, TopicName};

use crate::graph::{Graph, StoreId};

/// About what it takes to remember a key, beside its bytes.
const KEY_OVERHEAD: usize = 64;

/// The header of an entry that is new.
pub(crate) const NEW_ENTRY: &str = "new";

/// Which entries have changed.
#[derive(Debug, Default)]
pub(crate) struct ChangedKeys {
    stores: BTreeMap<StoreId, HashMap<Box<[u8]>, bool>>,
    bytes: usize,
}

impl ChangedKeys {
    pub(crate) fn contains(&self, store: StoreId, key: &[u8]) -> bool {
        self.stores.get(&store).is_some_and(|keys| keys.contains_key(key))
    }

    /// Notes a key, and whether it had a value before its first change.
    pub(crate) fn add(&mut self, store: StoreId, key: &[u8], existed: bool) {
        self.stores.entry(store).or_default().insert(key.into(), existed);
        self.bytes += key.len() + KEY_OVERHEAD;
    }

    /// About how much memory they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of them in order, each with whether it had a value before; none are left.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (StoreId, Box<[u8]>, bool)> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.stores).into_iter().flat_map(|(store, keys)| {
            let mut keys: Vec<_> = keys.into_iter().collect();
            keys.sort_unstable();
            keys.into_iter().map(move |(key, existed)| (store, key, existed))
        })
    }
}

/// Entries for changelogs, in the task's own partition. Keys and values lie one behind the other in one buffer.
#[derive(Debug)]
pub struct StoreWrites {
    graph: Arc<Graph>,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// An entry of a store, as its changelog is to get it.
#[derive(Debug, Clone, Copy)]
pub struct StoreWrite<'a> {
    pub(crate) id: StoreId,
    /// The name of the store.
    pub store: &'a str,
    /// The changelog.
    pub topic: &'a TopicName,
    /// The key.
    pub key: &'a [u8],
    /// The value; null where the key was removed.
    pub value: Option<&'a [u8]>,
    /// The time of the event; of a removal, the stream time when changes are taken.
    pub timestamp: Timestamp,
    /// True if the key had no value when changes were taken before.
    pub is_new: bool,
}

#[derive(Debug)]
struct Entry {
    store: StoreId,
    key: Range<usize>,
    value: Option<Range<usize>>,
    timestamp: Timestamp,
    is_new: bool,
}

impl StoreWrites {
    pub(crate) fn new(graph: Arc<Graph>) -> Self {
        Self { graph, bytes: Vec::new(), entries: Vec::new() }
    }

    pub(crate) fn push(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
        timestamp: Timestamp,
        is_new: bool,
    ) {
        let key = self.append(key);
        let value = value.map(|value| self.append(value));
        self.entries.push(Entry { store, key, value, timestamp, is_new });
    }

    /// The entries, in the order of stores, then of keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = StoreWrite<'_>> {
        self.entries.iter().map(|entry| {
            let store = self.graph.store(entry.store);
            StoreWrite {
                id: entry.store,
                store: &store.name,
                topic: &store.backed_by,
                key: self.bytes.get(entry.key.clone()).unwrap_or_default(),
                value: entry.value.clone().and_then(|value| self.bytes.get(value)),
                timestamp: entry.timestamp,
                is_new: entry.is_new,
            }
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}
