//! A broker on a simulated disk, and members of groups that speak to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_broker::{Broker, BrokerConfig, Execution};
use headwater_log::sim::SimDisk;
use headwater_model::{Clock, Entropy, ErrorCode, Monotonic, Timestamp};
use headwater_wire::Request;
use headwater_wire::messages::heartbeat::HeartbeatRequest;
use headwater_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use headwater_wire::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use headwater_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use headwater_wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
};
use headwater_wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::harness::Client;

/// Virtual time as a clock.
#[derive(Debug)]
struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_767_225_600_000).plus_ms(self.0.elapsed().as_millis() as i64)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(self.0.elapsed())
    }
}

pub(crate) async fn pass(duration: Duration) {
    tokio::time::sleep_until(Instant::now() + duration).await;
}

/// A broker and the disk that outlives it.
pub(crate) struct World {
    pub(crate) disk: SimDisk,
    config: BrokerConfig,
    clock: Arc<VirtualClock>,
    broker: Option<Broker>,
    connections: Vec<JoinHandle<()>>,
}

impl World {
    /// With a topic "t" of three partitions.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut BrokerConfig)) -> Self {
        let mut config = BrokerConfig {
            data_dir: "/data".into(),
            execution: Execution::Inline,
            auto_create_topics: false,
            ..BrokerConfig::default()
        };
        change(&mut config);
        let clock = Arc::new(VirtualClock(Instant::now()));
        let mut world = Self { disk: SimDisk::new(1), config, clock, broker: None, connections: Vec::new() };
        world.open();
        world.client().create("t", 3, &[]).await;
        world
    }

    fn open(&mut self) {
        let disk = Arc::new(self.disk.clone());
        let opened = Broker::open(self.config.clone(), disk, self.clock.clone(), Entropy::from_seed(3));
        self.broker = Some(opened.unwrap());
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().unwrap()
    }

    /// The broker ends in order and starts again.
    pub(crate) async fn restart(&mut self) {
        self.broker().close().await;
        self.drop_broker().await;
        self.open();
    }

    /// The process dies, and starts again with other settings.
    pub(crate) async fn die(&mut self, change: impl FnOnce(&mut BrokerConfig)) {
        self.drop_broker().await;
        change(&mut self.config);
        self.open();
    }

    /// The power fails.
    pub(crate) async fn crash(&mut self) {
        self.drop_broker().await;
        self.disk.power_loss();
        self.open();
    }

    async fn drop_broker(&mut self) {
        self.hang_up().await;
        self.broker = None;
        // Tasks of the broker notice that it is gone.
        tokio::task::yield_now().await;
    }

    /// Every connection ends at once, whatever is under way.
    pub(crate) async fn hang_up(&mut self) {
        for connection in std::mem::take(&mut self.connections) {
            connection.abort();
            let _ = connection.await;
        }
    }

    pub(crate) fn client(&mut self) -> Client<DuplexStream> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let broker = self.broker().clone();
        self.connections.push(tokio::spawn(async move { broker.serve_connection(far, "127.0.0.1:5").await }));
        Client::new(near)
    }

    pub(crate) fn member(&mut self, name: &str) -> Member {
        Member { client: self.client(), name: name.to_owned(), ..Member::default() }
    }
}

/// A client that wants to be a member of the group "g".
pub(crate) struct Member {
    pub(crate) client: Client<DuplexStream>,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) generation: i32,
    /// All members, where it leads.
    pub(crate) members: Vec<String>,
    pub(crate) session_timeout: Duration,
}

impl Default for Member {
    fn default() -> Self {
        let (nobody, _) = tokio::io::duplex(1);
        Self {
            client: Client::new(nobody),
            name: String::new(),
            id: String::new(),
            instance: None,
            generation: -1,
            members: Vec::new(),
            session_timeout: Duration::from_secs(10),
        }
    }
}

/// The first, a member already, comes back when the second joins.
pub(crate) async fn join_both(first: &mut Member, second: &mut Member) {
    let again = async {
        pass(Duration::from_millis(50)).await;
        assert_ne!(first.heartbeat().await, ErrorCode::None, "it is told to come back");
        first.join().await
    };
    assert_eq!(tokio::join!(again, second.join()), (ErrorCode::None, ErrorCode::None));
}

fn outcome(code: i16) -> ErrorCode {
    ErrorCode::from_code(code)
}

impl Member {
    pub(crate) fn join_request(&self) -> JoinGroupRequest {
        JoinGroupRequest {
            group_id: "g".to_owned(),
            session_timeout_ms: self.session_timeout.as_millis() as i32,
            rebalance_timeout_ms: 15_000,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: "range".to_owned(),
                metadata: Bytes::from(self.name.clone()),
            }],
            reason: None,
        }
    }

    /// Joins with the newest version: twice, if it has no id yet.
    pub(crate) async fn join(&mut self) -> ErrorCode {
        let request = self.join_request();
        let mut response = self.client.call(9, &request).await;
        if outcome(response.error_code) == ErrorCode::MemberIdRequired {
            self.id.clone_from(&response.member_id);
            let request = self.join_request();
            response = self.client.call(9, &request).await;
        }
        self.joined(response)
    }

    pub(crate) fn joined(&mut self, response: JoinGroupResponse) -> ErrorCode {
        if response.error_code == 0 {
            self.id.clone_from(&response.member_id);
            self.generation = response.generation_id;
            assert_eq!(response.members.is_empty(), response.leader != response.member_id);
            self.members = response.members.into_iter().map(|member| member.member_id).collect();
        }
        outcome(response.error_code)
    }

    /// Syncs; a leader gives everybody their own id as assignment.
    pub(crate) async fn sync(&mut self) -> Result<String, ErrorCode> {
        let assignments = self.members.iter().map(|member| SyncGroupRequestAssignment {
            member_id: member.clone(),
            assignment: Bytes::from(member.clone()),
        });
        let request = SyncGroupRequest {
            group_id: "g".to_owned(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: Some("consumer".to_owned()),
            protocol_name: Some("range".to_owned()),
            assignments: assignments.collect(),
        };
        let response = self.client.call(5, &request).await;
        outcome(response.error_code).ok()?;
        assert_eq!(response.protocol_name.as_deref(), Some("range"));
        Ok(String::from_utf8(response.assignment.to_vec()).unwrap())
    }

    pub(crate) async fn join_and_sync(&mut self) {
        assert_eq!(self.join().await, ErrorCode::None);
        assert_eq!(self.sync().await, Ok(self.id.clone()));
    }

    pub(crate) async fn heartbeat(&mut self) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: "g".to_owned(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
        };
        outcome(self.client.call(4, &request).await.error_code)
    }

    pub(crate) async fn leave(&mut self) -> ErrorCode {
        let request = LeaveGroupRequest {
            group_id: "g".to_owned(),
            members: vec![MemberIdentity { member_id: self.id.clone(), ..Default::default() }],
            ..Default::default()
        };
        let response = self.client.call(5, &request).await;
        assert_eq!(response.error_code, 0);
        outcome(response.members[0].error_code)
    }

    /// Commits an offset of the topic "t".
    pub(crate) async fn commit(&mut self, partition: i32, offset: i64) -> ErrorCode {
        let request = commit_request(&self.id, self.generation, partition, offset);
        only_commit(&mut self.client, 9, &request).await
    }
}

pub(crate) fn commit_request(
    member: &str,
    generation: i32,
    partition: i32,
    offset: i64,
) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: "g".to_owned(),
        generation_id_or_member_epoch: generation,
        member_id: member.to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: "t".to_owned(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: partition,
                committed_offset: offset,
                committed_leader_epoch: 7,
                committed_metadata: Some("note".to_owned()),
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Sends a commit of one partition; gives its outcome.
pub(crate) async fn only_commit(
    client: &mut Client<DuplexStream>,
    version: i16,
    request: &OffsetCommitRequest,
) -> ErrorCode {
    let response = client.call(version, request).await;
    outcome(response.topics[0].partitions[0].error_code)
}

/// What the group "g" has committed for all three partitions of "t"; -1 for nothing.
pub(crate) async fn committed(client: &mut Client<DuplexStream>) -> Result<Vec<i64>, ErrorCode> {
    let topics = vec![OffsetFetchRequestTopics {
        name: "t".to_owned(),
        partition_indexes: vec![0, 1, 2],
        ..Default::default()
    }];
    let group = fetch_group(client, Some(topics)).await;
    outcome(group.error_code).ok()?;
    Ok(group.topics[0].partitions.iter().map(|partition| partition.committed_offset).collect())
}

pub(crate) async fn fetch_group(
    client: &mut Client<DuplexStream>,
    topics: Option<Vec<OffsetFetchRequestTopics>>,
) -> OffsetFetchResponseGroup {
    let group = OffsetFetchRequestGroup { group_id: "g".to_owned(), topics, ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    call_once(client, 9, &request).await.groups.remove(0)
}

/// Calls with one version.
pub(crate) async fn call_once<R: Request>(
    client: &mut Client<DuplexStream>,
    version: i16,
    request: &R,
) -> R::Response {
    client.call(version, request).await
}
