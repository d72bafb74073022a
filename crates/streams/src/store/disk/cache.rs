//! What is known of keys on the disk, densely: in chunks of bytes that are filled in turn, and a table of where keys are.
//!
//! An entry takes its bytes and about ten more. A map takes several times as much for small ones, and the disk would be asked
//! so much more often. When there is no room left, the chunk that was filled first is filled anew; what was used in it
//! meanwhile stays, as long as that is half of it at most.
//!
//! Invariants: what it says of a key is what was put last; it may forget any. Chunks and table keep to a bound whenever a
//! chunk is begun; until then, the table may have grown.
//!
//! Does not know: the disk, what waits.

use std::cmp::Ordering;

use hashbrown::HashTable;

use super::entry::{Entry, Value};
use super::hash::KeyHash;

/// The largest entry that is kept is this part of the whole.
const CHUNKS: usize = 16;

/// See the module.
pub(super) struct Cache {
    hash: KeyHash,
    /// Where entries are: the number of the chunk times its size, and the place in it.
    index: HashTable<u32>,
    /// Entries; those that were used are marked.
    chunks: Vec<Vec<u8>>,
    /// The chunk that is being filled.
    current: usize,
    chunk_size: usize,
    most_bytes: usize,
}

impl Cache {
    pub(super) fn new(hash: KeyHash, most_bytes: usize) -> Self {
        let most_bytes = most_bytes.min(u32::MAX as usize);
        let chunk_size = (most_bytes / CHUNKS).max(1);
        Self { hash, index: HashTable::new(), chunks: Vec::new(), current: 0, chunk_size, most_bytes }
    }

    /// What is known of a key: its value, or that it has none.
    pub(super) fn get(&mut self, hash: u64, key: &[u8]) -> Option<Value<'_>> {
        let (bytes, place) = self.entry_mut(self.find(hash, key)?)?;
        Entry::mark(bytes, place);
        let entry = Entry::read(bytes, place)?;
        Some(entry.value.and_then(|value| bytes.get(value)))
    }

    /// Says what there is of a key.
    pub(super) fn put(&mut self, hash: u64, key: &[u8], value: Value<'_>) {
        if let Some(at) = self.find(hash, key) {
            if self.entry_mut(at).is_some_and(|(bytes, place)| Entry::overwrite(bytes, place, value)) {
                return;
            }
            if let Ok(place) = self.index.find_entry(hash, |found| *found == at) {
                place.remove();
            }
        }
        self.append(hash, key, value);
    }

    pub(super) fn clear(&mut self) {
        self.index = HashTable::new();
        (self.chunks, self.current) = Default::default();
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        self.index.find(hash, |at| key_at(&self.chunks, self.chunk_size, *at) == Some(key)).copied()
    }

    fn entry_mut(&mut self, at: u32) -> Option<(&mut Vec<u8>, usize)> {
        let (chunk, place) = (at as usize / self.chunk_size, at as usize % self.chunk_size);
        Some((self.chunks.get_mut(chunk)?, place))
    }

    fn append(&mut self, hash: u64, key: &[u8], value: Value<'_>) {
        let size = Entry::size(key, value);
        if size > self.chunk_size {
            return;
        }
        let (chunk_size, current) = (self.chunk_size, self.chunk_with(size));
        let Some(bytes) = self.chunks.get_mut(current) else {
            return;
        };
        let at = (current * chunk_size + bytes.len()) as u32;
        Entry::write(bytes, key, value);
        let hash_of = |at: &u32| key_at(&self.chunks, chunk_size, *at).map_or(0, |key| self.hash.of(key));
        self.index.insert_unique(hash, at, hash_of);
    }

    /// A chunk that has room for so many bytes.
    fn chunk_with(&mut self, size: usize) -> usize {
        let chunk_size = self.chunk_size;
        let has_room = |chunk: &Vec<u8>| chunk.len() + size <= chunk_size;
        while !self.chunks.get(self.current).is_some_and(has_room) {
            let room = self.most_bytes.saturating_sub(self.index.allocation_size()) / chunk_size;
            let chunks = self.chunks.len();
            match chunks.cmp(&room.max(1)) {
                Ordering::Less => {
                    self.current = chunks;
                    self.chunks.push(Vec::with_capacity(chunk_size));
                }
                Ordering::Equal => {
                    self.current = (self.current + 1) % chunks;
                    self.sweep(self.current, chunk_size / 2);
                }
                // The table has grown.
                Ordering::Greater => {
                    self.sweep(chunks - 1, 0);
                    self.chunks.pop();
                }
            }
        }
        self.current
    }

    /// Makes room in a chunk: what was used is moved to its front, up to so many bytes.
    fn sweep(&mut self, chunk: usize, most_kept: usize) {
        let Some(bytes) = self.chunks.get_mut(chunk) else {
            return;
        };
        let at = |place: usize| (chunk * self.chunk_size + place) as u32;
        let (mut kept, mut place) = (0, 0);
        while let Some(entry) = Entry::read(bytes, place) {
            let hash = bytes.get(entry.key).map_or(0, |key| self.hash.of(key));
            // What was replaced is not found where it was.
            if let Ok(mut slot) = self.index.find_entry(hash, |found| *found == at(place)) {
                let size = entry.end - place;
                if Entry::unmark(bytes, place) && kept + size <= most_kept {
                    bytes.copy_within(place..entry.end, kept);
                    *slot.get_mut() = at(kept);
                    kept += size;
                } else {
                    slot.remove();
                }
            }
            place = entry.end;
        }
        bytes.truncate(kept);
    }
}

fn key_at(chunks: &[Vec<u8>], chunk_size: usize, at: u32) -> Option<&[u8]> {
    let bytes = chunks.get(at as usize / chunk_size)?;
    bytes.get(Entry::read(bytes, at as usize % chunk_size)?.key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn cache(most_bytes: usize) -> Cache {
        Cache::new(KeyHash::new(), most_bytes)
    }

    fn put(cache: &mut Cache, key: &[u8], value: Value<'_>) {
        cache.put(cache.hash.of(key), key, value);
    }

    fn get<'a>(cache: &'a mut Cache, key: &[u8]) -> Option<Value<'a>> {
        cache.get(cache.hash.of(key), key)
    }

    fn bytes(cache: &Cache) -> usize {
        cache.chunks.iter().map(Vec::capacity).sum::<usize>() + cache.index.allocation_size()
    }

    #[test]
    fn small_entries_take_little_beside_their_bytes() {
        let mut cache = cache(1 << 20);
        for number in 0..100_000_u64 {
            put(&mut cache, &number.to_be_bytes(), Some(&[7; 16]));
        }
        assert!(bytes(&cache) <= 9 << 17, "{}", bytes(&cache));
        assert!(cache.index.len() > (1 << 20) / 45, "{}", cache.index.len());
    }

    #[test]
    fn what_is_used_outlasts_what_is_not() {
        let mut cache = cache(16 << 10);
        for number in 0..10_000_u64 {
            put(&mut cache, &number.to_be_bytes(), Some(b"value"));
            assert!(get(&mut cache, &(number % 10).to_be_bytes()).is_some(), "{number}");
        }
    }

    #[test]
    fn a_cache_whose_every_entry_is_used_still_takes_new_ones() {
        let mut cache = cache(16 << 10);
        for number in 0..10_000_u64 {
            put(&mut cache, &number.to_be_bytes(), Some(b"value"));
            put(&mut cache, &number.to_be_bytes(), Some(b"other"));
            assert_eq!(get(&mut cache, &number.to_be_bytes()), Some(Some(b"other".as_slice())));
        }
        assert!(bytes(&cache) <= 18 << 10, "{}", bytes(&cache));
    }

    #[test]
    fn what_is_too_large_is_forgotten_and_not_kept_as_it_was() {
        let mut cache = cache(1 << 10);
        put(&mut cache, b"key", Some(b"value"));
        put(&mut cache, b"key", Some(&[7; 64]));
        assert_eq!(get(&mut cache, b"key"), None);
    }

    proptest! {
        #[test]
        fn it_says_what_was_put_last_or_nothing(
            puts in vec((vec(0..4_u8, 0..4), proptest::option::of(vec(any::<u8>(), 0..200)), any::<bool>()), 0..400),
            most_bytes in prop_oneof![Just(0_usize), 0..64_usize, 64..4_000_usize],
        ) {
            let mut cache = cache(most_bytes);
            let mut model = HashMap::new();
            for (key, value, is_read) in puts {
                put(&mut cache, &key, value.as_deref());
                model.insert(key.clone(), value);
                if is_read {
                    get(&mut cache, &key);
                }
                for (key, value) in &model {
                    let known = get(&mut cache, key);
                    prop_assert!(known.is_none_or(|known| known == value.as_deref()), "{known:?}, not {value:?}");
                }
            }
        }
    }
}
