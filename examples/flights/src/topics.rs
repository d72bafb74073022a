//! The topics of the demo, and how they are configured.

use headwater::client::admin::{AdminError, NewTopic};
use headwater::client::{Client, Connector};
use headwater::model::{ErrorCode, InvalidName, TopicName};

/// Departures: key = origin, value = the row, timestamp = the scheduled departure. Kept for ever.
pub const FLIGHTS: &str = "flights";
/// The weather, hour by hour: key = airport, value = the row, timestamp = the hour. Kept for ever, for departures ask for what it
/// was.
pub const WEATHER: &str = "weather";
/// Airlines by carrier code. Compacted.
pub const AIRLINES: &str = "airlines";
/// Airports by FAA code. Compacted.
pub const AIRPORTS: &str = "airports";
/// Aircraft by tail number. Compacted.
pub const PLANES: &str = "planes";
/// The result: the newest value of each key is an origin's hour. Compacted.
pub const DELAY_BOARD: &str = "delay-board";

/// Departures with their weather and aircraft: key = which flight. Compacted.
pub const DEPARTURES: &str = "departures";
/// What they add up to, by weather and manufacturer. Compacted.
pub const DELAY_CAUSES: &str = "delay-causes";

/// Departures and results are divided over this many partitions.
const PARTITIONS: i32 = 4;

/// What `delay-board` needs and writes, ready to be created.
pub fn of_board() -> Result<Vec<NewTopic>, InvalidName> {
    Ok(vec![
        kept(FLIGHTS)?,
        compacted(AIRLINES, 1)?,
        compacted(AIRPORTS, 1)?,
        compacted(PLANES, 1)?,
        compacted(DELAY_BOARD, PARTITIONS)?,
    ])
}

/// What `delay-causes` needs and writes, ready to be created.
pub fn of_causes() -> Result<Vec<NewTopic>, InvalidName> {
    Ok(vec![
        kept(FLIGHTS)?,
        kept(WEATHER)?,
        compacted(PLANES, 1)?,
        compacted(DEPARTURES, PARTITIONS)?,
        compacted(DELAY_CAUSES, PARTITIONS)?,
    ])
}

fn kept(name: &str) -> Result<NewTopic, InvalidName> {
    Ok(NewTopic::new(TopicName::new(name)?, PARTITIONS).with_config("retention.ms", "-1"))
}

fn compacted(name: &str, partitions: i32) -> Result<NewTopic, InvalidName> {
    Ok(NewTopic::new(TopicName::new(name)?, partitions).with_config("cleanup.policy", "compact"))
}

/// Creates the topics that do not exist yet.
pub async fn create_missing<C: Connector>(client: &Client<C>, topics: &[NewTopic]) -> Result<(), AdminError> {
    for created in client.admin().create_topics(topics).await.into_values() {
        match created {
            Err(error) if error.code() != Some(ErrorCode::TopicAlreadyExists) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
