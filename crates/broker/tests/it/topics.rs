//! Topics: made, shown, configured, removed, by Kafka's rules.

use headwater_broker::BrokerError;
use headwater_model::{ErrorCode, Uuid};
use headwater_wire::messages::api_versions::ApiVersionsRequest;
use headwater_wire::messages::create_topics::CreateTopicsRequest;
use headwater_wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use headwater_wire::messages::describe_cluster::DescribeClusterRequest;
use headwater_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use headwater_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};

use crate::harness::{Client, Server, batch, config, open, topic};

fn error(code: i16) -> ErrorCode {
    ErrorCode::from_code(code)
}

fn ask(names: &[&str], allow_auto_topic_creation: bool) -> MetadataRequest {
    let topics = names
        .iter()
        .map(|name| MetadataRequestTopic { name: Some((*name).to_owned()), ..Default::default() });
    MetadataRequest { topics: Some(topics.collect()), allow_auto_topic_creation, ..Default::default() }
}

fn names(response: &MetadataResponse) -> Vec<&str> {
    response.topics.iter().map(|topic| topic.name.as_deref().unwrap_or("?")).collect()
}

async fn all<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    client: &mut Client<S>,
) -> MetadataResponse {
    client.call(12, &MetadataRequest { topics: None, ..Default::default() }).await
}

#[tokio::test]
async fn every_version_of_metadata_shows_the_broker_and_its_topics() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("b", 3, &[]).await;
    client.create("a", 1, &[]).await;
    for version in 0..=13 {
        let everything = if version == 0 { Some(Vec::new()) } else { None };
        let response =
            client.call(version, &MetadataRequest { topics: everything, ..Default::default() }).await;
        assert_eq!(names(&response), ["a", "b"], "v{version}");
        assert_eq!(response.topics[1].partitions.len(), 3);
        assert!(response.topics[1].partitions.iter().all(|p| p.leader_id == 1 && p.isr_nodes == [1]));
        let broker = &response.brokers[0];
        assert_eq!((broker.node_id, broker.host.as_str()), (1, "127.0.0.1"));
        assert_eq!(broker.port, i32::from(server.running.local_addr().port()));
        if version > 0 {
            let none = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
            assert!(client.call(version, &none).await.topics.is_empty(), "v{version}");
        }
    }
    let cluster = client.call(1, &DescribeClusterRequest { endpoint_type: 1, ..Default::default() }).await;
    assert_eq!(cluster.cluster_id, server.running.broker().cluster_id().to_string());
    assert_eq!(cluster.brokers.len(), 1);
}

#[tokio::test]
async fn topics_are_found_by_id() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    let id = client.call(12, &ask(&["t"], false)).await.topics[0].topic_id;
    assert_ne!(id, Uuid::ZERO);
    let by_id = |topic_id| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { topic_id, name: None }]),
        ..Default::default()
    };
    assert_eq!(names(&client.call(12, &by_id(id)).await), ["t"]);
    let unknown = client.call(12, &by_id(Uuid::from_u64_pair(1, 1))).await;
    assert_eq!(error(unknown.topics[0].error_code), ErrorCode::UnknownTopicId);
}

#[tokio::test]
async fn metadata_makes_missing_topics_only_where_broker_and_client_allow_it() {
    let refusing = Server::start().await;
    let response = refusing.client().await.call(12, &ask(&["t"], true)).await;
    assert_eq!(error(response.topics[0].error_code), ErrorCode::UnknownTopicOrPartition);

    let server = Server::with(|config| {
        config.auto_create_topics = true;
        config.default_partitions = 2;
    })
    .await;
    let mut client = server.client().await;
    let response = client.call(12, &ask(&["t"], false)).await;
    assert_eq!(error(response.topics[0].error_code), ErrorCode::UnknownTopicOrPartition);
    let response = client.call(12, &ask(&["t", "b/d", "__headwater_x", "__consumer_offsets"], true)).await;
    let codes: Vec<_> = response.topics.iter().map(|topic| error(topic.error_code)).collect();
    assert_eq!(codes[..2], [ErrorCode::None, ErrorCode::InvalidTopicException]);
    assert_eq!(codes[2..], [ErrorCode::UnknownTopicOrPartition; 2]);
    assert_eq!(response.topics[0].partitions.len(), 2);
    assert_eq!(client.produce_value("t", 1, "v").await.0, 0);
}

#[tokio::test]
async fn creation_answers_each_topic_for_itself() {
    let server = Server::with(|config| config.limits.max_partitions_per_topic = 10).await;
    let mut client = server.client().await;
    client.create("there", 1, &[]).await;
    let request = CreateTopicsRequest {
        topics: vec![
            topic("new", 2, &[("retention.ms", "-1")]),
            topic("there", 1, &[]),
            topic("no good", 1, &[]),
            topic("many", 11, &[]),
            topic("odd", 1, &[("colour", "red")]),
            topic("wrong", 1, &[("retention.ms", "long")]),
            topic("twice", 1, &[]),
            topic("twice", 2, &[]),
            topic("__headwater_metadata", 1, &[]),
        ],
        ..Default::default()
    };
    let response = client.call(7, &request).await;
    let outcome: Vec<_> = response.topics.iter().map(|t| (t.name.as_str(), error(t.error_code))).collect();
    assert_eq!(
        outcome,
        [
            ("new", ErrorCode::None),
            ("there", ErrorCode::TopicAlreadyExists),
            ("no good", ErrorCode::InvalidTopicException),
            ("many", ErrorCode::InvalidPartitions),
            ("odd", ErrorCode::InvalidConfig),
            ("wrong", ErrorCode::InvalidConfig),
            ("twice", ErrorCode::InvalidRequest),
            ("__headwater_metadata", ErrorCode::InvalidTopicException),
        ]
    );
    let new = &response.topics[0];
    assert_eq!((new.num_partitions, new.replication_factor), (2, 1));
    let config = |name: &str| {
        let configs = new.configs.as_ref().unwrap();
        configs
            .iter()
            .find(|config| config.name == name)
            .map(|c| (c.value.as_deref(), c.config_source))
            .unwrap()
    };
    assert_eq!(config("retention.ms"), (Some("-1"), 1));
    assert_eq!(config("cleanup.policy"), (Some("delete"), 5));
    let message = response.topics[4].error_message.as_deref().unwrap();
    assert_eq!(message, "unknown topic config \"colour\"");
    assert_eq!(names(&all(&mut client).await), ["new", "there"]);
}

#[tokio::test]
async fn validation_alone_makes_nothing() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for version in 2..=7 {
        let request = CreateTopicsRequest {
            topics: vec![topic("t", 1, &[])],
            validate_only: true,
            ..Default::default()
        };
        assert_eq!(error(client.call(version, &request).await.topics[0].error_code), ErrorCode::None);
    }
    assert!(all(&mut client).await.topics.is_empty());
}

#[tokio::test]
async fn a_deleted_topic_is_gone_with_its_records_and_can_be_made_anew() {
    let server = Server::start().await;
    let (mut client, mut waiting) = (server.client().await, server.client().await);
    client.create("t", 2, &[]).await;
    client.produce_value("t", 0, "old").await;
    let first_id = all(&mut client).await.topics[0].topic_id;
    waiting.send(12, &crate::harness::fetch_request("t", 0, 1, 15_000)).await;
    let by_name = |name: &str| DeleteTopicsRequest {
        topic_names: vec![name.to_owned()],
        topics: vec![DeleteTopicState { name: Some(name.to_owned()), topic_id: Uuid::ZERO }],
        ..Default::default()
    };
    assert_eq!(error(client.call(5, &by_name("t")).await.responses[0].error_code), ErrorCode::None);
    let (_, woken) = waiting.receive::<headwater_wire::messages::fetch::FetchRequest>(12).await;
    let code = woken.responses[0].partitions[0].error_code;
    assert_eq!(error(code), ErrorCode::UnknownTopicOrPartition, "a waiting fetch learns of the deletion");
    let again = client.call(5, &by_name("t")).await;
    assert_eq!(error(again.responses[0].error_code), ErrorCode::UnknownTopicOrPartition);
    let produced = client.produce("t", 0, batch(&["v"])).await;
    assert_eq!(error(produced.error_code), ErrorCode::UnknownTopicOrPartition);

    client.create("t", 2, &[]).await;
    assert_eq!(client.values("t", 0, 0).await, Vec::<String>::new());
    let second_id = all(&mut client).await.topics[0].topic_id;
    assert_ne!(second_id, first_id);
    let by_id = |topic_id| DeleteTopicsRequest {
        topics: vec![DeleteTopicState { name: None, topic_id }],
        ..Default::default()
    };
    let stale = client.call(6, &by_id(first_id)).await;
    assert_eq!(error(stale.responses[0].error_code), ErrorCode::UnknownTopicId);
    let deleted = client.call(6, &by_id(second_id)).await;
    assert_eq!(error(deleted.responses[0].error_code), ErrorCode::None);
    assert_eq!(deleted.responses[0].name.as_deref(), Some("t"));
    assert!(all(&mut client).await.topics.is_empty());
}

#[tokio::test]
async fn configs_of_topics_and_of_the_broker_are_described() {
    let server = Server::with(|config| {
        config.topic_defaults.insert("segment.ms".to_owned(), "1000".to_owned());
    })
    .await;
    let mut client = server.client().await;
    client.create("t", 1, &[("cleanup.policy", "compact")]).await;
    let resource = |resource_type, name: &str, keys: Option<Vec<String>>| DescribeConfigsResource {
        resource_type,
        resource_name: name.to_owned(),
        configuration_keys: keys,
    };
    let request = DescribeConfigsRequest {
        resources: vec![
            resource(2, "t", None),
            resource(4, "1", Some(vec!["num.partitions".to_owned()])),
            resource(2, "u", None),
            resource(4, "9", None),
            resource(7, "x", None),
        ],
        include_synonyms: true,
        ..Default::default()
    };
    for version in 1..=4 {
        let response = client.call(version, &request).await;
        let codes: Vec<_> = response.results.iter().map(|result| error(result.error_code)).collect();
        assert_eq!(
            codes,
            [
                ErrorCode::None,
                ErrorCode::None,
                ErrorCode::UnknownTopicOrPartition,
                ErrorCode::InvalidRequest,
                ErrorCode::InvalidRequest,
            ]
        );
        let find =
            |name: &str| response.results[0].configs.iter().find(|config| config.name == name).unwrap();
        let policy = find("cleanup.policy");
        assert_eq!((policy.value.as_deref(), policy.config_source), (Some("compact"), 1));
        assert_eq!(policy.synonyms.len(), 2);
        assert_eq!(
            (find("segment.ms").value.as_deref(), find("segment.ms").config_source),
            (Some("1000"), 4)
        );
        assert_eq!(find("retention.bytes").config_source, 5);
        let broker = &response.results[1].configs;
        assert_eq!(
            (broker.len(), broker[0].name.as_str(), broker[0].value.as_deref()),
            (1, "num.partitions", Some("1"))
        );
    }
}

#[tokio::test]
async fn the_table_of_versions_answers_even_who_asks_in_a_version_to_come() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let request = ApiVersionsRequest {
        client_software_name: "test".to_owned(),
        client_software_version: "1.0".to_owned(),
        ..Default::default()
    };
    for version in 0..=4 {
        let response = client.call(version, &request).await;
        assert_eq!(error(response.error_code), ErrorCode::None);
        assert!(response.api_keys.iter().any(|api| (api.api_key, api.max_version) == (1, 18)));
    }
    client.send(5, &request).await;
    let (_, response) = client.receive::<ApiVersionsRequest>(0).await;
    assert_eq!(error(response.error_code), ErrorCode::UnsupportedVersion);
    assert!(response.api_keys.iter().any(|api| (api.api_key, api.max_version) == (18, 4)));
    let nameless = client.call(3, &ApiVersionsRequest::default()).await;
    assert_eq!(error(nameless.error_code), ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn what_the_broker_should_not_do_it_refuses_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(config(dir.path()));
    let refused = broker.listen("0.0.0.0:0").await.unwrap_err();
    assert!(matches!(refused, BrokerError::Insecure(_)));
    assert!(refused.to_string().contains("--insecure"));

    let first = broker.listen("127.0.0.1:0").await.unwrap();
    let busy = first.local_addr().to_string();
    let refused = broker.listen(busy.as_str()).await.unwrap_err();
    assert!(refused.to_string().contains(&busy) && refused.to_string().contains("choose another port"));

    let second = headwater_broker::Broker::open(
        config(dir.path()),
        std::sync::Arc::new(headwater_log::RealDisk::default()),
        std::sync::Arc::new(headwater_model::SystemClock::new()),
        headwater_model::Entropy::from_seed(2),
    );
    let refused = second.unwrap_err().to_string();
    assert!(refused.contains(&std::process::id().to_string()), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_come_and_go_disturb_no_other() {
    let server = Server::start().await;
    let (mut steady, mut restless) = (server.client().await, server.client().await);
    steady.create("steady", 1, &[]).await;
    let steadily = async {
        for n in 0..100 {
            assert_eq!(steady.produce_value("steady", 0, &n.to_string()).await.0, n);
        }
    };
    let restlessly = async {
        for _ in 0..10 {
            restless.create("restless", 3, &[]).await;
            for partition in 0..3 {
                // Not waited for: the sync is under way when the topic goes.
                let request = crate::harness::produce_request("restless", partition, 0, batch(&["v"]));
                restless.send(9, &request).await;
            }
            restless.delete("restless").await;
        }
    };
    tokio::join!(steadily, restlessly);
    assert_eq!(steady.values("steady", 0, 0).await.len(), 100);
}

#[tokio::test]
async fn retention_removes_old_segments_and_tells_where_the_log_starts() {
    let server =
        Server::with(|config| config.retention_check_interval = std::time::Duration::from_millis(20)).await;
    let mut client = server.client().await;
    client
        .create(
            "t",
            1,
            &[("segment.bytes", "1048576"), ("retention.bytes", "1500000"), ("retention.ms", "-1")],
        )
        .await;
    client.create("kept", 1, &[("segment.bytes", "1048576"), ("retention.ms", "-1")]).await;
    let value = "x".repeat(300_000);
    for _ in 0..12 {
        client.produce_value("t", 0, &value).await;
        client.produce_value("kept", 0, &value).await;
    }
    let mut start = 0;
    for _ in 0..500 {
        start = client.offset("t", 0, -2).await.offset;
        if start >= 6 {
            break;
        }
        crate::groups::fixture::pass(std::time::Duration::from_millis(20)).await;
    }
    assert!((6..=8).contains(&start), "{start}");
    assert_eq!(error(client.fetch("t", 0, 0, 0).await.error_code), ErrorCode::OffsetOutOfRange);
    assert_eq!(client.fetch("t", 0, start, 0).await.log_start_offset, start);
    assert_eq!(client.offset("kept", 0, -2).await.offset, 0);
}
