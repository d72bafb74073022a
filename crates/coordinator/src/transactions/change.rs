//! The durable facts about transactions, as domain types: what `__transaction_state` holds.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_model::{ProducerEpoch, ProducerId, Timestamp, TopicPartition};

use crate::TransactionalId;

/// A durable fact. Each replaces what an earlier one about the same transactional id said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionChange {
    /// How a transactional id stands.
    Stored(StoredTransaction),
    /// A transactional id is gone: nobody has used it for long.
    Forgotten {
        /// The id.
        id: TransactionalId,
    },
}

/// How a transactional id stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTransaction {
    /// The id.
    pub id: TransactionalId,
    /// The producer that may write.
    pub producer: ProducerIdentity,
    /// The producer id before the last one was used up.
    pub previous_id: Option<ProducerId>,
    /// The producer id from the end of this transaction on, where the present one is used up.
    pub next_id: Option<ProducerId>,
    /// How long a transaction may take.
    pub timeout: Duration,
    /// Where the transaction is.
    pub state: TransactionState,
    /// The partitions that it has written to.
    pub partitions: BTreeSet<TopicPartition>,
    /// When the last transaction began.
    pub started_at: Option<Timestamp>,
    /// When this was written.
    pub updated_at: Timestamp,
    /// How the producer ends its transactions.
    pub version: TransactionVersion,
}

/// A producer id with the epoch that tells its incarnations apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProducerIdentity {
    /// The producer id.
    pub id: ProducerId,
    /// The epoch.
    pub epoch: ProducerEpoch,
}

impl ProducerIdentity {
    /// No client gets a greater epoch, so that there is one left to fence it with.
    const LAST_EPOCH: i16 = i16::MAX - 1;

    /// A producer id that nobody has used.
    pub(super) fn first(id: ProducerId) -> Self {
        Self { id, epoch: ProducerEpoch(0) }
    }

    /// True if the epochs of this id are used up.
    pub(super) fn is_exhausted(self) -> bool {
        self.epoch.0 >= Self::LAST_EPOCH
    }

    /// True for the epoch that fences the last that a client can have.
    pub(super) fn is_last(self) -> bool {
        self.epoch.0 == i16::MAX
    }

    /// The next incarnation. (Where the epochs are used up, the one that fences, which is no client's.)
    pub(super) fn bumped(self) -> Self {
        Self { epoch: ProducerEpoch(self.epoch.0.saturating_add(1)), ..self }
    }
}

/// Where a transactional id is in the life of its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionState {
    /// There was none since the producer was initialized.
    Empty,
    /// Partitions have been added.
    Ongoing,
    /// Its outcome is decided; markers are being written.
    Prepared(Outcome),
    /// All markers are written.
    Completed(Outcome),
}

impl TransactionState {
    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::Prepared(Outcome::Commit) => "PrepareCommit",
            Self::Prepared(Outcome::Abort) => "PrepareAbort",
            Self::Completed(Outcome::Commit) => "CompleteCommit",
            Self::Completed(Outcome::Abort) => "CompleteAbort",
        }
    }
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// What it wrote counts.
    Commit,
    /// It does not.
    Abort,
}

/// How a producer ends its transactions (Kafka's `transaction.version`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionVersion {
    /// The epoch stays from one transaction to the next.
    V1,
    /// Each transaction has an epoch of its own, so that nothing that comes late can be taken for part of the next
    /// (KIP-890).
    V2,
}
