//! Records that choose their topics.

use expect_test::expect;
use headwater_streams::{ErrorPolicies, OnError, TaskConfig, TestConfig, Topology};

use crate::support::{World, app, check, check_with, text};

fn by_key() -> Topology {
    app(|app| app.stream("in", text()).to_each(|word| format!("about-{}", word.key), text()))
}

#[test]
fn each_record_goes_to_the_topic_that_it_chooses_with_key_time_and_headers() {
    let mut world = World::new(&by_key(), &TestConfig::default());
    world.feed("in a=x @1 #trace=7\n in b=y @2\n in a=z @3");
    let chosen = world.chosen("about-a") + &world.chosen("about-b");
    expect![[r#"
        about-a a=x @1 #trace=7
        about-a a=z @3
        about-b b=y @2
    "#]]
    .assert_eq(&chosen);
}

#[test]
fn a_topic_that_the_application_reads_itself_may_be_chosen() {
    let topology = app(|app| {
        app.stream("in", text()).to_each(|word| word.key.clone(), text());
        app.stream("again", text()).map_values(|word| word.value + "!").to("out", text());
    });
    check(
        &topology,
        "in again=x @1",
        &expect![[r#"
        out again=x! @1
    "#]],
    );
}

#[test]
fn a_topic_that_the_application_also_writes_elsewhere_may_be_chosen() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        words.to("out", text());
        words.to_each(|word| word.key.clone(), text());
    });
    check(
        &topology,
        "in out=x @1",
        &expect![[r#"
        out out=x @1
        out out=x @1
    "#]],
    );
}

#[test]
fn a_name_that_cannot_be_a_topics_is_an_error_of_production() {
    check(
        &by_key(),
        "in a/b=x @1",
        &expect![[r#"
        error: "to each" sends what it made of the record at in-0@0 to "about-a/b", which cannot be: the topic name "about-a/b" has the illegal character '/'; legal are a-z, A-Z, 0-9, '.', '_' and '-'
    "#]],
    );
    let policies = ErrorPolicies { production: OnError::Skip, ..ErrorPolicies::default() };
    let skip = TestConfig::default().task(TaskConfig { policies, ..TaskConfig::default() });
    check_with(
        &skip,
        &by_key(),
        "in a/b=x @1\n in a=y @2",
        &expect![[r#"
        skipped: 1
    "#]],
    );
}

#[test]
fn chosen_topics_are_no_part_of_the_topology() {
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateless
          stream in
            to each
    "#]]
    .assert_eq(&by_key().to_string());
    assert!(by_key().sink_topics().is_empty());
}
