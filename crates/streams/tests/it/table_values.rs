//! Tables computed from others, value by value.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::{Guarantee, Table, Topology, TumblingWindows};

use crate::support::{app, check, sentence, text};

/// Shows the changes of a table that is made of that of cities.
fn of_cities(make: impl FnOnce(Table<String, String>) -> Table<String, String>) -> Topology {
    app(|app| make(app.table("cities", text())).to_stream().to("out", serdes(utf8(), optional(utf8()))))
}

const FED: &str = "
    cities ada=oslo @1
    cities ada=rome @2 #trace=7
    cities ada=riga @3
    cities ada=bern @4 #trace=8
    cities ada=oslo @5
    cities ada=~ @6
    cities ada=rome @7
    cities ada=~ @6
    cities bob=~ @9";

#[test]
fn a_filtered_table_removes_what_is_kept_no_more_and_does_not_speak_of_what_never_was() {
    check(
        &of_cities(|cities| cities.filter(|_, city| city.starts_with('r'))),
        FED,
        &expect![[r#"
        out ada=rome @2 #trace=7
        out ada=riga @3
        out ada=~ @4 #trace=8
        out ada=rome @7
        out ada=~ @6
    "#]],
    );
}

#[test]
fn filter_not_keeps_what_filter_leaves_out() {
    check(
        &of_cities(|cities| cities.filter_not(|_, city| city.starts_with('r'))),
        FED,
        &expect![[r#"
        out ada=oslo @1
        out ada=~ @2 #trace=7
        out ada=bern @4 #trace=8
        out ada=oslo @5
        out ada=~ @6
    "#]],
    );
}

#[test]
fn mapped_values_follow_every_change_and_removals_stay_removals() {
    let mapped =
        of_cities(|cities| cities.map_values(|name, city| format!("{city}-{name}")).with_serdes(text()));
    check(
        &mapped,
        FED,
        &expect![[r#"
        out ada=oslo-ada @1
        out ada=rome-ada @2 #trace=7
        out ada=riga-ada @3
        out ada=bern-ada @4 #trace=8
        out ada=oslo-ada @5
        out ada=~ @6
        out ada=rome-ada @7
        out ada=~ @6
        out bob=~ @9
    "#]],
    );
}

#[test]
fn a_filter_behind_new_values_knows_the_old_ones() {
    let filtered = of_cities(|cities| {
        cities
            .map_values(|_, city| city.to_uppercase())
            .filter(|_, city| city.starts_with('R'))
            .with_serdes(text())
    });
    check(
        &filtered,
        FED,
        &expect![[r#"
        out ada=ROME @2 #trace=7
        out ada=RIGA @3
        out ada=~ @4 #trace=8
        out ada=ROME @7
        out ada=~ @6
    "#]],
    );
}

/// Kafka Streams takes what an aggregate begins with for its first old value, and removes here what never was.
#[test]
fn a_filtered_aggregate_removes_what_is_kept_no_more() {
    let topology = app(|app| {
        let counts = app.stream("in", text()).group_by_key().count("counts");
        counts
            .filter(|_, count| count % 2 == 0)
            .map_values(|_, count| count.to_string())
            .with_serdes(text())
            .to_stream()
            .to("out", serdes(utf8(), optional(utf8())));
    });
    check(
        &topology,
        "in a=x @1\n in a=x @2\n in a=x @3\n in b=x @4",
        &expect![[r#"
        out a=2 @2
        out a=~ @3
    "#]],
    );
}

#[test]
fn computed_tables_are_looked_up_in_the_table_that_they_are_made_of() {
    let topology = app(|app| {
        let cities = app.table("cities", text());
        let shouted = cities.filter(|_, city| city != "oslo").map_values(|_, city| city.to_uppercase());
        let orders = app.stream("orders", text());
        orders
            .left_join("city", &shouted, |order, city: Option<&String>| {
                format!("{}-to-{}", order.value, city.map_or("nowhere", String::as_str))
            })
            .to("out", text());
    });
    let fed = "
        orders ada=tea @1
        cities ada=rome @2
        orders ada=salt @3
        cities ada=oslo @4
        orders ada=rice @5";
    check(
        &topology,
        fed,
        &expect![[r#"
        out ada=tea-to-nowhere @1
        out ada=salt-to-ROME @3
        out ada=rice-to-nowhere @5
    "#]],
    );
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          table cities
            filter
              map values
          stream orders
            left join city with store cities
              to out
          store cities: newest value per key, backed by cities
    "#]]
    .assert_eq(&topology.to_string());
}

#[test]
fn new_values_need_serdes_where_they_are_stored_or_sent() {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let lengths = app.table("cities", text()).map_values(|_, city: String| city.len() as i64);
    lengths.updates().group_by_key().reduce("longest", i64::max);
    expect![[r#"
        error: the topology "app" cannot be built: "longest" does not know how to write the stream's values, whose type was changed on the way; say so with `.with_serdes(..)` before it
    "#]].assert_eq(&sentence(&app.build().unwrap_err()));
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let lengths = app.table("cities", text()).map_values(|_, city: String| city.len() as i64);
    lengths.with_serdes(serdes(utf8(), long())).updates().group_by_key().reduce("longest", i64::max);
    assert!(app.build().is_ok());
}

#[test]
fn a_table_of_windows_is_filtered_and_mapped_as_any_other_but_not_joined_with() {
    let windows = TumblingWindows::of(Duration::from_millis(10));
    let topology = app(|app| {
        let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        counts
            .filter(|_, count| *count > 1)
            .map_values(|word, count| format!("{}-{count}", word.start))
            .to_stream()
            .map(|word| (word.key.key, word.value))
            .to("out", serdes(utf8(), optional(utf8())));
    });
    check(
        &topology,
        "in a=x @1 #trace=7\n in a=x @2 #trace=8\n in a=x @11\n in a=x @12",
        &expect![[r#"
        out a=0-2 @2 #trace=8
        out a=10-2 @12
    "#]],
    );
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let words = app.stream::<String, String, _, _>("in", text());
    let counts = words.group_by_key().windowed_by(windows).count("counts");
    let by_window = counts.updates().map(|count| (count.key, count.value));
    by_window.left_join("again", &counts.filter(|_, _| true), |count, _| count.value);
    expect![[r#"
        error: the topology "app" cannot be built: "again" joins a table of windows, which cannot be done yet; write the table to a topic, and join with that
    "#]].assert_eq(&sentence(&app.build().unwrap_err()));
}
