//! Which batches have to stay, if only empty, so that the log tells each producer's epoch and last sequence.
//!
//! Invariants: what is found is below what is durable: a later batch of the producer may be lost, and then what came
//! before it must still be known. Where nothing is known of a producer that is active, all that is left of it stays.

use std::collections::BTreeMap;

use headwater_model::{Offset, ProducerEpoch, ProducerId};
use headwater_wire::batch::BatchHeader;

/// The producers that are active.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    producers: BTreeMap<ProducerId, Anchor>,
}

/// What has to stay of a producer.
#[derive(Debug, Clone, Copy)]
enum Anchor {
    /// Whatever there is.
    Any,
    /// The batch that ends at an offset: its last, or, if it has written nothing in its epoch, the marker that began that.
    One { ends: Offset, epoch: Option<ProducerEpoch>, is_marker: bool },
}

impl Anchors {
    /// As the log remembers them: the last offset of each one's last batch, if that is known.
    pub(super) fn new(active: &BTreeMap<ProducerId, Option<Offset>>, first_dirty: Offset) -> Self {
        let anchor = |last: Option<Offset>| match last.filter(|last| *last < first_dirty) {
            Some(ends) => Anchor::One { ends, epoch: None, is_marker: false },
            None => Anchor::Any,
        };
        Self { producers: active.iter().map(|(id, last)| (*id, anchor(*last))).collect() }
    }

    /// Takes note of a batch between the first dirty offset and what is durable, in the order of offsets.
    pub(super) fn see(&mut self, batch: &BatchHeader) {
        let Some(anchor) = self.producers.get_mut(&batch.producer_id) else {
            return;
        };
        let is_news = match *anchor {
            _ if !batch.is_control() => true,
            // Perhaps of the epoch of a batch that is not among those seen.
            Anchor::Any => false,
            Anchor::One { is_marker: true, .. } => true,
            // A marker of the same epoch says nothing that the last batch does not.
            Anchor::One { epoch, .. } => epoch.is_some_and(|epoch| epoch != batch.producer_epoch),
        };
        if is_news {
            let epoch = Some(batch.producer_epoch);
            *anchor = Anchor::One { ends: batch.last_offset(), epoch, is_marker: batch.is_control() };
        }
    }

    /// True if a batch has to stay.
    pub(super) fn hold(&self, batch: &BatchHeader) -> bool {
        match self.producers.get(&batch.producer_id) {
            None => false,
            Some(Anchor::Any) => true,
            Some(Anchor::One { ends, .. }) => batch.last_offset() == *ends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::compaction::filter::tests::header;

    fn batch(producer: i64, offset: i64, epoch: i16, is_marker: bool) -> BatchHeader {
        let mut batch = header(producer, offset, true);
        batch.producer_epoch = ProducerEpoch(epoch);
        batch.attributes |= if is_marker { 1 << 5 } else { 0 };
        batch
    }

    #[test]
    fn the_last_batch_or_the_marker_of_a_later_epoch_stays() {
        let active = [(1, Some(Offset(3))), (2, Some(Offset(90))), (3, None), (4, None)];
        let active = active.into_iter().map(|(id, last)| (ProducerId(id), last)).collect();
        let mut anchors = Anchors::new(&active, Offset(10));
        let held = |anchors: &Anchors, id| -> Vec<i64> {
            (0..20).filter(|offset| anchors.hold(&batch(id, *offset, 0, false))).collect()
        };
        assert_eq!(held(&anchors, 1), [3], "the last is known");
        assert_eq!(held(&anchors, 2).len(), 20, "the last may be lost");
        anchors.see(&batch(2, 10, 0, true));
        assert_eq!(held(&anchors, 2).len(), 20, "nor does a marker tell");
        anchors.see(&batch(2, 11, 0, false));
        anchors.see(&batch(2, 12, 0, true));
        assert_eq!(held(&anchors, 2), [11]);
        anchors.see(&batch(2, 13, 1, true));
        assert_eq!(held(&anchors, 2), [13]);
        anchors.see(&batch(2, 14, 1, true));
        assert_eq!(held(&anchors, 2), [14]);
        anchors.see(&batch(2, 15, 1, false));
        assert_eq!(held(&anchors, 2), [15]);
        anchors.see(&batch(1, 16, 0, true));
        assert_eq!((held(&anchors, 1), held(&anchors, 5)), (vec![3], vec![]));
    }
}
