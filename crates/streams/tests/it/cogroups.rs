//! Several streams aggregated into one table.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{
    CogroupedStream, TestConfig, TestDriver, Topology, TopologyBuilder, TumblingWindows,
};

use crate::support::{World, app, check, check_with, sentence, text};

/// What is sold and what is returned, by product.
fn cogrouped(app: &mut TopologyBuilder) -> CogroupedStream<Option<String>, String> {
    let keyless = || serdes(optional(utf8()), utf8());
    let sales = app.stream("sales", keyless()).group_by_key();
    let returns = app.stream("returns", keyless()).group_by_key();
    sales
        .cogroup(|_, amount: String, so_far: String| format!("{so_far}+{amount}"))
        .cogroup(&returns, |_, amount: String, so_far| format!("{so_far}-{amount}"))
}

fn totals() -> Topology {
    app(|app| {
        let totals = cogrouped(app).aggregate("totals", || "0".to_owned(), serdes(optional(utf8()), utf8()));
        totals.updates().to("out", serdes(optional(utf8()), utf8()));
    })
}

#[test]
fn each_stream_has_its_own_way_into_the_aggregate() {
    let fed = "
        sales tea=5 @3 #trace=1
        returns tea=1 @2 #trace=2
        returns salt=2 @4
        sales tea=7 @5
        sales ~=1 @6
        returns ~=1 @7";
    check(
        &totals(),
        fed,
        &expect![[r#"
        out tea=0+5 @3 #trace=1
        out tea=0+5-1 @3 #trace=2
        out salt=0-2 @4
        out tea=0+5-1+7 @5
        null keys: 2
    "#]],
    );
}

#[test]
fn a_cogroup_is_one_table_of_one_store() {
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          stream sales
            cogroup totals
              merge
                updates
                  to out
          stream returns
            cogroup totals
              merge, see above
          store totals: value per key, backed by app-totals-changelog
    "#]]
    .assert_eq(&totals().to_string());
}

#[test]
fn the_topics_of_a_cogroup_need_equal_partition_counts() {
    let config = TestConfig::default().partitions("sales", 2).partitions("returns", 3);
    expect![[r#"
        error: "cogroup totals" needs topics with equal partition counts, but "sales" has 2 and "returns" has 3; create one of them anew, or send the stream through `.repartition(..)`
    "#]].assert_eq(&sentence(&TestDriver::with(&totals(), &config).unwrap_err()));
}

#[test]
fn streams_by_changed_keys_go_through_repartition_topics_of_their_own() {
    let topology = app(|app| {
        let by_value = |topic, app: &mut TopologyBuilder| {
            let words = app.stream::<String, String, _, _>(topic, text());
            words.map(|word| (word.value, word.key)).with_serdes(text()).group_by_key()
        };
        let same = app.stream("same", text()).group_by_key();
        let (first, second) = (by_value("first", app), by_value("second", app));
        first
            .cogroup(|_, value, so_far: String| so_far + "1" + &value)
            .cogroup(&same, |_, value, so_far| so_far + "2" + &value)
            .cogroup(&second, |_, value, so_far| so_far + "3" + &value)
            .aggregate("all", String::new, text())
            .updates()
            .to("out", text());
    });
    let config = TestConfig::default().partitions("same", 2).partitions("first", 3);
    check_with(
        &config,
        &topology,
        "first a=x @1\n second b=x @2\n same x=c @3",
        &expect![[r#"
        out x=1a @1
        out x=1a3b @2
        out x=1a3b2c @3
    "#]],
    );
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateless
          stream first
            map
              repartition all -> app-all-repartition

        sub-topology 1, stateless
          stream second
            map
              repartition all-3 -> app-all-3-repartition

        sub-topology 2, stateful
          stream same
            cogroup all
              merge
                updates
                  to out
          repartition all <- app-all-repartition
            cogroup all
              merge, see above
          repartition all-3 <- app-all-3-repartition
            cogroup all
              merge, see above
          store all: value per key, backed by app-all-changelog
    "#]]
    .assert_eq(&topology.to_string());
}

#[test]
fn a_cogroup_can_be_joined_with_and_filtered() {
    let topology = app(|app| {
        let totals = cogrouped(app).aggregate("totals", || "0".to_owned(), serdes(optional(utf8()), utf8()));
        let few = totals.filter(|_, total| total.len() < 5);
        few.to_stream().to("few", serdes(optional(utf8()), optional(utf8())));
        app.stream("asked", serdes(optional(utf8()), utf8()))
            .join("answer", &totals, |_, total: &String| total.clone())
            .to("out", serdes(optional(utf8()), utf8()));
    });
    let fed = "
        sales tea=5 @1
        returns tea=1 @2
        sales tea=7 @3
        asked tea=? @4";
    check(
        &topology,
        fed,
        &expect![[r#"
        few tea=0+5 @1
        few tea=~ @2
        out tea=0+5-1+7 @4
    "#]],
    );
}

/// In Kafka Streams each stream of a cogroup has a stream time of its own, and a late record of the slower one begins a
/// window anew that is gone already.
#[test]
fn within_windows_too_and_late_records_of_all_streams_are_counted_together() {
    let windows = TumblingWindows::of(Duration::from_millis(10));
    let topology = app(|app| {
        cogrouped(app)
            .windowed_by(windows)
            .aggregate("totals", || "0".to_owned(), serdes(optional(utf8()), utf8()))
            .updates()
            .map(|total| (format!("{}@{}", total.key.key.unwrap_or_default(), total.key.start), total.value))
            .to("out", text());
    });
    let fed = "
        sales tea=5 @3
        returns tea=1 @2 #trace=2
        sales tea=7 @12
        returns tea=2 @5
        sales tea=8 @6
        returns ~=1 @13
        returns tea=3 @13";
    check(
        &topology,
        fed,
        &expect![[r#"
        out tea@0=0+5 @3
        out tea@0=0+5-1 @3 #trace=2
        out tea@10=0+7 @12
        out tea@10=0+7-3 @13
        late for totals: 2
        null keys: 1
    "#]],
    );
    let mut world = World::new(&topology, &TestConfig::default());
    world.feed(fed);
    assert_eq!(world.driver.late("totals"), 2);
}
