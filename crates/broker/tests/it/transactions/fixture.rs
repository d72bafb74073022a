//! A transactional producer in whole requests, and what readers see.

use std::time::Duration;

use bytes::Bytes;
use headwater_model::{ErrorCode, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchMeta, Compression};
use headwater_wire::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use headwater_wire::messages::end_txn::EndTxnRequest;
use headwater_wire::messages::fetch::{FetchRequest, PartitionData};
use headwater_wire::messages::init_producer_id::InitProducerIdRequest;
use headwater_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use headwater_wire::messages::produce::ProduceRequest;
use tokio::io::DuplexStream;

use crate::groups::fixture::World;
use crate::harness::{Client, batch_with, fetch_request, only_partition, produce_request, values};

/// The value of a marker, as text.
pub(crate) const MARKER: &str = "\0\0\0\0\0\0";

/// How a producer speaks of its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It adds partitions itself, and keeps its epoch.
    Old,
    /// Writing adds partitions, and each transaction has an epoch (KIP-890).
    New,
}

/// Producer id, epoch, and the next sequence number of each partition of "t".
pub(crate) type Identity = (i64, i16, [i32; 3]);

pub(crate) struct Producer {
    pub(crate) client: Client<DuplexStream>,
    pub(crate) name: String,
    way: Way,
    timeout: Duration,
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    sequences: [i32; 3],
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code)
}

impl Producer {
    pub(crate) async fn begin(world: &mut World, name: &str, way: Way) -> Self {
        Self::with_timeout(world, name, way, Duration::from_mins(1)).await
    }

    pub(crate) async fn with_timeout(world: &mut World, name: &str, way: Way, timeout: Duration) -> Self {
        let client = world.client();
        let mut producer =
            Self { client, name: name.to_owned(), way, timeout, id: -1, epoch: -1, sequences: [0; 3] };
        producer.init().await;
        producer
    }

    /// Gets an identity.
    pub(crate) async fn init(&mut self) {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.name.clone()),
            transaction_timeout_ms: i32::try_from(self.timeout.as_millis()).unwrap(),
            producer_id: -1,
            producer_epoch: -1,
        };
        let response = self.client.call(5, &request).await;
        assert_eq!(code(response.error_code), ErrorCode::None);
        (self.id, self.epoch) = (response.producer_id, response.producer_epoch);
        self.sequences = [0; 3];
    }

    pub(crate) fn reconnect(&mut self, world: &mut World) {
        self.client = world.client();
    }

    pub(crate) fn clone_identity(&self) -> Identity {
        (self.id, self.epoch, self.sequences)
    }

    pub(crate) fn replace_identity(&mut self, with: Identity) -> Identity {
        let before = self.clone_identity();
        (self.id, self.epoch, self.sequences) = with;
        before
    }

    pub(crate) async fn add(&mut self, partition: i32) {
        assert_eq!(self.try_add("t", partition).await, ErrorCode::None);
    }

    async fn try_add(&mut self, topic: &str, partition: i32) -> ErrorCode {
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.name.clone(),
            v3_and_below_producer_id: self.id,
            v3_and_below_producer_epoch: self.epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                name: topic.to_owned(),
                partitions: vec![partition],
            }],
            ..Default::default()
        };
        let response = self.client.call(3, &request).await;
        code(response.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code)
    }

    /// Writes within the transaction, which must succeed.
    pub(crate) async fn write(&mut self, partition: i32, values: &[&str]) {
        assert_eq!(self.try_write(partition, values).await, ErrorCode::None);
    }

    pub(crate) async fn try_write(&mut self, partition: i32, values: &[&str]) -> ErrorCode {
        self.write_as_way("t", partition, values).await
    }

    pub(crate) async fn write_to(&mut self, topic: &str, partition: i32, values: &[&str]) {
        let sequences = std::mem::take(&mut self.sequences);
        assert_eq!(self.write_as_way(topic, partition, values).await, ErrorCode::None);
        self.sequences = sequences;
    }

    async fn write_as_way(&mut self, topic: &str, partition: i32, values: &[&str]) -> ErrorCode {
        if self.way == Way::Old {
            match self.try_add(topic, partition).await {
                ErrorCode::None => {}
                // As the partition's leader would call it.
                ErrorCode::ProducerFenced => return ErrorCode::InvalidProducerEpoch,
                error => return error,
            }
        }
        let name = self.name.clone();
        self.produce_to(topic, Some(&name), partition, values).await
    }

    /// Writes without adding the partition.
    pub(crate) async fn produce(&mut self, partition: i32, values: &[&str]) -> ErrorCode {
        let name = self.name.clone();
        self.produce_as(Some(&name), partition, values).await
    }

    pub(crate) async fn produce_as(
        &mut self,
        name: Option<&str>,
        partition: i32,
        values: &[&str],
    ) -> ErrorCode {
        self.produce_to("t", name, partition, values).await
    }

    async fn produce_to(
        &mut self,
        topic: &str,
        name: Option<&str>,
        partition: i32,
        values: &[&str],
    ) -> ErrorCode {
        let index = usize::try_from(partition).unwrap();
        let request = ProduceRequest {
            transactional_id: name.map(str::to_owned),
            ..produce_request(topic, partition, -1, self.batch(index, values))
        };
        let version = if self.way == Way::Old { 9 } else { 12 };
        let response = self.client.call(version, &request).await;
        let outcome = code(response.responses[0].partition_responses[0].error_code);
        if outcome == ErrorCode::None {
            self.sequences[index] += i32::try_from(values.len()).unwrap();
        }
        outcome
    }

    fn batch(&self, partition: usize, values: &[&str]) -> Bytes {
        let meta = BatchMeta {
            producer_id: ProducerId(self.id),
            producer_epoch: ProducerEpoch(self.epoch),
            base_sequence: self.sequences[partition],
            is_transactional: true,
            ..BatchMeta::default()
        };
        batch_with(Compression::None, Timestamp(1_767_225_600_000), values, &meta)
    }

    pub(crate) async fn end(&mut self, commit: bool) {
        assert_eq!(self.try_end(commit).await, ErrorCode::None);
    }

    pub(crate) async fn try_end(&mut self, committed: bool) -> ErrorCode {
        let request = EndTxnRequest {
            transactional_id: self.name.clone(),
            producer_id: self.id,
            producer_epoch: self.epoch,
            committed,
        };
        let version = if self.way == Way::Old { 3 } else { 5 };
        let response = self.client.call(version, &request).await;
        if response.error_code == 0 && self.way == Way::New {
            (self.id, self.epoch) = (response.producer_id, response.producer_epoch);
            self.sequences = [0; 3];
        }
        code(response.error_code)
    }
}

async fn fetch(client: &mut Client<DuplexStream>, partition: i32, isolation_level: i8) -> PartitionData {
    let request = FetchRequest { isolation_level, ..fetch_request("t", partition, 0, 0) };
    only_partition(client.call(12, &request).await)
}

pub(crate) async fn last_stable_offset(client: &mut Client<DuplexStream>, partition: i32) -> i64 {
    fetch(client, partition, 1).await.last_stable_offset
}

/// Everything in the partition, markers too.
pub(crate) async fn shared_values(client: &mut Client<DuplexStream>, partition: i32) -> Vec<String> {
    values(&fetch(client, partition, 0).await)
}

/// The values of "t" that count, as a client finds them: without markers, and without what was aborted.
pub(crate) async fn committed_values(client: &mut Client<DuplexStream>, partition: i32) -> Vec<String> {
    let data = fetch(client, partition, 1).await;
    let mut aborted = data.aborted_transactions.clone().unwrap_or_default();
    aborted.sort_by_key(|aborted| aborted.first_offset);
    let mut open: Vec<i64> = Vec::new();
    let mut found = Vec::new();
    let bytes = data.records.clone().unwrap().to_bytes().unwrap();
    for batch in headwater_wire::batch::batches(bytes) {
        let batch = batch.unwrap();
        let producer = batch.producer_id().0;
        while aborted.first().is_some_and(|aborted| aborted.first_offset <= batch.last_offset().0) {
            open.push(aborted.remove(0).producer_id);
        }
        if batch.is_control() {
            open.retain(|aborted| *aborted != producer);
            continue;
        }
        if batch.is_transactional() && open.contains(&producer) {
            continue;
        }
        for record in batch.open(1 << 20).unwrap().records() {
            found.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
        }
    }
    found
}

/// Whether a topic is there, for clients.
pub(crate) async fn topic_exists(client: &mut Client<DuplexStream>, name: &str) -> bool {
    let topic = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    client.call(9, &request).await.topics[0].error_code == 0
}
