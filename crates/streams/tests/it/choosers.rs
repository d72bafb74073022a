//! Which record is next, where an author has a chooser.

use std::time::Duration;

use headwater_model::Timestamp;
use headwater_streams::{
    Chooser, Head, Priority, Record, RoundRobin, TaskConfig, TestConfig, TestDriver, Topology,
};

use crate::support::{app, text};

const INPUTS: [&str; 3] = ["urgent", "normal", "later"];

/// One sub-topology that reads three topics, and writes down the values in the order in which they are taken up.
fn merged<C: Chooser + 'static>(
    make: impl Fn(&[headwater_model::TopicPartition]) -> C + Send + Sync + 'static,
) -> Topology {
    app(|app| {
        app.choose_by(make);
        let [one, two, three] = INPUTS.map(|topic| app.stream(topic, text()));
        one.merge(&two).merge(&three).to("log", text());
    })
}

/// Lays records of these times into the topics; each value is its topic's first letter and its time.
fn load(driver: &mut TestDriver, times: [&[i64]; 3]) {
    for (topic, times) in INPUTS.iter().zip(times) {
        let record =
            |time: &i64| Record::new("key".to_owned(), format!("{}{time}", &topic[..1]), Timestamp(*time));
        driver.load(topic, text(), times.iter().map(record)).unwrap();
    }
}

fn log(driver: &mut TestDriver) -> String {
    let log = driver.output::<String, String, _, _>("log", text()).unwrap();
    log.into_iter().map(|record| record.value).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(topology: &Topology, times: [&[i64]; 3], expected: &str) {
    let mut driver = TestDriver::new(topology);
    load(&mut driver, times);
    driver.run().unwrap();
    assert_eq!(log(&mut driver), expected);
}

const TIMES: [&[i64]; 3] = [&[9, 10, 11], &[1, 2], &[5, 6, 7, 8]];

#[test]
fn in_turn_each_input_has_its_turn_once() {
    check(&merged(|_| RoundRobin::default()), TIMES, "u9 n1 l5 u10 n2 l6 u11 l7 l8");
}

#[test]
fn topics_go_by_their_priority_and_within_one_by_time() {
    let make = |inputs: &[headwater_model::TopicPartition]| Priority::of(&["urgent"], inputs);
    check(&merged(make), TIMES, "u9 u10 u11 n1 n2 l5 l6 l7 l8");
}

#[test]
fn a_closure_is_a_chooser_and_is_shown_heads_in_the_order_of_declaration() {
    fn newest(heads: &[Head]) -> &Head {
        heads.iter().max_by_key(|head| head.timestamp).unwrap()
    }
    let topology = merged(|_| newest);
    check(&topology, TIMES, "u9 u10 u11 l5 l6 l7 l8 n1 n2");
}

#[test]
fn a_chooser_sees_how_much_waits_and_where() {
    struct Longest;
    impl Chooser for Longest {
        fn choose<'a>(&mut self, heads: &'a [Head]) -> &'a Head {
            assert!(heads.iter().all(|head| head.buffered_bytes > 0 && head.offset.0 >= 0));
            assert!(heads.is_sorted_by_key(|head| head.input));
            heads.iter().max_by_key(|head| (head.buffered_bytes, std::cmp::Reverse(head.input))).unwrap()
        }
    }
    // A batch counts until its last record is taken up.
    check(&merged(|_| Longest), TIMES, "l5 l6 l7 l8 u9 u10 u11 n1 n2");
}

#[test]
fn inputs_are_waited_for_as_without_a_chooser() {
    let max_idle = Duration::from_secs(5);
    let config = TestConfig::default().task(TaskConfig { max_idle, ..TaskConfig::default() });
    let mut driver = TestDriver::with(&merged(|_| RoundRobin::default()), &config).unwrap();
    load(&mut driver, [&[1], &[2], &[]]);
    driver.run().unwrap();
    assert_eq!(log(&mut driver), "", "the third input may still have an older one");
    load(&mut driver, [&[], &[], &[3]]);
    driver.run().unwrap();
    assert_eq!(log(&mut driver), "u1", "now the first is at its end, and waited for");
    driver.advance(max_idle).unwrap();
    assert_eq!(log(&mut driver), "n2", "and now the second");
    driver.advance(max_idle).unwrap();
    assert_eq!(log(&mut driver), "l3");
}

#[test]
fn a_description_says_that_there_is_a_chooser() {
    assert!(merged(|_| RoundRobin::default()).to_string().contains("a chooser decides"));
}
