//! Tables whose changes are held back.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{
    Buffer, Guarantee, SessionWindows, SlidingWindows, StrictBuffer, Suppressed, Topology, TopologyProblem,
    TumblingWindows, Windowed,
};

use crate::session_windows::changes;
use crate::support::{app, check, nullable, text};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What was said, per key and window, once no record can change it.
fn final_results(windows: TumblingWindows, buffer: StrictBuffer) -> Topology {
    app(|app| {
        let said = app
            .stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(windows)
            .aggregate("said", String::new, |_, word, said| said + &word, serdes(optional(utf8()), utf8()));
        changes(&said.suppress("final", Suppressed::until_window_closes(buffer))).to("out", nullable());
    })
}

/// A table whose changes wait.
fn waiting(wait: u64, buffer: impl Into<Buffer>) -> Topology {
    app(|app| {
        let cities = app.table("in", text());
        let suppressed = cities.suppress("waiting", Suppressed::until_time_limit(millis(wait), buffer));
        suppressed.to_stream().to("out", serdes(utf8(), optional(utf8())));
    })
}

#[test]
fn a_windows_result_goes_out_once_when_its_window_closes_with_time_and_headers_of_its_last_update() {
    let fed = "
        in a=x @3 #n=1
        in b=y @5 #n=2
        in a=z @7 #n=3
        in a=w @4 #n=4
        in c=v @14 #n=5
        in a=u @2 #n=6
        in c=t @15 #n=7
        in a=s @9 #n=8";
    check(
        &final_results(TumblingWindows::of(millis(10)).grace(millis(5)), Buffer::unbounded()),
        fed,
        &expect![[r#"
            out a[0,10]=xzwu @7 #n=6
            out b[0,10]=y @5 #n=2
            late for said: 1
        "#]],
    );
}

#[test]
fn results_that_go_out_together_are_in_the_order_of_their_windows_ends_and_then_of_their_keys_bytes() {
    let fed = "
        in b=x @12
        in c=y @3
        in a=z @14
        in b=w @5
        in a=v @1000
        in a=u @2000";
    check(
        &final_results(TumblingWindows::of(millis(10)).grace(millis(20)), Buffer::unbounded()),
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
fn a_task_whose_strict_buffer_is_full_fails() {
    let fed = "
        in a=x @1
        in a=y @2
        in b=z @3
        in c=w @4";
    let windows = TumblingWindows::of(millis(10));
    check(
        &final_results(windows, Buffer::unbounded().with_max_records(2)),
        fed,
        &expect![[r#"
        error: the buffer of "suppress final" is full at the record at in-0@3, with 3 records of 121 bytes; give it more room, or let it emit early
    "#]],
    );
    check(
        &final_results(windows, Buffer::max_bytes(90).fail_when_full()),
        fed,
        &expect![[r#"
        error: the buffer of "suppress final" is full at the record at in-0@3, with 3 records of 122 bytes; give it more room, or let it emit early
    "#]],
    );
}

#[test]
fn sessions_that_became_a_longer_one_leave_nothing_behind() {
    let topology = app(|app| {
        let windows = SessionWindows::with_gap(millis(5)).grace(millis(2));
        let said = app
            .stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(windows)
            .reduce("said", |word, said| said + &word);
        changes(&said.suppress("final", Suppressed::until_window_closes(Buffer::unbounded())))
            .to("out", nullable());
    });
    let fed = "
        in a=x @10
        in a=y @14
        in b=z @20
        in b=w @21
        in b=v @50";
    check(
        &topology,
        fed,
        &expect![[r#"
        out a[10,14]=xy @14
        out b[20,21]=zw @21
    "#]],
    );
}

#[test]
fn sliding_windows_go_out_in_the_order_of_their_ends() {
    let topology = app(|app| {
        let said = app
            .stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(SlidingWindows::of(millis(10)))
            .reduce("said", |word, said| said + &word);
        changes(&said.suppress("final", Suppressed::until_window_closes(Buffer::unbounded())))
            .to("out", nullable());
    });
    check(
        &topology,
        "in a=x @20\n in a=y @25\n in b=z @35\n in b=w @80",
        &expect![[r#"
        out a[10,20]=x @20
        out a[15,25]=xy @25
        out a[21,31]=y @25
        out b[25,35]=z @35
        out b[70,80]=w @80
    "#]],
    );
}

#[test]
fn a_change_waits_by_the_time_of_the_first_that_it_was_made_of_and_keeps_its_turn() {
    let fed = "
        in a=rome @10 #n=1
        in b=oslo @12 #n=2
        in a=bern @15 #n=3
        in b=kyiv @11 #n=4
        in c=lima @20 #n=5
        in c=riga @21
        in d=bonn @22";
    check(
        &waiting(10, Buffer::unbounded()),
        fed,
        &expect![[r#"
        out a=bern @15 #n=3
        out b=kyiv @11 #n=4
    "#]],
    );
}

#[test]
fn without_a_wait_every_change_goes_out_at_once_but_those_behind_stream_time_too() {
    check(
        &waiting(0, Buffer::unbounded()),
        "in a=rome @10\n in b=oslo @5\n in a=~ @11",
        &expect![[r#"
        out a=rome @10
        out b=oslo @5
        out a=~ @11
    "#]],
    );
}

#[test]
fn removals_go_out_when_nothing_says_that_their_key_was_never_seen() {
    check(
        &waiting(5, Buffer::unbounded()),
        "in a=rome @10\n in a=~ @12\n in b=oslo @15",
        &expect![[r#"
        out a=~ @12
    "#]],
    );
}

#[test]
fn an_eager_buffer_that_is_full_hands_on_what_has_waited_longest() {
    let fed = "
        in c=rome @3
        in b=oslo @1
        in a=bern @1
        in c=kyiv @4
        in d=lima @5
        in e=riga @6";
    check(
        &waiting(100, Buffer::max_records(2)),
        fed,
        &expect![[r#"
        out a=bern @1
        out b=oslo @1
        out c=kyiv @4
    "#]],
    );
    check(
        &waiting(100, Buffer::max_records(0)),
        fed,
        &expect![[r#"
        out c=rome @3
        out b=oslo @1
        out a=bern @1
        out c=kyiv @4
        out d=lima @5
        out e=riga @6
    "#]],
    );
    // A record of the topic "in" with a key of one letter and a value of four takes 8 + 1 + 4 + 22 bytes.
    check(
        &waiting(100, Buffer::max_bytes(70)),
        fed,
        &expect![[r#"
        out a=bern @1
        out b=oslo @1
        out c=kyiv @4
    "#]],
    );
    check(
        &waiting(100, Buffer::max_bytes(69)),
        fed,
        &expect![[r#"
        out b=oslo @1
        out a=bern @1
        out c=kyiv @4
        out d=lima @5
    "#]],
    );
}

#[test]
fn bytes_count_the_values_before_and_the_headers() {
    let fed = "
        in a=rome @1
        in b=oslo @20
        in a=bern @21
        in a=kyiv @22
        in b=lima @23 #n=1";
    check(
        &waiting(15, Buffer::max_bytes(39)),
        fed,
        &expect![[r#"
        out a=rome @1
        out b=oslo @20
        out a=kyiv @22
        out b=lima @23 #n=1
    "#]],
    );
    check(
        &waiting(15, Buffer::max_bytes(1).fail_when_full()),
        fed,
        &expect![[r#"
        error: the buffer of "suppress waiting" is full at the record at in-0@0, with 1 records of 35 bytes; give it more room, or let it emit early
    "#]],
    );
}

#[test]
fn a_suppressed_table_is_joined_with_as_it_was_handed_on() {
    let topology = app(|app| {
        let cities = app.table("cities", text());
        let suppressed =
            cities.suppress("waiting", Suppressed::until_time_limit(millis(10), Buffer::unbounded()));
        app.stream("orders", text())
            .left_join("order-city", &suppressed, |order, city| {
                format!("{}-to-{}", order.value, city.map_or("nowhere", String::as_str))
            })
            .to("out", text());
    });
    let fed = "
        cities a=rome @1
        orders a=tea @2
        cities b=oslo @11
        orders a=salt @12
        cities a=bern @13
        cities a=kyiv @14
        orders a=rice @15
        cities b=lima @23
        orders a=corn @24";
    check(
        &topology,
        fed,
        &expect![[r#"
        out a=tea-to-nowhere @2
        out a=salt-to-rome @12
        out a=rice-to-rome @15
        out a=corn-to-kyiv @24
    "#]],
    );
}

#[test]
fn only_a_table_of_windows_has_windows_that_close() {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    let windows = TumblingWindows::of(millis(10));
    let keys = || headwater_streams::windowed(utf8(), windows);
    app.table::<Windowed<String>, String, _, _>("in", serdes(keys(), utf8()))
        .suppress("final", Suppressed::until_window_closes(Buffer::unbounded()))
        .updates()
        .to("out", serdes(keys(), utf8()));
    let problems = app.build().unwrap_err().problems;
    assert_eq!(problems, [TopologyProblem::NoWindows("final".to_owned())]);
}

#[test]
fn a_suppression_is_described_with_its_store() {
    let topology = app(|app| {
        let windows = TumblingWindows::of(millis(10)).grace(millis(5));
        let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        let buffer = Buffer::unbounded().with_max_records(9);
        counts.suppress("final", Suppressed::until_window_closes(buffer)).updates();
        app.table("cities", text())
            .suppress("waiting", Suppressed::until_time_limit(millis(7), Buffer::max_bytes(1_000)))
            .updates();
    });
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          stream in
            count counts by windows, tumbling 10ms, grace 5ms
              suppress final until windows close, at most 9 records
                updates
          store counts: value per key and window, tumbling 10ms, grace 5ms, backed by app-counts-changelog
          store final: changes that wait, backed by app-final-changelog

        sub-topology 1, stateful
          table cities
            suppress waiting until 7ms have passed, at most 1000 bytes, then early
              updates
          store cities: newest value per key, backed by cities
          store waiting: changes that wait, backed by app-waiting-changelog
    "#]]
    .assert_eq(&topology.to_string());
}
