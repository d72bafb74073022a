//! Tasks that start again: with stores from changelogs and from disk, in the state of their last commit.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use headwater_client::admin::{NewTopic, OffsetSpec};
use headwater_client::{ProducerConfig, ProducerRecord};
use headwater_model::{Offset, PartitionId, Timestamp, TopicName, TopicPartition};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    Begin, EmitStrategy, Guarantee, HoppingWindows, SessionWindows, SlidingWindows, StatePlace, Streams,
    StreamsConfig, StreamsError, TaskConfig, TaskId, Topology, TumblingWindows, windowed,
};
use headwater_testkit::{Faults, SimCluster, simulate};
use tempfile::TempDir;

use crate::runtime::{SimClient, create, name, newest, pause, records};

/// Counts lines per key, by minute and for ever, beside a table of the newest line.
fn counts() -> Topology {
    let windows = TumblingWindows::of(Duration::from_mins(1));
    let mut app = Topology::builder("counts").guarantee(Guarantee::AtLeastOnce);
    let lines = app.stream::<String, String, _, _>("lines", serdes(utf8(), utf8()));
    let names = app.table::<String, String, _, _>("names", serdes(utf8(), utf8()));
    let grouped = lines.group_by_key();
    grouped.count("all").updates().to("all", serdes(utf8(), long()));
    grouped
        .windowed_by(windows)
        .count("minutes")
        .updates()
        .to("minutes", serdes(windowed(utf8(), windows), long()));
    lines
        .join("named", &names, |line, name| format!("{name}: {}", line.value))
        .to("named", serdes(utf8(), utf8()));
    app.build().unwrap()
}

async fn cluster() -> (SimCluster, SimClient) {
    let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
    let client = cluster.client("streams").await.unwrap();
    create(&client, &[("lines", 3), ("names", 3), ("all", 1), ("minutes", 1), ("named", 1)]).await;
    (cluster, client)
}

/// A line for each of ten keys and each number, a second apart.
async fn publish(client: &SimClient, topic: &str, numbers: std::ops::Range<i64>) {
    let producer = client.producer(ProducerConfig::default());
    let topic = name(topic);
    for number in numbers {
        for key in 0..10 {
            let (key, value) = (format!("key-{key}"), format!("line-{number}"));
            let record = ProducerRecord::new(&topic, value.as_bytes()).key(key.as_bytes());
            producer.send(record.timestamp(Timestamp(number * 1_000))).await.unwrap();
        }
    }
    producer.close().await.unwrap();
}

fn each(count: i64) -> BTreeMap<String, i64> {
    (0..10).map(|key| (format!("key-{key}"), count)).collect()
}

/// Never commits but when it ends.
fn uncommitted() -> StreamsConfig {
    StreamsConfig { commit_interval: Duration::from_hours(1), ..StreamsConfig::default() }
}

fn on_disk(folder: &Path) -> StreamsConfig {
    StreamsConfig { state_dir: Some(folder.to_owned()), ..StreamsConfig::default() }
}

#[test]
fn what_was_not_committed_has_not_happened_to_the_stores() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        publish(&client, "lines", 0..20).await;
        Streams::start(counts(), client.clone(), uncommitted()).await.unwrap().drain().await.unwrap();
        for round in 1..4 {
            publish(&client, "lines", 20 * round..20 * (round + 1)).await;
            let killed = Streams::start(counts(), client.clone(), uncommitted()).await.unwrap();
            pause(Duration::from_mins(1)).await;
            assert_eq!(killed.progress().records_in, 200 * round as u64, "all that is not committed");
            drop(killed);
        }
        let last = Streams::start(counts(), client.clone(), uncommitted()).await.unwrap();
        let progress = last.drain().await.unwrap();
        assert_eq!(progress.records_in, 600, "what was committed is not read again");
        assert_eq!(newest(&client, "all").await, each(80));
        // Twenty keys more would be there if the changes of the killed had stayed.
        let again = Streams::start(counts(), client.clone(), uncommitted()).await.unwrap();
        publish(&client, "lines", 80..81).await;
        again.drain().await.unwrap();
        assert_eq!(newest(&client, "all").await, each(81));
    });
}

#[test]
fn stream_time_is_committed_so_closed_windows_stay_closed() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        publish(&client, "lines", 0..200).await;
        Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap();
        publish(&client, "lines", 5..6).await;
        let progress =
            Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap();
        assert_eq!(progress.late.values().sum::<u64>(), 10, "{progress:?}");
    });
}

#[test]
fn a_table_is_read_up_to_where_its_task_has_come() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        publish(&client, "names", 0..3).await;
        publish(&client, "lines", 3..4).await;
        Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap();
        publish(&client, "lines", 4..5).await;
        publish(&client, "names", 6..7).await;
        Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap();
        let named = records(&client, "named").await;
        let mut named: Vec<_> =
            named.into_iter().map(|(_, value)| String::from_utf8(value).unwrap()).collect();
        named.dedup();
        assert_eq!(named, ["line-2: line-3", "line-2: line-4"]);
    });
}

#[test]
fn a_store_on_disk_reads_only_what_it_has_missed() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().to_owned();
    simulate(move || async move {
        let (_cluster, client) = cluster().await;
        publish(&client, "lines", 0..50).await;
        Streams::run_bounded(counts(), client.clone(), on_disk(&state)).await.unwrap();
        // What the changelog has said is no longer needed: without it, counts go on from the disk.
        let other = TempDir::new().unwrap();
        publish(&client, "lines", 50..60).await;
        Streams::run_bounded(counts(), client.clone(), on_disk(other.path())).await.unwrap();
        assert_eq!(newest(&client, "all").await, each(60));
        publish(&client, "lines", 60..70).await;
        let killed = Streams::start(counts(), client.clone(), on_disk(&state)).await.unwrap();
        pause(Duration::from_millis(700)).await;
        drop(killed);
        pause(Duration::from_mins(1)).await;
        Streams::run_bounded(counts(), client.clone(), on_disk(&state)).await.unwrap();
        assert_eq!(newest(&client, "all").await, each(70));
    });
}

/// Cogroups of lines and names in windows of three kinds.
fn cogroups() -> Topology {
    let mut app = Topology::builder("cogroups").guarantee(Guarantee::AtLeastOnce);
    let (lines, names) =
        (app.stream("lines", serdes(utf8(), utf8())), app.stream("names", serdes(utf8(), utf8())));
    let both = lines
        .group_by_key()
        .cogroup(|_: &String, line: String, so_far: String| format!("{so_far},{line}"))
        .cogroup(&names.group_by_key(), |_, name: String, so_far| format!("{so_far};{name}"));
    let text = || serdes(utf8(), utf8());
    let sliding = SlidingWindows::of(Duration::from_secs(7)).grace(Duration::from_secs(5));
    both.windowed_by(sliding)
        .aggregate("sliding", String::new, text())
        .updates()
        .to("all", serdes(windowed(utf8(), sliding), utf8()));
    let hopping = HoppingWindows::of(Duration::from_secs(9)).advance_by(Duration::from_secs(4));
    let hopping =
        both.windowed_by(hopping).emit(EmitStrategy::on_close()).aggregate("hopping", String::new, text());
    hopping.updates().map(|total| (total.key.key, total.value)).to("minutes", text());
    let sessions =
        both.windowed_by(SessionWindows::with_gap(Duration::from_secs(6))).emit(EmitStrategy::on_close());
    let merge = |_: &String, so_far: String, session: String| so_far + "|" + &session;
    let sessions = sessions.aggregate("sessions", String::new, merge, text());
    sessions.updates().map(|total| (total.key.key, total.value)).to("named", text());
    app.build().unwrap()
}

/// Publishes numbers up to each of the ends, and runs the cogroups there; gives all that they wrote.
async fn run_at(ends: Vec<i64>, config: StreamsConfig) -> Vec<Vec<(String, Vec<u8>)>> {
    let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
    let client = cluster.client("streams").await.unwrap();
    create(&client, &[("lines", 1), ("names", 1), ("all", 1), ("minutes", 1), ("named", 1)]).await;
    let mut begin = 0;
    for end in ends {
        // Now and then nothing happens for a while, so that sessions end.
        for number in (begin..end).filter(|number| number % 20 < 12) {
            let topic = if number % 3 == 0 { "names" } else { "lines" };
            publish(&client, topic, number..number + 1).await;
        }
        Streams::run_bounded(cogroups(), client.clone(), config.clone()).await.unwrap();
        begin = end;
    }
    let mut written = Vec::new();
    for topic in ["all", "minutes", "named"] {
        written.push(records(&client, topic).await);
    }
    written
}

#[test]
fn cogroups_within_windows_go_on_where_they_were_from_changelogs_and_from_disk() {
    let run = |ends: &'static [i64], config| simulate(move || run_at(ends.to_vec(), config));
    let at_once = run(&[90], StreamsConfig::default());
    assert!(at_once.iter().all(|written| written.len() > 10), "{at_once:?}");
    let ends = &[5, 28, 29, 44, 90];
    assert_eq!(run(ends, StreamsConfig::default()), at_once);
    let folder = TempDir::new().unwrap();
    assert_eq!(run(ends, on_disk(folder.path())), at_once);
}

/// What the count of all lines is on disk.
fn counted_on_disk(state: &Path) -> BTreeMap<String, i64> {
    let (topology, config) = (counts(), TaskConfig::default());
    let place = StatePlace { folder: state.join("counts"), memory: 1 << 20 };
    let mut found = BTreeMap::new();
    for partition in (0..3).map(PartitionId) {
        let id = TaskId { sub_topology: 0, partition };
        let task = topology.task_on_disk(id, &topology.global_stores(&config), &config, &place);
        found.extend(task.unwrap().unwrap().entries("all", &utf8(), &long()).unwrap().unwrap());
    }
    found
}

#[test]
fn what_is_committed_reaches_the_disk_though_nothing_more_comes() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().to_owned();
    simulate(move || async move {
        let (_cluster, client) = cluster().await;
        publish(&client, "lines", 0..5).await;
        let killed = Streams::start(counts(), client.clone(), on_disk(&state)).await.unwrap();
        pause(Duration::from_secs(10)).await;
        publish(&client, "lines", 5..6).await;
        pause(Duration::from_mins(1)).await;
        drop(killed);
        pause(Duration::from_secs(10)).await;
        assert_eq!(counted_on_disk(&state), each(6));
    });
}

#[test]
fn an_instance_that_ends_leaves_nothing_unwritten() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().to_owned();
    simulate(move || async move {
        let (_cluster, client) = cluster().await;
        publish(&client, "lines", 0..5).await;
        let running = Streams::start(counts(), client.clone(), on_disk(&state)).await.unwrap();
        pause(Duration::from_secs(10)).await;
        publish(&client, "lines", 5..6).await;
        running.drain().await.unwrap();
        assert_eq!(counted_on_disk(&state), each(6));
    });
}

#[test]
fn a_full_buffer_is_committed_early() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().to_owned();
    simulate(move || async move {
        let (_cluster, client) = cluster().await;
        let config = StreamsConfig { state_memory: 3_000, ..on_disk(&state) };
        let config = StreamsConfig { commit_interval: Duration::from_hours(1), ..config };
        publish(&client, "lines", 0..500).await;
        let live = Streams::start(counts(), client.clone(), config.clone()).await.unwrap();
        pause(Duration::from_secs(30)).await;
        drop(live);
        pause(Duration::from_mins(1)).await;
        let again = Streams::start(counts(), client.clone(), config).await.unwrap();
        let progress = again.drain().await.unwrap();
        assert!(progress.records_in < 5_000, "{progress:?}");
        assert_eq!(newest(&client, "all").await, each(500));
    });
}

#[test]
fn state_whose_offsets_are_gone_is_not_guessed_at() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        publish(&client, "lines", 0..5).await;
        Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap();
        client.admin().delete_group("counts").await.unwrap();
        let error =
            Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap_err();
        assert!(matches!(error, StreamsError::StateWithoutOffsets { .. }), "{error}");
        assert!(
            error.to_string().contains("-changelog\" holds state, but the group has no committed offsets"),
            "{error}"
        );
        let logs = ["counts-all-changelog", "counts-minutes-changelog"].map(name);
        for deleted in client.admin().delete_topics(&logs).await.into_values() {
            deleted.unwrap();
        }
        Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap();
        assert_eq!(newest(&client, "all").await, each(5));
        client.admin().delete_topics(&logs).await;
        let error =
            Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap_err();
        assert!(matches!(error, StreamsError::ChangelogCut { .. }), "{error}");
    });
}

#[test]
fn a_changelog_of_another_shape_is_refused() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        let topic = TopicName::new("counts-all-changelog").unwrap();
        client.admin().create_topics(&[NewTopic::new(topic, 2)]).await;
        let error =
            Streams::run_bounded(counts(), client.clone(), StreamsConfig::default()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the changelog topic \"counts-all-changelog\" has 2 partitions, but the topology needs 3: another version of \
             the application made it; to begin without its state, delete it and the group's offsets"
        );
        assert_eq!(records(&client, "counts-all-changelog").await, []);
    });
}

#[test]
fn a_run_from_a_time_on_finds_what_tables_knew_then_and_a_live_one_goes_on_where_it_ended() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        publish(&client, "names", 0..3).await;
        publish(&client, "lines", 0..50).await;
        let from =
            |begin| Streams::run_bounded_from(begin, counts(), client.clone(), StreamsConfig::default());
        let progress = from(Begin::At(Timestamp(30_000))).await.unwrap();
        assert_eq!(progress.records_in, 200, "of each key those from second 30 on");
        assert_eq!(newest(&client, "all").await, each(20));
        assert_eq!(records(&client, "named").await[0].1, b"line-2: line-30");
        publish(&client, "lines", 50..60).await;
        let live = Streams::start(counts(), client.clone(), StreamsConfig::default()).await.unwrap();
        live.drain().await.unwrap();
        assert_eq!(newest(&client, "all").await, each(30));
        let refused = from(Begin::At(Timestamp(0))).await.unwrap_err();
        assert!(matches!(refused, StreamsError::HasBegun { .. }), "{refused}");
    });
}

#[test]
fn a_run_from_offsets_begins_there_and_elsewhere_at_the_beginning() {
    simulate(|| async {
        let (_cluster, client) = cluster().await;
        publish(&client, "lines", 0..10).await;
        let at = TopicPartition::new(name("lines"), PartitionId(1));
        let wanted = [(at.clone(), OffsetSpec::Latest)];
        let end = client.admin().offsets(&wanted).await.unwrap()[&at].offset.unwrap();
        let begin = Begin::Offsets([(at, Offset(end.0 - 4))].into());
        let config = StreamsConfig { workers: 2, ..StreamsConfig::default() };
        let progress = Streams::run_bounded_from(begin, counts(), client.clone(), config).await.unwrap();
        assert_eq!(progress.records_in as i64, 100 - end.0 + 4);
        let error = Streams::run_bounded_from(
            Begin::Offsets(BTreeMap::new()),
            counts(),
            client.clone(),
            StreamsConfig::default(),
        );
        let error = error.await.unwrap_err().to_string();
        assert!(error.contains("\"counts\" has begun already (lines-0 says so)"), "{error}");
    });
}
