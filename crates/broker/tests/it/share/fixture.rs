//! Members of share groups that speak to a broker on a simulated disk.

use std::time::Duration;

use headwater_model::{ErrorCode, Uuid};
use headwater_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use headwater_wire::messages::share_acknowledge::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch as ToAcknowledge, ShareAcknowledgeRequest,
};
use headwater_wire::messages::share_fetch::{
    AcknowledgementBatch, FetchPartition, FetchTopic, PartitionData, ShareFetchRequest, ShareFetchResponse,
};
use headwater_wire::messages::share_group_heartbeat::{
    ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse,
};
use tokio::io::DuplexStream;

use crate::groups::fixture::World;
use crate::harness::Client;

pub(super) const ACCEPT: i8 = 1;
pub(super) const RELEASE: i8 = 2;
pub(super) const REJECT: i8 = 3;
pub(super) const RENEW: i8 = 4;

/// The lock of a record, by default.
pub(super) const LOCK: Duration = Duration::from_secs(30);

/// A record that a member got: its offset, its value, how often it was delivered.
pub(super) type Delivered = (i64, String, i16);

/// A member of the share group "g" that reads the first partition of "t".
pub(super) struct Taker {
    pub(super) client: Client<DuplexStream>,
    pub(super) id: String,
    pub(super) epoch: i32,
    pub(super) session: i32,
    pub(super) topic: Uuid,
    pub(super) max_wait_ms: i32,
    pub(super) max_records: i32,
    /// No more records than that, rather than whole batches.
    pub(super) is_strict: bool,
}

impl Taker {
    /// Joins and opens a session; gets nothing, for the group begins at the end.
    pub(super) async fn new(world: &mut World, id: &str) -> Self {
        let mut taker = Self::outside(world, id).await;
        assert_eq!(taker.heartbeat().await, ErrorCode::None);
        assert_eq!(taker.take().await, []);
        taker
    }

    /// Neither a member nor in a session.
    pub(super) async fn outside(world: &mut World, id: &str) -> Self {
        let mut client = world.client();
        let topic = topic_id(&mut client, "t").await;
        let (epoch, session, max_wait_ms, max_records) = (0, 0, 0, 500);
        let (id, is_strict) = (id.to_owned(), false);
        Self { client, id, epoch, session, topic, max_wait_ms, max_records, is_strict }
    }

    pub(super) async fn try_heartbeat(&mut self) -> ShareGroupHeartbeatResponse {
        let request = ShareGroupHeartbeatRequest {
            group_id: "g".to_owned(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            subscribed_topic_names: (self.epoch == 0).then(|| vec!["t".to_owned()]),
            ..Default::default()
        };
        self.client.call(1, &request).await
    }

    pub(super) async fn heartbeat(&mut self) -> ErrorCode {
        let response = self.try_heartbeat().await;
        if response.error_code == 0 {
            self.epoch = response.member_epoch;
        }
        ErrorCode::from_code(response.error_code)
    }

    pub(super) async fn leave(&mut self) {
        self.epoch = -1;
        assert_eq!(self.heartbeat().await, ErrorCode::None);
    }

    pub(super) fn request(&self) -> ShareFetchRequest {
        let partition = FetchPartition { partition_index: 0, ..Default::default() };
        let topic = FetchTopic { topic_id: self.topic, partitions: vec![partition] };
        ShareFetchRequest {
            group_id: Some("g".to_owned()),
            member_id: Some(self.id.clone()),
            share_session_epoch: self.session,
            max_wait_ms: self.max_wait_ms,
            min_bytes: 1,
            max_bytes: 1 << 20,
            max_records: self.max_records,
            batch_size: self.max_records,
            share_acquire_mode: i8::from(self.is_strict),
            topics: if self.session == 0 { vec![topic] } else { Vec::new() },
            ..Default::default()
        }
    }

    pub(super) async fn fetch(&mut self, request: &ShareFetchRequest) -> ShareFetchResponse {
        let response = self.client.call(2, request).await;
        if response.error_code == 0 {
            self.session += 1;
        }
        response
    }

    /// Acquires records. That must succeed.
    pub(super) async fn take(&mut self) -> Vec<Delivered> {
        let request = self.request();
        let response = self.fetch(&request).await;
        delivered(response)
    }

    /// Takes what there is, and says that of all of it.
    pub(super) async fn take_and(&mut self, says: i8) -> Vec<Delivered> {
        let got = self.take().await;
        for (offset, _, _) in &got {
            assert_eq!(self.says(says, *offset, *offset).await, ErrorCode::None, "{offset}");
        }
        got
    }

    /// Says one thing of some records.
    pub(super) async fn says(&mut self, what: i8, first: i64, last: i64) -> ErrorCode {
        let request = self.acknowledgement(what, first, last);
        let mut response = self.client.call(2, &request).await;
        if response.error_code != 0 {
            return ErrorCode::from_code(response.error_code);
        }
        self.session += 1;
        ErrorCode::from_code(response.responses.remove(0).partitions.remove(0).error_code)
    }

    pub(super) fn acknowledgement(
        &self,
        what: i8,
        first_offset: i64,
        last_offset: i64,
    ) -> ShareAcknowledgeRequest {
        let batch = ToAcknowledge { first_offset, last_offset, acknowledge_types: vec![what] };
        let partition = AcknowledgePartition { partition_index: 0, acknowledgement_batches: vec![batch] };
        ShareAcknowledgeRequest {
            group_id: Some("g".to_owned()),
            member_id: Some(self.id.clone()),
            share_session_epoch: self.session,
            is_renew_ack: what == RENEW,
            topics: vec![AcknowledgeTopic { topic_id: self.topic, partitions: vec![partition] }],
        }
    }

    /// Comes by another connection, and begins its session anew.
    pub(super) fn reconnect(&mut self, world: &mut World) {
        self.client = world.client();
        self.session = 0;
    }
}

/// A partition with something to be said of records.
pub(super) fn with_acknowledgement(
    mut request: ShareFetchRequest,
    topic: Uuid,
    what: i8,
    at: (i64, i64),
) -> ShareFetchRequest {
    let batch = AcknowledgementBatch { first_offset: at.0, last_offset: at.1, acknowledge_types: vec![what] };
    let partition = FetchPartition { partition_index: 0, acknowledgement_batches: vec![batch] };
    request.topics = vec![FetchTopic { topic_id: topic, partitions: vec![partition] }];
    request
}

/// The id of a topic.
pub(super) async fn topic_id(client: &mut Client<DuplexStream>, name: &str) -> Uuid {
    let topic = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    client.call(12, &request).await.topics[0].topic_id
}

/// What the only partition of an answer gives.
pub(super) fn delivered(response: ShareFetchResponse) -> Vec<Delivered> {
    assert_eq!(ErrorCode::from_code(response.error_code), ErrorCode::None);
    let partitions = response.responses.into_iter().flat_map(|topic| topic.partitions);
    partitions.flat_map(|partition| records(&partition)).collect()
}

/// The acquired records of a partition.
pub(super) fn records(partition: &PartitionData) -> Vec<Delivered> {
    assert_eq!(ErrorCode::from_code(partition.error_code), ErrorCode::None);
    let mut all = Vec::new();
    let bytes = partition.records.clone().unwrap_or_default().to_bytes().unwrap();
    for batch in headwater_wire::batch::batches(bytes) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        for record in batch.open(1 << 20).unwrap().records() {
            let record = record.unwrap();
            let offset = record.offset.0;
            let acquired = &partition.acquired_records;
            let of = acquired.iter().find(|of| (of.first_offset..=of.last_offset).contains(&offset));
            if let Some(of) = of {
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                all.push((offset, value, of.delivery_count));
            }
        }
    }
    all
}

/// Offsets and counts, without the values.
pub(super) fn counts(delivered: &[Delivered]) -> Vec<(i64, i16)> {
    delivered.iter().map(|(offset, _, count)| (*offset, *count)).collect()
}
