//! Global tables: read to their end before tasks start, and followed from then on.

use std::time::Duration;

use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, Connector, ConsumeError, Consumer, ConsumerConfig, Fetched, StartAt};
use headwater_model::{Offset, PartitionId, TopicPartition};

use super::config::StreamsConfig;
use super::error::StreamsError;
use super::prepare;
use crate::store::global::GlobalStores;
use crate::topology::Topology;

/// How long a poll waits.
const POLL: Duration = Duration::from_millis(500);

/// Global tables as of the end of their topics, and the consumer that has read them.
pub(super) struct Globals<C: Connector> {
    pub(super) stores: GlobalStores,
    consumer: Consumer<C>,
}

/// Reads all of the global tables' topics.
pub(super) async fn read_to_end<C: Connector>(
    client: &Client<C>,
    topology: &Topology,
    config: &StreamsConfig,
) -> Result<Globals<C>, StreamsError> {
    let stores = topology.global_stores(&config.task);
    let mut partitions = Vec::new();
    for topic in stores.topics() {
        let count = client.admin().describe_topic(topic).await?.partitions.len() as i32;
        partitions
            .extend((0..count).map(|partition| TopicPartition::new(topic.clone(), PartitionId(partition))));
    }
    let ends = prepare::listed(client, partitions.iter().cloned(), OffsetSpec::Latest).await?;
    let consumer = client.consumer(ConsumerConfig { group: None, ..config.consumer.clone() });
    consumer.assign(partitions.into_iter().map(|partition| (partition, StartAt::Earliest)))?;
    loop {
        let is_behind = |(at, end): (&TopicPartition, &Offset)| -> Result<bool, ConsumeError> {
            Ok(consumer.position(at)?.is_none_or(|position| position < *end))
        };
        let behind: Result<Vec<bool>, _> = ends.iter().map(is_behind).collect();
        if !behind?.contains(&true) {
            return Ok(Globals { stores, consumer });
        }
        apply(&stores, &consumer.poll(POLL).await?)?;
    }
}

impl<C: Connector> Globals<C> {
    /// Applies what comes from now on, for ever.
    pub(super) async fn follow(self) -> Result<(), StreamsError> {
        loop {
            apply(&self.stores, &self.consumer.poll(POLL).await?)?;
        }
    }
}

fn apply(stores: &GlobalStores, batches: &[Fetched]) -> Result<(), StreamsError> {
    for fetched in batches {
        stores
            .apply(&fetched.topic_partition, &fetched.batch, fetched.from)
            .map_err(|source| StreamsError::Global { source })?;
    }
    Ok(())
}
