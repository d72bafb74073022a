//! Produce, Fetch, ListOffsets: what goes in comes out, once, in order, and when it may.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use headwater_broker::Durability;
use headwater_model::{ErrorCode, Offset, ProducerId, Timestamp};
use headwater_wire::batch::{BatchMeta, Compression};
use headwater_wire::messages::fetch::FetchRequest;
use headwater_wire::messages::init_producer_id::InitProducerIdRequest;
use headwater_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use headwater_wire::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use headwater_wire::messages::produce::ProduceRequest;

use crate::groups::fixture::pass;
use crate::harness::{
    Server, batch, batch_with, fetch_request, numbered, only_partition, produce_request, values,
};

fn error(code: i16) -> ErrorCode {
    ErrorCode::from_code(code)
}

#[tokio::test]
async fn what_was_produced_is_fetched_in_every_durability_and_codec() {
    for durability in [Durability::Fsync, Durability::Os] {
        let server = Server::with(|config| config.durability = durability).await;
        let mut client = server.client().await;
        client.create("t", 1, &[]).await;
        let mut expected = Vec::new();
        for codec in Compression::ALL {
            let values: Vec<String> = (0..50).map(|n| format!("{codec}-{n}")).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let sent = batch_with(codec, Timestamp(1), &values, &BatchMeta::default());
            let produced = client.produce("t", 0, sent).await;
            assert_eq!(error(produced.error_code), ErrorCode::None);
            assert_eq!(produced.base_offset, expected.len() as i64);
            expected.extend(values.iter().map(|value| (*value).to_owned()));
        }
        let data = client.fetch("t", 0, 0, 0).await;
        assert_eq!((data.high_watermark, data.last_stable_offset, data.log_start_offset), (250, 250, 0));
        assert_eq!(values(&data), expected);
    }
}

#[tokio::test]
async fn every_version_of_produce_and_fetch_works() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    let asked = MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
    let metadata =
        client.call(13, &MetadataRequest { topics: Some(vec![asked]), ..Default::default() }).await;
    let topic_id = metadata.topics[0].topic_id;
    let mut count = 0;
    for version in 3..=13 {
        let mut request = produce_request("t", 0, -1, batch(&["a"]));
        request.topic_data[0].topic_id = topic_id;
        let response = client.call(version, &request).await;
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!(
            (error(partition.error_code), partition.base_offset),
            (ErrorCode::None, count),
            "v{version}"
        );
        count += 1;
    }
    for version in 4..=17 {
        let mut request = fetch_request("t", 0, 0, 0);
        request.topics[0].topic_id = topic_id;
        let data = only_partition(client.call(version, &request).await);
        assert_eq!(error(data.error_code), ErrorCode::None, "v{version}");
        assert_eq!(values(&data).len() as i64, count, "v{version}");
    }
}

#[tokio::test]
async fn a_waiting_fetch_wakes_when_records_come_and_not_before() {
    let server = Server::start().await;
    let (mut reader, mut writer) = (server.client().await, server.client().await);
    writer.create("t", 2, &[]).await;
    let started = Instant::now();
    let id = reader.send(12, &fetch_request("t", 1, 0, 15_000)).await;
    pass(Duration::from_millis(100)).await;
    writer.produce_value("t", 0, "elsewhere").await;
    pass(Duration::from_millis(100)).await;
    writer.produce_value("t", 1, "here").await;
    let (answered, response) = reader.receive::<FetchRequest>(12).await;
    assert_eq!(answered, id);
    assert_eq!(values(&only_partition(response)), ["here"]);
    assert!(started.elapsed() >= Duration::from_millis(190) && started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_waiting_fetch_holds_up_only_its_own_connection_and_ends_at_its_time() {
    let server = Server::start().await;
    let (mut reader, mut other) = (server.client().await, server.client().await);
    other.create("t", 1, &[]).await;
    let started = Instant::now();
    reader.send(12, &fetch_request("t", 0, 0, 300)).await;
    other.produce_request_elsewhere().await;
    assert!(started.elapsed() < Duration::from_millis(250));
    let (_, response) = reader.receive::<FetchRequest>(12).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(values(&only_partition(response)).is_empty());
}

#[tokio::test]
async fn a_waiting_fetch_ends_when_its_client_asks_for_something_else_but_not_for_another_fetch() {
    let server = Server::start().await;
    let (mut reader, mut other) = (server.client().await, server.client().await);
    other.create("t", 1, &[]).await;
    let started = Instant::now();
    reader.send(12, &fetch_request("t", 0, 0, 300)).await;
    reader.send(12, &fetch_request("t", 0, 0, 60_000)).await;
    reader.receive::<FetchRequest>(12).await;
    assert!(started.elapsed() >= Duration::from_millis(300), "another fetch is no reason to hurry");

    let asked = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    reader.send(9, &asked).await;
    let (_, response) = reader.receive::<FetchRequest>(12).await;
    assert!(values(&only_partition(response)).is_empty());
    reader.receive::<MetadataRequest>(9).await;
    assert!(started.elapsed() < Duration::from_secs(20), "it would have waited for a minute");

    // Whoever has waited once waits in peace afterwards.
    let again = Instant::now();
    reader.fetch("t", 0, 0, 300).await;
    assert!(again.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_fetch_waits_for_the_bytes_that_it_wants() {
    let server = Server::start().await;
    let (mut reader, mut writer) = (server.client().await, server.client().await);
    writer.create("t", 1, &[]).await;
    let size = batch(&["v"]).len() as i32;
    let request = FetchRequest { min_bytes: 3 * size, ..fetch_request("t", 0, 0, 15_000) };
    writer.produce_value("t", 0, "v").await;
    reader.send(12, &request).await;
    for _ in 0..2 {
        pass(Duration::from_millis(50)).await;
        writer.produce_value("t", 0, "v").await;
    }
    let (_, response) = reader.receive::<FetchRequest>(12).await;
    assert_eq!(values(&only_partition(response)).len(), 3);
}

#[tokio::test]
async fn limits_of_a_fetch_hold_but_the_first_batch_always_comes() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 2, &[]).await;
    for partition in [0, 0, 0, 1] {
        client.produce_value("t", partition, "some value").await;
    }
    let size = batch(&["some value"]).len() as i32;
    let mut request = fetch_request("t", 0, 0, 0);
    let second = headwater_wire::messages::fetch::FetchPartition {
        partition: 1,
        ..request.topics[0].partitions[0].clone()
    };
    request.topics[0].partitions.push(second);
    for (max_bytes, partition_max_bytes, expected) in [
        (1, 1 << 20, [1, 0]),
        (1 << 20, 1, [1, 0]),
        (2 * size + 1, 1 << 20, [2, 0]),
        (1 << 20, 2 * size, [2, 1]),
        (1 << 20, 1 << 20, [3, 1]),
    ] {
        request.max_bytes = max_bytes;
        for partition in &mut request.topics[0].partitions {
            partition.partition_max_bytes = partition_max_bytes;
        }
        let response = client.call(12, &request).await;
        let got: Vec<usize> =
            response.responses[0].partitions.iter().map(|data| values(data).len()).collect();
        assert_eq!(got, expected, "max_bytes {max_bytes}, partition_max_bytes {partition_max_bytes}");
    }
}

#[tokio::test]
async fn offsets_out_of_range_and_unknown_places_have_kafkas_errors() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    client.produce_value("t", 0, "v").await;
    assert_eq!(error(client.fetch("t", 0, 2, 10_000).await.error_code), ErrorCode::OffsetOutOfRange);
    assert_eq!(error(client.fetch("t", 0, -1, 0).await.error_code), ErrorCode::OffsetOutOfRange);
    assert_eq!(error(client.fetch("t", 1, 0, 0).await.error_code), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(error(client.fetch("t", -1, 0, 0).await.error_code), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(error(client.fetch("u", 0, 0, 0).await.error_code), ErrorCode::UnknownTopicOrPartition);
    for hidden in ["__headwater_metadata", "__consumer_offsets"] {
        assert_eq!(error(client.fetch(hidden, 0, 0, 0).await.error_code), ErrorCode::UnknownTopicOrPartition);
        let produced = client.produce(hidden, 0, batch(&["v"])).await;
        assert_eq!(error(produced.error_code), ErrorCode::UnknownTopicOrPartition);
    }
    let mut request = fetch_request("t", 0, 0, 0);
    request.topics[0].partitions[0].current_leader_epoch = 99;
    let data = only_partition(client.call(12, &request).await);
    assert_eq!(error(data.error_code), ErrorCode::UnknownLeaderEpoch);
    (request.session_id, request.session_epoch) = (5, 1);
    assert_eq!(error(client.call(12, &request).await.error_code), ErrorCode::FetchSessionIdNotFound);
}

#[tokio::test]
async fn acks_are_answered_as_asked() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    client.send(9, &produce_request("t", 0, 0, batch(&["silent"]))).await;
    let sent = client.send(9, &produce_request("t", 0, 1, batch(&["written"]))).await;
    let (answered, response) = client.receive::<ProduceRequest>(9).await;
    assert_eq!(answered, sent, "acks=0 is not answered");
    assert_eq!(response.responses[0].partition_responses[0].base_offset, 1);
    let response = client.call(9, &produce_request("t", 0, 2, batch(&["refused"]))).await;
    let refused = &response.responses[0].partition_responses[0];
    assert_eq!(error(refused.error_code), ErrorCode::InvalidRequiredAcks);
    client.produce_value("t", 0, "durable").await;
    assert_eq!(client.values("t", 0, 0).await, ["silent", "written", "durable"]);
}

#[tokio::test]
async fn a_failed_produce_without_acks_closes_the_connection() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send(9, &produce_request("nowhere", 0, 0, batch(&["v"]))).await;
    assert_eq!(client.receive_frame().await, None);
}

#[tokio::test]
async fn produce_requests_sent_together_are_answered_in_order() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    let mut sent = Vec::new();
    for n in 0..200 {
        sent.push(client.send(9, &produce_request("t", 0, -1, batch(&[&n.to_string()]))).await);
    }
    sent.push(client.send(12, &fetch_request("t", 0, 0, 0)).await);
    for (offset, sent) in sent[..200].iter().enumerate() {
        let (answered, response) = client.receive::<ProduceRequest>(9).await;
        assert_eq!(answered, *sent);
        assert_eq!(response.responses[0].partition_responses[0].base_offset, offset as i64);
    }
    let (answered, response) = client.receive::<FetchRequest>(12).await;
    assert_eq!(answered, sent[200]);
    let expected: Vec<String> = (0..200).map(|n: i32| n.to_string()).collect();
    assert_eq!(values(&only_partition(response)), expected, "a fetch sees what was produced before it");
}

#[tokio::test]
async fn an_idempotent_producers_batches_are_written_once_and_in_order() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 2, &[]).await;
    let init = client.call(5, &InitProducerIdRequest { transactional_id: None, ..Default::default() }).await;
    let id = ProducerId(init.producer_id);
    assert_eq!((error(init.error_code), init.producer_epoch), (ErrorCode::None, 0));

    let first = client.produce("t", 0, numbered(id, 0, 0, &["a", "b"])).await;
    assert_eq!((error(first.error_code), first.base_offset), (ErrorCode::None, 0));
    let second = client.produce("t", 0, numbered(id, 0, 2, &["c"])).await;
    assert_eq!((error(second.error_code), second.base_offset), (ErrorCode::None, 2));
    let repeat = client.produce("t", 0, numbered(id, 0, 0, &["a", "b"])).await;
    assert_eq!(
        (error(repeat.error_code), repeat.base_offset),
        (ErrorCode::None, 0),
        "a repeat has its first offset"
    );
    let gap = client.produce("t", 0, numbered(id, 0, 9, &["x"])).await;
    assert_eq!(error(gap.error_code), ErrorCode::OutOfOrderSequenceNumber);
    let elsewhere = client.produce("t", 1, numbered(id, 0, 0, &["z"])).await;
    assert_eq!(error(elsewhere.error_code), ErrorCode::None);
    let newer = client.produce("t", 0, numbered(id, 1, 0, &["d"])).await;
    assert_eq!((error(newer.error_code), newer.base_offset), (ErrorCode::None, 3));
    let stale = client.produce("t", 0, numbered(id, 0, 3, &["y"])).await;
    assert_eq!(error(stale.error_code), ErrorCode::InvalidProducerEpoch);
    assert_eq!(client.values("t", 0, 0).await, ["a", "b", "c", "d"]);
}

/// What a header says that its batch does not hold is refused by Kafka's own codes, and written nowhere.
#[tokio::test]
async fn headers_that_do_not_fit_their_batch_are_refused() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    let good = batch(&["some", "values"]);
    let changed = |at: usize, bytes: &[u8]| {
        let mut changed = good.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        // The checksum is right, so that it is not what refuses.
        headwater_wire::batch::stamp_append_time(&mut changed, Timestamp(1)).unwrap();
        Bytes::from(changed)
    };
    let longer = (good.len() as i32 - 12 + 1).to_be_bytes();
    let shorter = (good.len() as i32 - 12 - 1).to_be_bytes();
    for (what, batch, code) in [
        ("no batch", Bytes::new(), ErrorCode::InvalidRecord),
        ("half a header", good.slice(..30), ErrorCode::CorruptMessage),
        ("cut short", good.slice(..good.len() - 1), ErrorCode::CorruptMessage),
        ("a length beyond the end", changed(8, &longer), ErrorCode::CorruptMessage),
        ("a length before the end", changed(8, &shorter), ErrorCode::InvalidRecord),
        ("a length below zero", changed(8, &[0xFF; 4]), ErrorCode::CorruptMessage),
        ("an old format", changed(16, &[1]), ErrorCode::UnsupportedForMessageFormat),
        ("a format to come", changed(16, &[3]), ErrorCode::UnsupportedForMessageFormat),
        ("a codec that nobody knows", changed(21, &[0, 7]), ErrorCode::InvalidRecord),
        ("more records than offsets", changed(57, &3_i32.to_be_bytes()), ErrorCode::InvalidRecord),
        ("fewer records than offsets", changed(57, &1_i32.to_be_bytes()), ErrorCode::InvalidRecord),
        ("a count below zero", changed(57, &(-1_i32).to_be_bytes()), ErrorCode::CorruptMessage),
        ("a last offset below the first", changed(23, &(-1_i32).to_be_bytes()), ErrorCode::CorruptMessage),
        ("a producer without sequence", changed(43, &7_i64.to_be_bytes()), ErrorCode::InvalidRecord),
    ] {
        let answer = client.produce("t", 0, batch).await;
        assert_eq!(error(answer.error_code), code, "{what}: {:?}", answer.error_message);
        assert!(answer.error_message.is_some_and(|message| !message.is_empty()), "{what}");
    }
    assert_eq!(client.values("t", 0, 0).await, Vec::<String>::new());
    assert_eq!(client.produce_value("t", 0, "still").await, Offset(0));
}

#[tokio::test]
async fn damaged_and_illegal_batches_are_refused_one_partition_at_a_time() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 2, &[("max.message.bytes", "1000")]).await;
    client.create("compacted", 1, &[("cleanup.policy", "compact")]).await;

    let mut damaged = batch(&["v"]).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let mut request = produce_request("t", 0, -1, damaged.into());
    let good = produce_request("t", 1, -1, batch(&["v"]));
    request.topic_data[0].partition_data.extend(good.topic_data[0].partition_data.clone());
    let response = client.call(9, &request).await;
    let codes: Vec<_> =
        response.responses[0].partition_responses.iter().map(|p| error(p.error_code)).collect();
    assert_eq!(codes, [ErrorCode::CorruptMessage, ErrorCode::None]);

    let large = client.produce("t", 0, batch(&[&"x".repeat(2_000)])).await;
    assert_eq!(error(large.error_code), ErrorCode::MessageTooLarge);
    let two = [batch(&["a"]), batch(&["b"])].concat();
    assert_eq!(error(client.produce("t", 0, two.into()).await.error_code), ErrorCode::InvalidRecord);
    let future = Timestamp(headwater_model::Clock::now(&headwater_model::SystemClock::new()).0 + 7_200_000);
    let future = batch_with(Compression::None, future, &["v"], &BatchMeta::default());
    assert_eq!(error(client.produce("t", 0, future).await.error_code), ErrorCode::InvalidTimestamp);
    let control = batch_with(
        Compression::None,
        Timestamp(1),
        &["v"],
        &BatchMeta { is_control: true, ..BatchMeta::default() },
    );
    assert_eq!(error(client.produce("t", 0, control).await.error_code), ErrorCode::InvalidRecord);
    let mut keyless = headwater_wire::batch::BatchBuilder::new(Compression::Gzip);
    keyless.append(Timestamp(1), None, Some(b"v"), &[]);
    let keyless = client.produce("compacted", 0, keyless.build(&BatchMeta::default())).await;
    assert_eq!(error(keyless.error_code), ErrorCode::InvalidRecord);
    assert!(keyless.error_message.unwrap().contains("no key"));
    assert_eq!(client.values("t", 0, 0).await, Vec::<String>::new());
    assert_eq!(client.values("t", 1, 0).await, ["v"]);
}

#[tokio::test]
async fn offsets_are_found_by_time_and_at_the_ends() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    let found = |answer: headwater_wire::messages::list_offsets::ListOffsetsPartitionResponse| {
        assert_eq!(error(answer.error_code), ErrorCode::None);
        (answer.offset, answer.timestamp)
    };
    assert_eq!(found(client.offset("t", 0, -1).await), (0, -1));
    assert_eq!(found(client.offset("t", 0, -2).await), (0, -1));
    assert_eq!(found(client.offset("t", 0, -3).await), (-1, -1));
    for (first, values) in [(1_000, ["a", "b", "c"]), (5_000, ["d", "e", "f"]), (3_000, ["g", "h", "i"])] {
        let sent = batch_with(Compression::Lz4, Timestamp(first), &values, &BatchMeta::default());
        client.produce("t", 0, sent).await;
    }
    assert_eq!(found(client.offset("t", 0, -1).await), (9, -1));
    assert_eq!(found(client.offset("t", 0, -2).await), (0, -1));
    assert_eq!(found(client.offset("t", 0, -3).await), (5, 5_002));
    assert_eq!(found(client.offset("t", 0, 0).await), (0, 1_000));
    assert_eq!(found(client.offset("t", 0, 1_001).await), (1, 1_001));
    assert_eq!(found(client.offset("t", 0, 3_000).await), (3, 5_000));
    assert_eq!(found(client.offset("t", 0, 6_000).await), (-1, -1));
    assert_eq!(found(client.offset("t", 0, -5).await), (-1, -1));
    let refused = client.offset("t", 0, -9).await;
    assert_eq!(error(refused.error_code), ErrorCode::UnsupportedVersion);
    assert_eq!(error(client.offset("t", 7, -1).await.error_code), ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn log_append_time_is_the_brokers() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let produced = client.produce("t", 0, batch(&["v"])).await;
    assert!(produced.log_append_time_ms > 1_750_000_000_000, "{}", produced.log_append_time_ms);
    assert_eq!(client.offset("t", 0, 0).await.timestamp, produced.log_append_time_ms);
    assert_eq!(client.values("t", 0, 0).await, ["v"]);
}

#[tokio::test]
async fn the_end_of_an_epoch_is_known() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    client.produce_value("t", 0, "v").await;
    let asked = OffsetForLeaderPartition { partition: 0, current_leader_epoch: -1, leader_epoch: 0 };
    let request = OffsetForLeaderEpochRequest {
        replica_id: -1,
        topics: vec![OffsetForLeaderTopic { topic: "t".to_owned(), partitions: vec![asked] }],
    };
    let response = client.call(4, &request).await;
    let end = &response.topics[0].partitions[0];
    assert_eq!((error(end.error_code), end.leader_epoch, end.end_offset), (ErrorCode::None, 0, 1));
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> crate::harness::Client<S> {
    async fn produce_request_elsewhere(&mut self) {
        let response = self.call(9, &produce_request("nowhere", 0, -1, batch(&["v"]))).await;
        let code = response.responses[0].partition_responses[0].error_code;
        assert_eq!(error(code), ErrorCode::UnknownTopicOrPartition);
    }
}
