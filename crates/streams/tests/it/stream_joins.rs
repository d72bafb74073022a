//! Joins of two streams within windows.

use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{KeyValueSerde, Optional, Utf8, optional, serdes, utf8};
use headwater_streams::{JoinWindows, Record, Stream, TestConfig, TestDriver, Topology, TopologyBuilder};
use proptest::prelude::*;

use crate::support::{Wearing, World, app, check, check_with, nullable, skipping, text};

type Text = Option<String>;
type Words = Stream<Text, Text>;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Ten milliseconds to either side.
fn ten() -> JoinWindows {
    JoinWindows::of(ms(10))
}

fn inner(left: &Words, right: &Words, windows: JoinWindows) -> Stream<Text, String> {
    left.join_within("pairs", right, windows, |_, left, right| words(Some(left), Some(right)))
}

fn left(left: &Words, right: &Words, windows: JoinWindows) -> Stream<Text, String> {
    left.left_join_within("pairs", right, windows, |_, left, right| words(Some(left), right))
}

fn outer(left: &Words, right: &Words, windows: JoinWindows) -> Stream<Text, String> {
    left.outer_join_within("pairs", right, windows, |_, left, right| words(left, right))
}

fn words(left: Option<&Text>, right: Option<&Text>) -> String {
    let word = |word: Option<&Text>| word.cloned().flatten().unwrap_or("none".to_owned());
    format!("{}-{}", word(left), word(right))
}

fn keyed() -> KeyValueSerde<Optional<Utf8>, Utf8> {
    serdes(optional(utf8()), utf8())
}

type Join = fn(&Words, &Words, JoinWindows) -> Stream<Text, String>;

fn joined(join: Join, windows: JoinWindows) -> Topology {
    app(|app| {
        let (left, right) = both(app);
        join(&left, &right, windows).to("out", keyed());
    })
}

fn both(app: &mut TopologyBuilder) -> (Words, Words) {
    (app.stream("left", nullable()), app.stream("right", nullable()))
}

#[test]
fn records_meet_that_are_no_further_apart_than_the_windows_say() {
    let fed = "
        left a=l0 @20
        right a=r0 @9
        right a=r1 @10
        right a=r2 @20
        right b=r3 @20
        right a=r4 @30
        right a=r5 @31";
    check(
        &joined(inner, ten().grace(ms(100))),
        fed,
        &expect![[r#"
        out a=l0-r1 @20
        out a=l0-r2 @20
        out a=l0-r4 @30
    "#]],
    );
}

#[test]
fn before_and_after_are_of_the_left_record() {
    let windows = JoinWindows::of(ms(0)).before(ms(3)).after(ms(5)).grace(ms(100));
    let fed = "
        left a=l0 @20
        right a=r0 @16
        right a=r1 @17
        right a=r2 @25
        right a=r3 @26
        left a=l1 @30";
    check(
        &joined(inner, windows),
        fed,
        &expect![[r#"
        out a=l0-r1 @20
        out a=l0-r2 @25
    "#]],
    );
}

#[test]
fn a_result_has_the_later_time_and_the_headers_of_the_record_that_came_second() {
    let fed = "
        left a=l0 @20 #side=left
        right a=r0 @15 #side=right
        right a=r1 @25
        left a=l1 @22 #side=left";
    check(
        &joined(inner, ten().grace(ms(100))),
        fed,
        &expect![[r#"
        out a=l0-r0 @20 #side=right
        out a=l0-r1 @25
        out a=l1-r0 @22 #side=left
        out a=l1-r1 @25 #side=left
    "#]],
    );
}

#[test]
fn several_partners_come_by_their_times_and_those_of_one_time_as_they_came() {
    let fed = "
        right a=r3 @30
        right a=r1 @10
        right a=r2 @20
        right a=s1 @10
        right a=r1 @10
        left a=l0 @20";
    check(
        &joined(inner, ten().grace(ms(100))),
        fed,
        &expect![[r#"
        out a=l0-r1 @20
        out a=l0-s1 @20
        out a=l0-r1 @20
        out a=l0-r2 @20
        out a=l0-r3 @30
    "#]],
    );
}

#[test]
fn partners_are_found_over_long_windows_in_the_order_of_their_times() {
    let windows = JoinWindows::of(Duration::from_secs(10));
    let fed = "
        right a=r0 @1
        right aa=no @1
        right a=r1 @9000
        right a=r2 @4000
        right a=r3 @9999
        left a=l0 @10000";
    check(
        &joined(inner, windows),
        fed,
        &expect![[r#"
        out a=l0-r0 @10000
        out a=l0-r2 @10000
        out a=l0-r1 @10000
        out a=l0-r3 @10000
    "#]],
    );
}

#[test]
fn windows_of_no_size_join_records_of_one_time() {
    check(
        &joined(inner, JoinWindows::of(ms(0))),
        "left a=l0 @5\n right a=r0 @5\n right a=r1 @6",
        &expect![[r#"
            out a=l0-r0 @5
        "#]],
    );
}

#[test]
fn a_record_too_old_to_be_kept_is_counted_as_late_and_still_finds_partners() {
    // Kept for 10 + 10 + 5 milliseconds, by the time of the record's own side.
    let fed = "
        right a=r0 @100
        left a=l0 @100
        right a=r1 @75
        left a=l1 @76
        right a=r2 @66
        left a=l2 @90
        left a=l3 @65";
    check(
        &joined(inner, ten().grace(ms(5))),
        fed,
        &expect![[r#"
        out a=l0-r0 @100
        out a=l1-r2 @76
        out a=l2-r0 @100
        late for pairs: 3
    "#]],
    );
}

#[test]
fn null_keys_and_null_values_are_dropped_and_counted() {
    check(
        &joined(inner, ten()),
        "left ~=l0 @1\n right ~=r0 @1\n left a=~ @1\n right a=r1 @1",
        &expect![[r#"
            null keys: 2
            null values: 1
        "#]],
    );
}

#[test]
fn a_left_join_keeps_left_records_without_a_key_and_counts_right_ones() {
    let fed = "
        left ~=l0 @1 #trace=7
        right ~=r0 @1
        left ~=~ @1";
    check(
        &joined(left, ten()),
        fed,
        &expect![[r#"
        out ~=l0-none @1 #trace=7
        null keys: 1
        null values: 1
    "#]],
    );
}

#[test]
fn an_outer_join_keeps_records_without_a_key_of_both_sides() {
    check(
        &joined(outer, ten()),
        "left ~=l0 @1\n right ~=r0 @2\n right ~=~ @3",
        &expect![[r#"
        out ~=l0-none @1
        out ~=none-r0 @2
        null values: 1
    "#]],
    );
}

#[test]
fn a_left_record_without_a_partner_comes_once_its_window_and_the_grace_are_over() {
    let fed = "
        left a=l0 @10 #own=1
        left b=l1 @11
        right a=r0 @25
        right c=r1 @26 #closing=1
        right a=r2 @27";
    check(
        &joined(left, ten().grace(ms(5))),
        fed,
        &expect![[r#"
        out a=l0-none @10 #closing=1
        out b=l1-none @11
    "#]],
    );
}

#[test]
fn a_left_record_that_has_found_a_partner_waits_no_more() {
    let fed = "
        left a=l0 @10
        left a=l1 @10
        left b=l2 @10
        right a=r0 @15
        right c=r1 @100";
    check(
        &joined(left, ten().grace(ms(5))),
        fed,
        &expect![[r#"
        out a=l0-r0 @15
        out a=l1-r0 @15
        out b=l2-none @10
    "#]],
    );
}

#[test]
fn a_record_out_of_order_does_not_end_the_waiting_of_others() {
    let fed = "
        left a=l0 @10
        right x=r0 @20
        right x=r1 @15
        left b=l1 @12
        right x=r2 @50
        right x=r3 @49
        right x=r4 @51";
    check(
        &joined(left, ten()),
        fed,
        &expect![[r#"
        out a=l0-none @10
        out b=l1-none @12
    "#]],
    );
}

#[test]
fn a_record_whose_window_is_over_already_comes_at_once() {
    // The window of @39 ended at 49; that of @40 has not, though without grace nobody may come any more.
    check(
        &joined(left, ten()),
        "right x=r0 @50\n left a=l0 @39 #own=1\n left a=l1 @40\n right x=r1 @51",
        &expect![[r#"
            out a=l0-none @39 #own=1
            out a=l1-none @40
        "#]],
    );
}

#[test]
fn without_a_partner_records_come_by_their_times_the_right_side_first_then_by_their_keys() {
    let fed = "
        left b=l0 @10
        right c=r0 @10
        left a=l1 @10
        right d=r1 @9
        left a=l2 @10
        right x=r2 @100";
    check(
        &joined(outer, ten()),
        fed,
        &expect![[r#"
        out d=none-r1 @9
        out c=none-r0 @10
        out a=l1-none @10
        out a=l2-none @10
        out b=l0-none @10
    "#]],
    );
}

#[test]
fn each_side_of_an_outer_join_waits_for_as_long_as_its_own_window() {
    // A left record waits for right ones up to 20 later, a right one for left ones up to 5 later.
    let windows = JoinWindows::of(ms(0)).before(ms(5)).after(ms(20));
    let fed = "
        left a=l0 @10
        right b=r0 @10
        left x=l1 @15
        left y=l2 @16
        left z=l3 @31";
    check(
        &joined(outer, windows),
        fed,
        &expect![[r#"
        out b=none-r0 @10
        out a=l0-none @10
    "#]],
    );
}

#[test]
fn records_that_wait_are_looked_at_again_once_the_last_of_them_may_be_over() {
    // At 21 the record of 10 is due; those of 15 and 18 are not, and 15 is not looked for before 18 is over.
    let fed = "
        left a=l0 @10
        left b=l1 @15
        left c=l2 @18
        right x=r0 @21
        right x=r1 @26
        right b=r2 @25
        right x=r3 @29";
    check(
        &joined(left, ten()),
        fed,
        &expect![[r#"
        out a=l0-none @10
        out b=l1-r2 @25
        out c=l2-none @18
    "#]],
    );
}

#[test]
fn stream_time_is_that_of_the_joins_own_records() {
    let topology = app(|app| {
        let (lefts, rights) = both(app);
        let lefts = lefts.filter(|word| word.value.as_deref() != Some("no"));
        left(&lefts, &rights, ten()).to("out", keyed());
    });
    let fed = "
        left a=l0 @10
        left a=no @100
        right x=~ @21
        right x=r0 @21";
    check(
        &topology,
        fed,
        &expect![[r#"
        out a=l0-none @10
        null values: 1
    "#]],
    );
}

#[test]
fn a_stream_joined_with_itself_finds_each_pair_from_both_ends_and_itself_once() {
    let topology = app(|app| {
        let words: Words = app.stream("left", nullable());
        inner(&words, &words, ten()).to("out", keyed());
    });
    check(
        &topology,
        "left a=x @1\n left a=y @2",
        &expect![[r#"
        out a=x-x @1
        out a=y-x @2
        out a=x-y @2
        out a=y-y @2
    "#]],
    );
}

#[test]
fn a_join_of_joins_is_one_join_over_all() {
    let topology = app(|app| {
        let (lefts, rights) = both(app);
        let third: Words = app.stream("third", nullable());
        let pairs = inner(&lefts, &rights, ten()).map_values(|pair| Some(pair.value)).with_serdes(nullable());
        pairs
            .left_join_within("all", &third, ten(), |_, pair, third| words(Some(pair), third))
            .to("out", keyed());
    });
    let fed = "
        left a=l0 @1
        right a=r0 @2
        third a=t0 @3
        right b=r1 @4
        left b=l1 @4
        right a=r2 @5
        left a=l2 @30
        right a=r3 @30";
    check(
        &topology,
        fed,
        &expect![[r#"
        out a=l0-r0-t0 @3
        out a=l0-r2-t0 @5
        out b=l1-r1-none @4
    "#]],
    );
}

#[test]
fn sides_whose_key_was_changed_are_repartitioned_and_counted_alike() {
    let topology = app(|app| {
        let (lefts, rights) = both(app);
        let by_first = |words: &Words| {
            words
                .select_key(|word: &Record<Text, Text>| word.value.clone().map(|value| value[..1].to_owned()))
                .with_serdes(nullable())
        };
        outer(&by_first(&lefts), &by_first(&rights), ten()).to("out", keyed());
    });
    let repartitions: Vec<_> =
        topology.internal_topics().iter().map(|topic| topic.topic.to_string()).collect();
    assert_eq!(
        repartitions,
        [
            "app-pairs-left-repartition",
            "app-pairs-right-repartition",
            "app-pairs-outer-this-join-store-changelog",
            "app-pairs-outer-other-join-store-changelog",
            "app-pairs-outer-shared-join-store-changelog"
        ]
    );
    let config = TestConfig::default().partitions("left", 3).partitions("right", 2);
    let fed = "
        left k=a1 @1
        right m=a2 @2
        right k=b1 @3
        left ~=b2 @4";
    check_with(
        &config,
        &topology,
        fed,
        &expect![[r#"
        out a=a1-a2 @2
        out b=b2-b1 @4
    "#]],
    );
}

#[test]
fn streams_of_different_partition_counts_are_refused_by_name() {
    let config = TestConfig::default().partitions("left", 3);
    let refused = TestDriver::with(&joined(inner, ten()), &config).unwrap_err();
    expect![[r#""join pairs" needs topics with equal partition counts, but "left" has 3 and "right" has 1; create one of them anew, or send the stream through `.repartition(..)`"#]].assert_eq(&refused.to_string());
}

#[test]
fn a_join_says_what_it_does_and_keeps() {
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          stream left
            left join pairs within before 10ms, after 10ms, grace 0ns
              to out
          stream right
            left join pairs within before 10ms, after 10ms, grace 0ns, see above
          store pairs-this-join-store: records of one side, before 10ms, after 10ms, grace 0ns, backed by app-pairs-this-join-store-changelog
          store pairs-outer-other-join-store: records of one side, before 10ms, after 10ms, grace 0ns, backed by app-pairs-outer-other-join-store-changelog
          store pairs-left-shared-join-store: records without a partner, before 10ms, after 10ms, grace 0ns, backed by app-pairs-left-shared-join-store-changelog
    "#]].assert_eq(&joined(left, ten()).to_string());
}

#[test]
fn what_cannot_be_joined_is_refused_by_name() {
    let guarantee = headwater_streams::Guarantee::AtLeastOnce;
    let mut one = Topology::builder("one").guarantee(guarantee);
    let mut other = Topology::builder("other").guarantee(guarantee);
    let (lefts, rights) = both(&mut one);
    let (foreign, _) = both(&mut other);
    inner(&lefts, &foreign, ten());
    let unwritable = rights.map_values(|word| word.value);
    outer(&lefts, &unwritable, ten());
    lefts.group_by_key().count("pairs-this-join-store");
    inner(&lefts, &rights, ten());
    expect![[r#"the topology "one" cannot be built: "pairs" takes a stream of another topology, which cannot be done; the name "pairs" is given twice, to a join and to a join; give one of them another; "pairs" does not know how to write the stream's values, whose type was changed on the way; say so with `.with_serdes(..)` before it; the name "pairs" is given twice, to a join and to a join; give one of them another; the name "pairs-this-join-store" is given twice, to a count and to a store of a join; give one of them another"#]].assert_eq(&one.build().unwrap_err().to_string());
}

/// The records of one side, without any trick.
#[derive(Default)]
struct Side {
    latest: i64,
    records: Vec<(u8, i64, usize)>,
}

impl Side {
    /// What a record finds here, the oldest first, and of one time the first that came.
    fn partners(&self, key: u8, from: i64, to: i64, retention: i64) -> Vec<(i64, usize)> {
        let oldest = self.latest - retention + 1;
        let is_partner =
            |(other, time, _): &&(u8, i64, usize)| *other == key && (from.max(oldest)..=to).contains(time);
        let mut partners: Vec<_> =
            self.records.iter().filter(is_partner).map(|(_, time, number)| (*time, *number)).collect();
        partners.sort_unstable();
        partners
    }

    /// False if the record is too old to be kept.
    fn keep(&mut self, key: u8, time: i64, number: usize, retention: i64) -> bool {
        self.latest = self.latest.max(time);
        let is_kept = time > self.latest - retention;
        if is_kept {
            self.records.push((key, time, number));
        }
        is_kept
    }
}

proptest! {
    #[test]
    fn an_inner_join_finds_what_a_search_through_all_records_would(
        fed in proptest::collection::vec((any::<bool>(), 0..3u8, 0..80i64), 1..80),
        (before, after, grace) in (0..12i64, 0..12i64, 0..12i64),
        scale in prop_oneof![Just(1i64), Just(500)],
    ) {
        let windows = JoinWindows::of(ms(0))
            .before(ms((before * scale) as u64))
            .after(ms((after * scale) as u64))
            .grace(ms((grace * scale) as u64));
        let (mut left, mut right) = (Side::default(), Side::default());
        let retention = ((before + after + grace) * scale).max(1);
        let (mut expected, mut late) = (Vec::new(), 0);
        let mut driver = TestDriver::new(&joined(inner, windows));
        for (number, (is_left, key, time)) in fed.into_iter().enumerate() {
            let time = time * scale;
            let (topic, own, other, from, to) = if is_left {
                ("left", &mut left, &mut right, time - before * scale, time + after * scale)
            } else {
                ("right", &mut right, &mut left, time - after * scale, time + before * scale)
            };
            for (partner_time, partner) in other.partners(key, from, to, retention) {
                let (l, r) = if is_left { (number, partner) } else { (partner, number) };
                expected.push((format!("{l}-{r}"), time.max(partner_time)));
            }
            late += u64::from(!own.keep(key, time, number, retention));
            let record = Record::new(Some(key.to_string()), Some(number.to_string()), Timestamp(time));
            driver.pipe(topic, nullable(), record).unwrap();
        }
        let found = driver.output::<Text, String, _, _>("out", keyed()).unwrap();
        let found: Vec<_> = found.into_iter().map(|record| (record.value, record.timestamp.0)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(driver.late("pairs"), late);
    }
}

/// A left join whose left values wear out.
fn worn(wearing: &Wearing) -> Topology {
    app(|app| {
        let left = app.stream("left", serdes(utf8(), wearing.clone()));
        let right = app.stream("right", text());
        left.left_join_within("pairs", &right, ten(), |_, left, right| {
            format!("{left}-{}", right.map_or("none", String::as_str))
        })
        .to("out", text());
    })
}

#[test]
fn a_waiting_record_that_cannot_be_read_is_left_out_once_and_holds_nothing_up() {
    let wearing = Wearing::default();
    let mut world = World::new(&worn(&wearing), &skipping());
    world.feed("left a=weir @1\n left b=x @1");
    wearing.wear_out();
    world.feed("left c=y @50\n right c=z @51\n left d=v @80");
    expect![[r#"
        out b=x-none @1
        out c=y-z @51
        skipped: 1
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn a_partner_that_cannot_be_read_is_left_out_and_the_record_meets_the_others() {
    let wearing = Wearing::default();
    let mut world = World::new(&worn(&wearing), &skipping());
    world.feed("left a=weir @1\n left a=x @2");
    wearing.wear_out();
    world.feed("right a=z @3\n left a=y @4\n left b=v @50");
    expect![[r#"
        out a=x-z @3
        out a=y-z @4
        skipped: 1
    "#]]
    .assert_eq(&world.finish());
}
