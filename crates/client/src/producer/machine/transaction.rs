//! Batches as parts of a transaction: what the [`TransactionMachine`] is told of them, and what follows from its state.

use std::sync::Arc;

use headwater_model::{Monotonic, TopicPartition};

use super::Machine;
use crate::producer::error::SendFailure;
use crate::producer::transaction::error::TransactionError;
use crate::producer::transaction::machine::{
    Batches, Call, TransactionAnswer, TransactionMachine, TransactionVersion,
};

impl<T: Clone> Machine<T> {
    /// Makes it the machine of a transactional producer.
    pub(crate) fn with_transactions(mut self, transaction: TransactionMachine) -> Self {
        self.rules.idempotent = true;
        self.rules.transactional = true;
        self.transaction = Some(transaction);
        self
    }

    /// The dealings with coordinators; `None` once the producer is closed.
    pub(crate) fn transaction(&mut self) -> Option<&mut TransactionMachine> {
        self.transaction.as_mut().filter(|_| self.closed.is_none())
    }

    /// Begins a transaction; `None` if the one before has not ended yet.
    pub(crate) fn begin(&mut self, version: TransactionVersion) -> Option<Result<(), TransactionError>> {
        let Some(transaction) = self.transaction() else {
            return Some(Err(TransactionError::Closed));
        };
        let begun = transaction.begin(version)?;
        let number = transaction.number();
        self.rules.admission = (version == TransactionVersion::V1).then_some(number);
        Some(begun)
    }

    /// Commits once everything that was taken has succeeded; nothing lingers.
    pub(crate) fn commit(&mut self) {
        self.flush();
        if let Some(transaction) = self.transaction() {
            transaction.commit();
        }
    }

    /// The answer to [`super::Action::Coordinate`].
    pub(crate) fn coordinated(&mut self, now: Monotonic, answer: TransactionAnswer) {
        let Some(transaction) = &mut self.transaction else { return };
        let admitted = transaction.answered(answer, now);
        let (identity, number) = (transaction.identity(), transaction.number());
        for at in admitted {
            self.admit(&at, number);
        }
        if self.identity != identity {
            self.identity = identity;
            let partitions = self.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            partitions.for_each(super::Partition::forget_numbers);
        }
    }

    fn admit(&mut self, at: &TopicPartition, number: u64) {
        let Some(place) = self.places.get(&at.topic) else { return };
        let partitions = self.topics.get_mut(*place).map(|topic| &mut topic.partitions);
        let index = usize::try_from(at.partition.0).unwrap_or(usize::MAX);
        if let Some(partition) = partitions.and_then(|partitions| partitions.get_mut(index)) {
            partition.admitted = Some(number);
        }
    }

    /// The request that is due to a coordinator.
    pub(super) fn coordinate(&mut self, now: Monotonic) -> Option<super::Action<T>> {
        let batches =
            Batches { unresolved: !self.unresolved.is_empty(), in_flight: !self.requests.is_empty() };
        let call: Call = self.transaction.as_mut()?.poll(now, batches)?;
        Some(super::Action::Coordinate(call))
    }

    /// What will never be committed is given up; what is in flight stays until it is answered, and nobody waits for it.
    pub(super) fn discard_what_is_aborted(&mut self) {
        let Some(transaction) =
            self.transaction.as_ref().filter(|transaction| transaction.gives_up_batches())
        else {
            return;
        };
        if self.unresolved.is_empty() {
            return;
        }
        let refusal = transaction.refusal().cloned();
        let cause = Arc::new(refusal.map_or(SendFailure::Aborted, SendFailure::Transaction));
        let partitions = self.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        let changes: Vec<_> = partitions.map(|partition| partition.discard(&cause)).collect();
        for changes in changes {
            self.apply(changes);
        }
    }
}
