//! Tumbling windows.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::{Record, TestConfig, TestDriver, Topology, TumblingWindows, Windowed, windowed};

use crate::support::{World, app, check, check_with, text};

const TEN: Duration = Duration::from_millis(10);

/// Counts per key and window of ten milliseconds.
fn counts(windows: TumblingWindows) -> Topology {
    app(|app| {
        app.stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(windows)
            .count("counts")
            .updates()
            .map(|count| {
                let Windowed { key, start, end } = count.key;
                (format!("{}[{start},{end})", key.unwrap_or_default()), count.value.to_string())
            })
            .to("out", text());
    })
}

#[test]
fn a_window_begins_with_its_first_millisecond_and_ends_before_the_next_ones() {
    let fed = "
        in a=x @0
        in a=x @9
        in a=x @10
        in b=x @10
        in a=x @19
        in a=x @20";
    check(
        &counts(TumblingWindows::of(TEN)),
        fed,
        &expect![[r#"
        out a[0,10)=1 @0
        out a[0,10)=2 @9
        out a[10,20)=1 @10
        out b[10,20)=1 @10
        out a[10,20)=2 @19
        out a[20,30)=1 @20
    "#]],
    );
}

#[test]
fn without_grace_a_window_is_closed_once_stream_time_reaches_its_end() {
    let fed = "
        in a=x @9
        in b=x @9
        in a=x @1
        in c=x @10
        in a=x @9";
    check(
        &counts(TumblingWindows::of(TEN)),
        fed,
        &expect![[r#"
        out a[0,10)=1 @9
        out b[0,10)=1 @9
        out a[0,10)=2 @9
        out c[10,20)=1 @10
        late for counts: 1
    "#]],
    );
}

#[test]
fn with_grace_a_window_takes_records_until_stream_time_reaches_its_end_plus_the_grace() {
    let fed = "
        in a=x @9
        in b=x @14
        in a=x @1
        in b=x @15
        in a=x @1
        in b=x @24
        in b=x @13
        in b=x @25
        in b=x @13";
    check(
        &counts(TumblingWindows::of(TEN).grace(Duration::from_millis(5))),
        fed,
        &expect![[r#"
        out a[0,10)=1 @9
        out b[10,20)=1 @14
        out a[0,10)=2 @9
        out b[10,20)=2 @15
        out b[20,30)=1 @24
        out b[10,20)=3 @15
        out b[20,30)=2 @25
        late for counts: 2
    "#]],
    );
}

#[test]
fn stream_time_follows_every_record_of_the_task_filtered_ones_and_those_of_other_keys_too() {
    let topology = app(|app| {
        app.stream("in", text())
            .filter(|word| word.value != "no")
            .group_by_key()
            .windowed_by(TumblingWindows::of(TEN))
            .count("counts")
            .updates()
            .map(|count| (count.key.key, count.value.to_string()))
            .to("out", text());
    });
    check(
        &topology,
        "in a=x @1\n in b=no @10\n in a=x @2",
        &expect![[r#"
        out a=1 @1
        late for counts: 1
    "#]],
    );
}

#[test]
fn stream_time_is_each_tasks_own() {
    // "a" and "b" are on different partitions of two.
    let config = TestConfig::default().partitions("in", 2);
    check_with(
        &config,
        &counts(TumblingWindows::of(TEN)),
        "in a=x @1\n in b=x @50\n in a=x @2",
        &expect![[r#"
            out a[0,10)=1 @1
            out b[50,60)=1 @50
            late for counts: 1
        "#]],
    );
}

#[test]
fn the_time_of_a_result_is_the_latest_of_its_windows_records() {
    let fed = "
        in a=x @7
        in a=x @3
        in b=x @12
        in a=x @8";
    check(
        &counts(TumblingWindows::of(TEN).grace(TEN)),
        fed,
        &expect![[r#"
        out a[0,10)=1 @7
        out a[0,10)=2 @7
        out b[10,20)=1 @12
        out a[0,10)=3 @8
    "#]],
    );
}

#[test]
fn null_keys_belong_to_no_window() {
    check(
        &counts(TumblingWindows::of(TEN)),
        "in ~=x @1",
        &expect![[r#"
        null keys: 1
    "#]],
    );
}

#[test]
fn late_records_are_counted_by_the_name_of_the_aggregate() {
    let topology = app(|app| {
        let words = app.stream("in", text()).group_by_key();
        words.windowed_by(TumblingWindows::of(TEN)).count("small");
        words.windowed_by(TumblingWindows::of(TEN * 10)).count("large");
    });
    let mut world = World::new(&topology, &TestConfig::default());
    for line in ["in a=x @50", "in a=x @1", "in a=x @2", "in a=x @100", "in a=x @3"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let late = ["small", "large", "other"].map(|name| world.driver.late(name));
    assert_eq!(late, [3, 1, 0]);
}

#[test]
fn a_window_store_shows_the_open_windows() {
    let mut world = World::new(&counts(TumblingWindows::of(TEN).grace(TEN)), &TestConfig::default());
    for line in ["in a=x @1", "in b=x @11", "in a=x @12", "in a=x @21", "in a=x @22"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let counts = world.driver.window_store("counts", serdes(utf8(), long())).unwrap();
    let counts: Vec<_> = counts
        .into_iter()
        .map(|(key, count): (Windowed<String>, i64)| (key.start.0, key.key, count))
        .collect();
    assert_eq!(counts, [(10, "a".to_owned(), 1), (10, "b".to_owned(), 1), (20, "a".to_owned(), 2)]);
}

#[test]
fn windowed_results_are_keyed_as_kafkas_time_windowed_serde_writes_them() {
    let windows = TumblingWindows::of(TEN);
    let topology = app(|app| {
        let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        counts.updates().to("out", serdes(windowed(utf8(), windows), long()));
    });
    let mut driver = TestDriver::new(&topology);
    let record =
        |key: &str, time| Record::new(key.to_owned(), "x".to_owned(), headwater_model::Timestamp(time));
    driver.pipe("in", text(), record("jfk", 25)).unwrap();
    driver.pipe("in", text(), record("jfk", 31)).unwrap();
    let raw = headwater_schema::bytes();
    let typed = driver.output("out", serdes(raw, long())).unwrap();
    let keys: Vec<_> = typed.iter().map(|record| record.key.as_ref()).collect();
    assert_eq!(keys, [b"jfk\0\0\0\0\0\0\0\x14", b"jfk\0\0\0\0\0\0\0\x1e"]);
}
