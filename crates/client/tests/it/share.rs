//! Share groups (KIP-932): each test in a simulation, and on a cluster that has them, ours or not
//! (`HEADWATER_TEST_BOOTSTRAP` says where it listens).

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::admin::{ConfigChange, ConfigResource, GroupDescription, NewTopic};
use headwater_client::{
    Acknowledgement, Acknowledging, Client, Connector, ProducerConfig, ProducerRecord, ShareConsumer,
    ShareConsumerConfig,
};
use headwater_model::{ErrorCode, Offset, PartitionId, TopicName, TopicPartition};
use tokio::time::Instant;

use crate::kafka::{connect, fresh_topic};
use crate::support::{pause, with_cluster};

const PARTITIONS: i32 = 2;
const PATIENCE: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(200);

/// A topic of its own, and a group that reads it from its beginning.
struct Scene<C: Connector> {
    client: Client<C>,
    topic: TopicName,
    group: String,
}

impl<C: Connector> Scene<C> {
    async fn new(client: Client<C>) -> Self {
        let topic = fresh_topic();
        client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();
        let group = format!("{topic}-sharers");
        let setting = ConfigChange::Set("earliest".to_owned());
        let changes = BTreeMap::from([("share.auto.offset.reset".to_owned(), setting)]);
        client.admin().alter_configs(&ConfigResource::Group(group.clone()), &changes).await.unwrap();
        Self { client, topic, group }
    }

    /// These numbers, in turn over the partitions, each in a batch of its own where `apart`.
    async fn publish(&self, numbers: std::ops::Range<u32>, apart: bool) {
        let producer = self.client.producer(ProducerConfig::default());
        for number in numbers {
            let value = number.to_be_bytes();
            let partition = PartitionId((number % PARTITIONS as u32) as i32);
            let delivery = producer.send(ProducerRecord::new(&self.topic, &value).partition(partition));
            let delivery = delivery.await.unwrap();
            if apart {
                delivery.await.unwrap();
            }
        }
        producer.close().await.unwrap();
    }

    fn sharer(&self, acknowledging: Acknowledging) -> Sharer<C> {
        // Few at a time, so that one does not take what is there for all.
        let config = ShareConsumerConfig {
            acknowledging,
            max_poll_records: 20,
            ..ShareConsumerConfig::in_group(&self.group)
        };
        let consumer = self.client.share_consumer(config);
        consumer.subscribe([self.topic.clone()]);
        Sharer { consumer, had: Vec::new() }
    }

    fn at(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic.clone(), PartitionId(partition))
    }

    /// The group, once it exists.
    async fn describe(&self) -> Option<GroupDescription> {
        let described = self.client.admin().describe_groups(&[&self.group]).await;
        match described.into_values().next().unwrap() {
            Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => None,
            described => Some(described.unwrap()),
        }
    }

    /// Where the group is in each partition.
    async fn starts(&self) -> Vec<Option<i64>> {
        let offsets = self.client.admin().share_group_offsets(&self.group).await.unwrap();
        (0..PARTITIONS).map(|n| Some(offsets.get(&self.at(n))?.start?.0)).collect()
    }

    /// How many records are still to be done with in each partition. (Apache Kafka writes down that the group's start has
    /// moved with the next change only.)
    async fn lags(&self) -> Vec<Option<i64>> {
        let offsets = self.client.admin().share_group_offsets(&self.group).await.unwrap();
        (0..PARTITIONS).map(|n| offsets.get(&self.at(n))?.lag).collect()
    }
}

/// What a record was handed out as.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Had {
    at: TopicPartition,
    offset: Offset,
    number: u32,
    delivery_count: i16,
}

struct Sharer<C: Connector> {
    consumer: ShareConsumer<C>,
    had: Vec<Had>,
}

impl<C: Connector> Sharer<C> {
    /// One poll; gives what came.
    async fn poll(&mut self) -> Vec<Had> {
        let mut came = Vec::new();
        for acquired in self.consumer.poll(TICK).await.unwrap() {
            assert!(acquired.lock_timeout > Duration::ZERO);
            let batch = acquired.open(1 << 20).unwrap();
            for record in acquired.records(&batch).map(Result::unwrap) {
                came.push(Had {
                    at: acquired.topic_partition.clone(),
                    offset: record.record.offset,
                    number: u32::from_be_bytes(record.record.value.unwrap().try_into().unwrap()),
                    delivery_count: record.delivery_count,
                });
            }
        }
        self.had.extend(came.iter().cloned());
        came
    }

    /// Polls until so many records have come.
    async fn take(&mut self, count: usize) -> Vec<Had> {
        let until = Instant::now() + PATIENCE;
        let mut came = Vec::new();
        while came.len() < count {
            assert!(Instant::now() < until, "{count} records: {came:?}");
            came.extend(self.poll().await);
        }
        came
    }

    fn say(&self, had: &Had, how: Acknowledgement) {
        self.consumer.acknowledge(&had.at, had.offset, how).unwrap();
    }

    fn numbers(&self) -> Vec<u32> {
        self.had.iter().map(|had| had.number).collect()
    }
}

fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers
}

/// The group, once it is like that.
async fn until<C: Connector>(
    scene: &Scene<C>,
    what: &str,
    condition: impl Fn(&GroupDescription) -> bool,
) -> GroupDescription {
    let until = Instant::now() + PATIENCE;
    loop {
        let described = scene.describe().await;
        if let Some(described) = described.clone().filter(&condition) {
            return described;
        }
        assert!(Instant::now() < until, "{what}: {described:?}");
        pause(TICK).await;
    }
}

async fn members_share_the_records_and_each_is_done_once<C: Connector>(client: Client<C>) {
    const COUNT: u32 = 400;
    let scene = Scene::new(client).await;
    let (mut one, mut two) = (scene.sharer(Acknowledging::Explicit), scene.sharer(Acknowledging::Implicit));
    until(&scene, "two members with partitions", |group| {
        group.members.len() == 2 && group.members.iter().all(|member| !member.assignment.is_empty())
    })
    .await;
    scene.publish(0..COUNT, true).await;
    let until_done = Instant::now() + PATIENCE;
    while one.had.len() + two.had.len() < COUNT as usize {
        assert!(Instant::now() < until_done, "{} and {}", one.had.len(), two.had.len());
        for had in one.poll().await {
            one.say(&had, Acknowledgement::Accept);
        }
        two.poll().await;
    }
    two.poll().await; // accepts what the poll before handed out
    one.consumer.commit().await.unwrap();
    two.consumer.commit().await.unwrap();
    assert_eq!(sorted([one.numbers(), two.numbers()].concat()), (0..COUNT).collect::<Vec<_>>());
    assert!(!one.had.is_empty() && !two.had.is_empty(), "{} and {}", one.had.len(), two.had.len());
    let group = until(&scene, "a stable group", |group| group.state.eq_ignore_ascii_case("stable")).await;
    assert_eq!((group.kind.as_str(), group.members.len()), ("share", 2));
    assert!(group.epochs.unwrap().group > 0 && !group.assignor.is_empty(), "{group:?}");
    let live = scene.client.admin().delete_group(&scene.group).await.unwrap_err();
    assert_eq!(live.code(), Some(ErrorCode::NonEmptyGroup), "{live}");
    one.consumer.close().await.unwrap();
    two.consumer.close().await.unwrap();
    until(&scene, "an empty group", |group| group.members.is_empty()).await;
    assert_eq!(scene.lags().await, [Some(0), Some(0)]);
}

async fn what_is_released_comes_again_and_what_is_rejected_does_not<C: Connector>(client: Client<C>) {
    let scene = Scene::new(client).await;
    scene.publish(0..6, true).await;
    let mut sharer = scene.sharer(Acknowledging::Explicit);
    for had in sharer.take(6).await {
        assert_eq!(had.delivery_count, 1);
        let how = match had.number {
            0 | 1 => Acknowledgement::Release,
            2 | 3 => Acknowledgement::Reject,
            _ => Acknowledgement::Accept,
        };
        sharer.say(&had, how);
    }
    sharer.consumer.commit().await.unwrap();
    let again = sharer.take(2).await;
    assert_eq!(sorted(again.iter().map(|had| had.number).collect()), [0, 1]);
    for had in &again {
        assert_eq!(had.delivery_count, 2);
        sharer.say(had, Acknowledgement::Renew);
    }
    sharer.consumer.commit().await.unwrap();
    for had in &again {
        sharer.say(had, Acknowledgement::Accept);
    }
    assert!(sharer.consumer.acknowledge(&again[0].at, again[0].offset, Acknowledgement::Accept).is_err());
    sharer.consumer.commit().await.unwrap();
    assert_eq!(scene.lags().await, [Some(0), Some(0)]);
    assert_eq!(sharer.poll().await, [], "there is nothing left");
    sharer.consumer.close().await.unwrap();
}

async fn closing_tells_what_was_acknowledged_and_releases_the_rest<C: Connector>(client: Client<C>) {
    let scene = Scene::new(client).await;
    scene.publish(0..8, true).await;
    let mut first = scene.sharer(Acknowledging::Explicit);
    for had in first.take(8).await {
        if had.number < 4 {
            first.say(&had, Acknowledgement::Accept);
        }
    }
    first.consumer.close().await.unwrap();
    let mut second = scene.sharer(Acknowledging::Explicit);
    let rest = second.take(4).await;
    assert_eq!(sorted(second.numbers()), [4, 5, 6, 7]);
    // Whether a delivery counts that ended by a session that was closed is the broker's: Apache Kafka's counts it, ours not.
    assert!(rest.iter().all(|had| (1..=2).contains(&had.delivery_count)), "{rest:?}");
    second.consumer.close().await.unwrap();
    let mut third = scene.sharer(Acknowledging::Implicit);
    third.take(4).await;
    assert_eq!(third.poll().await, []);
    third.consumer.commit().await.unwrap();
    third.consumer.close().await.unwrap();
    assert_eq!(scene.lags().await, [Some(0), Some(0)]);
}

async fn where_a_share_group_goes_on_is_set_and_forgotten_while_nobody_is_a_member<C: Connector>(
    client: Client<C>,
) {
    let scene = Scene::new(client).await;
    let admin = scene.client.admin();
    scene.publish(0..10, true).await;
    let mut sharer = scene.sharer(Acknowledging::Implicit);
    sharer.take(10).await;
    sharer.poll().await;
    sharer.consumer.commit().await.unwrap();
    let to = BTreeMap::from([(scene.at(0), Offset(2)), (scene.at(1), Offset(4))]);
    let live = admin.set_share_group_offsets(&scene.group, &to).await.unwrap_err();
    assert_eq!(live.code(), Some(ErrorCode::NonEmptyGroup), "{live}");
    sharer.consumer.close().await.unwrap();
    until(&scene, "an empty group", |group| group.members.is_empty()).await;

    admin.set_share_group_offsets(&scene.group, &to).await.unwrap();
    assert_eq!(scene.starts().await, [Some(2), Some(4)]);
    let mut sharer = scene.sharer(Acknowledging::Implicit);
    sharer.take(4).await;
    assert_eq!(sorted(sharer.numbers()), [4, 6, 8, 9]);
    sharer.poll().await;
    sharer.consumer.close().await.unwrap();
    until(&scene, "an empty group", |group| group.members.is_empty()).await;

    admin.delete_share_group_offsets(&scene.group, std::slice::from_ref(&scene.topic)).await.unwrap();
    assert_eq!(scene.starts().await, [None, None]);
    admin.delete_group(&scene.group).await.unwrap();
    let gone = admin.describe_groups(&[&scene.group]).await.into_values().next().unwrap().unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::GroupIdNotFound), "{gone}");
}

mod simulated {
    use super::with_cluster;

    #[test]
    fn members_share_the_records_and_each_is_done_once() {
        with_cluster(|_cluster, client| super::members_share_the_records_and_each_is_done_once(client));
    }

    #[test]
    fn what_is_released_comes_again_and_what_is_rejected_does_not() {
        with_cluster(|_cluster, client| {
            super::what_is_released_comes_again_and_what_is_rejected_does_not(client)
        });
    }

    #[test]
    fn closing_tells_what_was_acknowledged_and_releases_the_rest() {
        with_cluster(|_cluster, client| {
            super::closing_tells_what_was_acknowledged_and_releases_the_rest(client)
        });
    }

    #[test]
    fn where_a_share_group_goes_on_is_set_and_forgotten_while_nobody_is_a_member() {
        with_cluster(|_cluster, client| {
            super::where_a_share_group_goes_on_is_set_and_forgotten_while_nobody_is_a_member(client)
        });
    }
}

mod on_a_cluster {
    use super::connect;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn members_share_the_records_and_each_is_done_once() {
        super::members_share_the_records_and_each_is_done_once(connect().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn what_is_released_comes_again_and_what_is_rejected_does_not() {
        super::what_is_released_comes_again_and_what_is_rejected_does_not(connect().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn closing_tells_what_was_acknowledged_and_releases_the_rest() {
        super::closing_tells_what_was_acknowledged_and_releases_the_rest(connect().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn where_a_share_group_goes_on_is_set_and_forgotten_while_nobody_is_a_member() {
        super::where_a_share_group_goes_on_is_set_and_forgotten_while_nobody_is_a_member(connect().await)
            .await;
    }
}
