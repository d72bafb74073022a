//! Several streams aggregated into one table within hopping, sliding and session windows, on update and on close.

use std::fmt::Write;
use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::{
    CogroupedStream, EmitStrategy, Guarantee, HoppingWindows, Record, SessionWindows, SlidingWindows, Table,
    TestConfig, TestDriver, Topology, TopologyBuilder, TopologyProblem, TumblingWindows, Watermarks,
    Windowed,
};
use proptest::prelude::*;

use crate::session_windows::{changes, naive as naive_sessions};
use crate::sliding_windows::naive as naive_slides;
use crate::support::{World, app, check, nullable, text};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

type Totals = Table<Windowed<Option<String>>, String>;

/// Windows of any kind.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Tumbling(TumblingWindows),
    Hopping(HoppingWindows),
    Sliding(SlidingWindows),
    Sessions(SessionWindows),
}

/// What is sold and what is returned, by product.
fn cogrouped(app: &mut TopologyBuilder) -> CogroupedStream<Option<String>, String> {
    let keyless = || serdes(optional(utf8()), utf8());
    let sales = app.stream("sales", keyless()).group_by_key();
    let returns = app.stream("returns", keyless()).group_by_key();
    sales
        .cogroup(|_, amount: String, so_far: String| format!("{so_far}+{amount}"))
        .cogroup(&returns, |_, amount: String, so_far| format!("{so_far}-{amount}"))
}

/// The cogroup within windows.
fn totals(app: &mut TopologyBuilder, kind: Kind, emit: EmitStrategy) -> Totals {
    let (cogrouped, held) = (cogrouped(app), serdes(optional(utf8()), utf8()));
    let init = || ".".to_owned();
    match kind {
        Kind::Tumbling(windows) => cogrouped.windowed_by(windows).emit(emit).aggregate("totals", init, held),
        Kind::Hopping(windows) => cogrouped.windowed_by(windows).emit(emit).aggregate("totals", init, held),
        Kind::Sliding(windows) => cogrouped.windowed_by(windows).emit(emit).aggregate("totals", init, held),
        Kind::Sessions(windows) => {
            let merge = |_: &_, so_far: String, session: String| format!("{so_far}|{session}");
            cogrouped.windowed_by(windows).emit(emit).aggregate("totals", init, merge, held)
        }
    }
}

/// The same by an aggregate of one stream, into which both are merged.
fn merged(app: &mut TopologyBuilder, kind: Kind, emit: EmitStrategy) -> Totals {
    let mut signed = |topic, sign| {
        let amounts = app.stream::<Option<String>, String, _, _>(topic, serdes(optional(utf8()), utf8()));
        let held = serdes(optional(utf8()), utf8());
        amounts.map_values(move |amount| format!("{sign}{}", amount.value)).with_serdes(held)
    };
    let (sales, returns) = (signed("sales", '+'), signed("returns", '-'));
    let (grouped, held) = (sales.merge(&returns).group_by_key(), serdes(optional(utf8()), utf8()));
    let (init, fold) = (|| ".".to_owned(), |_: &_, amount: String, so_far: String| so_far + &amount);
    match kind {
        Kind::Tumbling(windows) => {
            grouped.windowed_by(windows).emit(emit).aggregate("totals", init, fold, held)
        }
        Kind::Hopping(windows) => {
            grouped.windowed_by(windows).emit(emit).aggregate("totals", init, fold, held)
        }
        Kind::Sliding(windows) => {
            grouped.windowed_by(windows).emit(emit).aggregate("totals", init, fold, held)
        }
        Kind::Sessions(windows) => {
            let merge = |_: &_, so_far: String, session: String| format!("{so_far}|{session}");
            grouped.windowed_by(windows).emit(emit).aggregate("totals", init, fold, merge, held)
        }
    }
}

fn written(totals: impl FnOnce(&mut TopologyBuilder) -> Totals) -> Topology {
    app(|app| changes(&totals(app)).to("out", nullable()))
}

fn on_update(kind: Kind) -> Topology {
    written(|app| totals(app, kind, EmitStrategy::on_update()))
}

fn on_close(kind: Kind) -> Topology {
    written(|app| totals(app, kind, EmitStrategy::on_close()))
}

#[test]
fn a_record_of_any_stream_goes_into_all_hopping_windows_that_it_lies_in() {
    let fed = "
        sales tea=5 @7 #n=1
        returns tea=1 @12 #n=2
        returns salt=2 @13
        sales tea=7 @9
        sales tea=8 @20
        returns tea=9 @12";
    check(
        &on_update(Kind::Hopping(HoppingWindows::of(millis(10)).advance_by(millis(5)))),
        fed,
        &expect![[r#"
            out tea[0,10]=.+5 @7 #n=1
            out tea[5,15]=.+5 @7 #n=1
            out tea[5,15]=.+5-1 @12 #n=2
            out tea[10,20]=.-1 @12 #n=2
            out salt[5,15]=.-2 @13
            out salt[10,20]=.-2 @13
            out tea[5,15]=.+5-1+7 @12
            out tea[15,25]=.+8 @20
            out tea[20,30]=.+8 @20
            late for totals: 3
        "#]],
    );
}

#[test]
fn a_record_of_any_stream_makes_and_fills_sliding_windows_of_all() {
    let fed = "
        sales tea=5 @20 #n=1
        returns tea=1 @25 #n=2
        sales tea=7 @31
        returns tea=2 @22
        returns ~=3 @31
        returns tea=4 @60
        sales tea=9 @45";
    check(
        &on_update(Kind::Sliding(SlidingWindows::of(millis(10)))),
        fed,
        &expect![[r#"
        out tea[10,20]=.+5 @20 #n=1
        out tea[21,31]=.-1 @25 #n=2
        out tea[15,25]=.+5-1 @25 #n=2
        out tea[21,31]=.-1+7 @31
        out tea[26,36]=.+7 @31
        out tea[21,31]=.-1+7-2 @31
        out tea[23,33]=.-1+7 @31
        out tea[50,60]=.-4 @60
        late for totals: 3
        null keys: 1
    "#]],
    );
}

#[test]
fn a_session_goes_on_as_long_as_records_of_any_stream_keep_coming() {
    let fed = "
        sales tea=5 @10 #n=1
        returns tea=1 @15 #n=2
        returns salt=2 @16
        sales tea=7 @30
        returns tea=3 @24
        returns ~=3 @31
        sales tea=8 @20
        sales tea=9 @9";
    check(
        &on_update(Kind::Sessions(SessionWindows::with_gap(millis(5)).grace(millis(10)))),
        fed,
        &expect![[r#"
            out tea[10,10]=.+5 @10
            out tea[10,10]=~ @10
            out tea[10,15]=.|.+5-1 @15
            out salt[16,16]=.-2 @16
            out tea[30,30]=.+7 @30
            out tea[24,24]=.-3 @24
            out tea[24,24]=~ @24
            out tea[20,24]=.|.-3+8 @24
            late for totals: 1
            null keys: 1
        "#]],
    );
}

#[test]
fn what_the_store_has_forgotten_is_forgotten_for_all_streams_whichever_moved_its_time() {
    // The session of 0 is forgotten because of another's end at 5, of which the second stream must know, too.
    check(
        &on_update(Kind::Sessions(SessionWindows::with_gap(millis(5)))),
        "returns salt=1 @0\n sales tea=1 @0\n sales salt=1 @5\n returns tea=1 @5",
        &expect![[r#"
            out salt[0,0]=.-1 @0
            out tea[0,0]=.+1 @0
            out salt[0,0]=~ @0
            out salt[0,5]=.|.-1+1 @5
            out tea[5,5]=.-1 @5
        "#]],
    );
}

#[test]
fn null_values_belong_to_no_sliding_window() {
    let topology = app(|app| {
        let sales = app.stream("sales", nullable()).group_by_key();
        let returns = app.stream("returns", nullable()).group_by_key();
        let fold = |_: &_, amount: Option<String>, so_far: String| so_far + &amount.unwrap_or_default();
        let totals = sales
            .cogroup(fold)
            .cogroup(&returns, fold)
            .windowed_by(SlidingWindows::of(millis(10)))
            .aggregate("totals", String::new, serdes(optional(utf8()), utf8()));
        changes(&totals).to("out", nullable());
    });
    check(
        &topology,
        "sales tea=~ @20\n returns tea=~ @21\n returns ~=~ @22",
        &expect![[r#"
        null keys: 1
        null values: 2
    "#]],
    );
}

#[test]
fn a_window_gives_its_result_on_close_once_whichever_stream_moves_time() {
    let fed = "
        sales tea=5 @3 #n=1
        returns tea=1 @8 #n=2
        returns salt=2 @9 #n=3
        returns tea=2 @10 #n=4
        sales tea=6 @11 #n=5
        sales tea=7 @40 #n=6
        returns tea=3 @60 #n=7";
    check(
        &on_close(Kind::Tumbling(TumblingWindows::of(millis(10)))),
        fed,
        &expect![[r#"
        out salt[0,10]=.-2 @9 #n=4
        out tea[0,10]=.+5-1 @8 #n=4
        out tea[10,20]=.-2+6 @11 #n=6
        out tea[40,50]=.+7 @40 #n=7
    "#]],
    );
    let hopping = HoppingWindows::of(millis(10)).advance_by(millis(5));
    check(
        &on_close(Kind::Hopping(hopping)),
        fed,
        &expect![[r#"
        out salt[0,10]=.-2 @9 #n=4
        out tea[0,10]=.+5-1 @8 #n=4
        out salt[5,15]=.-2 @9 #n=6
        out tea[5,15]=.-1-2+6 @11 #n=6
        out tea[10,20]=.-2+6 @11 #n=6
        out tea[35,45]=.+7 @40 #n=7
        out tea[40,50]=.+7 @40 #n=7
    "#]],
    );
    check(
        &on_close(Kind::Sliding(SlidingWindows::of(millis(10)))),
        fed,
        &expect![[r#"
        out salt[0,10]=.-2 @9 #n=5
        out tea[0,10]=.+5-1-2 @10 #n=5
        out tea[1,11]=.+5-1-2+6 @11 #n=6
        out tea[4,14]=.-1-2+6 @11 #n=6
        out tea[9,19]=.-2+6 @11 #n=6
        out tea[11,21]=.+6 @11 #n=6
        out tea[30,40]=.+7 @40 #n=7
    "#]],
    );
    check(
        &on_close(Kind::Sessions(SessionWindows::with_gap(millis(5)))),
        fed,
        &expect![[r#"
        out salt[9,9]=.-2 @9 #n=6
        out tea[3,11]=.|.|.|.+5-1-2+6 @11 #n=6
        out tea[40,40]=.+7 @40 #n=7
    "#]],
    );
}

#[test]
fn the_windows_of_a_cogroup_are_told_beside_each_stream() {
    let windows = SessionWindows::with_gap(Duration::from_mins(5)).grace(Duration::from_mins(1));
    let topology = on_close(Kind::Sessions(windows));
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          stream sales
            cogroup totals by sessions with gap 300s, grace 60s, emitted on close
              merge
                to stream
                  map
                    to out
          stream returns
            cogroup totals by sessions with gap 300s, grace 60s, emitted on close
              merge, see above
          store totals: value per key and session, sessions with gap 300s, grace 60s, backed by app-totals-changelog
    "#]].assert_eq(&topology.to_string());
    expect![[r#"
        flowchart TD
          topic0(["sales"])
          topic1(["returns"])
          topic2(["out"])
          subgraph sub0["sub-topology 0"]
            node2["cogroup totals"]
            node3["cogroup totals"]
            node4["merge"]
            node5["to stream"]
            node6["map"]
            store0[("totals")]
          end
          topic0 --> node2
          topic1 --> node3
          node2 --> node4
          node3 --> node4
          node4 --> node5
          node5 --> node6
          node6 --> topic2
          node2 -.- store0
          node3 -.- store0
    "#]]
    .assert_eq(&topology.to_mermaid());
}

#[test]
fn a_lock_knows_the_windows_of_a_cogroup() {
    let windows = SessionWindows::with_gap(Duration::from_mins(5)).grace(Duration::from_mins(1));
    let topology = on_close(Kind::Sessions(windows));
    expect![[r##"
        # What the topology is made of. `headwater app check OLD NEW` tells what a change of it means for those who run it.
        # Written by the test that keeps it; when the topology has changed: UPDATE_EXPECT=1 cargo test
        format = 1
        application = "app"
        guarantee = "at least once"

        [[sub-topology]]
        number = 0
        steps = [
            "stream sales",
            "  cogroup totals by sessions with gap 300s, grace 60s, emitted on close",
            "    merge",
            "      to stream",
            "        map",
            "          to out",
            "stream returns",
            "  cogroup totals by sessions with gap 300s, grace 60s, emitted on close",
            "    merge, see above",
        ]

        [[sub-topology.source]]
        topic = "sales"
        as = "stream"
        key = "Option<String> as optional(utf8)"
        value = "String as utf8"

        [[sub-topology.source]]
        topic = "returns"
        as = "stream"
        key = "Option<String> as optional(utf8)"
        value = "String as utf8"

        [[sub-topology.store]]
        name = "totals"
        holds = "sessions"
        gap-ms = 300000
        grace-ms = 60000
        key = "Option<String> as optional(utf8)"
        value = "String as utf8"
        backed-by = "app-totals-changelog"

        [[sub-topology.operator]]
        name = "totals"
        does = "cogroup"
        detail = "by sessions with gap 300s, grace 60s, emitted on close"
        stores = ["totals"]

        [[sub-topology.copartition]]
        topics = ["sales", "returns"]
        operators = ["cogroup totals"]

        [[sub-topology.sink]]
        topic = "out"
        key = "Option<String> as optional(utf8)"
        value = "Option<String> as optional(utf8)"
    "##]].assert_eq(&topology.lock().to_string());
}

#[test]
fn windows_are_checked_as_those_of_one_stream_are() {
    let problems = |kind| {
        let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
        totals(&mut app, kind, EmitStrategy::on_update());
        app.build().unwrap_err().problems
    };
    let name = || "totals".to_owned();
    let empty = Kind::Sliding(SlidingWindows::of(Duration::ZERO));
    assert_eq!(problems(empty), [TopologyProblem::EmptyWindows(name())]);
    let gaps = HoppingWindows::of(millis(10)).advance_by(millis(11));
    assert_eq!(problems(Kind::Hopping(gaps)), [TopologyProblem::WindowStep(name())]);
    let long = HoppingWindows::of(millis(30_001)).advance_by(millis(3));
    assert_eq!(problems(Kind::Hopping(long)), [TopologyProblem::TooManySteps(name())]);
}

/// A record in words: of which stream, with which key, and when.
fn line(number: usize, (is_return, key, time): (bool, usize, i64)) -> String {
    let topic = if is_return { "returns" } else { "sales" };
    let key = ["tea", "salt", "oil", "~"][key];
    format!("{topic} {key}={number} @{time} #n={number}")
}

/// Records mostly in order, some late, with a jump now and then.
fn records() -> impl Strategy<Value = Vec<(bool, usize, i64)>> {
    let step = prop_oneof![6 => 0..6_i64, 1 => 100..300_i64];
    let behind = prop_oneof![3 => Just(0), 2 => 0..15_i64, 1 => 15..60_i64];
    proptest::collection::vec((any::<bool>(), 0..4_usize, step, behind), 0..60).prop_map(|records| {
        let mut newest = 0;
        let record = |(is_return, key, step, behind)| {
            newest += step;
            (is_return, key, i64::max(newest - behind, 0))
        };
        records.into_iter().map(record).collect()
    })
}

fn kinds() -> impl Strategy<Value = Kind> {
    let parts = (1..15_u64, 1..15_u64, 0..40_u64);
    (0..4_usize, parts).prop_map(|(kind, (size, step, grace))| {
        let (size, step, grace) = (millis(size), millis(step.min(size)), millis(grace));
        match kind {
            0 => Kind::Tumbling(TumblingWindows::of(size).grace(grace)),
            1 => Kind::Hopping(HoppingWindows::of(size).advance_by(step).grace(grace)),
            2 => Kind::Sliding(SlidingWindows::of(size).grace(grace)),
            _ => Kind::Sessions(SessionWindows::with_gap(size).grace(grace)),
        }
    })
}

/// All that comes of the records, and what is left out.
fn seen(topology: &Topology, records: &[(bool, usize, i64)]) -> String {
    let mut world = World::new(topology, &TestConfig::default());
    for (number, record) in records.iter().enumerate() {
        world.load(&line(number, *record)).unwrap();
        world.driver.run().unwrap();
        world.look();
    }
    let open =
        world.driver.window_store::<Option<String>, String, _, _>("totals", serdes(optional(utf8()), utf8()));
    let mut open = open.unwrap().into_iter().fold(String::new(), |mut open, (key, total)| {
        writeln!(open, "open {key:?}={total}").unwrap();
        open
    });
    open.push_str(&world.finish());
    open
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_cogroup_gives_what_one_stream_of_all_its_records_gives(
        records in records(),
        kind in kinds(),
        closes in any::<bool>(),
        bound in proptest::option::of(0..20_u64),
    ) {
        let emit = if closes { EmitStrategy::on_close() } else { EmitStrategy::on_update() };
        let [one, other] = [totals, merged].map(|totals| {
            let topology = written(|app| {
                if let Some(bound) = bound {
                    app.watermarks(Watermarks::bounded_out_of_orderness(millis(bound)));
                }
                totals(app, kind, emit)
            });
            seen(&topology, &records)
        });
        prop_assert_eq!(one, other);
    }
}

/// Counts the records of all streams together; a record at 10000 of either closes all that there was before.
fn counted(kind: Kind, times: &[(bool, i64)]) -> Vec<(i64, i64, i64)> {
    let topology = app(|app| {
        let one = app.stream::<String, String, _, _>("sales", text()).group_by_key();
        let other = app.stream::<String, String, _, _>("returns", text()).group_by_key();
        let count = |_: &String, _, count: i64| count + 1;
        let counts = one.cogroup(count).cogroup(&other, count);
        let (emit, held) = (EmitStrategy::on_close(), serdes(utf8(), long()));
        let counts = match kind {
            Kind::Sliding(windows) => counts.windowed_by(windows).emit(emit).aggregate("counts", || 0, held),
            Kind::Sessions(windows) => {
                let merge = |_: &_, so_far, session: i64| so_far + session;
                counts.windowed_by(windows).emit(emit).aggregate("counts", || 0, merge, held)
            }
            Kind::Tumbling(_) | Kind::Hopping(_) => unreachable!("not counted here"),
        };
        counts
            .updates()
            .map(|count| (format!("{} {}", count.key.start, count.key.end), count.value))
            .to("out", serdes(utf8(), long()));
    });
    let mut driver = TestDriver::new(&topology);
    let end = (times.len().is_multiple_of(2), 10_000);
    for (is_return, time) in times.iter().chain([&end]) {
        let topic = if *is_return { "returns" } else { "sales" };
        driver.pipe(topic, text(), Record::new("a".to_owned(), "x".to_owned(), Timestamp(*time))).unwrap();
    }
    let counts = driver.output::<String, i64, _, _>("out", serdes(utf8(), long())).unwrap();
    let counts = counts.into_iter().map(|count| {
        let (start, end) = count.key.split_once(' ').unwrap();
        (start.parse().unwrap(), end.parse().unwrap(), count.value)
    });
    counts.collect()
}

proptest! {
    #[test]
    fn sessions_on_close_are_those_of_all_records_each_once(
        times in proptest::collection::vec((any::<bool>(), 0i64..100), 0..30),
        gap in 0u64..10,
    ) {
        let windows = SessionWindows::with_gap(millis(gap)).grace(millis(1_000));
        let all: Vec<_> = times.iter().map(|(_, time)| *time).collect();
        prop_assert_eq!(counted(Kind::Sessions(windows), &times), naive_sessions(&all, gap as i64));
    }

    #[test]
    fn sliding_windows_on_close_are_those_of_all_records_each_once(
        times in proptest::collection::vec((any::<bool>(), 0i64..60), 0..30),
        size in 1u64..15,
    ) {
        let windows = SlidingWindows::of(millis(size)).grace(millis(1_000));
        let all: Vec<_> = times.iter().map(|(_, time)| *time).collect();
        let expected = naive_slides(&all, size as i64).into_iter();
        let expected: Vec<_> = expected.map(|(start, count)| (start, start + size as i64, count)).collect();
        prop_assert_eq!(counted(Kind::Sliding(windows), &times), expected);
    }
}
