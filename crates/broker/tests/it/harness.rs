//! A broker in this process and a client that speaks in whole requests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use headwater_broker::{Broker, BrokerConfig, RunningBroker};
use headwater_log::RealDisk;
use headwater_model::{Entropy, ErrorCode, Offset, ProducerEpoch, ProducerId, SystemClock, Timestamp};
use headwater_wire::Request;
use headwater_wire::batch::{Batch, BatchBuilder, BatchMeta, Compression};
use headwater_wire::frame::{decode_response, encode_request};
use headwater_wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use headwater_wire::messages::delete_topics::DeleteTopicsRequest;
use headwater_wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData,
};
use headwater_wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use headwater_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use headwater_wire::protocol::Records;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn config(dir: &Path) -> BrokerConfig {
    BrokerConfig { data_dir: dir.to_path_buf(), auto_create_topics: false, ..BrokerConfig::default() }
}

pub(crate) fn open(config: BrokerConfig) -> Broker {
    let disk = Arc::new(RealDisk::default());
    Broker::open(config, disk, Arc::new(SystemClock::new()), Entropy::from_seed(1)).unwrap()
}

/// A broker that listens, on a folder of its own.
pub(crate) struct Server {
    pub(crate) running: RunningBroker,
    _dir: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut BrokerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        change(&mut config);
        let running = open(config).listen("127.0.0.1:0").await.unwrap();
        Self { running, _dir: dir }
    }

    pub(crate) async fn client(&self) -> Client<TcpStream> {
        connect(&self.running).await
    }
}

/// A connection to a broker that listens. Requests go out in pieces, none of which waits for the one before.
pub(crate) async fn connect(running: &RunningBroker) -> Client<TcpStream> {
    let stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Client::new(stream)
}

/// A connection that sends requests and reads responses.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
    correlation_id: i32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, correlation_id: 0 }
    }

    pub(crate) async fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        self.correlation_id += 1;
        let chunks = encode_request(self.correlation_id, Some("test"), version, request);
        for chunk in chunks {
            self.stream.write_all(&chunk.to_bytes().unwrap()).await.unwrap();
        }
        self.correlation_id
    }

    pub(crate) async fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let frame = self.receive_frame().await.expect("the broker closed the connection");
        decode_response::<R>(frame, version).unwrap()
    }

    /// The next frame, without its length; `None` if the broker closed the connection.
    pub(crate) async fn receive_frame(&mut self) -> Option<Bytes> {
        let read = async {
            let length = self.stream.read_i32().await.ok()?;
            let mut frame = BytesMut::zeroed(usize::try_from(length).unwrap());
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame.freeze())
        };
        tokio::time::timeout(PATIENCE, read).await.expect("no answer came in time")
    }

    pub(crate) async fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let sent = self.send(version, request).await;
        let (correlation_id, response) = self.receive::<R>(version).await;
        assert_eq!(correlation_id, sent);
        response
    }

    /// Makes a topic, which must succeed.
    pub(crate) async fn create(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        assert_eq!(self.try_create(name, partitions, configs).await, ErrorCode::None);
    }

    pub(crate) async fn try_create(
        &mut self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> ErrorCode {
        let request =
            CreateTopicsRequest { topics: vec![topic(name, partitions, configs)], ..Default::default() };
        let response = self.call(7, &request).await;
        ErrorCode::from_code(response.topics[0].error_code)
    }

    /// Deletes a topic, which must succeed.
    pub(crate) async fn delete(&mut self, name: &str) {
        assert_eq!(self.try_delete(name).await, ErrorCode::None);
    }

    pub(crate) async fn try_delete(&mut self, name: &str) -> ErrorCode {
        let request = DeleteTopicsRequest { topic_names: vec![name.to_owned()], ..Default::default() };
        ErrorCode::from_code(self.call(5, &request).await.responses[0].error_code)
    }

    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        batch: Bytes,
    ) -> PartitionProduceResponse {
        let response = self.call(9, &produce_request(topic, partition, -1, batch)).await;
        response.responses[0].partition_responses[0].clone()
    }

    /// Produces one record, which must succeed; gives its offset.
    pub(crate) async fn produce_value(&mut self, topic: &str, partition: i32, value: &str) -> Offset {
        let produced = self.produce(topic, partition, batch(&[value])).await;
        assert_eq!(ErrorCode::from_code(produced.error_code), ErrorCode::None);
        Offset(produced.base_offset)
    }

    pub(crate) async fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        from: i64,
        max_wait_ms: i32,
    ) -> PartitionData {
        let response = self.call(12, &fetch_request(topic, partition, from, max_wait_ms)).await;
        only_partition(response)
    }

    /// The values from an offset on, which must be readable.
    pub(crate) async fn values(&mut self, topic: &str, partition: i32, from: i64) -> Vec<String> {
        let data = self.fetch(topic, partition, from, 0).await;
        assert_eq!(ErrorCode::from_code(data.error_code), ErrorCode::None);
        values(&data)
    }

    pub(crate) async fn offset(
        &mut self,
        topic: &str,
        partition: i32,
        timestamp: i64,
    ) -> ListOffsetsPartitionResponse {
        let asked = ListOffsetsPartition { partition_index: partition, timestamp, current_leader_epoch: -1 };
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic { name: topic.to_owned(), partitions: vec![asked] }],
            ..Default::default()
        };
        self.call(9, &request).await.topics[0].partitions[0].clone()
    }
}

pub(crate) fn topic(name: &str, partitions: i32, configs: &[(&str, &str)]) -> CreatableTopic {
    CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: -1,
        configs: configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig {
                name: (*name).to_owned(),
                value: Some((*value).to_owned()),
            })
            .collect(),
        ..Default::default()
    }
}

pub(crate) fn produce_request(topic: &str, index: i32, acks: i16, batch: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![PartitionProduceData { index, records: Some(Records::from(batch)) }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub(crate) fn fetch_request(topic: &str, partition: i32, from: i64, max_wait_ms: i32) -> FetchRequest {
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 50 << 20,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![FetchPartition {
                partition,
                fetch_offset: from,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub(crate) fn only_partition(mut response: FetchResponse) -> PartitionData {
    assert_eq!(response.error_code, 0);
    response.responses.remove(0).partitions.remove(0)
}

pub(crate) fn values(data: &PartitionData) -> Vec<String> {
    values_within(data, 1 << 20)
}

pub(crate) fn values_within(data: &PartitionData, max_uncompressed: usize) -> Vec<String> {
    let bytes = data.records.clone().unwrap().to_bytes().unwrap();
    let mut values = Vec::new();
    for batch in headwater_wire::batch::batches(bytes) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        let open = batch.open(max_uncompressed).unwrap();
        for record in open.records() {
            values.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
        }
    }
    values
}

pub(crate) fn batch(values: &[&str]) -> Bytes {
    batch_with(Compression::None, Timestamp(1_700_000_000_000), values, &BatchMeta::default())
}

pub(crate) fn batch_with(codec: Compression, first: Timestamp, values: &[&str], meta: &BatchMeta) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    for (number, value) in (0..).zip(values) {
        builder.append(first.plus_ms(number), Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.build(meta)
}

/// A batch of an idempotent producer.
pub(crate) fn numbered(id: ProducerId, epoch: i16, base_sequence: i32, values: &[&str]) -> Bytes {
    let meta = BatchMeta {
        producer_id: id,
        producer_epoch: ProducerEpoch(epoch),
        base_sequence,
        ..BatchMeta::default()
    };
    let bytes = batch_with(Compression::None, Timestamp(1_700_000_000_000), values, &meta);
    assert_eq!(Batch::parse(&bytes).unwrap().base_sequence(), base_sequence);
    bytes
}
