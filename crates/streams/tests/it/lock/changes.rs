//! Changes of topics, types and steps.

use expect_test::expect;
use headwater_schema::{Json, long, optional, serdes, utf8};
use headwater_streams::lock::{Effect, TopologyLock, compare};
use headwater_streams::{Topology, Watermarks};

use super::{check, minutes};
use crate::support::{Wearing, app, text};

fn copied(app: &mut headwater_streams::TopologyBuilder) {
    app.stream("in", text()).to("out", text());
}

#[test]
fn a_stateless_step_comes_in_while_both_versions_run() {
    check(
        copied,
        |app| app.stream("in", text()).filter(|word| !word.value.is_empty()).to("out", text()),
        &expect![[r#"
            app: rolling update safe

            rolling update safe  steps of sub-topology 0: + filter
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. replace the instances one after the other, or all at once
        "#]],
    );
    check(
        |app| app.stream("in", text()).filter(|_| true).peek(|_| ()).to("out", text()),
        |app| app.stream("in", text()).peek(|_| ()).filter(|_| true).to("out", text()),
        &expect![[r#"
            app: rolling update safe

            rolling update safe  steps of sub-topology 0: the same steps in another order
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. replace the instances one after the other, or all at once
        "#]],
    );
}

#[test]
fn another_application_id_is_another_application() {
    let other = |id| {
        let mut app = Topology::builder(id).guarantee(headwater_streams::Guarantee::AtLeastOnce);
        copied(&mut app);
        app.build().unwrap().lock()
    };
    let report = compare(&other("app"), &other("other"));
    expect![[r#"
        app: another application

        another application  application id: app -> other
                             the new one has no committed positions, no stores and no internal topics: it reads its
                             inputs from the beginning, and sends all results anew, whatever the old one does

        what to do
        1. is another application meant? Else give the new version the id "app"
        2. start other; where it is to begin is set by `headwater group reset-offsets other`
        3. stop app; when there is no way back: `headwater group delete app`, and delete its topics app-…
    "#]].assert_eq(&report.to_string());
}

#[test]
fn another_guarantee_needs_a_full_stop() {
    let old = app(copied).lock();
    let mut new = old.clone();
    new.guarantee = "exactly once".to_owned();
    expect![[r#"
        app: full stop needed

        full stop needed  guarantee: at least once -> exactly once
                          it holds for what all instances do together: an old instance beside new ones would still give
                          its own

        what to do
        1. stop all instances
        2. start the new version
    "#]].assert_eq(&compare(&old, &new).to_string());
}

#[test]
fn a_source_that_comes_or_goes_changes_the_tasks() {
    let two = |app: &mut headwater_streams::TopologyBuilder| {
        let words = app.stream("in", text());
        words.merge(&app.stream("more", text())).to("out", text());
    };
    check(
        copied,
        two,
        &expect![[r#"
            app: full stop needed

            full stop needed     source topic more: is new, read as a stream
                                 old and new instances in one group would divide tasks that are not the same. It is read
                                 from its beginning; it must exist before the new version starts

            rolling update safe  steps of sub-topology 0: + merge
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    check(
        two,
        copied,
        &expect![[r#"
            app: full stop needed

            full stop needed     source topic more: is no longer read
                                 old and new instances in one group would divide tasks that are not the same. What of it is
                                 not read by then is not processed; the group's positions in it stay, and who reads it again
                                 goes on there

            rolling update safe  steps of sub-topology 0: - merge
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
}

#[test]
fn a_stream_that_becomes_a_table_is_filled_from_its_topic() {
    check(
        |app| app.stream("in", text()).to("out", text()),
        |app| app.table("in", text()).updates().to("out", text()),
        &expect![[r#"
            app: full stop needed

            full stop needed     source topic in: read as a stream -> as a table
                                 one version keeps a store that the other does not: whichever has a task after the other
                                 would not find what it needs

            full stop needed     store in: is new (table)
                                 it is filled from the whole topic; an old instance that has a task of it in between does
                                 not keep it

            rolling update safe  steps of sub-topology 0: + updates
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
}

#[test]
fn the_order_of_sources_settles_ties_alone() {
    let merged = |first: &'static str, second: &'static str| {
        move |app: &mut headwater_streams::TopologyBuilder| {
            let words = app.stream(first, text());
            words.merge(&app.stream(second, text())).to("out", text());
        }
    };
    let report = check(
        merged("a", "b"),
        merged("b", "a"),
        &expect![[r#"
            app: rolling update safe

            rolling update safe  sources of sub-topology 0: a, b -> b, a
                                 of records of one time, that of the input declared first comes first: a replay may give
                                 other results

            rolling update safe  steps of sub-topology 0: the same steps in another order
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. replace the instances one after the other, or all at once
        "#]],
    );
    assert!(report.is_rolling());
}

#[test]
fn types_of_topics_are_a_matter_of_serdes() {
    check(
        |app| {
            app.stream("in", serdes(utf8(), Json::<u32>::new()))
                .map_values(|_| String::new())
                .to("out", text());
        },
        |app| {
            let numbers = app.stream("in", serdes(utf8(), Json::<u64>::new()));
            numbers.map_values(|_| 1).to("out", serdes(utf8(), long()));
        },
        &expect![[r#"
            app: check the serdes

            check the serdes  source topic in: value u32 as json -> u64 as json
                              the new version must read what is in the topic, and what its producers go on writing

            check the serdes  sink topic out: value String as utf8 -> i64 as long
                              its readers must read what the new version writes

            what to do
            1. test that the new serdes read what the old ones wrote; where they do not, give the topic or store another name, or reset it
            2. stop all instances
            3. start the new version
        "#]],
    );
    check(
        copied,
        |app| {
            let words = app.stream("in", text());
            words.map(|word| (1, word.value)).to("out", serdes(long(), utf8()));
        },
        &expect![[r#"
            app: check the serdes

            check the serdes     sink topic out: key String as utf8 -> i64 as long
                                 its readers must read what the new version writes; where a key has other bytes, its records
                                 go to another partition than before

            rolling update safe  steps of sub-topology 0: + map
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. test that the new serdes read what the old ones wrote; where they do not, give the topic or store another name, or reset it
            2. stop all instances
            3. start the new version
        "#]],
    );
    // Null is no bytes at all: who may write none writes the rest as before.
    let report = check(
        |app| app.stream("in", text()).to("out", text()),
        |app| app.stream("in", serdes(utf8(), optional(utf8()))).to("out", serdes(utf8(), optional(utf8()))),
        &expect![[r#"
            app: nothing has changed, rolling update safe

            what to do
            1. replace the instances one after the other, or all at once
        "#]],
    );
    assert!(report.is_rolling());
    let report = check(
        copied,
        |app| app.stream("in", serdes(utf8(), Wearing::default())).to("out", text()),
        &expect![[r#"
            app: check the serdes

            check the serdes  source topic in: value String as utf8 -> String as Wearing
                              the new version must read what is in the topic, and what its producers go on writing

            what to do
            1. test that the new serdes read what the old ones wrote; where they do not, give the topic or store another name, or reset it
            2. stop all instances
            3. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::CheckSerdes);
}

#[test]
fn sinks_and_global_tables_are_each_instances_own_affair() {
    let joined = |app: &mut headwater_streams::TopologyBuilder| {
        let names = app.global_table("names", text());
        let words = app.stream("in", text());
        words
            .join_global(&names, |word| word.key.clone(), |word, _| word.value)
            .with_serdes(text())
            .to("out", text());
        words.to("copy", text());
    };
    let report = check(
        copied,
        joined,
        &expect![[r#"
            app: rolling update safe

            rolling update safe  global table names: is new
                                 each instance reads it by itself; the topic must exist before the new version starts

            rolling update safe  sink topic copy: is new
                                 until the last old instance is gone, results of the partitions that it has are missing
                                 there; the topic must exist before the new version starts

            rolling update safe  steps of sub-topology 0: + join with global table names
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. replace the instances one after the other, or all at once
        "#]],
    );
    assert!(report.is_rolling());
    let report = check(
        joined,
        copied,
        &expect![[r#"
            app: rolling update safe

            rolling update safe  global table names: is no longer read
                                 each instance reads it by itself

            rolling update safe  sink topic copy: is no longer written
                                 its readers get nothing new; until the last old instance is gone, they get the results of
                                 its partitions

            rolling update safe  steps of sub-topology 0: - join with global table names
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. replace the instances one after the other, or all at once
        "#]],
    );
    assert!(report.is_rolling());
    let report = check(
        joined,
        |app| {
            let names = app.global_table("names", serdes(utf8(), long()));
            let words = app.stream("in", text());
            words.join_global(&names, |word| word.key.clone(), |word, _| word.value).to("out", text());
            words.to("copy", text());
        },
        &expect![[r#"
            app: check the serdes

            check the serdes  global table names: value String as utf8 -> i64 as long
                              the new version must read what is in the topic, and what its producers go on writing

            what to do
            1. test that the new serdes read what the old ones wrote; where they do not, give the topic or store another name, or reset it
            2. stop all instances
            3. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::CheckSerdes);
}

#[test]
fn whoever_goes_by_other_watermarks_stops_first() {
    let by = |bound| {
        app(|app| {
            app.watermarks(Watermarks::bounded_out_of_orderness(minutes(bound)));
            copied(app);
        })
    };
    let (without, one, two) = (app(copied).lock(), by(1).lock(), by(2).lock());
    assert_eq!(one.to_string().parse::<TopologyLock>().unwrap(), one);
    for (old, new) in [(&without, &one), (&one, &two), (&one, &without)] {
        let report = compare(old, new);
        assert_eq!(report.verdict(), Effect::FullStop, "{report}");
    }
    assert_eq!(compare(&one, &one).verdict(), Effect::Rolling);
}
