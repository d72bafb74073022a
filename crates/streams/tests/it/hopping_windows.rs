//! Hopping windows.

use std::time::Duration;

use expect_test::expect;
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::{
    Guarantee, HoppingWindows, TestConfig, TestDriver, Topology, TopologyProblem, Windowed, windowed,
};

use crate::support::{World, app, check, text};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn ten_by_five() -> HoppingWindows {
    HoppingWindows::of(millis(10)).advance_by(millis(5))
}

/// What was said, per key and window.
fn said(windows: HoppingWindows) -> Topology {
    app(|app| {
        app.stream("in", serdes(optional(utf8()), utf8()))
            .group_by_key()
            .windowed_by(windows)
            .aggregate("said", String::new, |_, word, said| said + &word, serdes(optional(utf8()), utf8()))
            .updates()
            .map(|said| {
                let Windowed { key, start, end } = said.key;
                (format!("{}[{start},{end})", key.unwrap_or_default()), said.value)
            })
            .to("out", text());
    })
}

#[test]
fn a_record_goes_into_every_window_that_it_lies_in_the_oldest_first() {
    let fed = "
        in a=x @12 #n=1
        in a=y @14 #n=2
        in b=z @14
        in a=w @15";
    check(
        &said(ten_by_five()),
        fed,
        &expect![[r#"
        out a[5,15)=x @12 #n=1
        out a[10,20)=x @12 #n=1
        out a[5,15)=xy @14 #n=2
        out a[10,20)=xy @14 #n=2
        out b[5,15)=z @14
        out b[10,20)=z @14
        out a[10,20)=xyw @15
        out a[15,25)=w @15
    "#]],
    );
}

#[test]
fn no_window_begins_before_1970() {
    let fed = "
        in a=x @0
        in a=y @4
        in a=z @5";
    check(
        &said(ten_by_five()),
        fed,
        &expect![[r#"
        out a[0,10)=x @0
        out a[0,10)=xy @4
        out a[0,10)=xyz @5
        out a[5,15)=z @5
    "#]],
    );
}

#[test]
fn where_the_step_does_not_divide_the_size_windows_begin_at_multiples_of_the_step() {
    let windows = HoppingWindows::of(millis(10)).advance_by(millis(4)).grace(millis(100));
    check(
        &said(windows),
        "in a=x @8\n in a=y @10\n in a=z @13",
        &expect![[r#"
        out a[0,10)=x @8
        out a[4,14)=x @8
        out a[8,18)=x @8
        out a[4,14)=xy @10
        out a[8,18)=xy @10
        out a[4,14)=xyz @13
        out a[8,18)=xyz @13
        out a[12,22)=z @13
    "#]],
    );
}

#[test]
fn each_window_is_closed_by_itself_and_counts_what_is_late_for_it() {
    let fed = "
        in a=x @9
        in b=x @16
        in a=y @9
        in a=z @7
        in b=x @21
        in a=u @4
        in a=v @12";
    check(
        &said(ten_by_five().grace(millis(5))),
        fed,
        &expect![[r#"
        out a[0,10)=x @9
        out a[5,15)=x @9
        out b[10,20)=x @16
        out b[15,25)=x @16
        out a[5,15)=xy @9
        out a[5,15)=xyz @9
        out b[15,25)=xx @21
        out b[20,30)=x @21
        out a[10,20)=v @12
        late for said: 4
    "#]],
    );
}

#[test]
fn the_time_of_a_result_is_the_latest_of_its_own_windows_records() {
    let fed = "
        in a=x @12
        in a=y @7
        in a=z @9";
    check(
        &said(ten_by_five().grace(millis(100))),
        fed,
        &expect![[r#"
        out a[5,15)=x @12
        out a[10,20)=x @12
        out a[0,10)=y @7
        out a[5,15)=xy @12
        out a[0,10)=yz @9
        out a[5,15)=xyz @12
    "#]],
    );
}

#[test]
fn null_keys_belong_to_no_window() {
    check(
        &said(ten_by_five()),
        "in ~=x @1",
        &expect![[r#"
        null keys: 1
    "#]],
    );
}

#[test]
fn without_a_step_windows_are_back_to_back() {
    check(
        &said(HoppingWindows::of(millis(10))),
        "in a=x @9\n in a=y @10",
        &expect![[r#"
        out a[0,10)=x @9
        out a[10,20)=y @10
    "#]],
    );
}

#[test]
fn a_store_shows_the_windows_that_are_open() {
    let mut world = World::new(&said(ten_by_five().grace(millis(2))), &TestConfig::default());
    for line in ["in a=x @3", "in a=y @8", "in b=z @14"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    let said = world.driver.window_store("said", serdes(utf8(), utf8())).unwrap();
    let said: Vec<_> = said
        .into_iter()
        .map(|(key, said): (Windowed<String>, String)| {
            format!("{}[{},{})={said}", key.key, key.start, key.end)
        })
        .collect();
    assert_eq!(said, ["a[5,15)=y", "b[5,15)=z", "b[10,20)=z"]);
}

#[test]
fn windows_must_advance_fast_enough_and_leave_no_gap() {
    let problems = |windows: HoppingWindows| {
        let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
        app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        app.build().unwrap_err().problems
    };
    let ten = HoppingWindows::of(millis(10));
    assert_eq!(problems(ten.advance_by(Duration::ZERO)), [TopologyProblem::WindowStep("counts".to_owned())]);
    assert_eq!(problems(ten.advance_by(millis(11))), [TopologyProblem::WindowStep("counts".to_owned())]);
    let long = HoppingWindows::of(millis(30_001));
    assert_eq!(problems(long.advance_by(millis(3))), [TopologyProblem::TooManySteps("counts".to_owned())]);
    let empty = HoppingWindows::of(Duration::from_micros(999));
    assert_eq!(problems(empty), [TopologyProblem::EmptyWindows("counts".to_owned())]);
}

#[test]
fn keys_are_written_as_those_of_tumbling_windows_are() {
    let windows = ten_by_five();
    let topology = app(|app| {
        let counts = app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        counts.updates().to("out", serdes(windowed(utf8(), windows), long()));
    });
    let mut driver = TestDriver::new(&topology);
    let record =
        headwater_streams::Record::new("jfk".to_owned(), "x".to_owned(), headwater_model::Timestamp(25));
    driver.pipe("in", text(), record).unwrap();
    let raw = driver.output("out", serdes(headwater_schema::bytes(), long())).unwrap();
    let keys: Vec<_> = raw.iter().map(|record| record.key.as_ref()).collect();
    assert_eq!(keys, [b"jfk\0\0\0\0\0\0\0\x14", b"jfk\0\0\0\0\0\0\0\x19"]);
}

#[test]
fn windows_may_be_ten_thousand_steps_long() {
    let windows = HoppingWindows::of(millis(30_000)).advance_by(millis(3));
    app(|app| drop(app.stream("in", text()).group_by_key().windowed_by(windows).count("counts")));
}
