//! Times that authors give to records.

use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    Consumed, InvalidTimestamp, Record, TestDriver, Topology, TumblingWindows, windowed,
};

use crate::support::{app, check, check_loaded, text};

/// The time that stands in the value behind a colon; without one, that of the partition.
fn told<V: AsRef<str>>(record: &Record<String, V>, partition_time: Timestamp) -> Timestamp {
    let time = record.value.as_ref().split_once(':').map(|(_, time)| time.parse().unwrap());
    time.map_or(partition_time, Timestamp)
}

fn echo(consumed: Consumed<String, String>) -> Topology {
    app(|app| app.stream_with("in", text(), consumed).to("out", text()))
}

#[test]
fn the_extracted_time_is_the_records_time_from_then_on() {
    check(
        &echo(Consumed::new().timestamps(told)),
        "
        in a=x:7 @100
        in a=y:3 @101
        in b=z @102
        in b=w:9 @-1",
        &expect![[r#"
            out a=x:7 @7
            out a=y:3 @3
            out b=z @7
            out b=w:9 @9
        "#]],
    );
}

#[test]
fn a_record_that_is_given_a_negative_time_is_left_out_and_counted() {
    let topology = echo(Consumed::new().timestamps(told));
    let mut driver = TestDriver::new(&topology);
    for value in ["early", "x:-5", "y:5", "z"] {
        driver.pipe("in", text(), Record::new("a".to_owned(), value.to_owned(), Timestamp(50))).unwrap();
    }
    let out = driver.output::<String, String, _, _>("out", text()).unwrap();
    let out: Vec<_> = out.iter().map(|record| (record.value.as_str(), record.timestamp.0)).collect();
    assert_eq!(out, [("y:5", 5), ("z", 5)], "the first one had no partition time to fall back on");
    let metrics = driver.metrics();
    assert_eq!((metrics.negative_times, metrics.skipped, metrics.records_in), (2, 0, 4));
}

#[test]
fn inputs_are_ordered_and_windows_closed_by_extracted_times() {
    let windows = TumblingWindows::of(Duration::from_millis(10));
    let topology = app(|app| {
        let one = app.stream_with("one", text(), Consumed::new().timestamps(told));
        let two = app.stream("two", text());
        one.merge(&two)
            .group_by_key()
            .windowed_by(windows)
            .count("counts")
            .updates()
            .to("out", serdes(windowed(utf8(), windows), long()));
        one.merge(&two).to("log", text());
    });
    let mut driver = TestDriver::new(&topology);
    let lay = |driver: &mut TestDriver, topic, value: &str, time| {
        let record = Record::new("k".to_owned(), value.to_owned(), Timestamp(time));
        driver.load(topic, text(), [record]).unwrap();
    };
    lay(&mut driver, "one", "a:25", 1);
    lay(&mut driver, "one", "b:4", 2);
    lay(&mut driver, "two", "c", 12);
    driver.run().unwrap();
    let log = driver.output::<String, String, _, _>("log", text()).unwrap();
    assert_eq!(log.iter().map(|record| record.value.as_str()).collect::<Vec<_>>(), ["c", "a:25", "b:4"]);
    assert_eq!(driver.late("counts"), 1);
}

#[test]
fn a_table_extracts_times_of_tombstones_too_but_not_of_records_without_a_key() {
    let topology = app(|app| {
        let consumed = Consumed::new().timestamps(
            |record: &Record<String, Option<String>>, partition_time| match &record.value {
                Some(value) => {
                    told(&Record::new(record.key.clone(), value.clone(), record.timestamp), partition_time)
                }
                None => partition_time.plus_ms(1),
            },
        );
        app.table_with("in", text(), consumed)
            .to_stream()
            .to("out", serdes(utf8(), headwater_schema::optional(utf8())));
    });
    check(
        &topology,
        "
        in a=x:7 @100
        in ~=y:900 @101
        in a=~ @102
        in b=z @103",
        &expect![[r#"
            out a=x:7 @7
            out a=~ @8
            out b=z @8
            null keys: 1
        "#]],
    );
}

#[test]
fn a_versioned_table_takes_its_versions_from_extracted_times() {
    let topology = app(|app| {
        let consumed = Consumed::new().timestamps(|record: &Record<String, Option<String>>, _| {
            let value = record.value.as_deref().unwrap_or_default();
            Timestamp(value.split_once(':').map_or(0, |(_, time)| time.parse().unwrap()))
        });
        let table = app.versioned_table_with("table", text(), Duration::from_secs(1), consumed);
        app.stream("in", text())
            .join_with_grace("joined", &table, Duration::ZERO, |record, found| {
                format!("{}{found}", record.value)
            })
            .to("out", text());
    });
    check(
        &topology,
        "
        table a=old:5 @500
        table a=new:20 @600
        in a=x @10
        in a=y @25",
        &expect![[r#"
            out a=xold:5 @10
            out a=ynew:20 @25
        "#]],
    );
}

#[test]
fn what_becomes_of_records_without_a_time_is_the_authors_to_say() {
    let fed = "
        in a=x @-1
        in a=y @5
        in a=z @-1";
    check(
        &echo(Consumed::new()),
        fed,
        &expect![[r#"
            error: the record at in-0@0 has no timestamp
        "#]],
    );
    check_loaded(
        &echo(Consumed::new().invalid_timestamps(InvalidTimestamp::Skip)),
        fed,
        &expect![[r#"
            out a=y @5
        "#]],
    );
    check(
        &echo(Consumed::new().invalid_timestamps(InvalidTimestamp::UsePartitionTime)),
        fed,
        &expect![[r#"
            error: the record at in-0@0 has no timestamp
        "#]],
    );
    check(
        &echo(Consumed::new().invalid_timestamps(InvalidTimestamp::UsePartitionTime)),
        "
        in a=y @5
        in a=z @-1
        in a=u @3
        in a=v @-1",
        &expect![[r#"
            out a=y @5
            out a=z @5
            out a=u @3
            out a=v @5
        "#]],
    );
}

#[test]
fn what_cannot_be_read_does_not_move_time_further_than_an_extracted_one_could() {
    use headwater_streams::{ErrorPolicies, OnError, TaskConfig, TestConfig};
    let windows = TumblingWindows::of(Duration::from_millis(10));
    let topology = app(|app| {
        app.stream_with(
            "in",
            serdes(utf8(), long()),
            Consumed::new().timestamps(|record, _| Timestamp(record.value)),
        )
        .group_by_key()
        .windowed_by(windows)
        .count("counts");
    });
    let policies = ErrorPolicies { deserialization: OnError::Skip, ..ErrorPolicies::default() };
    let config = TestConfig::default().task(TaskConfig { policies, ..TaskConfig::default() });
    let mut driver = TestDriver::with(&topology, &config).unwrap();
    let key = || "a".to_owned();
    driver.pipe("in", serdes(utf8(), long()), Record::new(key(), 3, Timestamp(1_000))).unwrap();
    driver.pipe("in", text(), Record::new(key(), "no number".to_owned(), Timestamp(1_000))).unwrap();
    driver.pipe("in", serdes(utf8(), long()), Record::new(key(), 4, Timestamp(1_000))).unwrap();
    assert_eq!((driver.late("counts"), driver.metrics().skipped), (0, 1));
}
