//! A byte store in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;

use super::small::SmallBytes;
use super::{ByteStore, Entries, KeyRange, StoreError, is_empty};

/// An ordered map in memory; it is lost with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: BTreeMap<SmallBytes, SmallBytes>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl ByteStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(SmallBytes::find(&self.entries, key).map(copied))
    }

    fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(SmallBytes::find(&self.entries, key).is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        match self.entries.entry(SmallBytes::new(key)) {
            Entry::Occupied(mut stored) => stored.get_mut().set(value),
            Entry::Vacant(place) => drop(place.insert(SmallBytes::new(value))),
        }
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.entries.remove(key);
        Ok(())
    }

    fn range(&self, range: KeyRange<'_>) -> Entries<'_> {
        if is_empty(range) {
            return Box::new(std::iter::empty());
        }
        Box::new(self.entries.range::<[u8], _>(range).map(|(key, value)| Ok((copied(key), copied(value)))))
    }
}

fn copied(stored: &SmallBytes) -> Bytes {
    Bytes::copy_from_slice(stored.as_slice())
}

#[cfg(test)]
mod tests {
    use std::ops::Bound::{self, Excluded, Included, Unbounded};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn keys(entries: Entries<'_>) -> Vec<Vec<u8>> {
        entries.map(|entry| entry.expect("memory does not fail").0.to_vec()).collect()
    }

    fn store_of(keys: &[Vec<u8>]) -> MemoryStore {
        let mut store = MemoryStore::new();
        for key in keys {
            store.put(key, key).expect("memory does not fail");
        }
        store
    }

    #[test]
    fn a_put_replaces_and_a_delete_removes() {
        let mut store = store_of(&[b"a".to_vec()]);
        store.put(b"a", b"new").expect("memory does not fail");
        assert_eq!(store.get(b"a").expect("memory does not fail"), Some(Bytes::from_static(b"new")));
        store.delete(b"a").expect("memory does not fail");
        store.delete(b"a").expect("memory does not fail");
        assert_eq!(store.get(b"a").expect("memory does not fail"), None);
    }

    fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
        prop_oneof![Just(Unbounded), key().prop_map(Included), key().prop_map(Excluded),]
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        vec(prop_oneof![Just(0u8), Just(1), Just(254), Just(255)], 0..4)
    }

    proptest! {
        #[test]
        fn a_prefix_finds_exactly_the_keys_that_begin_with_it(all in vec(key(), 0..20), prefix in key()) {
            let mut expected: Vec<_> = all.iter().filter(|key| key.starts_with(&prefix)).cloned().collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(keys(store_of(&all).prefix(&prefix)), expected);
        }

        #[test]
        fn a_range_finds_exactly_the_keys_within_it(all in vec(key(), 0..20), from in bound(), to in bound()) {
            let range = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
            let after_from = |key: &[u8]| match range.0 { Included(from) => key >= from, Excluded(from) => key > from, Unbounded => true };
            let before_to = |key: &[u8]| match range.1 { Included(to) => key <= to, Excluded(to) => key < to, Unbounded => true };
            let mut expected: Vec<_> = all.iter().filter(|key| after_from(key) && before_to(key)).cloned().collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(keys(store_of(&all).range(range)), expected);
        }
    }
}
