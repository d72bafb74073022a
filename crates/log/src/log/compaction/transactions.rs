//! Which records belong to transactions that were aborted, and which markers still end something.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use headwater_model::{Offset, ProducerId};
use headwater_wire::batch::BatchHeader;

use crate::LogError;
use crate::log::reader::visit_aborted;
use crate::segment::Segment;

/// The transactions of the part of a log that is compacted.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// The aborted ones of each producer: first offset and marker, in order.
    aborted: HashMap<ProducerId, Vec<(Offset, Offset)>>,
    /// Who has left a batch in the log since its last marker.
    unended: HashSet<ProducerId>,
}

impl Transactions {
    /// The transactions that have records below `limit`, below which all are decided.
    pub(super) fn read(segments: &[Arc<Segment>], limit: Offset) -> Result<Self, LogError> {
        let mut aborted: HashMap<_, Vec<_>> = HashMap::new();
        let first = segments.first().map_or(Offset::ZERO, |first| first.base());
        visit_aborted(segments, first, limit, |entry| {
            aborted.entry(entry.producer).or_default().push((entry.first, entry.marker));
        })?;
        Ok(Self { aborted, unended: HashSet::new() })
    }

    /// True if a batch of records does not count.
    pub(super) fn has_aborted(&self, batch: &BatchHeader) -> bool {
        if !batch.is_transactional() {
            return false;
        }
        let of_producer = self.aborted.get(&batch.producer_id).map(Vec::as_slice).unwrap_or_default();
        let ended = of_producer.partition_point(|(_, marker)| *marker < batch.base_offset);
        of_producer.get(ended).is_some_and(|(first, _)| *first <= batch.base_offset)
    }

    /// Takes note of a batch of records that stays, or of which its producer stays.
    pub(super) fn stays(&mut self, batch: &BatchHeader) {
        if batch.is_transactional() {
            self.unended.insert(batch.producer_id);
        }
    }

    /// A producer's marker comes; true if it ends a transaction of which something stays.
    pub(super) fn end(&mut self, producer: ProducerId) -> bool {
        self.unended.remove(&producer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::compaction::filter::tests::header;

    #[test]
    fn records_are_aborted_between_the_first_and_the_marker() {
        let aborted =
            HashMap::from([(ProducerId(7), vec![(Offset(2), Offset(5)), (Offset(10), Offset(12))])]);
        let transactions = Transactions { aborted, unended: HashSet::new() };
        for (producer, offset, expected) in [
            (7, 1, false),
            (7, 2, true),
            (7, 4, true),
            (7, 6, false),
            (7, 10, true),
            (7, 13, false),
            (8, 2, false),
        ] {
            let batch = header(producer, offset, true);
            assert_eq!(transactions.has_aborted(&batch), expected, "{producer} at {offset}");
        }
        assert!(!transactions.has_aborted(&header(7, 2, false)), "not of a transaction");
    }
}
