//! Which transactions of a partition are undecided, and which were aborted.
//!
//! Owns: the open transactions by producer; those that have ended by a marker which consumers do not see yet; the entries
//! of the transaction index.
//!
//! Invariants: pure. Below [`Unstable::first`] every transaction is decided, and its marker is visible. An aborted
//! transaction is in its segment's index before its records are no longer unstable.
//!
//! Does not know: who coordinates, files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headwater_model::{Offset, ProducerId};

use crate::index::IndexEntry;

/// The open transactions of a partition, each with the offset of its first record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OpenTransactions {
    firsts: BTreeMap<ProducerId, Offset>,
    in_order: BTreeSet<(Offset, ProducerId)>,
}

impl OpenTransactions {
    /// A producer writes at an offset within a transaction, which may be its first of that.
    pub(crate) fn write(&mut self, producer: ProducerId, offset: Offset) {
        if let std::collections::btree_map::Entry::Vacant(entry) = self.firsts.entry(producer) {
            entry.insert(offset);
            self.in_order.insert((offset, producer));
        }
    }

    /// A producer's transaction is over; gives its first offset, if it has written anything.
    pub(crate) fn end(&mut self, producer: ProducerId) -> Option<Offset> {
        let first = self.firsts.remove(&producer)?;
        self.in_order.remove(&(first, producer));
        Some(first)
    }

    /// The first record of the oldest.
    pub(crate) fn first(&self) -> Option<Offset> {
        self.in_order.first().map(|(first, _)| *first)
    }

    /// True if a producer has one.
    pub(crate) fn contains(&self, producer: ProducerId) -> bool {
        self.firsts.contains_key(&producer)
    }

    /// Where a producer's begins, if it has one.
    pub(crate) fn first_of(&self, producer: ProducerId) -> Option<Offset> {
        self.firsts.get(&producer).copied()
    }

    /// Each producer that has one, with its first offset.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (ProducerId, Offset)> {
        self.firsts.iter().map(|(producer, first)| (*producer, *first))
    }
}

/// What is not stable yet, for readers.
#[derive(Debug, Default)]
pub(crate) struct Unstable {
    /// The first record of the oldest open transaction.
    open: Option<Offset>,
    /// Transactions that have ended: the first record and the marker, in the order of the markers.
    ended: VecDeque<(Offset, Offset)>,
}

impl Unstable {
    /// What is open now.
    pub(crate) fn set_open(&mut self, first: Option<Offset>) {
        self.open = first;
    }

    /// A transaction has ended by a marker.
    pub(crate) fn end(&mut self, first: Offset, marker: Offset) {
        self.ended.push_back((first, marker));
    }

    /// Consumers see everything below an offset.
    pub(crate) fn see(&mut self, limit: Offset) {
        while self.ended.front().is_some_and(|(_, marker)| *marker < limit) {
            self.ended.pop_front();
        }
    }

    /// True if nothing has ended out of sight.
    pub(crate) fn all_seen(&self) -> bool {
        self.ended.is_empty()
    }

    /// The first record whose transaction is open, or has ended out of sight.
    pub(crate) fn first(&self) -> Option<Offset> {
        self.ended.iter().map(|(first, _)| *first).chain(self.open).min()
    }
}

/// A transaction that does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
}

/// An entry of the transaction index, as Kafka has it: version i16 = 0, producer id, first offset, last offset (the
/// marker's), last stable offset, each i64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedEntry {
    pub(crate) producer: ProducerId,
    pub(crate) first: Offset,
    pub(crate) marker: Offset,
    /// Below it every transaction was decided by then.
    pub(crate) last_stable: Offset,
}

const VERSION: i16 = 0;

impl IndexEntry for AbortedEntry {
    const SIZE: usize = 34;

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk()?;
        if i16::from_be_bytes(*version) != VERSION {
            return None;
        }
        let (producer, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (marker, rest) = rest.split_first_chunk()?;
        Some(Self {
            producer: ProducerId(i64::from_be_bytes(*producer)),
            first: Offset(i64::from_be_bytes(*first)),
            marker: Offset(i64::from_be_bytes(*marker)),
            last_stable: Offset(i64::from_be_bytes(*rest.first_chunk()?)),
        })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&VERSION.to_be_bytes());
        for number in [self.producer.0, self.first.0, self.marker.0, self.last_stable.0] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    fn precedes(self, next: Self) -> bool {
        self.marker < next.marker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_unstable_until_its_marker_is_seen() {
        let mut open = OpenTransactions::default();
        let mut unstable = Unstable::default();
        assert_eq!(unstable.first(), None);
        for (producer, offset) in [(7, 10), (8, 12), (7, 14)] {
            open.write(ProducerId(producer), Offset(offset));
        }
        unstable.set_open(open.first());
        assert_eq!(unstable.first(), Some(Offset(10)));
        let first = open.end(ProducerId(7)).unwrap();
        unstable.end(first, Offset(20));
        unstable.set_open(open.first());
        unstable.see(Offset(20));
        assert_eq!(unstable.first(), Some(Offset(10)), "the marker is not below 20");
        unstable.see(Offset(21));
        assert_eq!(unstable.first(), Some(Offset(12)));
        assert_eq!(open.end(ProducerId(7)), None);
        assert!(open.contains(ProducerId(8)) && open.iter().len() == 1);
    }

    #[test]
    fn an_entry_is_kafkas() {
        let entry = AbortedEntry {
            producer: ProducerId(1),
            first: Offset(2),
            marker: Offset(3),
            last_stable: Offset(4),
        };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        let expected = [&[0, 0][..], &1_i64.to_be_bytes(), &2_i64.to_be_bytes()].concat();
        assert_eq!(bytes, [expected, 3_i64.to_be_bytes().into(), 4_i64.to_be_bytes().into()].concat());
        assert_eq!(bytes.len(), AbortedEntry::SIZE);
        assert_eq!(AbortedEntry::decode(&bytes), Some(entry));
        bytes[1] = 1;
        assert_eq!(AbortedEntry::decode(&bytes), None);
    }
}
