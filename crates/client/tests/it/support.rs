//! The embedded broker in a simulation, names, and time.

use std::time::Duration;

use headwater_client::Client;
use headwater_client::admin::NewTopic;
use headwater_model::{PartitionId, TopicName, TopicPartition};
use headwater_testkit::{Faults, SimCluster, SimConnector, simulate};

/// Runs a test on virtual time, with a cluster and a client of it.
pub(crate) fn with_cluster<F: Future<Output = ()>>(test: impl FnOnce(SimCluster, Client<SimConnector>) -> F) {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("test").await.unwrap();
        test(cluster, client).await;
    });
}

/// The same, with a topic of so many partitions.
pub(crate) fn with_topic<F: Future<Output = ()>>(
    partitions: i32,
    test: impl FnOnce(SimCluster, Client<SimConnector>) -> F,
) {
    with_cluster(|cluster, client| async move {
        client.admin().create_topic(NewTopic::new(topic(), partitions)).await.unwrap();
        test(cluster, client).await;
    });
}

pub(crate) fn topic() -> TopicName {
    name("flights")
}

pub(crate) fn name(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(crate) fn at(partition: i32) -> TopicPartition {
    TopicPartition::new(topic(), PartitionId(partition))
}

/// Lets time pass: virtual time in a simulation.
#[expect(clippy::disallowed_methods, reason = "tests wait")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
