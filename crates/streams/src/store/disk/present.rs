//! Which keys may be on the disk: for most of those that are not, the disk need not be asked.
//!
//! The disk has a filter for each of its tables, and asks some of them for every key. This is one for the whole store: split
//! block Bloom filters (as Parquet has them), each twice as large as the one before, so that keys are never hashed again. A key
//! takes one and a half to three bytes.
//!
//! Invariants: a key that was added is never denied. Keys are not removed; whoever removes many begins anew.
//!
//! Does not know: keys, only their hashes.

/// One bit in each part, in one line of the processor's cache.
type Block = [u32; 8];

/// How many blocks the first filter has.
const BLOCKS: usize = 1 << 11;

/// How many keys there are for a block: 256 bits, twelve for a key. One of 200 others is taken for one of them.
const PER_BLOCK: usize = 21;

/// By what the hash is multiplied for the bit in each part: odd, and otherwise of no meaning.
const SALTS: Block =
    [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1, 0xd6e8_feb9, 0xa0f2_ec75, 0x5bd1_e995];

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Present {
    filters: Vec<Box<[Block]>>,
    /// How many keys the last filter still takes.
    room: usize,
    added: usize,
}

impl Present {
    /// False if a key was not added.
    pub(super) fn may_have(&self, hash: u64) -> bool {
        let bits = bits(hash);
        let has = |filter: &[Block]| {
            let block = filter.get(place(hash, filter.len())).unwrap_or(&[0; 8]);
            block.iter().zip(bits).fold(0, |missing, (part, bit)| missing | (!part & bit)) == 0
        };
        self.filters.iter().rev().any(|filter| has(filter))
    }

    pub(super) fn add(&mut self, hash: u64) {
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

    /// About how many different keys were added.
    pub(super) fn added(&self) -> usize {
        self.added
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
    fn all_that_was_added_is_found_and_little_else() {
        let (hash, mut present) = (KeyHash::new(), Present::default());
        assert!(!present.may_have(hash.of(b"key")));
        let keys = |from: u64| (from..from + 500_000).map(|number| hash.of(&number.to_be_bytes()));
        for key in keys(0).chain(keys(0)) {
            present.add(key);
        }
        assert!(keys(0).all(|key| present.may_have(key)));
        let taken_for_others = keys(1_000_000).filter(|key| present.may_have(*key)).count();
        assert!(taken_for_others < 12_500, "{taken_for_others} of 500,000");
        assert!(present.added() > 490_000 && present.added() <= 500_000, "{}", present.added());
        let bytes = present.filters.iter().map(|filter| filter.len() * 32).sum::<usize>();
        assert!(bytes < 1_500_000, "{bytes}");
    }
}
