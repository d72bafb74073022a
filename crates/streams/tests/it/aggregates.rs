//! Aggregates over all time.

use expect_test::expect;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{ErrorPolicies, OnError, TaskConfig, TestConfig};

use crate::support::{World, app, check, check_with, text};

#[test]
fn an_aggregate_folds_the_records_of_a_key_in_order_and_emits_on_every_update() {
    let topology = app(|app| {
        app.stream("in", text())
            .group_by_key()
            .aggregate(
                "joined",
                || "0".to_owned(),
                |key, value, so_far| format!("{so_far}-{key}{value}"),
                text(),
            )
            .updates()
            .to("out", text());
    });
    check(
        &topology,
        "in a=1 @1\n in b=2 @2\n in a=3 @3",
        &expect![[r#"
        out a=0-a1 @1
        out b=0-b2 @2
        out a=0-a1-a3 @3
    "#]],
    );
}

#[test]
fn the_time_of_a_result_is_the_latest_of_what_it_was_made_of_and_the_headers_are_the_triggers() {
    let topology = app(|app| {
        let counts = app.stream("in", text()).group_by_key().count("counts");
        counts.updates().map_values(|count| count.value.to_string()).to("out", text());
    });
    check(
        &topology,
        "in a=x @5 #n=1\n in a=x @3 #n=2\n in a=x @6",
        &expect![[r#"
        out a=1 @5 #n=1
        out a=2 @5 #n=2
        out a=3 @6
    "#]],
    );
}

#[test]
fn the_first_value_of_a_reduction_stands_for_itself() {
    let topology = app(|app| {
        app.stream("in", text())
            .group_by_key()
            .reduce("shortest", |value, so_far| if value.len() < so_far.len() { value } else { so_far })
            .updates()
            .to("out", text());
    });
    check(
        &topology,
        "in a=weir @1\n in a=tide @2\n in a=at @3",
        &expect![[r#"
        out a=weir @1
        out a=weir @2
        out a=at @3
    "#]],
    );
}

#[test]
fn null_keys_belong_to_no_group_and_are_counted_once() {
    let topology = app(|app| {
        let words = app.stream("in", serdes(optional(utf8()), utf8()));
        words.group_by_key().count("by-key");
        words
            .select_key(|word| (word.value != "-").then(|| word.value.clone()))
            .with_serdes(serdes(optional(utf8()), utf8()))
            .group_by_key()
            .count("by-word");
    });
    check(
        &topology,
        "in ~=x @1\n in a=x @2\n in a=- @3",
        &expect![[r#"
        null keys: 2
    "#]],
    );
}

#[test]
fn a_store_shows_what_was_counted_partition_by_partition() {
    let topology = app(|app| drop(app.stream("in", text()).group_by_key().count("counts")));
    let mut world = World::new(&topology, &TestConfig::default());
    for line in ["in b=x @1", "in a=x @1", "in b=x @1"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let counts = world.driver.store("counts", serdes(utf8(), headwater_schema::long())).unwrap();
    assert_eq!(counts, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
}

#[test]
fn a_store_takes_no_null_and_says_what_to_do() {
    let topology = app(|app| {
        let table = app.table("in", text());
        let reduced = table.to_stream().group_by_key().reduce("r", |value, _| value);
        reduced.updates().to("out", serdes(utf8(), optional(utf8())));
    });
    check(
        &topology,
        "in a=x @1\n in a=~ @2",
        &expect![[r#"
        out a=x @1
        error: the store "r", at work on the record at in-0@1, cannot write an entry: this Option<String> cannot be written: a store keeps no null; leave such records out before, or give the store a serde that writes bytes for every value, such as `json()`
    "#]],
    );
    let policies = ErrorPolicies { processing: OnError::Skip, ..ErrorPolicies::default() };
    let skip = TestConfig::default().task(TaskConfig { policies, ..TaskConfig::default() });
    check_with(
        &skip,
        &topology,
        "in a=x @1\n in a=~ @2\n in a= @3",
        &expect![[r#"
        out a=x @1
        out a= @3
        skipped: 1
    "#]],
    );
}
