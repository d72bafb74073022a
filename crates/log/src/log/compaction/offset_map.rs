//! The newest offset of each key, within a bound of memory.
//!
//! Owns: a table of 24 bytes per key: 128 bits of hash, and the offset.
//!
//! Invariants: never larger than asked for; what was taken in is found. Keys are told apart by their hashes, under a
//! secret of this map's: who does not know it cannot choose keys that are taken for one another, and chance does not,
//! either. Nothing else depends on the secret, the order of entries least of all.

use std::hash::{BuildHasher, RandomState};

use headwater_model::Offset;

/// Two halves of the hash, and the offset plus one; 0 where there is no entry.
type Slot = [u64; 3];

/// Of so many slots nine tenths are used, so that a search is short.
const LOAD: (usize, usize) = (9, 10);

#[derive(Debug)]
pub(super) struct OffsetMap {
    slots: Vec<Slot>,
    used: usize,
    most: usize,
    secrets: [RandomState; 2],
}

impl OffsetMap {
    /// A map of at most so many bytes, with room for as many keys, if the bytes allow; for one in any case.
    pub(super) fn new(bytes: usize, keys: u64) -> Self {
        let wanted = usize::try_from(keys).unwrap_or(usize::MAX).saturating_mul(LOAD.1) / LOAD.0;
        let slots = (bytes / size_of::<Slot>()).min(wanted.saturating_add(2)).max(2);
        Self {
            slots: vec![[0; 3]; slots],
            used: 0,
            most: (slots * LOAD.0 / LOAD.1).max(1),
            secrets: [RandomState::new(), RandomState::new()],
        }
    }

    /// Takes note that a key has a record at an offset; false if there is no room for another key.
    pub(super) fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        let hash = self.hash(key);
        let at = self.find(hash);
        let full = self.used >= self.most;
        let Some(slot) = self.slots.get_mut(at) else {
            return false;
        };
        if slot[2] == 0 {
            if full {
                return false;
            }
            self.used += 1;
        }
        *slot = [hash[0], hash[1], slot[2].max(offset.0 as u64 + 1)];
        true
    }

    /// The greatest offset of a key.
    pub(super) fn newest(&self, key: &[u8]) -> Option<Offset> {
        let [_, _, offset] = self.slots.get(self.find(self.hash(key))).copied().unwrap_or_default();
        offset.checked_sub(1).map(|offset| Offset(offset as i64))
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let [one, other] = &self.secrets;
        [one.hash_one(key), other.hash_one(key)]
    }

    /// The slot that has this hash, or the free one where it would be.
    fn find(&self, hash: [u64; 2]) -> usize {
        let slots = self.slots.len();
        let mut at = ((u128::from(hash[0]) * slots as u128) >> 64) as usize;
        while let Some(slot) = self.slots.get(at) {
            if slot[2] == 0 || [slot[0], slot[1]] == hash {
                break;
            }
            at = if at + 1 == slots { 0 } else { at + 1 };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_offset_of_each_key_is_known() {
        let mut map = OffsetMap::new(1 << 20, 1_000);
        for offset in 0..3_000_i64 {
            assert!(map.put(format!("key {}", offset % 1_000).as_bytes(), Offset(offset)));
        }
        assert!(map.put(b"key 7", Offset(3)), "older news changes nothing");
        for key in 0..1_000 {
            assert_eq!(map.newest(format!("key {key}").as_bytes()), Some(Offset(2_000 + key)));
        }
        assert_eq!(map.newest(b"another"), None);
    }

    #[test]
    fn a_full_map_takes_known_keys_only() {
        let mut map = OffsetMap::new(24 * 10, u64::MAX);
        let taken = (0..100_i64).take_while(|key| map.put(&key.to_be_bytes(), Offset(*key))).count();
        assert_eq!(taken, 9);
        assert!(map.put(&3_i64.to_be_bytes(), Offset(200)));
        assert_eq!(map.newest(&3_i64.to_be_bytes()), Some(Offset(200)));
        assert_eq!(map.newest(&50_i64.to_be_bytes()), None, "a search in a full map ends");
        assert!(OffsetMap::new(0, 0).put(b"", Offset(0)), "there is room for one key");
    }
}
