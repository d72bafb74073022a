//! Global tables, and joins with them.

use expect_test::expect;
use headwater_schema::{KeyValueSerde, Optional, Utf8, json, optional, serdes, utf8};
use headwater_streams::{ErrorPolicies, OnError, TaskConfig, TestConfig, Topology};

use crate::support::{app, check, check_loaded, check_with, text};

fn keyless() -> KeyValueSerde<Optional<Utf8>, Utf8> {
    serdes(optional(utf8()), utf8())
}

/// The code of a flight's airline; none where it has none.
fn airline(flight: &str) -> Option<String> {
    flight.split_once('-').map(|(airline, _)| airline.to_owned())
}

fn flights() -> Topology {
    app(|app| {
        let airlines = app.global_table("airlines", keyless());
        app.stream("flights", keyless())
            .join_global(
                &airlines,
                |flight| airline(&flight.value),
                |flight, airline| format!("{}-by-{airline}", flight.value),
            )
            .to("out", keyless());
    })
}

fn all_flights() -> Topology {
    app(|app| {
        let airlines = app.global_table("airlines", keyless());
        app.stream("flights", keyless())
            .left_join_global(
                &airlines,
                |flight| airline(&flight.value),
                |flight, airline| format!("{}-by-{}", flight.value, airline.map_or("nobody", String::as_str)),
            )
            .to("out", keyless());
    })
}

const FED: &str = "
    flights jfk=ua-1 @1
    airlines ua=united @9
    flights jfk=ua-2 @2 #trace=7
    flights ~=ua-3 @3
    flights jfk=xx-4 @4
    flights jfk=5 @5
    airlines ua=~ @6
    flights jfk=ua-6 @6";

#[test]
fn a_global_join_finds_by_the_computed_key_and_counts_computed_nulls() {
    check(
        &flights(),
        FED,
        &expect![[r#"
        out jfk=ua-2-by-united @2 #trace=7
        out ~=ua-3-by-united @3
        null keys: 1
    "#]],
    );
}

#[test]
fn a_global_left_join_gives_a_result_for_every_record_even_where_the_computed_key_is_null() {
    check(
        &all_flights(),
        FED,
        &expect![[r#"
        out jfk=ua-1-by-nobody @1
        out jfk=ua-2-by-united @2 #trace=7
        out ~=ua-3-by-united @3
        out jfk=xx-4-by-nobody @4
        out jfk=5-by-nobody @5
        out jfk=ua-6-by-nobody @6
    "#]],
    );
}

#[test]
fn a_global_table_is_filled_before_the_records_that_were_loaded_with_it() {
    check_loaded(
        &flights(),
        "flights jfk=ua-1 @1\n airlines ua=united @9",
        &expect![[r#"
        out jfk=ua-1-by-united @1
    "#]],
    );
}

#[test]
fn a_global_table_drops_and_counts_records_without_a_key() {
    check(
        &flights(),
        "airlines ~=nobody @1\n flights jfk=5 @2",
        &expect![[r#"
        null keys: 2
    "#]],
    );
}

#[test]
fn every_task_sees_all_partitions_of_a_global_table() {
    let config = TestConfig::default().partitions("airlines", 5).partitions("flights", 3);
    let fed = "
        airlines ua=united @1
        airlines dl=delta @1
        airlines b6=jetblue @1
        flights jfk=ua-1 @2
        flights lga=dl-2 @3
        flights ewr=b6-3 @4";
    check_with(
        &config,
        &flights(),
        fed,
        &expect![[r#"
        out jfk=ua-1-by-united @2
        out lga=dl-2-by-delta @3
        out ewr=b6-3-by-jetblue @4
    "#]],
    );
}

#[test]
fn a_key_written_otherwise_is_still_the_same_key() {
    let topology = app(|app| {
        let names = app.global_table("names", json::<Vec<u32>, u32>());
        app.stream("in", text())
            .join_global(&names, |_| vec![1, 2], |_, name| name.to_string())
            .to("out", text());
    });
    check(
        &topology,
        "names [1,\t2]=7 @1\n in a=b @2",
        &expect![[r#"
        out a=7 @2
    "#]],
    );
}

#[test]
fn a_record_that_a_global_table_cannot_read_is_named_or_skipped() {
    let topology = app(|app| {
        let ages = app.global_table("ages", json::<String, u32>());
        app.stream("in", text())
            .join_global(&ages, |word| word.key.clone(), |_, age| age.to_string())
            .to("out", text());
    });
    let fed = "
        ages \"ada\"=old @1
        ages \"ada\"=36 @2
        in ada=x @3";
    check(
        &topology,
        fed,
        &expect![[r#"
        error: the value of the record at ages-0@0 cannot be read: not a u32: expected value at byte 0, near `old`
    "#]],
    );
    let policies = ErrorPolicies { deserialization: OnError::Skip, ..ErrorPolicies::default() };
    let skip = TestConfig::default().task(TaskConfig { policies, ..TaskConfig::default() });
    check_with(
        &skip,
        &topology,
        fed,
        &expect![[r#"
        out ada=36 @3
        skipped: 1
    "#]],
    );
}
