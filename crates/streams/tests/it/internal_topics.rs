//! What changelogs and repartition topics are made with.

use std::fmt::Write;
use std::time::Duration;

use expect_test::expect;
use headwater_client::admin::{ConfigResource, NewTopic};
use headwater_schema::{serdes, utf8};
use headwater_streams::{
    Guarantee, InternalTopicConfigs, SessionWindows, Streams, StreamsConfig, StreamsError, Topology,
    TumblingWindows,
};
use headwater_testkit::{Faults, SimCluster, simulate};

use crate::runtime::{SimClient, create, name};
use crate::support::sentence;

/// A repartition topic, and changelogs of stores of several kinds.
fn topology() -> Topology {
    let text = || serdes(utf8(), utf8());
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let words = app.stream::<String, String, _, _>("in", text());
    let grouped = words.select_key(|word| word.value.clone()).repartition("by-word", text()).group_by_key();
    grouped.count("all");
    grouped.windowed_by(TumblingWindows::of(Duration::from_mins(1))).count("minutes");
    grouped.windowed_by(SessionWindows::with_gap(Duration::from_mins(1))).count("visits");
    let history = Duration::from_hours(1);
    let rates = app.versioned_table::<String, String, _, _>("rates", text(), history);
    words.join_with_grace("rated", &rates, Duration::ZERO, |word, rate| word.value + rate);
    app.build().unwrap()
}

async fn cluster() -> (SimCluster, SimClient) {
    let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
    let client = cluster.client("streams").await.unwrap();
    create(&client, &[("in", 2), ("rates", 2)]).await;
    (cluster, client)
}

fn with(internal_topics: InternalTopicConfigs) -> StreamsConfig {
    StreamsConfig { internal_topics, ..StreamsConfig::default() }
}

/// What was set for the internal topics themselves.
async fn made(client: &SimClient) -> String {
    let topics =
        topology().internal_topics().into_iter().map(|internal| ConfigResource::Topic(internal.topic));
    let topics: Vec<_> = topics.collect();
    let mut text = String::new();
    for (topic, configs) in client.admin().describe_configs(&topics).await {
        writeln!(text, "{topic}").unwrap();
        for config in configs.unwrap().into_iter().filter(|config| !config.is_default) {
            writeln!(text, "  {} = {}", config.name, config.value.unwrap()).unwrap();
        }
    }
    text
}

#[test]
fn internal_topics_are_made_with_kafka_streams_configs_but_windows_are_not_deleted_by_time() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        Streams::run_bounded(topology(), client.clone(), StreamsConfig::default()).await.unwrap();
        expect![[r#"
            topic "app-all-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
            topic "app-by-word-repartition"
              cleanup.policy = delete
              message.timestamp.type = CreateTime
              retention.ms = -1
              segment.bytes = 52428800
            topic "app-minutes-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
            topic "app-rates-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
            topic "app-visits-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
        "#]]
        .assert_eq(&made(&client).await);
    });
}

#[test]
fn the_authors_configs_go_before_and_those_of_a_topic_before_those_of_all() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        let configs = InternalTopicConfigs::new()
            .topic("app-all-changelog", "segment.bytes", "2097152")
            .topic("app-by-word-repartition", "retention.ms", "86400000")
            .all("segment.bytes", "1048576")
            .all("min.compaction.lag.ms", "60000");
        Streams::run_bounded(topology(), client.clone(), with(configs)).await.unwrap();
        expect![[r#"
            topic "app-all-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
              min.compaction.lag.ms = 60000
              segment.bytes = 2097152
            topic "app-by-word-repartition"
              cleanup.policy = delete
              message.timestamp.type = CreateTime
              min.compaction.lag.ms = 60000
              retention.ms = 86400000
              segment.bytes = 1048576
            topic "app-minutes-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
              min.compaction.lag.ms = 60000
              segment.bytes = 1048576
            topic "app-rates-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
              min.compaction.lag.ms = 60000
              segment.bytes = 1048576
            topic "app-visits-changelog"
              cleanup.policy = compact
              delete.retention.ms = 86400000
              message.timestamp.type = CreateTime
              min.compaction.lag.ms = 60000
              segment.bytes = 1048576
        "#]]
        .assert_eq(&made(&client).await);
    });
}

#[test]
fn topics_that_are_there_stay_as_they_are() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        let there = NewTopic::new(name("app-all-changelog"), 2).with_config("cleanup.policy", "compact");
        client.admin().create_topics(&[there]).await;
        let configs = InternalTopicConfigs::new().all("segment.bytes", "1048576");
        for _ in 0..2 {
            Streams::run_bounded(topology(), client.clone(), with(configs.clone())).await.unwrap();
        }
        let made = made(&client).await;
        let (first, rest) = made.split_once("topic \"app-by-word").unwrap();
        assert_eq!(first, "topic \"app-all-changelog\"\n  cleanup.policy = compact\n");
        assert_eq!(rest.matches("segment.bytes = 1048576").count(), 4, "{rest}");
    });
}

#[test]
fn configs_that_nobody_has_or_that_a_promise_depends_on_are_refused_before_anything_is_made() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        let mut refused = String::new();
        let wrong = [
            InternalTopicConfigs::new().topic("app-al-changelog", "segment.bytes", "1048576"),
            InternalTopicConfigs::new().all("cleanup.policy", "delete"),
            InternalTopicConfigs::new().topic("app-all-changelog", "delete.retention.ms", "1"),
            InternalTopicConfigs::new().topic(
                "app-by-word-repartition",
                "message.timestamp.type",
                "LogAppendTime",
            ),
            InternalTopicConfigs::new().all("segment.bites", "1048576"),
        ];
        for configs in wrong {
            let error: StreamsError =
                Streams::run_bounded(topology(), client.clone(), with(configs)).await.unwrap_err();
            refused.push_str(&sentence(&error));
            assert!(client.admin().describe_topic(&name("app-all-changelog")).await.is_err());
        }
        expect![[r#"
            error: there are configs for "app-al-changelog", which is no internal topic of "app"; its description names them all
            error: internal topics cannot have another "cleanup.policy": what they hold would not last, or not be as it was written
            error: internal topics cannot have another "delete.retention.ms": what they hold would not last, or not be as it was written
            error: internal topics cannot have another "message.timestamp.type": what they hold would not last, or not be as it was written
            error: cannot create topic "app-all-changelog": a configuration is unknown or has an illegal value (error code 40); the broker says: unknown topic config "segment.bites"
        "#]].assert_eq(&refused);
    });
}
