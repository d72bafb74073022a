//! The test driver itself.

use std::time::Duration;

use expect_test::expect;
use headwater_model::{Clock, Monotonic, PartitionId, SystemClock, Timestamp};
use headwater_schema::{ignored, json, long, serdes, utf8};
use headwater_streams::{Record, TaskConfig, TestConfig, TestDriver, TestError, Topology};

use crate::support::{World, app, sentence, text};

fn copy() -> Topology {
    app(|app| app.stream("in", text()).to("out", text()))
}

fn record(value: &str, time: i64) -> Record<String, String> {
    Record::new("key".to_owned(), value.to_owned(), Timestamp(time))
}

fn said<T: std::fmt::Debug>(result: Result<T, TestError>) -> String {
    sentence(&result.unwrap_err())
}

#[test]
fn mistakes_of_a_test_are_told() {
    let mut driver = TestDriver::new(&copy());
    expect![[r#"
        error: the topology does not read "inn"; it reads "in"
    "#]]
    .assert_eq(&said(driver.pipe("inn", text(), record("x", 1))));
    expect![[r#"
        error: the topology does not write "in"; it writes "out"
    "#]]
    .assert_eq(&said(driver.output::<String, String, _, _>("in", text())));
    expect![[r#"
        error: the topology has no table or aggregate "counts"; it has none
    "#]]
    .assert_eq(&said(driver.store::<String, String, _, _>("counts", text())));
    driver.pipe("in", text(), record("x", 1)).unwrap();
    expect![[r#"
        error: the key of a record of "out" cannot be read: not a String: expected value at byte 0, near `key`
    "#]]
    .assert_eq(&said(driver.output::<String, u32, _, _>("out", json())));
    let of_no_topic = TestConfig::default().partitions("inn", 2);
    expect![[r#"
        error: the topology has no topic "inn"; it has "in", "out"
    "#]]
    .assert_eq(&said(TestDriver::with(&copy(), &of_no_topic)));
    let in_no_partition = driver.load_into("in", PartitionId(1), text(), [record("x", 1)]);
    expect![[r#"
        error: the topic "in" has no partition 1; it has 1, and the first is 0
    "#]]
    .assert_eq(&said(in_no_partition));
    let none = TestConfig::default().partitions("in", 0);
    expect![[r#"
        error: the topic "in" cannot have 0 partitions; it needs at least one
    "#]]
    .assert_eq(&said(TestDriver::with(&copy(), &none)));
}

#[test]
fn a_store_is_read_as_what_it_is() {
    let topology = app(|app| drop(app.stream("in", text()).group_by_key().count("counts")));
    let mut driver = TestDriver::new(&topology);
    driver.pipe("in", text(), record("x", 1)).unwrap();
    let windows = driver.window_store::<String, i64, _, _>("counts", serdes(utf8(), long()));
    expect![[r#"
        error: the topology has no windowed aggregate "counts"; it has "counts"
    "#]]
    .assert_eq(&said(windows));
    expect![[r#"
        error: an entry of the store "counts" cannot be read: not a u32: expected value at byte 0, near `\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{1}`
    "#]].assert_eq(&said(
        driver.store::<String, u32, _, _>("counts", serdes(utf8(), headwater_schema::Json::new())),
    ));
}

#[test]
fn after_an_error_the_driver_stands_still_and_shows_what_was_written_before() {
    let topology = app(|app| {
        app.stream("in", serdes(utf8(), headwater_schema::Json::<u32>::new()))
            .to("out", json::<String, u32>());
    });
    let mut driver = TestDriver::new(&topology);
    driver.load("in", text(), ["1", "2", "three", "4"].map(|value| record(value, 1))).unwrap();
    expect![[r#"
        error: the value of the record at in-0@2 cannot be read: not a u32: expected ident at byte 1, near `three`
    "#]].assert_eq(&said(driver.run()));
    expect![[r#"
        error: a task has stopped at an earlier error, and nothing can be fed any more
    "#]]
    .assert_eq(&said(driver.run()));
    expect![[r#"
        error: a task has stopped at an earlier error, and nothing can be fed any more
    "#]]
    .assert_eq(&said(driver.load("in", text(), [record("5", 2)])));
    let written = driver
        .output::<String, u32, _, _>(
            "out",
            serdes(headwater_schema::Json::new(), headwater_schema::Json::new()),
        )
        .unwrap();
    assert_eq!(written.iter().map(|record| record.value).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn output_is_taken_once() {
    let mut driver = TestDriver::new(&copy());
    driver.pipe("in", text(), record("x", 1)).unwrap();
    assert_eq!(driver.output::<String, String, _, _>("out", text()).unwrap().len(), 1);
    assert_eq!(driver.output::<String, String, _, _>("out", text()).unwrap().len(), 0);
}

#[test]
fn nothing_loaded_has_effects_before_it_is_run() {
    let mut driver = TestDriver::new(&copy());
    driver.load("in", text(), [record("x", 1)]).unwrap();
    assert_eq!(driver.output::<String, String, _, _>("out", text()).unwrap().len(), 0);
    driver.run().unwrap();
    assert_eq!(driver.output::<String, String, _, _>("out", text()).unwrap().len(), 1);
}

#[test]
fn records_without_a_key_go_to_each_partition_in_turn() {
    let topology =
        app(|app| app.stream("in", serdes(ignored(), utf8())).to("out", serdes(ignored(), utf8())));
    let config = TestConfig::default().partitions("in", 2).partitions("out", 3);
    let mut driver = TestDriver::with(&topology, &config).unwrap();
    for time in 0..4 {
        driver
            .pipe("in", serdes(ignored(), utf8()), Record::new((), "x".to_owned(), Timestamp(time)))
            .unwrap();
    }
    let out = driver.output("out", serdes(ignored(), utf8())).unwrap();
    let partitions: Vec<_> = out.iter().map(|record| record.partition.0).collect();
    assert_eq!(partitions, [0, 1, 2, 0]);
}

#[test]
fn an_idle_input_holds_the_others_up_for_as_long_as_the_author_says() {
    let topology = app(|app| {
        let cities = app.table("cities", text());
        app.stream("orders", text()).left_join("city", &cities, |order, _| order.value).to("out", text());
    });
    let max_idle = Duration::from_secs(5);
    let config = TestConfig::default().task(TaskConfig { max_idle, ..TaskConfig::default() });
    let mut world = World::new(&topology, &config);
    world.load("orders ada=tea @1").unwrap();
    world.driver.run().unwrap();
    let outputs =
        |world: &mut World| world.driver.output::<String, String, _, _>("out", text()).unwrap().len();
    assert_eq!(outputs(&mut world), 0, "the table may still have an older record");
    world.driver.advance(Duration::from_millis(4_999)).unwrap();
    assert_eq!(outputs(&mut world), 0, "it still may");
    world.driver.advance(Duration::from_millis(1)).unwrap();
    assert_eq!(outputs(&mut world), 1, "no longer");
}

/// It takes about two; the bound is for machines that do much else.
#[test]
fn a_million_records_take_seconds() {
    let topology = app(|app| drop(app.stream("in", text()).group_by_key().count("counts")));
    let mut driver = TestDriver::new(&topology);
    let clock = SystemClock::new();
    for number in 0..1_000_000 {
        let record = Record::new((number % 1_000).to_string(), "x".to_owned(), Timestamp(number));
        driver.pipe("in", text(), record).unwrap();
    }
    let counts = driver.store::<String, i64, _, _>("counts", serdes(utf8(), long())).unwrap();
    assert!(counts.len() == 1_000 && counts.iter().all(|(_, count)| *count == 1_000));
    let took = clock.monotonic();
    assert!(took < Monotonic::from_origin(Duration::from_secs(30)), "{took:?}");
}
