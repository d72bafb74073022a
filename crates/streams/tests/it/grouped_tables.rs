//! Tables grouped by another key.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{bytes, long, optional, serdes, utf8};
use headwater_streams::{
    GroupedTable, Record, TestConfig, TestDriver, Topology, TopologyBuilder, TumblingWindows,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{World, app, check, check_with, nullable, text};

/// Who lives in each city.
fn by_city(app: &mut TopologyBuilder) -> GroupedTable<String, String> {
    app.table("people", text()).group_by(|name: &String, city: String| (city, name.clone()), text())
}

/// How many live in each city.
fn counts() -> Topology {
    app(|app| {
        by_city(app)
            .count("per-city")
            .updates()
            .map_values(|count| count.value.to_string())
            .to("out", text());
    })
}

const FED: &str = "
    people ada=rome @1 #trace=1
    people bob=rome @2
    people ada=oslo @3 #trace=3
    people bob=rome @1
    people cid=~ @4
    people ada=~ @5
    people cid=oslo @2";

#[test]
fn a_change_leaves_the_old_group_before_it_joins_the_new_one() {
    check(
        &counts(),
        FED,
        &expect![[r#"
        out rome=1 @1 #trace=1
        out rome=2 @2
        out rome=1 @3 #trace=3
        out oslo=1 @3 #trace=3
        out rome=1 @3
        out oslo=0 @5
        out oslo=1 @5
    "#]],
    );
}

#[test]
fn groups_are_the_same_over_any_number_of_partitions() {
    for partitions in [1, 2, 5] {
        let mut world = World::new(&counts(), &TestConfig::default().partitions("people", partitions));
        world.feed(FED);
        let mut counts = world.driver.store("per-city", serdes(utf8(), long())).unwrap();
        counts.sort();
        assert_eq!(counts, [("oslo".to_owned(), 1), ("rome".to_owned(), 1)], "{partitions}");
    }
}

#[test]
fn changes_are_carried_as_kafka_streams_carries_them() {
    let mut driver = TestDriver::new(&counts());
    let person = |name: &str, city: Option<&str>, time| {
        let (key, value) = (Some(name.to_owned()), city.map(str::to_owned));
        Record::new(key, value, Timestamp(time))
    };
    for record in [
        person("ada", Some("rome"), 1),
        person("ada", Some("rome"), 2),
        person("ada", Some("oslo"), 3),
        person("ada", None, 4),
    ] {
        driver.pipe("people", nullable(), record).unwrap();
    }
    let sent =
        driver.output::<String, ::bytes::Bytes, _, _>("app-per-city-repartition", serdes(utf8(), bytes()));
    let sent: Vec<_> = sent
        .unwrap()
        .into_iter()
        .map(|record| (record.key, record.value.to_vec(), record.timestamp.0))
        .collect();
    let expected: [(&str, &[u8], i64); 5] = [
        ("rome", b"ada\x01", 1),
        ("rome", b"\x06adaada\x02", 2),
        ("rome", b"ada\x00", 3),
        ("oslo", b"ada\x01", 3),
        ("oslo", b"ada\x00", 4),
    ];
    assert_eq!(sent, expected.map(|(key, value, time)| (key.to_owned(), value.to_vec(), time)));
}

#[test]
fn an_aggregate_subtracts_the_old_value_and_then_adds_the_new_one() {
    let topology = app(|app| {
        by_city(app)
            .aggregate(
                "names",
                || "0".to_owned(),
                |_, name, so_far| format!("{so_far}+{name}"),
                |_, name, so_far| format!("{so_far}-{name}"),
                text(),
            )
            .to_stream()
            .to("out", serdes(utf8(), optional(utf8())));
    });
    check(
        &topology,
        FED,
        &expect![[r#"
        out rome=0+ada @1 #trace=1
        out rome=0+ada+bob @2
        out rome=0+ada+bob-ada @3 #trace=3
        out oslo=0+ada @3 #trace=3
        out rome=0+ada+bob-ada-bob+bob @3
        out oslo=0+ada-ada @5
        out oslo=0+ada-ada+cid @5
    "#]],
    );
}

#[test]
fn an_aggregate_of_which_nothing_is_left_is_removed_and_begins_anew() {
    let topology = app(|app| {
        by_city(app)
            .aggregate(
                "names",
                || "+".to_owned(),
                |_, name, so_far| so_far + &name + "+",
                |_, name, so_far| {
                    let left = so_far.replacen(&format!("+{name}+"), "+", 1);
                    (left != "+").then_some(left)
                },
                text(),
            )
            .to_stream()
            .to("out", serdes(utf8(), optional(utf8())));
    });
    let fed = "
        people ada=rome @1
        people ada=~ @9
        people ada=rome @2
        people ada=rome @3
        people bob=rome @4
        people ada=oslo @5";
    check(
        &topology,
        fed,
        &expect![[r#"
        out rome=+ada+ @1
        out rome=~ @9
        out rome=+ada+ @2
        out rome=+ada+ @3
        out rome=+ada+bob+ @4
        out rome=+bob+ @5
        out oslo=+ada+ @5
    "#]],
    );
}

#[test]
fn the_first_value_of_a_reduction_stands_for_itself() {
    let topology = app(|app| {
        by_city(app)
            .reduce(
                "names",
                |name, so_far| format!("{so_far}+{name}"),
                |name, so_far| format!("{so_far}-{name}"),
            )
            .updates()
            .to("out", text());
    });
    check(
        &topology,
        FED,
        &expect![[r#"
        out rome=ada @1 #trace=1
        out rome=ada+bob @2
        out rome=ada+bob-ada @3 #trace=3
        out oslo=ada @3 #trace=3
        out rome=ada+bob-ada-bob+bob @3
        out oslo=ada-ada @5
        out oslo=ada-ada+cid @5
    "#]],
    );
}

#[test]
fn a_null_key_or_value_is_in_no_group_and_its_old_one_leaves() {
    let topology = app(|app| {
        app.table("people", text())
            .group_by(
                |name: &String, city: String| {
                    let (city, rest) = city.split_once('-').unwrap_or((&city, ""));
                    ((city != "nowhere").then(|| city.to_owned()), (rest != "hidden").then(|| name.clone()))
                },
                nullable(),
            )
            .count("per-city")
            .updates()
            .map_values(|count| Some(count.value.to_string()))
            .to("out", nullable());
    });
    let fed = "
        people ada=rome @1
        people bob=rome @2
        people ada=nowhere @3
        people ada=nowhere @4
        people bob=rome-hidden @5
        people ada=rome @6";
    check(
        &topology,
        fed,
        &expect![[r#"
        out rome=1 @1
        out rome=2 @2
        out rome=1 @3
        out rome=0 @5
        out rome=1 @6
        null keys: 2
    "#]],
    );
}

#[test]
fn a_computed_table_can_be_grouped_and_the_groups_grouped_again() {
    let topology = app(|app| {
        let cities =
            app.table("people", text()).filter(|_, city| city != "oslo").map_values(|_, city| city + "!");
        let counts = cities.group_by(|name, city| (city, name.clone()), text()).count("per-city");
        counts
            .group_by(|city, count| (count.to_string(), city.clone()), text())
            .reduce(
                "cities-by-count",
                |city, so_far| so_far + "+" + &city,
                |city, so_far| so_far.replacen(&city, "", 1),
            )
            .updates()
            .to("out", text());
    });
    let fed = "
        people ada=rome @1
        people bob=rome @2
        people cid=bern @3
        people bob=oslo @4";
    check(
        &topology,
        fed,
        &expect![[r#"
        out 1=rome! @1
        out 1= @2
        out 2=rome! @2
        out 1=+bern! @3
        out 2= @4
        out 1=+bern!+rome! @4
    "#]],
    );
}

#[test]
fn groups_of_a_table_can_be_joined_with() {
    let topology = app(|app| {
        let counts = by_city(app).count("per-city");
        app.stream("trips", text())
            .join("crowd", &counts, |trip, count: &i64| format!("{}-to-{count}", trip.value))
            .to("out", text());
    });
    let fed = "
        people ada=rome @1
        trips rome=train @2
        trips oslo=boat @3";
    check_with(
        &TestConfig::default(),
        &topology,
        fed,
        &expect![[r#"
        out rome=train-to-1 @2
    "#]],
    );
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          table people
            group by
              repartition per-city -> app-per-city-repartition
          store people: newest value per key, backed by people

        sub-topology 1, stateful
          repartition per-city <- app-per-city-repartition
            count per-city
          stream trips
            join crowd with store per-city
              to out
          store per-city: value per key, backed by app-per-city-changelog
    "#]]
    .assert_eq(&topology.to_string());
}

#[test]
fn windows_of_a_key_can_be_grouped_by_the_key_alone() {
    let windows = TumblingWindows::of(Duration::from_millis(10));
    let topology = app(|app| {
        let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        counts
            .group_by(|word, count| (word.key.clone(), count), serdes(utf8(), long()))
            .reduce("most", |count, sum| sum + count, |count, sum| sum - count)
            .updates()
            .map_values(|sum| sum.value.to_string())
            .to("out", text());
    });
    check(
        &topology,
        "in a=x @1\n in a=x @2\n in b=x @3\n in a=x @12\n in a=x @4",
        &expect![[r#"
        out a=1 @1
        out a=2 @2
        out b=1 @3
        out a=3 @12
        late for counts: 1
    "#]],
    );
}

/// How many live in each city, and who.
fn counts_and_names() -> Topology {
    app(|app| {
        let by_city = by_city(app);
        by_city.count("counts");
        by_city.aggregate(
            "names",
            || "+".to_owned(),
            |_, name, so_far| so_far + &name + "+",
            |_, name, so_far| {
                let left = so_far.replacen(&format!("+{name}+"), "+", 1);
                (left != "+").then_some(left)
            },
            text(),
        );
    })
}

/// Who moved where: few people, fewer cities, none for those who left.
fn moves() -> impl Strategy<Value = Vec<(usize, Option<usize>, i64)>> {
    vec((0..5_usize, proptest::option::of(0..3_usize), 0..20_i64), 0..40)
}

/// Who lives where in the end.
fn homes(moves: &[(usize, Option<usize>, i64)]) -> BTreeMap<String, Vec<String>> {
    let table: BTreeMap<_, _> = moves.iter().map(|(name, city, _)| (name, city)).collect();
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, city) in table {
        if let Some(city) = city {
            homes.entry(format!("c{city}")).or_default().push(format!("p{name}"));
        }
    }
    homes
}

proptest! {
    #[test]
    fn groups_hold_exactly_what_the_table_holds(moves in moves(), partitions in 1..4_i32) {
        let config = TestConfig::default().partitions("people", partitions);
        let mut driver = TestDriver::with(&counts_and_names(), &config).unwrap();
        for (name, city, time) in &moves {
            let (name, city) = (format!("p{name}"), city.map(|city| format!("c{city}")));
            driver.pipe("people", nullable(), Record::new(Some(name), city, Timestamp(*time))).unwrap();
        }
        let homes = homes(&moves);
        let counts = driver.store("counts", serdes(utf8(), long())).unwrap().into_iter();
        let counts: BTreeMap<String, i64> = counts.filter(|(_, count)| *count != 0).collect();
        let expected = homes.iter().map(|(city, names)| (city.clone(), names.len() as i64));
        prop_assert_eq!(counts, expected.collect::<BTreeMap<_, _>>());
        let names = driver.store::<String, String, _, _>("names", text()).unwrap().into_iter();
        let names = names.map(|(city, names)| {
            let mut names: Vec<_> = names.trim_matches('+').split('+').map(str::to_owned).collect();
            names.sort();
            (city, names)
        });
        prop_assert_eq!(names.collect::<BTreeMap<_, _>>(), homes);
    }
}
