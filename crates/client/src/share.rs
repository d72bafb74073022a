//! The share consumer: takes records of partitions that it shares with others, one by one, and says what became of each
//! (KIP-932).
//!
//! Owns: [`ShareConsumer`], the handle; the task behind it ([`driver`]), which keeps up membership and sessions; the pure
//! [`state`] that both share under a lock.
//!
//! Invariants: the lock is never held across an await. Records are acquired for polls that wait, and none ahead of them:
//! their locks would run meanwhile.
//!
//! Does not know: what is in records.

mod acquired;
mod config;
mod driver;
mod error;
mod ranges;
mod sessions;
mod state;

use std::sync::Arc;
use std::time::Duration;

use headwater_model::{Offset, TopicName, TopicPartition};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;
use crate::connector::{Connector, TcpConnector};
use driver::Shared;
use state::ShareState;

pub use acquired::{Acknowledgement, Acquired, AcquiredRange, ShareRecord};
pub use config::{Acknowledging, ShareConsumerConfig};
pub use error::{AcknowledgeCause, AcknowledgeFailure, AcknowledgeFailures, NotAcquired, ShareError};

/// A member of a share group: the records of a partition go to any of the members, each to one at a time, and come again
/// unless they are accepted or rejected.
///
/// A group may have more members than partitions, and slow work on one record holds up no other. Order is not kept. A
/// record that is handed out is locked for its member, for as long as the group is configured to (30 s by Kafka's default);
/// then, or when it is released, others get it, up to a number of times.
///
/// ```no_run
/// use std::time::Duration;
///
/// use headwater_client::{Acknowledgement, Acknowledging, Client, ClientConfig, ShareConsumerConfig};
/// use headwater_model::TopicName;
///
/// # fn work(_: Option<&[u8]>) -> Result<(), ()> { Ok(()) }
/// # async fn consume() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect(ClientConfig::new(["localhost:9092"])).await?;
/// let config = ShareConsumerConfig::in_group("mailers");
/// let consumer = client.share_consumer(ShareConsumerConfig { acknowledging: Acknowledging::Explicit, ..config });
/// consumer.subscribe([TopicName::new("mails")?]);
/// loop {
///     for acquired in consumer.poll(Duration::from_secs(1)).await? {
///         let batch = acquired.open(64 << 20)?;
///         for mail in acquired.records(&batch) {
///             let mail = mail?;
///             let how = match work(mail.record.value) {
///                 Ok(()) => Acknowledgement::Accept,
///                 Err(()) if mail.delivery_count < 5 => Acknowledgement::Release,
///                 Err(()) => Acknowledgement::Reject,
///             };
///             consumer.acknowledge(&acquired.topic_partition, mail.record.offset, how)?;
///         }
///     }
///     consumer.commit().await?;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct ShareConsumer<C: Connector = TcpConnector> {
    shared: Arc<Shared<C>>,
    /// `None` once closed.
    driver: Option<JoinHandle<()>>,
}

impl<C: Connector> Client<C> {
    /// A share consumer that takes no part in its group yet. Must be called within a Tokio runtime.
    pub fn share_consumer(&self, config: ShareConsumerConfig) -> ShareConsumer<C> {
        let shared = Arc::new(Shared::new(self.clone(), config));
        let driver = tokio::spawn(driver::run(Arc::clone(&shared)));
        ShareConsumer { shared, driver: Some(driver) }
    }
}

impl<C: Connector> ShareConsumer<C> {
    /// Shares the records of these topics with the other members of the group, instead of those of any topics before.
    /// Topics that do not exist yet count once they do. Joining begins at once, in the background.
    pub fn subscribe(&self, topics: impl IntoIterator<Item = TopicName>) {
        let now = self.shared.now();
        self.shared.with(|state| state.subscribe(topics.into_iter().collect(), now));
    }

    /// Leaves the group. What is acquired and not acknowledged goes to others.
    pub fn unsubscribe(&self) {
        self.subscribe([]);
    }

    /// True once subscribed, until unsubscribed.
    pub fn is_subscribed(&self) -> bool {
        self.shared.look(ShareState::is_subscribed)
    }

    /// The partitions that records come from just now, in order.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.shared.look(ShareState::assignment)
    }

    /// Records that are acquired for this consumer, waiting up to `wait` for some; none if none came.
    ///
    /// With [`Acknowledging::Implicit`], this accepts what was handed out before and was not acknowledged otherwise.
    /// Cancel-safe.
    pub async fn poll(&self, wait: Duration) -> Result<Vec<Acquired>, ShareError> {
        let _polling = self.shared.begin_poll();
        timeout(wait, self.shared.next()).await.unwrap_or_else(|_| Ok(Vec::new()))
    }

    /// Says what is to become of one record. It is on its way soon after; [`ShareConsumer::commit`] waits for it.
    ///
    /// In whatever order: a record may be acknowledged after later ones, and after later polls (Kafka's client wants all of
    /// them acknowledged before the next poll), as long as its lock has not ended.
    pub fn acknowledge(
        &self,
        at: &TopicPartition,
        offset: Offset,
        how: Acknowledgement,
    ) -> Result<(), NotAcquired> {
        let now = self.shared.now();
        self.shared.with(|state| state.sessions.acknowledge(at, (offset.0, offset.0), how, now))
    }

    /// The same of all records of a batch that are still acquired. Fails if none is.
    pub fn acknowledge_all(&self, acquired: &Acquired, how: Acknowledgement) -> Result<(), NotAcquired> {
        let (now, at) = (self.shared.now(), &acquired.topic_partition);
        self.shared.with(|state| {
            let mut outcome =
                Err(NotAcquired { partition: at.clone(), offset: acquired.batch.base_offset() });
            for range in &acquired.ranges {
                let told = state.sessions.acknowledge(at, (range.first.0, range.last.0), how, now);
                outcome = if outcome.is_ok() { outcome } else { told };
            }
            outcome
        })
    }

    /// Waits until everything that was acknowledged so far has reached the brokers. Fails with what did not since the last
    /// commit: those records may come again.
    pub async fn commit(&self) -> Result<(), AcknowledgeFailures> {
        let (waiter, outcome) = oneshot::channel();
        self.shared.with(|state| state.sessions.commit(waiter));
        match outcome.await {
            Ok(failures) if failures.is_empty() => Ok(()),
            Ok(failures) => Err(AcknowledgeFailures(failures)),
            // An error would mean that the runtime is shutting down.
            Err(_) => Err(AcknowledgeFailures(Vec::new())),
        }
    }

    /// Tells what was acknowledged, releases what was not, leaves the group and ends. Fails with the acknowledgements that
    /// did not get through.
    ///
    /// A consumer that is dropped instead ends at once: its brokers release what it had when they notice.
    pub async fn close(mut self) -> Result<(), AcknowledgeFailures> {
        let (waiter, outcome) = oneshot::channel();
        self.shared.begin_close();
        self.shared.with(|state| state.sessions.commit(waiter));
        if let Some(driver) = self.driver.take() {
            // An error would mean that the runtime is shutting down.
            driver.await.unwrap_or_default();
        }
        let failures = outcome.await.unwrap_or_default();
        if failures.is_empty() { Ok(()) } else { Err(AcknowledgeFailures(failures)) }
    }
}

impl<C: Connector> Drop for ShareConsumer<C> {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
        self.shared.release();
    }
}
