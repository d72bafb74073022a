//! Changes of sub-topologies and of the topics between them.

use expect_test::expect;
use headwater_schema::{Json, long, serdes, utf8};
use headwater_streams::TopologyBuilder;
use headwater_streams::lock::Effect;

use super::{check, foreign_key};
use crate::support::text;

fn two_parts(app: &mut TopologyBuilder) {
    app.stream("one", text()).group_by_key().count("ones");
    app.stream("two", text()).to("out", text());
}

fn repartitioned(name: &'static str) -> impl FnOnce(&mut TopologyBuilder) {
    move |app| app.stream("in", text()).repartition(name, text()).to("out", text())
}

#[test]
fn sub_topologies_that_change_their_numbers_keep_their_positions() {
    check(
        two_parts,
        |app| {
            app.stream("zero", text()).to("out", text());
            two_parts(app);
        },
        &expect![[r#"
            app: full stop needed

            full stop needed  source topic zero: is new, read as a stream
                              old and new instances in one group would divide tasks that are not the same. It is read from
                              its beginning; it must exist before the new version starts

            full stop needed  sub-topology 0: has the number 1
                              tasks are named by these numbers: old and new instances in one group would divide tasks that
                              are not the same. Positions are committed by topic and stay; stores are restored from their
                              changelogs under the new names

            full stop needed  sub-topology 1: has the number 2
                              tasks are named by these numbers: old and new instances in one group would divide tasks that
                              are not the same. Positions are committed by topic and stay; stores are restored from their
                              changelogs under the new names

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
}

#[test]
fn sub_topologies_that_are_joined_or_parted_divide_other_tasks() {
    let joined = |app: &mut TopologyBuilder| {
        let ones = app.stream("one", text()).group_by_key().count("ones");
        app.stream("two", text())
            .join("one-of", &ones, |word, _| word.value)
            .with_serdes(text())
            .to("out", text());
    };
    check(
        two_parts,
        joined,
        &expect![[r#"
            app: full stop needed

            full stop needed     sub-topologies 0 and 1: are one now, 0
                                 tasks are named by these numbers: old and new instances in one group would divide tasks
                                 that are not the same. Positions are committed by topic and stay; stores are restored from
                                 their changelogs under the new names

            full stop needed     one, two: must have equal partition counts
                                 the new version refuses to start where they have not; and the group's members would not
                                 agree on the tasks

            rolling update safe  steps of sub-topology 0: + join one-of with store ones
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    check(
        joined,
        two_parts,
        &expect![[r#"
            app: full stop needed

            full stop needed     sub-topology 0: was split, into 0 and 1
                                 tasks are named by these numbers: old and new instances in one group would divide tasks
                                 that are not the same. Positions are committed by topic and stay; stores are restored from
                                 their changelogs under the new names

            full stop needed     one, two: need not have equal partition counts any more
                                 the group's members would not agree on the tasks

            rolling update safe  steps of sub-topology 0: - join one-of with store ones
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
}

#[test]
fn a_repartition_topic_in_front_of_a_store_may_part_records_from_their_entries() {
    let counted = |app: &mut TopologyBuilder| drop(app.stream("in", text()).group_by_key().count("counts"));
    let by_value = |app: &mut TopologyBuilder| {
        let words = app.stream("in", text()).select_key(|word| word.value.clone()).with_serdes(text());
        drop(words.group_by_key().count("counts"));
    };
    let report = check(
        counted,
        by_value,
        &expect![[r#"
            app: breaks state

            breaks state         store counts: gets its records through app-counts-repartition
                                 the records of a key may come to another partition than the one whose store has its entry,
                                 which is then not found. It need not be reset only if the topic was partitioned by the same
                                 key

            full stop needed     repartition topic app-counts-repartition: is new
                                 old and new instances in one group would divide tasks that are not the same. The topic is
                                 made when the new version starts

            full stop needed     sub-topology 0: was split, into 0 and 1
                                 tasks are named by these numbers: old and new instances in one group would divide tasks
                                 that are not the same. Positions are committed by topic and stay; stores are restored from
                                 their changelogs under the new names

            rolling update safe  steps of sub-topology 0: + select key
                                 it keeps nothing: while both versions run, records take the old or the new way with the
                                 instance that has their partition

            what to do
            1. stop all instances
            2. headwater topic delete app-counts-changelog
            3. delete what instances keep of these stores on their disks
            4. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            5. start the new version
        "#]],
    );
    assert_eq!(report.reset(), ["app-counts-changelog"]);
    let report = check(
        by_value,
        counted,
        &expect![[r#"
            app: breaks state

            breaks state             store counts: no longer gets its records through app-counts-repartition
                                     the records of a key may come to another partition than the one whose store has its
                                     entry, which is then not found. It need not be reset only if the topic was partitioned
                                     by the same key

            loses records in flight  repartition topic app-counts-repartition: is no longer read
                                     records that the old version has sent there and not yet taken up are never processed,
                                     as their inputs count as read

            full stop needed         sub-topologies 0 and 1: are one now, 0
                                     tasks are named by these numbers: old and new instances in one group would divide tasks
                                     that are not the same. Positions are committed by topic and stay; stores are restored
                                     from their changelogs under the new names

            rolling update safe      steps of sub-topology 0: - select key
                                     it keeps nothing: while both versions run, records take the old or the new way with the
                                     instance that has their partition

            what to do
            1. stop what writes to the inputs, and wait until `headwater group describe app` shows no lag; what must be worked off: app-counts-repartition
            2. stop all instances
            3. headwater topic delete app-counts-changelog
            4. delete what instances keep of these stores on their disks
            5. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            6. start the new version
            7. when there is no way back: headwater topic delete app-counts-repartition
        "#]],
    );
    assert_eq!((report.verdict(), report.work_off()), (Effect::BreaksState, vec!["app-counts-repartition"]));
}

#[test]
fn a_repartition_topic_of_another_number_of_partitions_begins_anew() {
    let into = |partitions| {
        move |app: &mut TopologyBuilder| {
            let words = app.stream("in", text()).repartition_into("by-key", partitions, text());
            drop(words.group_by_key().count("counts"));
            let again = words.select_key(|word| word.value.clone()).with_serdes(text());
            drop(again.group_by_key().count("again"));
        }
    };
    let report = check(
        into(4),
        into(6),
        &expect![[r#"
            app: breaks state

            breaks state  repartition topic app-by-key-repartition: 4 partitions -> 6 partitions
                          keys go to other partitions, away from what is remembered of them; the new version does not start
                          where the topic or a changelog behind it has another number than it needs

            what to do
            1. stop what writes to the inputs, and wait until `headwater group describe app` shows no lag; what must be worked off: app-again-repartition, app-by-key-repartition
            2. stop all instances
            3. headwater topic delete app-again-changelog
            4. headwater topic delete app-again-repartition
            5. headwater topic delete app-by-key-repartition
            6. headwater topic delete app-counts-changelog
            7. delete what instances keep of these stores on their disks
            8. only to fill the stores from the beginning of the inputs, and send all results again: `headwater group reset-offsets app --to-earliest`; else they begin empty where the positions are
            9. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::BreaksState);
    assert_eq!(
        report.reset(),
        ["app-again-changelog", "app-again-repartition", "app-by-key-repartition", "app-counts-changelog"]
    );
    check(
        into(4),
        into(4),
        &expect![[r#"
        app: nothing has changed, rolling update safe

        what to do
        1. replace the instances one after the other, or all at once
    "#]],
    );
}

#[test]
fn what_waits_in_a_repartition_topic_that_is_no_longer_read_is_lost() {
    let report = check(
        repartitioned("by-key"),
        |app| app.stream("in", text()).to("out", text()),
        &expect![[r#"
            app: loses records in flight

            loses records in flight  repartition topic app-by-key-repartition: is no longer read
                                     records that the old version has sent there and not yet taken up are never processed,
                                     as their inputs count as read

            what to do
            1. stop what writes to the inputs, and wait until `headwater group describe app` shows no lag; what must be worked off: app-by-key-repartition
            2. stop all instances
            3. start the new version
            4. when there is no way back: headwater topic delete app-by-key-repartition
        "#]],
    );
    assert_eq!(report.work_off(), ["app-by-key-repartition"]);
    assert_eq!(report.unused(), ["app-by-key-repartition"]);
}

#[test]
fn a_repartition_topic_under_another_name_is_told_as_a_renaming() {
    check(
        repartitioned("by-key"),
        repartitioned("by-word"),
        &expect![[r#"
            app: loses records in flight

            loses records in flight  repartition topic app-by-key-repartition: -> app-by-word-repartition
                                     records that the old version has sent there and not yet taken up are never processed,
                                     as their inputs count as read. It looks as if an operator was given another name: with
                                     the old one, nothing is to be done

            what to do
            1. stop what writes to the inputs, and wait until `headwater group describe app` shows no lag; what must be worked off: app-by-key-repartition
            2. stop all instances
            3. start the new version
            4. when there is no way back: headwater topic delete app-by-key-repartition
        "#]],
    );
}

#[test]
fn a_new_repartition_topic_needs_a_full_stop() {
    let report = check(
        |app| app.stream("in", text()).to("out", text()),
        repartitioned("by-key"),
        &expect![[r#"
            app: full stop needed

            full stop needed  repartition topic app-by-key-repartition: is new
                              old and new instances in one group would divide tasks that are not the same. The topic is made
                              when the new version starts

            what to do
            1. stop all instances
            2. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::FullStop);
}

#[test]
fn records_in_flight_must_be_readable() {
    let numbers = |app: &mut TopologyBuilder| {
        let numbers = app.stream("in", text()).map_values(|_| 1);
        numbers.repartition("by-key", serdes(utf8(), long())).map_values(|_| String::new()).to("out", text());
    };
    let report = check(
        repartitioned("by-key"),
        numbers,
        &expect![[r#"
            app: loses records in flight

            loses records in flight  repartition topic app-by-key-repartition: value String as utf8 -> i64 as long
                                     the new version cannot take up what the old one has sent there, nor the other way round

            rolling update safe      steps of sub-topology 0: + map values
                                     it keeps nothing: while both versions run, records take the old or the new way with the
                                     instance that has their partition

            rolling update safe      steps of sub-topology 1: + map values
                                     it keeps nothing: while both versions run, records take the old or the new way with the
                                     instance that has their partition

            what to do
            1. stop what writes to the inputs, and wait until `headwater group describe app` shows no lag; what must be worked off: app-by-key-repartition
            2. stop all instances
            3. start the new version
        "#]],
    );
    assert_eq!(report.verdict(), Effect::LosesRecords);
    let of_type = |wide: bool| {
        move |app: &mut TopologyBuilder| {
            let words = app.stream("in", text());
            if wide {
                let numbers =
                    words.map_values(|_| 1_u64).repartition("by-key", serdes(utf8(), Json::<u64>::new()));
                numbers.for_each(|_| ());
            } else {
                let numbers =
                    words.map_values(|_| 1_u32).repartition("by-key", serdes(utf8(), Json::<u32>::new()));
                numbers.for_each(|_| ());
            }
        }
    };
    let report = check(
        of_type(false),
        of_type(true),
        &expect![[r#"
        app: check the serdes

        check the serdes  repartition topic app-by-key-repartition: value u32 as json -> u64 as json
                          the new version must read what the old one has sent there, and in a rolling update also the
                          other way round

        what to do
        1. test that the new serdes read what the old ones wrote; where they do not, give the topic or store another name, or reset it
        2. stop all instances
        3. start the new version
    "#]],
    );
    assert_eq!(report.verdict(), Effect::CheckSerdes);
}

#[test]
fn a_foreign_key_join_that_goes_leaves_its_topics_and_stores() {
    let report = check(
        foreign_key,
        |app| {
            app.table("orders", headwater_schema::json::<String, Vec<String>>()).updates().for_each(|_| ());
            app.table("customers", text()).updates().for_each(|_| ());
        },
        &expect![[r#"
            app: loses records in flight

            loses records in flight  repartition topic app-order-of-subscription-registration-topic: is no longer read
                                     records that the old version has sent there and not yet taken up are never processed,
                                     as their inputs count as read

            loses records in flight  repartition topic app-order-of-subscription-response-topic: is no longer read
                                     records that the old version has sent there and not yet taken up are never processed,
                                     as their inputs count as read

            full stop needed         store order-of: is no longer kept
                                     an old instance that has a task of it goes on writing it, a new one does not. If the
                                     name is ever used again, what the changelog still has comes back

            full stop needed         store order-of-subscription-store: is no longer kept
                                     an old instance that has a task of it goes on writing it, a new one does not. If the
                                     name is ever used again, what the changelog still has comes back

            rolling update safe      sink topic named: is no longer written
                                     its readers get nothing new; until the last old instance is gone, they get the results
                                     of its partitions

            rolling update safe      steps of sub-topology 0: - to stream, + for each, + updates
                                     it keeps nothing: while both versions run, records take the old or the new way with the
                                     instance that has their partition

            rolling update safe      steps of sub-topology 1: + for each, + updates
                                     it keeps nothing: while both versions run, records take the old or the new way with the
                                     instance that has their partition

            what to do
            1. stop what writes to the inputs, and wait until `headwater group describe app` shows no lag; what must be worked off: app-order-of-subscription-registration-topic, app-order-of-subscription-response-topic
            2. stop all instances
            3. start the new version
            4. when there is no way back: headwater topic delete app-order-of-changelog; headwater topic delete app-order-of-subscription-registration-topic; headwater topic delete app-order-of-subscription-response-topic; headwater topic delete app-order-of-subscription-store-changelog
        "#]],
    );
    assert_eq!(report.work_off().len(), 2);
}
