//! What waits to be written of a store: changes since the last write.
//!
//! They lie one behind the other, with a table of where keys are: a third of what an ordered map takes for small entries, and
//! found sooner. They are sorted when they are written. Once a range is asked for, an ordered map takes their place until
//! then.
//!
//! Invariants: of each key, what was set last. Where table and map both hold something, it is the same.
//!
//! Does not know: what is on the disk.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use hashbrown::HashTable;

use super::entry::{Entry, Value};
use super::hash::KeyHash;
use crate::store::small::SmallBytes;

/// About what the table takes for an entry.
const INDEXED: usize = 8;

/// About what the map takes for an entry beside the bytes that do not lie in place.
const ORDERED: usize = 72;

/// From so many bytes on, what is of no use any more is taken out if it is the larger part.
const LITTER: usize = 64 << 10;

/// The value of a key, or that it has none.
pub(super) type Known = Option<SmallBytes>;

/// See the module.
pub(super) struct Unwritten {
    hash: KeyHash,
    /// Where the entries of all keys begin.
    index: HashTable<u32>,
    /// Entries, and such as were replaced or removed.
    bytes: Vec<u8>,
    litter_bytes: usize,
    ordered: OnceCell<BTreeMap<SmallBytes, Known>>,
    ordered_bytes: usize,
    /// How far positions reach.
    most_bytes: usize,
}

impl Unwritten {
    pub(super) fn new(hash: KeyHash) -> Self {
        Self {
            hash,
            index: HashTable::new(),
            bytes: Vec::new(),
            litter_bytes: 0,
            ordered: OnceCell::new(),
            ordered_bytes: 0,
            most_bytes: u32::MAX as usize,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty() && self.ordered.get().is_none_or(BTreeMap::is_empty)
    }

    pub(super) fn len(&self) -> usize {
        self.index.len().max(self.ordered.get().map_or(0, BTreeMap::len))
    }

    /// About how many bytes all of it takes.
    pub(super) fn bytes(&self) -> usize {
        let is_twice = self.ordered.get().is_some();
        let indexed = if is_twice { INDEXED + ORDERED } else { INDEXED };
        self.bytes.len() + self.index.len() * indexed + self.ordered_bytes
    }

    /// What waits of a key: its value, or that it has none.
    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<Value<'_>> {
        if self.index.is_empty() {
            let known = SmallBytes::find(self.ordered.get()?, key)?;
            return Some(known.as_ref().map(SmallBytes::as_slice));
        }
        let at = self.find(hash, key)?;
        let entry = Entry::read(&self.bytes, at as usize)?;
        Some(entry.value.and_then(|value| self.bytes.get(value)))
    }

    /// Sets what is to be written of a key; true if a value of it waited before.
    pub(super) fn set(&mut self, hash: u64, key: &[u8], value: Value<'_>) -> bool {
        if self.bytes.len() > self.most_bytes {
            self.ordered();
        }
        if self.ordered.get().is_some() {
            self.set_ordered(key, value)
        } else {
            self.append(hash, key, value)
        }
    }

    /// Forgets what is to be written of a key; true if a value of it waited.
    pub(super) fn remove(&mut self, hash: u64, key: &[u8]) -> bool {
        if self.ordered.get().is_some() { self.remove_ordered(key) } else { self.take_out(hash, key) }
    }

    /// All of it, in the order of the keys.
    pub(super) fn ordered(&self) -> &BTreeMap<SmallBytes, Known> {
        self.ordered.get_or_init(|| {
            let entries = self.index.iter().filter_map(|at| entry_at(&self.bytes, *at));
            entries.map(|(key, value)| (SmallBytes::new(key), value.map(SmallBytes::new))).collect()
        })
    }

    /// Gives all of it, in the order of the keys.
    pub(super) fn each<E>(&self, mut give: impl FnMut(&[u8], Value<'_>) -> Result<(), E>) -> Result<(), E> {
        if let Some(ordered) = self.ordered.get() {
            let mut entries = ordered.iter();
            return entries
                .try_for_each(|(key, value)| give(key.as_slice(), value.as_ref().map(SmallBytes::as_slice)));
        }
        // Most keys differ in what they begin with, which is compared without looking at them.
        let beginning = |at: &u32| (number(key_at(&self.bytes, *at).unwrap_or_default()), *at);
        let mut order: Vec<(u64, u32)> = self.index.iter().map(beginning).collect();
        order.sort_unstable_by(|(number, at), (other_number, other)| {
            number.cmp(other_number).then_with(|| key_at(&self.bytes, *at).cmp(&key_at(&self.bytes, *other)))
        });
        let mut entries = order.iter().filter_map(|(_, at)| entry_at(&self.bytes, *at));
        entries.try_for_each(|(key, value)| give(key, value))
    }

    /// Gives all of it, in any order.
    pub(super) fn each_as_it_lies(&self, mut give: impl FnMut(&[u8], Value<'_>)) {
        if self.index.is_empty() {
            let entries = self.ordered.get().into_iter().flatten();
            entries.for_each(|(key, value)| give(key.as_slice(), value.as_ref().map(SmallBytes::as_slice)));
        } else {
            let entries = self.index.iter().filter_map(|at| entry_at(&self.bytes, *at));
            entries.for_each(|(key, value)| give(key, value));
        }
    }

    /// Forgets all of it, and keeps the room for as much again.
    pub(super) fn clear(&mut self) {
        let (bytes, entries) = (self.bytes.len(), self.index.len());
        self.bytes.clear();
        self.bytes.shrink_to(bytes * 2);
        self.index.clear();
        self.index.shrink_to(entries * 2, |_| 0);
        self.litter_bytes = 0;
        (self.ordered, self.ordered_bytes) = Default::default();
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        self.index.find(hash, |at| key_at(&self.bytes, *at) == Some(key)).copied()
    }

    fn append(&mut self, hash: u64, key: &[u8], value: Value<'_>) -> bool {
        let at = self.bytes.len() as u32;
        let found = self.index.find_mut(hash, |at| key_at(&self.bytes, *at) == Some(key));
        let Some(place) = found else {
            let hash_of = |at: &u32| key_at(&self.bytes, *at).map_or(0, |key| self.hash.of(key));
            self.index.insert_unique(hash, at, hash_of);
            Entry::write(&mut self.bytes, key, value);
            return false;
        };
        let before = *place as usize;
        let replaced = Entry::read(&self.bytes, before);
        let had_value = replaced.as_ref().is_some_and(|entry| entry.value.is_some());
        if !Entry::overwrite(&mut self.bytes, before, value) {
            *place = at;
            Entry::write(&mut self.bytes, key, value);
            self.litter(replaced.map_or(0, |entry| entry.end - before));
        }
        had_value
    }

    fn take_out(&mut self, hash: u64, key: &[u8]) -> bool {
        let found = self.index.find_entry(hash, |at| key_at(&self.bytes, *at) == Some(key));
        let Ok(found) = found else {
            return false;
        };
        let (at, _) = found.remove();
        let entry = Entry::read(&self.bytes, at as usize);
        let had_value = entry.as_ref().is_some_and(|entry| entry.value.is_some());
        if self.index.is_empty() {
            self.bytes.clear();
            self.litter_bytes = 0;
        } else {
            self.litter(entry.map_or(0, |entry| entry.end - at as usize));
        }
        had_value
    }

    /// So many bytes more are of no use; all such are taken out once they are the larger part.
    fn litter(&mut self, bytes: usize) {
        self.litter_bytes += bytes;
        if self.litter_bytes <= LITTER.max(self.bytes.len() / 2) {
            return;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.litter_bytes);
        for at in &mut self.index {
            let entry = Entry::read(&self.bytes, *at as usize)
                .and_then(|entry| self.bytes.get(*at as usize..entry.end));
            *at = bytes.len() as u32;
            bytes.extend_from_slice(entry.unwrap_or_default());
        }
        (self.bytes, self.litter_bytes) = (bytes, 0);
    }

    fn set_ordered(&mut self, key: &[u8], value: Value<'_>) -> bool {
        self.drop_unordered();
        let Some(ordered) = self.ordered.get_mut() else {
            return false;
        };
        match ordered.entry(SmallBytes::new(key)) {
            Place::Vacant(place) => {
                let value = value.map(SmallBytes::new);
                self.ordered_bytes += size(place.key(), &value);
                place.insert(value);
                false
            }
            Place::Occupied(mut place) => {
                self.ordered_bytes -= size(place.key(), place.get());
                let known = place.get_mut();
                let had_value = known.is_some();
                match (known, value) {
                    (Some(known), Some(value)) => known.set(value),
                    (known, value) => *known = value.map(SmallBytes::new),
                }
                self.ordered_bytes += size(place.key(), place.get());
                had_value
            }
        }
    }

    fn remove_ordered(&mut self, key: &[u8]) -> bool {
        self.drop_unordered();
        let Some((key, value)) = self.ordered.get_mut().and_then(|ordered| ordered.remove_entry(key)) else {
            return false;
        };
        self.ordered_bytes -= size(&key, &value);
        value.is_some()
    }

    /// The map is about to change: what the table finds is not all of it any more.
    fn drop_unordered(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        (self.index, self.bytes, self.litter_bytes) = Default::default();
        let entries = self.ordered.get().into_iter().flatten();
        self.ordered_bytes = entries.map(|(key, value)| size(key, value)).sum();
    }
}

fn key_at(bytes: &[u8], at: u32) -> Option<&[u8]> {
    bytes.get(Entry::read(bytes, at as usize)?.key)
}

fn entry_at(bytes: &[u8], at: u32) -> Option<(&[u8], Value<'_>)> {
    let entry = Entry::read(bytes, at as usize)?;
    Some((bytes.get(entry.key)?, entry.value.and_then(|value| bytes.get(value))))
}

/// The first bytes of a key, as a number of the same order.
fn number(key: &[u8]) -> u64 {
    if let Some(first) = key.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(first)
}

/// About what an entry takes in the map.
fn size(key: &SmallBytes, value: &Known) -> usize {
    ORDERED + key.bytes_elsewhere() + value.as_ref().map_or(0, SmallBytes::bytes_elsewhere)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    type Model = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    fn all(unwritten: &Unwritten) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut all = Vec::new();
        let each = unwritten.each(|key, value| {
            all.push((key.to_vec(), value.map(<[u8]>::to_vec)));
            Ok::<(), ()>(())
        });
        assert_eq!(each, Ok(()));
        all
    }

    fn set(unwritten: &mut Unwritten, key: &[u8], value: Value<'_>) -> bool {
        unwritten.set(unwritten.hash.of(key), key, value)
    }

    fn has(unwritten: &Unwritten, model: &Model) -> bool {
        let is_found = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
            unwritten.get(unwritten.hash.of(key), key) == Some(value.as_deref())
        };
        model.iter().all(is_found)
            && all(unwritten) == model.clone().into_iter().collect::<Vec<_>>()
            && unwritten.len() == model.len()
            && unwritten.is_empty() == model.is_empty()
    }

    #[derive(Debug, Clone)]
    enum Act {
        Set(Vec<u8>, Option<Vec<u8>>),
        Remove(Vec<u8>),
        Order,
        Clear,
    }

    fn act() -> impl Strategy<Value = Act> {
        let byte = prop_oneof![Just(0_u8), Just(1), Just(255)];
        // Some begin with the same eight bytes.
        let key = prop_oneof![vec(byte.clone(), 0..4), vec(byte, 7..11)];
        prop_oneof![
            20 => (key.clone(), proptest::option::of(vec(any::<u8>(), 0..40))).prop_map(|(key, value)| Act::Set(key, value)),
            8 => key.prop_map(Act::Remove),
            1 => Just(Act::Order),
            1 => Just(Act::Clear),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_was_set_last(acts in vec(act(), 0..100), most_bytes in prop_oneof![Just(100_usize), Just(usize::MAX)]) {
            let mut unwritten = Unwritten { most_bytes, ..Unwritten::new(KeyHash::new()) };
            let mut model = Model::new();
            for act in acts {
                match act {
                    Act::Set(key, value) => {
                        let had_value = set(&mut unwritten, &key, value.as_deref());
                        prop_assert_eq!(had_value, model.insert(key, value).flatten().is_some());
                    }
                    Act::Remove(key) => {
                        let had_value = unwritten.remove(unwritten.hash.of(&key), &key);
                        prop_assert_eq!(had_value, model.remove(&key).flatten().is_some());
                        prop_assert_eq!(unwritten.get(unwritten.hash.of(&key), &key), None);
                    }
                    Act::Order => {
                        let ordered = unwritten.ordered().keys().map(|key| key.as_slice().to_vec()).collect::<Vec<_>>();
                        prop_assert_eq!(ordered, model.keys().cloned().collect::<Vec<_>>());
                    }
                    Act::Clear => {
                        unwritten.clear();
                        model.clear();
                        prop_assert_eq!(unwritten.bytes(), 0);
                    }
                }
                prop_assert!(has(&unwritten, &model));
            }
        }
    }

    #[test]
    fn what_grows_again_and_again_leaves_no_litter() {
        let mut unwritten = Unwritten::new(KeyHash::new());
        let mut model = Model::new();
        for length in 0..2_000 {
            for key in [b"one", b"two"] {
                set(&mut unwritten, key, Some(&vec![7; length]));
                model.insert(key.to_vec(), Some(vec![7; length]));
            }
        }
        assert!(has(&unwritten, &model));
        assert!(unwritten.bytes() < 2 * LITTER, "{}", unwritten.bytes());
    }
}
