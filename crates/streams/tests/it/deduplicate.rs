//! Streams without repetitions.

use std::time::Duration;

use expect_test::expect;
use headwater_model::Timestamp;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{Guarantee, Record, TestDriver, Topology, TopologyProblem};
use proptest::prelude::*;

use crate::support::{app, check, text};

/// Records of which none repeats another of the same key and first letter within ten milliseconds.
fn without() -> Topology {
    app(|app| {
        app.stream("in", serdes(optional(utf8()), utf8()))
            .deduplicate(
                "once",
                |word| word.value.chars().take(1).collect::<String>(),
                Duration::from_millis(10),
            )
            .to("out", serdes(optional(utf8()), utf8()));
    })
}

#[test]
fn of_records_that_repeat_each_other_the_one_that_comes_first_stays_as_it_is() {
    let fed = "
        in a=tea @10 #n=1
        in a=tin @10
        in a=tea @19
        in a=salt @12
        in b=tea @12
        in a=toe @20 #n=2";
    check(
        &without(),
        fed,
        &expect![[r#"
        out a=tea @10 #n=1
        out a=salt @12
        out b=tea @12
        out a=toe @20 #n=2
    "#]],
    );
}

#[test]
fn a_repetition_counts_from_the_record_that_stayed() {
    check(
        &without(),
        "in a=t1 @10\n in a=t2 @18\n in a=t3 @26\n in a=t4 @30",
        &expect![[r#"
        out a=t1 @10
        out a=t3 @26
    "#]],
    );
}

#[test]
fn records_that_come_late_repeat_those_behind_them_and_before_them() {
    let fed = "
        in a=t1 @30
        in a=t2 @21
        in a=t3 @20
        in a=t4 @25
        in a=t5 @29";
    check(
        &without(),
        fed,
        &expect![[r#"
        out a=t1 @30
        out a=t3 @20
    "#]],
    );
}

#[test]
fn records_further_behind_than_the_window_are_late() {
    let fed = "
        in a=t1 @20
        in b=x @30
        in a=t2 @20
        in a=t3 @19
        in c=t4 @19";
    check(
        &without(),
        fed,
        &expect![[r#"
        out a=t1 @20
        out b=x @30
        late for once: 2
    "#]],
    );
}

#[test]
fn null_keys_are_dropped_and_counted() {
    check(
        &without(),
        "in ~=x @1",
        &expect![[r#"
        null keys: 1
    "#]],
    );
}

#[test]
fn a_stream_with_another_key_goes_through_a_repartition_topic_before() {
    let topology = app(|app| {
        app.stream("in", text())
            .select_key(|word| word.value.clone())
            .with_serdes(text())
            .deduplicate("once", |_| [0; 0], Duration::from_secs(1))
            .to("out", text());
    });
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateless
          stream in
            select key
              repartition once -> app-once-repartition

        sub-topology 1, stateful
          repartition once <- app-once-repartition
            deduplicate once within 1s
              to out
          store once: ids that were seen, backed by app-once-changelog
    "#]]
    .assert_eq(&topology.to_string());
    check(
        &topology,
        "in a=x @1\n in b=x @2\n in b=y @3",
        &expect![[r#"
        out x=x @1
        out y=y @3
    "#]],
    );
}

#[test]
fn a_window_is_a_millisecond_at_least() {
    let mut app = Topology::builder("app").guarantee(Guarantee::AtLeastOnce);
    app.stream("in", text()).deduplicate("once", |_| [0; 0], Duration::ZERO).to("out", text());
    assert_eq!(app.build().unwrap_err().problems, [TopologyProblem::EmptyWindows("once".to_owned())]);
}

/// Which of the records stay, one after the other: by what is known of all before them.
fn naive(times: &[i64], window: i64) -> Vec<i64> {
    let (mut stay, mut stream_time): (Vec<i64>, i64) = (Vec::new(), -1);
    for time in times {
        stream_time = stream_time.max(*time);
        let late = *time < stream_time - window;
        if !late && stay.iter().all(|before| (time - before).abs() >= window) {
            stay.push(*time);
        }
    }
    stay
}

proptest! {
    #[test]
    fn what_was_forgotten_would_have_changed_nothing(
        times in proptest::collection::vec(0i64..60, 0..40),
        window in 1u64..15,
    ) {
        let topology = app(|app| {
            app.stream("in", text()).deduplicate("once", |_| [0; 0], Duration::from_millis(window)).to("out", text());
        });
        let mut driver = TestDriver::new(&topology);
        for time in &times {
            driver.pipe("in", text(), Record::new("a".to_owned(), "x".to_owned(), Timestamp(*time))).unwrap();
        }
        let stayed = driver.output::<String, String, _, _>("out", text()).unwrap();
        let stayed: Vec<_> = stayed.iter().map(|record| record.timestamp.0).collect();
        prop_assert_eq!(stayed, naive(&times, window as i64));
    }
}
