//! Headwater's client.

use std::time::Duration;

use headwater_client::{
    Acks, Client, ClientConfig, ConsumerConfig, OffsetReset, ProducerConfig, ProducerRecord, StartAt,
};
use headwater_model::{Offset, PartitionId, TopicName, TopicPartition};

use crate::{Produce, Records, Stopped, Target, start, sum};

pub(crate) fn produce(target: &Target, how: &Produce) -> anyhow::Result<Stopped> {
    crate::runtime()?.block_on(async {
        let client = Client::connect(ClientConfig::new([target.bootstrap.clone()])).await?;
        let acks = if how.acks == "all" { Acks::All } else { Acks::Leader };
        let producer = client.producer(ProducerConfig {
            acks,
            idempotent: acks == Acks::All,
            linger: Duration::from_millis(how.linger_ms),
            batch_size: how.batch_bytes,
            ..ProducerConfig::default()
        });
        let topic = TopicName::new(&target.topic)?;
        let mut records = Records::of(how);
        let watch = start()?;
        for number in 0..target.records {
            let (key, value) = records.get(number);
            let partition = PartitionId((number % target.partitions as u64) as i32);
            producer.send(ProducerRecord::new(&topic, value).key(key).partition(partition)).await?;
        }
        producer.flush().await?;
        watch.stop()
    })
}

pub(crate) fn consume(target: &Target) -> anyhow::Result<(Stopped, u64)> {
    crate::runtime()?.block_on(async {
        let client = Client::connect(ClientConfig::new([target.bootstrap.clone()])).await?;
        let consumer = client.consumer(ConsumerConfig::default());
        let topic = TopicName::new(&target.topic)?;
        let watch = start()?;
        let at = |partition| TopicPartition::new(topic.clone(), PartitionId(partition));
        consumer.assign((0..target.partitions).map(|partition| (at(partition), StartAt::Earliest)))?;
        let (mut seen, mut total) = (0, 0);
        while seen < target.records {
            for fetched in consumer.poll(Duration::from_secs(1)).await? {
                let batch = fetched.open(64 << 20)?;
                for record in fetched.records(&batch) {
                    let record = record?;
                    total += record.key.map_or(0, sum) + record.value.map_or(0, sum);
                    seen += 1;
                }
            }
        }
        Ok((watch.stop()?, total))
    })
}

/// How often a broker that does not answer yet is tried.
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// A client of a broker that may be still starting.
async fn connect_when_up(target: &Target) -> anyhow::Result<Client> {
    while tokio::net::TcpStream::connect(&target.bootstrap).await.is_err() {
        tokio::time::sleep(TRY_AGAIN).await;
    }
    let config = ClientConfig {
        reconnect_backoff: TRY_AGAIN,
        reconnect_backoff_max: TRY_AGAIN,
        retry_backoff: TRY_AGAIN,
        retry_backoff_max: TRY_AGAIN,
        ..ClientConfig::new([target.bootstrap.clone()])
    };
    Ok(Client::connect(config).await?)
}

/// Produces one record to a topic that is made on the way.
pub(crate) fn first(target: &Target) -> anyhow::Result<Stopped> {
    crate::runtime()?.block_on(async {
        let watch = start()?;
        let client = connect_when_up(target).await?;
        let settings =
            ProducerConfig { auto_create_topics: true, linger: Duration::ZERO, ..ProducerConfig::default() };
        let producer = client.producer(settings);
        let topic = TopicName::new(&target.topic)?;
        producer.send(ProducerRecord::new(&topic, b"first")).await?.await?;
        watch.stop()
    })
}

/// Reads the last record of each partition, as `produce` has numbered them.
pub(crate) fn last(target: &Target) -> anyhow::Result<Stopped> {
    crate::runtime()?.block_on(async {
        let watch = start()?;
        let client = connect_when_up(target).await?;
        let topic = TopicName::new(&target.topic)?;
        let partitions = target.partitions as u64;
        anyhow::ensure!(target.records.is_multiple_of(partitions), "as many records in each partition");
        let end = (target.records / partitions) as i64;
        let settings = ConsumerConfig { auto_offset_reset: OffsetReset::Fail, ..ConsumerConfig::default() };
        let consumer = client.consumer(settings);
        let at = |partition| TopicPartition::new(topic.clone(), PartitionId(partition));
        let places = (0..target.partitions).map(|partition| (at(partition), Offset(end - 1).into()));
        consumer.assign(places)?;
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < target.partitions as usize {
            for fetched in consumer.poll(Duration::from_secs(1)).await? {
                let batch = fetched.open(64 << 20)?;
                for record in fetched.records(&batch) {
                    let partition = fetched.topic_partition.partition.0;
                    let number = target.records - partitions + partition as u64;
                    anyhow::ensure!(record?.key == Some(&number.to_be_bytes()), "not the last record");
                    seen.insert(partition);
                }
            }
        }
        watch.stop()
    })
}

/// Clients with connections of their own, each with one record under way at a time.
pub(crate) fn crowd(target: &Target, clients: u64) -> anyhow::Result<Stopped> {
    crate::runtime()?.block_on(async {
        let topic = TopicName::new(&target.topic)?;
        let mut producers = Vec::new();
        for _ in 0..clients {
            let client = Client::connect(ClientConfig::new([target.bootstrap.clone()])).await?;
            producers.push(
                client.producer(ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() }),
            );
        }
        let watch = start()?;
        let mut crowd = tokio::task::JoinSet::new();
        for (number, producer) in (0..).zip(producers) {
            let (topic, partitions, records) =
                (topic.clone(), target.partitions as u64, target.records / clients);
            crowd.spawn(async move {
                let mut bytes = Records::new(100);
                for record in 0..records {
                    let (key, value) = bytes.get(record);
                    let partition = PartitionId(((number + record) % partitions) as i32);
                    producer
                        .send(ProducerRecord::new(&topic, value).key(key).partition(partition))
                        .await?
                        .await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = crowd.join_next().await {
            done??;
        }
        watch.stop()
    })
}
