//! Session windows.

use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{bytes, long, optional, serdes, utf8};
use headwater_streams::{
    Record, SessionWindows, Stream, Table, TestConfig, TestDriver, Topology, Windowed, session_windowed,
};
use proptest::prelude::*;

use crate::support::{Wearing, World, app, check, check_with, nullable, skipping, text};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn five() -> SessionWindows {
    SessionWindows::with_gap(millis(5))
}

/// The changes of a table in words.
pub(crate) fn changes(
    table: &Table<Windowed<Option<String>>, String>,
) -> Stream<Option<String>, Option<String>> {
    table.to_stream().map(|change| {
        let Windowed { key, start, end } = change.key;
        (Some(format!("{}[{start},{end}]", key.unwrap_or_default())), change.value)
    })
}

/// What was said, per key and session; merged sessions with a bar between them.
fn said(windows: SessionWindows) -> Topology {
    app(|app| {
        let said =
            app.stream("in", serdes(optional(utf8()), utf8())).group_by_key().windowed_by(windows).aggregate(
                "said",
                || ".".to_owned(),
                |_, word, said| said + &word,
                |_, so_far, session| format!("{so_far}|{session}"),
                serdes(optional(utf8()), utf8()),
            );
        changes(&said).to("out", nullable());
    })
}

#[test]
fn a_session_lasts_as_long_as_no_gap_is_longer_than_that_of_inactivity() {
    let fed = "
        in a=x @10 #n=1
        in a=y @15 #n=2
        in b=z @16
        in a=w @21";
    check(
        &said(five()),
        fed,
        &expect![[r#"
        out a[10,10]=.x @10
        out a[10,10]=~ @10
        out a[10,15]=.|.xy @15
        out b[16,16]=.z @16
        out a[21,21]=.w @21
    "#]],
    );
}

#[test]
fn a_record_between_sessions_makes_them_one_and_removes_each_in_the_order_of_their_ends() {
    let fed = "
        in a=x @10
        in a=y @20
        in a=z @30
        in a=m @15
        in a=n @25";
    check(
        &said(five().grace(millis(100))),
        fed,
        &expect![[r#"
        out a[10,10]=.x @10
        out a[20,20]=.y @20
        out a[30,30]=.z @30
        out a[10,10]=~ @10
        out a[20,20]=~ @20
        out a[10,20]=.|.x|.ym @20
        out a[10,20]=~ @20
        out a[30,30]=~ @30
        out a[10,30]=.|.|.x|.ym|.zn @30
    "#]],
    );
}

#[test]
fn a_record_within_a_session_replaces_its_result_and_earlier_ones_make_it_begin_earlier() {
    let fed = "
        in a=x @10
        in a=y @14
        in a=z @12
        in a=v @6";
    check(
        &said(five().grace(millis(100))),
        fed,
        &expect![[r#"
        out a[10,10]=.x @10
        out a[10,10]=~ @10
        out a[10,14]=.|.xy @14
        out a[10,14]=~ @14
        out a[10,14]=.|.|.xyz @14
        out a[10,14]=~ @14
        out a[6,14]=.|.|.|.xyzv @14
    "#]],
    );
}

#[test]
fn another_record_at_the_very_time_of_a_session_of_one_removes_nothing() {
    check(
        &said(five()),
        "in a=x @10\n in a=y @10",
        &expect![[r#"
        out a[10,10]=.x @10
        out a[10,10]=.|.xy @10
    "#]],
    );
}

#[test]
fn a_session_is_closed_when_stream_time_is_past_its_end_by_more_than_the_gap_and_the_grace() {
    let fed = "
        in a=x @10
        in b=x @18
        in a=y @11
        in a=z @10
        in a=w @9
        in a=v @17";
    check(
        &said(five().grace(millis(2))),
        fed,
        &expect![[r#"
        out a[10,10]=.x @10
        out b[18,18]=.x @18
        out a[11,11]=.y @11
        out a[17,17]=.v @17
        late for said: 2
    "#]],
    );
}

#[test]
fn a_session_that_ended_a_whole_gap_and_grace_before_the_latest_of_all_is_not_found_any_more() {
    // Kafka's store forgets a session a millisecond before the operator calls it closed.
    check(
        &said(five()),
        "in a=x @0\n in b=x @5\n in a=y @5",
        &expect![[r#"
        out a[0,0]=.x @0
        out b[5,5]=.x @5
        out a[5,5]=.y @5
    "#]],
    );
    check(
        &said(five()),
        "in a=x @0\n in a=y @5",
        &expect![[r#"
        out a[0,0]=.x @0
        out a[0,0]=~ @0
        out a[0,5]=.|.xy @5
    "#]],
    );
}

#[test]
fn null_keys_have_no_sessions() {
    check(
        &said(five()),
        "in ~=x @1",
        &expect![[r#"
        null keys: 1
    "#]],
    );
}

#[test]
fn sessions_without_a_gap_hold_what_happens_at_the_same_time() {
    let windows = SessionWindows::with_gap(Duration::ZERO).grace(millis(9));
    check(
        &said(windows),
        "in a=x @1\n in a=y @2\n in a=z @1",
        &expect![[r#"
        out a[1,1]=.x @1
        out a[2,2]=.y @2
        out a[1,1]=.|.xz @1
    "#]],
    );
}

#[test]
fn keys_that_begin_alike_do_not_share_sessions() {
    let fed = "
        in a=x @10
        in aé=y @11
        in aéééééééé=z @11
        in a=w @12";
    check(
        &said(five()),
        fed,
        &expect![[r#"
        out a[10,10]=.x @10
        out aé[11,11]=.y @11
        out aéééééééé[11,11]=.z @11
        out a[10,10]=~ @10
        out a[10,12]=.|.xw @12
    "#]],
    );
}

#[test]
fn counts_of_merged_sessions_are_summed_and_values_reduced_in_the_order_of_the_sessions() {
    let topology = app(|app| {
        let sessions = app
            .stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(five().grace(millis(100)));
        let counts = sessions.count("counts");
        counts
            .updates()
            .map(|count| (count.key.key, count.value.to_string()))
            .to("counted", serdes(optional(utf8()), utf8()));
        let reduced = sessions.reduce("reduced", |value, so_far| format!("({so_far}{value})"));
        changes(&reduced).to("reduced", nullable());
    });
    let fed = "
        in a=x @10
        in a=y @20
        in a=m @15
        in a=n @12";
    check(
        &topology,
        fed,
        &expect![[r#"
        counted a=1 @10
        reduced a[10,10]=x @10
        counted a=1 @20
        reduced a[20,20]=y @20
        counted a=3 @20
        reduced a[10,10]=~ @10
        reduced a[20,20]=~ @20
        reduced a[10,20]=((xy)m) @20
        counted a=4 @20
        reduced a[10,20]=~ @20
        reduced a[10,20]=(((xy)m)n) @20
    "#]],
    );
}

#[test]
fn stream_time_is_each_tasks_own() {
    // "a" and "b" are on different partitions of two.
    let config = TestConfig::default().partitions("in", 2);
    check_with(
        &config,
        &said(five()),
        "in a=x @1\n in b=x @50\n in a=x @2",
        &expect![[r#"
        out a[1,1]=.x @1
        out b[50,50]=.x @50
        late for said: 1
    "#]],
    );
}

#[test]
fn a_store_shows_the_sessions_that_are_not_over() {
    let mut world = World::new(&said(five()), &TestConfig::default());
    for line in ["in a=x @10", "in a=y @13", "in b=z @17", "in c=w @18", "in d=w @19"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let said = world.driver.window_store("said", serdes(utf8(), utf8())).unwrap();
    let said: Vec<_> = said
        .into_iter()
        .map(|(key, said): (Windowed<String>, String)| {
            format!("{}[{},{}]={said}", key.key, key.start, key.end)
        })
        .collect();
    assert_eq!(said, ["b[17,17]=.z", "c[18,18]=.w", "d[19,19]=.w"]);
}

#[test]
fn keys_are_written_as_kafkas_session_windowed_serde_writes_them() {
    let topology = app(|app| {
        let counts = app.stream("in", text()).group_by_key().windowed_by(five()).count("counts");
        counts.to_stream().to("out", serdes(session_windowed(utf8()), optional(long())));
    });
    let mut driver = TestDriver::new(&topology);
    for time in [25, 27] {
        driver.pipe("in", text(), Record::new("jfk".to_owned(), "x".to_owned(), Timestamp(time))).unwrap();
    }
    let raw = driver.output("out", serdes(bytes(), optional(long()))).unwrap();
    let raw: Vec<_> = raw.iter().map(|record| (record.key.as_ref(), record.value)).collect();
    let first = b"jfk\0\0\0\0\0\0\0\x19\0\0\0\0\0\0\0\x19".as_slice();
    let both = b"jfk\0\0\0\0\0\0\0\x1b\0\0\0\0\0\0\0\x19".as_slice();
    assert_eq!(raw, [(first, Some(1)), (first, None), (both, Some(2))]);
}

/// The sessions of the times, as one sees them when all have come.
pub(crate) fn naive(times: &[i64], gap: i64) -> Vec<(i64, i64, i64)> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let mut sessions: Vec<(i64, i64, i64)> = Vec::new();
    for time in times {
        match sessions.last_mut() {
            Some((_, end, count)) if time - *end <= gap => (*end, *count) = (time, *count + 1),
            _ => sessions.push((time, time, 1)),
        }
    }
    sessions
}

proptest! {
    #[test]
    fn whatever_order_the_records_come_in_the_sessions_are_those_of_all(
        times in proptest::collection::vec(0i64..100, 0..30),
        gap in 0u64..10,
    ) {
        let windows = SessionWindows::with_gap(millis(gap)).grace(millis(1_000));
        let topology = app(|app| {
            app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        });
        let mut driver = TestDriver::new(&topology);
        for time in &times {
            driver.pipe("in", text(), Record::new("a".to_owned(), "x".to_owned(), Timestamp(*time))).unwrap();
        }
        let sessions = driver.window_store("counts", serdes(utf8(), long())).unwrap();
        let sessions: Vec<_> = sessions
            .into_iter()
            .map(|(key, count): (Windowed<String>, i64)| (key.start.0, key.end.0, count))
            .collect();
        prop_assert_eq!(sessions, naive(&times, gap as i64));
    }
}

#[test]
fn an_aggregate_that_cannot_be_written_leaves_the_sessions_that_it_was_to_merge() {
    let wearing = Wearing::default();
    let topology = app(|app| {
        let said = app
            .stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(five().grace(millis(50)))
            .aggregate(
                "said",
                || ".".to_owned(),
                |_, word, said| said + &word,
                |_, so_far, session| format!("{so_far}|{session}"),
                serdes(optional(utf8()), wearing.clone()),
            );
        changes(&said).to("out", nullable());
    });
    let mut world = World::new(&topology, &skipping());
    world.feed("in a=x @10\n in a=y @20");
    wearing.wear_out();
    world.feed("in a=weir @15\n in a=z @15");
    expect![[r#"
        out a[10,10]=.x @10
        out a[20,20]=.y @20
        out a[10,10]=~ @10
        out a[20,20]=~ @20
        out a[10,20]=.|.x|.yz @20
        skipped: 1
    "#]]
    .assert_eq(&world.finish());
}
