//! Operators that remember nothing.

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_streams::{ErrorPolicies, OnError, Record, TaskConfig, TestConfig, TestDriver};

use crate::support::{app, check, check_with, sentence, text};

#[test]
fn filter_keeps_what_is_true_and_filter_not_what_is_false() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        words.filter(|word| word.value.len() > 2).to("long", text());
        words.filter_not(|word| word.value.len() > 2).to("short", text());
    });
    let fed = "
        in a=weir @1
        in b=at @2
        in a=delta @3";
    check(
        &topology,
        fed,
        &expect![[r#"
        long a=weir @1
        short b=at @2
        long a=delta @3
    "#]],
    );
}

#[test]
fn map_values_changes_the_value_and_nothing_else() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        words.map_values(|word| format!("{}:{}", word.key, word.value.len())).to("out", text());
    });
    check(
        &topology,
        "in a=weir @1 #trace=7 #trace=8 #empty=~",
        &expect![[r#"
        out a=a:4 @1 #trace=7 #trace=8 #empty=~
    "#]],
    );
}

#[test]
fn flat_map_values_gives_any_number_in_order_each_with_time_and_headers() {
    let topology = app(|app| {
        let lines = app.stream("in", text());
        lines
            .flat_map_values(|line| line.value.split('-').map(str::to_owned).collect::<Vec<_>>())
            .filter(|word| !word.value.is_empty())
            .to("out", text());
    });
    let fed = "
        in a=tide-weir-brook @5 #trace=7
        in b= @6
        in c=delta @4";
    check(
        &topology,
        fed,
        &expect![[r#"
        out a=tide @5 #trace=7
        out a=weir @5 #trace=7
        out a=brook @5 #trace=7
        out c=delta @4
    "#]],
    );
}

#[test]
fn map_changes_key_and_value_and_keeps_time_and_headers() {
    let topology = app(|app| {
        app.stream("in", text()).map(|word| (word.value, word.key)).to("out", text());
    });
    check(
        &topology,
        "in a=weir @3 #trace=7",
        &expect![[r#"
        out weir=a @3 #trace=7
    "#]],
    );
}

#[test]
fn select_key_changes_the_key_alone() {
    let topology = app(|app| {
        app.stream("in", text()).select_key(|word| word.value.to_uppercase()).to("out", text());
    });
    check(
        &topology,
        "in a=weir @3 #trace=7",
        &expect![[r#"
        out WEIR=weir @3 #trace=7
    "#]],
    );
}

#[test]
fn a_stream_used_twice_goes_both_ways_in_the_order_of_declaration() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        words.map_values(|word| word.value + "1").to("out", text());
        words.map_values(|word| word.value + "2").to("out", text());
        words.to("out", text());
    });
    check(
        &topology,
        "in a=x @1\n in b=y @2",
        &expect![[r#"
        out a=x1 @1
        out a=x2 @1
        out a=x @1
        out b=y1 @2
        out b=y2 @2
        out b=y @2
    "#]],
    );
}

#[test]
fn peek_sees_every_record_and_changes_none() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let topology = app(|app| {
        let seen = std::sync::Arc::clone(&seen);
        let look = move |value: String| seen.lock().unwrap().push(value);
        app.stream("in", text()).peek(move |word| look(word.value.clone())).to("out", text());
    });
    check(
        &topology,
        "in a=x @1\n in b=y @2",
        &expect![[r#"
        out a=x @1
        out b=y @2
    "#]],
    );
    assert_eq!(*seen.lock().unwrap(), ["x", "y"]);
}

#[test]
fn several_writers_may_share_a_topic() {
    let topology = app(|app| {
        app.stream("left", text()).to("out", text());
        app.stream("right", text()).to("out", text());
    });
    check(
        &topology,
        "left a=x @1\n right b=y @2",
        &expect![[r#"
        out a=x @1
        out b=y @2
    "#]],
    );
}

fn numbers() -> headwater_streams::Topology {
    app(|app| {
        app.stream("in", text())
            .try_map_values(|word| word.value.parse::<i64>().map(|number| (number + 1).to_string()))
            .to("out", text());
    })
}

const FED: &str = "
    in a=1 @1
    in a=weir @2
    in a=~ @3
    in a=4 @4";

#[test]
fn a_record_that_an_operator_refuses_stops_the_task_and_is_named() {
    check(
        &numbers(),
        FED,
        &expect![[r#"
        out a=2 @1
        error: "try map values" failed on the record at in-0@1: invalid digit found in string
    "#]],
    );
}

fn policies(policies: ErrorPolicies) -> TestConfig {
    TestConfig::default().task(TaskConfig { policies, ..TaskConfig::default() })
}

#[test]
fn a_policy_of_one_kind_of_error_leaves_the_others_alone() {
    let skip_processing = policies(ErrorPolicies { processing: OnError::Skip, ..ErrorPolicies::default() });
    check_with(
        &skip_processing,
        &numbers(),
        FED,
        &expect![[r#"
        out a=2 @1
        error: the value of the record at in-0@2 cannot be read: null where a String is needed (read it with `optional(..)` if null is legal here)
        skipped: 1
    "#]],
    );
    let skip_reading = policies(ErrorPolicies { deserialization: OnError::Skip, ..ErrorPolicies::default() });
    check_with(
        &skip_reading,
        &numbers(),
        FED,
        &expect![[r#"
        out a=2 @1
        error: "try map values" failed on the record at in-0@1: invalid digit found in string
    "#]],
    );
}

#[test]
fn what_the_policies_say_to_skip_is_left_out_and_counted() {
    let skip = policies(ErrorPolicies {
        deserialization: OnError::Skip,
        processing: OnError::Skip,
        ..ErrorPolicies::default()
    });
    check_with(
        &skip,
        &numbers(),
        FED,
        &expect![[r#"
        out a=2 @1
        out a=5 @4
        skipped: 2
    "#]],
    );
    let mut driver = TestDriver::with(&numbers(), &skip).unwrap();
    let weir = Record::new("a".to_owned(), "weir".to_owned(), Timestamp(2));
    driver.pipe("in", text(), weir).unwrap();
    let [error] = driver.skipped() else { panic!("one record was skipped") };
    expect![[r#"
        error: "try map values" failed on the record at in-0@0: invalid digit found in string
    "#]]
    .assert_eq(&sentence(error));
}

#[test]
fn a_record_without_a_time_is_an_error() {
    check(
        &numbers(),
        "in a=1 @-1",
        &expect![[r#"
        error: the record at in-0@0 has no timestamp
    "#]],
    );
}
