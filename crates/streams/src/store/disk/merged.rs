//! Two sorted runs of entries as one: what is written, and what is newer and waits.

use std::collections::btree_map;
use std::iter::Peekable;

use bytes::Bytes;

use super::unwritten::Known;
use crate::store::StoreError;
use crate::store::small::SmallBytes;

type Found = Result<(Bytes, Bytes), StoreError>;
type Newer<'a> = btree_map::Range<'a, SmallBytes, Known>;

/// Entries in the order of their keys; of a key that both have, the newer one, and nothing if that is a removal.
pub(super) struct Merged<'a, I: Iterator<Item = Found>> {
    written: Peekable<I>,
    newer: Peekable<Newer<'a>>,
}

impl<'a, I: Iterator<Item = Found>> Merged<'a, I> {
    pub(super) fn new(written: I, newer: Newer<'a>) -> Self {
        Self { written: written.peekable(), newer: newer.peekable() }
    }
}

impl<I: Iterator<Item = Found>> Iterator for Merged<'_, I> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let (Some(Ok((written, _))), Some((newer, _))) = (self.written.peek(), self.newer.peek()) else {
                // One of the two has ended, or failed.
                return match self.written.next() {
                    Some(entry) => Some(entry),
                    None => self.newer.find_map(copied),
                };
            };
            if written < newer.as_slice() {
                return self.written.next();
            }
            if written == newer.as_slice() {
                self.written.next();
            }
            if let Some(entry) = self.newer.next().and_then(copied) {
                return Some(entry);
            }
        }
    }
}

/// An entry, if it is no removal.
fn copied((key, value): (&SmallBytes, &Known)) -> Option<Found> {
    let value = value.as_ref()?;
    Some(Ok((Bytes::copy_from_slice(key.as_slice()), Bytes::copy_from_slice(value.as_slice()))))
}
