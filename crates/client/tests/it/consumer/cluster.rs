//! The same client against a cluster of somebody else's: run by hand with `HEADWATER_TEST_BOOTSTRAP=host:port`, whose
//! brokers may be killed and started again meanwhile.

use std::time::Duration;

use headwater_client::admin::NewTopic;
use headwater_client::{
    Client, ClientConfig, ConsumerConfig, Isolation, OffsetReset, ProducerConfig, ProducerRecord,
    TcpConnector,
};
use headwater_model::{Clock, PartitionId, SystemClock, TopicName};
use headwater_wire::batch::Compression;

use super::world::{Application, poll_until};

const PARTITIONS: i32 = 4;
const EACH: u32 = 400;

async fn publish(client: &Client, topic: &TopicName, compression: Compression, first: u32) {
    let producer = client.producer(ProducerConfig { compression, ..ProducerConfig::default() });
    for number in first..first + EACH {
        let value = number.to_be_bytes();
        let partition = PartitionId((number % PARTITIONS as u32) as i32);
        producer.send(ProducerRecord::new(topic, &value).partition(partition)).await.unwrap();
        if number % 50 == 0 {
            producer.flush().await.unwrap();
        }
    }
    producer.close().await.unwrap();
}

fn member(client: &Client, topic: &TopicName) -> Application<TcpConnector> {
    let config = ConsumerConfig {
        auto_offset_reset: OffsetReset::Earliest,
        isolation: Isolation::ReadCommitted,
        session_timeout: Duration::from_secs(10),
        ..ConsumerConfig::in_group(format!("{topic}-readers"))
    };
    let application = Application::new(client.consumer(config));
    application.consumer.subscribe([topic.clone()]).unwrap();
    application
}

fn count(applications: &[&mut Application<TcpConnector>]) -> usize {
    applications.iter().flat_map(|application| application.read.values()).map(Vec::len).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: set HEADWATER_TEST_BOOTSTRAP to its address"]
async fn a_group_of_two_reads_every_codec_through_a_join_and_a_leave() {
    let bootstrap =
        std::env::var("HEADWATER_TEST_BOOTSTRAP").expect("HEADWATER_TEST_BOOTSTRAP is an address");
    let client = Client::connect(ClientConfig::new([bootstrap])).await.unwrap();
    let topic = TopicName::new(&format!("headwater-{}", SystemClock::new().now())).unwrap();
    client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();

    let mut first = member(&client, &topic);
    for (index, compression) in (0..).zip(Compression::ALL) {
        publish(&client, &topic, compression, index * EACH).await;
    }
    let total = 5 * EACH as usize;
    poll_until(&mut [&mut first], |all| count(all) == total).await;
    for (partition, numbers) in &first.read {
        let expected: Vec<_> = (0..5 * EACH).filter(|number| (number % 4) as i32 == *partition).collect();
        assert_eq!(*numbers, expected);
    }

    let mut second = member(&client, &topic);
    poll_until(&mut [&mut first, &mut second], |[first, second]| {
        first.owned.len() == 2 && second.owned.len() == 2
    })
    .await;
    publish(&client, &topic, Compression::Lz4, 5 * EACH).await;
    poll_until(&mut [&mut first, &mut second], |all| count(all) == total + EACH as usize).await;
    assert_eq!(second.read.values().map(Vec::len).sum::<usize>(), EACH as usize / 2);
    second.consumer.commit(second.consumer.positions()).await.unwrap();
    second.consumer.close().await;
    poll_until(&mut [&mut first], |[first]| first.owned.len() == 4).await;
    publish(&client, &topic, Compression::Zstd, 6 * EACH).await;
    poll_until(&mut [&mut first], |all| count(all) == total + EACH as usize * 3 / 2).await;
    first.consumer.close().await;
}
