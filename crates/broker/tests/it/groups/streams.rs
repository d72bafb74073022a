//! Streams groups (KIP-1071) through whole requests: what the driver adds to the machine.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::Operation;
use headwater_model::ErrorCode;
use headwater_wire::messages::api_versions::ApiVersionsRequest;
use headwater_wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use headwater_wire::messages::delete_groups::DeleteGroupsRequest;
use headwater_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use headwater_wire::messages::describe_groups::DescribeGroupsRequest;
use headwater_wire::messages::list_groups::ListGroupsRequest;
use headwater_wire::messages::metadata::MetadataRequest;
use headwater_wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use headwater_wire::messages::streams_group_describe::{
    DescribedGroup, StreamsGroupDescribeRequest, TaskIds as DescribedTasks,
};
use headwater_wire::messages::streams_group_heartbeat::{
    KeyValue, StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatRequestEndpoint,
    StreamsGroupHeartbeatRequestTaskIds as TaskIds, StreamsGroupHeartbeatResponse,
    StreamsGroupHeartbeatResponseTaskIds, Subtopology, TopicInfo, Topology,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use super::fixture::{World, commit_request, only_commit, pass};
use super::settings::set;
use crate::harness::{Client, Server};

const REPARTITION: &str = "g-by-key-repartition";
const CHANGELOG: &str = "g-store-changelog";
const MISSING_SOURCE_TOPICS: i8 = 1;
const MISSING_INTERNAL_TOPICS: i8 = 3;
const SHUTDOWN_APPLICATION: i8 = 4;

fn pair((key, value): (&str, &str)) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value.to_owned() }
}

fn internal(name: &str, configs: &[(&str, &str)]) -> TopicInfo {
    TopicInfo {
        name: name.to_owned(),
        topic_configs: configs.iter().copied().map(pair).collect(),
        ..Default::default()
    }
}

/// Reads a topic, and keeps a state of what it has read by another key.
fn topology(source: &str) -> Topology {
    let first = Subtopology {
        subtopology_id: "0".to_owned(),
        source_topics: vec![source.to_owned()],
        repartition_sink_topics: vec![REPARTITION.to_owned()],
        ..Default::default()
    };
    let second = Subtopology {
        subtopology_id: "1".to_owned(),
        repartition_source_topics: vec![internal(REPARTITION, &[("retention.ms", "-1")])],
        state_changelog_topics: vec![internal(CHANGELOG, &[("cleanup.policy", "compact")])],
        ..Default::default()
    };
    Topology { epoch: 0, subtopologies: vec![first, second] }
}

/// A member of the group "g" that does at once what it is told.
struct Member<S = DuplexStream> {
    client: Client<S>,
    id: String,
    epoch: i32,
    topology: Topology,
    active: Vec<TaskIds>,
    standby: Vec<TaskIds>,
    /// What it was told of the group last.
    status: Vec<(i8, String)>,
}

impl Member {
    fn new(world: &mut World, id: &str) -> Self {
        Self::with(world.client(), id)
    }

    async fn commit(&mut self, epoch: i32) -> ErrorCode {
        let request = commit_request(&self.id, epoch, 0, 5);
        only_commit(&mut self.client, 9, &request).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Member<S> {
    fn with(client: Client<S>, id: &str) -> Self {
        Self {
            client,
            id: id.to_owned(),
            epoch: 0,
            topology: topology("t"),
            active: Vec::new(),
            standby: Vec::new(),
            status: Vec::new(),
        }
    }

    fn request(&self) -> StreamsGroupHeartbeatRequest {
        let base = StreamsGroupHeartbeatRequest {
            group_id: "g".to_owned(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            active_tasks: Some(self.active.clone()),
            standby_tasks: Some(self.standby.clone()),
            warmup_tasks: Some(Vec::new()),
            ..Default::default()
        };
        if self.epoch != 0 {
            return base;
        }
        StreamsGroupHeartbeatRequest {
            rebalance_timeout_ms: 10_000,
            topology: Some(self.topology.clone()),
            active_tasks: Some(Vec::new()),
            standby_tasks: Some(Vec::new()),
            process_id: Some(format!("process-{}", self.id)),
            client_tags: Some(vec![pair(("zone", "a"))]),
            user_endpoint: Some(StreamsGroupHeartbeatRequestEndpoint { host: self.id.clone(), port: 80 }),
            ..base
        }
    }

    async fn try_heartbeat(&mut self) -> StreamsGroupHeartbeatResponse {
        let request = self.request();
        self.client.call(1, &request).await
    }

    async fn heartbeat(&mut self) -> ErrorCode {
        let response = self.try_heartbeat().await;
        if response.error_code == 0 {
            assert_eq!(response.member_id, self.id);
            self.epoch = response.member_epoch;
            self.status = response
                .status
                .into_iter()
                .flatten()
                .map(|status| (status.status_code, status.status_detail))
                .collect();
            let told = |tasks: Option<Vec<StreamsGroupHeartbeatResponseTaskIds>>| {
                let part = |part: StreamsGroupHeartbeatResponseTaskIds| TaskIds {
                    subtopology_id: part.subtopology_id,
                    partitions: part.partitions,
                };
                tasks.map(|tasks| tasks.into_iter().map(part).collect::<Vec<_>>())
            };
            if let (Some(active), Some(standby)) = (told(response.active_tasks), told(response.standby_tasks))
            {
                assert_eq!(response.warmup_tasks, Some(Vec::new()));
                (self.active, self.standby) = (active, standby);
            }
        }
        ErrorCode::from_code(response.error_code)
    }

    /// Sends a heartbeat that must succeed; gives how many tasks it processes from then on.
    async fn beats(&mut self) -> usize {
        assert_eq!(self.heartbeat().await, ErrorCode::None);
        count(&self.active)
    }

    async fn leave(&mut self) -> i32 {
        self.epoch = -1;
        let response = self.try_heartbeat().await;
        assert_eq!((response.error_code, response.heartbeat_interval_ms), (0, 0));
        response.member_epoch
    }

    async fn fetch_offset(&mut self, epoch: i32) -> ErrorCode {
        let topic = OffsetFetchRequestTopics {
            name: "t".to_owned(),
            partition_indexes: vec![0],
            ..Default::default()
        };
        let group = OffsetFetchRequestGroup {
            group_id: "g".to_owned(),
            member_id: Some(self.id.clone()),
            member_epoch: epoch,
            topics: Some(vec![topic]),
        };
        let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
        ErrorCode::from_code(self.client.call(9, &request).await.groups[0].error_code)
    }
}

fn count(tasks: &[TaskIds]) -> usize {
    tasks.iter().map(|part| part.partitions.len()).sum()
}

/// Everybody sends heartbeats until nobody is told anything new.
async fn settle(members: &mut [Member]) {
    for _ in 0..20 {
        let mut news = false;
        for member in members.iter_mut() {
            let before = (member.epoch, member.active.clone(), member.standby.clone());
            member.beats().await;
            news |= before != (member.epoch, member.active.clone(), member.standby.clone());
        }
        if !news {
            return;
        }
    }
    panic!("the group does not come to rest");
}

/// The tasks that members process; no two process the same.
fn processed<S>(members: &[Member<S>]) -> BTreeSet<(String, i32)> {
    let mut all = BTreeSet::new();
    for part in members.iter().flat_map(|member| &member.active) {
        for partition in &part.partitions {
            assert!(all.insert((part.subtopology_id.clone(), *partition)), "{part:?}");
        }
    }
    all
}

async fn describe(client: &mut Client<DuplexStream>, version: i16, group: &str) -> DescribedGroup {
    let request = StreamsGroupDescribeRequest {
        group_ids: vec![group.to_owned()],
        include_authorized_operations: true,
        include_topology_description: false,
    };
    client.call(version, &request).await.groups.remove(0)
}

/// The topics that clients see, with their partitions, but for "t".
async fn topics(client: &mut Client<DuplexStream>) -> Vec<(String, usize)> {
    let response = client.call(12, &MetadataRequest { topics: None, ..Default::default() }).await;
    let named = response.topics.into_iter().map(|topic| (topic.name.unwrap(), topic.partitions.len()));
    named.filter(|(name, _)| name != "t" && name != "__consumer_offsets").collect()
}

#[tokio::test(start_paused = true)]
async fn the_topics_that_a_topology_needs_are_made_and_tasks_assigned() {
    let mut world = World::new().await;
    let (mut client, mut a) = (world.client(), Member::new(&mut world, "a"));
    let first = a.try_heartbeat().await;
    assert_eq!(first.heartbeat_interval_ms, 500, "it comes again soon");
    assert_eq!(first.status.unwrap()[0].status_code, MISSING_INTERNAL_TOPICS);
    let made = [(REPARTITION.to_owned(), 3), (CHANGELOG.to_owned(), 3)];
    assert_eq!(topics(&mut client).await, made);
    assert_eq!(a.beats().await, 6);
    assert_eq!((a.status.len(), a.try_heartbeat().await.heartbeat_interval_ms), (0, 5_000));

    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: CHANGELOG.to_owned(),
        configuration_keys: Some(vec!["cleanup.policy".to_owned()]),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let config = client.call(4, &request).await.results.remove(0).configs.remove(0);
    assert_eq!(config.value.as_deref(), Some("compact"));
}

#[tokio::test(start_paused = true)]
async fn what_keeps_topics_from_being_made_is_told_and_it_is_tried_again() {
    // Besides the topics of the coordinators there is room for one of two internal topics.
    let mut world = World::with(|config| config.limits.max_partitions = 17).await;
    let (mut client, mut a) = (world.client(), Member::new(&mut world, "a"));
    client.create("in.the.way", 1, &[]).await;
    assert_eq!(a.beats().await, 0);
    let (code, detail) = &a.status[0];
    assert_eq!(*code, MISSING_INTERNAL_TOPICS);
    assert!(detail.contains(CHANGELOG) && detail.contains("at most 17 partitions"), "{detail}");
    assert_eq!(a.try_heartbeat().await.heartbeat_interval_ms, 5_000);
    assert_eq!(topics(&mut client).await.len(), 2, "the other one and what was in the way");
    client.delete("in.the.way").await;
    assert_eq!(a.beats().await, 0);
    assert_eq!(a.beats().await, 6);

    let mut world = World::new().await;
    let mut a = Member::new(&mut world, "a");
    let changelog = &mut a.topology.subtopologies[1].state_changelog_topics[0];
    changelog.topic_configs = vec![pair(("cleanup.policy", "keep"))];
    a.beats().await;
    assert!(a.status[0].1.contains("cleanup.policy"), "{:?}", a.status);

    let mut world = World::new().await;
    let mut a = Member::new(&mut world, "a");
    a.topology = topology("later");
    a.beats().await;
    assert_eq!(a.status[0].0, MISSING_SOURCE_TOPICS);
    world.client().create("later", 2, &[]).await;
    a.beats().await;
    assert_eq!(a.beats().await, 4);
}

#[tokio::test(start_paused = true)]
async fn tasks_go_from_member_to_member_by_heartbeats() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a")];
    settle(&mut members).await;
    let all = processed(&members);
    assert_eq!(all.len(), 6);
    for name in ["b", "c"] {
        let mut member = Member::new(&mut world, name);
        assert_eq!(member.beats().await, 0, "others still work on all");
        assert_eq!(member.try_heartbeat().await.heartbeat_interval_ms, 500, "it asks again soon");
        members.push(member);
        settle(&mut members).await;
        assert_eq!(processed(&members), all);
    }
    assert!(members.iter().all(|member| count(&member.active) == 2));
    assert_eq!(members.pop().unwrap().leave().await, -1);
    members.pop().unwrap().leave().await;
    settle(&mut members).await;
    assert_eq!(processed(&members), all);
}

/// Kafka's clients wait for two intervals, and end.
#[tokio::test(start_paused = true)]
async fn who_waits_for_tasks_has_its_time_when_source_topics_go() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a")];
    settle(&mut members).await;
    let mut b = Member::new(&mut world, "b");
    b.beats().await;
    assert_eq!(b.try_heartbeat().await.heartbeat_interval_ms, 500);
    world.client().delete("t").await;
    let told = b.try_heartbeat().await;
    assert_eq!(told.status.unwrap()[0].status_code, MISSING_SOURCE_TOPICS);
    assert_eq!(told.heartbeat_interval_ms, 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_groups_own_settings_say_how_many_copies_are_kept_and_how_long_it_waits() {
    let mut world = World::new().await;
    let mut client = world.client();
    set(&mut client, &[("streams.heartbeat.interval.ms", "7000")]).await;
    let mut members = vec![Member::new(&mut world, "a"), Member::new(&mut world, "b")];
    settle(&mut members).await;
    assert_eq!(members[0].try_heartbeat().await.heartbeat_interval_ms, 7_000);
    let copies = |members: &[Member]| members.iter().map(|member| count(&member.standby)).sum::<usize>();
    assert_eq!(copies(&members), 0);
    set(&mut client, &[("streams.num.standby.replicas", "1")]).await;
    settle(&mut members).await;
    assert_eq!(copies(&members), 3, "one of each task that has state");
    world.crash().await;
    for member in &mut members {
        member.client = world.client();
    }
    settle(&mut members).await;
    assert_eq!(copies(&members), 3);
    let endpoints = members[0].try_heartbeat().await.partitions_by_user_endpoint.unwrap();
    assert_eq!(endpoints.len(), 2);
    assert!(endpoints.iter().any(|known| !known.standby_partitions.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_new_group_waits_for_more_members_if_it_is_to() {
    let mut world = World::with(|config| {
        config.set_for_groups("group.streams.initial.rebalance.delay.ms", "3000").unwrap();
    })
    .await;
    let mut a = Member::new(&mut world, "a");
    a.beats().await;
    assert_eq!(a.beats().await, 0);
    pass(Duration::from_secs(3)).await;
    assert_eq!(a.beats().await, 6);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_has_failed_ends_the_application() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a"), Member::new(&mut world, "b")];
    settle(&mut members).await;
    let request = StreamsGroupHeartbeatRequest { shutdown_application: true, ..members[0].request() };
    assert_eq!(members[0].client.call(1, &request).await.error_code, 0);
    members[1].beats().await;
    assert_eq!(members[1].status[0].0, SHUTDOWN_APPLICATION);
    let mut update = Member::new(&mut world, "c");
    update.topology = topology("another");
    let refused = update.try_heartbeat().await;
    assert_eq!(ErrorCode::from_code(refused.error_code), ErrorCode::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_is_out_when_its_session_ends() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a"), Member::new(&mut world, "b")];
    settle(&mut members).await;
    for _ in 0..10 {
        pass(Duration::from_secs(5)).await;
        members[1].beats().await;
    }
    assert_eq!(members[1].beats().await, 6);
    assert_eq!(members[0].heartbeat().await, ErrorCode::UnknownMemberId);
    assert!(members[0].try_heartbeat().await.error_message.is_some_and(|message| !message.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_member_goes_on_after_a_restart_a_death_or_a_loss_of_power() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a"), Member::new(&mut world, "b")];
    settle(&mut members).await;
    let before: Vec<_> = members.iter().map(|member| (member.epoch, member.active.clone())).collect();
    for how in ["restart", "death", "power"] {
        match how {
            "restart" => world.restart().await,
            "death" => world.die(|_| {}).await,
            _ => world.crash().await,
        }
        for (member, before) in members.iter_mut().zip(&before) {
            member.client = world.client();
            assert_eq!(member.beats().await, 3, "{how}");
            assert_eq!(
                &(member.epoch, member.active.clone()),
                before,
                "{how}: nothing changed, no rebalance"
            );
        }
        let epoch = members[0].epoch;
        assert_eq!(members[0].commit(epoch).await, ErrorCode::None, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_a_loss_of_power_at_any_heartbeat() {
    let mut world = World::new().await;
    let mut members: Vec<Member> = Vec::new();
    for round in 0..6 {
        if round < 3 {
            members.push(Member::new(&mut world, &format!("m{round}")));
        }
        for at in 0..members.len() {
            members[at].beats().await;
            processed(&members);
            world.crash().await;
            for member in &mut members {
                member.client = world.client();
            }
        }
    }
    settle(&mut members).await;
    assert_eq!(processed(&members).len(), 6);
    assert!(members.iter().all(|member| count(&member.active) == 2));
}

#[tokio::test(start_paused = true)]
async fn a_join_that_is_not_durable_is_refused_and_forgotten() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a")];
    settle(&mut members).await;
    let mut b = Member::new(&mut world, "b");
    world.disk.fail_next(Operation::Sync, ErrorKind::Other);
    assert_eq!(b.heartbeat().await, ErrorCode::NotCoordinator);
    assert_eq!(members[0].heartbeat().await, ErrorCode::CoordinatorLoadInProgress);
    pass(Duration::from_secs(1)).await;
    assert_eq!(members[0].beats().await, 6, "the group is as it was recorded");
    members.push(b);
    world.crash().await;
    for member in &mut members {
        member.client = world.client();
    }
    settle(&mut members).await;
    assert_eq!((count(&members[0].active), count(&members[1].active)), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn offsets_are_committed_and_asked_for_by_the_members_epoch() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a")];
    settle(&mut members).await;
    let mut a = members.remove(0);
    let epoch = a.epoch;
    assert_eq!(a.commit(epoch).await, ErrorCode::None);
    assert_eq!(a.commit(epoch + 1).await, ErrorCode::StaleMemberEpoch);
    assert_eq!(a.fetch_offset(epoch).await, ErrorCode::None);
    assert_eq!(a.fetch_offset(epoch - 1).await, ErrorCode::StaleMemberEpoch);
    let topic = OffsetDeleteRequestTopic {
        name: "t".to_owned(),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
    };
    let delete = OffsetDeleteRequest { group_id: "g".to_owned(), topics: vec![topic] };
    let refused = a.client.call(0, &delete).await.topics.remove(0).partitions.remove(0);
    assert_eq!(ErrorCode::from_code(refused.error_code), ErrorCode::GroupSubscribedToTopic);
    a.leave().await;
    let deleted = a.client.call(0, &delete).await.topics.remove(0).partitions.remove(0);
    assert_eq!(deleted.error_code, 0);
    assert_eq!(super::fixture::committed(&mut a.client).await, Ok(vec![-1, -1, -1]));
    a.id = "somebody".to_owned();
    assert_eq!(a.commit(epoch).await, ErrorCode::UnknownMemberId);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_described_listed_and_deleted() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut members = vec![Member::new(&mut world, "a")];
    settle(&mut members).await;
    for version in 0..=1 {
        let group = describe(&mut client, version, "g").await;
        assert_eq!((group.error_code, group.group_state.as_str()), (0, "Stable"));
        assert_eq!((group.group_epoch, group.assignment_epoch), (members[0].epoch, members[0].epoch));
        assert!(group.authorized_operations > 0);
        let topology = group.topology.unwrap().subtopologies.unwrap();
        assert_eq!(topology[0].source_topics, ["t"]);
        let changelog = &topology[1].state_changelog_topics[0];
        assert_eq!((changelog.name.as_str(), changelog.partitions), (CHANGELOG, 3));
        let member = &group.members[0];
        assert_eq!((member.member_id.as_str(), member.client_id.as_str()), ("a", "test"));
        assert_eq!((member.client_host.as_str(), member.member_epoch), ("/127.0.0.1", members[0].epoch));
        assert_eq!(member.process_id, "process-a");
        assert_eq!(member.user_endpoint.as_ref().map(|endpoint| endpoint.port), Some(80));
        let tasks = |id: &str| DescribedTasks { subtopology_id: id.to_owned(), partitions: vec![0, 1, 2] };
        assert_eq!(member.assignment.active_tasks, [tasks("0"), tasks("1")]);
        assert_eq!(member.assignment, member.target_assignment);
        assert!(!member.is_classic);
    }
    for (name, error) in [("nothing", ErrorCode::GroupIdNotFound), ("", ErrorCode::InvalidGroupId)] {
        let group = describe(&mut client, 1, name).await;
        assert_eq!(ErrorCode::from_code(group.error_code), error);
        assert!(group.error_message.is_some());
    }
    let classic = DescribeGroupsRequest { groups: vec!["g".to_owned()], ..Default::default() };
    let group = client.call(6, &classic).await.groups.remove(0);
    assert_eq!(ErrorCode::from_code(group.error_code), ErrorCode::GroupIdNotFound);
    let request = ListGroupsRequest { types_filter: vec!["streams".to_owned()], ..Default::default() };
    let listed = client.call(5, &request).await.groups.remove(0);
    assert_eq!((listed.group_id.as_str(), listed.group_state.as_str()), ("g", "Stable"));
    assert_eq!((listed.group_type.as_str(), listed.protocol_type.as_str()), ("streams", "streams"));

    let request = DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
    let mut delete = async || ErrorCode::from_code(client.call(2, &request).await.results[0].error_code);
    assert_eq!(delete().await, ErrorCode::NonEmptyGroup);
    members[0].leave().await;
    assert_eq!(delete().await, ErrorCode::None);
    world.crash().await;
    assert_eq!(world.client().call(5, &ListGroupsRequest::default()).await.groups, []);
}

#[tokio::test(start_paused = true)]
async fn what_no_member_can_say_is_refused_with_the_reason() {
    let mut world = World::new().await;
    let mut a = Member::new(&mut world, "a");
    let good = a.request();
    let bad = [
        StreamsGroupHeartbeatRequest { group_id: String::new(), ..good.clone() },
        StreamsGroupHeartbeatRequest { member_id: String::new(), ..good.clone() },
        StreamsGroupHeartbeatRequest { member_epoch: -3, ..good.clone() },
        StreamsGroupHeartbeatRequest { rebalance_timeout_ms: -1, ..good.clone() },
        StreamsGroupHeartbeatRequest { topology: None, ..good.clone() },
        StreamsGroupHeartbeatRequest { warmup_tasks: None, ..good.clone() },
        StreamsGroupHeartbeatRequest { instance_id: Some("i".to_owned()), ..good.clone() },
    ];
    for request in bad {
        let refused = a.client.call(0, &request).await;
        assert_eq!(ErrorCode::from_code(refused.error_code), ErrorCode::InvalidRequest, "{request:?}");
        assert!(refused.error_message.is_some());
    }
    let mut hidden = good.clone();
    hidden.topology.as_mut().unwrap().subtopologies[1].state_changelog_topics[0].name =
        "__headwater_metadata".to_owned();
    let told = a.client.call(0, &hidden).await;
    assert_eq!(told.error_code, 0);
    assert!(told.status.unwrap()[0].status_detail.contains("is internal"));
    let another = StreamsGroupHeartbeatRequest { member_epoch: 9, topology: None, ..good };
    let fenced = a.client.call(0, &another).await;
    assert_eq!(ErrorCode::from_code(fenced.error_code), ErrorCode::FencedMemberEpoch);
}

/// On threads, where topics take their time to be made.
#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_together_have_their_topics_made_once() {
    let server = Server::start().await;
    server.client().await.create("t", 3, &[]).await;
    let mut first = Member::with(server.client().await, "a");
    let mut second = Member::with(server.client().await, "b");
    let (one, other) = tokio::join!(first.heartbeat(), second.heartbeat());
    assert_eq!((one, other), (ErrorCode::None, ErrorCode::None));
    let mut members = [first, second];
    for _ in 0..500 {
        for member in &mut members {
            member.beats().await;
            assert!(
                member.status.iter().all(|(_, detail)| !detail.contains("failed")),
                "{:?}",
                member.status
            );
        }
        if processed(&members).len() == 6 {
            return;
        }
        pass(Duration::from_millis(10)).await;
    }
    panic!("the topics are not made");
}

#[tokio::test(start_paused = true)]
async fn a_group_with_members_stays_of_its_kind_and_clients_learn_that_there_are_such_groups() {
    let mut world = World::new().await;
    let mut members = vec![Member::new(&mut world, "a")];
    settle(&mut members).await;
    let mut client = world.client();
    let join = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "x".to_owned(),
        rebalance_timeout_ms: 10_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let refused = client.call(1, &join).await;
    assert_eq!(ErrorCode::from_code(refused.error_code), ErrorCode::GroupIdNotFound);
    members[0].leave().await;
    assert_eq!(client.call(1, &join).await.error_code, 0, "an empty one becomes another");
    world.crash().await;
    let mut client = world.client();
    assert_eq!(client.call(5, &ListGroupsRequest::default()).await.groups[0].group_type, "consumer");
    let request = ApiVersionsRequest {
        client_software_name: "x".to_owned(),
        client_software_version: "1".to_owned(),
        ..Default::default()
    };
    let features = client.call(4, &request).await.finalized_features;
    assert!(features.iter().any(|one| one.name == "streams.version" && one.max_version_level == 1));
}
