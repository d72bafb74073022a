//! Chosen topics and dead letters over the embedded broker, on virtual time.

use std::time::Duration;

use headwater_client::admin::{NewTopic, OffsetSpec};
use headwater_client::{Client, ConsumerConfig, ProducerConfig, ProducerRecord, StartAt};
use headwater_model::{PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_schema::{serdes, utf8};
use headwater_streams::{ErrorPolicies, Guarantee, OnError, Streams, StreamsConfig, TaskConfig, Topology};
use headwater_testkit::{Faults, SimCluster, SimConnector, simulate};

fn name(topic: &str) -> TopicName {
    TopicName::new(topic).unwrap()
}

/// Sends each word to the topic of its first letter.
fn sorted() -> Topology {
    let mut app = Topology::builder("sorted").guarantee(Guarantee::AtLeastOnce);
    app.stream::<String, String, _, _>("words", serdes(utf8(), utf8()))
        .to_each(|word| word.value.chars().take(1).collect::<String>(), serdes(utf8(), utf8()));
    app.build().unwrap()
}

fn bury() -> StreamsConfig {
    let policies = ErrorPolicies { deserialization: OnError::DeadLetter, ..ErrorPolicies::default() };
    let task = TaskConfig { policies, dead_letter_topic: Some(name("dead")), ..TaskConfig::default() };
    StreamsConfig { task, ..StreamsConfig::default() }
}

async fn create(client: &Client<SimConnector>, topics: &[&str]) {
    let topics: Vec<_> = topics.iter().map(|topic| NewTopic::new(name(topic), 1)).collect();
    for created in client.admin().create_topics(&topics).await.into_values() {
        created.unwrap();
    }
}

async fn publish(client: &Client<SimConnector>, values: &[&[u8]]) {
    let producer = client.producer(ProducerConfig::default());
    let topic = name("words");
    for value in values {
        let record = ProducerRecord::new(&topic, value).key(b"key").timestamp(Timestamp(1));
        producer.send(record).await.unwrap();
    }
    producer.close().await.unwrap();
}

/// The values of a topic, each with the keys of its headers.
async fn values(client: &Client<SimConnector>, topic: &str) -> Vec<(Vec<u8>, Vec<String>)> {
    let at = TopicPartition::new(name(topic), PartitionId(0));
    let end = client.admin().offsets(&[(at.clone(), OffsetSpec::Latest)]).await.unwrap()[&at].offset;
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign([(at.clone(), StartAt::Earliest)]).unwrap();
    let mut values = Vec::new();
    while consumer.position(&at).unwrap() < end {
        for fetched in consumer.poll(Duration::from_secs(1)).await.unwrap() {
            let batch = fetched.open(1 << 20).unwrap();
            for record in fetched.records(&batch) {
                let record = record.unwrap();
                let headers = record.headers().map(|header| header.unwrap().0.to_owned());
                values.push((record.value.unwrap().to_vec(), headers.collect()));
            }
        }
    }
    values
}

#[test]
fn chosen_topics_and_dead_letters_are_written_to_the_cluster() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &["words", "t", "w", "dead"]).await;
        publish(&client, &[b"tide", b"\xff\xfe", b"weir", b"tarn"]).await;
        let progress = Streams::run_bounded(sorted(), client.clone(), bury()).await.unwrap();
        assert_eq!((progress.records_in, progress.records_out, progress.skipped), (4, 4, 1));
        let plain = |value: &[u8]| (value.to_vec(), Vec::new());
        assert_eq!(values(&client, "t").await, [plain(b"tide"), plain(b"tarn")]);
        assert_eq!(values(&client, "w").await, [plain(b"weir")]);
        let causes = ["exception", "message", "stacktrace", "topic", "partition", "offset"];
        let causes = causes.map(|cause| format!("__streams.errors.{cause}")).to_vec();
        assert_eq!(values(&client, "dead").await, [(b"\xff\xfe".to_vec(), causes)]);
    });
}

#[test]
fn an_instance_does_not_start_without_its_dead_letter_topic() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &["words"]).await;
        let error = Streams::run_bounded(sorted(), client.clone(), bury()).await.unwrap_err();
        assert!(error.to_string().contains("\"dead\""), "{error}");
        let nowhere = StreamsConfig { task: TaskConfig { dead_letter_topic: None, ..bury().task }, ..bury() };
        let error = Streams::run_bounded(sorted(), client, nowhere).await.unwrap_err();
        assert!(error.to_string().contains("`task.dead_letter_topic` names none"), "{error}");
    });
}

#[test]
fn a_result_that_chose_a_topic_that_does_not_exist_is_skipped_if_the_author_says_so() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &["words", "t"]).await;
        publish(&client, &[b"tide", b"weir", b"tarn"]).await;
        let config = StreamsConfig::default();
        let error = Streams::run_bounded(sorted(), client.clone(), config.clone()).await.unwrap_err();
        assert!(error.to_string().contains("\"w\""), "{error}");
        let policies = ErrorPolicies { production: OnError::Skip, ..ErrorPolicies::default() };
        let skip = StreamsConfig { task: TaskConfig { policies, ..TaskConfig::default() }, ..config };
        let progress = Streams::run_bounded(sorted(), client.clone(), skip).await.unwrap();
        assert_eq!((progress.records_in, progress.skipped), (3, 1));
        let written: Vec<_> = values(&client, "t").await.into_iter().map(|(value, _)| value).collect();
        assert_eq!(written, [b"tide".to_vec(), b"tide".to_vec(), b"tarn".to_vec()]);
    });
}
