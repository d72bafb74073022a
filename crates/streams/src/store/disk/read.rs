//! What was read from the disk: the last of it in hand, the rest in a cache.
//!
//! Invariants: it is what the disk says of keys of which nothing newer waits or was written since; whoever puts a key tells.
//!
//! Does not know: what waits.

use fjall::Slice;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::buffered::{Known, size};
use crate::store::StoreError;
use crate::store::small::SmallBytes;

/// About what the cache takes for an entry beside what the entry does.
const CACHED: usize = 40;

/// See the module.
pub(super) struct Read {
    cache: Cache<SmallBytes, Known, BySize>,
    in_hand: Option<(SmallBytes, Known)>,
    /// A key as it is on disk, under construction.
    on_disk: Vec<u8>,
}

/// Entries weigh what they take.
#[derive(Debug, Clone)]
struct BySize;

impl Weighter<SmallBytes, Known> for BySize {
    fn weight(&self, key: &SmallBytes, value: &Known) -> u64 {
        (size(key, value) + CACHED) as u64
    }
}

impl Read {
    pub(super) fn new(most_bytes: usize) -> Self {
        let entries = most_bytes / (2 * CACHED);
        Self {
            cache: Cache::with_weighter(entries, most_bytes as u64, BySize),
            in_hand: None,
            on_disk: Vec::new(),
        }
    }

    /// What the disk said of a key, if that was its last answer.
    pub(super) fn in_hand(&self, key: &[u8]) -> Option<&Known> {
        self.in_hand.as_ref().filter(|(known, _)| known.as_slice() == key).map(|(_, known)| known)
    }

    /// What the disk says of a key, with this byte in front of it there.
    pub(super) fn get_or_find(
        &mut self,
        key: &[u8],
        front: u8,
        find: impl FnOnce(&[u8]) -> Result<Option<Slice>, StoreError>,
    ) -> Result<&Known, StoreError> {
        if self.cache.get(key).is_some() {
            return Ok(self.cache.get(key).unwrap_or(&None));
        }
        self.on_disk.clear();
        self.on_disk.push(front);
        self.on_disk.extend_from_slice(key);
        let found = find(&self.on_disk)?.map(|value| SmallBytes::new(&value));
        if let Some((key, known)) = self.in_hand.take() {
            self.cache.insert(key, known);
        }
        let (_, known) = self.in_hand.insert((SmallBytes::new(key), found));
        Ok(known)
    }

    pub(super) fn clear(&mut self) {
        self.cache.clear();
        self.in_hand = None;
    }

    /// Something newer is known of a key.
    pub(super) fn forget(&mut self, key: &[u8]) {
        if self.in_hand(key).is_some() {
            self.in_hand = None;
        } else if !self.cache.is_empty() {
            self.cache.remove(key);
        }
    }
}
