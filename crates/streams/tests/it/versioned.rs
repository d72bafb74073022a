//! Versioned tables, and joins of streams with them.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{KeyValueSerde, Optional, Utf8, optional, serdes, utf8};
use headwater_streams::{Record, TestConfig, TestDriver, Topology};
use proptest::prelude::*;

use crate::support::{Wearing, World, app, check, check_with, nullable, skipping, text};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn rows() -> KeyValueSerde<Utf8, Optional<Utf8>> {
    serdes(utf8(), optional(utf8()))
}

/// Orders joined with the rates of their times.
fn rated(history: u64, grace: u64) -> Topology {
    app(|app| {
        let rates = app.versioned_table("rates", text(), ms(history));
        app.stream("orders", nullable())
            .map_values(|order| order.value)
            .select_key(|order| order.key.clone().unwrap_or_default())
            .repartition("by-currency", rows())
            .left_join_with_grace("rated", &rates, ms(grace), |order, rate| {
                Some(format!(
                    "{}-at-{}",
                    order.value.unwrap_or_default(),
                    rate.map_or("none", String::as_str)
                ))
            })
            .to("out", rows());
    })
}

fn inner(history: u64, grace: u64) -> Topology {
    app(|app| {
        let rates = app.versioned_table("rates", nullable(), ms(history));
        app.stream("orders", nullable())
            .join_with_grace("rated", &rates, ms(grace), |order, rate| {
                let word = |word: &Option<String>| word.clone().unwrap_or_default();
                Some(format!("{}-at-{}", word(&order.value), word(rate)))
            })
            .to("out", nullable());
    })
}

#[test]
fn a_record_finds_what_the_table_held_at_its_time() {
    let fed = "
        rates eur=11 @10
        rates eur=12 @20
        rates eur=~ @30
        rates eur=14 @40
        orders eur=a @9
        orders eur=b @10
        orders eur=c @19
        orders eur=d @20
        orders eur=e @30 #trace=7
        orders eur=f @39
        orders eur=g @41
        orders usd=h @41";
    check(
        &rated(100, 0),
        fed,
        &expect![[r#"
        out eur=a-at-none @9
        out eur=b-at-11 @10
        out eur=c-at-11 @19
        out eur=d-at-12 @20
        out eur=e-at-none @30 #trace=7
        out eur=f-at-none @39
        out eur=g-at-14 @41
        out usd=h-at-none @41
    "#]],
    );
}

#[test]
fn a_version_out_of_order_takes_its_place_in_the_history() {
    let fed = "
        rates eur=12 @20
        rates eur=11 @10
        rates eur=15 @15
        rates eur=~ @17
        rates eur=16 @15
        orders eur=a @9
        orders eur=b @14
        orders eur=c @16
        orders eur=d @18
        orders eur=e @21";
    check(
        &rated(100, 0),
        fed,
        &expect![[r#"
        out eur=a-at-none @9
        out eur=b-at-11 @14
        out eur=c-at-16 @16
        out eur=d-at-none @18
        out eur=e-at-12 @21
    "#]],
    );
}

#[test]
fn what_is_older_than_the_history_is_dropped_and_counted_by_the_time_of_all_keys() {
    let fed = "
        rates eur=11 @10
        rates usd=1 @50
        rates eur=10 @29
        rates eur=12 @30
        orders eur=a @29
        orders eur=b @30
        orders usd=c @30";
    check(
        &rated(20, 0),
        fed,
        &expect![[r#"
        out eur=a-at-none @29
        out eur=b-at-12 @30
        out usd=c-at-none @30
        late for rates: 1
    "#]],
    );
}

#[test]
fn the_latest_version_never_expires() {
    let fed = "
        rates eur=11 @10
        rates usd=1 @100000
        orders eur=a @9
        orders eur=b @10
        orders eur=c @99999";
    check(
        &rated(20, 0),
        fed,
        &expect![[r#"
        out eur=a-at-none @9
        out eur=b-at-11 @10
        out eur=c-at-11 @99999
    "#]],
    );
}

#[test]
fn a_removed_key_is_removed_for_what_comes_out_of_order_too() {
    let fed = "
        rates eur=~ @20
        rates eur=11 @10
        orders eur=a @15
        orders eur=b @20
        orders eur=c @25";
    check(
        &rated(100, 0),
        fed,
        &expect![[r#"
        out eur=a-at-11 @15
        out eur=b-at-none @20
        out eur=c-at-none @25
    "#]],
    );
}

#[test]
fn with_grace_a_record_waits_until_the_stream_is_so_much_further_and_results_come_in_the_order_of_time() {
    let fed = "
        rates eur=11 @10
        orders eur=a @30 #trace=7
        orders eur=b @22
        rates eur=12 @25
        orders eur=c @31
        orders eur=d @32
        orders eur=e @33
        rates eur=13 @33
        orders eur=f @43";
    check(
        &inner(100, 10),
        fed,
        &expect![[r#"
        out eur=b-at-11 @22
        out eur=a-at-12 @30 #trace=7
        out eur=c-at-12 @31
        out eur=d-at-12 @32
        out eur=e-at-13 @33
    "#]],
    );
}

#[test]
fn a_record_later_than_the_grace_is_joined_at_once() {
    let fed = "
        rates eur=11 @10
        orders eur=a @50
        orders eur=b @39
        orders eur=c @40
        orders eur=d @60";
    check(
        &inner(100, 10),
        fed,
        &expect![[r#"
        out eur=b-at-11 @39
        out eur=c-at-11 @40
        out eur=a-at-11 @50
    "#]],
    );
}

#[test]
fn records_of_one_time_leave_the_buffer_by_their_keys_and_those_of_one_key_as_they_came() {
    let fed = "
        rates a=1 @1
        rates b=2 @1
        orders b=x @10
        orders a=y @10
        orders b=z @10
        orders a=w @30";
    check(
        &inner(100, 10),
        fed,
        &expect![[r#"
        out a=y-at-1 @10
        out b=x-at-2 @10
        out b=z-at-2 @10
    "#]],
    );
}

#[test]
fn headers_wait_with_their_records_nulls_and_duplicates_too() {
    check(
        &inner(100, 10),
        "rates a=1 @1\n orders a=x @10 #h=1 #n=~ #h=\n orders a=y @20 #other=2",
        &expect![[r#"
            out a=x-at-1 @10 #h=1 #n=~ #h=
        "#]],
    );
}

#[test]
fn null_keys_and_null_values_do_not_wait() {
    check(
        &inner(100, 10),
        "orders ~=a @1\n orders eur=~ @2\n rates ~=1 @3",
        &expect![[r#"
        null keys: 2
        null values: 1
    "#]],
    );
    check(
        &inner(100, 0),
        "orders ~=a @1\n orders eur=~ @2",
        &expect![[r#"
        null keys: 1
        null values: 1
    "#]],
    );
    let left = app(|app| {
        let rates = app.versioned_table("rates", nullable(), ms(100));
        app.stream("orders", nullable())
            .left_join_with_grace("rated", &rates, ms(10), |order, rate| {
                Some(format!("{}-at-{}", order.value.unwrap_or_default(), rate.is_some()))
            })
            .to("out", nullable());
    });
    check(
        &left,
        "orders ~=a @1\n orders eur=b @2\n orders eur=c @12",
        &expect![[r#"
        out ~=a-at-false @1
        out eur=b-at-false @2
    "#]],
    );
}

#[test]
fn as_a_stream_a_versioned_table_gives_every_version_as_a_table_only_the_latest() {
    let topology = app(|app| {
        let rates = app.versioned_table("rates", text(), ms(100));
        rates.to_stream().to("all", rows());
        rates.latest().to_stream().to("latest", rows());
    });
    let fed = "
        rates eur=12 @20 #trace=7
        rates eur=11 @10
        rates eur=13 @20
        rates eur=~ @30
        rates eur=14 @25";
    check(
        &topology,
        fed,
        &expect![[r#"
        all eur=12 @20 #trace=7
        latest eur=12 @20 #trace=7
        all eur=11 @10
        all eur=13 @20
        latest eur=13 @20
        all eur=~ @30
        latest eur=~ @30
        all eur=14 @25
    "#]],
    );
}

#[test]
fn the_latest_values_can_be_joined_and_know_what_was_before() {
    let topology = app(|app| {
        let rates = app.versioned_table("rates", text(), ms(100));
        let names = app.table("names", text());
        rates
            .latest()
            .outer_join("named", &names, |_, rate, name| {
                format!("{}-{}", rate.map_or("none", String::as_str), name.map_or("none", String::as_str))
            })
            .to_stream()
            .to("out", rows());
    });
    let fed = "
        rates eur=12 @20
        rates eur=11 @10
        names eur=euro @5
        rates eur=~ @30
        names eur=~ @31
        rates eur=~ @32";
    check(
        &topology,
        fed,
        &expect![[r#"
        out eur=12-none @20
        out eur=12-euro @20
        out eur=none-euro @30
        out eur=~ @31
    "#]],
    );
}

#[test]
fn a_versioned_store_shows_its_latest_values() {
    let mut world = World::new(&rated(100, 0), &TestConfig::default());
    for line in
        ["rates eur=12 @20", "rates eur=11 @10", "rates usd=1 @5", "rates usd=~ @30", "rates gbp=2 @1"]
    {
        world.load(line).unwrap();
        world.driver.run().unwrap();
    }
    let rates = world.driver.store::<String, String, _, _>("rates", text()).unwrap();
    assert_eq!(rates, [("eur".to_owned(), "12".to_owned()), ("gbp".to_owned(), "2".to_owned())]);
}

#[test]
fn a_history_shorter_than_the_grace_is_refused() {
    let mut app = Topology::builder("app").guarantee(headwater_streams::Guarantee::AtLeastOnce);
    let rates = app.versioned_table("rates", text(), ms(9));
    app.stream("orders", text()).join_with_grace("rated", &rates, ms(10), |_, _| ());
    expect![[r#"the topology "app" cannot be built: the history of the table "rates" is shorter than the grace of "rated""#]].assert_eq(&app.build().unwrap_err().to_string());
}

#[test]
fn a_versioned_table_says_what_it_keeps() {
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          table rates
            keep versions rates for 100ms
          stream orders
            join rated with versions of rates, grace 10ms
              to out
          store rates: values per key over time, for 100ms, backed by app-rates-changelog
          store rated-Buffer: records that wait, for 10ms, backed by app-rated-Buffer-changelog
    "#]]
    .assert_eq(&inner(100, 10).to_string());
}

#[test]
fn stream_and_table_are_partitioned_alike() {
    let config = TestConfig::default().partitions("rates", 3);
    check_with(
        &config,
        &rated(100, 0),
        "rates eur=1 @1\n orders eur=a @2\n orders usd=b @3",
        &expect![[r#"
        out eur=a-at-1 @2
        out usd=b-at-none @3
    "#]],
    );
}

/// What the table is told, or asked.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, i64, Option<u8>),
    Ask(u8, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let (key, time) = (0..3u8, 0..60i64);
    prop_oneof![
        (key.clone(), time.clone(), proptest::option::weighted(0.7, 0..9u8))
            .prop_map(|(key, time, value)| Step::Put(key, time, value)),
        (key, time).prop_map(|(key, time)| Step::Ask(key, time)),
    ]
}

/// The versions of each key, without any trick.
struct Model {
    history: i64,
    latest: i64,
    versions: BTreeMap<u8, BTreeMap<i64, Option<u8>>>,
}

impl Model {
    fn put(&mut self, key: u8, time: i64, value: Option<u8>) {
        if time >= self.latest - self.history {
            self.latest = self.latest.max(time);
            self.versions.entry(key).or_default().insert(time, value);
        }
    }

    fn ask(&self, key: u8, time: i64) -> Option<u8> {
        let versions = self.versions.get(&key)?;
        let (since, value) = versions.range(..=time).next_back()?;
        let is_latest = versions.range(since + 1..).next().is_none();
        (is_latest || time >= self.latest - self.history).then_some(*value)?
    }

    /// A removal at the very time of the latest version is forgotten, as in Kafka Streams.
    fn is_forgotten(&self, key: u8, time: i64, value: Option<u8>) -> bool {
        let latest = self.versions.get(&key).and_then(|versions| versions.last_key_value());
        value.is_none() && latest.is_some_and(|(latest, _)| *latest == time)
    }
}

proptest! {
    #[test]
    fn a_versioned_table_answers_as_a_list_of_versions_would(
        steps in proptest::collection::vec(step(), 1..120),
        history in prop_oneof![Just(5i64), Just(20), Just(100)],
        scale in prop_oneof![Just(1i64), Just(700)],
    ) {
        let topology = app(|app| {
            let rates = app.versioned_table("rates", text(), ms((history * scale) as u64));
            app.stream("asked", text())
                .left_join_with_grace("answer", &rates, ms(0), |_, rate| rate.cloned().unwrap_or_default())
                .to("out", text());
        });
        let mut driver = TestDriver::new(&topology);
        let mut model = Model { history: history * scale, latest: -1, versions: BTreeMap::new() };
        for step in steps {
            match step {
                Step::Put(key, time, value) => {
                    let time = time * scale;
                    if model.is_forgotten(key, time, value) {
                        continue;
                    }
                    model.put(key, time, value);
                    let row = Record::new(key.to_string(), value.map(|value| value.to_string()), Timestamp(time));
                    driver.pipe("rates", rows(), row).unwrap();
                }
                Step::Ask(key, time) => {
                    let time = time * scale;
                    let expected = model.ask(key, time).map_or(String::new(), |value| value.to_string());
                    driver.pipe("asked", text(), Record::new(key.to_string(), "x".to_owned(), Timestamp(time))).unwrap();
                    let answers = driver.output::<String, String, _, _>("out", text()).unwrap();
                    prop_assert_eq!(&answers[0].value, &expected);
                }
            }
        }
    }
}

#[test]
fn a_waiting_record_that_cannot_be_read_is_left_out_once_and_holds_nothing_up() {
    let wearing = Wearing::default();
    let topology = app(|app| {
        let rates = app.versioned_table("rates", text(), ms(100));
        app.stream("orders", serdes(utf8(), wearing.clone()))
            .left_join_with_grace("rated", &rates, ms(10), |order, rate| {
                format!("{}-at-{}", order.value, rate.map_or("none", String::as_str))
            })
            .to("out", text());
    });
    let mut world = World::new(&topology, &skipping());
    world.feed("rates eur=7 @1\n orders eur=weir @1\n orders eur=a @2");
    wearing.wear_out();
    world.feed("orders eur=b @12\n orders eur=c @22");
    expect![[r#"
        out eur=a-at-7 @2
        out eur=b-at-7 @12
        skipped: 1
    "#]]
    .assert_eq(&world.finish());
}
