//! Streams groups (KIP-1071): each test in a simulation, and on a cluster that has them, ours or not
//! (`HEADWATER_TEST_BOOTSTRAP` says where it listens).

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::admin::{GroupDescription, NewTopic};
use headwater_client::{
    Client, Connector, GroupSubtopology, GroupTopology, StreamsEvent, StreamsGroupMember,
    StreamsMemberConfig, StreamsStatusCode, TaskAssignment, TaskId,
};
use headwater_model::{Entropy, ErrorCode, Offset, PartitionId, TopicName, TopicPartition};
use tokio::time::Instant;

use crate::kafka::{connect, fresh_topic};
use crate::support::{pause, with_cluster};

const PARTITIONS: i32 = 4;
const PATIENCE: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(200);

fn topology(source: &TopicName) -> GroupTopology {
    let part = GroupSubtopology { source_topics: [source.to_string()].into(), ..GroupSubtopology::default() };
    GroupTopology { epoch: 0, subtopologies: [("0".to_owned(), part)].into() }
}

/// A member, its application, and all that it was told.
struct Worker<C: Connector> {
    member: StreamsGroupMember<C>,
    /// What it works on, so far as it was told.
    tasks: TaskAssignment,
    told: Vec<StreamsEvent>,
}

impl<C: Connector> Worker<C> {
    /// Each is a process of its own.
    fn new(client: &Client<C>, group: &str, topology: GroupTopology) -> Self {
        let process = Entropy::from_system().uuid();
        let config = StreamsMemberConfig::new(group, topology, process);
        let member = client.streams_member(config);
        Self { member, tasks: TaskAssignment::default(), told: Vec::new() }
    }

    /// Polls once and works on what it is told to.
    async fn poll(&mut self) {
        let Some(event) = self.member.poll_event(TICK).await.unwrap() else { return };
        match &event {
            StreamsEvent::Assigned(tasks) => self.tasks.active.extend(tasks.active.iter().cloned()),
            StreamsEvent::Revoked(tasks) => self.tasks.active.retain(|task| !tasks.active.contains(task)),
            StreamsEvent::Lost(_) => self.tasks = TaskAssignment::default(),
            StreamsEvent::Status(_) | StreamsEvent::Endpoints(_) => {}
        }
        self.told.push(event);
    }
}

async fn until<C: Connector>(
    workers: &mut [&mut Worker<C>],
    what: &str,
    condition: impl Fn(&[&mut Worker<C>]) -> bool,
) {
    let until = Instant::now() + PATIENCE;
    while !condition(workers) {
        for worker in workers.iter_mut() {
            worker.poll().await;
        }
        let told: Vec<_> = workers.iter().map(|worker| &worker.told).collect();
        assert!(Instant::now() < until, "{what}: {told:?}");
    }
}

fn all_tasks() -> Vec<TaskId> {
    (0..PARTITIONS).map(|partition| TaskId::new("0", partition)).collect()
}

/// The tasks of all of them, in order.
fn tasks<C: Connector>(workers: &[&mut Worker<C>]) -> Vec<TaskId> {
    let mut all: Vec<TaskId> = workers.iter().flat_map(|worker| &worker.tasks.active).cloned().collect();
    all.sort();
    all
}

/// True if each of them was told that.
fn were_told<C: Connector>(code: StreamsStatusCode) -> impl Fn(&[&mut Worker<C>]) -> bool {
    let is_that = move |event: &StreamsEvent| match event {
        StreamsEvent::Status(all) => all.iter().any(|status| status.code == code),
        _ => false,
    };
    move |all| all.iter().all(|worker| worker.told.iter().any(is_that))
}

async fn describe<C: Connector>(client: &Client<C>, group: &str) -> GroupDescription {
    client.admin().describe_groups(&[group]).await.into_values().next().unwrap().unwrap()
}

async fn members_come_and_go_and_each_task_is_one_members<C: Connector>(client: Client<C>) {
    let topic = fresh_topic();
    let (admin, group) = (client.admin(), format!("{topic}-streams"));
    admin.create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();
    let mut one = Worker::new(&client, &group, topology(&topic));
    until(&mut [&mut one], "one to have all tasks", |all| tasks(all) == all_tasks()).await;
    let mut two = Worker::new(&client, &group, topology(&topic));
    until(&mut [&mut one, &mut two], "two to have half", |all| {
        tasks(all) == all_tasks() && all.iter().all(|worker| worker.tasks.active.len() == 2)
    })
    .await;
    assert!(one.told.iter().any(|event| matches!(event, StreamsEvent::Revoked(_))), "{:?}", one.told);
    assert_eq!(one.member.tasks(), one.tasks);

    let described = describe(&client, &group).await;
    assert_eq!((described.kind.as_str(), described.members.len()), ("streams", 2));
    let told = described.topology.as_ref().unwrap();
    assert_eq!(told.subtopologies[0].source_topics, [topic.to_string()]);
    let active = |n: usize| &described.members[n].streams.as_ref().unwrap().tasks.active;
    assert_eq!(active(0).union(active(1)).cloned().collect::<Vec<_>>(), all_tasks());

    // By the member's epoch, and by nobody else.
    let at = TopicPartition::new(topic.clone(), one.tasks.active.first().unwrap().partition);
    one.member.commit([(at.clone(), Offset(7))]).await.unwrap();
    assert!(one.member.group_metadata().unwrap().generation > 0);
    let by_hand = BTreeMap::from([(at.clone(), Offset(3))]);
    let refused = admin.set_group_offsets(&group, &by_hand).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UnknownMemberId), "{refused}");
    assert_eq!(admin.group_offsets(&group).await.unwrap()[&at].offset, Offset(7));

    two.member.close().await;
    until(&mut [&mut one], "one to have all tasks again", |all| tasks(all) == all_tasks()).await;
    one.member.close().await;
    let until_empty = Instant::now() + PATIENCE;
    while !describe(&client, &group).await.members.is_empty() {
        assert!(Instant::now() < until_empty);
    }
    admin.set_group_offsets(&group, &by_hand).await.unwrap();
    assert_eq!(admin.group_offsets(&group).await.unwrap()[&at].offset, Offset(3));
    admin.delete_group(&group).await.unwrap();
}

async fn a_member_is_told_what_its_group_lacks_and_that_it_is_to_end<C: Connector>(client: Client<C>) {
    let topic = fresh_topic();
    let group = format!("{topic}-streams");
    let mut one = Worker::new(&client, &group, topology(&topic));
    until(&mut [&mut one], "a missing topic", were_told(StreamsStatusCode::MissingSourceTopics)).await;
    client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();
    until(&mut [&mut one], "tasks", |all| tasks(all) == all_tasks()).await;
    let mut two = Worker::new(&client, &group, topology(&topic));
    two.poll().await;
    two.member.request_shutdown();
    let ends = were_told(StreamsStatusCode::ShutdownApplication);
    until(&mut [&mut one, &mut two], "the end", ends).await;
    one.member.close().await;
    two.member.close().await;
}

async fn who_does_not_poll_loses_its_tasks_and_joins_again<C: Connector>(client: Client<C>) {
    let topic = fresh_topic();
    let group = format!("{topic}-streams");
    client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();
    let process = Entropy::from_system().uuid();
    let config = StreamsMemberConfig {
        max_poll_interval: Duration::from_secs(2),
        ..StreamsMemberConfig::new(&group, topology(&topic), process)
    };
    let member = client.streams_member(config);
    let mut worker = Worker { member, tasks: TaskAssignment::default(), told: Vec::new() };
    until(&mut [&mut worker], "all tasks", |all| tasks(all) == all_tasks()).await;
    pause(Duration::from_secs(4)).await;
    let at = TopicPartition::new(topic.clone(), PartitionId(0));
    assert!(worker.member.commit([(at, Offset(1))]).await.is_err());
    worker.poll().await;
    assert!(matches!(worker.told.last(), Some(StreamsEvent::Lost(_))), "{:?}", worker.told);
    let late = worker.member.poll_event(TICK).await.unwrap_err();
    assert!(late.to_string().contains("did not poll for 2000 ms"), "{late}");
    until(&mut [&mut worker], "all tasks again", |all| tasks(all) == all_tasks()).await;
    worker.member.close().await;
}

mod simulated {
    use super::with_cluster;

    #[test]
    fn members_come_and_go_and_each_task_is_one_members() {
        with_cluster(|_cluster, client| super::members_come_and_go_and_each_task_is_one_members(client));
    }

    #[test]
    fn a_member_is_told_what_its_group_lacks_and_that_it_is_to_end() {
        with_cluster(|_cluster, client| {
            super::a_member_is_told_what_its_group_lacks_and_that_it_is_to_end(client)
        });
    }

    #[test]
    fn who_does_not_poll_loses_its_tasks_and_joins_again() {
        with_cluster(|_cluster, client| super::who_does_not_poll_loses_its_tasks_and_joins_again(client));
    }
}

mod on_a_cluster {
    use super::connect;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn members_come_and_go_and_each_task_is_one_members() {
        super::members_come_and_go_and_each_task_is_one_members(connect().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn a_member_is_told_what_its_group_lacks_and_that_it_is_to_end() {
        super::a_member_is_told_what_its_group_lacks_and_that_it_is_to_end(connect().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
    async fn who_does_not_poll_loses_its_tasks_and_joins_again() {
        super::who_does_not_poll_loses_its_tasks_and_joins_again(connect().await).await;
    }
}
