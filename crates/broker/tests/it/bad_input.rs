//! What a socket may bring: nothing of it panics, reserves memory without need, or harms anybody else.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use headwater_broker::{Broker, Execution};
use headwater_model::{ErrorCode, Timestamp};
use headwater_wire::Request;
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression};
use headwater_wire::frame::encode_request;
use headwater_wire::messages::api_versions::ApiVersionsRequest;
use headwater_wire::messages::create_topics::CreateTopicsRequest;
use headwater_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use headwater_wire::messages::describe_groups::DescribeGroupsRequest;
use headwater_wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use headwater_wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use headwater_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use headwater_wire::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::groups::fixture::pass;
use crate::harness::{Client, Server, batch, config, fetch_request, produce_request, topic};

fn frame(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as i32).to_be_bytes()[..], payload].concat()
}

fn header(api_key: i16, version: i16) -> Vec<u8> {
    [&api_key.to_be_bytes()[..], &version.to_be_bytes(), &7i32.to_be_bytes(), &[0, 1, b'c']].concat()
}

#[tokio::test]
async fn violations_close_their_own_connection_and_no_other() {
    let server = Server::with(|config| config.limits.max_request_bytes = 1_000_000).await;
    let mut bystander = server.client().await;
    bystander.create("t", 1, &[]).await;
    let truncated = [header(3, 12), vec![0, 200]].concat();
    let claims = [header(3, 1), i32::MAX.to_be_bytes().to_vec()].concat();
    for (what, bytes) in [
        ("a length below zero", (-1i32).to_be_bytes().to_vec()),
        ("a length above the limit", 1_000_001i32.to_be_bytes().to_vec()),
        ("a browser", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("a TLS greeting", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        ("an empty frame", frame(&[])),
        ("a header cut short", frame(&[0, 3, 0, 1])),
        ("an unknown API", frame(&header(999, 0))),
        ("an API that is not served", frame(&header(65, 0))),
        ("a version to come", frame(&header(3, 99))),
        ("a version gone by", frame(&header(0, 2))),
        ("a version below zero", frame(&header(0, -1))),
        ("a body cut short", frame(&truncated)),
        ("an array of two thousand million", frame(&claims)),
    ] {
        let mut client = server.client().await;
        client.stream.write_all(&bytes).await.unwrap();
        assert_eq!(client.receive_frame().await, None, "{what}");
        bystander.produce_value("t", 0, what).await;
    }
}

#[tokio::test]
async fn a_request_that_stops_half_way_waits_and_harms_nobody() {
    let server = Server::start().await;
    let mut bystander = server.client().await;
    bystander.create("t", 1, &[]).await;
    let mut claims = server.client().await;
    claims.stream.write_all(&(100i32 << 20).to_be_bytes()).await.unwrap();
    let mut slow = server.client().await;
    let request: Vec<u8> = encode_request(3, None, 12, &fetch_request("t", 0, 0, 0))
        .iter()
        .flat_map(|chunk| chunk.to_bytes().unwrap())
        .collect();
    let (first, rest) = request.split_at(9);
    slow.stream.write_all(first).await.unwrap();
    bystander.produce_value("t", 0, "v").await;
    for byte in rest {
        slow.stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(slow.receive_frame().await.is_some());
}

/// What a few bytes ask for again and again would otherwise be answered with gigabytes.
#[tokio::test]
async fn what_is_asked_for_many_times_is_answered_once() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 3, &[]).await;
    let named = MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![named; 1_000]), ..Default::default() };
    assert_eq!(client.call(12, &request).await.topics.len(), 1);
    let resource =
        DescribeConfigsResource { resource_type: 2, resource_name: "t".to_owned(), configuration_keys: None };
    let request = DescribeConfigsRequest { resources: vec![resource; 1_000], ..Default::default() };
    assert_eq!(client.call(4, &request).await.results.len(), 1);
    let request = DescribeGroupsRequest { groups: vec!["g".to_owned(); 1_000], ..Default::default() };
    assert_eq!(client.call(5, &request).await.groups.len(), 1);
    let group = OffsetFetchRequestGroup { group_id: "g".to_owned(), topics: None, ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![group; 1_000], ..Default::default() };
    assert_eq!(client.call(8, &request).await.groups.len(), 1);
    let mut request = fetch_request("t", 0, 0, 0);
    request.topics = vec![request.topics[0].clone(); 1_000];
    let answer = client.call(12, &request).await;
    assert_eq!((answer.responses.len(), answer.responses[0].partitions.len()), (1, 1));
    let partition =
        |index| ListOffsetsPartition { partition_index: index, timestamp: 5, ..Default::default() };
    let partitions = vec![partition(0), partition(1), partition(0)];
    let topics = vec![ListOffsetsTopic { name: "t".to_owned(), partitions }];
    let answer = client.call(7, &ListOffsetsRequest { replica_id: -1, topics, ..Default::default() }).await;
    let codes: Vec<_> = answer.topics[0].partitions.iter().map(|partition| partition.error_code).collect();
    assert_eq!(
        codes,
        [ErrorCode::InvalidRequest, ErrorCode::None, ErrorCode::InvalidRequest].map(ErrorCode::code)
    );
}

#[tokio::test]
async fn names_of_groups_and_lists_of_protocols_are_bounded() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let protocol = |number| JoinGroupRequestProtocol { name: format!("p{number}"), ..Default::default() };
    let join = |group: &str, protocols| JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 1_000,
        protocol_type: "consumer".to_owned(),
        protocols: (0..protocols).map(protocol).collect(),
        ..Default::default()
    };
    for (request, code) in [
        (join("g", 101), ErrorCode::InvalidRequest),
        (join(&"g".repeat(1_025), 1), ErrorCode::InvalidGroupId),
        (join(&"g".repeat(1_024), 100), ErrorCode::None),
    ] {
        assert_eq!(ErrorCode::from_code(client.call(3, &request).await.error_code), code);
    }
}

#[tokio::test]
async fn a_large_request_in_small_pieces_arrives_whole() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[("max.message.bytes", "20000000")]).await;
    let value = "x".repeat(9_000_000);
    let mut stream = Vec::new();
    for _ in 0..2 {
        for chunk in encode_request(1, None, 9, &produce_request("t", 0, -1, batch(&[&value]))) {
            stream.extend_from_slice(&chunk.to_bytes().unwrap());
        }
    }
    for piece in stream.chunks(100_003) {
        client.stream.write_all(piece).await.unwrap();
    }
    for _ in 0..2 {
        assert!(client.receive_frame().await.is_some());
    }
    let mut request = fetch_request("t", 0, 0, 0);
    request.topics[0].partitions[0].partition_max_bytes = 50 << 20;
    let response = client.call(12, &request).await;
    let values = crate::harness::values_within(&response.responses[0].partitions[0], 20 << 20);
    assert!(values == [value.clone(), value]);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed() {
    let server = Server::with(|config| config.limits.max_connections = 2).await;
    let (mut first, second) = (server.client().await, server.client().await);
    first.create("t", 1, &[]).await;
    let mut third = server.client().await;
    assert_eq!(third.receive_frame().await, None);
    drop(second);
    pass(Duration::from_millis(100)).await;
    let mut fourth = server.client().await;
    assert_eq!(fourth.produce_value("t", 0, "v").await.0, 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_from_for_ever() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    let request: Vec<u8> =
        encode_request(1, None, 12, &MetadataRequest { topics: None, ..Default::default() })
            .iter()
            .flat_map(|chunk| chunk.to_bytes().unwrap())
            .collect();
    let flood = async {
        loop {
            client.stream.write_all(&request).await.unwrap();
        }
    };
    let blocked = tokio::time::timeout(Duration::from_secs(3), flood).await;
    assert!(blocked.is_err(), "the broker's answers have nowhere to go, so it stops reading");
    server.client().await.produce_value("t", 0, "v").await;
}

/// A broker on a simulated disk with its runtime, for thousands of connections.
struct Target {
    runtime: tokio::runtime::Runtime,
    broker: Broker,
}

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let broker = runtime.block_on(async {
        let mut config = config("/data".as_ref());
        config.execution = Execution::Inline;
        config.auto_create_topics = true;
        config.limits.max_partitions = 40;
        let broker = Broker::open(
            config,
            std::sync::Arc::new(headwater_log::sim::SimDisk::new(1)),
            std::sync::Arc::new(headwater_model::SystemClock::new()),
            headwater_model::Entropy::from_seed(1),
        )
        .unwrap();
        let (near, far) = tokio::io::duplex(1 << 16);
        let serving = broker.clone();
        tokio::spawn(async move { serving.serve_connection(far, "setup").await });
        Client::new(near).create("t", 2, &[]).await;
        broker
    });
    Target { runtime, broker }
});

/// Sends bytes, hangs up, and sees to it that the connection ends without a panic.
fn throw(bytes: &[u8]) {
    let Target { runtime, broker } = &*TARGET;
    runtime.block_on(async {
        let (mut near, far) = tokio::io::duplex(1 << 20);
        let serving = broker.clone();
        let connection = tokio::spawn(async move { serving.serve_connection(far, "thrown").await });
        let _ = near.write_all(bytes).await;
        let _ = near.shutdown().await;
        let mut answers = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), near.read_to_end(&mut answers)).await;
        drop(near);
        let ended = tokio::time::timeout(Duration::from_secs(20), connection).await;
        ended.expect("the connection ends").expect("the connection does not panic");
    });
}

fn still_serves() {
    let Target { runtime, broker } = &*TARGET;
    runtime.block_on(async {
        let (near, far) = tokio::io::duplex(1 << 16);
        let serving = broker.clone();
        tokio::spawn(async move { serving.serve_connection(far, "bystander").await });
        Client::new(near).produce_value("t", 1, "still here").await;
    });
}

fn encoded<R: Request>(version: i16, request: &R) -> Vec<u8> {
    let chunks = encode_request(1, Some("fuzz"), version, request);
    chunks.iter().flat_map(|chunk| chunk.to_bytes().unwrap()).collect()
}

/// Well-formed requests, to be damaged.
fn samples() -> Vec<Vec<u8>> {
    let named = MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
    let resource =
        DescribeConfigsResource { resource_type: 2, resource_name: "t".to_owned(), configuration_keys: None };
    let offsets = ListOffsetsTopic {
        name: "t".to_owned(),
        partitions: vec![ListOffsetsPartition { partition_index: 0, current_leader_epoch: -1, timestamp: 0 }],
    };
    vec![
        encoded(9, &produce_request("t", 0, -1, batch(&["some", "values"]))),
        encoded(3, &produce_request("t", 0, 1, batch(&["some", "values"]))),
        encoded(12, &fetch_request("t", 0, 0, 0)),
        encoded(4, &fetch_request("t", 0, 0, 0)),
        encoded(12, &MetadataRequest { topics: Some(vec![named]), ..Default::default() }),
        encoded(
            7,
            &CreateTopicsRequest {
                topics: vec![topic("t", 1, &[("retention.ms", "1")])],
                ..Default::default()
            },
        ),
        encoded(4, &DescribeConfigsRequest { resources: vec![resource], ..Default::default() }),
        encoded(9, &ListOffsetsRequest { topics: vec![offsets], ..Default::default() }),
        encoded(3, &ApiVersionsRequest { client_software_name: "x".to_owned(), ..Default::default() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_all_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        throw(&bytes);
        throw(&frame(&bytes));
        still_serves();
    }

    #[test]
    fn any_body_for_any_api_does_no_harm(
        key in 0i16..95,
        version in 0i16..19,
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 1..4),
    ) {
        let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(&[header(key, version), body.clone()].concat())).collect();
        throw(&stream);
        still_serves();
    }

    #[test]
    fn damaged_requests_do_no_harm(
        sample in 0usize..9,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = samples().swap_remove(sample);
        for (at, value) in damage {
            let at = 4 + at.index(bytes.len() - 4);
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            let payload = Bytes::copy_from_slice(&bytes[4..4 + cut.index(bytes.len() - 4)]);
            bytes = frame(&payload);
        }
        throw(&bytes);
        still_serves();
    }
}

/// Batches of a few kilobytes that are tens of megabytes when opened, for topics that open them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_that_must_be_opened_keep_others_from_nothing() {
    const BOMBS: usize = 5;
    let server = Server::with(|config| config.execution = Execution::Threads(2)).await;
    let mut bystander = server.client().await;
    bystander.create("plain", 1, &[]).await;
    bystander.create("recoded", 4, &[("compression.type", "gzip")]).await;
    let mut builder = BatchBuilder::new(Compression::Zstd);
    builder.append(Timestamp(1), Some(b"k"), Some(&vec![0; 32 << 20]), &[]);
    let bomb = builder.build(&BatchMeta::default());
    let mut throwers = Vec::new();
    for partition in 0..4 {
        let mut thrower = server.client().await;
        for _ in 0..BOMBS {
            thrower.send(9, &produce_request("recoded", partition, 1, bomb.clone())).await;
        }
        throwers.push(thrower);
    }
    let started = tokio::time::Instant::now();
    bystander.produce_value("plain", 0, "an innocent record").await;
    let innocent = started.elapsed();
    for thrower in &mut throwers {
        for _ in 0..BOMBS {
            assert!(thrower.receive_frame().await.is_some());
        }
    }
    let bombs = started.elapsed();
    assert!(innocent < bombs / 4, "{innocent:?} beside {bombs:?}");
}
