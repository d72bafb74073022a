//! Members of a group.

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_client::admin::NewTopic;
use headwater_client::{
    ClientConfig, CommitError, CommittedOffset, ConsumeError, ConsumerConfig, ConsumerEvent,
    ConsumerGroupMetadata, GroupError, OffsetReset, StartAt, TopicPattern,
};
use headwater_model::{LeaderEpoch, Offset};

use super::world::{Application, TICK, group, in_world, poll_until};
use crate::support::{at, name, pause, topic};

#[test]
fn members_divide_the_partitions_and_hand_them_over_without_reading_anything_twice() {
    in_world(4, |world| async move {
        for partition in 0..4 {
            world.produce(partition, 0..10).await;
        }
        let mut first = world.member().subscribed();
        first.read_to(40).await;
        let mut second = world.member().subscribed();
        poll_until(&mut [&mut first, &mut second], |[first, second]| {
            first.owned.len() == 2 && second.owned.len() == 2
        })
        .await;
        assert!(first.owned.is_disjoint(&second.owned));
        for partition in 0..4 {
            world.produce(partition, 10..20).await;
        }
        poll_until(&mut [&mut first, &mut second], |applications| {
            applications.iter().flat_map(|application| application.read.values()).map(Vec::len).sum::<usize>()
                >= 80
        })
        .await;
        let (new, all): (Vec<_>, Vec<_>) = ((10..20).collect(), (0..20).collect());
        for at in &second.owned {
            assert_eq!(second.read[&at.partition.0], new);
            assert_eq!(first.read[&at.partition.0], all[..10]);
        }
        assert!(first.owned.iter().all(|at| first.read[&at.partition.0] == all));

        let left = second.owned.last().unwrap().partition.0;
        second.consumer.commit(second.consumer.positions()).await.unwrap();
        second.consumer.close().await;
        poll_until(&mut [&mut first], |[first]| first.owned.len() == 4).await;
        world.produce(left, 20..21).await;
        first.read_to(61).await;
        assert_eq!(first.read[&left][10..], [20], "the second has read the rest");
        assert_eq!(first.history, ["assigned 4", "revoked 4", "assigned 2", "revoked 2", "assigned 4"]);
    });
}

#[test]
fn a_group_goes_on_where_it_committed() {
    in_world(2, |world| async move {
        world.produce(0, 0..10).await;
        let mut before = world.member().subscribed();
        before.read_to(10).await;
        let committed =
            CommittedOffset { offset: Offset(6), leader_epoch: Some(LeaderEpoch(0)), metadata: "six".into() };
        before.consumer.commit([(at(0), committed.clone())]).await.unwrap();
        before.consumer.close().await;

        let mut after = world.member().subscribed();
        after.read_to(4).await;
        assert_eq!(after.read[&0], [6, 7, 8, 9]);
        let found = after.consumer.committed(&[at(0), at(1)]).await.unwrap();
        assert_eq!(found, [(at(0), committed)].into());

        // A consumer of the group that assigns by hand may do the same, once there are no members.
        after.consumer.close().await;
        let mut by_hand = world.application(group());
        by_hand.consumer.assign([(at(0), StartAt::Committed)]).unwrap();
        by_hand.read_to(4).await;
        by_hand.consumer.commit(by_hand.consumer.positions()).await.unwrap();
        assert_eq!(by_hand.consumer.committed(&[at(0)]).await.unwrap()[&at(0)].offset, Offset(10));
    });
}

#[test]
fn a_member_can_be_named_for_offsets_that_are_committed_elsewhere() {
    in_world(1, |world| async move {
        let alone = world.client.consumer(ConsumerConfig::default());
        assert!(matches!(alone.group_metadata(), Err(CommitError::NoGroup)));
        let by_hand = world.client.consumer(group());
        by_hand.assign([(at(0), StartAt::Earliest)]).unwrap();
        assert_eq!(by_hand.group_metadata().unwrap(), ConsumerGroupMetadata::without_member("g"));
        let config = ConsumerConfig { group_instance_id: Some("one".to_owned()), ..group() };
        let mut member = world.application(config).subscribed();
        assert!(matches!(member.consumer.group_metadata(), Err(CommitError::Rebalancing)), "not joined yet");
        poll_until(&mut [&mut member], |[member]| member.owned.len() == 1).await;
        let metadata = member.consumer.group_metadata().unwrap();
        assert_eq!((metadata.group.as_str(), metadata.generation), ("g", 1));
        assert!(!metadata.member_id.is_empty());
        assert_eq!(metadata.instance_id.as_deref(), Some("one"));
    });
}

#[test]
fn commits_without_waiting_arrive_in_order() {
    in_world(1, |world| async move {
        let application = world.application(group());
        application.consumer.assign([(at(0), StartAt::Earliest)]).unwrap();
        for offset in 1..=50 {
            drop(application.consumer.commit_async([(at(0), Offset(offset))]));
        }
        application.consumer.commit(std::iter::empty::<(_, Offset)>()).await.unwrap();
        application.consumer.commit([(at(0), Offset(7))]).await.unwrap();
        assert_eq!(application.consumer.committed(&[at(0)]).await.unwrap()[&at(0)].offset, Offset(7));

        // Closing waits for what is on its way.
        drop(application.consumer.commit_async([(at(0), Offset(8))]));
        application.consumer.close().await;
        let other = world.application(group());
        assert_eq!(other.consumer.committed(&[at(0)]).await.unwrap()[&at(0)].offset, Offset(8));
    });
}

#[test]
fn slow_work_between_polls_costs_no_membership_until_it_takes_too_long() {
    in_world(2, |world| async move {
        world.produce(0, 0..3).await;
        let config = ConsumerConfig {
            session_timeout: Duration::from_secs(10),
            max_poll_interval: Duration::from_mins(1),
            ..group()
        };
        let mut slow = world.application(config).subscribed();
        slow.read_to(3).await;
        pause(Duration::from_secs(50)).await;
        slow.consumer.commit(slow.consumer.positions()).await.unwrap();
        slow.poll().await.unwrap();
        assert_eq!(slow.history, ["assigned 2"]);

        pause(Duration::from_secs(70)).await;
        let refused = slow.consumer.commit([(at(0), Offset(3))]).await.unwrap_err();
        assert!(matches!(refused, CommitError::Rebalancing), "{refused}");
        slow.poll().await.unwrap();
        assert_eq!(slow.history, ["assigned 2", "lost 2"]);
        let error = slow.poll().await.unwrap_err();
        assert!(matches!(error, ConsumeError::Group(GroupError::PollTooLate { .. })), "{error}");
        poll_until(&mut [&mut slow], |[slow]| slow.owned.len() == 2).await;
        world.produce(0, 3..4).await;
        slow.read_to(4).await;
        assert_eq!(slow.read[&0], [0, 1, 2, 3]);
    });
}

#[test]
fn a_member_that_dies_is_replaced_after_its_session() {
    in_world(2, |world| async move {
        let config = || ConsumerConfig { session_timeout: Duration::from_secs(10), ..group() };
        let mut survivor = world.application(config()).subscribed();
        let mut doomed = world.application(config()).subscribed();
        poll_until(&mut [&mut survivor, &mut doomed], |[survivor, doomed]| {
            survivor.owned.len() == 1 && doomed.owned.len() == 1
        })
        .await;
        let died = tokio::time::Instant::now();
        drop(doomed);
        poll_until(&mut [&mut survivor], |[survivor]| survivor.owned.len() == 2).await;
        assert!(died.elapsed() > Duration::from_secs(6), "{:?}", died.elapsed());
        assert!(died.elapsed() < Duration::from_secs(20), "{:?}", died.elapsed());
    });
}

#[test]
fn a_static_member_restarts_without_a_rebalance() {
    in_world(2, |world| async move {
        let config = |instance: &str| ConsumerConfig { group_instance_id: Some(instance.into()), ..group() };
        let mut stays = world.application(config("a")).subscribed();
        let mut restarts = world.application(config("b")).subscribed();
        poll_until(&mut [&mut stays, &mut restarts], |[stays, restarts]| {
            stays.owned == [at(0)].into() && restarts.owned == [at(1)].into()
        })
        .await;
        let told = stays.history.len();
        restarts.consumer.close().await;
        let mut restarts = world.application(config("b")).subscribed();
        poll_until(&mut [&mut stays, &mut restarts], |[_, restarts]| restarts.owned == [at(1)].into()).await;
        assert_eq!(stays.history[told..], [] as [&str; 0]);

        // Under the same instance id, the newer takes over for good.
        let mut newer = world.application(config("b")).subscribed();
        poll_until(&mut [&mut newer], |[newer]| newer.owned == [at(1)].into()).await;
        let mut error = None;
        for _ in 0..100 {
            error = restarts.poll().await.err();
            if error.is_some() {
                break;
            }
        }
        assert!(matches!(error, Some(ConsumeError::Group(GroupError::Fenced { .. }))), "{error:?}");
    });
}

#[test]
fn a_subscribed_topic_that_comes_later_is_found() {
    in_world(1, |world| async move {
        let mut application = world.member();
        application.consumer.subscribe([topic(), name("later")]).unwrap();
        poll_until(&mut [&mut application], |[application]| application.owned.len() == 1).await;
        let later = NewTopic::new(name("later"), 2);
        world.client.admin().create_topic(later).await.unwrap();
        let created = tokio::time::Instant::now();
        poll_until(&mut [&mut application], |[application]| application.owned.len() == 3).await;
        assert!(created.elapsed() < Duration::from_secs(10), "{:?}", created.elapsed());
    });
}

#[test]
fn a_subscription_is_changed_and_given_up() {
    in_world(1, |world| async move {
        let other = NewTopic::new(name("other"), 1);
        world.client.admin().create_topic(other).await.unwrap();
        let mut application = world.member().subscribed();
        poll_until(&mut [&mut application], |[application]| application.owned == [at(0)].into()).await;
        let by_hand = application.consumer.assign([(at(0), StartAt::Earliest)]).unwrap_err();
        assert!(matches!(by_hand, ConsumeError::Subscribed), "{by_hand}");
        application.consumer.subscribe([name("other")]).unwrap();
        poll_until(&mut [&mut application], |[application]| {
            application.owned.iter().any(|at| at.topic == name("other"))
        })
        .await;
        assert_eq!(application.history, ["assigned 1", "revoked 1", "assigned 1"]);
        application.consumer.unsubscribe().unwrap();
        application.consumer.assign([(at(0), StartAt::Earliest)]).unwrap();
        world.produce(0, 0..1).await;
        application.read_to(1).await;
        let groups = world.client.admin().describe_groups(&["g"]).await;
        assert!(groups["g"].as_ref().unwrap().members.is_empty(), "{groups:?}");
    });
}

#[test]
fn a_plain_poll_passes_over_the_groups_events() {
    in_world(2, |world| async move {
        world.produce(0, 0..5).await;
        world.produce(1, 5..10).await;
        let one = world.client.consumer(group());
        let two = world.client.consumer(group());
        one.subscribe([topic()]).unwrap();
        two.subscribe([topic()]).unwrap();
        let mut read = BTreeSet::new();
        for _ in 0..200 {
            for consumer in [&one, &two] {
                for fetched in consumer.poll(TICK).await.unwrap() {
                    read.insert((fetched.topic_partition.clone(), fetched.from));
                }
            }
        }
        assert_eq!(read.len(), 10);
        assert_eq!((one.assignment().len(), two.assignment().len()), (1, 1));
    });
}

#[test]
fn a_member_outlives_its_coordinators_restart() {
    in_world(1, |mut world| async move {
        let mut application = world.member().subscribed();
        poll_until(&mut [&mut application], |[application]| application.owned.len() == 1).await;
        world.cluster.lose_power();
        pause(Duration::from_secs(3)).await;
        world.cluster.power_on().unwrap();
        world.produce(0, 0..3).await;
        application.read_to(3).await;
        application.consumer.commit(application.consumer.positions()).await.unwrap();
        assert_eq!(application.history, ["assigned 1"]);
    });
}

#[test]
fn a_group_without_an_offset_fails_if_it_is_told_to() {
    in_world(1, |world| async move {
        let config = ConsumerConfig { auto_offset_reset: OffsetReset::Fail, ..group() };
        let consumer = world.client.consumer(config);
        consumer.subscribe([topic()]).unwrap();
        let error = loop {
            match consumer.poll_event(TICK).await {
                Ok(Some(ConsumerEvent::Fetched(batches))) => panic!("{batches:?}"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ConsumeError::NoCommittedOffset { .. }), "{error}");
        consumer.seek(&at(0), StartAt::Earliest).unwrap();
        world.produce(0, 0..1).await;
        assert_eq!(consumer.poll(Duration::from_secs(5)).await.unwrap().len(), 1);
    });
}

#[test]
fn a_pattern_follows_topics_that_come_and_go() {
    in_world(1, |mut world| async move {
        let config = ClientConfig {
            metadata_max_age: Duration::from_secs(10),
            ..ClientConfig::new(["broker:9092".to_owned()])
        };
        let client = world.cluster.client_with(config).await.unwrap();
        let admin = client.admin();
        let mut application = Application::new(client.consumer(group()));
        application.consumer.subscribe_matching(TopicPattern::new("orders-.*").unwrap()).unwrap();
        let by_hand = application.consumer.assign([(at(0), StartAt::Earliest)]).unwrap_err();
        assert!(matches!(by_hand, ConsumeError::Subscribed), "{by_hand}");
        for _ in 0..20 {
            application.poll().await.unwrap();
        }
        assert!(application.history.is_empty(), "nothing matches yet: {:?}", application.history);

        admin.create_topic(NewTopic::new(name("orders-eu"), 2)).await.unwrap();
        admin.create_topic(NewTopic::new(name("no-orders-"), 2)).await.unwrap();
        poll_until(&mut [&mut application], |[application]| application.owned.len() == 2).await;
        admin.create_topic(NewTopic::new(name("orders-us"), 3)).await.unwrap();
        poll_until(&mut [&mut application], |[application]| application.owned.len() == 5).await;
        let topics: BTreeSet<_> = application.owned.iter().map(|at| at.topic.as_str()).collect();
        assert_eq!(topics, ["orders-eu", "orders-us"].into());
        assert!(admin.delete_topics(&[name("orders-eu")]).await[&name("orders-eu")].is_ok());
        // Nothing is committed on the way: a commit for a topic that is gone would be refused.
        while application.consumer.assignment().len() != 3 {
            application.consumer.poll(TICK).await.unwrap();
        }
        application.consumer.unsubscribe().unwrap();
        admin.create_topic(NewTopic::new(name("orders-asia"), 1)).await.unwrap();
        for _ in 0..150 {
            application.poll().await.unwrap();
        }
        assert!(application.consumer.assignment().is_empty(), "unsubscribed for good");
    });
}
