//! Streams that are taken for the changes of a table.

use expect_test::expect;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{TestConfig, Topology};

use crate::support::{World, app, check, nullable, text};

/// Cities by name, and the table's changes.
fn cities() -> Topology {
    app(|app| {
        app.stream("in", nullable())
            .filter(|city| city.value.as_deref() != Some("no"))
            .to_table("cities", serdes(optional(utf8()), utf8()))
            .to_stream()
            .to("out", nullable());
    })
}

#[test]
fn a_value_is_the_newest_of_its_key_and_null_removes_it() {
    let fed = "
        in ada=rome @2 #trace=7
        in ada=no @3
        in ada=oslo @1
        in bob=bern @4
        in ada=~ @5
        in cid=~ @6";
    check(
        &cities(),
        fed,
        &expect![[r#"
        out ada=rome @2 #trace=7
        out ada=oslo @1
        out bob=bern @4
        out ada=~ @5
        out cid=~ @6
    "#]],
    );
    let mut world = World::new(&cities(), &TestConfig::default());
    world.feed(fed);
    let kept = world.driver.store("cities", text()).unwrap();
    assert_eq!(kept, [("bob".to_owned(), "bern".to_owned())]);
}

#[test]
fn null_keys_are_dropped_and_counted() {
    check(
        &cities(),
        "in ~=rome @1",
        &expect![[r#"
        null keys: 1
    "#]],
    );
}

#[test]
fn a_stream_without_nulls_makes_a_table_too_and_can_be_joined_with_it() {
    let topology = app(|app| {
        let orders = app.stream("orders", text());
        let last = orders.filter(|order| order.value != "again").to_table("last", text());
        orders
            .filter(|order| order.value == "again")
            .join("again", &last, |_, last: &String| last.clone())
            .to("out", text());
    });
    check(
        &topology,
        "orders a=tea @1\n orders a=again @2\n orders b=again @3",
        &expect![[r#"
        out a=tea @2
    "#]],
    );
}

#[test]
fn a_table_by_a_changed_key_goes_through_a_repartition_topic_with_its_tombstones() {
    let topology = app(|app| {
        app.stream("in", nullable())
            .map(|word| {
                let (key, value) = (word.key, word.value);
                (key.as_deref().and_then(|key| key.strip_prefix("x-")).map(str::to_owned), value)
            })
            .to_table("words", serdes(optional(utf8()), utf8()))
            .to_stream()
            .to("out", nullable());
    });
    let fed = "
        in x-a=weir @1 #trace=7
        in x-a=~ @2
        in b=tide @3
        in x-c=brook @4";
    check(
        &topology,
        fed,
        &expect![[r#"
        out a=weir @1 #trace=7
        out a=~ @2
        out c=brook @4
        null keys: 1
    "#]],
    );
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateless
          stream in
            map
              repartition words -> app-words-repartition

        sub-topology 1, stateful
          repartition words <- app-words-repartition
            to table words
              to stream
                to out
          store words: value per key, backed by app-words-changelog
    "#]]
    .assert_eq(&topology.to_string());
}
