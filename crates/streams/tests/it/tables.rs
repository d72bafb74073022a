//! Tables, and joins with them.

use expect_test::expect;
use headwater_schema::{KeyValueSerde, Optional, Utf8, optional, serdes, utf8};
use headwater_streams::Topology;

use crate::support::{World, app, check, check_loaded, text};

/// Text; the key may be missing.
fn keyless() -> KeyValueSerde<Optional<Utf8>, Utf8> {
    serdes(optional(utf8()), utf8())
}

/// Orders joined with the cities of those who ordered.
fn orders() -> Topology {
    app(|app| {
        let cities = app.table("cities", keyless());
        let orders = app.stream("orders", keyless());
        orders
            .join("order-city", &cities, |order, city| format!("{}-to-{city}", order.value))
            .to("out", keyless());
    })
}

/// The same, without leaving out anybody.
fn all_orders() -> Topology {
    app(|app| {
        let cities = app.table("cities", keyless());
        let orders = app.stream("orders", keyless());
        orders
            .left_join("order-city", &cities, |order, city| {
                format!("{}-to-{}", order.value, city.map_or("nowhere", String::as_str))
            })
            .to("out", keyless());
    })
}

const FED: &str = "
    orders ada=tea @1
    cities ada=rome @2
    orders ada=salt @3 #trace=7
    orders bob=rice @4
    cities ada=oslo @5
    orders ada=corn @6
    cities ada=~ @7
    orders ada=milk @8";

#[test]
fn only_the_stream_triggers_a_join_and_it_finds_the_newest_value_or_gives_nothing() {
    check(
        &orders(),
        FED,
        &expect![[r#"
        out ada=salt-to-rome @3 #trace=7
        out ada=corn-to-oslo @6
    "#]],
    );
}

#[test]
fn a_left_join_gives_a_result_for_every_record_of_the_stream() {
    check(
        &all_orders(),
        FED,
        &expect![[r#"
        out ada=tea-to-nowhere @1
        out ada=salt-to-rome @3 #trace=7
        out bob=rice-to-nowhere @4
        out ada=corn-to-oslo @6
        out ada=milk-to-nowhere @8
    "#]],
    );
}

#[test]
fn a_join_is_in_step_with_event_time_whatever_order_the_records_come_in() {
    let fed = "
        orders ada=corn @6
        orders ada=milk @8
        cities ada=rome @2
        cities ada=oslo @6
        cities ada=~ @7";
    check_loaded(
        &all_orders(),
        fed,
        &expect![[r#"
        out ada=corn-to-oslo @6
        out ada=milk-to-nowhere @8
    "#]],
    );
}

#[test]
fn null_keys_are_dropped_and_counted_by_joins_and_kept_by_left_joins() {
    check(
        &orders(),
        "orders ~=tea @1",
        &expect![[r#"
        null keys: 1
    "#]],
    );
    check(
        &all_orders(),
        "orders ~=tea @1",
        &expect![[r#"
        out ~=tea-to-nowhere @1
    "#]],
    );
}

#[test]
fn a_table_drops_and_counts_records_without_a_key() {
    check(
        &orders(),
        "cities ~=rome @1",
        &expect![[r#"
        null keys: 1
    "#]],
    );
}

#[test]
fn a_table_hands_on_changes_with_tombstones_as_a_stream_and_without_as_updates() {
    let topology = app(|app| {
        let cities = app.table("cities", text());
        cities.to_stream().map_values(|city| city.value.unwrap_or("gone".to_owned())).to("changes", text());
        cities.to_stream().to("copy", serdes(utf8(), optional(utf8())));
        cities.updates().to("updates", text());
    });
    check(
        &topology,
        "cities ada=rome @2 #trace=7\n cities ada=~ @1\n cities bob=~ @3",
        &expect![[r#"
        changes ada=rome @2 #trace=7
        copy ada=rome @2 #trace=7
        updates ada=rome @2 #trace=7
        changes ada=gone @1
        copy ada=~ @1
        changes bob=gone @3
        copy bob=~ @3
    "#]],
    );
}

#[test]
fn a_table_holds_the_newest_value_by_offset_and_nothing_for_tombstones() {
    let mut world = World::new(&orders(), &headwater_streams::TestConfig::default());
    for line in ["cities ada=rome @5", "cities bob=oslo @1", "cities ada=bern @2", "cities bob=~ @3"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let cities = world.driver.store::<String, String, _, _>("cities", text()).unwrap();
    assert_eq!(cities, [("ada".to_owned(), "bern".to_owned())]);
}

#[test]
fn a_table_joined_twice_is_one_table() {
    let topology = app(|app| {
        let cities = app.table("cities", text());
        let orders = app.stream("orders", text());
        orders
            .join("first", &cities, |order, city| format!("{}-{city}", order.value))
            .join("second", &cities, |order, city| format!("{}-{city}", order.value))
            .to("out", text());
    });
    check(
        &topology,
        "cities ada=rome @1\n orders ada=tea @2",
        &expect![[r#"
        out ada=tea-rome-rome @2
    "#]],
    );
}

#[test]
fn a_stream_can_be_joined_with_what_was_computed_of_it() {
    let topology = app(|app| {
        let orders = app.stream("orders", text());
        let counts = orders.group_by_key().count("counts");
        orders.join("numbered", &counts, |order, count| format!("{}-{count}", order.value)).to("out", text());
    });
    check(
        &topology,
        "orders ada=tea @1\n orders bob=salt @2\n orders ada=rice @3",
        &expect![[r#"
        out ada=tea-1 @1
        out bob=salt-1 @2
        out ada=rice-2 @3
    "#]],
    );
}
