//! Restarts, losses of power, failing disks: what was acknowledged stays so, and what was acquired comes again.

use std::io::ErrorKind;
use std::time::Duration;

use headwater_log::sim::Operation;
use headwater_model::ErrorCode;
use headwater_wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};

use super::fixture::{ACCEPT, REJECT, RELEASE, Taker, counts};
use crate::groups::fixture::{World, pass};

#[tokio::test(start_paused = true)]
async fn a_restart_a_death_or_a_loss_of_power_loses_no_acknowledgement() {
    let mut world = World::new().await;
    let mut a = Taker::new(&mut world, "a").await;
    let mut next = 0;
    for how in ["restart", "death", "power"] {
        let mut client = world.client();
        for _ in 0..4 {
            client.produce_value("t", 0, "x").await;
        }
        assert_eq!(a.take().await.len(), 4, "{how}");
        assert_eq!(a.says(ACCEPT, next, next).await, ErrorCode::None);
        assert_eq!(a.says(REJECT, next + 2, next + 2).await, ErrorCode::None);
        match how {
            "restart" => world.restart().await,
            "death" => world.die(|_| {}).await,
            _ => world.crash().await,
        }
        a.reconnect(&mut world);
        assert_eq!(a.heartbeat().await, ErrorCode::None, "{how}: it is a member still");
        assert_eq!(counts(&a.take_and(ACCEPT).await), [(next + 1, 1), (next + 3, 1)], "{how}");
        assert_eq!(a.take().await, []);
        next += 4;
    }
}

/// Nobody has failed over a record because the broker ends in order.
#[tokio::test(start_paused = true)]
async fn a_shutdown_counts_no_delivery() {
    let mut world = World::with(|config| config.share_partitions.settings.delivery_limit = 2).await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    client.produce_value("t", 0, "0").await;
    for _ in 0..3 {
        assert_eq!(counts(&a.take().await), [(0, 1)]);
        world.broker().begin_shutdown();
        // The connections end by themselves.
        pass(Duration::from_secs(1)).await;
        world.restart().await;
        a.reconnect(&mut world);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_survives_a_loss_of_power_at_any_acknowledgement() {
    let mut world = World::with(|config| config.share_partitions.updates_per_snapshot = 3).await;
    let mut a = Taker::new(&mut world, "a").await;
    let mut client = world.client();
    for _ in 0..12 {
        client.produce_value("t", 0, "x").await;
    }
    let mut left: Vec<(i64, i16)> = (0..12).map(|offset| (offset, 1)).collect();
    for round in 0..18_usize {
        assert_eq!(counts(&a.take().await), left, "round {round}");
        let at = (round * 5) % left.len();
        let says = if round % 3 == 2 { RELEASE } else { ACCEPT };
        assert_eq!(a.says(says, left[at].0, left[at].0).await, ErrorCode::None);
        if says == ACCEPT {
            left.remove(at);
        } else {
            left[at].1 += 1;
        }
        world.crash().await;
        a.reconnect(&mut world);
        if left.is_empty() {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_for_which_there_is_no_room_is_refused_and_the_record_comes_again() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    client.produce_value("t", 0, "0").await;
    assert_eq!(a.take().await.len(), 1);
    world.disk.fail_next(Operation::Write, ErrorKind::StorageFull);
    assert_ne!(a.says(ACCEPT, 0, 0).await, ErrorCode::None);
    pass(Duration::from_secs(1)).await;
    world.crash().await;
    a.reconnect(&mut world);
    assert_eq!(counts(&a.take_and(ACCEPT).await), [(0, 1)]);
    world.crash().await;
    a.reconnect(&mut world);
    assert_eq!(a.take().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_group_goes_on_where_the_log_begins_now() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    for _ in 0..5 {
        client.produce_value("t", 0, "x").await;
    }
    a.max_records = 2;
    a.is_strict = true;
    assert_eq!(counts(&a.take().await), [(0, 1), (1, 1)]);
    let partition = DeleteRecordsPartition { partition_index: 0, offset: 4 };
    let topic = DeleteRecordsTopic { name: "t".to_owned(), partitions: vec![partition] };
    let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 1_000 };
    assert_eq!(client.call(2, &request).await.topics[0].partitions[0].error_code, 0);
    assert_eq!(counts(&a.take_and(ACCEPT).await), [(4, 1)]);
    assert_eq!(a.says(ACCEPT, 0, 1).await, ErrorCode::None, "what is gone is dealt with");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_made_anew_is_another_one() {
    let mut world = World::new().await;
    let mut client = world.client();
    let mut a = Taker::new(&mut world, "a").await;
    for _ in 0..3 {
        client.produce_value("t", 0, "x").await;
    }
    assert_eq!(a.take().await.len(), 3);
    client.delete("t").await;
    let request = a.request();
    let response = a.fetch(&request).await;
    let error = ErrorCode::from_code(response.responses[0].partitions[0].error_code);
    assert_eq!(error, ErrorCode::UnknownTopicId);
    client.create("t", 1, &[]).await;
    a.topic = super::fixture::topic_id(&mut client, "t").await;
    a.session = 0;
    assert_eq!(a.take().await, []);
    client.produce_value("t", 0, "new").await;
    assert_eq!(counts(&a.take().await), [(0, 1)]);
}
