//! Partitions that have something to write, handed to the log's threads together.
//!
//! Owns: how much one thread does in a row, and that those who wait are woken once for all of it.
//!
//! Invariants: a partition that was added is drained, whatever happens to those before it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Partition;
use super::append::Outcome;
use crate::storage::Lane;

/// So many bytes are worth another thread.
const MOST_IN_A_ROW: usize = 256 << 10;

/// What one request appends: it is handed over when this is dropped, or before where it is much.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    partitions: Vec<Arc<Partition>>,
    bytes: usize,
}

impl Handover {
    /// Has a partition drained, which has so much to write at least.
    pub(super) fn add(&mut self, partition: Arc<Partition>, bytes: usize) {
        if partition.opens_batches(&partition.settings()) {
            return hand_over(vec![partition], Lane::Opening);
        }
        self.partitions.push(partition);
        self.bytes += bytes;
        if self.bytes >= MOST_IN_A_ROW {
            self.bytes = 0;
            hand_over(std::mem::take(&mut self.partitions), Lane::Plain);
        }
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        hand_over(std::mem::take(&mut self.partitions), Lane::Plain);
    }
}

fn hand_over(partitions: Vec<Arc<Partition>>, lane: Lane) {
    if let Some(first) = partitions.first() {
        let storage = first.storage.clone();
        storage.run(lane, move || drain(partitions));
    }
}

fn drain(mut partitions: Vec<Arc<Partition>>) {
    partitions.reverse();
    // Dropped last, so that those who wait for several are woken once; and if one panics, the rest is handed over again.
    let mut answers = Answers::default();
    let mut rest = Handover { partitions, bytes: 0 };
    while let Some(partition) = rest.partitions.pop() {
        partition.drain(&mut answers);
    }
}

/// Answers that are sent when this is dropped: who waits for several is woken when all are there.
#[derive(Debug, Default)]
pub(crate) struct Answers(Vec<(oneshot::Sender<Outcome>, Outcome)>);

impl Answers {
    pub(super) fn add(&mut self, reply: oneshot::Sender<Outcome>, outcome: Outcome) {
        self.0.push((reply, outcome));
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for (reply, outcome) in self.0.drain(..) {
            let _ = reply.send(outcome);
        }
    }
}
