//! Where the entries behind a key begin, for the keys from which a store is read again and again while what comes first is
//! removed: the beginning, and single bytes. Without it, each such reading would pass all that was removed before.
//!
//! Invariant: between a key and its floor, which is `None` behind the last entry, there is nothing.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Floors(BTreeMap<Vec<u8>, Option<Bytes>>);

impl Floors {
    /// The key that a range is read from, if its floor is kept.
    pub(super) fn section<'a>(from: &Bound<&'a [u8]>) -> Option<&'a [u8]> {
        match from {
            Bound::Unbounded => Some(&[]),
            Bound::Included(from) if from.len() <= 1 => Some(from),
            Bound::Included(_) | Bound::Excluded(_) => None,
        }
    }

    /// Before it there is nothing.
    pub(super) fn first(&self) -> Option<Bytes> {
        self.get(&[]).cloned().flatten()
    }

    /// The floor of a key, if it is kept.
    pub(super) fn get(&self, section: &[u8]) -> Option<&Option<Bytes>> {
        self.0.get(section)
    }

    pub(super) fn keep(&mut self, section: &[u8], floor: Option<Bytes>) {
        self.0.insert(section.to_vec(), floor);
    }

    /// An entry is put.
    pub(super) fn lower(&mut self, key: &[u8]) {
        for (section, floor) in &mut self.0 {
            if key >= section.as_slice() && floor.as_ref().is_none_or(|floor| key < floor.as_ref()) {
                *floor = Some(Bytes::copy_from_slice(key));
            }
        }
    }
}
