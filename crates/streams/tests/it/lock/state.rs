//! Changes of stores.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{Json, json, long, serdes, utf8};
use headwater_streams::lock::Effect;
use headwater_streams::{
    Buffer, HoppingWindows, JoinWindows, SessionWindows, SlidingWindows, Suppressed, TopologyBuilder,
    TumblingWindows,
};

use super::{check, minutes};
use crate::support::text;

fn counted(name: &'static str) -> impl FnOnce(&mut TopologyBuilder) {
    move |app| drop(app.stream("in", text()).group_by_key().count(name))
}

fn windowed<
    W: headwater_streams::Windows<
            Grouped<String, String> = headwater_streams::WindowedStream<String, String>,
        > + 'static,
>(
    windows: W,
) -> impl FnOnce(&mut TopologyBuilder) {
    move |app| drop(app.stream("in", text()).group_by_key().windowed_by(windows).count("hours"))
}

fn tumbling(size: u64, grace: u64) -> impl FnOnce(&mut TopologyBuilder) {
    windowed(TumblingWindows::of(minutes(size)).grace(minutes(grace)))
}

#[test]
fn a_new_store_begins_empty_and_an_old_one_leaves_its_changelog() {
    let none = |app: &mut TopologyBuilder| app.stream("in", text()).for_each(|_| ());
    check(
        none,
        counted("counts"),
        &expect![[r#"
            app: full stop needed

            full stop needed     store counts: is new (value per key)
                                 it begins empty, where the group's committed positions are: it has nothing of what was read
                                 before. To have it whole, set the group's positions back, or give the application another
                                 id. An old instance that has a task of it in between does not keep it

            rolling update safe  steps of sub-topology 0: - for each
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    let report = check(
        counted("counts"),
        none,
        &expect![[r#"
            app: full stop needed

            full stop needed     store counts: is no longer kept
                                 an old instance that has a task of it goes on writing it, a new one does not. If the name
                                 is ever used again, what the changelog still has comes back

            rolling update safe  steps of sub-topology 0: + for each
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. start the new version
            3. when there is no way back: headwater topic delete app-counts-changelog
        "#]],
    );
    assert_eq!(report.unused(), ["app-counts-changelog"]);
}

#[test]
fn a_store_under_another_name_is_told_as_a_renaming() {
    check(
        counted("counts"),
        counted("totals"),
        &expect![[r#"
            app: breaks state

            breaks state  store counts: -> totals
                          it begins empty, and what the old one has is not used. It looks as if it was given another name:
                          with the old one, nothing is lost

            what to do
            1. stop all instances
            2. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            3. start the new version
            4. when there is no way back: headwater topic delete app-counts-changelog
        "#]],
    );
}

#[test]
fn windows_of_another_size_cannot_be_told_from_those_that_are_kept() {
    let report = check(
        tumbling(60, 5),
        tumbling(30, 5),
        &expect![[r#"
            app: breaks state

            breaks state  store hours: size 3600s -> 1800s
                          a window is kept by its start: those that are kept would be taken for windows of the new size,
                          with the records of the old

            what to do
            1. stop all instances
            2. headwater topic delete app-hours-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
    assert_eq!(report.reset(), ["app-hours-changelog"]);
}

#[test]
fn another_grace_is_not_for_two_versions_side_by_side() {
    check(
        tumbling(60, 5),
        tumbling(60, 10),
        &expect![[r#"
            app: full stop needed

            full stop needed  store hours: grace 300s -> 600s
                              windows that were let go of are open again: a record that is late for one begins it anew, from
                              nothing. Old instances would let go of what new ones still need

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    let report = check(
        tumbling(60, 5),
        tumbling(60, 0),
        &expect![[r#"
            app: full stop needed

            full stop needed  store hours: grace 300s -> 0s
                              what is open longer than that is let go of; old and new instances would not agree on what is
                              late

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::FullStop);
}

#[test]
fn windows_of_another_kind_are_another_store() {
    let hopping = |step| HoppingWindows::of(minutes(60)).advance_by(minutes(step));
    check(
        windowed(hopping(10)),
        windowed(hopping(20)),
        &expect![[r#"
            app: breaks state

            breaks state  store hours: advance 600s -> 1200s
                          windows that are kept begin where none begin any more, and those that begin between them lack what
                          came before

            what to do
            1. stop all instances
            2. headwater topic delete app-hours-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
    check(
        tumbling(60, 0),
        windowed(SlidingWindows::of(minutes(60))),
        &expect![[r#"
            app: breaks state

            breaks state  store hours: tumbling windows -> sliding windows
                          what the old version keeps there is written in another way: the new one begins empty

            what to do
            1. stop all instances
            2. headwater topic delete app-hours-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
}

fn sessions(gap: u64) -> impl FnOnce(&mut TopologyBuilder) {
    move |app| {
        let windows = SessionWindows::with_gap(minutes(gap));
        drop(app.stream("in", text()).group_by_key().windowed_by(windows).count("visits"));
    }
}

fn joined(after: u64, is_left: bool) -> impl FnOnce(&mut TopologyBuilder) {
    move |app| {
        let (left, right) = (app.stream("in", text()), app.stream("other", text()));
        let windows = JoinWindows::of(minutes(10)).after(minutes(after));
        if is_left {
            left.left_join_within("pairs", &right, windows, |_, left, _| left.clone()).to("out", text());
        } else {
            left.join_within("pairs", &right, windows, |_, left, _| left.clone()).to("out", text());
        }
    }
}

fn versions(history: u64) -> impl FnOnce(&mut TopologyBuilder) {
    move |app| {
        let rates = app.versioned_table("rates", text(), minutes(history));
        app.stream("in", text()).join("rated", &rates.latest(), |word, _| word.value).to("out", text());
    }
}

#[test]
fn what_else_determines_what_a_store_keeps() {
    let report = check(
        sessions(30),
        sessions(20),
        &expect![[r#"
            app: full stop needed

            full stop needed  store visits: gap 1800s -> 1200s
                              sessions that are kept stay as they were cut; old and new instances would cut them differently

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::FullStop);
    let report = check(
        joined(10, false),
        joined(20, false),
        &expect![[r#"
            app: breaks state

            breaks state  store pairs-other-join-store: after 600s -> 1200s
                          it is kept in stretches of time, whose length follows from this: what is kept is not found any
                          more

            breaks state  store pairs-this-join-store: after 600s -> 1200s
                          it is kept in stretches of time, whose length follows from this: what is kept is not found any
                          more

            what to do
            1. stop all instances
            2. headwater topic delete app-pairs-other-join-store-changelog
            3. headwater topic delete app-pairs-this-join-store-changelog
            4. delete what instances keep of these stores on their disks
            5. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            6. start the new version
        "#]],
    );
    assert_eq!(
        report.reset(),
        ["app-pairs-other-join-store-changelog", "app-pairs-this-join-store-changelog"]
    );
    let report = check(
        versions(60),
        versions(90),
        &expect![[r#"
            app: breaks state

            breaks state  store rates: history 3600s -> 5400s
                          it is kept in stretches of time, whose length follows from this: what is kept is not found any
                          more

            what to do
            1. stop all instances
            2. headwater topic delete app-rates-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
    assert_eq!(report.reset(), ["app-rates-changelog"]);
}

#[test]
fn a_join_of_another_kind_has_stores_of_other_names() {
    check(
        joined(10, false),
        joined(10, true),
        &expect![[r#"
            app: breaks state

            breaks state      store pairs-other-join-store: -> pairs-outer-other-join-store
                              a join of another kind keeps its records under other names: those that the old one keeps find
                              no partner any more

            full stop needed  store pairs-left-shared-join-store: is new (records without a partner)
                              it begins empty, where the group's committed positions are: it has nothing of what was read
                              before. To have it whole, set the group's positions back, or give the application another id.
                              An old instance that has a task of it in between does not keep it

            what to do
            1. stop all instances
            2. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            3. start the new version
            4. when there is no way back: headwater topic delete app-pairs-other-join-store-changelog
        "#]],
    );
}

#[test]
fn entries_are_found_by_the_bytes_of_their_keys() {
    let by_text = |app: &mut TopologyBuilder| {
        drop(
            app.stream("in", json::<String, u32>())
                .with_serdes(serdes(utf8(), Json::new()))
                .group_by_key()
                .count("counts"),
        );
    };
    let by_json = |app: &mut TopologyBuilder| {
        drop(app.stream("in", json::<String, u32>()).group_by_key().count("counts"));
    };
    let report = check(
        by_text,
        by_json,
        &expect![[r#"
            app: breaks state

            breaks state  store counts: key String as utf8 -> String as json
                          an entry is found by the bytes of its key. It need not be reset only if every key has the bytes
                          that it had, as when a type was renamed

            what to do
            1. stop all instances
            2. headwater topic delete app-counts-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
    assert_eq!(report.reset(), ["app-counts-changelog"]);
    let of_numbers =
        |app: &mut TopologyBuilder| drop(app.stream("in", json::<u32, u32>()).group_by_key().count("counts"));
    let of_wider =
        |app: &mut TopologyBuilder| drop(app.stream("in", json::<u64, u32>()).group_by_key().count("counts"));
    let report = check(
        of_numbers,
        of_wider,
        &expect![[r#"
        app: breaks state

        breaks state      store counts: key u32 as json -> u64 as json
                          an entry is found by the bytes of its key. It need not be reset only if every key has the
                          bytes that it had, as when a type was renamed

        check the serdes  source topic in: key u32 as json -> u64 as json
                          the new version must read what is in the topic, and what its producers go on writing

        what to do
        1. test that the new serdes read what the old ones wrote; where they do not, give the topic or store another name, or reset it
        2. stop all instances
        3. headwater topic delete app-counts-changelog
        4. delete what instances keep of these stores on their disks
        5. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
        6. start the new version
    "#]],
    );
    assert_eq!(report.verdict(), Effect::BreaksState);
}

#[test]
fn values_must_be_readable() {
    let summed = |app: &mut TopologyBuilder| {
        let words = app.stream("in", text()).group_by_key();
        drop(words.aggregate("sums", || 0_u32, |_, _, sum| sum + 1, serdes(utf8(), Json::<u32>::new())));
    };
    let wider = |app: &mut TopologyBuilder| {
        let words = app.stream("in", text()).group_by_key();
        drop(words.aggregate("sums", || 0_u64, |_, _, sum| sum + 1, serdes(utf8(), Json::<u64>::new())));
    };
    let otherwise = |app: &mut TopologyBuilder| {
        let words = app.stream("in", text()).group_by_key();
        drop(words.aggregate("sums", || 0, |_, _, sum| sum + 1, serdes(utf8(), long())));
    };
    let report = check(
        summed,
        wider,
        &expect![[r#"
        app: check the serdes

        check the serdes  store sums: value u32 as json -> u64 as json
                          the new version must read what the old one keeps, and in a rolling update also the other way
                          round

        what to do
        1. test that the new serdes read what the old ones wrote; where they do not, give the topic or store another name, or reset it
        2. stop all instances
        3. start the new version
    "#]],
    );
    assert_eq!(report.verdict(), Effect::CheckSerdes);
    let report = check(
        summed,
        otherwise,
        &expect![[r#"
            app: breaks state

            breaks state  store sums: value u32 as json -> i64 as long
                          the new version cannot read what the old one keeps

            what to do
            1. stop all instances
            2. headwater topic delete app-sums-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
    assert_eq!(report.reset(), ["app-sums-changelog"]);
}

#[test]
fn a_table_that_keeps_versions_is_another_store_and_its_topic_is_others() {
    let latest = |app: &mut TopologyBuilder| {
        let rates = app.table("rates", text());
        app.stream("in", text()).join("rated", &rates, |word, _| word.value).to("out", text());
    };
    let report = check(
        latest,
        versions(60),
        &expect![[r#"
            app: breaks state

            breaks state         store rates: table -> versioned table
                                 what the old version keeps there is written in another way: the new one begins empty

            rolling update safe  steps of sub-topology 0: + latest
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            3. start the new version
        "#]],
    );
    assert_eq!(report.reset(), Vec::<&str>::new());
    let report = check(
        versions(60),
        latest,
        &expect![[r#"
            app: breaks state

            breaks state         store rates: versioned table -> table
                                 what the old version keeps there is written in another way: the new one begins empty

            rolling update safe  steps of sub-topology 0: - latest
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. headwater topic delete app-rates-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
    assert_eq!(report.reset(), ["app-rates-changelog"]);
}

#[test]
fn an_operator_with_other_settings_goes_on_with_what_its_store_has() {
    let without = |seconds| {
        move |app: &mut TopologyBuilder| {
            let window = Duration::from_secs(seconds);
            app.stream("in", text()).deduplicate("once", |word| word.value.clone(), window).to("out", text());
        }
    };
    check(
        without(60),
        without(120),
        &expect![[r#"
            app: full stop needed

            full stop needed  operator once: deduplicate within 60s -> deduplicate within 120s
                              what its store holds was made by the old way, and stays; old and new instances would go on
                              with it differently

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    let suppressed = |seconds| {
        move |app: &mut TopologyBuilder| {
            let counts = app.stream("in", text()).group_by_key().count("counts");
            let wait = Suppressed::until_time_limit(Duration::from_secs(seconds), Buffer::unbounded());
            counts.suppress("calm", wait).updates().for_each(|_| ());
        }
    };
    let report = check(
        suppressed(1),
        suppressed(2),
        &expect![[r#"
            app: full stop needed

            full stop needed  operator calm: suppress until 1s have passed -> suppress until 2s have passed
                              what its store holds was made by the old way, and stays; old and new instances would go on
                              with it differently

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::FullStop);
}

#[test]
fn a_join_with_another_table_of_the_task_keeps_nothing() {
    let joined = |other: bool| {
        move |app: &mut TopologyBuilder| {
            let (rates, fees) = (app.table("rates", text()), app.table("fees", text()));
            let words = app.stream("in", text());
            words.join("of-rates", &rates, |word, _| word.value).for_each(|_| ());
            words.join("of-fees", &fees, |word, _| word.value).for_each(|_| ());
            let table = if other { &fees } else { &rates };
            words.join("of-any", table, |word, _| word.value).for_each(|_| ());
        }
    };
    let report = check(
        joined(false),
        joined(true),
        &expect![[r#"
            app: rolling update safe

            rolling update safe  operator of-any: join with store rates -> join with store fees
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. replace the instances one after the other, or all at once
        "#]],
    );
    assert!(report.is_rolling());
}
