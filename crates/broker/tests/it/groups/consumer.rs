//! Consumer groups of the newer protocol through whole requests: what the driver adds to the machine.

use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::Operation;
use headwater_model::{ErrorCode, TopicName};
use headwater_wire::messages::consumer_group_describe::{ConsumerGroupDescribeRequest, DescribedGroup};
use headwater_wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
    ConsumerGroupHeartbeatResponse,
};
use headwater_wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use headwater_wire::messages::delete_groups::DeleteGroupsRequest;
use headwater_wire::messages::describe_groups::DescribeGroupsRequest;
use headwater_wire::messages::list_groups::ListGroupsRequest;
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use tokio::io::DuplexStream;

use super::fixture::{World, commit_request, only_commit, pass};
use crate::harness::{Client, Server};

/// A member of the group "g" that subscribes to "t" and "later", and does at once what it is told.
struct Consumer {
    client: Client<DuplexStream>,
    id: String,
    epoch: i32,
    works_on: Vec<ConsumerGroupHeartbeatRequestTopicPartitions>,
}

impl Consumer {
    fn new(world: &mut World, id: &str) -> Self {
        Self { client: world.client(), id: id.to_owned(), epoch: 0, works_on: Vec::new() }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let base = ConsumerGroupHeartbeatRequest {
            group_id: "g".to_owned(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            topic_partitions: Some(self.works_on.clone()),
            ..Default::default()
        };
        if self.epoch != 0 {
            return base;
        }
        ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: 10_000,
            subscribed_topic_names: Some(vec!["t".to_owned(), "later".to_owned()]),
            topic_partitions: Some(Vec::new()),
            ..base
        }
    }

    async fn try_heartbeat(&mut self) -> ConsumerGroupHeartbeatResponse {
        let request = self.request();
        self.client.call(1, &request).await
    }

    async fn heartbeat(&mut self) -> ErrorCode {
        let response = self.try_heartbeat().await;
        if response.error_code == 0 {
            assert_eq!(response.member_id.as_deref(), Some(self.id.as_str()));
            assert!([5_000, 500].contains(&response.heartbeat_interval_ms));
            self.epoch = response.member_epoch;
        }
        if let Some(assignment) = response.assignment {
            let topics = assignment.topic_partitions.into_iter();
            self.works_on = topics
                .map(|topic| ConsumerGroupHeartbeatRequestTopicPartitions {
                    topic_id: topic.topic_id,
                    partitions: topic.partitions,
                })
                .collect();
        }
        ErrorCode::from_code(response.error_code)
    }

    /// Sends a heartbeat that must succeed; gives how many partitions it works on from then on.
    async fn beats(&mut self) -> usize {
        assert_eq!(self.heartbeat().await, ErrorCode::None);
        self.works_on.iter().map(|topic| topic.partitions.len()).sum()
    }

    async fn leave(&mut self) -> i32 {
        self.epoch = -1;
        let response = self.try_heartbeat().await;
        assert_eq!(response.error_code, 0);
        response.member_epoch
    }

    async fn commit(&mut self, epoch: i32) -> ErrorCode {
        let request = commit_request(&self.id, epoch, 0, 5);
        only_commit(&mut self.client, 9, &request).await
    }

    /// The outcome of asking for the offset of one partition, or else of none.
    async fn fetch_offset(&mut self, epoch: i32, some: bool) -> ErrorCode {
        let topic = OffsetFetchRequestTopics {
            name: "t".to_owned(),
            partition_indexes: vec![0],
            ..Default::default()
        };
        let group = OffsetFetchRequestGroup {
            group_id: "g".to_owned(),
            member_id: Some(self.id.clone()),
            member_epoch: epoch,
            topics: some.then(|| vec![topic]),
        };
        let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
        ErrorCode::from_code(self.client.call(9, &request).await.groups[0].error_code)
    }
}

async fn describe(client: &mut Client<DuplexStream>, version: i16, group: &str) -> DescribedGroup {
    let request = ConsumerGroupDescribeRequest {
        group_ids: vec![group.to_owned()],
        include_authorized_operations: true,
    };
    client.call(version, &request).await.groups.remove(0)
}

#[tokio::test(start_paused = true)]
async fn partitions_go_from_member_to_member_by_heartbeats() {
    let mut world = World::new().await;
    let (mut a, mut b) = (Consumer::new(&mut world, "a"), Consumer::new(&mut world, "b"));
    assert_eq!(a.beats().await, 3);
    assert_eq!(b.beats().await, 0, "a still works on all");
    assert_eq!(b.try_heartbeat().await.heartbeat_interval_ms, 500, "it asks again soon");
    assert_eq!(a.beats().await, 2, "it has to give one back");
    assert_eq!(b.beats().await, 0, "it has not said that it has");
    a.beats().await;
    assert_eq!((a.beats().await, b.beats().await), (2, 1));
    assert_eq!(a.epoch, b.epoch);

    assert_eq!(b.leave().await, -1);
    assert_eq!(a.beats().await, 3);
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_is_out_when_its_session_ends() {
    let mut world = World::new().await;
    let (mut a, mut b) = (Consumer::new(&mut world, "a"), Consumer::new(&mut world, "b"));
    a.beats().await;
    b.beats().await;
    for _ in 0..10 {
        pass(Duration::from_secs(5)).await;
        b.beats().await;
    }
    assert_eq!(b.beats().await, 3);
    assert_eq!(a.heartbeat().await, ErrorCode::UnknownMemberId);
    let refused = a.try_heartbeat().await;
    assert!(refused.error_message.is_some_and(|message| !message.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn topics_that_come_grow_and_go_are_heard_of() {
    let mut world = World::new().await;
    let (mut client, mut a) = (world.client(), Consumer::new(&mut world, "a"));
    assert_eq!(a.beats().await, 3);
    client.create("later", 2, &[]).await;
    assert_eq!(a.beats().await, 5);
    let topic = CreatePartitionsTopic { name: "t".to_owned(), count: 10, assignments: None };
    let grow = CreatePartitionsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() };
    assert_eq!(client.call(3, &grow).await.results[0].error_code, 0);
    assert_eq!(a.beats().await, 12);
    client.delete("later").await;
    assert_eq!(a.beats().await, 10);
    client.create("later", 1, &[]).await;
    assert_eq!(a.beats().await, 11, "another topic, of the same name");
}

#[tokio::test(start_paused = true)]
async fn a_member_goes_on_after_a_restart_a_death_or_a_loss_of_power() {
    let mut world = World::new().await;
    let (mut a, mut b) = (Consumer::new(&mut world, "a"), Consumer::new(&mut world, "b"));
    for _ in 0..3 {
        a.beats().await;
        b.beats().await;
    }
    let epoch = a.epoch;
    for how in ["restart", "death", "power"] {
        match how {
            "restart" => world.restart().await,
            "death" => world.die(|_| {}).await,
            _ => world.crash().await,
        }
        (a.client, b.client) = (world.client(), world.client());
        assert_eq!((a.beats().await, b.beats().await), (2, 1), "{how}");
        assert_eq!((a.epoch, b.epoch), (epoch, epoch), "{how}: nothing changed, no rebalance");
        assert_eq!(a.commit(epoch).await, ErrorCode::None, "{how}");
    }
    // Who does not come back is out when its session, begun anew, ends.
    world.crash().await;
    b.client = world.client();
    for _ in 0..10 {
        b.beats().await;
        pass(Duration::from_secs(5)).await;
    }
    assert_eq!(b.beats().await, 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_a_loss_of_power_at_any_heartbeat() {
    let mut world = World::new().await;
    let mut members: Vec<Consumer> = Vec::new();
    for round in 0..6 {
        if round < 3 {
            members.push(Consumer::new(&mut world, &format!("m{round}")));
        }
        for at in 0..members.len() {
            members[at].beats().await;
            world.crash().await;
            for member in &mut members {
                member.client = world.client();
            }
        }
    }
    // One partition each, and no two the same.
    let mut owned: Vec<i32> = Vec::new();
    for member in &mut members {
        assert_eq!(member.beats().await, 1);
        owned.extend(&member.works_on[0].partitions);
    }
    owned.sort_unstable();
    assert_eq!(owned, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_join_that_is_not_durable_is_refused_and_forgotten() {
    let mut world = World::new().await;
    let (mut a, mut b) = (Consumer::new(&mut world, "a"), Consumer::new(&mut world, "b"));
    assert_eq!(a.beats().await, 3);
    world.disk.fail_next(Operation::Sync, ErrorKind::Other);
    assert_eq!(b.heartbeat().await, ErrorCode::NotCoordinator);
    assert_eq!(a.heartbeat().await, ErrorCode::CoordinatorLoadInProgress);
    pass(Duration::from_secs(1)).await;
    assert_eq!(a.beats().await, 3, "the group is as it was recorded");
    world.crash().await;
    (a.client, b.client) = (world.client(), world.client());
    for _ in 0..3 {
        a.beats().await;
        b.beats().await;
    }
    assert_eq!((a.beats().await, b.beats().await), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn offsets_are_committed_and_asked_for_by_the_members_epoch() {
    let mut world = World::new().await;
    let mut a = Consumer::new(&mut world, "a");
    assert_eq!(a.commit(3).await, ErrorCode::GroupIdNotFound);
    let older = commit_request("a", 3, 0, 5);
    assert_eq!(only_commit(&mut a.client, 8, &older).await, ErrorCode::IllegalGeneration);
    a.beats().await;
    let epoch = a.epoch;
    assert_eq!(a.commit(epoch).await, ErrorCode::None);
    assert_eq!(a.commit(epoch + 1).await, ErrorCode::StaleMemberEpoch);
    for some in [true, false] {
        assert_eq!(a.fetch_offset(epoch, some).await, ErrorCode::None);
        assert_eq!(a.fetch_offset(epoch - 1, some).await, ErrorCode::StaleMemberEpoch);
    }
    a.id = "somebody".to_owned();
    assert_eq!(a.commit(epoch).await, ErrorCode::UnknownMemberId);
    assert_eq!(a.fetch_offset(epoch, true).await, ErrorCode::UnknownMemberId);
    assert_eq!(
        super::fixture::committed(&mut a.client).await,
        Ok(vec![5, -1, -1]),
        "an administrator may look"
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_is_described_listed_and_deleted() {
    let mut world = World::new().await;
    let (mut client, mut a) = (world.client(), Consumer::new(&mut world, "a"));
    a.beats().await;
    for version in 0..=1 {
        let group = describe(&mut client, version, "g").await;
        assert_eq!((group.error_code, group.group_state.as_str()), (0, "Stable"));
        assert_eq!((group.group_epoch, group.assignment_epoch), (a.epoch, a.epoch));
        assert_eq!(group.assignor_name, "uniform");
        assert!(group.authorized_operations > 0);
        let member = &group.members[0];
        assert_eq!((member.member_id.as_str(), member.client_id.as_str()), ("a", "test"));
        assert_eq!((member.client_host.as_str(), member.member_epoch), ("/127.0.0.1", a.epoch));
        assert_eq!(member.subscribed_topic_names, ["later", "t"]);
        let assigned = &member.assignment.topic_partitions;
        assert_eq!((assigned[0].topic_name.as_str(), &assigned[0].partitions[..]), ("t", &[0, 1, 2][..]));
        assert_eq!(member.assignment, member.target_assignment);
        assert_eq!(member.member_type, if version == 0 { -1 } else { 1 });
    }
    for (name, error) in [("nothing", ErrorCode::GroupIdNotFound), ("", ErrorCode::InvalidGroupId)] {
        let group = describe(&mut client, 1, name).await;
        assert_eq!(ErrorCode::from_code(group.error_code), error);
        assert!(group.error_message.is_some());
    }

    let classic = DescribeGroupsRequest { groups: vec!["g".to_owned()], ..Default::default() };
    let group = client.call(6, &classic).await.groups.remove(0);
    assert_eq!(ErrorCode::from_code(group.error_code), ErrorCode::GroupIdNotFound);
    let mut listed = async |types: &[&str]| {
        let types_filter = types.iter().map(|name| (*name).to_owned()).collect();
        let request = ListGroupsRequest { types_filter, ..Default::default() };
        let found = client.call(5, &request).await.groups.into_iter();
        found.map(|group| (group.group_id, group.group_type)).collect::<Vec<_>>()
    };
    let ours = vec![("g".to_owned(), "consumer".to_owned())];
    assert_eq!((listed(&[]).await, listed(&["Consumer"]).await), (ours.clone(), ours));
    assert_eq!(listed(&["classic"]).await, []);

    let request = DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
    let mut delete = async || ErrorCode::from_code(client.call(2, &request).await.results[0].error_code);
    assert_eq!(delete().await, ErrorCode::NonEmptyGroup);
    a.leave().await;
    assert_eq!(delete().await, ErrorCode::None);
    world.crash().await;
    assert_eq!(world.client().call(5, &ListGroupsRequest::default()).await.groups, []);
}

#[tokio::test(start_paused = true)]
async fn what_no_member_can_say_is_refused_with_the_reason() {
    let mut world = World::new().await;
    let mut a = Consumer::new(&mut world, "a");
    let good = a.request();
    let bad = [
        ConsumerGroupHeartbeatRequest { group_id: String::new(), ..good.clone() },
        ConsumerGroupHeartbeatRequest { member_id: String::new(), ..good.clone() },
        ConsumerGroupHeartbeatRequest { member_epoch: -3, ..good.clone() },
        ConsumerGroupHeartbeatRequest { rebalance_timeout_ms: -1, ..good.clone() },
        ConsumerGroupHeartbeatRequest { subscribed_topic_names: None, ..good.clone() },
        ConsumerGroupHeartbeatRequest { topic_partitions: None, ..good.clone() },
    ];
    for request in bad {
        let refused = a.client.call(1, &request).await;
        assert_eq!(ErrorCode::from_code(refused.error_code), ErrorCode::InvalidRequest, "{request:?}");
        assert!(refused.error_message.is_some());
    }
    let unknown = ConsumerGroupHeartbeatRequest { server_assignor: Some("best".to_owned()), ..good.clone() };
    let refused = a.client.call(1, &unknown).await;
    assert_eq!(ErrorCode::from_code(refused.error_code), ErrorCode::UnsupportedAssignor);
    let unclear =
        ConsumerGroupHeartbeatRequest { subscribed_topic_regex: Some("(".to_owned()), ..good.clone() };
    let refused = a.client.call(1, &unclear).await;
    assert_eq!(ErrorCode::from_code(refused.error_code), ErrorCode::InvalidRegularExpression);

    // The first version lets the coordinator name the member.
    let nameless = ConsumerGroupHeartbeatRequest { member_id: String::new(), ..good };
    let named = a.client.call(0, &nameless).await;
    assert_eq!((named.error_code, named.member_epoch), (0, 1));
    assert!(named.member_id.is_some_and(|id| !id.is_empty()));
}

/// On threads, where the coordinators' topics take their time to be made.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_member_comes_while_a_topic_is_deleted() {
    for moment in 0..20 {
        let server = Server::start().await;
        let (mut member, mut client) = (server.client().await, server.client().await);
        client.create("t", 3, &[]).await;
        let join = ConsumerGroupHeartbeatRequest {
            group_id: "g".to_owned(),
            member_id: "a".to_owned(),
            rebalance_timeout_ms: 10_000,
            subscribed_topic_names: Some(vec!["t".to_owned()]),
            topic_partitions: Some(Vec::new()),
            ..Default::default()
        };
        let delete = async {
            pass(Duration::from_micros(250 * moment)).await;
            client.try_delete("t").await
        };
        let (joined, deleted) = tokio::join!(member.call(1, &join), delete);
        assert_eq!((joined.error_code, deleted), (0, ErrorCode::None), "moment {moment}");
    }
}

#[tokio::test(start_paused = true)]
async fn groups_need_no_room_among_the_partitions_of_clients() {
    let mut world = World::with(|config| config.limits.max_partitions = 3).await;
    assert_eq!(Consumer::new(&mut world, "a").beats().await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_folder_of_before_there_were_newer_groups_is_taken_over() {
    let mut world = World::new().await;
    let offsets = TopicName::new("__consumer_offsets").unwrap();
    world.broker().internal_topic(&offsets, 4, &[]).await.unwrap();
    world.restart().await;
    let mut a = Consumer::new(&mut world, "a");
    assert_eq!(a.beats().await, 3);
    assert_eq!(world.broker().topic("__headwater_groups").unwrap().online().count(), 4);
}
