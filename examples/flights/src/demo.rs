//! The live demo: topics are made, entities published, the microservice started, and the departures fed to it.
//!
//! Owns: the order of these steps, and what can be seen of them. Started again on the same cluster, it goes on where it
//! stopped.
//!
//! Does not know: terminals; which broker it runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headwater::client::{AdminError, SendError};
use headwater::client::{Client, Connector, Producer, ProducerConfig, TcpConnector};
use headwater::model::{InvalidName, Timestamp, TopicName};
use headwater::prelude::{Streams, StreamsConfig, TopologyError};
use headwater::streams::StreamsError;
use tokio::task::JoinHandle;

use crate::entities::{self, DamagedTable, Entity};
use crate::feed::{Event, Feed, FeedError};
use crate::source::Flights;
use crate::topics::{self, AIRLINES, AIRPORTS, FLIGHTS, PLANES};
use crate::topology::{APPLICATION, topology};

/// Entities are stamped this long before the first departure.
pub(crate) const ENTITIES_BEFORE_MS: i64 = 60 * 60 * 1_000;

/// How long the group waits for a worker that is gone.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// A feed publishes as fast as it can, so that few large batches cost less than many small ones.
pub(crate) const FEED_BATCH_BYTES: usize = 128 << 10;

/// Why the demo ended.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A topic's name is illegal.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The topics could not be made.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The topology is not sound.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The feed stopped.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A producer could not be closed in order.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The microservice stopped.
    #[error("the microservice stopped: {0}")]
    Service(#[from] StreamsError),
    /// The feed panicked.
    #[error("the feed ended unexpectedly: {0}")]
    Crashed(String),
}

/// How far the demo is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Departures in the file.
    pub total: u64,
    /// Departures in the topic, or on their way to it.
    pub published: u64,
    /// Departures that the microservice has counted.
    pub counted: u64,
    /// Updates of windows that it has published.
    pub updates: u64,
    /// Departures that came after their window's grace.
    pub late: u64,
}

/// The demo, running. Dropping it ends it as a crash would.
#[derive(Debug)]
pub struct Demo<C: Connector = TcpConnector> {
    streams: Streams<C>,
    feed: JoinHandle<Result<(), FeedError>>,
    published: Arc<AtomicU64>,
    total: u64,
    /// Departures that the microservice had counted before it started.
    counted_before: u64,
}

impl<C: Connector> Demo<C> {
    /// Makes the topics, publishes the entities, starts the microservice and, in the background, the feed.
    pub async fn start(client: Client<C>, flights: Flights, workers: usize) -> Result<Self, DemoError> {
        topics::create_missing(&client, &topics::of_board()?).await?;
        publish_entities(&client, Timestamp(flights.first_scheduled_ms() - ENTITIES_BEFORE_MS)).await?;
        let counted_before = counted(&client).await?;
        let streams = Streams::start(topology()?, client.clone(), service_config(workers)).await?;
        let (total, published) = (flights.len() as u64, Arc::new(AtomicU64::new(0)));
        let feed =
            tokio::spawn(publish_flights(client, TopicName::new(FLIGHTS)?, flights, Arc::clone(&published)));
        Ok(Self { streams, feed, published, total, counted_before })
    }

    /// How far it is.
    pub fn status(&self) -> Status {
        let progress = self.streams.progress();
        Status {
            total: self.total,
            published: self.published.load(Ordering::Relaxed),
            counted: self.counted_before + progress.records_in,
            updates: progress.records_out,
            late: progress.late.values().sum(),
        }
    }

    /// Completes once every departure is published and acknowledged. Cancel-safe; after that, it must not be called again.
    pub async fn fed(&mut self) -> Result<(), DemoError> {
        tokio::select! {
            biased;
            error = self.streams.failed() => Err(error.into()),
            fed = &mut self.feed => match fed {
                Ok(fed) => Ok(fed?),
                Err(crash) => Err(DemoError::Crashed(crash.to_string())),
            },
        }
    }

    /// Completes when the microservice fails. Cancel-safe.
    pub async fn failed(&mut self) -> DemoError {
        self.streams.failed().await.into()
    }

    /// Lets the microservice count everything that is published, and ends it.
    pub async fn drain(self) -> Result<Status, DemoError> {
        let (mut status, counted_before) = (self.status(), self.counted_before);
        let progress = self.streams.drain().await?;
        status.counted = counted_before + progress.records_in;
        status.updates = progress.records_out;
        status.late = progress.late.values().sum();
        Ok(status)
    }

    /// Ends the feed and the microservice in order, wherever they are.
    pub async fn stop(self) -> Result<(), DemoError> {
        self.feed.abort();
        self.streams.stop().await?;
        Ok(())
    }
}

/// How many departures the microservice has counted: no offset of their topic is without one.
async fn counted<C: Connector>(client: &Client<C>) -> Result<u64, DemoError> {
    let committed = client.admin().group_offsets(APPLICATION).await?;
    let of_flights = committed.iter().filter(|(at, _)| at.topic.as_str() == FLIGHTS);
    Ok(of_flights.map(|(_, committed)| committed.offset.0.unsigned_abs()).sum())
}

/// The microservice has one instance. As a static member of its group it need not wait, after a crash, until the group has
/// given up the one that died.
fn service_config(workers: usize) -> StreamsConfig {
    let mut config = StreamsConfig { workers, ..StreamsConfig::default() };
    config.consumer.group_instance_id = Some(APPLICATION.to_owned());
    // Workers of another run, which had more of them, are given up soon.
    config.consumer.session_timeout = SESSION_TIMEOUT;
    config
}

async fn publish_entities<C: Connector>(client: &Client<C>, at: Timestamp) -> Result<(), DemoError> {
    let read = |table: Result<Vec<Entity>, DamagedTable>| table.map_err(FeedError::from);
    let tables = [
        (AIRLINES, read(entities::airlines())?),
        (AIRPORTS, read(entities::airports())?),
        (PLANES, read(entities::planes())?),
    ];
    let producer = client.producer(ProducerConfig::default());
    for (topic, table) in tables {
        publish_table(client, &producer, topic, (table, at)).await?;
    }
    Ok(producer.close().await?)
}

/// Publishes entities, as of a time.
pub(crate) async fn publish_table<C: Connector>(
    client: &Client<C>,
    producer: &Producer<C>,
    topic: &str,
    (table, at): (Vec<Entity>, Timestamp),
) -> Result<(), DemoError> {
    let feed = Feed::new(client.clone(), producer.clone(), TopicName::new(topic)?);
    let events =
        table.into_iter().map(|entity| Ok(Event { key: entity.key, value: entity.value, timestamp: at }));
    Ok(feed.publish(events, &AtomicU64::new(0)).await?)
}

/// Publishes a file of departures.
pub(crate) async fn publish_flights<C: Connector>(
    client: Client<C>,
    topic: TopicName,
    flights: Flights,
    published: Arc<AtomicU64>,
) -> Result<(), FeedError> {
    let producer =
        client.producer(ProducerConfig { batch_size: FEED_BATCH_BYTES, ..ProducerConfig::default() });
    let feed = Feed::new(client, producer.clone(), topic);
    let events = flights.departures().map(|departure| {
        let departure = departure?;
        let timestamp = Timestamp(departure.scheduled_ms);
        Ok(Event { key: departure.key, value: departure.value, timestamp })
    });
    feed.publish(events, &published).await?;
    Ok(producer.close().await?)
}
