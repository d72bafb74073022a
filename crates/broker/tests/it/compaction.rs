//! Compacted topics over connections: what stays, what goes, and that settings take effect while the topic is used.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use headwater_broker::Durability;
use headwater_log::sim::Operation;
use headwater_model::{ErrorCode, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression};
use headwater_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::groups::fixture::{World, pass};
use crate::harness::{Client, Server};

/// Longer than the broker waits before it looks again.
const A_WHILE: Duration = Duration::from_secs(5);
/// The smallest segments that there are.
const SMALL: &[(&str, &str)] =
    &[("cleanup.policy", "compact"), ("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.01")];

/// What a client may be connected by.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

fn record(key: &str, value: Option<&str>) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(Timestamp(1_767_225_600_000), Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    builder.build(&BatchMeta::default())
}

async fn put<S: Stream>(client: &mut Client<S>, key: &str, value: Option<&str>) {
    let produced = client.produce("c", 0, record(key, value)).await;
    assert_eq!(ErrorCode::from_code(produced.error_code), ErrorCode::None);
}

/// Writes so many rounds of values for a few keys, and then enough for these to lie in closed segments.
async fn fill<S: Stream>(client: &mut Client<S>, rounds: i32) {
    for round in 0..rounds {
        for key in 0..5 {
            put(client, &format!("key-{key}"), Some(&value(round))).await;
        }
    }
    close_segments(client).await;
}

/// A few make a segment.
fn value(round: i32) -> String {
    format!("value-{round}{}", " ".repeat(20_000))
}

async fn close_segments<S: Stream>(client: &mut Client<S>) {
    for _ in 0..3 {
        put(client, "filler", Some(&"x".repeat(600_000))).await;
    }
}

/// Every record: offset, key and value.
async fn everything<S: Stream>(client: &mut Client<S>) -> Vec<(i64, String, Option<String>)> {
    let mut found: Vec<(i64, String, Option<String>)> = Vec::new();
    loop {
        let from = found.last().map_or(0, |(offset, ..)| offset + 1);
        let data = client.fetch("c", 0, from, 0).await;
        assert_eq!(data.error_code, 0);
        let before = found.len();
        for batch in headwater_wire::batch::batches(data.records.unwrap().to_bytes().unwrap()) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            for record in batch.open(1 << 20).unwrap().records() {
                let record = record.unwrap();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                if record.offset.0 >= from {
                    found.push((record.offset.0, text(record.key.unwrap()), record.value.map(text)));
                }
            }
        }
        if found.len() == before {
            assert!(found.is_sorted_by_key(|(offset, ..)| *offset));
            return found;
        }
    }
}

/// How often each key is there, but for the filler.
fn counts(records: &[(i64, String, Option<String>)]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (_, key, _) in records.iter().filter(|(_, key, _)| key != "filler") {
        *counts.entry(key.as_str()).or_default() += 1;
    }
    counts
}

async fn alter<S: Stream>(client: &mut Client<S>, name: &str, value: &str) {
    let config = AlterableConfig { name: name.into(), config_operation: 0, value: Some(value.into()) };
    let resource =
        AlterConfigsResource { resource_type: 2, resource_name: "c".into(), configs: vec![config] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(client.call(1, &request).await.responses[0].error_code, 0);
}

#[tokio::test(start_paused = true)]
async fn of_each_key_the_newest_record_stays_at_its_offset() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("c", 1, SMALL).await;
    fill(&mut client, 20).await;
    let before = everything(&mut client).await;
    pass(A_WHILE).await;
    let after = everything(&mut client).await;
    assert!(counts(&after).values().all(|count| *count == 1), "{:?}", counts(&after));
    assert!(after.iter().all(|record| before.contains(record)), "what stays is as it was");
    for key in 0..5 {
        let newest = after.iter().find(|(_, name, _)| *name == format!("key-{key}")).unwrap();
        assert_eq!(newest.2.as_deref(), Some(value(19).as_str()));
    }
    world.crash().await;
    let mut client = world.client();
    assert_eq!(everything(&mut client).await, after, "and stays so after a loss of power");
    put(&mut client, "key-0", Some("more")).await;
    assert_eq!(everything(&mut client).await.last().unwrap().0, after.last().unwrap().0 + 1);
}

#[tokio::test(start_paused = true)]
async fn where_records_are_synced_now_and_then_compaction_does_not_wait_for_it() {
    let mut world = World::with(|config| config.durability = Durability::Os).await;
    let mut client = world.client();
    client.create("c", 1, SMALL).await;
    fill(&mut client, 10).await;
    pass(A_WHILE).await;
    assert_eq!(counts(&everything(&mut client).await)["key-0"], 1);
}

#[tokio::test(start_paused = true)]
async fn tombstones_stay_for_their_time_and_then_go() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("c", 1, &[SMALL, &[("delete.retention.ms", "60000")]].concat()).await;
    fill(&mut client, 3).await;
    put(&mut client, "key-0", None).await;
    close_segments(&mut client).await;
    pass(A_WHILE).await;
    let found = everything(&mut client).await;
    let of_key: Vec<_> = found.iter().filter(|(_, key, _)| key == "key-0").collect();
    assert_eq!(of_key.len(), 1);
    assert_eq!(of_key[0].2, None);
    pass(Duration::from_secs(70)).await;
    close_segments(&mut client).await;
    pass(A_WHILE).await;
    assert!(!counts(&everything(&mut client).await).contains_key("key-0"));
}

#[tokio::test(start_paused = true)]
async fn a_topic_becomes_compacted_while_it_is_used() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("c", 1, &[("segment.bytes", "1048576")]).await;
    fill(&mut client, 10).await;
    pass(A_WHILE).await;
    let all = everything(&mut client).await;
    assert_eq!(counts(&all)["key-0"], 10);
    alter(&mut client, "cleanup.policy", "compact").await;
    pass(A_WHILE).await;
    assert_eq!(counts(&everything(&mut client).await)["key-0"], 1);
}

#[tokio::test(start_paused = true)]
async fn records_that_are_too_young_stay() {
    let mut world = World::new().await;
    let mut client = world.client();
    let lag = [("min.compaction.lag.ms", "600000"), ("message.timestamp.type", "LogAppendTime")];
    client.create("c", 1, &[SMALL, &lag].concat()).await;
    fill(&mut client, 10).await;
    pass(A_WHILE).await;
    assert_eq!(counts(&everything(&mut client).await)["key-0"], 10);
    pass(Duration::from_mins(11)).await;
    // The connection has been idle for too long.
    let mut client = world.client();
    assert_eq!(counts(&everything(&mut client).await)["key-0"], 1);
}

#[tokio::test(start_paused = true)]
async fn records_that_have_waited_too_long_are_compacted_though_nothing_closed_their_segment() {
    let mut world = World::new().await;
    let mut client = world.client();
    let lag = [("max.compaction.lag.ms", "60000"), ("message.timestamp.type", "LogAppendTime")];
    client.create("c", 1, &[&[("cleanup.policy", "compact")], &lag[..]].concat()).await;
    for value in ["a", "b"] {
        put(&mut client, "key-0", Some(value)).await;
    }
    pass(A_WHILE).await;
    assert_eq!(counts(&everything(&mut client).await)["key-0"], 2);
    pass(Duration::from_secs(70)).await;
    assert_eq!(counts(&everything(&mut client).await)["key-0"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_groups_have_committed_is_compacted_and_found_again() {
    let mut world = World::new().await;
    let mut member = world.member("a");
    member.join_and_sync().await;
    let mut client = world.client();
    // Much more than one commit needs, in a segment that is closed.
    let topic = world.broker().topic("__consumer_offsets").unwrap();
    let alterations =
        AlterableConfig { name: "segment.bytes".into(), config_operation: 0, value: Some("1048576".into()) };
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: topic.name().to_string(),
        configs: vec![alterations],
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(client.call(1, &request).await.responses[0].error_code, 0);
    for offset in 0..20_000 {
        assert_eq!(member.commit(0, offset).await, ErrorCode::None);
    }
    let size = |world: &World| {
        let topic = world.broker().topic("__consumer_offsets").unwrap();
        topic.online().map(|partition| partition.size_bytes()).sum::<u64>()
    };
    let before = size(&world);
    pass(A_WHILE).await;
    let after = size(&world);
    assert!(after < before / 2, "{after} of {before} bytes are left");
    world.crash().await;
    let committed = crate::groups::fixture::committed(&mut world.client()).await;
    assert_eq!(committed, Ok(vec![19_999, -1, -1]));
}

/// A log that compaction is about to make much smaller, and what is in it.
async fn world_to_compact() -> (World, Vec<(i64, String, Option<String>)>) {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("c", 1, SMALL).await;
    fill(&mut client, 10).await;
    let before = everything(&mut client).await;
    (world, before)
}

/// Every record is one of those before, and the newest of each key is among them.
fn assert_nothing_is_lost(
    before: &[(i64, String, Option<String>)],
    after: &[(i64, String, Option<String>)],
    when: &str,
) {
    assert!(after.iter().all(|record| before.contains(record)), "{when}: what stays is as it was");
    let newest: BTreeMap<_, _> = before.iter().map(|record| (&record.1, record)).collect();
    assert!(newest.values().all(|record| after.contains(record)), "{when}: the newest of a key is gone");
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_once_while_compacting_the_next_compaction_completes() {
    for operation in [Operation::Write, Operation::Sync, Operation::Name, Operation::Read] {
        for successes in 0.. {
            let when = format!("{operation:?} failed after {successes}");
            let (mut world, before) = world_to_compact().await;
            let mut client = world.client();
            world.disk.fail_after(successes, operation, ErrorKind::StorageFull);
            pass(Duration::from_secs(3)).await;
            let over = world.disk.forget_failures() > 0;
            assert_nothing_is_lost(&before, &everything(&mut client).await, &when);
            put(&mut client, "filler", Some("the partition takes more")).await;
            pass(A_WHILE).await;
            let after = everything(&mut client).await;
            assert!(counts(&after).values().all(|count| *count == 1), "{when}: {:?}", counts(&after));
            world.crash().await;
            assert_eq!(everything(&mut world.client()).await, after, "{when}, and the power after it");
            if over {
                assert!(successes > 0, "there is something to fail: {operation:?}");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_at_whatever_operation_of_a_compaction_the_power_fails() {
    for operation in 1.. {
        let when = format!("power lost at operation {operation}");
        let (mut world, before) = world_to_compact().await;
        world.disk.power_fails_at(world.disk.operations() + operation);
        pass(A_WHILE).await;
        let over = world.disk.is_powered();
        world.crash().await;
        let mut client = world.client();
        assert_nothing_is_lost(&before, &everything(&mut client).await, &when);
        put(&mut client, "filler", Some("the partition takes more")).await;
        pass(A_WHILE).await;
        let after = everything(&mut client).await;
        assert!(counts(&after).values().all(|count| *count == 1), "{when}: {:?}", counts(&after));
        if over {
            assert!(operation > 10, "there is something to fail");
            break;
        }
    }
}

/// On real threads and a real disk: the compaction is in the middle of anything when its topic goes.
#[tokio::test]
async fn a_topic_that_is_deleted_while_it_is_compacted_leaves_nothing_to_its_successor() {
    let server = Server::with(|config| {
        config.compaction_check_interval = Duration::from_millis(1);
        config.durability = Durability::Os;
    });
    let server = server.await;
    let mut client = server.client().await;
    for round in 0..30 {
        client.create("c", 1, SMALL).await;
        assert_eq!(everything(&mut client).await, [], "round {round}");
        fill(&mut client, 4).await;
        pass(Duration::from_micros(300 * round)).await;
        assert_nothing_is_lost_of_four_rounds(&everything(&mut client).await);
        client.delete("c").await;
    }
    server.running.shutdown().await;
}

fn assert_nothing_is_lost_of_four_rounds(found: &[(i64, String, Option<String>)]) {
    for key in 0..5 {
        let newest = found.iter().rev().find(|(_, name, _)| *name == format!("key-{key}")).unwrap();
        assert_eq!(newest.2.as_deref(), Some(value(3).as_str()));
    }
}
