//! Transactions over connections: both ways of ending them, fencing, timeouts, restarts, and what is refused.

mod failures;
mod fixture;
mod looking;
mod offsets;

use std::time::Duration;

use headwater_model::ErrorCode;

use crate::groups::fixture::{World, pass};
use fixture::{Producer, Way, committed_values, last_stable_offset, shared_values};

#[tokio::test(start_paused = true)]
async fn what_is_committed_is_seen_and_what_is_aborted_is_not() {
    for way in [Way::Old, Way::New] {
        let mut world = World::new().await;
        let mut producer = Producer::begin(&mut world, "one", way).await;
        producer.write(0, &["a", "b"]).await;
        producer.write(1, &["c"]).await;
        let mut reader = world.client();
        assert_eq!(committed_values(&mut reader, 0).await, Vec::<String>::new());
        assert_eq!(last_stable_offset(&mut reader, 0).await, 0);
        producer.end(true).await;
        producer.write(0, &["d"]).await;
        producer.end(false).await;
        producer.write(0, &["e"]).await;
        producer.end(true).await;
        // Markers are written after the answer.
        pass(Duration::from_millis(10)).await;
        assert_eq!(committed_values(&mut reader, 0).await, ["a", "b", "e"], "{way:?}");
        assert_eq!(committed_values(&mut reader, 1).await, ["c"]);
        assert_eq!(last_stable_offset(&mut reader, 0).await, 7, "records and their markers");
    }
}

#[tokio::test(start_paused = true)]
async fn an_incarnation_fences_the_one_before_and_aborts_what_it_had_begun() {
    for way in [Way::Old, Way::New] {
        let mut world = World::new().await;
        let mut zombie = Producer::begin(&mut world, "one", way).await;
        zombie.write(0, &["zombie"]).await;
        let mut next = Producer::begin(&mut world, "one", way).await;
        assert_eq!(zombie.try_write(0, &["late"]).await, ErrorCode::InvalidProducerEpoch);
        assert_eq!(zombie.try_end(true).await, ErrorCode::ProducerFenced);
        next.write(0, &["next"]).await;
        next.end(true).await;
        pass(Duration::from_millis(10)).await;
        assert_eq!(committed_values(&mut world.client(), 0).await, ["next"], "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_takes_too_long_is_aborted() {
    let mut world = World::new().await;
    let mut slow = Producer::with_timeout(&mut world, "slow", Way::New, Duration::from_secs(10)).await;
    slow.write(0, &["slow"]).await;
    let mut reader = world.client();
    pass(Duration::from_secs(9)).await;
    assert_eq!(last_stable_offset(&mut reader, 0).await, 0);
    pass(Duration::from_secs(2)).await;
    assert_eq!(last_stable_offset(&mut reader, 0).await, 2);
    assert_eq!(committed_values(&mut reader, 0).await, Vec::<String>::new());
    assert_eq!(slow.try_write(0, &["more"]).await, ErrorCode::InvalidProducerEpoch);
    assert_eq!(slow.try_end(true).await, ErrorCode::InvalidTxnState, "as in Kafka: it is aborted already");
    // It begins anew, and goes on.
    slow.init().await;
    slow.write(0, &["again"]).await;
    slow.end(true).await;
    pass(Duration::from_millis(10)).await;
    assert_eq!(committed_values(&mut reader, 0).await, ["again"]);
}

#[tokio::test(start_paused = true)]
async fn a_decided_outcome_outlives_a_loss_of_power_at_any_moment() {
    for commit in [true, false] {
        for moment in 0..6 {
            let mut world = World::new().await;
            let mut producer = Producer::begin(&mut world, "one", Way::New).await;
            producer.write(0, &["a"]).await;
            producer.write(1, &["b"]).await;
            producer.end(commit).await;
            // Between the answer and the last marker.
            for _ in 0..moment {
                tokio::task::yield_now().await;
            }
            world.crash().await;
            pass(Duration::from_millis(100)).await;
            let mut reader = world.client();
            let expected: &[&[&str]] = if commit { &[&["a"], &["b"]] } else { &[&[], &[]] };
            for (partition, values) in (0..).zip(expected) {
                assert_eq!(committed_values(&mut reader, partition).await, *values);
                assert_eq!(last_stable_offset(&mut reader, partition).await, 2);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_transaction_goes_on_after_a_restart() {
    for way in [Way::Old, Way::New] {
        for crash in [false, true] {
            let mut world = World::new().await;
            let mut producer = Producer::begin(&mut world, "one", way).await;
            producer.write(0, &["a"]).await;
            if crash {
                world.crash().await;
            } else {
                world.restart().await;
            }
            producer.reconnect(&mut world);
            producer.write(0, &["b"]).await;
            producer.end(true).await;
            pass(Duration::from_millis(10)).await;
            assert_eq!(committed_values(&mut world.client(), 0).await, ["a", "b"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_goes_on_after_a_restart() {
    let mut world = World::new().await;
    let mut slow = Producer::with_timeout(&mut world, "slow", Way::New, Duration::from_secs(10)).await;
    slow.write(0, &["slow"]).await;
    pass(Duration::from_secs(6)).await;
    world.crash().await;
    pass(Duration::from_secs(3)).await;
    assert_eq!(last_stable_offset(&mut world.client(), 0).await, 0);
    pass(Duration::from_secs(2)).await;
    assert_eq!(last_stable_offset(&mut world.client(), 0).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_no_coordinator_knows_of_is_not_written() {
    let mut world = World::new().await;
    let mut old = Producer::begin(&mut world, "old", Way::Old).await;
    assert_eq!(old.produce(0, &["not added"]).await, ErrorCode::InvalidTxnState);
    old.add(0).await;
    assert_eq!(old.produce_as(None, 0, &["without its id"]).await, ErrorCode::InvalidTxnState);
    assert_eq!(old.produce_as(Some("other"), 0, &["of another"]).await, ErrorCode::InvalidProducerIdMapping);
    old.write(0, &["a"]).await;
    old.end(true).await;
    pass(Duration::from_millis(10)).await;
    // What comes late is of no transaction.
    assert_eq!(old.produce(0, &["late"]).await, ErrorCode::InvalidTxnState);
    let mut reader = world.client();
    assert_eq!(shared_values(&mut reader, 0).await, ["a", fixture::MARKER]);
    assert_eq!(last_stable_offset(&mut reader, 0).await, 2);
}

#[tokio::test(start_paused = true)]
async fn in_the_new_way_what_comes_late_is_of_an_epoch_that_is_over() {
    let mut world = World::new().await;
    let mut producer = Producer::begin(&mut world, "one", Way::New).await;
    producer.write(0, &["a"]).await;
    let before = producer.clone_identity();
    producer.end(true).await;
    producer.write(0, &["b"]).await;
    let now = producer.replace_identity(before);
    assert_eq!(producer.produce(0, &["late"]).await, ErrorCode::InvalidProducerEpoch);
    producer.replace_identity(now);
    producer.end(true).await;
    pass(Duration::from_millis(10)).await;
    assert_eq!(committed_values(&mut world.client(), 0).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_asked_for_twice_is_one() {
    for way in [Way::Old, Way::New] {
        let mut world = World::new().await;
        let mut producer = Producer::begin(&mut world, "one", way).await;
        producer.write(0, &["a"]).await;
        let before = producer.clone_identity();
        producer.end(true).await;
        let after = producer.replace_identity(before);
        producer.end(true).await;
        assert_eq!(producer.clone_identity(), after, "the answer was lost, and is the same");
        pass(Duration::from_millis(10)).await;
        assert_eq!(shared_values(&mut world.client(), 0).await, ["a", fixture::MARKER]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_deleted_holds_no_transaction_up() {
    let mut world = World::new().await;
    world.client().create("gone", 1, &[]).await;
    let mut producer = Producer::begin(&mut world, "one", Way::New).await;
    producer.write(0, &["a"]).await;
    producer.write_to("gone", 0, &["x"]).await;
    world.client().delete("gone").await;
    producer.end(true).await;
    pass(Duration::from_millis(10)).await;
    producer.write(0, &["b"]).await;
    producer.end(true).await;
    pass(Duration::from_millis(10)).await;
    assert_eq!(committed_values(&mut world.client(), 0).await, ["a", "b"]);
}
