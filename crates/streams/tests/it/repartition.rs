//! What a changed key needs: one repartition, and never a second.

use std::collections::BTreeMap;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    Record, Stream, SubTopology, Table, TestConfig, TestDriver, Topology, TumblingWindows,
};

use crate::support::{World, app, check_with, text};

type Words = Stream<String, String>;

/// The repartition topics of a topology.
fn repartitions(build: impl FnOnce(Words, Table<String, String>)) -> Vec<String> {
    let topology = app(|app| {
        let table = app.table("table", text());
        build(app.stream("in", text()), table);
    });
    let sub_topologies = topology.sub_topologies().iter();
    sub_topologies.flat_map(SubTopology::repartitions).map(ToString::to_string).collect()
}

fn by_value(words: &Words) -> Words {
    words.select_key(|word| word.value.clone()).with_serdes(text())
}

#[test]
fn a_repartition_is_made_where_a_changed_key_is_needed_and_nowhere_else() {
    let none: [&str; 0] = [];
    let joined = |word: Record<&String, String>, _: &String| word.value;
    let checks: [(&str, Vec<String>, &[&str]); 9] = [
        ("grouping needs none", repartitions(|words, _| drop(words.group_by_key().count("counts"))), &none),
        ("nor does joining", repartitions(|words, table| drop(words.join("city", &table, joined))), &none),
        (
            "nor do filters and new values",
            repartitions(|words, _| {
                let words = words.filter(|_| true).map_values(|word| word.value).with_serdes(text());
                drop(words.group_by_key().count("counts"));
            }),
            &none,
        ),
        (
            "nor does a changed key that is only written",
            repartitions(|words, _| by_value(&words).to("out", text())),
            &none,
        ),
        (
            "grouping by a changed key does",
            repartitions(|words, _| drop(by_value(&words).group_by_key().count("counts"))),
            &["app-counts-repartition"],
        ),
        (
            "within windows too",
            repartitions(|words, _| {
                let windows = TumblingWindows::of(std::time::Duration::from_secs(1));
                drop(by_value(&words).filter(|_| true).group_by_key().windowed_by(windows).count("counts"));
            }),
            &["app-counts-repartition"],
        ),
        (
            "joining by a changed key does, and then the records are where they belong",
            repartitions(|words, table| {
                let once = by_value(&words).join("first", &table, joined).with_serdes(text());
                drop(once.join("second", &table, joined).with_serdes(text()).group_by_key().count("counts"));
            }),
            &["app-first-repartition"],
        ),
        (
            "an author's own repartition serves all that follow",
            repartitions(|words, table| {
                let words = by_value(&words).repartition("by-word", text());
                drop(words.join("city", &table, joined));
                drop(words.group_by_key().count("counts"));
            }),
            &["app-by-word-repartition"],
        ),
        (
            "a key changed again is another key",
            repartitions(|words, table| {
                drop(
                    by_value(&words)
                        .join("first", &table, joined)
                        .map(|word| (word.value, word.key))
                        .with_serdes(text())
                        .group_by_key()
                        .count("counts"),
                );
            }),
            &["app-counts-repartition", "app-first-repartition"],
        ),
    ];
    for (rule, mut made, expected) in checks {
        made.sort();
        assert_eq!(made, expected, "{rule}");
    }
}

/// Counts words: the words are the values.
fn word_counts() -> Topology {
    app(|app| {
        app.stream("in", text())
            .flat_map_values(|line| line.value.split('-').map(str::to_owned).collect::<Vec<_>>())
            .with_serdes(text())
            .select_key(|word| word.value.clone())
            .with_serdes(text())
            .group_by_key()
            .count("counts")
            .updates()
            .map_values(|count| count.value.to_string())
            .to("out", text());
    })
}

#[test]
fn a_repartitioned_record_keeps_its_time_and_headers() {
    let config = TestConfig::default().partitions("in", 3);
    check_with(
        &config,
        &word_counts(),
        "in a=tide-weir @7 #trace=7\n in b=tide @5",
        &expect![[r#"
        out weir=1 @7 #trace=7
        out tide=1 @7 #trace=7
        out tide=2 @7
    "#]],
    );
}

#[test]
fn counts_are_the_same_over_any_number_of_partitions() {
    for partitions in [1, 2, 7] {
        let config = TestConfig::default().partitions("in", partitions);
        let mut world = World::new(&word_counts(), &config);
        for line in ["in a=tide-weir @1", "in b=weir @2", "in c=brook-tide-weir @3", "in d=delta @4"] {
            world.load(line).unwrap();
        }
        world.driver.run().unwrap();
        let counts = world.driver.store("counts", serdes(utf8(), long())).unwrap();
        let counts: BTreeMap<String, i64> = counts.into_iter().collect();
        let expected = [("brook", 1), ("delta", 1), ("tide", 2), ("weir", 3)];
        assert_eq!(counts, expected.map(|(word, count)| (word.to_owned(), count)).into(), "{partitions}");
    }
}

#[test]
fn all_records_of_a_key_meet_in_the_partition_that_kafkas_clients_send_it_to() {
    let mut world = World::new(&word_counts(), &TestConfig::default().partitions("in", 4));
    for line in ["in a=foobar @1", "in b=foobar @2", "in c=21 @3", "in d=foobar @4"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let sent = world.driver.output::<String, String, _, _>("app-counts-repartition", text()).unwrap();
    for record in sent {
        let expected = headwater_client::partition_for_key(record.key.as_bytes(), 4);
        assert_eq!(record.partition, expected, "{}", record.key);
    }
}

#[test]
fn behind_a_repartition_nothing_is_late_that_was_in_order_before_it() {
    let topology = app(|app| {
        app.stream("in", text())
            .select_key(|word| word.value.clone())
            .with_serdes(text())
            .group_by_key()
            .windowed_by(TumblingWindows::of(std::time::Duration::from_millis(1)))
            .count("counts");
    });
    let mut driver = TestDriver::with(&topology, &TestConfig::default().partitions("in", 4)).unwrap();
    let words = (0..100).map(|time| Record::new(format!("key-{time}"), "weir".to_owned(), Timestamp(time)));
    driver.load("in", text(), words).unwrap();
    driver.run().unwrap();
    assert_eq!(driver.late("counts"), 0);
}
