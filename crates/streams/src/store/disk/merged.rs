//! Two sorted runs of entries as one: what is written, and what is newer and waits.

use std::collections::btree_map;
use std::iter::Peekable;

use bytes::Bytes;

use crate::store::StoreError;

type Entry = Result<(Bytes, Bytes), StoreError>;
type Newer<'a> = btree_map::Range<'a, Bytes, Option<Bytes>>;

/// Entries in the order of their keys; of a key that both have, the newer one, and nothing if that is a removal.
pub(super) struct Merged<'a, I: Iterator<Item = Entry>> {
    written: Peekable<I>,
    newer: Peekable<Newer<'a>>,
}

impl<'a, I: Iterator<Item = Entry>> Merged<'a, I> {
    pub(super) fn new(written: I, newer: Newer<'a>) -> Self {
        Self { written: written.peekable(), newer: newer.peekable() }
    }
}

impl<I: Iterator<Item = Entry>> Iterator for Merged<'_, I> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let (Some(Ok((written, _))), Some((newer, _))) = (self.written.peek(), self.newer.peek()) else {
                // One of the two has ended, or failed.
                return match self.written.next() {
                    Some(entry) => Some(entry),
                    None => self.newer.find_map(|(key, value)| Some(Ok((key.clone(), value.clone()?)))),
                };
            };
            if written < *newer {
                return self.written.next();
            }
            if written == *newer {
                self.written.next();
            }
            if let Some((key, Some(value))) = self.newer.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}
