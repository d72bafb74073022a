//! Which keys may be on the disk: for most of those that are not, the disk need not be asked.
//!
//! The disk has a filter for each of its tables, and asks some of them for every key. This is one for the whole store: split
//! block Bloom filters (as Parquet has them), each twice as large as the one before, so that keys are never hashed again. A key
//! takes one and a half to three bytes.
//!
//! The keys of a store that is opened again are learned by and by; until all are known, none is denied. Where many keys are
//! removed, they are learned anew: the old filters serve until the new ones are whole.
//!
//! Invariants: a key that was told or learned is never denied, until it is learned that it has gone.
//!
//! Does not know: keys, only their hashes, and where to go on learning.

use std::ops::RangeInclusive;

/// How many keys are learned at once: some milliseconds.
const LEARNED_AT_ONCE: usize = 20_000;

/// So many keys have to be removed, and half of all, before they are learned anew.
const MANY_REMOVED: usize = 10_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Present {
    /// All keys on the disk, and some that were there.
    whole: Option<Filters>,
    learning: Option<Learning>,
    /// How many removals were written since all keys were told or learned.
    removed: usize,
    pub(super) learned_at_once: usize,
    pub(super) many_removed: usize,
}

/// The keys on the disk before one, and all that were written meanwhile.
#[derive(Debug)]
struct Learning {
    filters: Filters,
    next: Vec<u8>,
    /// No key was higher when learning began.
    last: Vec<u8>,
}

impl Present {
    /// The disk has no keys.
    pub(super) fn none() -> Self {
        Self {
            whole: Some(Filters::default()),
            learning: None,
            removed: 0,
            learned_at_once: LEARNED_AT_ONCE,
            many_removed: MANY_REMOVED,
        }
    }

    /// The disk has keys between two, which are to be learned.
    pub(super) fn unknown(first: Vec<u8>, last: Vec<u8>) -> Self {
        let mut present = Self { whole: None, ..Self::none() };
        present.learn_anew(first, last);
        present
    }

    /// True if it is known that the disk has not got a key.
    pub(super) fn denies(&self, hash: u64) -> bool {
        self.whole.as_ref().is_some_and(|filters| !filters.may_have(hash))
    }

    /// A key is about to be written.
    pub(super) fn add(&mut self, hash: u64) {
        let learning = self.learning.as_mut().map(|learning| &mut learning.filters);
        self.whole.iter_mut().chain(learning).for_each(|filters| filters.add(hash));
    }

    /// The removal of a key is about to be written.
    pub(super) fn remove(&mut self) {
        self.removed += 1;
    }

    /// True if so many keys have been removed that they ought to be learned anew.
    pub(super) fn is_outdated(&self) -> bool {
        let added = self.whole.as_ref().map_or(0, |filters| filters.added);
        self.learning.is_none() && self.removed > self.many_removed.max(added / 2)
    }

    /// Begins to learn the keys on the disk, which lie between two.
    pub(super) fn learn_anew(&mut self, first: Vec<u8>, last: Vec<u8>) {
        self.learning = Some(Learning { filters: Filters::default(), next: first, last });
        self.removed = 0;
    }

    /// From where on and up to where keys are not learned yet, if any are left.
    pub(super) fn unlearned(&self) -> Option<RangeInclusive<Vec<u8>>> {
        self.learning.as_ref().map(|learning| learning.next.clone()..=learning.last.clone())
    }

    /// Learns some keys, and where to go on; if nowhere, these were the last.
    pub(super) fn learn(&mut self, hashes: impl IntoIterator<Item = u64>, next: Option<Vec<u8>>) {
        let Some(mut learning) = self.learning.take() else {
            return;
        };
        hashes.into_iter().for_each(|hash| learning.filters.add(hash));
        match next {
            Some(next) => self.learning = Some(Learning { next, ..learning }),
            None => self.whole = Some(learning.filters),
        }
    }
}

/// One bit in each part, in one line of the processor's cache.
type Block = [u32; 8];

/// How many blocks the first filter has.
const BLOCKS: usize = 1 << 11;

/// How many keys there are for a block: 256 bits, twelve for a key. One of 200 others is taken for one of them.
const PER_BLOCK: usize = 21;

/// By what the hash is multiplied for the bit in each part: odd, and otherwise of no meaning.
const SALTS: Block =
    [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1, 0xd6e8_feb9, 0xa0f2_ec75, 0x5bd1_e995];

/// A set of hashes that may say that it has some that were not added.
#[derive(Debug, Default)]
struct Filters {
    filters: Vec<Box<[Block]>>,
    /// How many the last filter still takes.
    room: usize,
    /// About how many different ones were added.
    added: usize,
}

impl Filters {
    fn may_have(&self, hash: u64) -> bool {
        let bits = bits(hash);
        let has = |filter: &[Block]| {
            let block = filter.get(place(hash, filter.len())).unwrap_or(&[0; 8]);
            block.iter().zip(bits).fold(0, |missing, (part, bit)| missing | (!part & bit)) == 0
        };
        self.filters.iter().rev().any(|filter| has(filter))
    }

    fn add(&mut self, hash: u64) {
        if self.may_have(hash) {
            return;
        }
        if self.room == 0 {
            let blocks = self.filters.last().map_or(BLOCKS, |filter| filter.len() * 2);
            self.filters.push(vec![[0; 8]; blocks].into());
            self.room = blocks * PER_BLOCK;
        }
        self.room -= 1;
        self.added += 1;
        if let Some(filter) = self.filters.last_mut()
            && let Some(block) = filter.get_mut(place(hash, filter.len()))
        {
            block.iter_mut().zip(bits(hash)).for_each(|(part, bit)| *part |= bit);
        }
    }
}

fn place(hash: u64, blocks: usize) -> usize {
    (((hash >> 32) * blocks as u64) >> 32) as usize
}

fn bits(hash: u64) -> Block {
    SALTS.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::hash::KeyHash;

    #[test]
    fn filters_find_all_that_was_added_and_little_else() {
        let (hash, mut filters) = (KeyHash::new(), Filters::default());
        assert!(!filters.may_have(hash.of(b"key")));
        let keys = |from: u64| (from..from + 500_000).map(|number| hash.of(&number.to_be_bytes()));
        for key in keys(0).chain(keys(0)) {
            filters.add(key);
        }
        assert!(keys(0).all(|key| filters.may_have(key)));
        let taken_for_others = keys(1_000_000).filter(|key| filters.may_have(*key)).count();
        assert!(taken_for_others < 12_500, "{taken_for_others} of 500,000");
        assert!(filters.added > 490_000 && filters.added <= 500_000, "{}", filters.added);
        let bytes = filters.filters.iter().map(|filter| filter.len() * 32).sum::<usize>();
        assert!(bytes < 1_500_000, "{bytes}");
    }

    #[test]
    fn nothing_is_denied_before_all_is_known_and_what_is_written_meanwhile_is_not_forgotten() {
        let mut present = Present::unknown(b"a".to_vec(), b"z".to_vec());
        present.learn([1], Some(b"b".to_vec()));
        present.add(2);
        assert_eq!(present.unlearned(), Some(b"b".to_vec()..=b"z".to_vec()));
        assert!(!present.denies(1) && !present.denies(9));
        present.learn([3], None);
        assert_eq!(present.unlearned(), None);
        assert!(![1, 2, 3].iter().any(|hash| present.denies(*hash)) && present.denies(9));
    }

    #[test]
    fn while_keys_are_learned_anew_the_old_ones_serve() {
        let mut present = Present { many_removed: 2, ..Present::none() };
        for hash in 1..=4 {
            present.add(hash);
        }
        (0..2).for_each(|_| present.remove());
        assert!(!present.is_outdated());
        present.remove();
        assert!(present.is_outdated());
        present.learn_anew(b"a".to_vec(), b"z".to_vec());
        present.add(5);
        (0..9).for_each(|_| present.remove());
        assert!(!present.is_outdated(), "once at a time");
        assert!(![1, 4, 5].iter().any(|hash| present.denies(*hash)) && present.denies(9));
        present.learn([4], None);
        assert!(![4, 5].iter().any(|hash| present.denies(*hash)) && present.denies(1));
        assert!(present.is_outdated(), "what was removed meanwhile is in it");
    }
}
