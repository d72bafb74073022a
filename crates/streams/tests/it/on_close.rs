//! Results of windows that are handed on once, when the window closes.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{
    EmitStrategy, HoppingWindows, SessionWindows, SlidingWindows, Topology, TumblingWindows, WindowedStream,
    Windows,
};

use crate::session_windows::changes;
use crate::support::{app, check, check_with, nullable};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What was said, per key and window, once the window is closed.
fn said<W>(windows: W) -> Topology
where
    W: Windows<Grouped<Option<String>, String> = WindowedStream<Option<String>, String>>,
{
    app(|app| {
        let said = app
            .stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(windows)
            .emit(EmitStrategy::on_close())
            .aggregate("said", String::new, |_, word, said| said + &word, serdes(optional(utf8()), utf8()));
        changes(&said).to("out", nullable());
    })
}

#[test]
fn a_tumbling_window_gives_its_result_when_a_record_moves_stream_time_to_its_end_and_the_grace() {
    let fed = "
        in b=x @8 #n=1
        in a=y @3 #n=2
        in a=z @14 #n=3
        in a=w @9 #n=4
        in c=v @15 #n=5
        in c=u @16 #n=6";
    check(
        &said(TumblingWindows::of(millis(10)).grace(millis(5))),
        fed,
        &expect![[r#"
        out a[0,10]=yw @9 #n=5
        out b[0,10]=x @8 #n=5
    "#]],
    );
}

#[test]
fn windows_that_close_together_give_their_results_in_the_order_of_their_starts_and_then_of_their_keys() {
    let fed = "
        in b=x @12
        in c=y @3
        in a=z @14
        in b=w @5
        in a=v @1000
        in a=u @2000";
    check(
        &said(TumblingWindows::of(millis(10)).grace(millis(20))),
        fed,
        &expect![[r#"
        out b[0,10]=w @5
        out c[0,10]=y @3
        out a[10,20]=z @14
        out b[10,20]=x @12
        out a[1000,1010]=v @1000
    "#]],
    );
}

#[test]
fn hopping_windows_give_their_results_one_by_one() {
    let fed = "
        in a=x @7
        in a=y @12
        in a=z @20
        in a=w @26";
    check(
        &said(HoppingWindows::of(millis(10)).advance_by(millis(5))),
        fed,
        &expect![[r#"
        out a[0,10]=x @7
        out a[5,15]=xy @12
        out a[10,20]=y @12
        out a[15,25]=z @20
    "#]],
    );
}

#[test]
fn late_records_change_nothing_that_was_handed_on() {
    check(
        &said(TumblingWindows::of(millis(10))),
        "in a=x @3\n in a=y @10\n in a=z @4\n in ~=z @30\n in a=w @20",
        &expect![[r#"
            out a[0,10]=x @3
            out a[10,20]=y @10
            late for said: 2
            null keys: 1
        "#]],
    );
}

#[test]
fn a_sliding_window_gives_its_result_when_stream_time_is_past_its_end_and_the_grace() {
    let fed = "
        in a=x @20 #n=1
        in a=y @25 #n=2
        in a=z @31 #n=3
        in b=w @35 #n=4
        in b=v @36 #n=5
        in b=u @200 #n=6
        in b=t @300 #n=7";
    check(
        &said(SlidingWindows::of(millis(10))),
        fed,
        &expect![[r#"
        out a[10,20]=x @20 #n=2
        out a[15,25]=xy @25 #n=3
        out a[21,31]=yz @31 #n=4
        out b[25,35]=w @35 #n=5
        out a[26,36]=z @31 #n=6
        out b[26,36]=wv @36 #n=6
        out b[36,46]=v @36 #n=6
        out b[190,200]=u @200 #n=7
    "#]],
    );
}

#[test]
fn late_records_may_still_find_closed_sliding_windows_but_do_not_hand_them_on_again() {
    let fed = "
        in a=x @20
        in b=y @31
        in a=z @25
        in b=w @42
        in b=v @100";
    check(
        &said(SlidingWindows::of(millis(10)).grace(millis(4))),
        fed,
        &expect![[r#"
        out a[10,20]=x @20
        out a[21,31]=z @25
        out b[21,31]=y @31
        out b[32,42]=w @42
        late for said: 1
    "#]],
    );
}

fn sessions(windows: SessionWindows) -> Topology {
    app(|app| {
        let said = app
            .stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(windows)
            .emit(EmitStrategy::on_close())
            .aggregate(
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
fn a_session_gives_its_result_when_it_is_over_and_those_that_were_merged_give_none() {
    let fed = "
        in a=x @10 #n=1
        in a=y @14 #n=2
        in a=z @20 #n=3
        in a=w @17 #n=4
        in b=v @27 #n=5
        in b=u @28 #n=6
        in b=t @100 #n=7";
    check(
        &sessions(SessionWindows::with_gap(millis(5)).grace(millis(2))),
        fed,
        &expect![[r#"
        out a[10,20]=.|.|.xy|.zw @20 #n=6
        out b[27,28]=.|.vu @28 #n=7
    "#]],
    );
}

#[test]
fn sessions_that_end_together_give_their_results_in_the_order_of_their_ends_starts_and_keys() {
    let fed = "
        in c=x @9
        in b=x @10
        in a=x @10
        in d=x @9
        in d=y @10
        in c=z @30";
    check(
        &sessions(SessionWindows::with_gap(millis(5)).grace(millis(2))),
        fed,
        &expect![[r#"
        out c[9,9]=.x @9
        out d[9,10]=.|.xy @10
        out a[10,10]=.x @10
        out b[10,10]=.x @10
    "#]],
    );
}

#[test]
fn each_task_closes_the_windows_of_its_own_partition() {
    // "a" and "b" are on different partitions of two.
    let config = headwater_streams::TestConfig::default().partitions("in", 2);
    check_with(
        &config,
        &said(TumblingWindows::of(millis(10))),
        "in a=x @1\n in b=x @50\n in a=x @10",
        &expect![[r#"
            out a[0,10]=x @1
            late for said: 1
        "#]],
    );
}
