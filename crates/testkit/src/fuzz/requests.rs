//! A broker and somebody who sends it frames: every answer is one that the request's version has, and whoever comes
//! afterwards is served.

use std::sync::{Arc, LazyLock};

use bytes::{Buf, Bytes};
use headwater_broker::{Broker, BrokerConfig, Execution, Limits};
use headwater_log::sim::SimDisk;
use headwater_model::{Entropy, Timestamp};
use headwater_wire::batch::stamp_append_time;
use headwater_wire::frame::{decode_response, encode_request};
use headwater_wire::messages as m;
use headwater_wire::protocol::{Chunk, Records};
use headwater_wire::{ApiKey, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::input::{Input, piece};
use crate::{SimClock, simulate};

const TOPIC: &str = "t";
pub(super) const TRANSACTIONAL_ID: &str = "x";
/// More frames than this make an input slow and no more telling.
const MOST_FRAMES: usize = 12;

/// The folder of a broker that has a topic, a group, a share group, and a transaction that is open, to begin each run with.
pub(super) static FOLDER: LazyLock<SimDisk> = LazyLock::new(|| {
    let disk = SimDisk::new(1);
    simulate(async || {
        let broker = open(&disk);
        let setup = [
            encoded(0, 7, &create_topic()),
            encoded(1, 9, &produce(super::batches::sample(headwater_wire::batch::Compression::Gzip))),
            encoded(2, 2, &commit()),
            encoded(3, 5, &begin()),
            // The first producer of a broker.
            encoded(4, 3, &add_partition(0)),
            encoded(5, 1, &share_beat("s", 0)),
            encoded(6, 1, &share_beat("s", -1)),
            encoded(7, 0, &alter_share_offsets("s")),
        ];
        exchange(&broker, &setup.concat()).await;
        broker.close().await;
    });
    disk
});

pub(super) fn config() -> BrokerConfig {
    BrokerConfig {
        data_dir: "/data".into(),
        execution: Execution::Inline,
        group_partitions: 2,
        transaction_partitions: 2,
        limits: Limits {
            max_request_bytes: 1 << 20,
            max_fetch_bytes: 1 << 20,
            max_uncompressed_batch_bytes: 1 << 20,
            max_partitions_per_topic: 10,
            max_partitions: 30,
            max_fetch_sessions: 4,
            ..Limits::default()
        },
        ..BrokerConfig::default()
    }
}

#[expect(clippy::expect_used, reason = "a disk without faults; a failure is the fault looked for")]
fn open(disk: &SimDisk) -> Broker {
    let clock = Arc::new(SimClock::start());
    Broker::open(config(), Arc::new(disk.clone()), clock, Entropy::from_seed(1)).expect("the broker opens")
}

/// Declares the APIs that the broker serves: how an answer of each is read.
macro_rules! answers {
    ($($key:ident $module:ident :: $request:ident;)*) => {
        const SERVED: &[ApiKey] = &[$(ApiKey::$key),*];

        fn reads_as(key: ApiKey, version: i16, answer: Bytes) -> bool {
            match key {
                $(ApiKey::$key => decode_response::<m::$module::$request>(answer, version).is_ok(),)*
                _ => false,
            }
        }
    };
}

answers! {
    Produce produce::ProduceRequest;
    Fetch fetch::FetchRequest;
    ListOffsets list_offsets::ListOffsetsRequest;
    Metadata metadata::MetadataRequest;
    OffsetCommit offset_commit::OffsetCommitRequest;
    OffsetFetch offset_fetch::OffsetFetchRequest;
    FindCoordinator find_coordinator::FindCoordinatorRequest;
    JoinGroup join_group::JoinGroupRequest;
    Heartbeat heartbeat::HeartbeatRequest;
    LeaveGroup leave_group::LeaveGroupRequest;
    SyncGroup sync_group::SyncGroupRequest;
    DescribeGroups describe_groups::DescribeGroupsRequest;
    ListGroups list_groups::ListGroupsRequest;
    ApiVersions api_versions::ApiVersionsRequest;
    CreateTopics create_topics::CreateTopicsRequest;
    DeleteTopics delete_topics::DeleteTopicsRequest;
    DeleteRecords delete_records::DeleteRecordsRequest;
    InitProducerId init_producer_id::InitProducerIdRequest;
    AddPartitionsToTxn add_partitions_to_txn::AddPartitionsToTxnRequest;
    AddOffsetsToTxn add_offsets_to_txn::AddOffsetsToTxnRequest;
    EndTxn end_txn::EndTxnRequest;
    WriteTxnMarkers write_txn_markers::WriteTxnMarkersRequest;
    TxnOffsetCommit txn_offset_commit::TxnOffsetCommitRequest;
    OffsetForLeaderEpoch offset_for_leader_epoch::OffsetForLeaderEpochRequest;
    DescribeConfigs describe_configs::DescribeConfigsRequest;
    AlterConfigs alter_configs::AlterConfigsRequest;
    DescribeLogDirs describe_log_dirs::DescribeLogDirsRequest;
    CreatePartitions create_partitions::CreatePartitionsRequest;
    DeleteGroups delete_groups::DeleteGroupsRequest;
    IncrementalAlterConfigs incremental_alter_configs::IncrementalAlterConfigsRequest;
    ListPartitionReassignments list_partition_reassignments::ListPartitionReassignmentsRequest;
    OffsetDelete offset_delete::OffsetDeleteRequest;
    DescribeCluster describe_cluster::DescribeClusterRequest;
    DescribeProducers describe_producers::DescribeProducersRequest;
    DescribeTransactions describe_transactions::DescribeTransactionsRequest;
    ListTransactions list_transactions::ListTransactionsRequest;
    ConsumerGroupHeartbeat consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
    ConsumerGroupDescribe consumer_group_describe::ConsumerGroupDescribeRequest;
    DescribeTopicPartitions describe_topic_partitions::DescribeTopicPartitionsRequest;
    ListConfigResources list_config_resources::ListConfigResourcesRequest;
    StreamsGroupHeartbeat streams_group_heartbeat::StreamsGroupHeartbeatRequest;
    StreamsGroupDescribe streams_group_describe::StreamsGroupDescribeRequest;
    ShareGroupHeartbeat share_group_heartbeat::ShareGroupHeartbeatRequest;
    ShareGroupDescribe share_group_describe::ShareGroupDescribeRequest;
    ShareFetch share_fetch::ShareFetchRequest;
    ShareAcknowledge share_acknowledge::ShareAcknowledgeRequest;
    DescribeShareGroupOffsets describe_share_group_offsets::DescribeShareGroupOffsetsRequest;
    AlterShareGroupOffsets alter_share_group_offsets::AlterShareGroupOffsetsRequest;
    DeleteShareGroupOffsets delete_share_group_offsets::DeleteShareGroupOffsetsRequest;
}

/// A frame to send, and how its answer is to be read.
struct Frame {
    key: ApiKey,
    version: i16,
    bytes: Vec<u8>,
}

pub(super) fn run(input: &[u8]) {
    let frames = frames(Input::new(input));
    let disk = FOLDER.fork_after_power_loss(1);
    simulate(async || {
        let broker = open(&disk);
        let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
        for answer in exchange(&broker, &stream).await {
            check(&frames, answer);
        }
        let later = encoded(0, 1, &m::metadata::MetadataRequest { topics: None, ..Default::default() });
        assert_eq!(exchange(&broker, &later).await.len(), 1, "who comes later is not served");
        broker.close().await;
    });
    // What was acknowledged makes a folder that opens.
    simulate(async || open(&disk).close().await);
}

/// An answer belongs to one of the frames, and reads as its version says.
fn check(frames: &[Frame], answer: Bytes) {
    let Some(id) = answer.first_chunk().map(|id| i32::from_be_bytes(*id)) else {
        panic!("an answer without an id")
    };
    let Some(frame) = usize::try_from(id).ok().and_then(|id| frames.get(id)) else {
        panic!("an answer to {id}, which nobody asked")
    };
    // A version of ApiVersions that is not served is answered in version 0, so that the client can choose another.
    let read = reads_as(frame.key, frame.version, answer.clone())
        || (frame.key == ApiKey::ApiVersions && reads_as(frame.key, 0, answer));
    assert!(read, "the answer to {} version {} does not read as one", frame.key, frame.version);
}

/// What the input says to send.
fn frames(mut input: Input<'_>) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !input.is_empty() && frames.len() < MOST_FRAMES {
        let id = frames.len() as i32;
        let frame = if input.byte().is_multiple_of(4) {
            let version = 9;
            let bytes = encoded(id, version, &produce(with_right_length_and_checksum(input.piece())));
            Frame { key: ApiKey::Produce, version, bytes }
        } else {
            let Some(key) = input.choose(SERVED).copied() else { break };
            let versions: Vec<i16> = key.versions().collect();
            let Some(version) = input.choose(&versions).copied() else { break };
            Frame { key, version, bytes: framed(id, key, version, input.piece()) }
        };
        frames.push(frame);
    }
    frames
}

fn framed(id: i32, key: ApiKey, version: i16, body: &[u8]) -> Vec<u8> {
    let mut payload =
        [&key.code().to_be_bytes()[..], &version.to_be_bytes(), &id.to_be_bytes(), &[0, 1, b'c']].concat();
    // An ApiVersions request has a flexible header from version 3 on, as the others have from theirs.
    if version >= key.first_flexible() {
        payload.push(0);
    }
    payload.extend_from_slice(body);
    [&(payload.len() as i32).to_be_bytes()[..], &payload].concat()
}

/// Noise is refused by its checksum; this gets further.
fn with_right_length_and_checksum(batch: &[u8]) -> Bytes {
    let (Some(base), Some(epoch), Some(rest)) = (batch.get(..8), batch.get(12..16), batch.get(17..)) else {
        return Bytes::copy_from_slice(batch);
    };
    let length = (batch.len() - 12) as i32;
    let mut batch = [base, &length.to_be_bytes(), epoch, &[2], rest].concat();
    let _ = stamp_append_time(&mut batch, Timestamp(1));
    batch.into()
}

/// Sends bytes over a connection, hangs up, and gives the frames that were answered.
pub(super) async fn exchange(broker: &Broker, bytes: &[u8]) -> Vec<Bytes> {
    let (mut near, far) = tokio::io::duplex(bytes.len().max(1));
    let serving = broker.clone();
    let connection = tokio::spawn(async move { serving.serve_connection(far, "fuzz").await });
    let mut answered = Vec::new();
    let talk = async {
        // Both may fail: the broker hangs up on what it refuses.
        let _ = near.write_all(bytes).await;
        let (mut reading, mut writing) = tokio::io::split(near);
        let _ = writing.shutdown().await;
        let _ = reading.read_to_end(&mut answered).await;
    };
    talk.await;
    if let Err(error) = connection.await {
        panic!("the connection failed: {error}");
    }
    let (mut rest, mut found) = (Bytes::from(answered), Vec::new());
    while rest.len() >= 4 {
        let length = rest.get_u32() as usize;
        assert!(length <= rest.len(), "an answer was cut off");
        found.push(rest.split_to(length));
    }
    found
}

pub(super) fn encoded<R: Request>(id: i32, version: i16, request: &R) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in encode_request(id, Some("c"), version, request) {
        if let Chunk::Bytes(chunk) = chunk {
            bytes.extend_from_slice(&chunk);
        }
    }
    bytes
}

fn create_topic() -> m::create_topics::CreateTopicsRequest {
    let topic = m::create_topics::CreatableTopic {
        name: TOPIC.to_owned(),
        num_partitions: 2,
        replication_factor: 1,
        ..Default::default()
    };
    m::create_topics::CreateTopicsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() }
}

fn produce(records: Bytes) -> m::produce::ProduceRequest {
    let partition = m::produce::PartitionProduceData { index: 0, records: Some(Records::from(records)) };
    let topic = m::produce::TopicProduceData {
        name: TOPIC.to_owned(),
        partition_data: vec![partition],
        ..Default::default()
    };
    m::produce::ProduceRequest { acks: -1, timeout_ms: 1_000, topic_data: vec![topic], ..Default::default() }
}

/// A producer with a transactional id.
pub(super) fn begin() -> m::init_producer_id::InitProducerIdRequest {
    m::init_producer_id::InitProducerIdRequest {
        transactional_id: Some(TRANSACTIONAL_ID.to_owned()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
    }
}

fn add_partition(producer_id: i64) -> m::add_partitions_to_txn::AddPartitionsToTxnRequest {
    m::add_partitions_to_txn::AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: TRANSACTIONAL_ID.to_owned(),
        v3_and_below_producer_id: producer_id,
        v3_and_below_topics: vec![m::add_partitions_to_txn::AddPartitionsToTxnTopic {
            name: TOPIC.to_owned(),
            partitions: vec![0],
        }],
        ..Default::default()
    }
}

fn commit() -> m::offset_commit::OffsetCommitRequest {
    let partition =
        m::offset_commit::OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    let topic = m::offset_commit::OffsetCommitRequestTopic {
        name: TOPIC.to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    m::offset_commit::OffsetCommitRequest {
        group_id: "g".to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

/// A heartbeat of the share group's member, that joins it or leaves it.
pub(super) fn share_beat(group: &str, epoch: i32) -> m::share_group_heartbeat::ShareGroupHeartbeatRequest {
    m::share_group_heartbeat::ShareGroupHeartbeatRequest {
        group_id: group.to_owned(),
        member_id: "m".to_owned(),
        member_epoch: epoch,
        subscribed_topic_names: Some(vec![TOPIC.to_owned()]),
        ..Default::default()
    }
}

pub(super) fn alter_share_offsets(
    group: &str,
) -> m::alter_share_group_offsets::AlterShareGroupOffsetsRequest {
    let partition = m::alter_share_group_offsets::AlterShareGroupOffsetsRequestPartition::default();
    let topic = m::alter_share_group_offsets::AlterShareGroupOffsetsRequestTopic {
        topic_name: TOPIC.to_owned(),
        partitions: vec![partition],
    };
    m::alter_share_group_offsets::AlterShareGroupOffsetsRequest {
        group_id: group.to_owned(),
        topics: vec![topic],
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = super::batches::CODECS
        .into_iter()
        .map(|codec| [&[0][..], &piece(&super::batches::sample(codec))].concat())
        .collect();
    // A body of zeros is a request of every version: nothing named, nothing asked.
    for (number, key) in (0u8..).zip(SERVED) {
        for version in 0..key.versions().count() as u8 {
            seeds.push([&[1, number, version][..], &piece(&[0; 40])].concat());
        }
    }
    seeds
}
