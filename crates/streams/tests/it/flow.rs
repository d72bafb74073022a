//! Streams that divide, come together and end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::expect;
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{Guarantee, Stream, TestConfig, TestDriver, Topology, TumblingWindows, Windowed};

use crate::support::{World, app, check, check_loaded, sentence, text};

#[test]
fn flat_map_gives_any_number_of_records_with_keys_of_their_own_each_with_time_and_headers() {
    let topology = app(|app| {
        app.stream("in", text())
            .flat_map(|line| {
                let words: Vec<_> = line.value.split_terminator('-').map(str::to_owned).collect();
                words.into_iter().map(move |word| (word, line.key.clone()))
            })
            .to("out", text());
    });
    let fed = "
        in a=tide-weir @5 #trace=7
        in b= @6
        in c=delta @4";
    check(
        &topology,
        fed,
        &expect![[r#"
        out tide=a @5 #trace=7
        out weir=a @5 #trace=7
        out delta=c @4
    "#]],
    );
}

#[test]
fn what_flat_map_keyed_anew_goes_through_a_repartition_topic() {
    let topology = app(|app| {
        app.stream("in", text())
            .flat_map(|line| [(line.value.clone(), line.key.clone()), (line.key, line.value)])
            .with_serdes(text())
            .group_by_key()
            .count("counts")
            .updates()
            .to("out", serdes(utf8(), long()));
    });
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateless
          stream in
            flat map
              repartition counts -> app-counts-repartition

        sub-topology 1, stateful
          repartition counts <- app-counts-repartition
            count counts
              updates
                to out
          store counts: value per key, backed by app-counts-changelog
    "#]]
    .assert_eq(&topology.to_string());
}

#[test]
fn for_each_sees_every_record_whole_and_ends_the_stream() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let topology = app(|app| {
        let seen = Arc::clone(&seen);
        let words = app.stream::<String, String, _, _>("in", text());
        words.for_each(move |word| {
            seen.lock().unwrap().push(format!("{}={} @{}", word.key, word.value, word.timestamp));
        });
        words.to("out", text());
    });
    check(
        &topology,
        "in a=x @1\n in b=y @2",
        &expect![[r#"
        out a=x @1
        out b=y @2
    "#]],
    );
    assert_eq!(*seen.lock().unwrap(), ["a=x @1", "b=y @2"]);
}

#[test]
fn a_record_goes_into_the_first_branch_that_takes_it_and_otherwise_into_the_rest() {
    let topology = app(|app| {
        let mut words = app.stream("in", text()).split();
        words.branch(|word| word.value.len() > 4).to("long", text());
        words.branch(|word| word.value.len() > 2).to("middle", text());
        words.otherwise().to("short", text());
    });
    let fed = "
        in a=delta @1 #trace=7
        in b=at @2
        in c=weir @3
        in d=brook @4";
    check(
        &topology,
        fed,
        &expect![[r#"
        long a=delta @1 #trace=7
        short b=at @2
        middle c=weir @3
        long d=brook @4
    "#]],
    );
}

#[test]
fn what_no_branch_takes_is_left_out_without_a_branch_for_the_rest() {
    let topology = app(|app| {
        let mut words = app.stream("in", text()).split();
        words.branch(|word| word.value.len() > 4).to("long", text());
    });
    check(
        &topology,
        "in a=delta @1\n in b=at @2",
        &expect![[r#"
        long a=delta @1
    "#]],
    );
}

#[test]
fn a_branch_keeps_serdes_and_needs_a_repartition_only_if_the_stream_did() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        let mut same = words.split();
        same.branch(|word| word.value.len() > 4).group_by_key().count("long");
        same.otherwise().group_by_key().count("short");
        let mut rekeyed = words.select_key(|word| word.value.clone()).with_serdes(text()).split();
        rekeyed.branch(|_| true).group_by_key().count("all");
    });
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          stream in
            split
              branch
                count long
              otherwise
                count short
            select key
              split
                branch
                  repartition all -> app-all-repartition
          store long: value per key, backed by app-long-changelog
          store short: value per key, backed by app-short-changelog

        sub-topology 1, stateful
          repartition all <- app-all-repartition
            count all
          store all: value per key, backed by app-all-changelog
    "#]]
    .assert_eq(&topology.to_string());
}

#[test]
fn merged_streams_are_one_in_the_order_of_their_times() {
    let topology = app(|app| {
        let left = app.stream("left", text());
        left.merge(&app.stream("right", text())).to("out", text());
    });
    let fed = "
        right b=3 @3
        right a=5 @5 #trace=7
        left a=1 @1
        left a=3 @3
        left b=9 @9";
    check_loaded(
        &topology,
        fed,
        &expect![[r#"
        out a=1 @1
        out a=3 @3
        out b=3 @3
        out a=5 @5 #trace=7
        out b=9 @9
    "#]],
    );
}

#[test]
fn behind_a_merge_every_record_is_seen_once_even_if_both_ways_begin_in_one_stream() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        let mut split = words.split();
        let loud = split.branch(|word| word.value.len() > 4).map_values(|word| word.value + "!");
        let short = split.otherwise();
        let merged = short.merge(&loud).merge(&words);
        merged.group_by_key().count("counts").updates().to("counts", serdes(utf8(), long()));
        merged.to("out", text());
    });
    let mut driver = TestDriver::new(&topology);
    for (key, value) in [("a", "delta"), ("a", "at")] {
        let record =
            headwater_streams::Record::new(key.to_owned(), value.to_owned(), headwater_model::Timestamp(1));
        driver.pipe("in", text(), record).unwrap();
    }
    let merged = driver.output::<String, String, _, _>("out", text()).unwrap();
    let merged: Vec<_> = merged.into_iter().map(|record| record.value).collect();
    assert_eq!(merged, ["delta!", "delta", "at", "at"]);
    assert_eq!(driver.store("counts", serdes(utf8(), long())).unwrap(), [("a".to_owned(), 4)]);
}

#[test]
fn a_stream_merged_with_itself_is_itself() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        words.merge(&words).to("out", text());
    });
    check(
        &topology,
        "in a=x @1",
        &expect![[r#"
        out a=x @1
    "#]],
    );
}

#[test]
fn an_operator_behind_a_merge_is_one_operator_whichever_way_its_records_come() {
    let windows = TumblingWindows::of(Duration::from_millis(10));
    let topology = app(|app| {
        let left = app.stream("left", text());
        let both = left.merge(&app.stream("right", text()));
        both.group_by_key().windowed_by(windows).count("counts");
    });
    let mut world = World::new(&topology, &TestConfig::default());
    world.feed("left a=x @1\n right a=x @21\n right a=x @31");
    let counts = world.driver.window_store("counts", serdes(utf8(), long())).unwrap();
    let starts: Vec<_> = counts.into_iter().map(|(key, _): (Windowed<String>, i64)| key.start.0).collect();
    assert_eq!(starts, [30]);
}

#[test]
fn a_merge_needs_a_repartition_if_either_stream_did_and_knows_serdes_if_either_did() {
    let topology = app(|app| {
        let left = app.stream("left", text());
        let right = app.stream("right", text()).map(|word| (word.value, word.key));
        right.merge(&left).group_by_key().count("counts");
    });
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateless
          stream left
            merge
              repartition counts -> app-counts-repartition
          stream right
            map
              merge, see above

        sub-topology 1, stateful
          repartition counts <- app-counts-repartition
            count counts
          store counts: value per key, backed by app-counts-changelog
    "#]]
    .assert_eq(&topology.to_string());
}

#[test]
fn merged_topics_need_equal_partition_counts_only_where_the_records_of_a_key_must_meet() {
    let merged = |build: fn(Stream<String, String>)| -> Topology {
        app(|app| {
            let left = app.stream("left", text());
            build(left.merge(&app.stream("right", text())));
        })
    };
    let config = TestConfig::default().partitions("left", 2).partitions("right", 3);
    let error = |topology| match TestDriver::with(&topology, &config) {
        Ok(_) => String::new(),
        Err(error) => sentence(&error),
    };
    expect![[""]].assert_eq(&error(merged(|words| words.to("out", text()))));
    expect![[r#"
        error: "count counts" needs topics with equal partition counts, but "left" has 2 and "right" has 3; create one of them anew, or send the stream through `.repartition(..)`
    "#]].assert_eq(&error(merged(|words| drop(words.group_by_key().count("counts")))));
    expect![[r#"
        error: "to table words" needs topics with equal partition counts, but "left" has 2 and "right" has 3; create one of them anew, or send the stream through `.repartition(..)`
    "#]].assert_eq(&error(merged(|words| drop(words.to_table::<String, _, _>("words", text())))));
    let repartitioned = merged(|words| drop(words.repartition("all", text()).group_by_key().count("counts")));
    let mut world = World::new(&repartitioned, &config);
    world.feed("left a=x @1\n right a=x @2\n right b=x @3\n left b=x @4\n left c=x @5\n right c=x @6");
    let counts = world.driver.store("counts", serdes(utf8(), long())).unwrap();
    let counts: BTreeMap<String, i64> = counts.into_iter().collect();
    assert_eq!(counts, ["a", "b", "c"].map(|key| (key.to_owned(), 2)).into());
}

#[test]
fn streams_of_different_topologies_cannot_be_merged_nor_grouped_together() {
    let mut other = Topology::builder("other").guarantee(Guarantee::AtLeastOnce);
    let foreign: Stream<String, String> = other.stream("in", text());
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let own: Stream<String, String> = app.stream("in", text());
    own.merge(&foreign).to("out", text());
    own.group_by_key()
        .cogroup(|_, value, _: String| value)
        .cogroup(&foreign.group_by_key(), |_, value, _| value)
        .aggregate("both", String::new, text());
    expect![[r#"
        error: the topology "app" cannot be built: "merge" takes a stream of another topology, which cannot be done; "cogroup" takes a stream of another topology, which cannot be done
    "#]].assert_eq(&sentence(&app.build().unwrap_err()));
}
