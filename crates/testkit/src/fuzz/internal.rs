//! Records in the broker's own topics that the broker did not write: it opens and serves, or says why not.

use std::path::Path;
use std::sync::Arc;

use headwater_broker::Broker;
use headwater_log::sim::SimDisk;
use headwater_log::{Assign, Log, LogConfig};
use headwater_model::{Entropy, LeaderEpoch, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, ControlMarker, TimestampType};
use headwater_wire::internal::{
    ConsumerOffsetsKey, encode_group_value, encode_offset_value, encode_transaction_key,
    encode_transaction_value,
};
use headwater_wire::messages as m;
use headwater_wire::messages::group_metadata_record::{GroupMetadataKey, GroupMetadataValue, MemberMetadata};
use headwater_wire::messages::offset_commit_record::{OffsetCommitKey, OffsetCommitValue};
use headwater_wire::messages::transaction_log_record::{
    PartitionsSchema, TransactionLogKey, TransactionLogValue,
};

use super::input::{Input, piece};
use super::requests::{self, encoded, exchange};
use crate::{SimClock, simulate};

/// Where records can be put: the cluster's events, and what the coordinators remember.
const LOGS: [(&str, Within); 13] = [
    ("/data/broker/__headwater_metadata-0", Within::Nothing),
    ("/data/broker/__consumer_offsets-0", Within::Nothing),
    ("/data/broker/__consumer_offsets-1", Within::Nothing),
    ("/data/broker/__transaction_state-0", Within::Nothing),
    ("/data/broker/__transaction_state-1", Within::Nothing),
    ("/data/broker/__consumer_offsets-0", Within::Transaction(None)),
    ("/data/broker/__consumer_offsets-0", Within::Transaction(Some(ControlMarker::Commit))),
    ("/data/broker/__consumer_offsets-0", Within::Transaction(Some(ControlMarker::Abort))),
    ("/data/broker/__transaction_state-0", Within::Transaction(Some(ControlMarker::Other(7)))),
    ("/data/broker/__headwater_groups-0", Within::Nothing),
    ("/data/broker/__headwater_groups-1", Within::Nothing),
    ("/data/broker/__headwater_share_state-0", Within::Nothing),
    ("/data/broker/__headwater_share_state-1", Within::Nothing),
];

/// What records are part of.
#[derive(Debug, Clone, Copy)]
enum Within {
    Nothing,
    /// A transaction, which a marker may end.
    Transaction(Option<ControlMarker>),
}

pub(super) fn run(input: &[u8]) {
    let disk = requests::FOLDER.fork_after_power_loss(1);
    let mut input = Input::new(input);
    let Some((dir, within)) = input.choose(&LOGS).copied() else { return };
    append(&disk, Path::new(dir), within, &mut input);
    simulate(async || {
        let clock = Arc::new(SimClock::start());
        // Events that make no sense keep the broker from opening; that is said, and nothing is guessed.
        let opened = Broker::open(requests::config(), Arc::new(disk.clone()), clock, Entropy::from_seed(1));
        let Ok(broker) = opened else { return };
        exchange(&broker, &questions()).await;
        broker.close().await;
    });
}

/// Appends what the input has, a record after the other.
#[expect(clippy::expect_used, reason = "the folder is this target's own, and was closed in order")]
fn append(disk: &SimDisk, dir: &Path, within: Within, input: &mut Input<'_>) {
    let now = Timestamp(1_700_000_000_000);
    let mut builder = BatchBuilder::new(Compression::None);
    while !input.is_empty() {
        let kind = input.byte();
        let (key, value) = (input.piece(), input.piece());
        // Nulls, too: a record without value is a tombstone, one without key an event.
        builder.append(now, (kind & 1 == 0).then_some(key), (kind & 2 == 0).then_some(value), &[]);
    }
    if builder.is_empty() {
        return;
    }
    let opened = Log::open(Arc::new(disk.clone()), dir, LogConfig::default(), now);
    let (mut log, _) = opened.expect("the broker's own log opens");
    let assign = Assign { leader_epoch: LeaderEpoch(1), now, timestamp_type: TimestampType::CreateTime };
    let (producer, epoch) = (ProducerId(0), ProducerEpoch(0));
    let (meta, marker) = match within {
        Within::Nothing => (BatchMeta::default(), None),
        Within::Transaction(marker) => {
            let (producer_id, producer_epoch) = (producer, epoch);
            let numbers = BatchMeta { producer_id, producer_epoch, base_sequence: 0, ..BatchMeta::default() };
            (BatchMeta { is_transactional: true, ..numbers }, marker)
        }
    };
    log.append_coordinated(builder.build(&meta), assign).expect("a log takes a batch");
    if let Some(marker) = marker {
        log.append_coordinated(marker.batch(producer, epoch, now), assign).expect("a log takes a marker");
    }
    log.close().expect("a log is closed");
}

/// Asks for all that the records may have changed.
fn questions() -> Vec<u8> {
    [of_topics_classic_groups_and_transactions(), of_newer_groups(), of_share_groups()].concat()
}

fn of_topics_classic_groups_and_transactions() -> Vec<u8> {
    let group = || "g".to_owned();
    let join = m::join_group::JoinGroupRequest {
        group_id: group(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 1_000,
        protocol_type: "consumer".to_owned(),
        ..Default::default()
    };
    [
        encoded(0, 1, &m::metadata::MetadataRequest { topics: None, ..Default::default() }),
        encoded(1, 4, &m::list_groups::ListGroupsRequest::default()),
        encoded(
            2,
            5,
            &m::describe_groups::DescribeGroupsRequest { groups: vec![group()], ..Default::default() },
        ),
        encoded(
            3,
            5,
            &m::offset_fetch::OffsetFetchRequest { group_id: group(), topics: None, ..Default::default() },
        ),
        encoded(4, 4, &join),
        encoded(5, 2, &m::delete_groups::DeleteGroupsRequest { groups_names: vec![group()] }),
        encoded(6, 0, &m::init_producer_id::InitProducerIdRequest::default()),
        encoded(7, 1, &m::list_transactions::ListTransactionsRequest::default()),
        encoded(
            8,
            0,
            &m::describe_transactions::DescribeTransactionsRequest {
                transactional_ids: vec![requests::TRANSACTIONAL_ID.to_owned()],
            },
        ),
        encoded(9, 5, &requests::begin()),
    ]
    .concat()
}

fn of_newer_groups() -> Vec<u8> {
    let group = || "g".to_owned();
    [
        encoded(
            10,
            1,
            &m::consumer_group_describe::ConsumerGroupDescribeRequest {
                group_ids: vec![group()],
                ..Default::default()
            },
        ),
        encoded(11, 1, &beat(0)),
        encoded(12, 1, &beat(-1)),
        encoded(
            13,
            1,
            &m::streams_group_describe::StreamsGroupDescribeRequest {
                group_ids: vec![group()],
                ..Default::default()
            },
        ),
        encoded(14, 1, &streams_beat(0)),
        encoded(15, 1, &streams_beat(-1)),
        encoded(16, 1, &m::list_config_resources::ListConfigResourcesRequest::default()),
        encoded(
            17,
            4,
            &m::describe_configs::DescribeConfigsRequest {
                resources: vec![m::describe_configs::DescribeConfigsResource {
                    resource_type: 32,
                    resource_name: group(),
                    ..Default::default()
                }],
                ..Default::default()
            },
        ),
    ]
    .concat()
}

fn of_share_groups() -> Vec<u8> {
    let group = || "g".to_owned();
    [
        encoded(
            18,
            1,
            &m::share_group_describe::ShareGroupDescribeRequest {
                group_ids: vec![group()],
                ..Default::default()
            },
        ),
        encoded(19, 1, &describe_share_offsets()),
        encoded(20, 1, &requests::share_beat("g", 0)),
        encoded(21, 2, &share_fetch()),
        encoded(22, 1, &requests::share_beat("g", -1)),
        encoded(23, 0, &requests::alter_share_offsets("g")),
        encoded(
            24,
            0,
            &m::delete_share_group_offsets::DeleteShareGroupOffsetsRequest {
                group_id: group(),
                topics: vec![m::delete_share_group_offsets::DeleteShareGroupOffsetsRequestTopic {
                    topic_name: "t".to_owned(),
                }],
            },
        ),
    ]
    .concat()
}

fn describe_share_offsets() -> m::describe_share_group_offsets::DescribeShareGroupOffsetsRequest {
    let group = m::describe_share_group_offsets::DescribeShareGroupOffsetsRequestGroup {
        group_id: "g".to_owned(),
        topics: None,
    };
    m::describe_share_group_offsets::DescribeShareGroupOffsetsRequest { groups: vec![group] }
}

fn share_fetch() -> m::share_fetch::ShareFetchRequest {
    m::share_fetch::ShareFetchRequest {
        group_id: Some("g".to_owned()),
        member_id: Some("m".to_owned()),
        max_records: 10,
        max_bytes: 1_000,
        ..Default::default()
    }
}

/// A heartbeat that joins the group, or leaves it.
fn beat(epoch: i32) -> m::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
    m::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
        member_epoch: epoch,
        rebalance_timeout_ms: 1_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    }
}

/// A heartbeat that joins the group as one of streams, or leaves it.
fn streams_beat(epoch: i32) -> m::streams_group_heartbeat::StreamsGroupHeartbeatRequest {
    let subtopology = m::streams_group_heartbeat::Subtopology {
        subtopology_id: "0".to_owned(),
        source_topics: vec!["t".to_owned()],
        ..Default::default()
    };
    m::streams_group_heartbeat::StreamsGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
        member_epoch: epoch,
        rebalance_timeout_ms: 1_000,
        topology: (epoch == 0)
            .then(|| m::streams_group_heartbeat::Topology { epoch: 0, subtopologies: vec![subtopology] }),
        active_tasks: Some(Vec::new()),
        standby_tasks: Some(Vec::new()),
        warmup_tasks: Some(Vec::new()),
        ..Default::default()
    }
}

/// Keys and values of `__headwater_groups` that make a streams group of one member.
const STREAMS_GROUP: [(&[u8], &[u8]); 6] = [
    (b"\x14\x02g", b"\x01\0\0\0\x03\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x01\0"),
    (b"\x15\x02g", b"\x01\0\0\0\0\x02\x020\x02\x02t\x01\x02\x02r\0\0\0\0\0\0\x01\x01\x01\x01\0"),
    (b"\x16\x02g\x02m", b"\x01\0\x02c\x02h\0\0\x03\xe8\0\0\0\0\x02p\x01\x02e\0\x50\x02\x02k\x02v\0"),
    (b"\x17\x02g", b"\x01\0\0\0\x03\0"),
    (b"\x18\x02g\x02m", b"\x01\x02\x020\x02\0\0\0\0\x01\0"),
    (b"\x19\x02g\x02m", b"\x01\0\0\0\0\x03\0\0\0\x02\x02\x020\x02\0\0\0\0\x01\x01\x01\0"),
];

/// Keys and values of `__headwater_groups` that make a share group of one member.
const SHARE_GROUP: [(&[u8], &[u8]); 5] = [
    (b"\x0a\x02g", b"\x01\0\0\0\x03\0\0\0\0\0\0\0\x07\0"),
    (b"\x0b\x02g\x02m", b"\x01\0\x02c\x02h\x02\x02t\0"),
    (b"\x0c\x02g", b"\x01\0\0\0\x03\0"),
    (b"\x0d\x02g\x02m", b"\x01\x02aaaaaaaaaaaaaaaa\x02\0\0\0\0\0"),
    (b"\x0e\x02g\x02m", b"\x01\0\0\0\x03\0\0\0\x02\x02aaaaaaaaaaaaaaaa\x02\0\0\0\0\0"),
];

/// Keys and values of `__headwater_share_state`: a whole state, and a change to it.
const SHARE_STATE: [(&[u8], &[u8]); 2] = [
    (
        b"\x00\x02gaaaaaaaaaaaaaaaa\0\0\0\0",
        b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\
          \x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\x01\0",
    ),
    (
        b"\x01\x02gaaaaaaaaaaaaaaaa\0\0\0\0\0\x01",
        b"\x01\0\0\0\x01\0\0\0\0\0\0\0\x01\
          \x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x03\x02\0\x02\0",
    ),
];

/// Keys and values of `__headwater_groups` that make a consumer group of one member.
const CONSUMER_GROUP: [(&[u8], &[u8]); 5] = [
    (b"\x00\x02g", b"\x01\0\0\0\x03\0\0\0\0\0\0\0\x07\0"),
    (b"\x01\x02g\x02m", b"\x01\0\0\x02c\x02h\0\0\x03\xe8\x02\x02t\0\0\0\0"),
    (b"\x02\x02g", b"\x01\0\0\0\x03\0"),
    (b"\x03\x02g\x02m", b"\x01\x02aaaaaaaaaaaaaaaa\x02\0\0\0\0\0"),
    (b"\x04\x02g\x02m", b"\x01\0\0\0\0\x03\0\0\0\x02\x02aaaaaaaaaaaaaaaa\x02\0\0\0\0\x01\0"),
];

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let record =
        |log: u8, kind: u8, key: &[u8], value: &[u8]| [&[log, kind][..], &piece(key), &piece(value)].concat();
    let group = ConsumerOffsetsKey::Group(GroupMetadataKey { group: "g".to_owned() }).encode();
    let offset = OffsetCommitKey { group: "g".to_owned(), topic: "t".to_owned(), partition: 0 };
    let offset = ConsumerOffsetsKey::Offset(offset).encode();
    let mut seeds = vec![
        record(0, 1, b"", &[1, 4, 0, 0, 0, 0, 0, 0, 0, 9, 0]),
        record(0, 1, b"", &[1, 1, 0, 0, 0, 9, 0]),
        record(0, 1, b"", b"\x01\x02aaaaaaaaaaaaaaaa\x02b\0\0\0\x01\0\x01\0"),
        record(0, 1, b"", b"\x01\x03aaaaaaaaaaaaaaaa\0"),
        record(0, 1, b"", b"\x01\x05aaaaaaaaaaaaaaaa\0\0\0\x02\0"),
        record(0, 1, b"", b"\x01\x06aaaaaaaaaaaaaaaa\x01\0"),
        record(0, 1, b"", b"\x01\x07\x02g\x02\x1cconsumer.session.timeout.ms\x0650000\0"),
    ];
    let member = MemberMetadata { member_id: "m".to_owned(), ..Default::default() };
    let stored = GroupMetadataValue {
        protocol_type: "consumer".to_owned(),
        generation: 3,
        protocol: Some("range".to_owned()),
        leader: Some("m".to_owned()),
        members: vec![member],
        ..Default::default()
    };
    let state = encode_transaction_key(&TransactionLogKey {
        transactional_id: requests::TRANSACTIONAL_ID.to_owned(),
    });
    for status in 0..8 {
        let partitions = vec![PartitionsSchema { topic: "t".to_owned(), partition_ids: vec![0, 1] }];
        let value = TransactionLogValue {
            transaction_timeout_ms: 1_000,
            transaction_status: status,
            transaction_partitions: (status > 0).then_some(partitions),
            ..Default::default()
        };
        for log in [3, 4, 8] {
            seeds.push(record(log, 0, &state, &encode_transaction_value(&value)));
        }
    }
    seeds.push(record(3, 2, &state, b""));
    for log in [1, 2, 5, 6, 7] {
        seeds.push(record(log, 0, &group, &encode_group_value(&stored)));
        seeds.push(record(log, 2, &group, b""));
        seeds.push(record(log, 0, &offset, &encode_offset_value(&OffsetCommitValue::default())));
        seeds.push(record(log, 2, &offset, b""));
    }
    let kinds = [
        ([9, 10], &CONSUMER_GROUP[..]),
        ([9, 10], &STREAMS_GROUP),
        ([9, 10], &SHARE_GROUP),
        ([11, 12], &SHARE_STATE),
    ];
    for (logs, records) in kinds {
        for (key, value) in records {
            for log in logs {
                seeds.push(record(log, 0, key, value));
                seeds.push(record(log, 2, key, b""));
            }
        }
        let whole = records.iter().map(|(key, value)| [&[0][..], &piece(key), &piece(value)].concat());
        let whole: Vec<u8> = whole.flatten().collect();
        for log in logs {
            seeds.push([&[log][..], &whole].concat());
        }
    }
    seeds
}
