//! The runtime over the embedded broker, on virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::admin::{NewTopic, OffsetSpec};
use headwater_client::{Client, ConsumerConfig, ProducerConfig, ProducerRecord, StartAt};
use headwater_model::{Entropy, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    ErrorPolicies, Guarantee, OnError, Progress, Streams, StreamsConfig, StreamsError, TaskConfig, Topology,
    TumblingWindows,
};
use headwater_testkit::{Faults, SimCluster, SimConnector, simulate};

pub(crate) type SimClient = Client<SimConnector>;

const WORDS: [&str; 7] = ["tide", "weir", "brook", "delta", "spring", "source", "river"];

pub(crate) fn name(topic: &str) -> TopicName {
    TopicName::new(topic).unwrap()
}

/// Counts words: the words are the values, so that counting them needs a repartition.
fn word_count() -> Topology {
    let mut app = Topology::builder("word-count").guarantee(Guarantee::AtLeastOnce);
    app.stream::<String, String, _, _>("lines", serdes(utf8(), utf8()))
        .flat_map_values(|line| line.value.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .select_key(|word| word.value.clone())
        .repartition("by-word", serdes(utf8(), utf8()))
        .group_by_key()
        .count("counts")
        .updates()
        .to("counts", serdes(utf8(), long()));
    app.build().unwrap()
}

/// Counts per key and minute; needs no repartition.
fn per_minute() -> Topology {
    let mut app = Topology::builder("per-minute").guarantee(Guarantee::AtLeastOnce);
    app.stream::<String, String, _, _>("lines", serdes(utf8(), utf8()))
        .group_by_key()
        .windowed_by(TumblingWindows::of(Duration::from_mins(1)).grace(Duration::from_hours(1)))
        .count("minutes")
        .updates()
        .map(|count| (format!("{}@{}", count.key.key, count.key.start), count.value))
        .to("counts", serdes(utf8(), long()));
    app.build().unwrap()
}

pub(crate) async fn create(client: &SimClient, topics: &[(&str, i32)]) {
    let topics: Vec<_> =
        topics.iter().map(|(topic, partitions)| NewTopic::new(name(topic), *partitions)).collect();
    for created in client.admin().create_topics(&topics).await.into_values() {
        created.unwrap();
    }
}

/// Publishes lines from `range`, and gives nothing until they are acknowledged.
async fn publish(client: &SimClient, range: std::ops::Range<u64>) {
    let producer = client.producer(ProducerConfig::default());
    let topic = name("lines");
    for number in range {
        let (key, line) = line(number);
        let record = ProducerRecord::new(&topic, line.as_bytes())
            .key(key.as_bytes())
            .timestamp(Timestamp(number as i64 * 1_000));
        producer.send(record).await.unwrap();
    }
    producer.close().await.unwrap();
}

fn line(number: u64) -> (String, String) {
    let mut entropy = Entropy::from_seed(number);
    let mut word = || WORDS[entropy.below(WORDS.len() as u64) as usize];
    let key = format!("key-{}", number % 11);
    (key, format!("{} {} {}", word(), word(), word()))
}

/// What `word_count` must come to.
fn words(lines: u64) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for number in 0..lines {
        for word in line(number).1.split(' ') {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// What `per_minute` must come to.
fn minutes(lines: u64) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for number in 0..lines {
        let start = number * 1_000 / 60_000 * 60_000;
        *counts.entry(format!("{}@{start}", line(number).0)).or_default() += 1;
    }
    counts
}

/// The newest value of each key of a topic.
pub(crate) async fn newest(client: &SimClient, topic: &str) -> BTreeMap<String, i64> {
    let value = |value: Vec<u8>| i64::from_be_bytes(value.try_into().unwrap());
    records(client, topic).await.into_iter().map(|(key, bytes)| (key, value(bytes))).collect()
}

/// The keys and values of a topic's records, tombstones left out.
pub(crate) async fn records(client: &SimClient, topic: &str) -> Vec<(String, Vec<u8>)> {
    let partitions = client.admin().describe_topic(&name(topic)).await.unwrap().partitions.len() as i32;
    let partitions: Vec<_> =
        (0..partitions).map(|partition| TopicPartition::new(name(topic), PartitionId(partition))).collect();
    let wanted: Vec<_> = partitions.iter().map(|at| (at.clone(), OffsetSpec::Latest)).collect();
    let ends = client.admin().offsets(&wanted).await.unwrap();
    let consumer = client.consumer(ConsumerConfig::default());
    consumer.assign(partitions.iter().map(|at| (at.clone(), StartAt::Earliest))).unwrap();
    let mut values = Vec::new();
    let is_done = |at: &TopicPartition| consumer.position(at).unwrap() >= ends[at].offset;
    while !partitions.iter().all(is_done) {
        for fetched in consumer.poll(Duration::from_secs(1)).await.unwrap() {
            let batch = fetched.open(1 << 20).unwrap();
            for record in fetched.records(&batch) {
                let record = record.unwrap();
                let key = String::from_utf8_lossy(record.key.unwrap()).into_owned();
                values.extend(record.value.map(|value| (key, value.to_vec())));
            }
        }
    }
    values
}

async fn bounded(topology: Topology, workers: usize, faults: Faults) -> (Progress, BTreeMap<String, i64>) {
    let mut cluster = SimCluster::start(workers as u64, Faults::none()).unwrap();
    let client = cluster.client("streams").await.unwrap();
    create(&client, &[("lines", 4), ("counts", 2)]).await;
    publish(&client, 0..500).await;
    cluster.net.set_faults(faults);
    cluster.net.cut_all();
    let config = StreamsConfig { workers, ..StreamsConfig::default() };
    let progress = Streams::run_bounded(topology, client.clone(), config).await.unwrap();
    cluster.net.set_faults(Faults::none());
    (progress, newest(&client, "counts").await)
}

#[test]
fn a_bounded_run_counts_through_a_repartition_however_many_workers_it_has() {
    for workers in [1, 2, 5] {
        let (progress, counts) = simulate(|| bounded(word_count(), workers, Faults::none()));
        assert_eq!(counts, words(500), "{workers} workers");
        // Each line is read once, each of its three words twice: before the repartition and behind it.
        assert_eq!(
            (progress.records_in, progress.records_out),
            (500 + 1_500, 1_500 + 1_500),
            "{workers} workers"
        );
    }
}

#[test]
fn a_bounded_run_comes_out_the_same_on_a_rough_network() {
    for workers in [1, 2, 3] {
        let (_, counts) = simulate(|| bounded(word_count(), workers, Faults::rough()));
        assert_eq!(counts, words(500), "{workers} workers");
    }
}

#[test]
fn a_live_run_that_is_drained_has_processed_everything() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        let live = Streams::start(word_count(), client.clone(), StreamsConfig::default()).await.unwrap();
        publish(&client, 0..300).await;
        publish(&client, 300..500).await;
        let progress = live.drain().await.unwrap();
        assert_eq!(newest(&client, "counts").await, words(500));
        assert_eq!(progress.records_in, 2_000);
        assert_eq!(
            client.admin().describe_groups(&["word-count"]).await["word-count"].as_ref().unwrap().members,
            []
        );
    });
}

#[test]
fn a_bounded_run_goes_on_where_the_one_before_ended() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        for range in [0..200, 200..200, 200..500] {
            publish(&client, range).await;
            Streams::run_bounded(word_count(), client.clone(), StreamsConfig::default()).await.unwrap();
        }
        assert_eq!(newest(&client, "counts").await, words(500));
    });
}

#[test]
fn an_instance_that_crashes_is_replaced_and_state_comes_back_from_the_inputs() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        publish(&client, 0..300).await;
        let doomed = Streams::start(per_minute(), client.clone(), StreamsConfig::default()).await.unwrap();
        pause(Duration::from_millis(1_500)).await;
        assert!(doomed.progress().records_in > 0);
        drop(doomed);
        publish(&client, 300..500).await;
        let replacement =
            Streams::start(per_minute(), client.clone(), StreamsConfig::default()).await.unwrap();
        replacement.drain().await.unwrap();
        assert_eq!(newest(&client, "counts").await, minutes(500));
    });
}

#[test]
fn a_task_that_starts_again_fills_its_stores_and_sends_nothing_that_was_safe_again() {
    // A table grouped anew sends differences, which count twice for good if they are sent twice.
    let topology = || {
        let mut app = Topology::builder("per-line").guarantee(Guarantee::AtLeastOnce);
        app.table::<String, String, _, _>("lines", serdes(utf8(), utf8()))
            .group_by(
                |_, line| (line.split(' ').next().unwrap_or_default().to_owned(), line),
                serdes(utf8(), utf8()),
            )
            .count("first-words")
            .updates()
            .to("counts", serdes(utf8(), long()));
        app.build().unwrap()
    };
    simulate(|| async move {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        for range in [0..20, 20..40] {
            publish(&client, range).await;
            let run = Streams::start(topology(), client.clone(), StreamsConfig::default()).await.unwrap();
            run.drain().await.unwrap();
        }
        // Each of eleven keys has one line, the newest.
        assert_eq!(newest(&client, "counts").await.values().sum::<i64>(), 11);
    });
}

#[test]
fn a_second_instance_takes_over_part_of_the_tasks_and_gives_them_back() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("first").await.unwrap();
        let other = cluster.client("second").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        publish(&client, 0..200).await;
        let first = Streams::start(per_minute(), client.clone(), StreamsConfig::default()).await.unwrap();
        pause(Duration::from_secs(5)).await;
        assert_eq!(first.progress().tasks, 4);
        let second = Streams::start(per_minute(), other, StreamsConfig::default()).await.unwrap();
        pause(Duration::from_secs(10)).await;
        assert_eq!((first.progress().tasks, second.progress().tasks), (2, 2));
        publish(&client, 200..400).await;
        pause(Duration::from_secs(5)).await;
        second.stop().await.unwrap();
        publish(&client, 400..500).await;
        pause(Duration::from_secs(10)).await;
        assert_eq!(first.progress().tasks, 4);
        first.drain().await.unwrap();
        assert_eq!(newest(&client, "counts").await, minutes(500));
    });
}

#[test]
fn draining_waits_for_the_tasks_of_an_instance_that_died_unnoticed() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("first").await.unwrap();
        let other = cluster.client("second").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        let first = Streams::start(per_minute(), client.clone(), StreamsConfig::default()).await.unwrap();
        let second = Streams::start(per_minute(), other, StreamsConfig::default()).await.unwrap();
        pause(Duration::from_secs(10)).await;
        assert_eq!((first.progress().tasks, second.progress().tasks), (2, 2));
        drop(second);
        publish(&client, 0..500).await;
        first.drain().await.unwrap();
        assert_eq!(newest(&client, "counts").await, minutes(500));
    });
}

#[test]
fn draining_does_not_do_again_what_others_have_done() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("first").await.unwrap();
        let other = cluster.client("second").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        let first = Streams::start(per_minute(), client.clone(), StreamsConfig::default()).await.unwrap();
        let second = Streams::start(per_minute(), other, StreamsConfig::default()).await.unwrap();
        pause(Duration::from_secs(10)).await;
        publish(&client, 0..500).await;
        let progress = first.drain().await.unwrap();
        assert_eq!(newest(&client, "counts").await, minutes(500));
        assert!(progress.records_in < 500, "{progress:?}");
        second.stop().await.unwrap();
    });
}

#[test]
fn an_instance_with_an_id_of_its_own_goes_on_at_once_after_it_was_killed() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 4), ("counts", 2)]).await;
        let mut config = StreamsConfig { workers: 2, ..StreamsConfig::default() };
        config.consumer.group_instance_id = Some("one".to_owned());
        for range in [0..200, 200..350, 350..500] {
            let killed = Streams::start(per_minute(), client.clone(), config.clone()).await.unwrap();
            publish(&client, range).await;
            pause(Duration::from_secs(5)).await;
            drop(killed);
        }
        let before = client.clock().monotonic();
        let last = Streams::start(per_minute(), client.clone(), config).await.unwrap();
        last.drain().await.unwrap();
        assert!(client.clock().monotonic() - before < Duration::from_secs(5));
        assert_eq!(newest(&client, "counts").await, minutes(500));
    });
}

#[test]
fn what_cannot_run_says_what_is_missing() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        let error = Streams::start(per_minute(), client, StreamsConfig::default()).await.unwrap_err();
        assert!(matches!(error, StreamsError::Plan { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "\"per-minute\" cannot run: there is no such topic to read: \"lines\"; create it first"
        );
    });
}

#[test]
fn a_record_that_cannot_be_read_stops_the_task_and_is_named() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 1), ("counts", 1)]).await;
        let producer = client.producer(ProducerConfig::default());
        let topic = name("lines");
        producer.send(ProducerRecord::new(&topic, b"\xff\xfe").key(b"key")).await.unwrap();
        producer.close().await.unwrap();
        let error = Streams::run_bounded(per_minute(), client, StreamsConfig::default()).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("task 0_0 stopped: the value of the record at lines-0@0 cannot be read"),
            "{error}"
        );
    });
}

#[test]
fn a_record_that_cannot_be_read_is_skipped_and_counted_if_the_author_says_so() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 1), ("counts", 1)]).await;
        let producer = client.producer(ProducerConfig::default());
        let topic = name("lines");
        for value in [&b"good"[..], b"\xff\xfe", b"good"] {
            producer
                .send(ProducerRecord::new(&topic, value).key(b"key").timestamp(Timestamp(1)))
                .await
                .unwrap();
        }
        producer.close().await.unwrap();
        let policies = ErrorPolicies { deserialization: OnError::Skip, ..ErrorPolicies::default() };
        let task = TaskConfig { policies, ..TaskConfig::default() };
        let config = StreamsConfig { task, ..StreamsConfig::default() };
        let progress = Streams::run_bounded(per_minute(), client.clone(), config).await.unwrap();
        assert_eq!((progress.records_in, progress.skipped), (3, 1));
        assert_eq!(newest(&client, "counts").await, BTreeMap::from([("key@0".to_owned(), 2)]));
    });
}

#[expect(clippy::disallowed_methods, reason = "simulated time")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[test]
fn repartition_topics_let_go_of_what_is_committed_and_of_nothing_else() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 3), ("counts", 1)]).await;
        let config = || StreamsConfig {
            repartition_purge_interval: Duration::from_secs(1),
            ..StreamsConfig::default()
        };
        let by_word = (0..3)
            .map(|number| TopicPartition::new(name("word-count-by-word-repartition"), PartitionId(number)));
        let by_word: Vec<_> = by_word.collect();
        for round in 1..=3 {
            let live = Streams::start(word_count(), client.clone(), config()).await.unwrap();
            publish(&client, (round - 1) * 200..round * 200).await;
            // Behind a crash, the group waits until the session of the one that died is over.
            pause(Duration::from_mins(1)).await;
            assert_eq!(newest(&client, "counts").await, words(round * 200), "round {round}");
            let committed = client.admin().group_offsets("word-count").await.unwrap();
            let wanted: Vec<_> = by_word.iter().map(|at| (at.clone(), OffsetSpec::Earliest)).collect();
            let kept = client.admin().offsets(&wanted).await.unwrap();
            for at in &by_word {
                let committed = committed.get(at).map(|committed| committed.offset).unwrap_or_default();
                assert!(kept[at].offset.unwrap() <= committed, "{at}");
            }
            let deleted: i64 = kept.values().map(|kept| kept.offset.unwrap().0).sum();
            assert!(deleted as u64 >= (round - 1) * 600, "{deleted} in round {round}");
            // The second one ends as a crash does.
            if round == 2 { drop(live) } else { drop(live.stop().await.unwrap()) }
        }
        publish(&client, 600..700).await;
        Streams::run_bounded(word_count(), client.clone(), StreamsConfig::default()).await.unwrap();
        for spec in [OffsetSpec::Earliest, OffsetSpec::Latest] {
            let wanted: Vec<_> = by_word.iter().map(|at| (at.clone(), spec)).collect();
            let listed = client.admin().offsets(&wanted).await.unwrap();
            let sum: i64 = listed.values().map(|listed| listed.offset.unwrap().0).sum();
            assert_eq!(sum, 3 * 700, "a short run leaves nothing behind");
        }
    });
}

/// Runs or drains while others publish, at many moments, and once more at the end: nothing may be left out, or counted twice.
fn check_publishing_meanwhile(finish: &impl AsyncFn(&SimClient)) {
    for moment in 0..12 {
        simulate(|| async {
            let mut cluster = SimCluster::start(moment, Faults::none()).unwrap();
            let client = cluster.client("streams").await.unwrap();
            create(&client, &[("lines", 3), ("counts", 1)]).await;
            publish(&client, 0..100).await;
            let other = cluster.client("other").await.unwrap();
            let publishing = tokio::spawn(async move {
                for start in (100..500).step_by(20) {
                    publish(&other, start..start + 20).await;
                    pause(Duration::from_millis(moment)).await;
                }
            });
            finish(&client).await;
            publishing.await.unwrap();
            Streams::run_bounded(word_count(), client.clone(), StreamsConfig::default()).await.unwrap();
            assert_eq!(newest(&client, "counts").await, words(500), "moment {moment}");
        });
    }
}

#[test]
fn what_comes_while_a_bounded_run_ends_is_left_to_the_next_one() {
    check_publishing_meanwhile(&async |client| {
        Streams::run_bounded(word_count(), client.clone(), StreamsConfig::default()).await.unwrap();
    });
}

#[test]
fn what_comes_while_an_instance_is_drained_is_left_to_the_next_one() {
    check_publishing_meanwhile(&async |client| {
        let live = Streams::start(word_count(), client.clone(), StreamsConfig::default()).await.unwrap();
        pause(Duration::from_millis(20)).await;
        live.drain().await.unwrap();
    });
}

#[test]
fn a_bounded_run_beside_an_instance_is_refused() {
    for topology in [word_count, per_minute] {
        simulate(|| async {
            let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
            let client = cluster.client("streams").await.unwrap();
            create(&client, &[("lines", 3), ("counts", 1)]).await;
            publish(&client, 0..10).await;
            let live = Streams::start(topology(), client.clone(), StreamsConfig::default()).await.unwrap();
            pause(Duration::from_secs(5)).await;
            publish(&client, 10..20).await;
            let run = Streams::run_bounded(topology(), client.clone(), StreamsConfig::default()).await;
            assert!(matches!(run, Err(StreamsError::NotAlone(_))), "{run:?}");
            live.stop().await.unwrap();
        });
    }
}
