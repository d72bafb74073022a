//! Event time by watermarks: what comes out does not depend on how inputs interleave.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use headwater_model::{PartitionId, Timestamp};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    Buffer, Consumed, EmitStrategy, Header, JoinWindows, Record, SessionWindows, SlidingWindows, Stream,
    Suppressed, TestConfig, TestDriver, Topology, TopologyBuilder, TopologyProblem, TumblingWindows,
    Watermarks,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{app, nullable, text};

/// How far records of one partition are out of order, at most.
const BOUND_MS: i64 = 15;

/// Behind the times of all records.
const END: i64 = 100_000;

fn ms(count: i64) -> Duration {
    Duration::from_millis(count.unsigned_abs())
}

fn bound() -> Watermarks {
    Watermarks::bounded_out_of_orderness(ms(BOUND_MS))
}

fn windows() -> TumblingWindows {
    TumblingWindows::of(ms(10))
}

/// A record: its key, and its time.
type Event = (u8, i64);

/// Records of a partition, no further out of order than the bound.
fn partition() -> impl Strategy<Value = Vec<Event>> {
    vec((0..4_u8, 0..8_i64, 0..=BOUND_MS), 0..25).prop_map(|steps| {
        let mut base = 0;
        let event = |(key, step, behind): (u8, i64, i64)| {
            base += step;
            (key, base + BOUND_MS - behind)
        };
        steps.into_iter().map(event).collect()
    })
}

/// Which partition's next record comes when, and after which of them the topology runs.
fn arrivals() -> impl Strategy<Value = Vec<(prop::sample::Index, bool)>> {
    vec((any::<prop::sample::Index>(), any::<bool>()), 0..200)
}

fn record((key, time): Event) -> Record<String, String> {
    Record::new(format!("k{key}"), format!("v{key}"), Timestamp(time))
}

/// Feeds the partitions of topics as they arrive, and then a record each that ends all that there was before.
fn feed(driver: &mut TestDriver, inputs: &[(&str, Vec<Event>)], arrivals: &[(prop::sample::Index, bool)]) {
    let mut topics: BTreeMap<&str, i32> = BTreeMap::new();
    let mut waiting: Vec<_> = inputs
        .iter()
        .map(|(topic, events)| {
            let next = topics.entry(topic).or_default();
            *next += 1;
            (*topic, PartitionId(*next - 1), events.iter())
        })
        .collect();
    for (which, runs) in arrivals {
        let (topic, partition, events) = which.get_mut(&mut waiting);
        if let Some(event) = events.next() {
            driver.load_into(topic, *partition, text(), [record(*event)]).unwrap();
        }
        if *runs {
            driver.run().unwrap();
        }
    }
    for (topic, partition, events) in &mut waiting {
        driver.load_into(topic, *partition, text(), events.map(|event| record(*event))).unwrap();
        driver.run().unwrap();
    }
    for (topic, partition, _) in &waiting {
        driver.load_into(topic, *partition, text(), [record((9, END))]).unwrap();
        driver.run().unwrap();
    }
}

fn driver(topology: &Topology, inputs: &[(&str, Vec<Event>)]) -> TestDriver {
    let count = |topic: &str| inputs.iter().filter(|(other, _)| *other == topic).count() as i32;
    let topics: BTreeSet<_> = inputs.iter().map(|(topic, _)| *topic).collect();
    let config =
        topics.iter().fold(TestConfig::default(), |config, topic| config.partitions(topic, count(topic)));
    TestDriver::with(topology, &config).unwrap()
}

/// All that came out, sorted, without what the last records made.
fn results(driver: &mut TestDriver) -> Vec<(String, String, i64)> {
    let out = driver.output::<String, String, _, _>("out", text()).unwrap();
    let results = out.into_iter().map(|record| (record.key, record.value, record.timestamp.0));
    let mut results: Vec<_> = results.filter(|(_, _, time)| *time < END).collect();
    results.sort();
    results
}

/// The stream by its values, which needs a repartition.
fn by_value(stream: &Stream<String, String>) -> Stream<String, String> {
    stream.select_key(|record| record.value.clone()).with_serdes(text())
}

/// Counts of values and windows, on close, as text.
fn counted(stream: &Stream<String, String>, name: &str) -> Stream<String, String> {
    stream
        .group_by_key()
        .windowed_by(windows())
        .emit(EmitStrategy::on_close())
        .count(name)
        .updates()
        .map(|count| (format!("{}@{}", count.key.key, count.key.start), count.value.to_string()))
        .with_serdes(text())
}

/// What `counted` must come to.
fn naive_counts(events: impl Iterator<Item = (String, i64)>) -> Vec<(String, String, i64)> {
    let mut counts: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for (key, time) in events {
        let (count, latest) = counts.entry((key, time / 10 * 10)).or_default();
        *count += 1;
        *latest = time.max(*latest);
    }
    let text = |((key, start), (count, latest)): ((String, i64), _)| {
        (format!("{key}@{start}"), i64::to_string(&count), latest)
    };
    let mut counts: Vec<_> = counts.into_iter().map(text).collect();
    counts.sort();
    counts
}

fn partitions_of(
    topic: &'static str,
    partitions: &[Vec<Event>],
    count: usize,
) -> Vec<(&'static str, Vec<Event>)> {
    partitions.iter().take(count).map(|events| (topic, events.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn windows_on_close_behind_a_repartition_are_the_same_however_partitions_interleave(
        events in vec(partition(), 7),
        arrivals in arrivals(),
    ) {
        let topology = app(|app| {
            app.watermarks(bound());
            counted(&by_value(&app.stream("in", text())), "counts").to("out", text());
        });
        for count in [1, 2, 7] {
            let inputs = partitions_of("in", &events, count);
            let mut driver = driver(&topology, &inputs);
            feed(&mut driver, &inputs, &arrivals);
            let all = inputs.iter().flat_map(|(_, events)| events);
            prop_assert_eq!(results(&mut driver), naive_counts(all.map(|(key, time)| (format!("v{key}"), *time))));
            prop_assert_eq!(driver.late("counts"), 0);
        }
    }

    #[test]
    fn what_windows_held_back_is_not_late_behind_the_next_repartition(
        events in vec(partition(), 2),
        arrivals in arrivals(),
        suppressed in any::<bool>(),
    ) {
        let topology = app(|app| {
            app.watermarks(bound());
            let values = by_value(&app.stream("in", text()));
            let first = if suppressed {
                suppressed_counts(&values, "first")
            } else {
                counted(&values, "first")
            };
            let parity = first.map(|count| (format!("n{}", count.value), String::new())).with_serdes(text());
            counted(&parity, "second").to("out", text());
        });
        let inputs = partitions_of("in", &events, 2);
        let mut driver = driver(&topology, &inputs);
        feed(&mut driver, &inputs, &arrivals);
        let all = inputs.iter().flat_map(|(_, events)| events);
        let first = naive_counts(all.map(|(key, time)| (format!("v{key}"), *time)));
        let expected = naive_counts(first.into_iter().map(|(_, count, latest)| (format!("n{count}"), latest)));
        // The second time is behind the first by what the first holds back; one more end reaches it.
        for (topic, partition) in [("in", 0), ("in", 1)] {
            driver.load_into(topic, PartitionId(partition), text(), [record((9, 2 * END))]).unwrap();
        }
        driver.run().unwrap();
        prop_assert_eq!(results(&mut driver), expected);
        prop_assert_eq!(driver.metrics().late, BTreeMap::new());
    }

    #[test]
    fn sliding_windows_and_sessions_on_close_are_the_same_however_partitions_interleave(
        events in vec(partition(), 3),
        one in arrivals(),
        other in arrivals(),
    ) {
        let topology = app(|app| {
            app.watermarks(bound());
            let values = by_value(&app.stream("in", text())).repartition("by-value", text());
            write_kinds(&values);
        });
        let inputs = partitions_of("in", &events, 3);
        let mut both = [&one, &other].map(|arrivals| {
            let mut driver = driver(&topology, &inputs);
            feed(&mut driver, &inputs, arrivals);
            let late = driver.metrics().late;
            (results(&mut driver), late)
        });
        prop_assert_eq!(&both[0].1, &BTreeMap::new());
        let [one, other] = std::mem::take(&mut both);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn cogroups_on_close_are_the_same_however_their_partitions_interleave(
        events in vec(partition(), 4),
        arrivals in arrivals(),
    ) {
        let topology = app(|app| {
            app.watermarks(bound());
            let streams = ["left", "right"].map(|topic| by_value(&app.stream(topic, text())).group_by_key());
            let count = |_: &String, _: String, count: i64| count + 1;
            let windows = streams[0].cogroup(count).cogroup(&streams[1], count).windowed_by(windows());
            windows
                .emit(EmitStrategy::on_close())
                .aggregate("counts", || 0, serdes(utf8(), long()))
                .updates()
                .map(|count| (format!("{}@{}", count.key.key, count.key.start), count.value.to_string()))
                .to("out", text());
        });
        let mut inputs = partitions_of("left", &events[..2], 2);
        inputs.extend(partitions_of("right", &events[2..], 2));
        let mut driver = driver(&topology, &inputs);
        feed(&mut driver, &inputs, &arrivals);
        let all = inputs.iter().flat_map(|(_, events)| events);
        prop_assert_eq!(results(&mut driver), naive_counts(all.map(|(key, time)| (format!("v{key}"), *time))));
        prop_assert_eq!(driver.metrics().late, BTreeMap::new());
    }

    #[test]
    fn joins_of_streams_are_the_same_however_their_partitions_interleave(
        events in vec(partition(), 4),
        arrivals in arrivals(),
    ) {
        let topology = app(|app| {
            app.watermarks(bound());
            let left = by_value(&app.stream("left", text()));
            let right = by_value(&app.stream("right", text()));
            let join = |_: &String, left: Option<&String>, right: Option<&String>| format!("{}{}", left.is_some(), right.is_some());
            left.outer_join_within("both", &right, JoinWindows::of(ms(4)), join).with_serdes(text()).to("out", text());
        });
        let mut inputs = partitions_of("left", &events[..2], 2);
        inputs.extend(partitions_of("right", &events[2..], 2));
        let mut driver = driver(&topology, &inputs);
        feed(&mut driver, &inputs, &arrivals);
        prop_assert_eq!(results(&mut driver), naive_joins(&inputs, 4));
        prop_assert_eq!(driver.metrics().late, BTreeMap::new());
    }
}

/// As `counted`, by a suppression behind windows with every update.
fn suppressed_counts(stream: &Stream<String, String>, name: &str) -> Stream<String, String> {
    stream
        .group_by_key()
        .windowed_by(windows())
        .count(name)
        .suppress(&format!("{name}-final"), Suppressed::until_window_closes(Buffer::unbounded()))
        .updates()
        .map(|count| (format!("{}@{}", count.key.key, count.key.start), count.value.to_string()))
        .with_serdes(text())
}

/// Sliding windows and sessions of a stream, on close.
fn write_kinds(stream: &Stream<String, String>) {
    let sliding = stream.group_by_key().windowed_by(SlidingWindows::of(ms(7)));
    let sliding = sliding.emit(EmitStrategy::on_close()).count("sliding").updates();
    let sessions = stream.group_by_key().windowed_by(SessionWindows::with_gap(ms(3)));
    let sessions = sessions.emit(EmitStrategy::on_close()).count("sessions").updates();
    for counts in [sliding, sessions] {
        counts
            .map(|count| {
                let key = count.key;
                (format!("{}@{}-{}", key.key, key.start, key.end), count.value.to_string())
            })
            .to("out", text());
    }
}

#[test]
fn records_without_a_partner_are_let_out_when_their_own_window_closes() {
    let topology = app(|app| {
        app.watermarks(Watermarks::bounded_out_of_orderness(ms(0)));
        let (left, right) = (app.stream("left", text()), app.stream("right", text()));
        let join = |_: &String, left: Option<&String>, _: Option<&String>| format!("{}", left.is_some());
        left.outer_join_within("both", &right, JoinWindows::of(ms(4)), join)
            .with_serdes(text())
            .to("out", text());
    });
    let mut driver = TestDriver::new(&topology);
    let mut alone = |topic: &str, time| {
        driver.pipe(topic, text(), record((1, time))).unwrap();
        results(&mut driver).into_iter().map(|(_, _, time)| time).collect::<Vec<_>>()
    };
    let none = Vec::<i64>::new();
    assert_eq!(alone("right", 1), none);
    assert_eq!(alone("right", 19), none);
    assert_eq!(alone("right", 20), none);
    assert_eq!(alone("left", 9), [1]);
    assert_eq!(alone("left", 30), [9]);
    assert_eq!(alone("right", 24), [19], "the one behind it waits a millisecond longer");
    assert_eq!(alone("right", 25), [20]);
}

/// All pairs of one key within the window, and what found no partner.
fn naive_joins(inputs: &[(&str, Vec<Event>)], window: i64) -> Vec<(String, String, i64)> {
    let side = |side: &str| -> Vec<Event> {
        let of_side = inputs.iter().filter(|(topic, _)| *topic == side);
        of_side.flat_map(|(_, events)| events.iter().copied()).collect()
    };
    let (left, right) = (side("left"), side("right"));
    let mut joined = Vec::new();
    let meet = |one: &Event, other: &Event| one.0 == other.0 && (one.1 - other.1).abs() <= window;
    let result = |event: &Event, value: &str, time| (format!("v{}", event.0), value.to_owned(), time);
    for one in &left {
        let partners = right.iter().filter(|other| meet(one, other));
        joined.extend(partners.map(|other| result(one, "truetrue", one.1.max(other.1))));
        if !right.iter().any(|other| meet(one, other)) {
            joined.push(result(one, "truefalse", one.1));
        }
    }
    let alone = right.iter().filter(|other| !left.iter().any(|one| meet(one, other)));
    joined.extend(alone.map(|other| result(other, "falsetrue", other.1)));
    joined.sort();
    joined
}

/// The topology of the first property, with or without watermarks.
fn counts(settings: impl FnOnce(&mut TopologyBuilder)) -> Topology {
    app(|app| {
        settings(app);
        counted(&by_value(&app.stream("in", text())), "counts").to("out", text());
    })
}

/// Feeds a record to a partition, and lets it have its effects.
fn pipe(driver: &mut TestDriver, partition: i32, event: Event) {
    driver.load_into("in", PartitionId(partition), text(), [record(event)]).unwrap();
    driver.run().unwrap();
}

fn two_partitions(topology: &Topology) -> TestDriver {
    TestDriver::with(topology, &TestConfig::default().partitions("in", 2)).unwrap()
}

#[test]
fn stream_time_drops_what_watermarks_wait_for() {
    for (settings, late) in [(None, 1), (Some(bound()), 0)] {
        let mut driver =
            two_partitions(&counts(|app| settings.into_iter().for_each(|own| app.watermarks(own))));
        // Of the two keys here, at least one meets both records in one task: they are of one key.
        pipe(&mut driver, 0, (1, 500));
        pipe(&mut driver, 1, (1, 5));
        assert_eq!(driver.late("counts"), late, "{settings:?}");
    }
}

#[test]
fn a_window_closes_once_all_partitions_are_past_it_without_a_record_for_it() {
    let mut driver = two_partitions(&counts(|app| app.watermarks(bound())));
    pipe(&mut driver, 0, (1, 5));
    pipe(&mut driver, 0, (2, 500));
    assert_eq!(results(&mut driver), []);
    pipe(&mut driver, 1, (2, 24));
    assert_eq!(results(&mut driver), [], "a record of time 9 may still come");
    pipe(&mut driver, 1, (2, 25));
    assert_eq!(results(&mut driver), [("v1@0".to_owned(), "1".to_owned(), 5)]);
}

#[test]
fn a_silent_partition_is_waited_for_until_it_counts_as_idle() {
    let silence = Duration::from_secs(30);
    let mut driver = two_partitions(&counts(|app| app.watermarks(bound().idle_after(silence))));
    pipe(&mut driver, 0, (1, 5));
    pipe(&mut driver, 0, (2, 500));
    let nearly = silence.checked_sub(ms(1)).unwrap();
    driver.advance(nearly).unwrap();
    assert_eq!(results(&mut driver), []);
    driver.advance(Duration::from_millis(1)).unwrap();
    assert_eq!(results(&mut driver), [("v1@0".to_owned(), "1".to_owned(), 5)]);
    // Now both are idle, and the one that comes back is behind: what is closed stays closed.
    pipe(&mut driver, 1, (1, 6));
    assert_eq!(driver.late("counts"), 1);
    pipe(&mut driver, 1, (3, 490));
    pipe(&mut driver, 0, (3, 600));
    assert_eq!(results(&mut driver), [], "the second partition is awake, and at 490");
}

#[test]
fn a_source_may_have_watermarks_of_its_own() {
    let windows = TumblingWindows::of(ms(10));
    let topology = app(|app| {
        app.watermarks(Watermarks::bounded_out_of_orderness(ms(0)));
        let own = Watermarks::bounded_out_of_orderness(ms(100));
        let slow = app.stream_with("slow", text(), Consumed::new().watermarks(own));
        let counts =
            app.stream("in", text()).merge(&slow).group_by_key().windowed_by(windows).count("counts");
        counts.updates().map(|count| (count.key.key, count.value)).to("out", serdes(utf8(), long()));
    });
    let mut driver = TestDriver::new(&topology);
    let mut pipe = |topic: &str, time| driver.pipe(topic, text(), record((1, time))).unwrap();
    pipe("in", 200);
    pipe("slow", 200);
    pipe("in", 100);
    pipe("slow", 210);
    pipe("in", 99);
    assert_eq!(driver.late("counts"), 1, "the one that came when the watermark was at 110");
}

#[test]
fn watermarks_of_a_source_count_only_where_the_topology_goes_by_them() {
    let mut app = Topology::builder("app").guarantee(headwater_streams::Guarantee::AtLeastOnce);
    app.stream_with("in", text(), Consumed::new().watermarks(bound())).to("out", text());
    let error = app.build().unwrap_err();
    assert_eq!(error.problems, [TopologyProblem::StrayWatermarks("in".to_owned())]);
}

#[test]
fn a_description_tells_of_watermarks() {
    let topology = counts(|app| app.watermarks(bound().idle_after(Duration::from_secs(1))));
    let text = topology.to_string();
    assert!(text.contains("event time by watermarks, up to 15ms out of order, idle after 1s"), "{text}");
}

/// Writes to the repartition topic what no task of this topology would.
fn intrude(driver: &mut TestDriver, partition: i32, value: Option<&[u8]>) {
    let value = value.map(Bytes::copy_from_slice);
    let headers = [Header { key: "headwater-watermark".to_owned(), value }].into_iter().collect();
    let mark = Record { headers, ..Record::new(None, None, Timestamp(END)) };
    driver.load_into("app-counts-repartition", PartitionId(partition), nullable(), [mark]).unwrap();
    driver.run().unwrap();
}

#[test]
fn marks_that_make_no_sense_are_no_records_and_change_nothing() {
    let mut other_task = vec![1, 0];
    other_task.extend_from_slice(&9_u32.to_be_bytes());
    other_task.extend_from_slice(&3_i32.to_be_bytes());
    other_task.extend_from_slice(&END.to_be_bytes());
    let strange: [Option<&[u8]>; 5] =
        [None, Some(b""), Some(b"garbage"), Some(&[0xff; 18]), Some(&other_task)];
    for goes_by in [None, Some(bound())] {
        let mut driver =
            two_partitions(&counts(|app| goes_by.into_iter().for_each(|own| app.watermarks(own))));
        pipe(&mut driver, 0, (1, 5));
        pipe(&mut driver, 1, (1, 6));
        for partition in [0, 1] {
            for value in strange {
                intrude(&mut driver, partition, value);
            }
        }
        assert_eq!(results(&mut driver), [], "{goes_by:?}");
        let metrics = driver.metrics();
        assert_eq!((metrics.null_keys, metrics.skipped), (0, 0));
        assert_eq!(metrics.records_in, 4, "two records, each through two tasks");
    }
}

#[test]
fn marks_are_not_among_what_was_written() {
    let mut driver = two_partitions(&counts(|app| app.watermarks(bound())));
    pipe(&mut driver, 0, (1, 50));
    pipe(&mut driver, 1, (1, 60));
    let sent = driver.output("app-counts-repartition", nullable()).unwrap();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|record| record.key.is_some() && record.headers.iter().next().is_none()));
}

#[test]
fn tables_joined_by_a_foreign_key_feed_each_other_and_hold_nobody_up() {
    let topology = app(|app| {
        app.watermarks(Watermarks::bounded_out_of_orderness(ms(0)));
        let left = app.table("left", text());
        let right = app.table("right", text());
        left.join_on(
            "joined",
            &right,
            |_, left: &String| left.clone(),
            |_, left, right| format!("{left}{right}"),
            text(),
        )
        .updates()
        .to("out", text());
    });
    let mut driver = TestDriver::new(&topology);
    driver.pipe("left", text(), Record::new("l".to_owned(), "r".to_owned(), Timestamp(5))).unwrap();
    driver.pipe("right", text(), Record::new("r".to_owned(), "!".to_owned(), Timestamp(7))).unwrap();
    assert_eq!(results(&mut driver), [("l".to_owned(), "r!".to_owned(), 7)]);
}
