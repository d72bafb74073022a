//! Under simulation: failing disks, and the same seed giving the same trace.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::{FaultRates, Operation};
use headwater_model::{Entropy, ErrorCode};
use headwater_wire::messages::fetch::FetchRequest;

use crate::groups::fixture::{World, pass};
use crate::harness::{batch, fetch_request, produce_request};

fn error(code: i16) -> ErrorCode {
    ErrorCode::from_code(code)
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_poisons_the_partition_and_reads_go_on() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.produce_value("t", 0, "durable").await;
    client.produce_value("t", 1, "elsewhere").await;
    world.disk.fail_next(Operation::Sync, ErrorKind::Other);
    let failed = client.produce("t", 0, batch(&["doubtful"])).await;
    assert_eq!(error(failed.error_code), ErrorCode::KafkaStorageError);
    assert!(
        failed.error_message.unwrap().contains("were written"),
        "the client is told that it may be there"
    );
    let refused = client.produce("t", 0, batch(&["late"])).await;
    assert_eq!(error(refused.error_code), ErrorCode::KafkaStorageError);
    assert_eq!(client.values("t", 0, 0).await, ["durable"], "what is not durable is not seen");
    client.produce_value("t", 1, "still").await;
    assert_eq!(client.values("t", 1, 0).await, ["elsewhere", "still"]);

    world.restart().await;
    let mut client = world.client();
    let kept = client.values("t", 0, 0).await;
    assert!(kept == ["durable"] || kept == ["durable", "doubtful"], "{kept:?}");
    client.produce_value("t", 0, "again").await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_answers_those_who_wait_for_the_sync_too() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.send(9, &produce_request("t", 0, -1, batch(&["first"]))).await;
    client.send(9, &produce_request("t", 0, -1, batch(&["second"]))).await;
    world.disk.fail_next(Operation::Write, ErrorKind::Other);
    for _ in 0..2 {
        let (_, response) = client.receive::<headwater_wire::messages::produce::ProduceRequest>(9).await;
        let code = response.responses[0].partition_responses[0].error_code;
        assert_eq!(error(code), ErrorCode::KafkaStorageError);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_and_recovers_once_there_is_room() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.produce_value("t", 0, "before").await;
    world.disk.fail_next(Operation::Write, ErrorKind::StorageFull);
    let full = client.produce("t", 0, batch(&["too much"])).await;
    assert_eq!(error(full.error_code), ErrorCode::KafkaStorageError);
    client.produce_value("t", 0, "after").await;
    assert_eq!(client.values("t", 0, 0).await, ["before", "after"]);
}

#[tokio::test(start_paused = true)]
async fn a_metadata_log_that_fails_makes_no_topics_and_loses_none() {
    let mut world = World::new().await;
    let mut client = world.client();
    world.disk.fail_next(Operation::Sync, ErrorKind::Other);
    assert_eq!(client.try_create("u", 1, &[]).await, ErrorCode::KafkaStorageError);
    assert_eq!(client.try_create("u", 1, &[]).await, ErrorCode::KafkaStorageError);
    client.produce_value("t", 0, "v").await;
    world.restart().await;
    let mut client = world.client();
    assert_eq!(client.values("t", 0, 0).await, ["v"]);
    let outcome = client.try_create("u", 1, &[]).await;
    assert!([ErrorCode::None, ErrorCode::TopicAlreadyExists].contains(&outcome), "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_a_waiting_one_is_not() {
    let mut world = World::with(|config| config.limits.max_idle = Duration::from_mins(1)).await;
    let (mut idle, mut waiting) = (world.client(), world.client());
    idle.values("t", 0, 0).await;
    pass(Duration::from_secs(55)).await;
    waiting.send(12, &fetch_request("t", 0, 0, 100_000)).await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(idle.receive_frame().await, None);
    pass(Duration::from_secs(80)).await;
    world.client().produce_value("t", 0, "v").await;
    let (_, response) = waiting.receive::<FetchRequest>(12).await;
    assert_eq!(response.responses[0].partitions[0].high_watermark, 1);
}

/// Clients at work over a disk that fails now and then; everything that they see, with the time at which they see it.
async fn trace(seed: u64) -> String {
    let mut world = World::new().await;
    let started = tokio::time::Instant::now();
    let rates = FaultRates { write: 2_000, sync: 2_000, ..FaultRates::default() };
    world.disk.set_fault_rates(rates);
    let mut entropy = Entropy::from_seed(seed);
    let mut clients: Vec<_> = (0..4).map(|_| world.client()).collect();
    let mut trace = String::new();
    for step in 0..200 {
        let client = &mut clients[entropy.below(4) as usize];
        let partition = entropy.below(3) as i32;
        let seen = match entropy.below(5) {
            0 => format!("{:?}", client.try_create(&format!("topic-{step}"), 2, &[]).await),
            1 | 2 => format!("{:?}", client.produce("t", partition, batch(&[&step.to_string()])).await),
            3 => format!(
                "{:?}",
                client.fetch("t", partition, 0, entropy.below(500) as i32).await.high_watermark
            ),
            _ => format!("{:?}", client.offset("t", partition, -1).await),
        };
        writeln!(trace, "{:?} {seen}", started.elapsed()).unwrap();
        pass(Duration::from_millis(entropy.below(20))).await;
    }
    writeln!(trace, "{} changes to the disk", world.disk.operations()).unwrap();
    trace
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_trace() {
    for seed in 0..5 {
        let first = trace(seed).await;
        assert_eq!(first, trace(seed).await, "seed {seed}");
        assert_ne!(first, trace(seed + 100).await);
    }
}
