//! A run of `delay-causes` over files: topics are made, weather, aircraft and departures published, and all of it is worked off
//! by a bounded run.
//!
//! Invariants: run again on the same cluster, it goes on where it stopped.
//!
//! Does not know: terminals; which broker it runs on.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use headwater::client::{Client, Connector, ProducerConfig};
use headwater::model::{Timestamp, TopicName};
use headwater::prelude::{Streams, StreamsConfig};
use headwater::streams::Progress;

use super::topology;
use crate::demo::{DemoError, ENTITIES_BEFORE_MS, FEED_BATCH_BYTES, publish_flights, publish_table};
use crate::entities;
use crate::feed::{Feed, FeedError};
use crate::source::Flights;
use crate::topics::{self, FLIGHTS, PLANES, WEATHER};
use crate::weather::Weather;

/// Makes the topics, and publishes what they do not hold yet.
pub async fn publish<C: Connector>(
    client: &Client<C>,
    flights: Flights,
    weather: &Weather,
) -> Result<(), DemoError> {
    topics::create_missing(client, &topics::of_causes()?).await?;
    let config = ProducerConfig { batch_size: FEED_BATCH_BYTES, ..ProducerConfig::default() };
    let producer = client.producer(config);
    let before = Timestamp(flights.first_scheduled_ms() - ENTITIES_BEFORE_MS);
    let planes = entities::planes().map_err(FeedError::from)?;
    publish_table(client, &producer, PLANES, (planes, before)).await?;
    let feed = Feed::new(client.clone(), producer.clone(), TopicName::new(WEATHER)?);
    feed.publish(weather.events().iter().cloned().map(Ok), &AtomicU64::new(0)).await?;
    producer.close().await?;
    Ok(publish_flights(client.clone(), TopicName::new(FLIGHTS)?, flights, Arc::default()).await?)
}

/// Works off what the topics hold, by so many workers.
pub async fn work_off<C: Connector>(client: &Client<C>, workers: usize) -> Result<Progress, DemoError> {
    let config = StreamsConfig { workers, ..StreamsConfig::default() };
    Ok(Streams::run_bounded(topology()?, client.clone(), config).await?)
}
