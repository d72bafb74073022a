//! What is wrong with a topology, and what it needs on a given cluster.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use expect_test::{Expect, expect};
use headwater_model::{PartitionId, TopicName};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    Buffer, Guarantee, Plan, Suppressed, Table, TaskConfig, TaskId, Topology, TopologyBuilder,
    TumblingWindows,
};

use crate::support::{app, text};

/// Builds a topology with something wrong in it.
#[track_caller]
fn check_refused(build: impl FnOnce(&mut TopologyBuilder), expected: &Expect) {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    build(&mut app);
    expected.assert_eq(&app.build().unwrap_err().to_string());
}

#[test]
fn a_topology_must_read_something() {
    check_refused(|_| {}, &expect![[r#"the topology "app" cannot be built: it reads no topic"#]]);
}

#[test]
fn a_name_is_given_once() {
    check_refused(
        |app| {
            let words = app.stream("in", text()).group_by_key();
            drop((words.count("counts"), words.reduce("counts", |value, _| value)));
        },
        &expect![[
            r#"the topology "app" cannot be built: the name "counts" is given twice, to a count and to a reduction; give one of them another"#
        ]],
    );
}

#[test]
fn a_table_takes_the_name_of_its_topic() {
    check_refused(
        |app| {
            drop((app.table("cities", text()), app.stream("in", text()).group_by_key().count("cities")));
        },
        &expect![[
            r#"the topology "app" cannot be built: the name "cities" is given twice, to a table and to a count; give one of them another"#
        ]],
    );
}

#[test]
fn a_topic_is_read_once() {
    check_refused(
        |app| drop((app.stream("in", text()), app.table("in", text()))),
        &expect![[
            r#"the topology "app" cannot be built: the topic "in" is read twice; keep the stream or table in a variable, and use that twice"#
        ]],
    );
}

#[test]
fn every_illegal_name_is_reported_and_nothing_else() {
    check_refused(
        |app| {
            app.stream("a/b", text()).to("", text());
            drop(app.stream("c d", text()).group_by_key().count("e:f"));
        },
        &expect![[
            r#"the topology "app" cannot be built: "a/b" cannot be used: the topic name "a/b" has the illegal character '/'; legal are a-z, A-Z, 0-9, '.', '_' and '-'; "" cannot be used: a topic name cannot be empty; "c d" cannot be used: the topic name "c d" has the illegal character ' '; legal are a-z, A-Z, 0-9, '.', '_' and '-'; "app-e:f-changelog" cannot be used: the topic name "app-e:f-changelog" has the illegal character ':'; legal are a-z, A-Z, 0-9, '.', '_' and '-'"#
        ]],
    );
    let long = Topology::builder(&"x".repeat(250)).guarantee(Guarantee::AtLeastOnce).build();
    let problem = long.unwrap_err().problems[0].to_string();
    assert!(problem.ends_with("a topic name has at most 249 characters, this one has 250"), "{problem}");
}

#[test]
fn a_type_that_changed_on_the_way_must_be_told_its_serdes_each_once() {
    check_refused(
        |app| {
            let swapped = app.stream("in", text()).map(|word| (word.value, word.key));
            drop(swapped.group_by_key().reduce("last", |value, _| value));
        },
        &expect![[
            r#"the topology "app" cannot be built: "last" does not know how to write the stream's keys, whose type was changed on the way; say so with `.with_serdes(..)` before it; "last" does not know how to write the stream's values, whose type was changed on the way; say so with `.with_serdes(..)` before it"#
        ]],
    );
}

#[test]
fn windows_need_a_size() {
    check_refused(
        |app| {
            let windows = TumblingWindows::of(Duration::from_micros(999));
            drop(app.stream("in", text()).group_by_key().windowed_by(windows).count("counts"));
        },
        &expect![[
            r#"the topology "app" cannot be built: the windows of "counts" are shorter than a millisecond"#
        ]],
    );
}

#[test]
fn what_is_joined_is_of_one_topology() {
    let mut other = Topology::builder("other").guarantee(Guarantee::AtLeastOnce);
    let (table, global) = (other.table("cities", text()), other.global_table("airlines", text()));
    check_refused(
        |app| {
            let words = app.stream("in", text());
            drop(words.join("city", &table, |word, _| word.value));
            drop(words.join_global(&global, |word| word.key.clone(), |word, _| word.value));
        },
        &expect![[
            r#"the topology "app" cannot be built: the table "cities" is of another topology, and cannot be joined with; the table "airlines" is of another topology, and cannot be joined with"#
        ]],
    );
}

#[test]
fn of_a_table_of_another_topology_nothing_else_is_asked() {
    let mut other = Topology::builder("other").guarantee(Guarantee::AtLeastOnce);
    let windows = TumblingWindows::of(Duration::from_secs(1));
    let counts = other.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
    let rates = other.versioned_table("rates", text(), Duration::from_secs(1));
    check_refused(
        |app| {
            let words = app.stream("in", text());
            let own = words.group_by_key().windowed_by(windows).count("own").updates();
            drop(own.join("again", &counts, |count, _| count.value));
            drop(words.join_with_grace("rated", &rates, Duration::from_secs(2), |word, _| word.value));
        },
        &expect![[
            r#"the topology "app" cannot be built: the table "counts" is of another topology, and cannot be joined with; the table "rates" is of another topology, and cannot be joined with"#
        ]],
    );
}

#[test]
fn a_stream_is_not_joined_with_windows() {
    check_refused(
        |app| {
            let windows = TumblingWindows::of(Duration::from_secs(1));
            let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
            drop(counts.updates().join("again", &counts, |count, _| count.value));
        },
        &expect![[
            r#"the topology "app" cannot be built: "again" joins a table of windows, which cannot be done yet; write the table to a topic, and join with that"#
        ]],
    );
}

#[test]
fn what_is_attached_after_building_changes_nothing() {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let words = app.stream("in", text());
    words.to("out", text());
    let topology = app.build().unwrap();
    let before = topology.to_string();
    words.to("too-late", text());
    assert_eq!(topology.to_string(), before);
    crate::support::check(
        &topology,
        "in a=x @1",
        &expect![[r#"
        out a=x @1
    "#]],
    );
}

#[test]
fn a_table_suppressed_after_building_changes_nothing() {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let windows = TumblingWindows::of(Duration::from_secs(1));
    let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
    let topology = app.build().unwrap();
    let before = topology.to_string();
    for _ in 0..5 {
        drop(counts.suppress("final", Suppressed::until_window_closes(Buffer::unbounded())));
    }
    assert_eq!(topology.to_string(), before);
}

/// Plans for topics with those partition counts, and tells the plan in words.
#[track_caller]
fn check_plan(topology: &Topology, existing: &[(&str, i32)], expected: &Expect) {
    let existing: BTreeMap<_, _> =
        existing.iter().map(|(topic, count)| (TopicName::new(topic).unwrap(), *count)).collect();
    let plan = match Plan::new(topology, &existing) {
        Ok(plan) => {
            let mut words = String::new();
            for (topic, partitions) in plan.repartition_topics() {
                writeln!(words, "{topic} {partitions}").unwrap();
            }
            let tasks: Vec<_> = plan.all_tasks().map(|task| task.to_string()).collect();
            words + "tasks " + &tasks.join(" ")
        }
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&plan);
}

fn joined() -> Topology {
    app(|app| {
        let cities = app.table("cities", text());
        app.stream("orders", text()).join("city", &cities, |order, _| order.value).to("out", text());
    })
}

fn rekeyed(build: impl FnOnce(Table<String, String>, headwater_streams::Stream<String, String>)) -> Topology {
    app(|app| {
        let cities = app.table("cities", text());
        let orders = app.stream("orders", text());
        build(cities, orders.select_key(|order| order.value.clone()).with_serdes(text()));
    })
}

#[test]
fn there_are_as_many_tasks_as_the_widest_topic_has_partitions() {
    check_plan(&joined(), &[("cities", 3), ("orders", 3)], &expect!["tasks 0_0 0_1 0_2"]);
    let apart = app(|app| {
        app.stream("one", text()).to("out", text());
        app.stream("two", text()).to("out", text());
    });
    check_plan(&apart, &[("one", 2), ("two", 3)], &expect!["tasks 0_0 0_1 1_0 1_1 1_2"]);
}

#[test]
fn topics_that_do_not_exist_are_named() {
    check_plan(
        &joined(),
        &[("orders", 3)],
        &expect![[r#"there is no such topic to read: "cities"; create it first"#]],
    );
    check_plan(
        &joined(),
        &[],
        &expect![[r#"there are no such topics to read: "cities", "orders"; create them first"#]],
    );
    let global = app(|app| {
        let airlines = app.global_table("airlines", text());
        let flights = app.stream("flights", text());
        drop(flights.join_global(&airlines, |flight| flight.key.clone(), |flight, _| flight.value));
    });
    check_plan(
        &global,
        &[("flights", 1)],
        &expect![[r#"there is no such topic to read: "airlines"; create it first"#]],
    );
}

#[test]
fn what_is_joined_must_be_copartitioned() {
    check_plan(
        &joined(),
        &[("cities", 3), ("orders", 4)],
        &expect![[
            r#""join city" needs topics with equal partition counts, but "cities" has 3 and "orders" has 4; create one of them anew, or send the stream through `.repartition(..)`"#
        ]],
    );
}

#[test]
fn copartitioning_is_asked_of_what_is_behind_a_computed_table_too() {
    let topology = app(|app| {
        let counts = app.stream("clicks", text()).group_by_key().count("counts");
        app.stream("orders", text()).join("clicks-of", &counts, |order, _| order.value).to("out", text());
    });
    check_plan(
        &topology,
        &[("clicks", 2), ("orders", 4)],
        &expect![[
            r#""join clicks-of" needs topics with equal partition counts, but "clicks" has 2 and "orders" has 4; create one of them anew, or send the stream through `.repartition(..)`"#
        ]],
    );
    check_plan(&topology, &[("clicks", 4), ("orders", 4)], &expect!["tasks 0_0 0_1 0_2 0_3"]);
}

#[test]
fn a_repartition_topic_is_as_wide_as_what_it_is_joined_with_else_as_what_feeds_it() {
    let counted = rekeyed(|_, orders| drop(orders.group_by_key().count("counts")));
    check_plan(
        &counted,
        &[("cities", 2), ("orders", 5)],
        &expect![[r#"
        app-counts-repartition 5
        tasks 0_0 0_1 1_0 1_1 1_2 1_3 1_4 2_0 2_1 2_2 2_3 2_4"#]],
    );
    let joined = rekeyed(|cities, orders| drop(orders.join("city", &cities, |order, _| order.value)));
    check_plan(
        &joined,
        &[("cities", 2), ("orders", 5)],
        &expect![[r#"
        app-city-repartition 2
        tasks 0_0 0_1 0_2 0_3 0_4 1_0 1_1"#]],
    );
    let chained = rekeyed(|_, orders| {
        let once = orders.repartition("once", text());
        drop(once.select_key(|order| order.key.clone()).with_serdes(text()).repartition("twice", text()));
    });
    check_plan(
        &chained,
        &[("cities", 2), ("orders", 5)],
        &expect![[r#"
        app-once-repartition 5
        app-twice-repartition 5
        tasks 0_0 0_1 1_0 1_1 1_2 1_3 1_4 2_0 2_1 2_2 2_3 2_4 3_0 3_1 3_2 3_3 3_4"#]],
    );
}

#[test]
fn repartition_topics_that_are_joined_with_each_other_are_as_wide_as_the_widest_that_feeds_them() {
    let topology = app(|app| {
        let by_value = |words: headwater_streams::Stream<String, String>| {
            words.select_key(|word| word.value.clone()).with_serdes(text())
        };
        let counts = by_value(app.stream("clicks", text())).group_by_key().count("counts");
        by_value(app.stream("orders", text()))
            .join("clicks-of", &counts, |order, _| order.value)
            .to("out", text());
    });
    check_plan(
        &topology,
        &[("clicks", 2), ("orders", 5)],
        &expect![[r#"
        app-counts-repartition 5
        app-clicks-of-repartition 5
        tasks 0_0 0_1 1_0 1_1 1_2 1_3 1_4 2_0 2_1 2_2 2_3 2_4"#]],
    );
    check_plan(
        &topology,
        &[("clicks", 5), ("orders", 2)],
        &expect![[r#"
        app-counts-repartition 5
        app-clicks-of-repartition 5
        tasks 0_0 0_1 0_2 0_3 0_4 1_0 1_1 2_0 2_1 2_2 2_3 2_4"#]],
    );
}

/// Orders by another key, through seven partitions.
fn seven(orders: &headwater_streams::Stream<String, String>) -> headwater_streams::Stream<String, String> {
    orders.repartition_into("seven", 7, text())
}

#[test]
fn a_repartition_topic_has_as_many_partitions_as_its_author_says_and_so_has_what_is_joined_with_it() {
    let counted = rekeyed(|_, orders| drop(seven(&orders).group_by_key().count("counts")));
    check_plan(
        &counted,
        &[("cities", 2), ("orders", 3)],
        &expect![[r#"
        app-seven-repartition 7
        tasks 0_0 0_1 1_0 1_1 1_2 2_0 2_1 2_2 2_3 2_4 2_5 2_6"#]],
    );
    let joined = app(|app| {
        let clicks = app.stream("clicks", text()).select_key(|word| word.value.clone()).with_serdes(text());
        let counts = clicks.group_by_key().count("counts");
        let orders = seven(&app.stream("orders", text()));
        orders.join("clicks-of", &counts, |order, _| order.value).to("out", text());
    });
    check_plan(
        &joined,
        &[("clicks", 9), ("orders", 3)],
        &expect![[r#"
        app-counts-repartition 7
        app-seven-repartition 7
        tasks 0_0 0_1 0_2 0_3 0_4 0_5 0_6 0_7 0_8 1_0 1_1 1_2 2_0 2_1 2_2 2_3 2_4 2_5 2_6"#]],
    );
}

#[test]
fn a_repartition_topic_of_another_number_than_what_it_is_joined_with_is_refused() {
    let joined = rekeyed(|cities, orders| drop(seven(&orders).join("city", &cities, |order, _| order.value)));
    check_plan(
        &joined,
        &[("cities", 2), ("orders", 5)],
        &expect![[
            r#""join city" needs topics with equal partition counts, but "cities" has 2 and "app-seven-repartition" has 7; create one of them anew, or send the stream through `.repartition(..)`"#
        ]],
    );
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let _ = app.stream("orders", text()).repartition_into("none", 0, text());
    expect![[r#"the topology "app" cannot be built: the repartition topic of "none" must have one partition at least"#]].assert_eq(&app.build().unwrap_err().to_string());
}

#[test]
fn an_application_may_feed_itself_in_a_circle() {
    let topology = app(|app| {
        app.stream("down", text())
            .map_values(|word| word.value.get(1..).unwrap_or_default().to_owned())
            .filter(|word| !word.value.is_empty())
            .to("up", text());
        app.stream("up", text()).to("down", text());
    });
    check_plan(&topology, &[("down", 2), ("up", 1)], &expect!["tasks 0_0 0_1 1_0"]);
    crate::support::check(
        &topology,
        "down a=xyz @1",
        &expect![[r#"
        down a=yz @1
        down a=z @1
        up a=yz @1
        up a=z @1
    "#]],
    );
}

#[test]
fn every_task_has_stores_of_its_own() {
    let topology = app(|app| drop(app.stream("in", text()).group_by_key().count("counts")));
    let mut one = headwater_streams::TestDriver::new(&topology);
    let other = headwater_streams::TestDriver::new(&topology);
    let record =
        headwater_streams::Record::new("a".to_owned(), "x".to_owned(), headwater_model::Timestamp(1));
    one.pipe("in", text(), record).unwrap();
    assert_eq!(one.store::<String, i64, _, _>("counts", serdes(utf8(), long())).unwrap().len(), 1);
    assert_eq!(other.store::<String, i64, _, _>("counts", serdes(utf8(), long())).unwrap().len(), 0);
    let config = TaskConfig::default();
    let globals = topology.global_stores(&config);
    let task = |sub_topology| {
        let id = TaskId { sub_topology, partition: PartitionId(7) };
        topology.task(id, &globals, &config)
    };
    let inputs: Vec<_> = task(0).unwrap().inputs().map(ToString::to_string).collect();
    assert_eq!(inputs, ["in-7"]);
    assert!(task(1).is_none());
}
