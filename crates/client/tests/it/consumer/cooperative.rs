//! Groups of the classic protocol whose members keep what they can while they rebalance (KIP-429): on the embedded broker
//! in a simulation, and on a cluster that is not ours. `HEADWATER_TEST_BOOTSTRAP` says where that listens;
//! `HEADWATER_TEST_TOPIC`, for two of the tests, which topic the group reads that has a member of another kind.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_client::{
    Assignor, Client, Connector, ConsumeError, ConsumerConfig, GroupError, OffsetReset, Producer,
    ProducerConfig, ProducerRecord, TcpConnector,
};
use headwater_model::{PartitionId, TopicName, TopicPartition};
use tokio::time::Instant;

use super::coordinated::{PARTITIONS, commit, create, member, publish, read};
use super::world::{Application, in_world, poll_until};
use crate::kafka::{connect, fresh_topic};
use crate::support::topic;

/// Longer than a session, and than a rebalance takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn config(topic: &TopicName) -> ConsumerConfig {
    ConsumerConfig {
        assignors: vec![Assignor::CooperativeSticky],
        session_timeout: Duration::from_secs(8),
        heartbeat_interval: Duration::from_secs(1),
        auto_offset_reset: OffsetReset::Earliest,
        ..ConsumerConfig::in_group(format!("{topic}-readers"))
    }
}

/// Numbered records to all partitions in turn, for as long as anything is waited for.
struct Flow<'a, C: Connector> {
    producer: Producer<C>,
    topic: &'a TopicName,
    next: u32,
}

impl<'a, C: Connector> Flow<'a, C> {
    fn new(client: &Client<C>, topic: &'a TopicName) -> Self {
        Self { producer: client.producer(ProducerConfig::default()), topic, next: 0 }
    }

    /// A record for each partition.
    async fn more(&mut self) {
        for _ in 0..PARTITIONS {
            let (value, partition) = (self.next.to_be_bytes(), self.next % PARTITIONS as u32);
            let record = ProducerRecord::new(self.topic, &value).partition(PartitionId(partition as i32));
            self.producer.send(record).await.unwrap();
            self.next += 1;
        }
        self.producer.flush().await.unwrap();
    }

    /// Lets members poll in turn until the condition holds.
    async fn until<const N: usize>(
        &mut self,
        members: &mut [&mut Application<C>; N],
        condition: impl Fn(&[&mut Application<C>; N]) -> bool,
    ) {
        let until = Instant::now() + PATIENCE;
        while !condition(members) {
            let histories: Vec<_> = members.iter().map(|member| &member.history).collect();
            assert!(Instant::now() < until, "it never came to pass: {histories:?}");
            self.more().await;
            for member in members.iter_mut() {
                member.poll().await.unwrap();
            }
        }
    }
}

/// True once these have so many partitions each.
fn have<C: Connector, const N: usize>(members: &[&mut Application<C>; N], counts: [usize; N]) -> bool {
    members.iter().zip(counts).all(|(member, count)| member.owned.len() == count)
}

/// The numbers that occur more than once.
fn repeated(numbers: &[u32]) -> BTreeSet<u32> {
    numbers.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

fn all_of(topic: &TopicName) -> BTreeSet<TopicPartition> {
    (0..PARTITIONS).map(|number| TopicPartition::new(topic.clone(), PartitionId(number))).collect()
}

/// It had everything, and what it has not any more was taken back once; nothing else was, not even for a moment.
fn assert_kept_the_rest<C: Connector>(member: &Application<C>, topic: &TopicName) {
    let gone: BTreeSet<_> = member.taken_back.iter().cloned().collect();
    assert_eq!(gone.len(), member.taken_back.len(), "{:?}", member.history);
    assert_eq!(member.owned, all_of(topic).difference(&gone).cloned().collect(), "{:?}", member.history);
    assert!(!member.history.iter().any(|line| line.starts_with("lost")), "{:?}", member.history);
    assert_eq!(member.consumer.assignment(), member.owned.iter().cloned().collect::<Vec<_>>());
    assert!(member.consumer.paused().is_empty());
}

async fn members_join_leave_and_die<C: Connector>(client: &Client<C>, topic: &TopicName) {
    let mut flow = Flow::new(client, topic);
    let mut first = member(client, topic, config(topic));
    flow.until(&mut [&mut first], |all| have(all, [6])).await;
    let mut second = member(client, topic, config(topic));
    flow.until(&mut [&mut first, &mut second], |all| have(all, [3, 3])).await;
    assert_kept_the_rest(&first, topic);
    let mut third = member(client, topic, config(topic));
    flow.until(&mut [&mut first, &mut second, &mut third], |all| have(all, [2, 2, 2])).await;
    assert_kept_the_rest(&first, topic);
    assert_eq!((first.taken_back.len(), second.taken_back.len(), third.taken_back.len()), (4, 1, 0));

    // One leaves in order: the others only gain.
    commit(&third).await;
    let mut numbers = read(&[&third]);
    third.consumer.close().await;
    flow.until(&mut [&mut first, &mut second], |all| have(all, [3, 3])).await;
    assert_eq!((first.taken_back.len(), second.taken_back.len()), (4, 1));

    // One dies with something read and not committed, which is read again; nothing else is.
    commit(&second).await;
    let committed = read(&[&second]);
    flow.until(&mut [&mut second], |[second]| read(&[second]).len() > committed.len()).await;
    let of_second = read(&[&second]);
    let uncommitted: BTreeSet<u32> = of_second.iter().filter(|n| !committed.contains(n)).copied().collect();
    numbers.extend(of_second);
    drop(second);
    flow.until(&mut [&mut first], |all| have(all, [6])).await;
    assert_eq!(first.taken_back.len(), 4, "{:?}", first.history);

    let written: BTreeSet<u32> = (0..flow.next).collect();
    let numbers_with = |first: &Application<C>| [numbers.clone(), read(&[first])].concat();
    poll_until(&mut [&mut first], |[first]| {
        numbers_with(first).into_iter().collect::<BTreeSet<_>>() == written
    })
    .await;
    let mut numbers = numbers_with(&first);
    numbers.sort_unstable();
    let repeated = repeated(&numbers);
    assert!(repeated.is_subset(&uncommitted), "{repeated:?} of {uncommitted:?}");
    first.consumer.close().await;
}

async fn a_member_reads_and_commits_while_a_rebalance_waits<C: Connector>(
    client: &Client<C>,
    topic: &TopicName,
) {
    let mut flow = Flow::new(client, topic);
    let mut first = member(client, topic, config(topic));
    flow.until(&mut [&mut first], |all| have(all, [6])).await;
    let mut second = member(client, topic, config(topic));
    flow.until(&mut [&mut first, &mut second], |all| have(all, [3, 3])).await;

    // A third joins. The second is told what to let go of as well, but does not listen: the rebalance waits for it.
    let mut third = member(client, topic, config(topic));
    flow.until(&mut [&mut first, &mut third], |[first, _]| first.taken_back.len() == 4).await;
    let before = read(&[&first]).len();
    flow.until(&mut [&mut first, &mut third], |[first, _]| read(&[first]).len() > before + 20).await;
    commit(&first).await;
    let owned: Vec<TopicPartition> = first.owned.iter().cloned().collect();
    let committed = first.consumer.committed(&owned).await.unwrap();
    for (at, position) in first.consumer.positions() {
        assert_eq!(committed[&at].offset, position, "{at}");
    }
    assert_eq!((first.owned.len(), second.taken_back.len(), third.owned.len()), (2, 0, 0));

    flow.until(&mut [&mut first, &mut second, &mut third], |all| have(all, [2, 2, 2])).await;
    assert_kept_the_rest(&first, topic);
    let written: Vec<u32> = (0..flow.next).collect();
    poll_until(&mut [&mut first, &mut second, &mut third], |[first, second, third]| {
        read(&[first, second, third]).len() >= written.len()
    })
    .await;
    assert_eq!(read(&[&first, &second, &third]), written, "each once");
    for member in [first, second, third] {
        member.consumer.close().await;
    }
}

async fn a_static_member_restarts_unnoticed<C: Connector>(client: &Client<C>, topic: &TopicName) {
    let config = |instance: &str| ConsumerConfig {
        group_instance_id: Some(instance.to_owned()),
        session_timeout: Duration::from_secs(30),
        ..config(topic)
    };
    let mut stays = member(client, topic, config("a"));
    let mut restarts = member(client, topic, config("b"));
    poll_until(&mut [&mut stays, &mut restarts], |all| have(all, [3, 3])).await;
    let (told, had) = (stays.history.len(), restarts.owned.clone());
    restarts.consumer.close().await;
    let mut restarts = member(client, topic, config("b"));
    poll_until(&mut [&mut stays, &mut restarts], |all| have(all, [3, 3])).await;
    assert_eq!(restarts.owned, had);
    assert_eq!(stays.history[told..], [] as [&str; 0]);

    // Who comes then is given from what both have.
    let mut third = member(client, topic, config("c"));
    poll_until(&mut [&mut stays, &mut restarts, &mut third], |all| have(all, [2, 2, 2])).await;
    assert_eq!(stays.history[told..], ["revoked 1"]);
    assert_eq!(restarts.history, ["assigned 3", "revoked 1"]);
    for member in [stays, restarts, third] {
        member.consumer.close().await;
    }
}

async fn who_does_not_poll_loses_everything<C: Connector>(client: &Client<C>, topic: &TopicName) {
    let member = || {
        let max_poll_interval = Duration::from_secs(4);
        member(client, topic, ConsumerConfig { max_poll_interval, ..config(topic) })
    };
    let mut flow = Flow::new(client, topic);
    let (mut idle, mut busy) = (member(), member());
    flow.until(&mut [&mut idle, &mut busy], |all| have(all, [3, 3])).await;
    commit(&idle).await;
    flow.until(&mut [&mut busy], |all| have(all, [6])).await;
    idle.poll().await.unwrap();
    assert_eq!(idle.history.last().map(String::as_str), Some("lost 3"), "{:?}", idle.history);
    let error = idle.poll().await.unwrap_err();
    assert!(matches!(error, ConsumeError::Group(GroupError::PollTooLate { .. })), "{error}");
    flow.until(&mut [&mut idle, &mut busy], |all| have(all, [3, 3])).await;
    let written: Vec<u32> = (0..flow.next).collect();
    poll_until(&mut [&mut idle, &mut busy], |[idle, busy]| read(&[idle, busy]).len() >= written.len()).await;
    assert_eq!(read(&[&idle, &busy]), written, "each once");
    for member in [idle, busy] {
        member.consumer.close().await;
    }
}

/// From range to cooperative-sticky by two restarts of each member, while records flow.
async fn a_group_becomes_cooperative_by_two_rolling_restarts<C: Connector>(
    client: &Client<C>,
    topic: &TopicName,
) {
    let offering = |assignors: &[Assignor]| {
        let assignors = assignors.to_vec();
        member(client, topic, ConsumerConfig { assignors, ..config(topic) })
    };
    let mut flow = Flow::new(client, topic);
    let mut numbers = Vec::new();
    let mut one = offering(&[Assignor::Range]);
    let mut other = offering(&[Assignor::Range]);
    flow.until(&mut [&mut one, &mut other], |all| have(all, [3, 3])).await;
    let both: &[Assignor] = &[Assignor::CooperativeSticky, Assignor::Range];
    let alone: &[Assignor] = &[Assignor::CooperativeSticky];
    // What the one that stays is told last: it lets go of everything for as long as it offers range.
    let (all, some): (&[&str], &[&str]) = (&["revoked 6", "assigned 3"], &["revoked 3"]);
    for (assignors, told) in [(both, all), (both, all), (alone, all), (alone, some)] {
        commit(&one).await;
        numbers.extend(read(&[&one]));
        one.consumer.close().await;
        flow.until(&mut [&mut other], |all| have(all, [6])).await;
        one = offering(assignors);
        flow.until(&mut [&mut one, &mut other], |all| have(all, [3, 3])).await;
        let history: Vec<&str> = other.history.iter().map(String::as_str).collect();
        assert!(history.ends_with(told), "{history:?}");
        std::mem::swap(&mut one, &mut other);
    }
    let group = format!("{topic}-readers");
    let described = client.admin().describe_groups(&[&group]).await;
    assert_eq!(described[&*group].as_ref().unwrap().assignor, "cooperative-sticky");

    let told = other.history.len();
    let mut third = offering(&[Assignor::CooperativeSticky]);
    flow.until(&mut [&mut one, &mut other, &mut third], |all| have(all, [2, 2, 2])).await;
    assert_eq!(other.history[told..], ["revoked 1"]);
    let written: BTreeSet<u32> = (0..flow.next).collect();
    poll_until(&mut [&mut one, &mut other, &mut third], |[one, other, third]| {
        numbers.len() + read(&[one, other, third]).len() >= written.len()
    })
    .await;
    numbers.extend(read(&[&one, &other, &third]));
    numbers.sort_unstable();
    assert_eq!(numbers, written.into_iter().collect::<Vec<_>>(), "each once");
    for member in [one, other, third] {
        member.consumer.close().await;
    }
}

#[test]
fn who_stays_keeps_what_it_has_while_members_join_leave_and_die() {
    in_world(PARTITIONS, |world| async move { members_join_leave_and_die(&world.client, &topic()).await });
}

#[test]
fn a_member_reads_and_commits_on_while_a_rebalance_waits_for_another() {
    in_world(PARTITIONS, |world| async move {
        a_member_reads_and_commits_while_a_rebalance_waits(&world.client, &topic()).await;
    });
}

#[test]
fn a_static_member_restarts_unnoticed_by_who_keeps() {
    in_world(PARTITIONS, |world| async move {
        a_static_member_restarts_unnoticed(&world.client, &topic()).await;
    });
}

#[test]
fn who_does_not_poll_loses_everything_and_comes_back() {
    in_world(PARTITIONS, |world| async move {
        who_does_not_poll_loses_everything(&world.client, &topic()).await;
    });
}

#[test]
fn a_group_changes_over_to_keeping_by_two_rolling_restarts() {
    in_world(PARTITIONS, |world| async move {
        a_group_becomes_cooperative_by_two_rolling_restarts(&world.client, &topic()).await;
    });
}

/// The same where time is real.
mod on_a_cluster {
    use super::*;

    async fn fresh() -> (Client, TopicName) {
        let (client, topic) = (connect().await, fresh_topic());
        create(&client, &topic).await;
        (client, topic)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn members_come_and_go() {
        let (client, topic) = fresh().await;
        members_join_leave_and_die(&client, &topic).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn a_rebalance_waits() {
        let (client, topic) = fresh().await;
        a_member_reads_and_commits_while_a_rebalance_waits(&client, &topic).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn a_static_member() {
        let (client, topic) = fresh().await;
        a_static_member_restarts_unnoticed(&client, &topic).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn who_does_not_poll() {
        let (client, topic) = fresh().await;
        who_does_not_poll_loses_everything(&client, &topic).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn two_rolling_restarts() {
        let (client, topic) = fresh().await;
        a_group_becomes_cooperative_by_two_rolling_restarts(&client, &topic).await;
    }

    fn shared_topic() -> TopicName {
        let topic = std::env::var("HEADWATER_TEST_TOPIC").expect("HEADWATER_TEST_TOPIC is set");
        TopicName::new(&topic).unwrap()
    }

    /// Has half of the partitions of a group with another client's member, and reads its half of these records.
    async fn share(ours: &mut Application<TcpConnector>, client: &Client, topic: &TopicName) {
        publish(client, topic, 0..600).await;
        ours.read_to(300).await;
        let partitions: BTreeSet<i32> = ours.owned.iter().map(|at| at.partition.0).collect();
        let expected: Vec<u32> =
            (0..600).filter(|number| partitions.contains(&((number % 6) as i32))).collect();
        assert_eq!(read(&[ours]), expected);
        commit(ours).await;
    }

    /// The other member leads the group. It is to have committed half of these records once we have gone, and all that
    /// come then.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP and HEADWATER_TEST_TOPIC"]
    async fn another_clients_group_is_joined() {
        let (client, topic) = (connect().await, shared_topic());
        let mut ours = member(&client, &topic, config(&topic));
        poll_until(&mut [&mut ours], |[ours]| ours.owned.len() == 3).await;
        share(&mut ours, &client, &topic).await;
        ours.consumer.close().await;
        publish(&client, &topic, 600..1_200).await;
    }

    /// We lead the group, which another client's member joins once we have said so.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP and HEADWATER_TEST_TOPIC"]
    async fn another_clients_member_joins() {
        let (client, topic) = (connect().await, shared_topic());
        let mut ours = member(&client, &topic, config(&topic));
        poll_until(&mut [&mut ours], |[ours]| ours.owned.len() == 6).await;
        println!("the group is there to be joined");
        let until = Instant::now() + PATIENCE;
        while ours.consumer.assignment().len() != 3 {
            assert!(Instant::now() < until, "{:?}", ours.history);
            ours.poll().await.unwrap();
        }
        assert_kept_the_rest(&ours, &topic);
        share(&mut ours, &client, &topic).await;
        ours.consumer.close().await;
        publish(&client, &topic, 600..1_200).await;
    }
}
