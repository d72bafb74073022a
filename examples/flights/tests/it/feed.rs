//! The feed and the whole demo over the simulated broker.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use headwater::client::admin::{NewTopic, OffsetSpec};
use headwater::client::{Client, ConsumerConfig, ProducerConfig, StartAt};
use headwater::model::{PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_flights::source::Flights;
use headwater_flights::{Demo, Event, Feed, FeedError};
use headwater_testkit::{Faults, SimCluster, SimConnector, simulate};

const PARTITIONS: i32 = 3;

fn events(count: u64) -> impl Iterator<Item = Result<Event, FeedError>> {
    (0..count).map(|number| {
        Ok(Event {
            key: format!("key-{}", number % 7),
            value: number.to_string().into_bytes(),
            timestamp: Timestamp(number as i64),
        })
    })
}

/// The values in the topic, partition by partition.
async fn values(client: &Client<SimConnector>, topic: &TopicName) -> Vec<Vec<u64>> {
    let partitions: Vec<_> =
        (0..PARTITIONS).map(|number| TopicPartition::new(topic.clone(), PartitionId(number))).collect();
    let wanted: Vec<_> = partitions.iter().map(|at| (at.clone(), OffsetSpec::Latest)).collect();
    let ends = client.admin().offsets(&wanted).await.unwrap();
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign(partitions.iter().map(|at| (at.clone(), StartAt::Earliest))).unwrap();
    let mut values = vec![Vec::new(); PARTITIONS as usize];
    while !partitions.iter().all(|at| consumer.position(at).unwrap() >= ends[at].offset) {
        for fetched in consumer.poll(Duration::from_secs(1)).await.unwrap() {
            let batch = fetched.open(1 << 20).unwrap();
            for record in fetched.records(&batch) {
                let value = std::str::from_utf8(record.unwrap().value.unwrap()).unwrap().parse().unwrap();
                values[fetched.topic_partition.partition.0 as usize].push(value);
            }
        }
    }
    values
}

#[test]
fn a_feed_that_is_killed_again_and_again_publishes_everything_once_and_in_order() {
    for seed in 0..10 {
        simulate(|| async move {
            let mut cluster = SimCluster::start(seed, Faults::none()).unwrap();
            let client = cluster.client("feed").await.unwrap();
            let topic = TopicName::new("fed").unwrap();
            client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();
            let mut kills = 0;
            loop {
                // A client of its own, as a process of its own has.
                let client = cluster.client("feed").await.unwrap();
                let producer =
                    client.producer(ProducerConfig { batch_size: 200, ..ProducerConfig::default() });
                let feed = Feed::new(client, producer, topic.clone());
                let published = AtomicU64::new(0);
                let life = Duration::from_millis(2 + (seed * 7 + kills * 13) % 40 + kills * 100);
                let publishing = feed.publish(events(2_000), &published);
                if tokio::time::timeout(life, publishing).await.is_ok_and(|published| published.is_ok()) {
                    break;
                }
                kills += 1;
            }
            assert!(kills > 0, "seed {seed}: too gentle");
            let values = values(&client, &topic).await;
            assert!(values.iter().all(|partition| partition.is_sorted()), "seed {seed}");
            let mut all = values.concat();
            all.sort_unstable();
            assert_eq!(all, (0..2_000).collect::<Vec<u64>>(), "seed {seed}");
        });
    }
}

#[test]
fn a_topic_that_was_fed_from_another_file_is_refused() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("feed").await.unwrap();
        let topic = TopicName::new("fed").unwrap();
        client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();
        let feed = Feed::new(client.clone(), client.producer(ProducerConfig::default()), topic);
        feed.publish(events(20), &AtomicU64::new(0)).await.unwrap();
        let error = feed.publish(events(10), &AtomicU64::new(0)).await.unwrap_err();
        assert!(matches!(error, FeedError::ForeignTopic { .. }), "{error}");
    });
}

#[test]
fn the_demo_counts_every_departure_and_again_after_a_restart_without_publishing_any_twice() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        for _ in 0..2 {
            let client = cluster.client("demo").await.unwrap();
            let mut demo = Demo::start(client, Flights::january().unwrap(), 1).await.unwrap();
            demo.fed().await.unwrap();
            let status = demo.drain().await.unwrap();
            assert_eq!((status.published, status.counted, status.late), (27_004, 27_004, 0));
        }
    });
}
