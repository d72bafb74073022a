//! Which batches of an answer a consumer sees that reads committed.

use std::collections::BTreeSet;

use headwater_model::{Offset, ProducerId};
use headwater_wire::batch::{Batch, BatchError, ControlMarker};
use headwater_wire::messages::fetch::AbortedTransaction;

/// Follows the aborted transactions through the batches of one answer.
///
/// The broker lists every aborted transaction that overlaps the answer, with its first offset.
#[derive(Debug)]
pub(super) struct AbortedTransactions {
    /// By first offset, the last first.
    ahead: Vec<(Offset, ProducerId)>,
    open: BTreeSet<ProducerId>,
}

impl AbortedTransactions {
    pub(super) fn new(listed: &[AbortedTransaction]) -> Self {
        let mut ahead: Vec<_> = listed
            .iter()
            .map(|aborted| (Offset(aborted.first_offset), ProducerId(aborted.producer_id)))
            .collect();
        ahead.sort_unstable_by(|left, right| right.cmp(left));
        Self { ahead, open: BTreeSet::new() }
    }

    /// True if the batch's records belong to an aborted transaction. To be called with each batch in turn, markers
    /// included.
    pub(super) fn hides(&mut self, batch: &Batch) -> Result<bool, BatchError> {
        while let Some((_, producer)) = self.ahead.pop_if(|(first, _)| *first <= batch.last_offset()) {
            self.open.insert(producer);
        }
        if batch.is_control() {
            if ControlMarker::of(batch)? == Some(ControlMarker::Abort) {
                self.open.remove(&batch.producer_id());
            }
            return Ok(false);
        }
        Ok(batch.is_transactional() && self.open.contains(&batch.producer_id()))
    }
}
