//! The client against a cluster that is not ours: `HEADWATER_TEST_BOOTSTRAP` says where it listens.
//!
//! Whoever runs these may kill and restart the cluster's brokers meanwhile; `HEADWATER_TEST_SECONDS` says for how long
//! records are produced (default 5).

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::admin::{ConfigResource, NewTopic, OffsetSpec};
use headwater_client::{
    Client, ClientConfig, ConsumerConfig, Delivery, ProducerConfig, ProducerRecord, RecordMetadata,
    SendError, StartAt,
};
use headwater_model::{Entropy, ErrorCode, Offset, PartitionId, TopicName, TopicPartition};
use tokio::time::Instant;

const PARTITIONS: i32 = 6;

pub(crate) async fn connect() -> Client {
    let bootstrap = std::env::var("HEADWATER_TEST_BOOTSTRAP").expect("HEADWATER_TEST_BOOTSTRAP is set");
    Client::connect(ClientConfig::new([bootstrap])).await.unwrap()
}

/// A topic that no other run uses.
pub(crate) fn fresh_topic() -> TopicName {
    let id = Entropy::from_system().next_u64();
    TopicName::new(&format!("client-{id:016x}")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn admin_calls_work_on_a_cluster_that_is_not_ours() {
    let client = connect().await;
    let admin = client.admin();
    let cluster = admin.describe_cluster().await.unwrap();
    assert!(!cluster.brokers.is_empty() && cluster.controller.is_some(), "{cluster:?}");
    let topic = fresh_topic();
    let wanted = NewTopic::new(topic.clone(), PARTITIONS).with_config("cleanup.policy", "compact");
    admin.create_topic(wanted.clone()).await.unwrap();
    let again = admin.create_topic(wanted).await.unwrap_err();
    assert_eq!(again.code(), Some(ErrorCode::TopicAlreadyExists), "{again}");
    let first = TopicPartition::new(topic.clone(), PartitionId(0));
    // Waits until every broker knows the topic, as far as it has to.
    let offsets = admin.offsets(&[(first.clone(), OffsetSpec::Latest)]).await.unwrap();
    assert_eq!(offsets[&first].offset, Some(Offset(0)));
    let described = admin.describe_topic(&topic).await.unwrap();
    assert_eq!(described.partitions.len(), PARTITIONS as usize);
    assert!(admin.list_topics().await.unwrap().iter().any(|listed| listed.name == topic));
    let broker = ConfigResource::Broker(cluster.brokers[0].id);
    let resource = ConfigResource::Topic(topic.clone());
    let configs = admin.describe_configs(&[resource.clone(), broker.clone()]).await;
    let policy =
        configs[&resource].as_ref().unwrap().iter().find(|config| config.name == "cleanup.policy").unwrap();
    assert_eq!((policy.value.as_deref(), policy.is_default), (Some("compact"), false));
    assert!(configs[&broker].as_ref().unwrap().iter().any(|config| config.name == "log.dirs"));
    admin.list_groups().await.unwrap();
    let nobody = admin.describe_groups(&["nobody"]).await;
    assert_eq!(nobody["nobody"].as_ref().unwrap_err().code(), Some(ErrorCode::GroupIdNotFound), "{nobody:?}");
    assert!(admin.group_offsets("nobody").await.unwrap().is_empty());
    assert!(admin.delete_topics(std::slice::from_ref(&topic)).await[&topic].is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn what_the_producer_is_told_is_what_is_in_the_log_of_a_cluster_that_is_not_ours() {
    let seconds = std::env::var("HEADWATER_TEST_SECONDS").map_or(5, |text| text.parse().unwrap());
    let client = connect().await;
    let topic = fresh_topic();
    let wanted = NewTopic::new(topic.clone(), PARTITIONS).with_config("min.insync.replicas", "1");
    client.admin().create_topic(wanted).await.unwrap();
    let outcomes = produce(&client, &topic, Duration::from_secs(seconds)).await;
    let mut found: BTreeMap<u64, (PartitionId, Offset)> = BTreeMap::new();
    for partition in (0..PARTITIONS).map(PartitionId) {
        let records = read(&client, &TopicPartition::new(topic.clone(), partition)).await;
        assert!(records.is_sorted_by_key(|(_, value)| *value), "{partition} is out of order");
        for (offset, value) in records {
            assert_eq!(found.insert(value, (partition, offset)), None, "record {value} is there twice");
        }
    }
    let mut counts = [0; 3];
    for (number, outcome) in &outcomes {
        match outcome {
            Ok(written) => {
                counts[0] += 1;
                let place = (written.topic_partition.partition, written.offset);
                assert_eq!(found.get(number), Some(&place), "record {number}");
            }
            Err(error @ SendError::NotWritten { .. }) => {
                counts[1] += 1;
                assert!(!found.contains_key(number), "record {number} is there: {error}");
            }
            Err(SendError::PossiblyWritten { .. }) => counts[2] += 1,
        }
    }
    let [acknowledged, not_written, possibly_written] = counts;
    eprintln!("{acknowledged} acknowledged, {not_written} not written, {possibly_written} possibly written");
    assert!(acknowledged > 0);
    assert!(client.admin().delete_topics(std::slice::from_ref(&topic)).await[&topic].is_ok());
}

type Outcomes = BTreeMap<u64, Result<RecordMetadata, SendError>>;

/// Produces numbered records, about a thousand each tenth of a second.
async fn produce(client: &Client, topic: &TopicName, how_long: Duration) -> Outcomes {
    let config = ProducerConfig { delivery_timeout: Duration::from_secs(30), ..ProducerConfig::default() };
    let producer = client.producer(config);
    let mut deliveries: Vec<(u64, Result<Delivery, SendError>)> = Vec::new();
    let end = Instant::now() + how_long;
    while Instant::now() < end {
        for _ in 0..1_000 {
            let number = deliveries.len() as u64;
            let partition = PartitionId((number % PARTITIONS as u64) as i32);
            let value = [&number.to_be_bytes()[..], &[7; 92]].concat();
            let record = ProducerRecord::new(topic, &value).partition(partition);
            deliveries.push((number, producer.send(record).await));
        }
        tokio::time::sleep_until(Instant::now() + Duration::from_millis(100)).await;
    }
    let mut outcomes = Outcomes::new();
    for (number, sent) in deliveries {
        let outcome = match sent {
            Ok(delivery) => delivery.await,
            Err(error) => Err(error),
        };
        outcomes.insert(number, outcome);
    }
    outcomes
}

/// Every record of a partition: its offset and number.
async fn read(client: &Client, at: &TopicPartition) -> Vec<(Offset, u64)> {
    let offsets = client.admin().offsets(&[(at.clone(), OffsetSpec::Latest)]).await.unwrap();
    let end = offsets[at].offset.unwrap();
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign([(at.clone(), StartAt::Earliest)]).unwrap();
    let mut records = Vec::new();
    while end > Offset::ZERO && consumer.position(at).unwrap() != Some(end) {
        for fetched in consumer.poll(Duration::from_secs(5)).await.unwrap() {
            let open = fetched.batch.open(1 << 20).unwrap();
            for record in open.records().map(Result::unwrap) {
                let number = record.value.unwrap()[..8].try_into().unwrap();
                records.push((record.offset, u64::from_be_bytes(number)));
            }
        }
    }
    consumer.close().await;
    records
}
