//! A disk that fails under transactions: what was answered holds, and what was not can be asked for again.

use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::Operation;
use headwater_model::ErrorCode;

use super::fixture::{Producer, Way, committed_values, last_stable_offset, shared_values};
use crate::groups::fixture::{World, pass};

const MOMENT: Duration = Duration::from_millis(100);
/// Longer than a shard rests, and than markers wait before they are tried again.
const A_WHILE: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn an_outcome_for_which_there_is_no_room_is_refused_and_can_be_asked_for_again() {
    for way in [Way::Old, Way::New] {
        let mut world = World::new().await;
        let mut producer = Producer::begin(&mut world, "one", way).await;
        producer.write(0, &["a"]).await;
        world.disk.fail_next(Operation::Write, ErrorKind::StorageFull);
        assert_eq!(producer.try_end(true).await, ErrorCode::NotCoordinator);
        pass(A_WHILE).await;
        assert_eq!(last_stable_offset(&mut world.client(), 0).await, 0);
        producer.end(true).await;
        pass(MOMENT).await;
        assert_eq!(committed_values(&mut world.client(), 0).await, ["a"]);
    }
}

/// Of the writes between the request and the last marker each has no room once.
#[tokio::test(start_paused = true)]
async fn what_has_no_room_is_written_later() {
    for successes in 0.. {
        let mut world = World::new().await;
        let mut producer = Producer::begin(&mut world, "one", Way::New).await;
        producer.write(0, &["a"]).await;
        producer.write(1, &["b"]).await;
        world.disk.fail_after(successes, Operation::Write, ErrorKind::StorageFull);
        if producer.try_end(true).await != ErrorCode::None {
            pass(A_WHILE).await;
            producer.end(true).await;
        }
        pass(A_WHILE).await;
        let mut reader = world.client();
        for (partition, value) in [(0, "a"), (1, "b")] {
            assert_eq!(committed_values(&mut reader, partition).await, [value], "failed after {successes}");
            // A marker is there twice where the end of its transaction could not be recorded; that does no harm.
            let end = shared_values(&mut reader, partition).await.len();
            assert_eq!(last_stable_offset(&mut reader, partition).await, end as i64);
        }
        if world.disk.forget_failures() > 0 {
            assert!(successes > 3, "there is something to fail");
            break;
        }
        producer.write(0, &["c"]).await;
        producer.end(false).await;
        pass(MOMENT).await;
        assert_eq!(committed_values(&mut reader, 0).await, ["a"]);
    }
}

/// The same, where the disk fails and the partition takes nothing more until the broker starts again.
#[tokio::test(start_paused = true)]
async fn what_a_failing_disk_kept_from_being_written_is_written_after_a_restart() {
    for successes in 0.. {
        let mut world = World::new().await;
        let mut producer = Producer::begin(&mut world, "one", Way::New).await;
        producer.write(0, &["a"]).await;
        producer.write(1, &["b"]).await;
        world.disk.fail_after(successes, Operation::Write, ErrorKind::Other);
        let answer = producer.try_end(true).await;
        pass(A_WHILE).await;
        let over = world.disk.forget_failures() > 0;
        world.crash().await;
        pass(MOMENT).await;
        producer.reconnect(&mut world);
        if answer != ErrorCode::None {
            producer.end(true).await;
            pass(MOMENT).await;
        }
        let mut reader = world.client();
        assert_eq!(committed_values(&mut reader, 0).await, ["a"], "failed after {successes}");
        assert_eq!(committed_values(&mut reader, 1).await, ["b"], "failed after {successes}");
        producer.write(1, &["c"]).await;
        producer.end(true).await;
        pass(MOMENT).await;
        assert_eq!(committed_values(&mut reader, 1).await, ["b", "c"]);
        if over {
            assert!(successes > 3, "there is something to fail");
            break;
        }
    }
}

/// The power fails at every operation between the request to end a transaction and its last marker.
#[tokio::test(start_paused = true)]
async fn an_end_is_whole_at_whatever_operation_the_power_fails() {
    for (way, commit) in [(Way::Old, true), (Way::New, true), (Way::New, false)] {
        for operation in 1.. {
            let mut world = World::new().await;
            let mut producer = Producer::begin(&mut world, "one", way).await;
            producer.write(0, &["a"]).await;
            producer.write(1, &["b"]).await;
            world.disk.power_fails_at(world.disk.operations() + operation);
            let answer = producer.try_end(commit).await;
            pass(MOMENT).await;
            let over = world.disk.is_powered();
            world.crash().await;
            pass(MOMENT).await;

            let mut reader = world.client();
            let mut seen = Vec::new();
            for partition in [0, 1] {
                let decided = last_stable_offset(&mut reader, partition).await > 0;
                seen.push((decided, committed_values(&mut reader, partition).await));
            }
            let decided = [(true, vec!["a".to_owned()]), (true, vec!["b".to_owned()])];
            let nothing = [(false, Vec::new()), (false, Vec::new())];
            let aborted = [(true, Vec::new()), (true, Vec::new())];
            let ended = if commit { decided } else { aborted };
            if answer == ErrorCode::None {
                assert_eq!(seen, ended, "{way:?}, power lost at {operation}: what was answered holds");
            } else {
                assert!(seen == ended || seen == nothing, "{way:?}, power lost at {operation}: {seen:?}");
            }
            if answer != ErrorCode::None {
                producer.reconnect(&mut world);
                producer.end(commit).await;
                pass(MOMENT).await;
                let values = committed_values(&mut world.client(), 0).await;
                assert_eq!(values, ended[0].1, "{way:?}, power lost at {operation}: asked for again");
            }
            if over {
                assert!(operation > 3, "there is something to fail");
                break;
            }
        }
    }
}
