//! A broker on a folder of its own, and clients of it.

use std::net::SocketAddr;
use std::sync::Arc;

use headwater_broker::{Broker, BrokerConfig, RunningBroker};
use headwater_client::admin::NewTopic;
use headwater_client::{Client, ClientConfig};
use headwater_log::RealDisk;
use headwater_model::{Entropy, PartitionId, SystemClock, TopicName, TopicPartition};

pub(crate) struct Server {
    config: BrokerConfig,
    running: Option<RunningBroker>,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().to_path_buf();
        let config = BrokerConfig { data_dir, auto_create_topics: false, ..BrokerConfig::default() };
        let running = listen(&config, "127.0.0.1:0").await;
        let address = running.local_addr();
        Self { config, running: Some(running), address, _dir: dir }
    }

    /// Shuts the broker down; its port is free until [`Server::start_again`].
    pub(crate) async fn stop(&mut self) {
        self.running.take().unwrap().shutdown().await;
    }

    /// The same broker on the same port.
    pub(crate) async fn start_again(&mut self) {
        self.running = Some(listen(&self.config, &self.address.to_string()).await);
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(ClientConfig::new([self.address()])).await.unwrap()
    }

    /// A client, and a topic with so many partitions.
    pub(crate) async fn with_topic(partitions: i32) -> (Self, Client) {
        let server = Self::start().await;
        let client = server.client().await;
        client.admin().create_topic(NewTopic::new(topic(), partitions)).await.unwrap();
        (server, client)
    }
}

async fn listen(config: &BrokerConfig, address: &str) -> RunningBroker {
    let disk = Arc::new(RealDisk::default());
    let clock = Arc::new(SystemClock::new());
    let broker = Broker::open(config.clone(), disk, clock, Entropy::from_system()).unwrap();
    broker.listen(address.to_owned()).await.unwrap()
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
