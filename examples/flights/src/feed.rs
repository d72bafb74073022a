//! The feed: publishes a sequence of events, and after a restart goes on where each partition ends.
//!
//! Invariants: the same sequence gives the same records per partition, so that a partition's end offset says how many
//! of them are published; nothing is published twice, wherever the feed was killed.
//!
//! Does not know: what the events are about.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headwater::client::admin::{AdminError, OffsetSpec};
use headwater::client::{Client, Connector, Producer, ProducerRecord, SendError, partition_for_key};
use headwater::model::{PartitionId, Timestamp, TopicName, TopicPartition};

use crate::entities::DamagedTable;
use crate::source::SourceError;

/// An end offset counts once it has stood still for this long: what a killed feed had sent may still be written.
const STANDSTILL: Duration = Duration::from_millis(300);

/// After so many events, others get a turn.
const EVENTS_PER_TURN: u64 = 500;

/// One event to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The key, which decides the partition.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// When it happened.
    pub timestamp: Timestamp,
}

/// Why the feed stopped.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The departures cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A built-in table cannot be read.
    #[error(transparent)]
    Entities(#[from] DamagedTable),
    /// The cluster does not tell where partitions end.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A record was not acknowledged. Started again, the feed goes on where it stopped.
    #[error("the feed stopped: {0}")]
    Send(#[from] SendError),
    /// The topic holds other events than this feed's.
    #[error(
        "{partition} holds {found} records, but the feed has only {expected} for it: the topic was fed from another file; \
         use another folder or cluster, or delete the topic"
    )]
    ForeignTopic {
        /// The partition.
        partition: TopicPartition,
        /// How many records it holds.
        found: i64,
        /// How many the feed has for it.
        expected: i64,
    },
}

/// Publishes to one topic of one cluster.
#[derive(Debug)]
pub struct Feed<C: Connector> {
    client: Client<C>,
    producer: Producer<C>,
    topic: TopicName,
}

impl<C: Connector> Feed<C> {
    /// A feed of that topic.
    pub fn new(client: Client<C>, producer: Producer<C>, topic: TopicName) -> Self {
        Self { client, producer, topic }
    }

    /// Publishes what the topic does not hold yet, and waits until it is acknowledged. `published` counts the events
    /// that are in the topic or on their way to it.
    pub async fn publish(
        &self,
        events: impl Iterator<Item = Result<Event, FeedError>>,
        published: &AtomicU64,
    ) -> Result<(), FeedError> {
        let ends = self.settled_ends().await?;
        let mut counts: BTreeMap<PartitionId, i64> = ends.keys().map(|partition| (*partition, 0)).collect();
        for event in events {
            let event = event?;
            let partition = partition_for_key(event.key.as_bytes(), ends.len());
            let count = counts.entry(partition).or_default();
            *count += 1;
            if *count > ends.get(&partition).copied().unwrap_or(0) {
                self.send(partition, &event).await?;
            }
            if published.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVENTS_PER_TURN) {
                // Lets others work, too.
                tokio::task::yield_now().await;
            }
        }
        self.producer.flush().await?;
        self.refuse_foreign(&ends, &counts)
    }

    async fn send(&self, partition: PartitionId, event: &Event) -> Result<(), SendError> {
        let record = ProducerRecord::new(&self.topic, &event.value)
            .key(event.key.as_bytes())
            .partition(partition)
            .timestamp(event.timestamp);
        // What becomes of it, the flush at the end tells.
        self.producer.send(record).await.map(drop)
    }

    fn refuse_foreign(
        &self,
        ends: &BTreeMap<PartitionId, i64>,
        counts: &BTreeMap<PartitionId, i64>,
    ) -> Result<(), FeedError> {
        for (partition, found) in ends {
            let expected = counts.get(partition).copied().unwrap_or(0);
            if *found > expected {
                let partition = TopicPartition::new(self.topic.clone(), *partition);
                return Err(FeedError::ForeignTopic { partition, found: *found, expected });
            }
        }
        Ok(())
    }

    /// Where the partitions end, once they have stood still.
    async fn settled_ends(&self) -> Result<BTreeMap<PartitionId, i64>, AdminError> {
        let mut ends = self.ends().await?;
        if ends.values().all(|end| *end == 0) {
            return Ok(ends);
        }
        loop {
            pause(STANDSTILL).await;
            let later = self.ends().await?;
            if later == ends {
                return Ok(ends);
            }
            ends = later;
        }
    }

    async fn ends(&self) -> Result<BTreeMap<PartitionId, i64>, AdminError> {
        let admin = self.client.admin();
        let description = admin.describe_topic(&self.topic).await?;
        let wanted: Vec<_> = description
            .partitions
            .iter()
            .map(|partition| {
                (TopicPartition::new(self.topic.clone(), partition.partition), OffsetSpec::Latest)
            })
            .collect();
        let listed = admin.offsets(&wanted).await?;
        let ends = listed.into_iter().filter_map(|(at, listed)| Some((at.partition, listed.offset?.0)));
        Ok(ends.collect())
    }
}

#[expect(clippy::disallowed_methods, reason = "the feed is a driver")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
