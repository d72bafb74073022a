//! Records that cannot be dealt with, and where they go.

use std::time::Duration;

use expect_test::expect;
use headwater_model::TopicName;
use headwater_schema::{Json, long, optional, serdes, utf8};
use headwater_streams::{
    ErrorPolicies, HoppingWindows, OnError, TaskConfig, TestConfig, TestDriver, Topology,
};

use crate::support::{World, app, sentence, text};

/// All errors to the dead-letter topic.
fn bury() -> TestConfig {
    let policies = ErrorPolicies {
        deserialization: OnError::DeadLetter,
        processing: OnError::DeadLetter,
        production: OnError::DeadLetter,
    };
    let dead_letter_topic = Some(TopicName::new("dead").unwrap());
    TestConfig::default().task(TaskConfig { policies, dead_letter_topic, ..TaskConfig::default() })
}

fn numbers() -> Topology {
    app(|app| {
        app.stream("in", text())
            .try_map_values(|word| word.value.parse::<i64>().map(|number| (number + 1).to_string()))
            .to_each(|word| word.key.clone(), text());
    })
}

#[test]
fn a_refused_record_goes_there_as_it_came_with_the_cause() {
    let mut world = World::new(&numbers(), &bury());
    world.feed("in a=1 @1\n in a=weir @2 #trace=7 #empty=~\n in a=3 @3");
    expect![[r#"
        a a=2 @1
        a a=4 @3
    "#]]
    .assert_eq(&world.chosen("a"));
    expect![[r#"
        dead a=weir @2 #trace=7 #empty=~ #__streams.errors.exception=TaskError::Refused #__streams.errors.message="try map values" failed on the record at in-0@1: invalid digit found in string #__streams.errors.stacktrace="try map values" failed on the record at in-0@1
        caused by: invalid digit found in string #__streams.errors.topic=in #__streams.errors.partition=0 #__streams.errors.offset=1
    "#]].assert_eq(&world.chosen("dead"));
    expect![[r#"
        skipped: 1
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn so_does_one_that_cannot_be_read_one_without_a_time_and_one_whose_result_has_no_topic() {
    let mut world = World::new(&numbers(), &bury());
    world.feed("in a=~ @5\n in ~=x @4\n in a=1 @-1\n in a/b=1 @6");
    expect![[r#"
        dead a=~ @5 #__streams.errors.exception=TaskError::Unreadable #__streams.errors.message=the value of the record at in-0@0 cannot be read: null where a String is needed (read it with `optional(..)` if null is legal here) #__streams.errors.stacktrace=the value of the record at in-0@0 cannot be read
        caused by: null where a String is needed (read it with `optional(..)` if null is legal here) #__streams.errors.topic=in #__streams.errors.partition=0 #__streams.errors.offset=0
        dead ~=x @4 #__streams.errors.exception=TaskError::Unreadable #__streams.errors.message=the key of the record at in-0@1 cannot be read: null where a String is needed (read it with `optional(..)` if null is legal here) #__streams.errors.stacktrace=the key of the record at in-0@1 cannot be read
        caused by: null where a String is needed (read it with `optional(..)` if null is legal here) #__streams.errors.topic=in #__streams.errors.partition=0 #__streams.errors.offset=1
        dead a=1 @5 #__streams.errors.exception=TaskError::NoTimestamp #__streams.errors.message=the record at in-0@2 has no timestamp #__streams.errors.stacktrace=the record at in-0@2 has no timestamp #__streams.errors.topic=in #__streams.errors.partition=0 #__streams.errors.offset=2
        dead a/b=1 @6 #__streams.errors.exception=TaskError::IllegalTopic #__streams.errors.message="to each" sends what it made of the record at in-0@3 to "a/b", which cannot be: the topic name "a/b" has the illegal character '/'; legal are a-z, A-Z, 0-9, '.', '_' and '-' #__streams.errors.stacktrace="to each" sends what it made of the record at in-0@3 to "a/b", which cannot be
        caused by: the topic name "a/b" has the illegal character '/'; legal are a-z, A-Z, 0-9, '.', '_' and '-' #__streams.errors.topic=in #__streams.errors.partition=0 #__streams.errors.offset=3
    "#]].assert_eq(&world.chosen("dead"));
    assert_eq!(world.driver.metrics().skipped, 4);
    assert_eq!(world.driver.skipped().len(), 4);
}

#[test]
fn a_record_goes_there_once_for_each_error_that_it_meets() {
    let topology = app(|app| {
        app.stream("in", text())
            .flat_map_values(|line| line.value.split('-').map(str::to_owned).collect::<Vec<_>>())
            .try_map_values(|word| word.value.parse::<i64>())
            .to("out", serdes(utf8(), long()));
    });
    let mut world = World::new(&topology, &bury());
    world.load("in a=1-x-2-y @1").unwrap();
    world.load("in a=3 @2").unwrap();
    world.driver.run().unwrap();
    let dead = world.driver.output::<String, String, _, _>("dead", text()).unwrap();
    let dead: Vec<_> = dead.into_iter().map(|record| record.value).collect();
    assert_eq!(dead, ["1-x-2-y", "1-x-2-y"]);
    let out = world.driver.output::<String, i64, _, _>("out", serdes(utf8(), long())).unwrap();
    assert_eq!(out.into_iter().map(|record| record.value).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn behind_a_repartition_it_is_the_record_of_the_repartition_topic() {
    let topology = app(|app| {
        app.stream("in", text())
            .map(|word| (word.value, word.key))
            .repartition("turned", text())
            .try_map_values(|word| word.value.parse::<i64>())
            .to("out", serdes(utf8(), long()));
    });
    let mut world = World::new(&topology, &bury());
    world.feed("in a=x @1");
    expect![[r#"
        dead x=a @1 #__streams.errors.exception=TaskError::Refused #__streams.errors.message="try map values" failed on the record at app-turned-repartition-0@0: invalid digit found in string #__streams.errors.stacktrace="try map values" failed on the record at app-turned-repartition-0@0
        caused by: invalid digit found in string #__streams.errors.topic=app-turned-repartition #__streams.errors.partition=0 #__streams.errors.offset=0
    "#]].assert_eq(&world.chosen("dead"));
}

#[test]
fn records_of_global_tables_are_skipped() {
    let topology = app(|app| {
        let numbers = app.global_table::<String, i64, _, _>("numbers", serdes(utf8(), Json::<i64>::new()));
        app.stream("in", text())
            .join_global(&numbers, |word| word.key.clone(), |_, number| number.to_string())
            .to("out", text());
    });
    let mut world = World::new(&topology, &bury());
    world.feed("numbers a=x @1\n numbers b=2 @1\n in b=? @2");
    assert!(world.driver.output::<String, String, _, _>("dead", text()).is_err());
    expect![[r#"
        out b=2 @2
        skipped: 1
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn there_must_be_a_topic_for_them() {
    let policies = ErrorPolicies { processing: OnError::DeadLetter, ..ErrorPolicies::default() };
    let config = TestConfig::default().task(TaskConfig { policies, ..TaskConfig::default() });
    let error = TestDriver::with(&numbers(), &config).unwrap_err();
    expect![[r#"
        error: a policy is to write records to the dead-letter topic, but `dead_letter_topic` names none
    "#]]
    .assert_eq(&sentence(&error));
}

#[test]
fn of_one_batch_each_refused_record_goes_there_as_it_came() {
    let mut world = World::new(&numbers(), &bury());
    for line in ["in a=x @1 #n=1", "in a=1 @2", "in a=y @3", "in a=~ @4", "in a=2 @5", "in a=z @6 #n=2"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let dead = world.chosen("dead");
    let came: Vec<_> = dead.lines().filter_map(|line| line.strip_prefix("dead ")).collect();
    let came: Vec<_> = came.iter().filter_map(|line| line.split(" #__").next()).collect();
    assert_eq!(came, ["a=x @1 #n=1", "a=y @3", "a=~ @4", "a=z @6 #n=2"]);
}

#[test]
fn a_record_goes_there_once_for_an_operator_however_many_windows_it_lies_in() {
    let windows = HoppingWindows::of(Duration::from_millis(10)).advance_by(Duration::from_millis(2));
    let hopping = app(|app| {
        let rows = serdes(utf8(), optional(utf8()));
        let words = app.stream::<String, Option<String>, _, _>("in", rows).group_by_key();
        drop(words.windowed_by(windows).reduce("words", |word, _| word));
    });
    let mut world = World::new(&hopping, &bury());
    world.feed("in a=~ @20\n in a=x @21");
    assert_eq!(world.chosen("dead").lines().filter(|line| line.starts_with("dead ")).count(), 1);
    assert_eq!(world.driver.metrics().skipped, 1);
}
