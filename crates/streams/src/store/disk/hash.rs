//! The hash of a key, by which all of a store find it.

use std::hash::{BuildHasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Hashes keys so that nobody can tell beforehand which will meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyHash {
    seed: u64,
}

impl KeyHash {
    pub(super) fn new() -> Self {
        Self { seed: RandomState::new().hash_one(0) }
    }

    pub(super) fn of(self, key: &[u8]) -> u64 {
        xxh3_64_with_seed(key, self.seed)
    }
}
