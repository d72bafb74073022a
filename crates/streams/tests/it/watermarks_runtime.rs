//! Watermarks under the runtime, over the embedded broker, on virtual time: tasks tell each other through the repartition
//! topic how far they have come.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::{ProducerConfig, ProducerRecord};
use headwater_model::{PartitionId, Timestamp};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    EmitStrategy, Guarantee, Progress, Streams, StreamsConfig, Topology, TumblingWindows, Watermarks,
};
use headwater_testkit::{Faults, SimCluster, simulate};

use crate::runtime::{SimClient, create, name, newest, pause};

const WINDOW_MS: i64 = 10_000;
const BOUND_MS: i64 = 3_000;

/// Counts values per window, on close, behind a repartition.
fn per_window(watermarks: Watermarks) -> Topology {
    let mut app = Topology::builder("per-window").guarantee(Guarantee::AtLeastOnce);
    app.watermarks(watermarks);
    app.stream::<String, String, _, _>("lines", serdes(utf8(), utf8()))
        .select_key(|line| line.value.clone())
        .repartition("by-line", serdes(utf8(), utf8()))
        .group_by_key()
        .windowed_by(TumblingWindows::of(Duration::from_millis(WINDOW_MS.unsigned_abs())))
        .emit(EmitStrategy::on_close())
        .count("windows")
        .updates()
        .map(|count| (format!("{}@{}", count.key.key, count.key.start), count.value))
        .to("counts", serdes(utf8(), long()));
    app.build().unwrap()
}

fn bound() -> Watermarks {
    Watermarks::bounded_out_of_orderness(Duration::from_millis(BOUND_MS.unsigned_abs()))
}

/// The record of a number: partition, value, time. Times of a partition are out of order within the bound.
fn line(number: i64) -> (PartitionId, String, i64) {
    let jitter = number * 7_919 % BOUND_MS;
    (PartitionId((number % 3) as i32), format!("line-{}", number % 5), number * 500 + jitter)
}

async fn publish(client: &SimClient, numbers: std::ops::Range<i64>) {
    let producer = client.producer(ProducerConfig::default());
    let topic = name("lines");
    for number in numbers {
        let (partition, value, time) = line(number);
        let record = ProducerRecord::new(&topic, value.as_bytes()).timestamp(Timestamp(time));
        let record = ProducerRecord { partition: Some(partition), key: Some(b"key"), ..record };
        producer.send(record).await.unwrap();
    }
    producer.close().await.unwrap();
}

/// What `per_window` must come to: all windows that the watermark of all records is past.
fn windows(numbers: std::ops::Range<i64>) -> BTreeMap<String, i64> {
    let watermark = numbers.clone().map(|number| line(number).2).max().unwrap() - BOUND_MS;
    let mut counts = BTreeMap::new();
    for (_, value, time) in numbers.map(line) {
        let start = time / WINDOW_MS * WINDOW_MS;
        if start + WINDOW_MS <= watermark {
            *counts.entry(format!("{value}@{start}")).or_default() += 1;
        }
    }
    counts
}

/// Runs over so many records.
async fn bounded(workers: usize, count: i64) -> (Progress, BTreeMap<String, i64>) {
    let mut cluster = SimCluster::start(workers as u64, Faults::none()).unwrap();
    let client = cluster.client("streams").await.unwrap();
    create(&client, &[("lines", 3), ("counts", 2)]).await;
    publish(&client, 0..count).await;
    let config = StreamsConfig { workers, ..StreamsConfig::default() };
    let progress = Streams::run_bounded(per_window(bound()), client.clone(), config).await.unwrap();
    (progress, newest(&client, "counts").await)
}

#[test]
fn a_bounded_run_closes_the_same_windows_however_many_workers_it_has() {
    for workers in [1, 2, 5] {
        let (progress, counts) = simulate(|| bounded(workers, 600));
        assert_eq!(counts, windows(0..600), "{workers} workers");
        assert_eq!(progress.late, BTreeMap::new(), "{workers} workers");
        // Marks are no records.
        assert_eq!((progress.records_in, progress.records_out), (1_200, 600 + counts.len() as u64));
    }
}

#[test]
fn a_bounded_run_closes_all_windows_though_its_last_step_ends_with_the_last_record() {
    // A step takes 1,000 records at most, and there are twice as many in each of three partitions.
    for workers in [1, 2, 5] {
        let (_, counts) = simulate(|| bounded(workers, 6_000));
        assert_eq!(counts, windows(0..6_000), "{workers} workers");
    }
}

#[test]
fn a_bounded_run_goes_on_where_the_one_before_ended_and_nothing_is_late() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 3), ("counts", 2)]).await;
        for numbers in [0..200, 200..200, 200..600] {
            publish(&client, numbers).await;
            let config = StreamsConfig::default();
            let progress = Streams::run_bounded(per_window(bound()), client.clone(), config).await.unwrap();
            assert_eq!(progress.late, BTreeMap::new());
        }
        assert_eq!(newest(&client, "counts").await, windows(0..600));
    });
}

#[test]
fn silence_closes_windows_behind_a_repartition_without_a_record() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 3), ("counts", 2)]).await;
        let watermarks = bound().idle_after(Duration::from_secs(20));
        let live =
            Streams::start(per_window(watermarks), client.clone(), StreamsConfig::default()).await.unwrap();
        publish(&client, 0..600).await;
        pause(Duration::from_mins(1)).await;
        assert_eq!(newest(&client, "counts").await, windows(0..600));
        assert_eq!(live.progress().late, BTreeMap::new());
        live.stop().await.unwrap();
    });
}

#[test]
fn an_instance_that_crashes_is_replaced_and_windows_come_out_the_same() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("lines", 3), ("counts", 2)]).await;
        publish(&client, 0..300).await;
        let doomed =
            Streams::start(per_window(bound()), client.clone(), StreamsConfig::default()).await.unwrap();
        pause(Duration::from_millis(1_500)).await;
        assert!(doomed.progress().records_in > 0);
        drop(doomed);
        publish(&client, 300..600).await;
        let replacement =
            Streams::start(per_window(bound()), client.clone(), StreamsConfig::default()).await.unwrap();
        replacement.drain().await.unwrap();
        assert_eq!(newest(&client, "counts").await, windows(0..600));
    });
}
