//! Transactions as a partition sees them: who may write within one, and the markers that end them.
//!
//! Invariants: a batch within a transaction is written only where that is known to be open ([`super::verification`]).
//!
//! Does not know: who coordinates.

use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Assign, Log, ProducerState};
use headwater_model::ProducerId;
use headwater_wire::batch::{BatchHeader, ControlMarker};

use super::append::Outcome;
use super::verification::Incarnation;
use super::{Acks, AppendError, Appending, Origin, Partition};
use crate::storage::lock;

/// The coordinator of a producer's transaction is being asked whether the partition is in it. Good for one append, which
/// is to be over before this is dropped.
#[derive(Debug)]
pub(crate) struct Verification {
    partition: Arc<Partition>,
    producer: ProducerId,
    question: u64,
}

impl Verification {
    /// For [`Origin::Client`].
    pub(crate) fn question(&self) -> u64 {
        self.question
    }
}

impl Drop for Verification {
    fn drop(&mut self) {
        lock(&self.partition.verifications).forget(self.producer, self.question);
    }
}

impl Partition {
    /// Ends a producer's transaction, if it has one open here. `by_hand` is refused if it is of an older epoch.
    pub(crate) fn end_transaction(
        self: &Arc<Self>,
        (producer, epoch): Incarnation,
        marker: ControlMarker,
        by_hand: bool,
    ) -> Appending {
        let batch = marker.batch(producer, epoch, self.storage.clock.now());
        self.append(batch, Acks::All, Origin::Marker { producer, by_hand })
    }

    /// True if a producer has written here within its open transaction, so that nobody has to be asked.
    pub(crate) fn is_in_transaction(&self, writer: Incarnation) -> bool {
        lock(&self.verifications).is_open(writer)
    }

    /// To be called before the coordinator is asked whether the partition is in a producer's transaction.
    pub(crate) fn begin_verification(self: &Arc<Self>, producer: ProducerId) -> Verification {
        let question = lock(&self.verifications).ask(producer);
        Verification { partition: self.clone(), producer, question }
    }

    /// The producers that the log remembers; waits for what is being written.
    pub(crate) fn producers(&self) -> Vec<ProducerState> {
        self.writer().log.as_ref().map(|log| log.producers().states().collect()).unwrap_or_default()
    }

    /// Writes what a client has produced; within a transaction only if that is known to be open.
    pub(super) fn write_clients(
        &self,
        log: &mut Log,
        batches: Bytes,
        verified: Option<u64>,
        assign: Assign,
    ) -> Outcome {
        let header = BatchHeader::parse(&batches)?;
        if !header.is_transactional() {
            return Ok(log.append(batches, assign)?);
        }
        let writer = (header.producer_id, header.producer_epoch);
        if !lock(&self.verifications).admits(writer, verified) {
            return Err(AppendError::Unverified);
        }
        let appended = log.append(batches, assign)?;
        lock(&self.verifications).written(writer);
        Ok(appended)
    }
}
