//! How a transactional producer is set up.

use std::time::Duration;

use super::machine::TransactionVersion;
use crate::producer::config::ProducerConfig;

/// How a [`TransactionalProducer`](crate::TransactionalProducer) is set up. Start from
/// [`TransactionalConfig::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct TransactionalConfig {
    /// Who the producer is, beyond restarts: of those with the same id, the newest shuts out the others and puts an end
    /// to what they had begun. Every running process (of a stream application: every task) needs its own.
    pub transactional_id: String,
    /// After so long the coordinator aborts a transaction by itself, and shuts its producer out. At most what the
    /// brokers allow (`transaction.max.timeout.ms`, 15 min by default). Default 1 min.
    pub transaction_timeout: Duration,
    /// How records are sent. `acks` and `idempotent` have no effect: transactions need the strictest. `max_block` also
    /// bounds for how long a coordinator is asked.
    pub producer: ProducerConfig,
    /// For tests of clusters that know both: no higher `transaction.version` than this.
    #[doc(hidden)]
    pub max_transaction_version: i16,
}

impl TransactionalConfig {
    /// The defaults, for a producer of that id.
    pub fn new(transactional_id: impl Into<String>) -> Self {
        Self {
            transactional_id: transactional_id.into(),
            transaction_timeout: Duration::from_mins(1),
            producer: ProducerConfig::default(),
            max_transaction_version: i16::MAX,
        }
    }

    /// The version to be used on a cluster whose feature `transaction.version` is at that level.
    pub(super) fn version(&self, finalized: i16) -> TransactionVersion {
        if finalized.min(self.max_transaction_version) >= 2 {
            TransactionVersion::V2
        } else {
            TransactionVersion::V1
        }
    }
}
