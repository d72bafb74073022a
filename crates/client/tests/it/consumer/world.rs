//! A simulated broker, a topic, and an application that keeps what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_client::admin::NewTopic;
use headwater_client::{
    Client, Connector, ConsumeError, Consumer, ConsumerConfig, ConsumerEvent, OffsetReset, ProducerConfig,
    ProducerRecord,
};
use headwater_model::{PartitionId, Timestamp, TopicPartition};
use headwater_testkit::{Faults, SimCluster, SimConnector, simulate};

use crate::support::topic;

pub(crate) const TICK: Duration = Duration::from_millis(100);

pub(crate) struct World {
    pub(crate) cluster: SimCluster,
    pub(crate) client: Client<SimConnector>,
}

/// Runs a test on virtual time, with a topic of so many partitions.
pub(crate) fn in_world<F: Future<Output = ()>>(partitions: i32, test: impl FnOnce(World) -> F) {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("test").await.unwrap();
        client.admin().create_topic(NewTopic::new(topic(), partitions)).await.unwrap();
        test(World { cluster, client }).await;
    });
}

impl World {
    /// Appends these numbers to a partition, one batch each, with their values as timestamps.
    pub(crate) async fn produce(&self, partition: i32, numbers: std::ops::Range<u32>) {
        let producer = self.client.producer(ProducerConfig::default());
        let topic = topic();
        for number in numbers {
            let value = number.to_be_bytes();
            let record = ProducerRecord::new(&topic, &value)
                .partition(PartitionId(partition))
                .timestamp(Timestamp(i64::from(number)));
            producer.send(record).await.unwrap().await.unwrap();
        }
        producer.close().await.unwrap();
    }

    pub(crate) fn member(&self) -> Application {
        self.application(group())
    }

    pub(crate) fn application(&self, config: ConsumerConfig) -> Application {
        Application::new(self.client.consumer(config))
    }
}

pub(crate) fn group() -> ConsumerConfig {
    ConsumerConfig { auto_offset_reset: OffsetReset::Earliest, ..ConsumerConfig::in_group("g") }
}

/// A consumer and what it was told. It commits what it has read before it lets go of partitions.
pub(crate) struct Application<C: Connector = SimConnector> {
    pub(crate) consumer: Consumer<C>,
    /// What it has by what it was told.
    pub(crate) owned: BTreeSet<TopicPartition>,
    /// The numbers read of each partition, in order.
    pub(crate) read: BTreeMap<i32, Vec<u32>>,
    /// What happened to its partitions.
    pub(crate) history: Vec<String>,
    /// Those that were taken back, in order.
    pub(crate) taken_back: Vec<TopicPartition>,
}

impl<C: Connector> Application<C> {
    pub(crate) fn new(consumer: Consumer<C>) -> Self {
        let (owned, read) = (BTreeSet::new(), BTreeMap::new());
        Self { consumer, owned, read, history: Vec::new(), taken_back: Vec::new() }
    }

    pub(crate) fn subscribed(self) -> Self {
        self.consumer.subscribe([topic()]).unwrap();
        self
    }

    /// One poll.
    pub(crate) async fn poll(&mut self) -> Result<(), ConsumeError> {
        match self.consumer.poll_event(TICK).await? {
            Some(ConsumerEvent::Fetched(batches)) => {
                for fetched in batches {
                    let read = self.read.entry(fetched.topic_partition.partition.0).or_default();
                    let batch = fetched.open(1 << 20).unwrap();
                    for record in fetched.records(&batch) {
                        let value = record.unwrap().value.unwrap();
                        read.push(u32::from_be_bytes(value.try_into().unwrap()));
                    }
                }
            }
            Some(ConsumerEvent::Assigned(partitions)) => {
                self.history.push(format!("assigned {}", partitions.len()));
                self.owned.extend(partitions);
            }
            Some(ConsumerEvent::Revoked(partitions)) => {
                self.history.push(format!("revoked {}", partitions.len()));
                self.consumer.commit(self.consumer.positions()).await.unwrap();
                self.owned.retain(|at| !partitions.contains(at));
                self.taken_back.extend(partitions);
            }
            Some(ConsumerEvent::Lost(partitions)) => {
                self.history.push(format!("lost {}", partitions.len()));
                self.owned.clear();
                self.taken_back.extend(partitions);
            }
            None => {}
        }
        Ok(())
    }

    /// Polls until it has read so many numbers in total.
    pub(crate) async fn read_to(&mut self, count: usize) {
        for _ in 0..1_000 {
            if self.read.values().map(Vec::len).sum::<usize>() >= count {
                return;
            }
            self.poll().await.unwrap();
        }
        panic!("after 100 s only {:?} were read", self.read);
    }
}

/// Lets applications poll in turn until the condition holds.
pub(crate) async fn poll_until<C: Connector, const N: usize>(
    applications: &mut [&mut Application<C>; N],
    condition: impl Fn(&[&mut Application<C>; N]) -> bool,
) {
    for _ in 0..2_000 {
        if condition(applications) {
            return;
        }
        for application in applications.iter_mut() {
            application.poll().await.unwrap();
        }
    }
    let histories: Vec<_> = applications.iter().map(|application| &application.history).collect();
    panic!("it never came to pass: {histories:?}");
}
