//! Changes of stores on their way into changelogs.

use std::collections::BTreeMap;

use headwater_client::{Delivery, SendError};
use headwater_model::Offset;

use crate::graph::StoreId;
use crate::topology::TaskId;

/// The batches of changes that are not known to be written: of each the last record's fate, which is the whole batch's.
#[derive(Debug, Default)]
pub(super) struct Changes {
    batches: BTreeMap<(TaskId, StoreId), Vec<Delivery>>,
}

impl Changes {
    pub(super) fn add(&mut self, task: TaskId, store: StoreId, delivery: Delivery) {
        let batches = self.batches.entry((task, store)).or_default();
        match batches.last_mut() {
            Some(last) if last.shares_batch(&delivery) => *last = delivery,
            _ => batches.push(delivery),
        }
    }

    /// Waits until all of them are written; gives where each changelog ends then.
    pub(super) async fn acknowledged(&mut self) -> Result<Vec<(TaskId, StoreId, Offset)>, SendError> {
        let mut ends = Vec::new();
        for ((task, store), batches) in std::mem::take(&mut self.batches) {
            for batch in batches {
                ends.push((task, store, batch.await?.offset.next()));
            }
        }
        Ok(ends)
    }
}
