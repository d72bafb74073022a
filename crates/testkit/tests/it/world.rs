//! What the simulations share: seeds, a topic, reading it back.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use headwater_client::admin::{NewTopic, OffsetSpec};
use headwater_client::{Client, ClientConfig, ConsumerConfig, StartAt};
use headwater_model::{Offset, PartitionId, TopicName, TopicPartition};
use headwater_testkit::SimConnector;

/// How many seeds each simulation is run with, unless the environment says otherwise.
const SEEDS: u64 = 500;

/// Runs a simulation with many seeds; a failure names the seed.
pub(crate) fn for_each_seed(mut simulation: impl FnMut(u64)) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("HEADWATER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("HEADWATER_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| simulation(seed))) {
            eprintln!("the simulation failed with HEADWATER_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

/// A client that soon gives up on connections that went silent.
pub(crate) fn impatient() -> ClientConfig {
    let request_timeout = Duration::from_secs(5);
    ClientConfig { request_timeout, ..ClientConfig::new(["broker:9092".to_owned()]) }
}

pub(crate) const PARTITIONS: i32 = 3;

pub(crate) fn topic() -> TopicName {
    TopicName::new("events").unwrap()
}

/// Creates the topic, however often the network gets in the way.
pub(crate) async fn create_topic(client: &Client<SimConnector>) {
    let created = client.admin().create_topic(NewTopic::new(topic(), PARTITIONS)).await;
    if let Err(error) = created {
        // The answer to a first try may have been lost.
        assert!(error.to_string().contains("exists"), "{error}");
    }
}

/// Everything in the topic: per partition the offsets and values, as consumers see them.
pub(crate) async fn read_all(client: &Client<SimConnector>) -> BTreeMap<PartitionId, Vec<(Offset, u64)>> {
    let partitions: Vec<_> =
        (0..PARTITIONS).map(|partition| TopicPartition::new(topic(), PartitionId(partition))).collect();
    let wanted: Vec<_> = partitions.iter().map(|at| (at.clone(), OffsetSpec::Latest)).collect();
    let ends = client.admin().offsets(&wanted).await.unwrap();
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign(partitions.iter().map(|at| (at.clone(), StartAt::Earliest))).unwrap();
    let mut records: BTreeMap<PartitionId, Vec<(Offset, u64)>> = BTreeMap::new();
    let is_done = |at: &TopicPartition| {
        let position = consumer.position(at).unwrap();
        position.is_some_and(|position| position >= ends[at].offset.unwrap())
    };
    while !partitions.iter().all(is_done) {
        for fetched in consumer.poll(Duration::from_secs(1)).await.unwrap() {
            let batch = fetched.open(1 << 20).unwrap();
            for record in fetched.records(&batch) {
                let record = record.unwrap();
                let value = u64::from_be_bytes(record.value.unwrap().try_into().unwrap());
                records.entry(fetched.topic_partition.partition).or_default().push((record.offset, value));
            }
        }
    }
    consumer.close().await;
    records
}

#[expect(clippy::disallowed_methods, reason = "simulated time")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
