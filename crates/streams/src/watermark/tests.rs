//! How far tasks have come, by their inputs and by what writers tell.

use headwater_model::PartitionId;

use super::*;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn at(count: u64) -> Monotonic {
    Monotonic::from_origin(ms(count))
}

fn busy(watermark: i64) -> Standing {
    Standing { watermark: Timestamp(watermark), is_idle: false }
}

fn idle(watermark: i64) -> Standing {
    Standing { watermark: Timestamp(watermark), is_idle: true }
}

fn task(partition: i32) -> TaskId {
    TaskId { sub_topology: 0, partition: PartitionId(partition) }
}

#[test]
fn who_is_busy_holds_back_all_and_where_none_is_the_highest_counts() {
    let check = |rule: &str, standings: &[Standing], expected| {
        assert_eq!(combined(standings.iter().copied()), expected, "{rule}");
    };
    check("the least of those that are busy", &[busy(7), busy(3)], busy(3));
    check("who is idle holds nobody back", &[busy(7), idle(3)], busy(7));
    check("nor does it move the others", &[busy(7), idle(30)], busy(7));
    check("of idle ones the highest", &[idle(7), idle(3)], idle(7));
    check("who has not begun is waited for", &[busy(7), busy(-1)], busy(-1));
    check("nobody is there", &[], idle(-1));
}

#[test]
fn a_bound_holds_time_back_and_never_before_the_beginning() {
    let mut time = TaskTime::new([Some(Watermarks::bounded_out_of_orderness(ms(10)))].into_iter());
    assert_eq!(time.standing(), busy(-1));
    for (seen, expected) in [(5, -1), (10, 0), (25, 15), (12, 15)] {
        time.see(0, Timestamp(seen));
        assert_eq!(time.standing(), busy(expected), "after {seen}");
    }
}

#[test]
fn a_partition_is_idle_once_it_was_silent_for_long_enough_and_until_it_has_a_record() {
    let own = Watermarks::bounded_out_of_orderness(ms(0)).idle_after(ms(50));
    let mut time = TaskTime::new([Some(own), Some(own)].into_iter());
    time.see(0, Timestamp(100));
    time.see(1, Timestamp(20));
    time.is_at_end(1, at(0), at(49));
    assert_eq!(time.standing(), busy(20));
    time.is_at_end(1, at(0), at(50));
    assert_eq!(time.standing(), busy(100));
    time.is_at_end(0, at(10), at(60));
    assert_eq!(time.standing(), idle(100));
    time.see(1, Timestamp(30));
    assert_eq!(time.standing(), busy(30), "the task sees to it that its time does not go back");
}

#[test]
fn without_a_limit_silence_is_waited_for_but_an_end_is_an_end() {
    let own = Some(Watermarks::bounded_out_of_orderness(ms(0)));
    let mut time = TaskTime::new([own, own].into_iter());
    time.see(0, Timestamp(100));
    time.is_at_end(1, at(0), at(1_000_000));
    assert_eq!(time.standing(), busy(-1));
    time.is_finished(1);
    assert_eq!(time.standing(), busy(100));
}

#[test]
fn a_repartition_topic_is_as_far_as_the_last_of_its_writers() {
    let mut time = TaskTime::new([None].into_iter());
    time.set_writers(0, [task(0), task(1)].into_iter());
    let mut tell = |writer, standing| {
        time.hear(0, Mark { writer: task(writer), standing });
        time.standing()
    };
    assert_eq!(tell(0, busy(50)), busy(-1), "the other has told nothing yet");
    assert_eq!(tell(1, busy(20)), busy(20));
    assert_eq!(tell(1, busy(10)), busy(20), "who starts again does not take back what was told");
    assert_eq!(tell(7, busy(1)), busy(20), "who is not known is not listened to");
    assert_eq!(tell(1, idle(20)), busy(50));
    assert_eq!(tell(0, idle(50)), idle(50));
    assert_eq!(tell(1, busy(30)), busy(30));
}

#[test]
fn silence_of_a_repartition_topic_says_nothing() {
    let mut time = TaskTime::new([None].into_iter());
    time.set_writers(0, [task(0)].into_iter());
    time.see(0, Timestamp(100));
    time.is_at_end(0, at(0), at(1_000_000));
    assert_eq!(time.standing(), busy(-1));
    time.is_finished(0);
    assert_eq!(time.standing(), idle(-1));
}
