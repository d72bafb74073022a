//! The topics of the demo, and how they are configured.

use headwater::client::admin::{AdminError, NewTopic};
use headwater::client::{Client, Connector};
use headwater::model::{ErrorCode, InvalidName, TopicName};

/// Departures: key = origin, value = the row, timestamp = the scheduled departure. Kept for ever.
pub const FLIGHTS: &str = "flights";
/// Airlines by carrier code. Compacted.
pub const AIRLINES: &str = "airlines";
/// Airports by FAA code. Compacted.
pub const AIRPORTS: &str = "airports";
/// Aircraft by tail number. Compacted.
pub const PLANES: &str = "planes";
/// The result: the newest value of each key is an origin's hour. Compacted.
pub const DELAY_BOARD: &str = "delay-board";

/// Departures and results are divided over this many partitions.
const PARTITIONS: i32 = 4;

/// The demo's topics, ready to be created.
pub fn all() -> Result<Vec<NewTopic>, InvalidName> {
    let compacted = |name: &str, partitions| {
        Ok(NewTopic::new(TopicName::new(name)?, partitions).with_config("cleanup.policy", "compact"))
    };
    Ok(vec![
        NewTopic::new(TopicName::new(FLIGHTS)?, PARTITIONS).with_config("retention.ms", "-1"),
        compacted(AIRLINES, 1)?,
        compacted(AIRPORTS, 1)?,
        compacted(PLANES, 1)?,
        compacted(DELAY_BOARD, PARTITIONS)?,
    ])
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
