//! Settings that groups have of their own.

use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::Operation;
use headwater_model::ErrorCode;
use headwater_wire::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource as ReplacedResource, AlterableConfig as ReplacedConfig,
};
use headwater_wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use headwater_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};
use headwater_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use headwater_wire::messages::list_config_resources::ListConfigResourcesRequest;
use tokio::io::DuplexStream;

use super::fixture::{World, pass};
use crate::harness::Client;

const GROUP: i8 = 32;
const SET: i8 = 0;
const DELETE: i8 = 1;
const SESSION: &str = "consumer.session.timeout.ms";
const INTERVAL: &str = "consumer.heartbeat.interval.ms";

/// Changes settings of a group; gives the code and the message.
async fn try_alter(
    client: &mut Client<DuplexStream>,
    group: &str,
    changes: &[(&str, i8, Option<&str>)],
    validate_only: bool,
) -> (ErrorCode, String) {
    let config = |(name, config_operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
        name: (*name).to_owned(),
        config_operation: *config_operation,
        value: value.map(str::to_owned),
    };
    let resource = AlterConfigsResource {
        resource_type: GROUP,
        resource_name: group.to_owned(),
        configs: changes.iter().map(config).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only };
    let response = client.call(1, &request).await.responses.remove(0);
    (ErrorCode::from_code(response.error_code), response.error_message.unwrap_or_default())
}

/// Gives settings to the group "g".
pub(super) async fn set(client: &mut Client<DuplexStream>, settings: &[(&str, &str)]) {
    let changes: Vec<_> = settings.iter().map(|(name, value)| (*name, SET, Some(*value))).collect();
    assert_eq!(try_alter(client, "g", &changes, false).await, (ErrorCode::None, String::new()));
}

async fn replace(client: &mut Client<DuplexStream>, settings: &[(&str, &str)]) -> ErrorCode {
    let config = |(name, value): &(&str, &str)| ReplacedConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    };
    let resource = ReplacedResource {
        resource_type: GROUP,
        resource_name: "g".to_owned(),
        configs: settings.iter().map(config).collect(),
    };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
    ErrorCode::from_code(client.call(2, &request).await.responses.remove(0).error_code)
}

async fn describe(
    client: &mut Client<DuplexStream>,
    group: &str,
    names: Option<&[&str]>,
) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource {
        resource_type: GROUP,
        resource_name: group.to_owned(),
        configuration_keys: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
    };
    let request =
        DescribeConfigsRequest { resources: vec![resource], include_synonyms: true, ..Default::default() };
    client.call(4, &request).await.results.remove(0)
}

/// The value and the source of one setting of the group "g".
async fn setting(client: &mut Client<DuplexStream>, name: &str) -> (String, i8) {
    let found = describe(client, "g", Some(&[name])).await.configs.remove(0);
    (found.value.unwrap(), found.config_source)
}

async fn listed(client: &mut Client<DuplexStream>, types: &[i8]) -> Vec<(String, i8)> {
    let request = ListConfigResourcesRequest { resource_types: types.to_vec() };
    let response = client.call(1, &request).await;
    assert_eq!(response.error_code, 0);
    let resources = response.config_resources.into_iter();
    resources.map(|resource| (resource.resource_name, resource.resource_type)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_group_that_does_not_exist_has_the_brokers_settings_and_can_be_given_its_own() {
    let mut world = World::with(|config| {
        config.set_for_groups("group.share.record.lock.duration.ms", "20000").unwrap();
    })
    .await;
    let mut client = world.client();
    let all = describe(&mut client, "g", None).await;
    let shown = |config: &DescribeConfigsResourceResult| {
        format!("{}={} {}", config.name, config.value.as_deref().unwrap(), config.config_source)
    };
    let configs: Vec<_> = all.configs.iter().map(shown).collect();
    assert_eq!(
        configs,
        [
            "consumer.assignment.interval.ms=0 5",
            "consumer.heartbeat.interval.ms=5000 5",
            "consumer.session.timeout.ms=45000 5",
            "errors.deadletterqueue.copy.record.enable=false 5",
            "errors.deadletterqueue.topic.name= 5",
            "share.assignment.interval.ms=0 5",
            "share.auto.offset.reset=latest 5",
            "share.delivery.count.limit=5 5",
            "share.heartbeat.interval.ms=5000 5",
            "share.isolation.level=read_uncommitted 5",
            "share.partition.max.record.locks=2000 5",
            "share.record.lock.duration.ms=20000 4",
            "share.renew.acknowledge.enable=true 5",
            "share.session.timeout.ms=45000 5",
            "streams.assignment.interval.ms=0 5",
            "streams.heartbeat.interval.ms=5000 5",
            "streams.initial.rebalance.delay.ms=0 5",
            "streams.num.standby.replicas=0 5",
            "streams.session.timeout.ms=45000 5",
        ]
    );
    assert!(all.configs.iter().all(|config| !config.read_only));

    set(&mut client, &[(SESSION, " 50000 "), ("share.auto.offset.reset", "earliest")]).await;
    let found = describe(&mut client, "g", Some(&[SESSION])).await.configs.remove(0);
    let synonyms: Vec<_> = found
        .synonyms
        .iter()
        .map(|one| (one.name.as_str(), one.value.as_deref().unwrap(), one.source))
        .collect();
    assert_eq!((found.value.as_deref(), found.config_source, found.config_type), (Some("50000"), 8, 3));
    assert_eq!(synonyms, [(SESSION, "50000", 8), ("group.consumer.session.timeout.ms", "45000", 5)]);
    assert_eq!(setting(&mut client, INTERVAL).await, ("5000".to_owned(), 5), "the others are the broker's");

    let (code, message) = try_alter(&mut client, "g", &[(SESSION, DELETE, None)], false).await;
    assert_eq!(code, ErrorCode::None, "{message}");
    assert_eq!(setting(&mut client, SESSION).await, ("45000".to_owned(), 5));
    assert_eq!(setting(&mut client, "share.auto.offset.reset").await, ("earliest".to_owned(), 8));
    assert_eq!(replace(&mut client, &[("streams.num.standby.replicas", "1")]).await, ErrorCode::None);
    assert_eq!(setting(&mut client, "share.auto.offset.reset").await, ("latest".to_owned(), 5));
    assert_eq!(setting(&mut client, "streams.num.standby.replicas").await, ("1".to_owned(), 8));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_with_what_can_and_nothing_is_changed() {
    let mut world = World::new().await;
    let mut client = world.client();
    for (group, name, value, error, word) in [
        ("g", "consumer.colour", Some("red"), ErrorCode::InvalidConfig, "unknown"),
        ("g", SESSION, Some("1000"), ErrorCode::InvalidConfig, "from 45000 to 60000"),
        ("g", SESSION, Some("soon"), ErrorCode::InvalidConfig, "whole number"),
        ("g", SESSION, None, ErrorCode::InvalidRequest, "no value"),
        ("g", "share.auto.offset.reset", Some("by_duration:1h"), ErrorCode::InvalidConfig, "PnDTnHnMn.nS"),
        ("", SESSION, Some("50000"), ErrorCode::InvalidRequest, "empty"),
        (&"g".repeat(1_025), SESSION, Some("50000"), ErrorCode::InvalidGroupId, "1024 bytes"),
    ] {
        let changes = [("streams.num.standby.replicas", SET, Some("1")), (name, SET, value)];
        let (code, message) = try_alter(&mut client, group, &changes, false).await;
        assert_eq!(code, error, "{name}: {message}");
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(replace(&mut client, &[(SESSION, "1")]).await, ErrorCode::InvalidConfig);
    let (code, _) = try_alter(&mut client, "g", &[(SESSION, SET, Some("50000"))], true).await;
    assert_eq!(code, ErrorCode::None, "it could be done");
    assert!(listed(&mut client, &[GROUP]).await.is_empty());
    assert_eq!(describe(&mut client, "", None).await.error_code, ErrorCode::InvalidRequest.code());
}

#[tokio::test(start_paused = true)]
async fn the_groups_that_have_settings_are_listed() {
    let mut world = World::new().await;
    let mut client = world.client();
    set(&mut client, &[(SESSION, "50000")]).await;
    assert_eq!(listed(&mut client, &[GROUP]).await, [("g".to_owned(), GROUP)]);
    let all = [("t", 2), ("1", 4), ("1", 8), ("g", GROUP)];
    assert_eq!(listed(&mut client, &[]).await, all.map(|(name, kind)| (name.to_owned(), kind)));
    let unknown = ListConfigResourcesRequest { resource_types: vec![3] };
    assert_eq!(client.call(1, &unknown).await.error_code, ErrorCode::UnsupportedVersion.code());
    assert!(client.call(0, &ListConfigResourcesRequest::default()).await.config_resources.is_empty());
    assert_eq!(replace(&mut client, &[]).await, ErrorCode::None);
    assert!(listed(&mut client, &[GROUP]).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_groups_settings_survive_orderly_ends_and_power_losses() {
    let mut world = World::new().await;
    for round in 0..4 {
        let value = (50_000 + round).to_string();
        set(&mut world.client(), &[(SESSION, &value)]).await;
        if round % 2 == 0 {
            world.restart().await;
        } else {
            world.crash().await;
        }
        assert_eq!(setting(&mut world.client(), SESSION).await, (value, 8));
    }
    assert_eq!(replace(&mut world.client(), &[]).await, ErrorCode::None);
    world.crash().await;
    assert_eq!(setting(&mut world.client(), SESSION).await, ("45000".to_owned(), 5));
}

#[tokio::test(start_paused = true)]
async fn settings_that_may_not_be_durable_are_refused_and_do_not_count_before_the_next_start() {
    let mut world = World::new().await;
    let mut client = world.client();
    set(&mut client, &[(SESSION, "50000")]).await;
    world.disk.fail_next(Operation::Sync, ErrorKind::Other);
    let (code, message) = try_alter(&mut client, "g", &[(SESSION, SET, Some("55000"))], false).await;
    assert_eq!(code, ErrorCode::KafkaStorageError);
    assert!(message.contains("metadata log"), "{message}");
    assert_eq!(setting(&mut client, SESSION).await, ("50000".to_owned(), 8));
    world.crash().await;
    let (kept, _) = setting(&mut world.client(), SESSION).await;
    assert!(["50000", "55000"].contains(&kept.as_str()), "{kept}");
    set(&mut world.client(), &[(SESSION, "60000")]).await;
}

/// A heartbeat of the member "m" of the consumer group "g"; gives the error, the epoch and the interval.
async fn beat(client: &mut Client<DuplexStream>, epoch: i32) -> (ErrorCode, i32, i32) {
    let request = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
        member_epoch: epoch,
        rebalance_timeout_ms: 10_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let response = client.call(1, &request).await;
    let error = ErrorCode::from_code(response.error_code);
    (error, response.member_epoch, response.heartbeat_interval_ms)
}

#[tokio::test(start_paused = true)]
async fn members_live_by_their_groups_times_from_the_next_heartbeat_on() {
    let mut world = World::new().await;
    let mut client = world.client();
    let (error, epoch, interval) = beat(&mut client, 0).await;
    assert_eq!((error, interval), (ErrorCode::None, 5_000));
    set(&mut client, &[(SESSION, "60000"), (INTERVAL, "9000")]).await;
    assert_eq!(beat(&mut client, epoch).await, (ErrorCode::None, epoch, 9_000));
    pass(Duration::from_secs(59)).await;
    assert_eq!(beat(&mut client, epoch).await.0, ErrorCode::None, "it is not out after 45 s");

    world.crash().await;
    let mut client = world.client();
    pass(Duration::from_secs(59)).await;
    assert_eq!(beat(&mut client, epoch).await, (ErrorCode::None, epoch, 9_000), "nor after a restart");
    assert_eq!(replace(&mut client, &[]).await, ErrorCode::None);
    assert_eq!(beat(&mut client, epoch).await, (ErrorCode::None, epoch, 5_000));
    pass(Duration::from_secs(46)).await;
    assert_eq!(beat(&mut client, epoch).await.0, ErrorCode::UnknownMemberId);
}
