//! Sliding windows.

use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{long, optional, serdes, utf8};
use headwater_streams::{
    Guarantee, Record, SlidingWindows, TestConfig, TestDriver, Topology, TopologyProblem, Windowed,
};
use proptest::prelude::*;

use crate::session_windows::changes;
use crate::support::{World, app, check, nullable, text};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn ten() -> SlidingWindows {
    SlidingWindows::of(millis(10))
}

/// What was said, per key and window.
fn said(windows: SlidingWindows) -> Topology {
    app(|app| {
        let said = app.stream("in", nullable()).group_by_key().windowed_by(windows).aggregate(
            "said",
            String::new,
            |_, word, said| said + &word.unwrap_or_default(),
            serdes(optional(utf8()), utf8()),
        );
        changes(&said).to("out", nullable());
    })
}

#[test]
fn records_in_order_each_make_a_left_window_and_the_right_window_of_the_one_before() {
    let fed = "
        in a=x @20 #n=1
        in a=y @25 #n=2
        in b=z @26
        in a=w @31
        in a=v @50";
    check(
        &said(ten()),
        fed,
        &expect![[r#"
        out a[10,20]=x @20 #n=1
        out a[21,31]=y @25 #n=2
        out a[15,25]=xy @25 #n=2
        out b[16,26]=z @26
        out a[21,31]=yw @31
        out a[26,36]=w @31
        out a[40,50]=v @50
    "#]],
    );
}

#[test]
fn a_record_that_comes_late_goes_into_the_windows_that_are_there_the_newest_first() {
    let fed = "
        in a=x @20
        in a=y @30
        in a=m @25
        in a=n @22";
    check(
        &said(ten().grace(millis(100))),
        fed,
        &expect![[r#"
        out a[10,20]=x @20
        out a[21,31]=y @30
        out a[20,30]=xy @30
        out a[21,31]=ym @30
        out a[20,30]=xym @30
        out a[15,25]=xm @25
        out a[26,36]=y @30
        out a[21,31]=ymn @30
        out a[20,30]=xymn @30
        out a[15,25]=xmn @25
        out a[12,22]=xn @22
        out a[23,33]=ym @30
    "#]],
    );
}

#[test]
fn a_record_right_before_another_makes_a_right_window_of_what_comes_behind_it() {
    check(
        &said(ten().grace(millis(100))),
        "in a=y @30\n in a=x @24",
        &expect![[r#"
        out a[20,30]=y @30
        out a[20,30]=yx @30
        out a[14,24]=x @24
        out a[25,35]=y @30
    "#]],
    );
}

#[test]
fn another_record_at_the_same_time_makes_no_window_of_its_own() {
    check(
        &said(ten()),
        "in a=x @20\n in a=y @20\n in a=z @25\n in a=w @20",
        &expect![[r#"
        out a[10,20]=x @20
        out a[10,20]=xy @20
        out a[21,31]=z @25
        out a[15,25]=xyz @25
        out a[15,25]=xyzw @25
        late for said: 1
    "#]],
    );
}

#[test]
fn records_of_the_first_milliseconds_share_the_window_that_begins_with_1970() {
    let fed = "
        in a=x @3
        in a=y @7
        in a=z @5
        in a=w @0
        in a=v @10
        in a=u @12";
    check(
        &said(ten().grace(millis(100))),
        fed,
        &expect![[r#"
        out a[0,10]=x @3
        out a[4,14]=y @7
        out a[0,10]=xy @7
        out a[4,14]=yz @7
        out a[6,16]=y @7
        out a[0,10]=xyz @7
        out a[1,11]=xyz @7
        out a[0,10]=xyzw @7
        out a[6,16]=yv @10
        out a[4,14]=yzv @10
        out a[1,11]=xyzv @10
        out a[0,10]=xyzwv @10
        out a[8,18]=v @10
        out a[8,18]=vu @12
        out a[6,16]=yvu @12
        out a[4,14]=yzvu @12
        out a[11,21]=u @12
        out a[2,12]=xyzvu @12
    "#]],
    );
}

#[test]
fn the_first_record_of_all_may_be_the_latest_of_the_early_ones() {
    check(
        &said(ten().grace(millis(100))),
        "in a=x @9\n in a=y @2\n in a=z @9",
        &expect![[r#"
        out a[0,10]=x @9
        out a[3,13]=x @9
        out a[0,10]=xy @9
        out a[3,13]=xz @9
        out a[0,10]=xyz @9
    "#]],
    );
}

#[test]
fn each_window_is_closed_by_itself_when_stream_time_is_past_its_end_by_more_than_the_grace() {
    let fed = "
        in a=x @20
        in b=x @35
        in a=y @28
        in a=z @25
        in a=w @23
        in a=v @22
        in a=u @33
        in a=t @24";
    check(
        &said(ten().grace(millis(2))),
        fed,
        &expect![[r#"
            out a[10,20]=x @20
            out b[25,35]=x @35
            out a[23,33]=u @33
            out a[23,33]=ut @33
            out a[25,35]=u @33
            late for said: 9
        "#]],
    );
}

#[test]
fn closed_windows_still_tell_late_records_of_their_neighbours() {
    let fed = "
        in a=x @20
        in b=x @37
        in a=y @27";
    check(
        &said(ten()),
        fed,
        &expect![[r#"
        out a[10,20]=x @20
        out b[27,37]=x @37
        late for said: 2
    "#]],
    );
}

#[test]
fn null_keys_and_null_values_belong_to_no_window() {
    check(
        &said(ten()),
        "in ~=x @1\n in a=~ @20",
        &expect![[r#"
            null keys: 1
            null values: 1
        "#]],
    );
}

#[test]
fn windows_of_no_length_are_refused() {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    app.stream("in", text()).group_by_key().windowed_by(SlidingWindows::of(Duration::ZERO)).count("counts");
    let problems = app.build().unwrap_err().problems;
    assert_eq!(problems, [TopologyProblem::EmptyWindows("counts".to_owned())]);
}

#[test]
fn a_store_shows_the_windows_in_the_order_of_their_starts() {
    let mut world = World::new(&said(ten()), &TestConfig::default());
    for line in ["in a=x @20", "in b=z @20", "in a=y @25"] {
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
    assert_eq!(said, ["a[10,20]=x", "b[10,20]=z", "a[15,25]=xy", "a[21,31]=y"]);
}

/// The windows of the times and how many lie in each, as one sees them when all have come.
pub(crate) fn naive(times: &[i64], size: i64) -> Vec<(i64, i64)> {
    let inside =
        |start: i64| times.iter().filter(|time| (start..=start + size).contains(*time)).count() as i64;
    let left = times.iter().map(|time| (time - size).max(0));
    let right = times.iter().map(|time| time + 1).filter(|start| inside(*start) > 0);
    let starts: BTreeSet<_> = left.chain(right).collect();
    starts.into_iter().map(|start| (start, inside(start))).collect()
}

proptest! {
    #[test]
    fn whatever_order_the_records_come_in_the_windows_are_those_of_all(
        times in proptest::collection::vec(0i64..60, 0..30),
        size in 1u64..15,
    ) {
        let windows = SlidingWindows::of(millis(size)).grace(millis(1_000));
        let topology = app(|app| {
            app.stream("in", text()).group_by_key().windowed_by(windows).count("counts");
        });
        let mut driver = TestDriver::new(&topology);
        for time in &times {
            driver.pipe("in", text(), Record::new("a".to_owned(), "x".to_owned(), Timestamp(*time))).unwrap();
        }
        let found = driver.window_store("counts", serdes(utf8(), long())).unwrap();
        let found: Vec<_> =
            found.into_iter().map(|(key, count): (Windowed<String>, i64)| (key.start.0, count)).collect();
        prop_assert_eq!(found, naive(&times, size as i64));
    }
}
