//! Topics that change while they are used: more partitions, other settings, records deleted by hand; and what is told of
//! the data folder.

use headwater_model::ErrorCode;
use headwater_wire::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource as ReplacedResource, AlterableConfig as ReplacedConfig,
};
use headwater_wire::messages::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use headwater_wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use headwater_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use headwater_wire::messages::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use headwater_wire::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsRequestCursor, TopicRequest,
};
use headwater_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use headwater_wire::messages::list_partition_reassignments::ListPartitionReassignmentsRequest;
use headwater_wire::messages::metadata::MetadataRequest;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::groups::fixture::World;
use crate::harness::{Client, Server, batch, fetch_request, numbered, only_partition, values};

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;

fn error(code: i16) -> ErrorCode {
    ErrorCode::from_code(code)
}

async fn grow<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    version: i16,
    wishes: &[(&str, i32)],
    validate_only: bool,
) -> Vec<ErrorCode> {
    let topic = |(name, count): &(&str, i32)| CreatePartitionsTopic {
        name: (*name).to_owned(),
        count: *count,
        assignments: None,
    };
    let topics = wishes.iter().map(topic).collect();
    let request = CreatePartitionsRequest { topics, timeout_ms: 5_000, validate_only };
    let response = client.call(version, &request).await;
    response.results.iter().map(|result| error(result.error_code)).collect()
}

async fn partitions<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Client<S>, name: &str) -> usize {
    let response = client.call(12, &MetadataRequest { topics: None, ..Default::default() }).await;
    response.topics.iter().find(|topic| topic.name.as_deref() == Some(name)).unwrap().partitions.len()
}

/// Changes settings of a topic one by one; gives the code and the message.
async fn alter<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    topic: &str,
    changes: &[(&str, i8, Option<&str>)],
) -> (ErrorCode, String) {
    let config = |(name, config_operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
        name: (*name).to_owned(),
        config_operation: *config_operation,
        value: value.map(str::to_owned),
    };
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: topic.to_owned(),
        configs: changes.iter().map(config).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let response = client.call(1, &request).await.responses.remove(0);
    (error(response.error_code), response.error_message.unwrap_or_default())
}

async fn config<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    topic: &str,
    name: &str,
) -> (String, i8) {
    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: topic.to_owned(),
        configuration_keys: Some(vec![name.to_owned()]),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let found = client.call(4, &request).await.results.remove(0).configs.remove(0);
    (found.value.unwrap(), found.config_source)
}

async fn delete_records<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    version: i16,
    topic: &str,
    before: i64,
) -> (ErrorCode, i64) {
    let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset: before }];
    let request = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic { name: topic.to_owned(), partitions }],
        timeout_ms: 5_000,
    };
    let answer = client.call(version, &request).await.topics.remove(0).partitions.remove(0);
    (error(answer.error_code), answer.low_watermark)
}

#[tokio::test]
async fn a_topic_grows_while_it_is_used() {
    let server = Server::start().await;
    let (mut client, mut waiting) = (server.client().await, server.client().await);
    client.create("t", 1, &[("retention.ms", "-1")]).await;
    client.produce_value("t", 0, "a").await;
    waiting.send(12, &fetch_request("t", 0, 1, 15_000)).await;
    for (version, count) in (0..=3).zip(2..) {
        assert_eq!(grow(&mut client, version, &[("t", count + 1)], true).await, [ErrorCode::None]);
        assert_eq!(grow(&mut client, version, &[("t", count)], false).await, [ErrorCode::None], "v{version}");
        assert_eq!(partitions(&mut client, "t").await, count as usize);
        assert_eq!(client.produce_value("t", count - 1, "new").await.0, 0);
    }
    client.produce_value("t", 0, "b").await;
    let (_, woken) = waiting.receive::<headwater_wire::messages::fetch::FetchRequest>(12).await;
    assert_eq!(values(&only_partition(woken)), ["b"], "who waits on an old partition goes on waiting");
    assert_eq!(config(&mut client, "t", "retention.ms").await, ("-1".to_owned(), 1));
}

#[tokio::test]
async fn growth_is_refused_by_kafkas_rules_and_each_topic_answered_for_itself() {
    let server = Server::with(|config| config.limits.max_partitions_per_topic = 10).await;
    let mut client = server.client().await;
    client.create("t", 3, &[]).await;
    client.create("u", 1, &[]).await;
    let wishes =
        [("t", 3), ("u", 2), ("nowhere", 2), ("no name", 2), ("__consumer_offsets", 9), ("v", 1), ("v", 2)];
    assert_eq!(
        grow(&mut client, 3, &wishes, false).await,
        [
            ErrorCode::InvalidPartitions,
            ErrorCode::None,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::InvalidTopicException,
            ErrorCode::InvalidRequest,
        ]
    );
    for count in [-1, 0, 2, 11, i32::MAX] {
        assert_eq!(grow(&mut client, 3, &[("t", count)], false).await, [ErrorCode::InvalidPartitions]);
    }
    let placed = |brokers: &[i32]| CreatePartitionsRequest {
        topics: vec![CreatePartitionsTopic {
            name: "t".to_owned(),
            count: 4,
            assignments: Some(vec![CreatePartitionsAssignment { broker_ids: brokers.to_vec() }]),
        }],
        ..Default::default()
    };
    let elsewhere = client.call(3, &placed(&[2])).await.results.remove(0);
    assert_eq!(error(elsewhere.error_code), ErrorCode::InvalidReplicaAssignment);
    assert_eq!(client.call(3, &placed(&[1])).await.results[0].error_code, 0);
    assert_eq!(partitions(&mut client, "t").await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_power_loss_while_a_topic_grows_leaves_all_new_partitions_or_none() {
    let (mut grown, mut not) = (0, 0);
    for round in 0..25 {
        let mut world = World::new().await;
        let mut client = world.client();
        client.create("g", 2, &[]).await;
        client.produce_value("g", 1, "v").await;
        world.disk.power_fails_at(world.disk.operations() + round);
        let outcome = grow(&mut client, 3, &[("g", 5)], false).await;
        world.crash().await;
        let mut client = world.client();
        let count = partitions(&mut client, "g").await;
        assert!(count == 5 || (count == 2 && outcome != [ErrorCode::None]), "{round}: {count}, {outcome:?}");
        grown += usize::from(count == 5);
        not += usize::from(count == 2);
        for partition in 0..count as i32 {
            client.produce_value("g", partition, "after").await;
        }
        assert_eq!(client.values("g", 1, 0).await, ["v", "after"]);
    }
    assert!(grown > 0 && not > 0, "{grown} {not}");
}

#[tokio::test]
async fn settings_take_effect_at_once_and_survive_a_restart() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("s", 1, &[("segment.ms", "60000")]).await;
    client.produce_value("s", 0, "v").await;
    let small = [("max.message.bytes", SET, Some("100"))];
    assert_eq!(alter(&mut client, "s", &small).await.0, ErrorCode::None);
    let large = "x".repeat(200);
    let refused = client.produce("s", 0, batch(&[&large])).await;
    assert_eq!(error(refused.error_code), ErrorCode::MessageTooLarge);
    let changes = [
        ("max.message.bytes", DELETE, None),
        ("segment.ms", DELETE, None),
        ("message.timestamp.type", SET, Some("LogAppendTime")),
        ("compression.type", SET, Some("zstd")),
        ("cleanup.policy", APPEND, Some("compact")),
    ];
    assert_eq!(alter(&mut client, "s", &changes).await.0, ErrorCode::None);
    let produced = client.produce("s", 0, batch(&[&large])).await;
    assert_eq!(produced.error_code, 0);
    assert!(produced.log_append_time_ms > 0);
    for round in 0..2 {
        assert_eq!(
            config(&mut client, "s", "cleanup.policy").await,
            ("delete,compact".to_owned(), 1),
            "{round}"
        );
        assert_eq!(config(&mut client, "s", "segment.ms").await, ("604800000".to_owned(), 5));
        world.restart().await;
        client = world.client();
    }
    let data = client.fetch("s", 0, 1, 0).await.records.unwrap().to_bytes().unwrap();
    let stored = headwater_wire::batch::Batch::parse(&data).unwrap();
    assert_eq!(stored.compression().unwrap(), headwater_wire::batch::Compression::Zstd);
}

#[tokio::test]
async fn alterations_are_refused_by_kafkas_rules_and_change_nothing() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    for (changes, expected) in [
        (vec![("colour", SET, Some("red"))], ErrorCode::InvalidConfig),
        (vec![("retention.ms", SET, Some("5")), ("segment.ms", SET, Some("soon"))], ErrorCode::InvalidConfig),
        (vec![("retention.ms", APPEND, Some("5"))], ErrorCode::InvalidConfig),
        (vec![("retention.ms", SET, None)], ErrorCode::InvalidRequest),
        (vec![("retention.ms", 7, Some("5"))], ErrorCode::InvalidRequest),
        (vec![("retention.ms", SET, Some("5")), ("retention.ms", DELETE, None)], ErrorCode::InvalidRequest),
    ] {
        let (code, message) = alter(&mut client, "t", &changes).await;
        assert_eq!(code, expected, "{changes:?}");
        assert!(!message.is_empty());
    }
    assert_eq!(alter(&mut client, "nowhere", &[]).await.0, ErrorCode::UnknownTopicOrPartition);
    assert_eq!(alter(&mut client, "__headwater_metadata", &[]).await.0, ErrorCode::UnknownTopicOrPartition);
    assert_eq!(config(&mut client, "t", "retention.ms").await, ("604800000".to_owned(), 5));

    let resource = |resource_type, name: &str| AlterConfigsResource {
        resource_type,
        resource_name: name.to_owned(),
        configs: Vec::new(),
    };
    let resources =
        vec![resource(2, "t"), resource(2, "t"), resource(4, "1"), resource(4, "7"), resource(8, "x")];
    let request = IncrementalAlterConfigsRequest { resources, validate_only: false };
    let codes: Vec<_> =
        client.call(0, &request).await.responses.iter().map(|one| error(one.error_code)).collect();
    assert_eq!(codes, [ErrorCode::InvalidRequest; 5]);
}

#[tokio::test]
async fn the_older_alteration_replaces_all_settings() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[("retention.ms", "5"), ("segment.ms", "6")]).await;
    let replace = |configs: &[(&str, Option<&str>)], validate_only| {
        let config = |(name, value): &(&str, Option<&str>)| ReplacedConfig {
            name: (*name).to_owned(),
            value: value.map(str::to_owned),
        };
        let resource = ReplacedResource {
            resource_type: 2,
            resource_name: "t".to_owned(),
            configs: configs.iter().map(config).collect(),
        };
        AlterConfigsRequest { resources: vec![resource], validate_only }
    };
    for version in 0..=2 {
        let request = replace(&[("retention.ms", Some("9"))], true);
        assert_eq!(client.call(version, &request).await.responses[0].error_code, 0);
        assert_eq!(config(&mut client, "t", "retention.ms").await, ("5".to_owned(), 1), "validated only");
    }
    for (configs, expected) in [
        (vec![("colour", Some("red"))], ErrorCode::InvalidConfig),
        (vec![("retention.ms", None)], ErrorCode::InvalidRequest),
        (vec![("retention.ms", Some("1")), ("retention.ms", Some("2"))], ErrorCode::InvalidRequest),
        (vec![("retention.ms", Some("9"))], ErrorCode::None),
    ] {
        let response = client.call(2, &replace(&configs, false)).await;
        assert_eq!(error(response.responses[0].error_code), expected, "{configs:?}");
    }
    assert_eq!(config(&mut client, "t", "retention.ms").await, ("9".to_owned(), 1));
    assert_eq!(config(&mut client, "t", "segment.ms").await, ("604800000".to_owned(), 5), "it was not given");
}

#[tokio::test(start_paused = true)]
async fn lowered_retention_deletes_at_the_next_check() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("r", 1, &[("retention.ms", "-1")]).await;
    client.produce_value("r", 0, "old").await;
    tokio::time::advance(std::time::Duration::from_secs(700)).await;
    assert_eq!(client.values("r", 0, 0).await, ["old"]);
    assert_eq!(alter(&mut client, "r", &[("retention.ms", SET, Some("1"))]).await.0, ErrorCode::None);
    tokio::time::advance(std::time::Duration::from_secs(301)).await;
    let gone = client.fetch("r", 0, 0, 0).await;
    assert_eq!((error(gone.error_code), gone.log_start_offset), (ErrorCode::OffsetOutOfRange, 1));
    world.restart().await;
    assert_eq!(world.client().produce_value("r", 0, "new").await.0, 1, "offsets go on");
}

#[tokio::test(start_paused = true)]
async fn records_are_deleted_up_to_an_offset_for_good() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("d", 1, &[]).await;
    client.create("compacted", 1, &[("cleanup.policy", "compact")]).await;
    let id = headwater_model::ProducerId(7);
    for n in 0..5 {
        let produced = client.produce("d", 0, numbered(id, 0, n, &[&n.to_string()])).await;
        assert_eq!(produced.error_code, 0);
    }
    for (version, before) in (0..=2).zip(1..) {
        assert_eq!(delete_records(&mut client, version, "d", before).await, (ErrorCode::None, before));
        assert_eq!(
            delete_records(&mut client, version, "d", 0).await,
            (ErrorCode::None, before),
            "never back"
        );
    }
    for (topic, before, expected) in [
        ("d", 6, ErrorCode::OffsetOutOfRange),
        ("d", -2, ErrorCode::OffsetOutOfRange),
        ("nowhere", 0, ErrorCode::UnknownTopicOrPartition),
        ("compacted", 0, ErrorCode::PolicyViolation),
        ("__headwater_metadata", -1, ErrorCode::UnknownTopicOrPartition),
    ] {
        assert_eq!(delete_records(&mut client, 2, topic, before).await, (expected, -1), "{topic} {before}");
    }
    world.crash().await;
    let mut client = world.client();
    assert_eq!(error(client.fetch("d", 0, 2, 0).await.error_code), ErrorCode::OffsetOutOfRange);
    assert_eq!(client.values("d", 0, 3).await, ["3", "4"]);
    assert_eq!(client.offset("d", 0, -2).await.offset, 3);
    assert_eq!(delete_records(&mut client, 2, "d", -1).await, (ErrorCode::None, 5));
    let repeat = client.produce("d", 0, numbered(id, 0, 4, &["4"])).await;
    assert_eq!((repeat.error_code, repeat.base_offset), (0, 4), "producers' numbers outlive their records");
    assert_eq!(client.produce("d", 0, numbered(id, 0, 5, &["5"])).await.base_offset, 5);
}

#[tokio::test]
async fn the_data_folder_is_described() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 2, &[]).await;
    client.produce_value("t", 1, "v").await;
    let size = batch(&["v"]).len() as i64;
    for version in 1..=4 {
        let all = client.call(version, &DescribeLogDirsRequest { topics: None }).await;
        let dir = &all.results[0];
        assert_eq!(all.results.len(), 1);
        assert!(dir.topics.iter().all(|topic| !topic.name.starts_with("__headwater")), "{dir:?}");
        let topic = dir.topics.iter().find(|topic| topic.name == "t").unwrap();
        let sizes: Vec<_> = topic.partitions.iter().map(|p| (p.partition_index, p.partition_size)).collect();
        assert_eq!(sizes, [(0, 0), (1, size)], "v{version}");
        assert_eq!(dir.total_bytes > 0 && dir.usable_bytes > 0, version >= 4);
    }
    let asked = |topic: &str, partitions: &[i32]| DescribableLogDirTopic {
        topic: topic.to_owned(),
        partitions: partitions.to_vec(),
    };
    let topics = Some(vec![asked("t", &[1, 7]), asked("nowhere", &[0])]);
    let some = client.call(4, &DescribeLogDirsRequest { topics }).await.results.remove(0);
    assert_eq!(some.topics.len(), 1);
    assert_eq!(some.topics[0].partitions.len(), 1);
}

#[tokio::test]
async fn partitions_are_described_in_pages() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("a", 3, &[]).await;
    client.create("b", 2, &[]).await;
    let mut request = DescribeTopicPartitionsRequest { response_partition_limit: 2, ..Default::default() };
    let mut pages = Vec::new();
    loop {
        let page = client.call(0, &request).await;
        pages.push(
            page.topics
                .iter()
                .flat_map(|topic| {
                    let name = topic.name.clone().unwrap();
                    topic.partitions.iter().map(move |p| format!("{name}-{}", p.partition_index))
                })
                .collect::<Vec<_>>()
                .join(" "),
        );
        let Some(next) = page.next_cursor else { break };
        let (topic_name, partition_index) = (next.topic_name, next.partition_index);
        request.cursor = Some(DescribeTopicPartitionsRequestCursor { topic_name, partition_index });
    }
    assert_eq!(pages, ["a-0 a-1", "a-2 b-0", "b-1"]);
    let named = ["b", "nowhere", "__headwater_metadata", "no name"];
    let topics = named.iter().map(|name| TopicRequest { name: (*name).to_owned() }).collect();
    let page = client.call(0, &DescribeTopicPartitionsRequest { topics, ..Default::default() }).await;
    let codes: Vec<_> =
        page.topics.iter().map(|t| (t.name.as_deref().unwrap(), error(t.error_code))).collect();
    assert_eq!(
        codes,
        [
            ("__headwater_metadata", ErrorCode::UnknownTopicOrPartition),
            ("b", ErrorCode::None),
            ("no name", ErrorCode::InvalidTopicException),
            ("nowhere", ErrorCode::UnknownTopicOrPartition),
        ]
    );
    assert_eq!((page.topics[1].partitions.len(), page.topics[1].partitions[0].leader_id), (2, 1));
    let partition = &page.topics[1].partitions[0];
    let eligible = (partition.eligible_leader_replicas.as_deref(), partition.last_known_elr.as_deref());
    assert_eq!(eligible, (Some(&[][..]), Some(&[][..])), "Java's client fails on null");
    let moved = client.call(0, &ListPartitionReassignmentsRequest::default()).await;
    assert!(moved.topics.is_empty() && moved.error_code == 0);
}
