//! Transactions: records of many partitions, and the offsets of what they were made from, that become visible together
//! or not at all.
//!
//! Owns: [`TransactionalProducer`] and [`Transaction`], their settings and errors; the decisions are those of the pure
//! [`machine`], which [`coordinate`] carries out.
//!
//! Invariants: a producer has one transaction at a time, which borrows it. A transaction that is not committed is
//! aborted, whatever becomes of its handle; no other begins before.
//!
//! Does not know: how batches are numbered and sent (see [`super::machine`]).

mod config;
pub(super) mod coordinate;
pub(crate) mod error;
pub(crate) mod machine;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_model::TopicPartition;
use tokio::time::timeout;

use super::delivery::{Completion, Delivery};
use super::driver::Setup;
use super::error::SendError;
use super::machine::Machine;
use super::record::ProducerRecord;
use super::{Acks, Producer};
use crate::client::Client;
use crate::connector::{Connector, TcpConnector};
use crate::consumer::{CommittedOffset, ConsumerGroupMetadata};
use crate::metrics::ProducerMetrics;
use crate::pool::Purpose;
use machine::{TransactionMachine, TransactionRules};

pub use config::TransactionalConfig;
pub use error::{TransactionError, TransactionFailure};

/// Sends records in transactions.
///
/// ```no_run
/// use std::time::Duration;
///
/// use headwater_client::{
///     Client, ClientConfig, ConsumerConfig, Isolation, ProducerRecord, TransactionalConfig,
/// };
/// use headwater_model::TopicName;
///
/// # async fn shout() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect(ClientConfig::new(["localhost:9092"])).await?;
/// // First, since it settles what an earlier run has left.
/// let mut producer = client.transactional_producer(TransactionalConfig::new("shouter-0")).await?;
/// let isolation = Isolation::ReadCommitted;
/// let consumer = client.consumer(ConsumerConfig { isolation, ..ConsumerConfig::in_group("shouters") });
/// consumer.subscribe([TopicName::new("words")?])?;
/// let shouts = TopicName::new("shouts")?;
/// loop {
///     let batches = consumer.poll(Duration::from_millis(100)).await?;
///     let transaction = producer.begin().await?;
///     for fetched in &batches {
///         let batch = fetched.open(64 << 20)?;
///         for word in fetched.records(&batch) {
///             let shout = word?.value.unwrap_or_default().to_ascii_uppercase();
///             transaction.send(ProducerRecord::new(&shouts, &shout)).await?;
///         }
///     }
///     transaction.send_offsets(consumer.positions(), &consumer.group_metadata()?).await?;
///     transaction.commit().await?;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct TransactionalProducer<C: Connector = TcpConnector> {
    producer: Producer<C>,
    config: TransactionalConfig,
}

/// A transaction that has begun: everything sent in it becomes visible to those who read committed records when it is
/// committed, all at once for each partition, or never.
///
/// Dropping it aborts it: in the background, and before the next one begins.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'producer, C: Connector = TcpConnector> {
    producer: &'producer Producer<C>,
}

impl<C: Connector> Client<C> {
    /// A producer of transactions.
    ///
    /// From now on older producers with the same transactional id are shut out, and what they had begun is committed, if
    /// that was decided, or aborted: who then asks for the committed offsets of a group finds those of the last
    /// transaction that was committed.
    ///
    /// Tries for as long as `max_block` says.
    pub async fn transactional_producer(
        &self,
        config: TransactionalConfig,
    ) -> Result<TransactionalProducer<C>, TransactionError> {
        let transactional_id: Arc<str> = config.transactional_id.as_str().into();
        let rules = TransactionRules {
            transactional_id: Arc::clone(&transactional_id),
            timeout: config.transaction_timeout,
            patience: config.producer.max_block,
            backoff: self.backoff(),
        };
        let transactions = TransactionMachine::new(rules, self.entropy());
        let max_age = self.config().metadata_max_age;
        let machine = Machine::new(&config.producer, self.backoff(), max_age, self.entropy())
            .with_transactions(transactions);
        let setup = Setup {
            acks: Acks::All,
            auto_create_topics: config.producer.auto_create_topics,
            purpose: Purpose::Transaction(self.next_owner()),
            transactional_id: Some(transactional_id),
        };
        let producer = Producer::start(self, config.producer.clone(), machine, setup);
        within(&producer, TransactionMachine::is_identified).await?;
        Ok(TransactionalProducer { producer, config })
    }
}

impl<C: Connector> TransactionalProducer<C> {
    /// Begins a transaction, once the one before has ended.
    ///
    /// Cancel-safe. Fails with [`TransactionError::TimedOut`] if that takes longer than `max_block`, and otherwise only
    /// if this producer can have no more transactions.
    pub async fn begin(&mut self) -> Result<Transaction<'_, C>, TransactionError> {
        let handle = &self.producer.handle;
        let version = self.config.version(handle.client.transaction_version());
        timed(&self.producer, |machine| machine.begin(version)).await?;
        Ok(Transaction { producer: &self.producer })
    }

    /// What this producer has done so far; records of transactions that were aborted later count as acknowledged.
    pub fn metrics(&self) -> ProducerMetrics {
        self.producer.metrics()
    }

    /// Ends the producer, once the abort of a transaction that was dropped is through.
    ///
    /// A producer that is dropped instead ends at once; what it had begun is aborted after the transaction timeout, or
    /// when there is another producer with its transactional id.
    pub async fn close(self) -> Result<(), TransactionError> {
        within(&self.producer, TransactionMachine::aborted).await
    }
}

impl<C: Connector> Transaction<'_, C> {
    /// Takes a record into the transaction. Like [`Producer::send`]: it waits only for metadata and for room.
    ///
    /// Nobody need await the delivery: a record that fails fails the commit. An acknowledged record is in the log, and
    /// becomes visible with the commit. Once the transaction has failed, so does each send.
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<Delivery, SendError> {
        self.producer.send(record).await
    }

    /// Commits offsets (each of the next record to read) of a consumer's group as part of the transaction.
    ///
    /// The group's coordinator keeps them aside until the transaction is committed. It refuses the offsets of a consumer
    /// that its group has moved on without: [`TransactionError::must_rejoin`]. To be called from one place at a time.
    pub async fn send_offsets<O: Into<CommittedOffset>>(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, O)>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), TransactionError> {
        let offsets: BTreeMap<_, _> = offsets.into_iter().map(|(at, offset)| (at, offset.into())).collect();
        let shared = &self.producer.handle.shared;
        let now = self.producer.handle.client.clock().monotonic();
        let number = in_transaction(&mut shared.machine(), |transaction| {
            Some(Ok(transaction.push_offsets(offsets, group.clone(), now)))
        });
        let number = number.unwrap_or(Err(TransactionError::Closed))?;
        shared.wake.notify_one();
        let sent = |transaction: &mut TransactionMachine| transaction.offsets_sent(number);
        shared.until(|machine| in_transaction(machine, sent)).await
    }

    /// Commits, once every record is acknowledged and every offset accepted.
    ///
    /// After [`TransactionError::Abortable`], which names what failed first, nothing of the transaction will be seen, and
    /// the producer can begin anew. A commit that is cancelled is either carried out or not, and the next transaction
    /// begins after.
    pub async fn commit(self) -> Result<(), TransactionError> {
        let shared = &self.producer.handle.shared;
        shared.machine().commit();
        shared.wake.notify_one();
        shared.until(|machine| in_transaction(machine, |transaction| transaction.committed())).await
    }

    /// Aborts: nothing of the transaction will be seen. Records that are not acknowledged yet are given up.
    pub async fn abort(self) -> Result<(), TransactionError> {
        let producer = self.producer;
        drop(self);
        within(producer, TransactionMachine::aborted).await
    }
}

impl<C: Connector> Drop for Transaction<'_, C> {
    fn drop(&mut self) {
        let shared = &self.producer.handle.shared;
        if let Some(transaction) = shared.machine().transaction() {
            transaction.abort();
        }
        shared.wake.notify_one();
    }
}

type Step<R> = Option<Result<R, TransactionError>>;

fn in_transaction<R>(
    machine: &mut Machine<Arc<Completion>>,
    look: impl FnOnce(&mut TransactionMachine) -> Step<R>,
) -> Step<R> {
    match machine.transaction() {
        Some(transaction) => look(transaction),
        None => Some(Err(TransactionError::Closed)),
    }
}

/// Waits for something about the transaction, for as long as a call may take.
async fn within<C: Connector>(
    producer: &Producer<C>,
    look: impl Fn(&TransactionMachine) -> Step<()>,
) -> Result<(), TransactionError> {
    timed(producer, |machine| in_transaction(machine, |transaction| look(transaction))).await
}

async fn timed<C: Connector>(
    producer: &Producer<C>,
    look: impl FnMut(&mut Machine<Arc<Completion>>) -> Step<()>,
) -> Result<(), TransactionError> {
    let shared = &producer.handle.shared;
    shared.wake.notify_one();
    let waited: Duration = producer.handle.config.max_block;
    timeout(waited, shared.until(look)).await.unwrap_or_else(|_| {
        let last = shared.machine().transaction().and_then(|transaction| transaction.trouble());
        Err(TransactionError::TimedOut { waited, last })
    })
}
