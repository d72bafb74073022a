//! Groups whose coordinator divides the partitions (KIP-848), on a cluster that has them, ours or not:
//! `HEADWATER_TEST_BOOTSTRAP` says where it listens; `HEADWATER_TEST_TOPIC`, for one of the tests, which topic the group
//! reads that has a member of another kind already.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_client::admin::NewTopic;
use headwater_client::{
    Client, Connector, ConsumeError, ConsumerConfig, GroupError, GroupProtocol, OffsetReset, ProducerConfig,
    ProducerRecord, TcpConnector, TopicPattern,
};
use headwater_model::{PartitionId, TopicName};
use tokio::time::Instant;

use super::world::{Application, TICK, poll_until};
use crate::kafka::{connect, fresh_topic};
use crate::support::pause;

pub(super) const PARTITIONS: i32 = 6;
/// Sessions are the cluster's: 45 s, if it is not configured otherwise.
const AFTER_A_DEATH: Duration = Duration::from_secs(75);

type Member<C = TcpConnector> = Application<C>;

pub(super) async fn create<C: Connector>(client: &Client<C>, topic: &TopicName) {
    client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();
}

/// These numbers, over all partitions.
pub(super) async fn publish<C: Connector>(
    client: &Client<C>,
    topic: &TopicName,
    numbers: std::ops::Range<u32>,
) {
    let producer = client.producer(ProducerConfig::default());
    for number in numbers {
        let value = number.to_be_bytes();
        let partition = PartitionId((number % PARTITIONS as u32) as i32);
        producer.send(ProducerRecord::new(topic, &value).partition(partition)).await.unwrap();
    }
    producer.close().await.unwrap();
}

fn config(topic: &TopicName) -> ConsumerConfig {
    ConsumerConfig {
        group_protocol: GroupProtocol::Consumer { server_assignor: None },
        auto_offset_reset: OffsetReset::Earliest,
        ..ConsumerConfig::in_group(format!("{topic}-readers"))
    }
}

pub(super) fn member<C: Connector>(
    client: &Client<C>,
    topic: &TopicName,
    config: ConsumerConfig,
) -> Member<C> {
    let application = Application::new(client.consumer(config));
    application.consumer.subscribe([topic.clone()]).unwrap();
    application
}

pub(super) fn read<C: Connector>(members: &[&Member<C>]) -> Vec<u32> {
    let mut all: Vec<u32> =
        members.iter().flat_map(|member| member.read.values().flatten()).copied().collect();
    all.sort_unstable();
    all
}

pub(super) async fn commit<C: Connector>(member: &Member<C>) {
    member.consumer.commit(member.consumer.positions()).await.unwrap();
}

/// Polls for as long as a session may take to end.
async fn poll_through_a_death(survivor: &mut Member, condition: impl Fn(&Member) -> bool) {
    let until = Instant::now() + AFTER_A_DEATH;
    while !condition(survivor) {
        assert!(Instant::now() < until, "{:?}", survivor.history);
        survivor.poll().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn a_group_of_three_hands_over_what_changes_hands_and_nothing_else() {
    let (client, topic) = (connect().await, fresh_topic());
    create(&client, &topic).await;
    publish(&client, &topic, 0..600).await;
    let mut first = member(&client, &topic, config(&topic));
    first.read_to(600).await;

    let mut second = member(&client, &topic, config(&topic));
    poll_until(&mut [&mut first, &mut second], |[first, second]| {
        first.owned.len() == 3 && second.owned.len() == 3
    })
    .await;
    let mut third = member(&client, &topic, config(&topic));
    poll_until(&mut [&mut first, &mut second, &mut third], |all| {
        all.iter().all(|member| member.owned.len() == 2)
    })
    .await;
    publish(&client, &topic, 600..1_200).await;
    poll_until(&mut [&mut first, &mut second, &mut third], |[first, second, third]| {
        read(&[first, second, third]).len() >= 1_200
    })
    .await;
    assert_eq!(read(&[&first, &second, &third]), (0..1_200).collect::<Vec<_>>(), "each once");
    let revoked = |member: &Member| {
        let counts = member.history.iter().filter_map(|line| line.strip_prefix("revoked "));
        counts.map(|count| count.parse::<usize>().unwrap()).sum::<usize>()
    };
    assert_eq!(revoked(&first), 4, "from six to two: {:?}", first.history);
    assert_eq!(revoked(&second), 1, "from three to two: {:?}", second.history);
    assert!(!first.history.iter().any(|line| line.starts_with("lost")), "{:?}", first.history);

    // One leaves in order, and is not waited for.
    for member in [&first, &second, &third] {
        commit(member).await;
    }
    let left = Instant::now();
    second.consumer.close().await;
    poll_until(&mut [&mut first, &mut third], |[first, third]| first.owned.len() + third.owned.len() == 6)
        .await;
    assert!(left.elapsed() < Duration::from_secs(20), "{:?}", left.elapsed());

    // One dies; the other has everything once its session has ended, from where it had committed.
    drop(third);
    publish(&client, &topic, 1_200..1_800).await;
    poll_through_a_death(&mut first, |first| first.owned.len() == 6).await;
    let mine = read(&[&first]);
    first.read_to(mine.len() + 600 - mine.iter().filter(|number| **number >= 1_200).count()).await;
    let new: Vec<u32> = read(&[&first]).into_iter().filter(|number| *number >= 1_200).collect();
    assert_eq!(new, (1_200..1_800).collect::<Vec<_>>());
    commit(&first).await;
    first.consumer.close().await;

    // Who comes next goes on where the group is.
    publish(&client, &topic, 1_800..1_806).await;
    let mut next = member(&client, &topic, config(&topic));
    next.read_to(6).await;
    assert_eq!(read(&[&next]), (1_800..1_806).collect::<Vec<_>>());
    next.consumer.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn a_static_member_restarts_unnoticed_and_its_instance_is_its_own() {
    let (client, topic) = (connect().await, fresh_topic());
    create(&client, &topic).await;
    let config = |instance: &str| ConsumerConfig {
        group_instance_id: Some(instance.to_owned()),
        session_timeout: Duration::from_secs(3),
        ..config(&topic)
    };
    let mut stays = member(&client, &topic, config("a"));
    let mut restarts = member(&client, &topic, config("b"));
    poll_until(&mut [&mut stays, &mut restarts], |[stays, restarts]| {
        stays.owned.len() == 3 && restarts.owned.len() == 3
    })
    .await;
    let (told, had) = (stays.history.len(), restarts.owned.clone());
    restarts.consumer.close().await;
    let mut restarts = member(&client, &topic, config("b"));
    poll_until(&mut [&mut stays, &mut restarts], |[_, restarts]| restarts.owned.len() == 3).await;
    assert_eq!(restarts.owned, had);
    assert_eq!(stays.history[told..], [] as [&str; 0]);

    // Another process under the same instance id is told so, and the one that lives goes on.
    let mut twin = member(&client, &topic, config("b"));
    let error = loop {
        restarts.poll().await.unwrap();
        if let Err(error) = twin.poll().await {
            break error;
        }
    };
    let ConsumeError::Group(GroupError::Unreleased { instance, .. }) = &error else { panic!("{error}") };
    assert_eq!(instance, "b");
    assert_eq!(restarts.owned, had);
    for member in [stays, restarts, twin] {
        member.consumer.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn a_pattern_is_followed_by_the_coordinator() {
    let (client, base) = (connect().await, fresh_topic());
    let topic = |suffix: &str| TopicName::new(&format!("{base}-{suffix}")).unwrap();
    create(&client, &topic("eu")).await;
    create(&client, &base).await;
    let mut application = Application::new(client.consumer(config(&base)));
    let pattern = TopicPattern::new(&format!("{base}-.*")).unwrap();
    application.consumer.subscribe_matching(pattern).unwrap();
    let topics = |application: &Member| -> BTreeSet<TopicName> {
        application.owned.iter().map(|at| at.topic.clone()).collect()
    };
    poll_until(&mut [&mut application], |[all]| topics(all) == [topic("eu")].into()).await;
    create(&client, &topic("us")).await;
    publish(&client, &topic("us"), 0..6).await;
    // The coordinator looks again some seconds after topics have come.
    poll_until(&mut [&mut application], |[all]| topics(all) == [topic("eu"), topic("us")].into()).await;
    application.read_to(6).await;

    // By names again: what is not named goes.
    application.consumer.subscribe([base.clone()]).unwrap();
    poll_until(&mut [&mut application], |[all]| topics(all) == [base.clone()].into()).await;
    application.consumer.unsubscribe().unwrap();
    assert!(application.consumer.assignment().is_empty());
    application.consumer.close().await;
}

/// The other member, who is to have committed half of these records once we have gone, and all that come then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP and HEADWATER_TEST_TOPIC"]
async fn another_clients_member_shares_the_group() {
    let client = connect().await;
    let topic = std::env::var("HEADWATER_TEST_TOPIC").expect("HEADWATER_TEST_TOPIC is set");
    let topic = TopicName::new(&topic).unwrap();
    let mut ours = member(&client, &topic, config(&topic));
    poll_until(&mut [&mut ours], |[ours]| ours.owned.len() == 3).await;
    publish(&client, &topic, 0..600).await;
    ours.read_to(300).await;
    let partitions: BTreeSet<i32> = ours.owned.iter().map(|at| at.partition.0).collect();
    let expected: Vec<u32> = (0..600).filter(|number| partitions.contains(&((number % 6) as i32))).collect();
    assert_eq!(read(&[&ours]), expected);
    commit(&ours).await;
    ours.consumer.close().await;
    publish(&client, &topic, 600..1_200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn what_the_coordinator_cannot_do_is_told() {
    let (client, topic) = (connect().await, fresh_topic());
    create(&client, &topic).await;
    let group_protocol = GroupProtocol::Consumer { server_assignor: Some("by-the-moon".to_owned()) };
    let mut application = member(&client, &topic, ConsumerConfig { group_protocol, ..config(&topic) });
    let error = loop {
        if let Err(error) = application.poll().await {
            break error;
        }
    };
    assert!(error.to_string().contains("does not support that assignor"), "{error}");

    // An application that does not poll for too long leaves, and comes back with its next poll.
    let max_poll_interval = Duration::from_secs(2);
    let mut slow = member(&client, &topic, ConsumerConfig { max_poll_interval, ..config(&topic) });
    poll_until(&mut [&mut slow], |[slow]| slow.owned.len() == 6).await;
    pause(Duration::from_secs(4)).await;
    let error = loop {
        if let Err(error) = slow.poll().await {
            break error;
        }
    };
    assert!(matches!(error, ConsumeError::Group(GroupError::PollTooLate { .. })), "{error}");
    assert!(slow.owned.is_empty(), "{:?}", slow.history);
    poll_until(&mut [&mut slow], |[slow]| slow.owned.len() == 6).await;
    assert!(slow.consumer.poll(TICK).await.unwrap().is_empty());
    slow.consumer.close().await;
    application.consumer.close().await;
}
