//! The producer: records go in one by one and leave in batches; each comes back with where it is, or with an error
//! that says whether it may have been written.
//!
//! Owns: [`Producer`], its settings and results; the decisions are those of the pure machine in
//! `machine.rs`, which a task (`driver.rs`) and one task per broker (`lane.rs`) carry out; transactions
//! ([`transaction`]) on top of it.
//!
//! Does not know: what is in a record.
//!
//! ```no_run
//! use headwater_client::{Client, ClientConfig, ProducerConfig, ProducerRecord};
//! use headwater_model::TopicName;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(ClientConfig::new(["localhost:9092"])).await?;
//! let producer = client.producer(ProducerConfig::default());
//! let flights = TopicName::new("flights")?;
//! let delivery = producer.send(ProducerRecord::new(&flights, b"{}").key(b"JFK")).await?;
//! let written = delivery.await?;
//! println!("{} at offset {}", written.topic_partition, written.offset);
//! producer.close().await?;
//! # Ok(())
//! # }
//! ```

mod config;
mod delivery;
mod driver;
mod error;
mod lane;
mod machine;
mod partitioner;
mod record;
mod request;
pub(crate) mod transaction;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use headwater_model::TopicName;
use tokio::time::{Instant, timeout_at};

use crate::client::Client;
use crate::connector::{Connector, TcpConnector};
use crate::metrics::ProducerMetrics;
use crate::pool::Purpose;
use delivery::Completion;
use driver::{Setup, Shared};
use machine::{Blocked, Machine};

pub use config::{Acks, ProducerConfig};
pub use delivery::Delivery;
pub use error::{SendError, SendFailure};
pub use partitioner::partition_for_key;
pub use record::{ProducerRecord, RecordMetadata};
pub use transaction::{
    Transaction, TransactionError, TransactionFailure, TransactionalConfig, TransactionalProducer,
};

/// Sends records. Clones are cheap and share the producer.
///
/// When the last clone is dropped, records that are not acknowledged yet are given up, and their [`Delivery`]s say so;
/// [`Producer::close`] or [`Producer::flush`] first, to have them acknowledged.
#[derive(Debug)]
pub struct Producer<C: Connector = TcpConnector> {
    handle: Arc<Handle<C>>,
}

impl<C: Connector> Clone for Producer<C> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

#[derive(Debug)]
struct Handle<C: Connector> {
    client: Client<C>,
    shared: Arc<Shared>,
    config: ProducerConfig,
}

impl<C: Connector> Drop for Handle<C> {
    fn drop(&mut self) {
        self.shared.abort(self.client.clock().monotonic(), SendFailure::Closed);
    }
}

impl<C: Connector> Client<C> {
    /// A producer with connections of its own and shared knowledge of the cluster. Needs a Tokio runtime.
    pub fn producer(&self, config: ProducerConfig) -> Producer<C> {
        let max_age = self.config().metadata_max_age;
        let machine = Machine::new(&config, self.backoff(), max_age, self.entropy());
        let setup = Setup {
            acks: config.acks,
            auto_create_topics: config.auto_create_topics,
            purpose: Purpose::Produce,
            transactional_id: None,
        };
        Producer::start(self, config, machine, setup)
    }
}

impl<C: Connector> Producer<C> {
    fn start(
        client: &Client<C>,
        config: ProducerConfig,
        machine: Machine<Arc<Completion>>,
        setup: Setup,
    ) -> Self {
        let shared = Arc::new(Shared::new(machine));
        tokio::spawn(driver::run(client.clone(), Arc::clone(&shared), setup));
        Self { handle: Arc::new(Handle { client: client.clone(), shared, config }) }
    }

    /// Takes a record, and gives what will become of it.
    ///
    /// Waits only for the topic's metadata, the first time, and for room in the buffer; records of one caller are
    /// sent in the order of the calls, per partition. Cancelling it before it is done takes the record back.
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<Delivery, SendError> {
        match self.try_send(&record) {
            Err(Blocked::Failed(error)) => Err(error),
            Err(_) => self.send_when_possible(&record).await,
            Ok(delivery) => Ok(delivery),
        }
    }

    /// What this producer has done so far.
    pub fn metrics(&self) -> ProducerMetrics {
        self.handle.shared.machine().metrics()
    }

    fn try_send(&self, record: &ProducerRecord<'_>) -> Result<Delivery, Blocked> {
        let Handle { client, shared, .. } = &*self.handle;
        let clock = client.clock();
        let appended =
            shared.machine().append(record, || clock.now(), || clock.monotonic(), Completion::new)?;
        if appended.wake {
            shared.wake.notify_one();
        }
        Ok(Delivery::new(appended.token, appended.index, appended.timestamp))
    }

    async fn send_when_possible(&self, record: &ProducerRecord<'_>) -> Result<Delivery, SendError> {
        let waited = self.handle.config.max_block;
        let deadline = Instant::now() + waited;
        loop {
            let mut progress = std::pin::pin!(self.handle.shared.progress.notified());
            // From here on no progress is missed.
            progress.as_mut().enable();
            let blocked = match self.try_send(record) {
                Ok(delivery) => return Ok(delivery),
                Err(Blocked::Failed(error)) => return Err(error),
                Err(still) => still,
            };
            self.handle.shared.wake.notify_one();
            if timeout_at(deadline, progress).await.is_err() {
                return Err(SendError::not_written(self.timed_out(record.topic, &blocked, waited)));
            }
        }
    }

    fn timed_out(&self, topic: &TopicName, blocked: &Blocked, waited: Duration) -> SendFailure {
        if matches!(blocked, Blocked::NoRoom) {
            return SendFailure::BufferFull { limit: self.handle.config.buffer_memory, waited };
        }
        let trouble = self.handle.shared.metadata_trouble.lock().unwrap_or_else(PoisonError::into_inner);
        SendFailure::NoMetadata { topic: topic.clone(), waited, last: trouble.clone() }
    }

    /// Sends everything that was taken so far without lingering, and waits until all of it is acknowledged or failed.
    ///
    /// Gives the first failure of any record since the last flush, whether or not somebody awaited it.
    pub async fn flush(&self) -> Result<(), SendError> {
        let shared = &self.handle.shared;
        let newest = shared.machine().flush();
        shared.wake.notify_one();
        let flushed = |machine: &mut Machine<_>| {
            machine.is_flushed(newest).then(|| machine.take_failure().map_or(Ok(()), Err))
        };
        shared.until(flushed).await
    }

    /// Flushes for at most the configured time, then gives up what is left, and takes no more records.
    ///
    /// The error is that of [`Producer::flush`], or that of the first record that was given up.
    pub async fn close(&self) -> Result<(), SendError> {
        let Handle { client, shared, config } = &*self.handle;
        let flushed = timeout_at(Instant::now() + config.close_timeout, self.flush()).await;
        shared.abort(client.clock().monotonic(), SendFailure::Closed);
        match flushed {
            Ok(result) => result,
            Err(_) => shared.machine().take_failure().map_or(Ok(()), Err),
        }
    }
}
