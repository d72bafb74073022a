//! Who gets which record, and when.

use std::time::Duration;

use headwater_model::ErrorCode;

use super::fixture::{ACCEPT, LOCK, REJECT, RELEASE, RENEW, Taker, counts, delivered, with_acknowledgement};
use crate::groups::fixture::{World, pass};
use crate::harness::batch;

#[tokio::test(start_paused = true)]
async fn a_record_goes_to_one_member_and_is_gone_once_it_is_accepted() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.produce_value("t", 0, "from before").await;
    let (mut a, mut b) = (Taker::new(&mut world, "a").await, Taker::new(&mut world, "b").await);
    client.produce_value("t", 0, "one").await;
    client.produce_value("t", 0, "two").await;
    (a.max_records, b.max_records) = (1, 10);
    assert_eq!(a.take().await, [(1, "one".to_owned(), 1)]);
    assert_eq!(b.take().await, [(2, "two".to_owned(), 1)]);
    assert_eq!((a.take().await, b.take().await), (vec![], vec![]));
    assert_eq!(a.says(ACCEPT, 1, 1).await, ErrorCode::None);
    assert_eq!(a.says(ACCEPT, 1, 1).await, ErrorCode::None, "what is over may be said again");
    assert_eq!(a.says(ACCEPT, 2, 2).await, ErrorCode::InvalidRecordState, "another has it");
    pass(LOCK).await;
    assert_eq!(a.take().await, [(2, "two".to_owned(), 2)], "nobody has said anything of it");
    assert_eq!(b.says(ACCEPT, 2, 2).await, ErrorCode::InvalidRecordState, "its time is over");
}

#[tokio::test(start_paused = true)]
async fn what_is_released_comes_again_until_the_limit_and_what_is_rejected_does_not() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    a.is_strict = true;
    client.produce("t", 0, batch(&["0", "1", "2"])).await;
    assert_eq!(counts(&a.take().await), [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(a.says(REJECT, 1, 1).await, ErrorCode::None);
    assert_eq!(a.says(RELEASE, 0, 0).await, ErrorCode::None);
    assert_eq!(a.says(ACCEPT, 2, 2).await, ErrorCode::None);
    for count in 2..=5 {
        assert_eq!(counts(&a.take_and(RELEASE).await), [(0, count)]);
    }
    assert_eq!(a.take().await, [], "it was delivered as often as may be");
    client.produce_value("t", 0, "3").await;
    assert_eq!(counts(&a.take_and(ACCEPT).await), [(3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_renewed_and_told() {
    let mut world = World::new().await;
    let mut client = world.client();
    let (mut a, mut b) = (Taker::new(&mut world, "a").await, Taker::new(&mut world, "b").await);
    client.produce_value("t", 0, "0").await;
    let request = a.request();
    let response = a.fetch(&request).await;
    assert_eq!(response.acquisition_lock_timeout_ms, 30_000);
    for _ in 0..3 {
        pass(LOCK.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!((a.heartbeat().await, b.heartbeat().await), (ErrorCode::None, ErrorCode::None));
        let renewal = a.acknowledgement(RENEW, 0, 0);
        let renewed = a.client.call(2, &renewal).await;
        assert_eq!((renewed.error_code, renewed.acquisition_lock_timeout_ms), (0, 30_000));
        assert_eq!(renewed.responses[0].partitions[0].error_code, 0);
        a.session += 1;
        assert_eq!(b.take().await, []);
    }
    let renewal = a.acknowledgement(RENEW, 0, 0);
    let refused = a.client.call(1, &renewal).await;
    let error = ErrorCode::from_code(refused.responses[0].partitions[0].error_code);
    assert_eq!(error, ErrorCode::InvalidRequest, "the first version has no renewals");
    a.session += 1;
    assert_eq!(a.says(ACCEPT, 0, 0).await, ErrorCode::None);
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_ride_on_fetches() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    client.produce_value("t", 0, "0").await;
    assert_eq!(counts(&a.take().await), [(0, 1)]);
    client.produce_value("t", 0, "1").await;
    let request = with_acknowledgement(a.request(), a.topic, ACCEPT, (0, 0));
    let response = a.fetch(&request).await;
    assert_eq!(response.responses[0].partitions[0].acknowledge_error_code, 0);
    assert_eq!(counts(&delivered(response)), [(1, 1)]);
    let request = with_acknowledgement(a.request(), a.topic, ACCEPT, (1, 2));
    let response = a.fetch(&request).await;
    let error = ErrorCode::from_code(response.responses[0].partitions[0].acknowledge_error_code);
    assert_eq!(error, ErrorCode::InvalidRequest);
    assert_eq!(response.responses[0].partitions[0].error_code, 0);
    assert_eq!(a.says(ACCEPT, 1, 1).await, ErrorCode::None, "nothing of what was refused has happened");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_hears_of_new_records_and_of_those_that_come_back() {
    let lock = Duration::from_secs(5);
    let mut world = World::with(|config| config.share_partitions.settings.lock_duration = lock).await;
    let mut client = world.client();
    let (mut a, mut b) = (Taker::new(&mut world, "a").await, Taker::new(&mut world, "b").await);
    b.max_wait_ms = 60_000;
    let begun = tokio::time::Instant::now();
    let produce = async {
        pass(Duration::from_secs(4)).await;
        client.produce_value("t", 0, "0").await
    };
    let (got, _) = tokio::join!(b.take(), produce);
    assert_eq!((counts(&got), begun.elapsed().as_secs()), (vec![(0, 1)], 4));

    let release = async {
        pass(Duration::from_secs(3)).await;
        b.says(RELEASE, 0, 0).await
    };
    a.max_wait_ms = 60_000;
    let (got, _) = tokio::join!(a.take(), release);
    assert_eq!((counts(&got), begun.elapsed().as_secs()), (vec![(0, 2)], 7), "released");

    assert_eq!((counts(&b.take().await), begun.elapsed().as_secs()), (vec![(0, 3)], 12), "expired");

    a.max_wait_ms = 1_500;
    assert_eq!(a.take().await, []);
    assert_eq!(begun.elapsed().as_millis(), 13_500, "no longer than it wants");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_room_waits_no_longer_than_it_wants_whatever_is_written() {
    let mut world = World::with(|config| config.share_partitions.settings.max_record_locks = 2).await;
    let mut client = world.client();
    let (mut a, mut b) = (Taker::new(&mut world, "a").await, Taker::new(&mut world, "b").await);
    for _ in 0..3 {
        client.produce_value("t", 0, "x").await;
    }
    assert_eq!(a.take().await.len(), 2);
    b.max_wait_ms = 2_000;
    let begun = tokio::time::Instant::now();
    let write = async {
        for _ in 0..50 {
            client.produce_value("t", 0, "x").await;
            pass(Duration::from_millis(100)).await;
        }
    };
    let wait = async { (b.take().await, begun.elapsed().as_millis()) };
    let (got, ()) = tokio::join!(wait, write);
    assert_eq!(got, (vec![], 2_000));
    let make_room = async {
        pass(Duration::from_millis(500)).await;
        a.says(ACCEPT, 0, 0).await
    };
    let (got, _) = tokio::join!(b.take(), make_room);
    assert_eq!(counts(&got), [(2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn batches_are_given_whole_unless_the_number_is_a_limit() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    for base in 0..2 {
        let values: Vec<String> = (0..10).map(|number| format!("{base}{number}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        client.produce("t", 0, batch(&values)).await;
    }
    a.max_records = 4;
    assert_eq!(a.take().await.len(), 10, "the batch that was begun");
    a.is_strict = true;
    assert_eq!(counts(&a.take().await), [(10, 1), (11, 1), (12, 1), (13, 1)]);
    a.max_records = 100;
    assert_eq!(counts(&a.take().await).first(), Some(&(14, 1)));
    assert_eq!(a.take().await, []);
}

#[tokio::test(start_paused = true)]
async fn several_partitions_share_the_bounds_and_take_turns() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::outside(&mut world, "a").await;
    assert_eq!(a.heartbeat().await, ErrorCode::None);
    let mut request = a.request();
    let template = request.topics[0].partitions[0].clone();
    request.topics[0].partitions = (0..3)
        .map(|partition_index| headwater_wire::messages::share_fetch::FetchPartition {
            partition_index,
            ..template.clone()
        })
        .collect();
    let response = a.fetch(&request).await;
    assert_eq!(response.responses[0].partitions.len(), 3, "the first answer names them all");
    for partition in 0..3 {
        client.produce_value("t", partition, "x").await;
        client.produce_value("t", partition, "x").await;
    }
    (a.max_records, a.is_strict) = (2, true);
    let mut firsts = Vec::new();
    for _ in 0..3 {
        let request = a.request();
        let response = a.fetch(&request).await;
        let partitions = &response.responses[0].partitions;
        assert_eq!(partitions.len(), 1, "only what has news");
        firsts.push(partitions[0].partition_index);
    }
    firsts.sort_unstable();
    assert_eq!(firsts, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn large_batches_get_through_small_limits_and_a_group_reads_far_behind() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    let large = "x".repeat(200_000);
    for _ in 0..3 {
        client.produce_value("t", 0, &large).await;
    }
    for _ in 0..1_000 {
        client.produce_value("t", 0, "small").await;
    }
    let mut request = a.request();
    request.max_bytes = 1_000;
    let response = a.fetch(&request).await;
    assert_eq!(counts(&delivered(response)), [(0, 1)], "one batch, whatever the limit");
    let (mut offsets, mut rounds) = (Vec::new(), 0);
    loop {
        let got = a.take().await;
        if got.is_empty() {
            break;
        }
        rounds += 1;
        assert_eq!(a.says(ACCEPT, got[0].0, got[got.len() - 1].0).await, ErrorCode::None);
        offsets.extend(got.into_iter().map(|(offset, _, _)| offset));
    }
    assert_eq!(offsets, (1..1_003).collect::<Vec<i64>>());
    assert_eq!(rounds, 3, "500 at a time");
}
