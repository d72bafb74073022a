//! Records that a group cannot process are told of in its dead-letter topic.

use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::Operation;
use headwater_model::ErrorCode;
use headwater_wire::messages::delete_groups::DeleteGroupsRequest;
use headwater_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use tokio::io::DuplexStream;

use super::fixture::{ACCEPT, REJECT, RELEASE, Taker};
use crate::groups::fixture::{World, pass};
use crate::harness::Client;

const TOPIC: i8 = 2;
const GROUP: i8 = 32;

async fn set(
    client: &mut Client<DuplexStream>,
    kind: i8,
    name: &str,
    settings: &[(&str, &str)],
) -> ErrorCode {
    let one = |(name, value): &(&str, &str)| AlterableConfig {
        name: (*name).to_owned(),
        config_operation: 0,
        value: Some((*value).to_owned()),
    };
    let resource = AlterConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configs: settings.iter().map(one).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    ErrorCode::from_code(client.call(1, &request).await.responses[0].error_code)
}

async fn give_dead_letter_topic(client: &mut Client<DuplexStream>, copies: &str) {
    let settings = [
        ("errors.deadletterqueue.topic.name", "dlq.g"),
        ("errors.deadletterqueue.copy.record.enable", copies),
        ("share.delivery.count.limit", "2"),
    ];
    assert_eq!(set(client, GROUP, "g", &settings).await, ErrorCode::None);
}

/// Key, value, and headers of what is in the dead-letter topic, as text.
async fn letters(client: &mut Client<DuplexStream>) -> Vec<String> {
    pass(Duration::from_secs(10)).await;
    let data = client.fetch("dlq.g", 0, 0, 0).await;
    if data.error_code != 0 {
        return Vec::new();
    }
    let text = |bytes: Option<&[u8]>| {
        bytes.map_or("-".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let mut letters = Vec::new();
    for batch in headwater_wire::batch::batches(data.records.unwrap().to_bytes().unwrap()) {
        for record in batch.unwrap().open(1 << 20).unwrap().records() {
            let record = record.unwrap();
            let headers: Vec<String> = record
                .headers()
                .map(|header| {
                    let (name, value) = header.unwrap();
                    format!("{}={}", name.trim_start_matches("__dlq.errors."), text(value))
                })
                .collect();
            letters.push(format!("{} {} {}", text(record.key), text(record.value), headers.join(" ")));
        }
    }
    letters
}

#[tokio::test(start_paused = true)]
async fn what_is_rejected_or_fails_too_often_is_told_of() {
    let mut world = World::new().await;
    let mut client = world.client();
    give_dead_letter_topic(&mut client, "false").await;
    let mut a = Taker::new(&mut world, "a").await;
    for value in ["0", "1", "2"] {
        client.produce_value("t", 0, value).await;
    }
    a.take().await;
    assert_eq!(a.says(REJECT, 1, 1).await, ErrorCode::None);
    assert_eq!(a.says(ACCEPT, 2, 2).await, ErrorCode::None);
    assert_eq!(a.says(RELEASE, 0, 0).await, ErrorCode::None);
    assert_eq!(a.take_and(RELEASE).await, [(0, "0".to_owned(), 2)]);
    let rejected =
        "- - topic=t partition=0 offset=1 group=g delivery.count=1 message=Offset rejected by client.";
    let exhausted = "- - topic=t partition=0 offset=0 group=g delivery.count=2 \
                     message=Offset delivery count exceeded the threshold.";
    assert_eq!(letters(&mut client).await, [rejected, exhausted]);
    assert_eq!(a.take().await, []);
    // Nothing is told of twice after a restart: what was written is known to be.
    world.crash().await;
    let mut client = world.client();
    assert_eq!(letters(&mut client).await, [rejected, exhausted]);
}

#[tokio::test(start_paused = true)]
async fn records_are_copied_if_the_group_wants_it() {
    let mut world = World::new().await;
    let mut client = world.client();
    give_dead_letter_topic(&mut client, "true").await;
    let mut a = Taker::new(&mut world, "a").await;
    client.produce("t", 0, crate::harness::batch(&["0", "1", "2"])).await;
    a.take().await;
    assert_eq!(a.says(REJECT, 1, 2).await, ErrorCode::None);
    let letters = letters(&mut client).await;
    assert_eq!(letters.len(), 2);
    assert!(letters[0].starts_with("key 1 topic=t partition=0 offset=1 "), "{letters:?}");
    assert!(letters[1].starts_with("key 2 topic=t partition=0 offset=2 "), "{letters:?}");
}

#[tokio::test(start_paused = true)]
async fn a_topic_has_to_be_for_dead_letters_and_is_waited_for() {
    let mut world = World::new().await;
    let mut client = world.client();
    assert_eq!(
        set(&mut client, GROUP, "g", &[("errors.deadletterqueue.topic.name", "t")]).await,
        ErrorCode::InvalidConfig
    );
    client.create("dlq.g", 1, &[]).await;
    give_dead_letter_topic(&mut client, "false").await;
    let mut a = Taker::new(&mut world, "a").await;
    client.produce_value("t", 0, "0").await;
    assert_eq!(a.take_and(REJECT).await.len(), 1);
    assert_eq!(letters(&mut client).await.len(), 0);
    // What is not written yet is not forgotten by a crash.
    world.crash().await;
    let mut client = world.client();
    assert_eq!(letters(&mut client).await.len(), 0);
    let enable = [("errors.deadletterqueue.group.enable", "true")];
    assert_eq!(set(&mut client, TOPIC, "dlq.g", &enable).await, ErrorCode::None);
    assert_eq!(letters(&mut client).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_to_be_copied_is_told_of_without() {
    let mut world = World::new().await;
    let mut client = world.client();
    let settings = [("errors.deadletterqueue.group.enable", "true"), ("max.message.bytes", "2000")];
    client.create("dlq.g", 1, &settings).await;
    give_dead_letter_topic(&mut client, "true").await;
    let mut a = Taker::new(&mut world, "a").await;
    let large = "x".repeat(10_000);
    for value in ["0", &large, "2"] {
        client.produce_value("t", 0, value).await;
    }
    assert_eq!(a.take().await.len(), 3);
    assert_eq!(a.says(REJECT, 0, 2).await, ErrorCode::None);
    let letters = letters(&mut client).await;
    let values: Vec<&str> = letters.iter().map(|letter| letter.split(' ').nth(1).unwrap()).collect();
    assert_eq!(values, ["0", "-", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_deleted_keeps_its_settings() {
    let mut world = World::new().await;
    let mut client = world.client();
    give_dead_letter_topic(&mut client, "false").await;
    let mut a = Taker::new(&mut world, "a").await;
    a.leave().await;
    let delete = DeleteGroupsRequest { groups_names: vec!["g".to_owned()] };
    assert_eq!(client.call(2, &delete).await.results[0].error_code, 0);
    let mut b = Taker::new(&mut world, "b").await;
    client.produce_value("t", 0, "0").await;
    assert_eq!(b.take_and(REJECT).await.len(), 1);
    assert_eq!(letters(&mut client).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_letter_survives_a_loss_of_power_and_a_failing_disk_at_any_moment() {
    for operations in 0..40 {
        for fails in [false, true] {
            let mut world = World::new().await;
            let mut client = world.client();
            give_dead_letter_topic(&mut client, "true").await;
            let mut a = Taker::new(&mut world, "a").await;
            client.produce_value("t", 0, "0").await;
            assert_eq!(a.take().await.len(), 1);
            if fails {
                world.disk.fail_after(operations, Operation::Write, ErrorKind::StorageFull);
            } else {
                world.disk.power_fails_at(world.disk.operations() + operations);
            }
            let said = tokio::time::timeout(Duration::from_secs(20), a.says(REJECT, 0, 0)).await;
            pass(Duration::from_secs(20)).await;
            world.crash().await;
            let mut client = world.client();
            let letters = letters(&mut client).await;
            if said == Ok(ErrorCode::None) {
                assert!(!letters.is_empty(), "operation {operations}");
            }
        }
    }
}
