//! A topic that a demo reads from its beginning.

use std::time::Duration;

use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, Consumer, Fetched, StartAt};
use headwater_model::{TopicName, TopicPartition};

/// How large a batch may become when it is decompressed.
pub(super) const MAX_BATCH_BYTES: usize = 64 << 20;

/// Has a consumer read all of a topic.
pub(super) async fn assign_all(client: &Client, consumer: &Consumer, topic: &str) -> anyhow::Result<()> {
    let topic = TopicName::new(topic)?;
    let partitions = client.admin().describe_topic(&topic).await?.partitions;
    let all = partitions.iter().map(|partition| TopicPartition::new(topic.clone(), partition.partition));
    Ok(consumer.assign(all.map(|at| (at, StartAt::Earliest)))?)
}

/// Reads what the consumer's partitions hold now.
pub(super) async fn read_to_end(
    client: &Client,
    consumer: &Consumer,
    mut take: impl FnMut(&[Fetched]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let at: Vec<_> = consumer.assignment().into_iter().map(|at| (at, OffsetSpec::Latest)).collect();
    for (at, end) in client.admin().offsets(&at).await? {
        while consumer.position(&at)?.zip(end.offset).is_none_or(|(position, end)| position < end) {
            take(&consumer.poll(Duration::from_secs(1)).await?)?;
        }
    }
    Ok(())
}
