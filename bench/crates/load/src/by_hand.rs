//! Requests that are written by hand, one at a time on a connection, so that the client's own work is small.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use headwater_model::Uuid;
use headwater_wire::Request;
use headwater_wire::frame::{decode_response, encode_request};
use headwater_wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
};
use headwater_wire::messages::find_coordinator::FindCoordinatorRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Target;

/// How often a coordinator is asked for, and what lies between.
const MOST_ROUNDS: usize = 300;
const PAUSE: Duration = Duration::from_millis(100);

/// A connection of which nobody else knows.
pub(crate) struct Connection {
    stream: TcpStream,
    sent: i32,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&target.bootstrap).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, sent: 0 })
    }

    pub(crate) async fn call<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> anyhow::Result<R::Response> {
        self.sent += 1;
        let mut frame = BytesMut::new();
        for chunk in encode_request(self.sent, Some("bench"), version, request) {
            frame.extend_from_slice(&chunk.to_bytes()?);
        }
        self.stream.write_all(&frame).await?;
        let length = usize::try_from(self.stream.read_i32().await?)?;
        let mut answer = BytesMut::zeroed(length);
        self.stream.read_exact(&mut answer).await?;
        let (id, response) = decode_response::<R>(Bytes::from(answer), version)?;
        anyhow::ensure!(id == self.sent, "an answer to something else");
        Ok(response)
    }
}

/// A member of a consumer group (KIP-848), who reads nothing.
pub(crate) struct Member {
    id: String,
    pub(crate) epoch: i32,
    owned: Vec<(Uuid, Vec<i32>)>,
    /// The last answer had an assignment, of which the broker is to hear that it is followed.
    pub(crate) has_news: bool,
    /// When the broker wants to hear of it again.
    pub(crate) interval: Duration,
}

impl Member {
    pub(crate) fn new(id: String) -> Self {
        Self { id, epoch: 0, owned: Vec::new(), has_news: false, interval: Duration::ZERO }
    }

    pub(crate) async fn beat(
        &mut self,
        connection: &mut Connection,
        group: &str,
        topic: &str,
    ) -> anyhow::Result<()> {
        let joins = self.epoch == 0;
        let owned =
            self.owned.iter().map(|(topic_id, partitions)| ConsumerGroupHeartbeatRequestTopicPartitions {
                topic_id: *topic_id,
                partitions: partitions.clone(),
            });
        let request = ConsumerGroupHeartbeatRequest {
            group_id: group.to_owned(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            rebalance_timeout_ms: if joins { 60_000 } else { -1 },
            subscribed_topic_names: joins.then(|| vec![topic.to_owned()]),
            topic_partitions: (joins || self.has_news).then(|| owned.collect()),
            ..Default::default()
        };
        let response = connection.call(1, &request).await?;
        anyhow::ensure!(response.error_code == 0, "a heartbeat failed: {:?}", response.error_message);
        self.epoch = response.member_epoch;
        self.interval = Duration::from_millis(u64::try_from(response.heartbeat_interval_ms)?);
        self.has_news = response.assignment.is_some();
        if let Some(assignment) = response.assignment {
            let topics = assignment.topic_partitions.into_iter();
            self.owned = topics.map(|topic| (topic.topic_id, topic.partitions)).collect();
        }
        Ok(())
    }

    /// The partitions that it has.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.owned.iter().flat_map(|(_, partitions)| partitions.iter().copied())
    }
}

/// A coordinator may take a while to be there.
pub(crate) async fn find_coordinator(connection: &mut Connection, group: &str) -> anyhow::Result<()> {
    for _ in 0..MOST_ROUNDS {
        let request =
            FindCoordinatorRequest { coordinator_keys: vec![group.to_owned()], ..Default::default() };
        let found = connection.call(4, &request).await?;
        if found.coordinators.first().is_some_and(|found| found.error_code == 0) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("there is no coordinator")
}

/// Says that everything is ready, and waits for a line.
pub(crate) async fn wait_for_word() -> anyhow::Result<()> {
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}
