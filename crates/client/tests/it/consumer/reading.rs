//! Reading partitions that were assigned by hand.

use std::time::Duration;

use headwater_client::{ConsumeError, ConsumerConfig, OffsetReset, StartAt};
use headwater_model::{Offset, Timestamp};

use super::world::{TICK, World, in_world};
use crate::support::{at, name, pause};

async fn first_read(world: &World, start: StartAt) -> Option<u32> {
    let mut application = world.application(ConsumerConfig::default());
    application.consumer.assign([(at(0), start)]).unwrap();
    for _ in 0..10 {
        application.poll().await.unwrap();
    }
    application.read.get(&0).and_then(|read| read.first().copied())
}

#[test]
fn reading_begins_where_it_was_asked_to() {
    in_world(1, |world| async move {
        world.produce(0, 0..10).await;
        for (start, expected) in [
            (StartAt::Earliest, Some(0)),
            (StartAt::Latest, None),
            (StartAt::Offset(Offset(7)), Some(7)),
            (StartAt::Offset(Offset(10)), None),
            (StartAt::Timestamp(Timestamp(4)), Some(4)),
            (StartAt::Timestamp(Timestamp(400)), None),
        ] {
            assert_eq!(first_read(&world, start).await, expected, "{start:?}");
        }
    });
}

#[test]
fn records_come_as_they_are_written_and_positions_and_lag_follow() {
    in_world(2, |world| async move {
        let mut application = world.application(ConsumerConfig::default());
        application.consumer.assign([(at(0), StartAt::Earliest), (at(1), StartAt::Latest)]).unwrap();
        assert_eq!(application.consumer.position(&at(0)).unwrap(), None);
        for _ in 0..5 {
            application.poll().await.unwrap();
        }
        world.produce(0, 0..3).await;
        world.produce(1, 3..5).await;
        application.read_to(5).await;
        assert_eq!(application.read, [(0, vec![0, 1, 2]), (1, vec![3, 4])].into());
        assert_eq!(application.consumer.positions(), [(at(0), Offset(3)), (at(1), Offset(2))]);
        assert_eq!(application.consumer.lag(&at(0)).unwrap(), Some(0));
        assert_eq!(application.consumer.watermarks(&at(1)).unwrap().unwrap().high, Offset(2));
        assert!(matches!(application.consumer.position(&at(9)), Err(ConsumeError::NotAssigned(_))));
    });
}

#[test]
fn a_poll_returns_as_soon_as_there_is_something_and_no_later_than_told() {
    in_world(1, |world| async move {
        let application = world.application(ConsumerConfig::default());
        application.consumer.assign([(at(0), StartAt::Earliest)]).unwrap();
        let begun = tokio::time::Instant::now();
        assert!(application.consumer.poll(Duration::from_millis(250)).await.unwrap().is_empty());
        assert!((250..260).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        let begun = tokio::time::Instant::now();
        let write = async {
            pause(Duration::from_millis(50)).await;
            world.produce(0, 0..1).await;
        };
        let (read, ()) = tokio::join!(application.consumer.poll(Duration::from_mins(1)), write);
        assert_eq!(read.unwrap().len(), 1);
        assert!(begun.elapsed() < Duration::from_millis(150), "{:?}", begun.elapsed());
    });
}

#[test]
fn seeking_and_pausing_take_effect_at_once() {
    in_world(2, |world| async move {
        world.produce(0, 0..20).await;
        world.produce(1, 100..120).await;
        let mut application = world.application(ConsumerConfig::default());
        let consumer = &application.consumer;
        consumer.assign([(at(0), StartAt::Earliest), (at(1), StartAt::Earliest)]).unwrap();
        consumer.pause(&at(1)).unwrap();
        application.read_to(20).await;
        assert!(!application.read.contains_key(&1));
        assert_eq!(application.consumer.paused(), [at(1)]);
        application.consumer.seek(&at(0), Offset(18)).unwrap();
        application.consumer.resume(&at(1)).unwrap();
        application.read_to(42).await;
        assert_eq!(application.read[&0][20..], [18, 19]);
        assert_eq!(application.read[&1], (100..120).collect::<Vec<_>>());
        application.consumer.seek(&at(1), StartAt::Latest).unwrap();
        pause(TICK).await;
        application.poll().await.unwrap();
        assert_eq!(application.consumer.position(&at(1)).unwrap(), Some(Offset(20)));
    });
}

#[test]
fn an_offset_that_is_not_there_is_an_error_or_the_policys() {
    in_world(1, |world| async move {
        world.produce(0, 0..5).await;
        let config = ConsumerConfig { auto_offset_reset: OffsetReset::Fail, ..ConsumerConfig::default() };
        let consumer = world.client.consumer(config);
        consumer.assign([(at(0), StartAt::Offset(Offset(50)))]).unwrap();
        for _ in 0..2 {
            let error = consumer.poll(Duration::from_secs(5)).await.unwrap_err();
            assert!(matches!(error, ConsumeError::OffsetOutOfRange { offset: Offset(50), .. }), "{error}");
        }
        consumer.seek(&at(0), Offset(4)).unwrap();
        assert_eq!(consumer.poll(Duration::from_secs(5)).await.unwrap().len(), 1);

        let config = ConsumerConfig { auto_offset_reset: OffsetReset::Earliest, ..ConsumerConfig::default() };
        let mut application = world.application(config);
        application.consumer.assign([(at(0), StartAt::Offset(Offset(50)))]).unwrap();
        application.read_to(5).await;
    });
}

#[test]
fn a_topic_that_comes_later_is_read_then() {
    in_world(1, |world| async move {
        let later = headwater_model::TopicPartition::new(name("later"), headwater_model::PartitionId(0));
        let consumer = world.client.consumer(ConsumerConfig::default());
        consumer.assign([(later, StartAt::Earliest)]).unwrap();
        assert!(consumer.poll(Duration::from_secs(3)).await.unwrap().is_empty());
        let topic = headwater_client::admin::NewTopic::new(name("later"), 1);
        world.client.admin().create_topic(topic).await.unwrap();
        let producer = world.client.producer(headwater_client::ProducerConfig::default());
        let name = name("later");
        let record = headwater_client::ProducerRecord::new(&name, b"v");
        producer.send(record).await.unwrap().await.unwrap();
        assert_eq!(consumer.poll(Duration::from_secs(10)).await.unwrap().len(), 1);
    });
}

#[test]
fn reading_goes_on_after_the_brokers_restart() {
    in_world(1, |mut world| async move {
        world.produce(0, 0..5).await;
        let mut application = world.application(ConsumerConfig::default());
        application.consumer.assign([(at(0), StartAt::Earliest)]).unwrap();
        application.read_to(5).await;
        world.cluster.lose_power();
        pause(Duration::from_secs(20)).await;
        application.poll().await.unwrap();
        world.cluster.power_on().unwrap();
        world.produce(0, 5..8).await;
        application.read_to(8).await;
        assert_eq!(application.read[&0], (0..8).collect::<Vec<_>>());
    });
}

#[test]
fn small_limits_still_read_everything() {
    in_world(3, |world| async move {
        for partition in 0..3 {
            world.produce(partition, 0..50).await;
        }
        let config = ConsumerConfig {
            fetch_max_bytes: 100,
            partition_max_bytes: 100,
            prefetch_bytes: 1,
            poll_max_bytes: 1,
            ..ConsumerConfig::default()
        };
        let mut application = world.application(config);
        application.consumer.assign((0..3).map(|partition| (at(partition), StartAt::Earliest))).unwrap();
        for _ in 0..500 {
            application.poll().await.unwrap();
        }
        let all: Vec<_> = (0..50).collect();
        assert_eq!(application.read, (0..3).map(|partition| (partition, all.clone())).collect());
    });
}

#[test]
fn without_a_group_there_is_nothing_to_commit_or_to_subscribe_for() {
    in_world(1, |world| async move {
        let consumer = world.client.consumer(ConsumerConfig::default());
        let commit = consumer.commit([(at(0), Offset(1))]).await.unwrap_err();
        assert!(commit.to_string().contains("no group"), "{commit}");
        assert!(consumer.committed(&[at(0)]).await.is_err());
        assert!(matches!(consumer.subscribe([name("flights")]), Err(ConsumeError::NoGroup)));
        assert!(matches!(consumer.assign([(at(0), StartAt::Committed)]), Err(ConsumeError::NoGroup)));
    });
}
