//! The consumer: reads partitions, as one of a group or by itself.
//!
//! Owns: [`Consumer`], the handle; the task behind it ([`driver`]), which reads ahead and keeps up the membership
//! while the application works; the pure [`state`] that both share under a lock.
//!
//! Invariants: the lock is never held across an await. Batches are handed out by poll alone, events of the group
//! before batches.
//!
//! Does not know: what is in records; how often offsets should be committed (nothing is committed by itself).

mod commits;
mod committed;
mod config;
mod driver;
mod error;
mod event;
mod group_metadata;
mod pattern;
mod state;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use headwater_model::{Offset, TopicName, TopicPartition};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;
use crate::connector::{Connector, TcpConnector};
use crate::metrics::ConsumerMetrics;
use driver::Shared;
use state::ConsumerState;

pub(crate) use commits::{Commits, Offsets, Outcome};
pub(crate) use committed::LAST_VERSION_BY_NAME;
pub use config::{ConsumerConfig, GroupProtocol, Isolation, OffsetReset};
pub use error::{CommitError, ConsumeError, GroupError};
pub use event::{CommittedOffset, ConsumerEvent, Fetched, StartAt, Watermarks};
pub use group_metadata::ConsumerGroupMetadata;
pub use pattern::{InvalidPattern, TopicPattern};

/// Reads records, in batches.
///
/// Partitions are assigned by hand ([`Consumer::assign`]) or by the group among its members
/// ([`Consumer::subscribe`]). A task of its own reads ahead of the application and sends the member's heartbeats, so
/// that slow work between polls costs no membership, up to `max_poll_interval`. Nothing is committed by itself.
///
/// ```no_run
/// use std::time::Duration;
///
/// use headwater_client::{Client, ClientConfig, ConsumerConfig, ConsumerEvent};
/// use headwater_model::TopicName;
///
/// # async fn consume() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect(ClientConfig::new(["localhost:9092"])).await?;
/// let consumer = client.consumer(ConsumerConfig::in_group("billing"));
/// consumer.subscribe([TopicName::new("payments")?])?;
/// loop {
///     match consumer.poll_event(Duration::from_secs(1)).await? {
///         Some(ConsumerEvent::Fetched(fetched)) => {
///             for fetched in &fetched {
///                 let batch = fetched.open(64 << 20)?;
///                 for record in fetched.records(&batch) {
///                     println!("{:?}", record?.value);
///                 }
///             }
///             consumer.commit(consumer.positions()).await?;
///         }
///         // What others are about to read on must be committed before the next poll.
///         Some(ConsumerEvent::Revoked(_)) => consumer.commit(consumer.positions()).await?,
///         Some(ConsumerEvent::Assigned(_) | ConsumerEvent::Lost(_)) | None => {}
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Consumer<C: Connector = TcpConnector> {
    shared: Arc<Shared<C>>,
    /// `None` once closed.
    driver: Option<JoinHandle<()>>,
}

impl<C: Connector> Client<C> {
    /// A consumer, with nothing to read yet. Must be called within a Tokio runtime.
    pub fn consumer(&self, config: ConsumerConfig) -> Consumer<C> {
        let shared = Arc::new(Shared::new(self.clone(), config));
        let driver = tokio::spawn(driver::run(Arc::clone(&shared)));
        Consumer { shared, driver: Some(driver) }
    }
}

impl<C: Connector> Consumer<C> {
    /// Takes part in the group's division of these topics' partitions, instead of any topics before. Topics that do
    /// not exist are looked for.
    ///
    /// Joining begins at once, in the background; the partitions come as [`ConsumerEvent::Assigned`]. Whatever was
    /// assigned by hand is forgotten.
    pub fn subscribe(&self, topics: impl IntoIterator<Item = TopicName>) -> Result<(), ConsumeError> {
        let now = self.shared.now();
        self.shared.with(|state| state.subscribe(topics.into_iter().collect(), now))
    }

    /// Takes part in the group's division of all topics that match, instead of any topics before: those that exist now and
    /// those that come, internal ones aside. The cluster is asked for new ones as often as
    /// [`metadata_max_age`](crate::ClientConfig::metadata_max_age) says, each second while none matches.
    ///
    /// With [`GroupProtocol::Consumer`] the coordinator looks for them, by the same pattern, as often as it is
    /// configured to. It reads the pattern in RE2's syntax, and internal topics match too.
    pub fn subscribe_matching(&self, pattern: TopicPattern) -> Result<(), ConsumeError> {
        let now = self.shared.now();
        self.shared.with(|state| state.subscribe_matching(pattern, now))
    }

    /// Leaves the group and reads nothing any more. What was read is to be committed before.
    pub fn unsubscribe(&self) -> Result<(), ConsumeError> {
        self.subscribe([])
    }

    /// Reads these partitions, and no others, from there on; without a group's membership.
    pub fn assign(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, StartAt)>,
    ) -> Result<(), ConsumeError> {
        self.shared.with(|state| state.assign(partitions))
    }

    /// Batches that have come, waiting up to `wait` for some; empty if none came.
    ///
    /// The group's events pass unseen: partitions come and go, and what was not committed is read again by whoever
    /// gets them. Who wants to commit before they go, or keeps something for each, calls [`Consumer::poll_event`].
    /// Cancel-safe.
    pub async fn poll(&self, wait: Duration) -> Result<Vec<Fetched>, ConsumeError> {
        let _polling = self.shared.begin_poll();
        let batches = async {
            loop {
                match self.shared.next().await? {
                    ConsumerEvent::Fetched(batches) => return Ok(batches),
                    ConsumerEvent::Revoked(_) => self.shared.let_go(),
                    ConsumerEvent::Assigned(_) | ConsumerEvent::Lost(_) => {}
                }
            }
        };
        timeout(wait, batches).await.unwrap_or_else(|_| Ok(Vec::new()))
    }

    /// Batches, or what happened to the consumer's partitions, waiting up to `wait` for either. Cancel-safe.
    pub async fn poll_event(&self, wait: Duration) -> Result<Option<ConsumerEvent>, ConsumeError> {
        let _polling = self.shared.begin_poll();
        timeout(wait, self.shared.next()).await.map_or(Ok(None), |event| event.map(Some))
    }

    /// The offset that follows what was handed out of a partition; `None` until it is known.
    pub fn position(&self, at: &TopicPartition) -> Result<Option<Offset>, ConsumeError> {
        self.shared.look(|state| state.fetcher.position(at))
    }

    /// All positions that are known: what to commit once everything that was handed out is done with.
    pub fn positions(&self) -> Vec<(TopicPartition, Offset)> {
        self.shared.look(|state| {
            let partitions = state.fetcher.assignment();
            let known =
                partitions.filter_map(|(at, _)| Some((at.clone(), state.fetcher.position(at).ok()??)));
            known.collect()
        })
    }

    /// Goes on elsewhere in a partition.
    pub fn seek(&self, at: &TopicPartition, to: impl Into<StartAt>) -> Result<(), ConsumeError> {
        self.shared.with(|state| state.seek(at, to.into()))
    }

    /// Hands out nothing of a partition until it is resumed. Membership and positions stay.
    pub fn pause(&self, at: &TopicPartition) -> Result<(), ConsumeError> {
        self.shared.with(|state| state.fetcher.pause(at))
    }

    /// See [`Consumer::pause`].
    pub fn resume(&self, at: &TopicPartition) -> Result<(), ConsumeError> {
        self.shared.with(|state| state.fetcher.resume(at))
    }

    /// The partitions that are read, in order.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.shared.look(|state| state.fetcher.assignment().map(|(at, _)| at.clone()).collect())
    }

    /// Those of them that are paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.shared.look(|state| {
            let paused = state.fetcher.assignment().filter(|(_, paused)| *paused);
            paused.map(|(at, _)| at.clone()).collect()
        })
    }

    /// Where the partition's log begins and ends, as of the last answer; `None` before the first.
    pub fn watermarks(&self, at: &TopicPartition) -> Result<Option<Watermarks>, ConsumeError> {
        self.shared.look(|state| state.fetcher.watermarks(at))
    }

    /// What this consumer has done so far, and how things stand.
    pub fn metrics(&self) -> ConsumerMetrics {
        self.shared.look(|state| state.fetcher.metrics())
    }

    /// How many offsets the position is behind the last record that can be seen, as of the last answer.
    pub fn lag(&self, at: &TopicPartition) -> Result<Option<i64>, ConsumeError> {
        self.shared.look(|state| state.fetcher.lag(at))
    }

    /// Commits offsets (each of the next record to read) for the group, and waits until they are.
    pub async fn commit<O: Into<CommittedOffset>>(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, O)>,
    ) -> Result<(), CommitError> {
        self.commit_async(offsets).await
    }

    /// The same without waiting: the commit is on its way when this returns, and goes on if the result is dropped.
    /// Commits reach the coordinator in the order of the calls.
    pub fn commit_async<O: Into<CommittedOffset>>(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, O)>,
    ) -> PendingCommit {
        let offsets: Offsets = offsets.into_iter().map(|(at, offset)| (at, offset.into())).collect();
        let (waiter, outcome) = oneshot::channel();
        let now = self.shared.now();
        self.shared.with(|state| state.commit(offsets, waiter, now));
        PendingCommit::new(outcome)
    }

    /// Who this consumer is in its group just now, for
    /// [`Transaction::send_offsets`](crate::Transaction::send_offsets).
    ///
    /// Fails with [`CommitError::Rebalancing`] while it is no member: what was read before is then read again, by this
    /// consumer or another.
    pub fn group_metadata(&self) -> Result<ConsumerGroupMetadata, CommitError> {
        let group = self.shared.config.group.clone().ok_or(CommitError::NoGroup)?;
        let identity = self.shared.look(ConsumerState::committer).ok_or(CommitError::Rebalancing)?;
        Ok(ConsumerGroupMetadata::new(group, identity))
    }

    /// What the group has committed for these partitions; those without a commit are absent.
    pub async fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, CommittedOffset>, CommitError> {
        let (client, config) = (&self.shared.client, &self.shared.config);
        let mut retry = client.retry();
        loop {
            let error = match driver::committed(&self.shared, partitions).await {
                Ok(offsets) => return Ok(offsets),
                Err(error) => error,
            };
            if let Some(group) = config.group.as_deref().filter(|_| error.may_be_elsewhere()) {
                client.forget_coordinator(group);
            }
            if !error.is_retriable() || !client.pause(&mut retry).await {
                return Err(error);
            }
        }
    }

    /// Waits for commits that are under way, leaves the group (unless a static member) and ends.
    ///
    /// A consumer that is dropped instead ends at once; its group notices after the session timeout.
    pub async fn close(mut self) {
        self.shared.begin_close();
        if let Some(driver) = self.driver.take() {
            // An error would mean that the runtime is shutting down.
            driver.await.unwrap_or_default();
        }
    }
}

/// A commit that is on its way; see [`Consumer::commit_async`].
#[derive(Debug)]
pub struct PendingCommit {
    outcome: oneshot::Receiver<Result<(), CommitError>>,
}

impl PendingCommit {
    pub(crate) fn new(outcome: oneshot::Receiver<Result<(), CommitError>>) -> Self {
        Self { outcome }
    }
}

impl Future for PendingCommit {
    type Output = Result<(), CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = Pin::new(&mut self.outcome).poll(context);
        outcome.map(|outcome| outcome.unwrap_or(Err(CommitError::Closed)))
    }
}

impl<C: Connector> Drop for Consumer<C> {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
        self.shared.release();
    }
}
