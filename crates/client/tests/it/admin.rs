//! Admin calls.

use std::sync::Arc;

use headwater_client::admin::{ConfigChange, ConfigResource, NewTopic, OffsetSpec};
use headwater_client::{Client, ClientConfig, ConnectError, Connector, ProducerConfig, ProducerRecord};
use headwater_model::{Entropy, ErrorCode, Offset, Timestamp};
use headwater_testkit::SimNet;
use tokio::io::DuplexStream;

use crate::support::{at, name, topic, with_cluster, with_topic};

#[test]
fn topics_are_created_described_listed_and_deleted() {
    with_cluster(|_cluster, client| async move {
        let admin = client.admin();
        let wanted =
            [NewTopic::new(topic(), 3).with_config("cleanup.policy", "compact"), NewTopic::new(name("b"), 1)];
        let created = admin.create_topics(&wanted).await;
        assert!(created.len() == 2 && created.values().all(Result::is_ok), "{created:?}");
        let again = admin.create_topic(wanted[0].clone()).await.unwrap_err();
        assert_eq!(again.code(), Some(ErrorCode::TopicAlreadyExists), "{again}");

        let listed = admin.list_topics().await.unwrap();
        let names: Vec<(&str, usize)> =
            listed.iter().map(|topic| (topic.name.as_str(), topic.partitions)).collect();
        assert_eq!(names, [("b", 1), ("flights", 3)]);
        let described = admin.describe_topic(&topic()).await.unwrap();
        assert_eq!(described.partitions.len(), 3);
        assert!(described.partitions.iter().all(|partition| partition.leader.is_some()), "{described:?}");

        let resource = ConfigResource::Topic(topic());
        let configs =
            admin.describe_configs(std::slice::from_ref(&resource)).await.remove(&resource).unwrap().unwrap();
        let policy = configs.iter().find(|config| config.name == "cleanup.policy").unwrap();
        assert_eq!((policy.value.as_deref(), policy.is_default), (Some("compact"), false));

        let deleted = admin.delete_topics(&[topic(), name("never-there")]).await;
        assert!(deleted[&topic()].is_ok(), "{deleted:?}");
        let missing = deleted[&name("never-there")].as_ref().unwrap_err();
        assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition), "{missing}");
        assert!(missing.to_string().contains("headwater topic list"), "{missing}");
        let gone = admin.describe_topic(&topic()).await.unwrap_err();
        assert_eq!(gone.code(), Some(ErrorCode::UnknownTopicOrPartition), "{gone}");
    });
}

#[test]
fn topics_grow_and_are_reconfigured_and_records_are_deleted() {
    with_topic(1, |_cluster, client| async move {
        let admin = client.admin();
        admin.create_partitions(&topic(), 3).await.unwrap();
        assert_eq!(admin.describe_topic(&topic()).await.unwrap().partitions.len(), 3);
        let fewer = admin.create_partitions(&topic(), 2).await.unwrap_err();
        assert_eq!(fewer.code(), Some(ErrorCode::InvalidPartitions), "{fewer}");
        let nowhere = admin.create_partitions(&name("nowhere"), 2).await.unwrap_err();
        assert!(nowhere.to_string().contains("headwater topic list"), "{nowhere}");

        let resource = ConfigResource::Topic(topic());
        let change = |changes: &[(&str, ConfigChange)]| {
            changes.iter().map(|(name, change)| ((*name).to_owned(), change.clone())).collect()
        };
        let compact = ConfigChange::Append("compact".to_owned());
        let day = ConfigChange::Set("86400000".to_owned());
        let changes = change(&[("cleanup.policy", compact), ("retention.ms", day)]);
        admin.alter_configs(&resource, &changes).await.unwrap();
        admin.alter_configs(&resource, &change(&[("retention.ms", ConfigChange::Unset)])).await.unwrap();
        let unknown = change(&[("colour", ConfigChange::Set("red".to_owned()))]);
        let refused = admin.alter_configs(&resource, &unknown).await.unwrap_err();
        assert!(refused.to_string().contains("colour"), "{refused}");
        let of_broker = admin.alter_configs(&ConfigResource::Broker(1), &changes).await.unwrap_err();
        assert_eq!(of_broker.code(), Some(ErrorCode::InvalidRequest), "{of_broker}");
        let configs =
            admin.describe_configs(std::slice::from_ref(&resource)).await.remove(&resource).unwrap();
        let own: Vec<_> = configs.unwrap().into_iter().filter(|config| !config.is_default).collect();
        assert_eq!((own.len(), own[0].value.as_deref()), (1, Some("delete,compact")), "{own:?}");

        let subtract = change(&[("cleanup.policy", ConfigChange::Subtract("compact".to_owned()))]);
        admin.alter_configs(&resource, &subtract).await.unwrap();
        let producer = client.producer(ProducerConfig::default());
        for _ in 0..4 {
            let topic = topic();
            let record = ProducerRecord::new(&topic, b"v").partition(at(0).partition);
            producer.send(record).await.unwrap().await.unwrap();
        }
        assert_eq!(admin.delete_records(&at(0), Some(Offset(3))).await.unwrap(), Offset(3));
        let past = admin.delete_records(&at(0), Some(Offset(9))).await.unwrap_err();
        assert_eq!(past.code(), Some(ErrorCode::OffsetOutOfRange), "{past}");
        assert_eq!(admin.delete_records(&at(0), None).await.unwrap(), Offset(4));
        let missing = admin.delete_records(&at(7), None).await.unwrap_err();
        assert!(missing.to_string().contains("has no partition 7"), "{missing}");
    });
}

#[test]
fn the_cluster_names_its_broker_where_clients_reach_it() {
    with_cluster(|_cluster, client| async move {
        let cluster = client.admin().describe_cluster().await.unwrap();
        let [broker] = &cluster.brokers[..] else {
            panic!("{cluster:?}");
        };
        assert_eq!((broker.host.as_str(), broker.port), ("broker", 9092));
        assert_eq!(cluster.controller, Some(broker.id));
    });
}

#[test]
fn offsets_are_found_by_position_and_by_time() {
    with_topic(2, |_cluster, client| async move {
        let producer = client.producer(ProducerConfig::default());
        let topic = topic();
        for time in [1_000, 3_000, 2_000] {
            let record =
                ProducerRecord::new(&topic, b"v").partition(at(0).partition).timestamp(Timestamp(time));
            producer.send(record).await.unwrap().await.unwrap();
        }
        for (spec, expected) in [
            (OffsetSpec::Earliest, Some(0)),
            (OffsetSpec::Latest, Some(3)),
            (OffsetSpec::AtTime(Timestamp(1_500)), Some(1)),
            (OffsetSpec::AtTime(Timestamp(3_001)), None),
            (OffsetSpec::MaxTimestamp, Some(1)),
        ] {
            let offsets =
                client.admin().offsets(&[(at(0), spec), (at(1), OffsetSpec::Latest)]).await.unwrap();
            assert_eq!(offsets[&at(0)].offset, expected.map(Offset), "{spec:?}");
            assert_eq!(offsets[&at(1)].offset, Some(Offset(0)));
        }
        let none = client.admin().offsets(&[(at(7), OffsetSpec::Latest)]).await.unwrap_err();
        assert_eq!(none.to_string(), "topic \"flights\" has no partition 7; it has partitions 0 to 1");
    });
}

#[test]
fn groups_that_do_not_exist_are_said_not_to() {
    with_cluster(|_cluster, client| async move {
        let admin = client.admin();
        assert_eq!(admin.list_groups().await.unwrap(), []);
        let described = admin.describe_groups(&["nobody"]).await;
        assert_eq!(described["nobody"].as_ref().unwrap_err().code(), Some(ErrorCode::GroupIdNotFound));
        assert!(admin.group_offsets("nobody").await.unwrap().is_empty());
    });
}

#[tokio::test]
async fn an_unreachable_cluster_is_one_sentence_that_says_what_to_do() {
    // Two ports that nobody listens on: they were free a moment ago.
    let mut free = Vec::new();
    for _ in 0..2 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.push(listener.local_addr().unwrap().to_string());
    }
    let error = Client::connect(ClientConfig::new(free.clone())).await.unwrap_err();
    let sentence = error.to_string();
    assert!(free.iter().all(|address| sentence.contains(address)), "{sentence}");
    assert!(sentence.contains("refused") && sentence.contains("headwater up"), "{sentence}");
    assert!(matches!(Client::connect(ClientConfig::new(["localhost"])).await, Err(ConnectError::Address(_))));
}

/// A network on which one host is dead.
struct OneIsDead(SimNet);

impl Connector for OneIsDead {
    type Stream = DuplexStream;

    async fn connect(&self, host: &str, _port: u16) -> std::io::Result<DuplexStream> {
        if host == "dead" { Err(std::io::ErrorKind::ConnectionRefused.into()) } else { self.0.connect() }
    }
}

#[test]
fn the_second_bootstrap_address_is_tried_when_the_first_is_dead() {
    with_cluster(|cluster, _| async move {
        for bootstrap in [vec!["dead:1", "broker:9092"], vec!["dead:1,broker:9092"]] {
            let (clock, entropy) = (Arc::new(cluster.clock.clone()), Entropy::from_seed(1));
            let connector = OneIsDead(cluster.net.clone());
            Client::with(ClientConfig::new(bootstrap), connector, clock, entropy).await.unwrap();
        }
    });
}
