//! Transactions on a cluster that is not ours, or that is: `HEADWATER_TEST_BOOTSTRAP` says where it listens.
//!
//! Each test runs with version 1 and, where the cluster has it, with version 2 (KIP-890).

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::{
    ConsumerConfig, GroupProtocol, Isolation, ProducerRecord, SendError, StartAt, TransactionError,
    TransactionFailure,
};
use headwater_model::{Entropy, Offset, PartitionId};
use tokio::time::Instant;

use crate::kafka::connect;
use crate::support::pause;
use world::{Outcomes, PARTITIONS, Shouter, World, config, number};

/// No higher `transaction.version` than these.
const VERSIONS: [i16; 2] = [1, 2];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn what_is_committed_is_seen_once_and_what_is_aborted_never() {
    for version in VERSIONS {
        let world = World::new().await;
        let mut producer = world.client.transactional_producer(config(&world.group, version)).await.unwrap();
        for (round, ending) in ["commit", "abort", "drop", "commit", "abort", "commit"].iter().enumerate() {
            let transaction = producer.begin().await.unwrap();
            for at in 0..300_u64 {
                let value = (round as u64 * 1_000 + at).to_be_bytes();
                let partition = PartitionId((at % PARTITIONS as u64) as i32);
                let record = ProducerRecord::new(&world.output, &value).partition(partition);
                transaction.send(record).await.unwrap();
            }
            match *ending {
                "commit" => transaction.commit().await.unwrap(),
                "abort" => transaction.abort().await.unwrap(),
                _ => drop(transaction),
            }
            // One without anything.
            producer.begin().await.unwrap().commit().await.unwrap();
        }
        let expected: Vec<u64> =
            [0, 3, 5].iter().flat_map(|round| round * 1_000..round * 1_000 + 300).collect();
        assert_eq!(world.committed().await, expected, "version {version}");
        producer.close().await.unwrap();
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn reading_committed_stops_before_a_transaction_that_is_open() {
    for version in VERSIONS {
        let world = World::new().await;
        let mut producer = world.client.transactional_producer(config(&world.group, version)).await.unwrap();
        let send = async |number: u64| {
            let value = number.to_be_bytes();
            let record = ProducerRecord::new(&world.output, &value).partition(PartitionId(0));
            world.plain.send(record).await.unwrap().await.unwrap();
        };
        send(1).await;
        let transaction = producer.begin().await.unwrap();
        let value = 2_u64.to_be_bytes();
        let record = ProducerRecord::new(&world.output, &value).partition(PartitionId(0));
        transaction.send(record).await.unwrap().await.unwrap();
        send(3).await;

        let isolation = Isolation::ReadCommitted;
        let consumer = world.client.consumer(ConsumerConfig { isolation, ..ConsumerConfig::default() });
        let at = world.at(0);
        consumer.assign([(at.clone(), StartAt::Earliest)]).unwrap();
        let mut seen = Vec::new();
        let mut poll = async |until: Instant, enough: usize| {
            while seen.len() < enough && Instant::now() < until {
                for fetched in consumer.poll(Duration::from_millis(100)).await.unwrap() {
                    seen.extend(
                        fetched.open(1 << 20).unwrap().records().map(|record| number(&record.unwrap())),
                    );
                }
            }
            seen.clone()
        };
        // More than is to come, so that it waits for what must not come.
        assert_eq!(poll(Instant::now() + Duration::from_secs(1), 9).await, [1], "version {version}");
        let watermarks = consumer.watermarks(&at).unwrap().unwrap();
        assert_eq!((watermarks.last_stable, watermarks.high), (Offset(1), Offset(3)));
        transaction.commit().await.unwrap();
        assert_eq!(poll(Instant::now() + Duration::from_secs(20), 3).await, [1, 2, 3], "version {version}");
        consumer.close().await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn what_is_read_changed_and_written_is_so_exactly_once_however_often_it_is_killed() {
    const RECORDS: u64 = 3_000;
    for version in VERSIONS {
        let world = World::new().await;
        world.fill(0..RECORDS).await;
        let mut entropy = Entropy::from_system();
        // Each life but the last ends in the middle of something.
        for life in 0..5 {
            let lifetime = Duration::from_millis(300 + entropy.below(700));
            let client = connect().await;
            let work = Shouter::alone(&world, version).shout(&client, &world, RECORDS);
            if life < 4 {
                drop(tokio::time::timeout(lifetime, work).await);
            } else {
                work.await;
            }
        }
        assert_eq!(world.committed().await, (0..RECORDS).collect::<Vec<_>>(), "version {version}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn members_whose_coordinator_divides_the_partitions_copy_everything_exactly_once() {
    const RECORDS: u64 = 6_000;
    const WAVES: u64 = 20;
    let world = World::new().await;
    let shouter = |name: &str| {
        let mut shouter = Shouter::among_others(&world, &format!("{}-{name}", world.group), 2);
        shouter.consumer.group_protocol = GroupProtocol::Consumer { server_assignor: None };
        shouter
    };
    let (client, other) = (connect().await, connect().await);
    let feed = async {
        for wave in 0..WAVES {
            world.fill(wave * RECORDS / WAVES..(wave + 1) * RECORDS / WAVES).await;
            pause(Duration::from_millis(250)).await;
        }
    };
    let victim = async {
        let doomed = connect().await;
        let work = shouter("victim").shout(&doomed, &world, RECORDS);
        drop(tokio::time::timeout(Duration::from_millis(2_500), work).await);
        // Whoever comes after it settles what it has left; else its offsets would be waited for.
        let successor = client.transactional_producer(shouter("victim").producer).await.unwrap();
        successor.close().await.unwrap();
    };
    let ((), (), one, two) = tokio::join!(
        feed,
        victim,
        shouter("one").shout(&client, &world, RECORDS),
        shouter("two").shout(&other, &world, RECORDS)
    );
    assert!(one > 0 && two > 0, "both took part: {one} and {two} transactions");
    assert_eq!(world.committed().await, (0..RECORDS).collect::<Vec<_>>());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn the_newer_of_two_producers_shuts_out_the_older() {
    for version in VERSIONS {
        let world = World::new().await;
        let config = config(&world.group, version);
        let mut older = world.client.transactional_producer(config.clone()).await.unwrap();
        let transaction = older.begin().await.unwrap();
        let value = 1_u64.to_be_bytes();
        let record = ProducerRecord::new(&world.output, &value);
        transaction.send(record).await.unwrap().await.unwrap();

        let mut newer = world.client.transactional_producer(config).await.unwrap();
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, TransactionError::Fenced { .. }), "version {version}: {error}");
        let error = older.begin().await.unwrap_err();
        assert!(matches!(error, TransactionError::Fenced { .. }), "version {version}: {error}");

        let transaction = newer.begin().await.unwrap();
        let value = 2_u64.to_be_bytes();
        let record = ProducerRecord::new(&world.output, &value);
        transaction.send(record).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(world.committed().await, [2], "version {version}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn a_transaction_that_failed_is_aborted_and_the_next_one_succeeds() {
    for version in VERSIONS {
        let world = World::new().await;
        let mut producer = world.client.transactional_producer(config(&world.group, version)).await.unwrap();
        let send = async |transaction: &headwater_client::Transaction<'_>, number: u64| {
            let value = number.to_be_bytes();
            transaction.send(ProducerRecord::new(&world.output, &value)).await
        };
        // The offsets of a member that the group does not know.
        let transaction = producer.begin().await.unwrap();
        send(&transaction, 1).await.unwrap();
        let stranger = headwater_client::ConsumerGroupMetadata {
            generation: 7,
            member_id: "nobody".to_owned(),
            ..world.group_without_member()
        };
        let error = transaction.send_offsets([(world.at(0), Offset(1))], &stranger).await.unwrap_err();
        assert!(error.must_rejoin() && error.is_abortable(), "version {version}: {error}");
        let refused = send(&transaction, 2).await.unwrap_err();
        assert!(matches!(refused, SendError::NotWritten { .. }), "version {version}: {refused}");
        let again = transaction.commit().await.unwrap_err();
        assert_eq!(again.to_string(), error.to_string(), "the first failure is the one that is named");

        // A batch that the broker refuses.
        let transaction = producer.begin().await.unwrap();
        send(&transaction, 3).await.unwrap().await.unwrap();
        let large = vec![7; 2 << 20];
        transaction.send(ProducerRecord::new(&world.output, &large)).await.unwrap();
        let error = transaction.commit().await.unwrap_err();
        let TransactionError::Abortable { cause } = &error else { panic!("version {version}: {error}") };
        assert!(matches!(**cause, TransactionFailure::Send(_)), "version {version}: {error}");

        let transaction = producer.begin().await.unwrap();
        send(&transaction, 4).await.unwrap();
        transaction.send_offsets([(world.at(0), Offset(7))], &world.group_without_member()).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(world.committed().await, [4], "version {version}");
        let group = world.client.admin().group_offsets(&world.group).await.unwrap();
        assert_eq!(group[&world.at(0)].offset, Offset(7), "version {version}");
        world.end().await;
    }
}

/// `HEADWATER_TEST_SECONDS` (default 5) says for how long; brokers may be killed and restarted meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn a_transaction_is_whole_or_not_at_all_while_brokers_come_and_go() {
    let seconds = std::env::var("HEADWATER_TEST_SECONDS").map_or(5, |text| text.parse().unwrap());
    let world = World::new().await;
    let end = Instant::now() + Duration::from_secs(seconds);
    let (one, two) = tokio::join!(world.commit_until(end, 1, 0), world.commit_until(end, 2, 1));
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    for number in world.committed().await {
        *seen.entry(number).or_default() += 1;
    }
    let whole = PARTITIONS as usize;
    for (number, outcome) in one.iter().chain(&two) {
        let copies = seen.remove(number).unwrap_or(0);
        match outcome {
            Ok(committed) => assert_eq!(copies, if *committed { whole } else { 0 }, "transaction {number}"),
            Err(error @ TransactionError::OutcomeUnknown { .. }) => {
                assert!(copies == 0 || copies == whole, "transaction {number} has {copies}: {error}");
            }
            Err(error) => assert_eq!(copies, 0, "transaction {number}: {error}"),
        }
    }
    assert!(seen.is_empty(), "nobody wrote {seen:?}");
    let committed =
        |outcomes: &Outcomes| outcomes.values().filter(|outcome| matches!(outcome, Ok(true))).count();
    let failures: Vec<String> = one
        .values()
        .chain(two.values())
        .filter_map(|outcome| Some(outcome.as_ref().err()?.to_string()))
        .collect();
    eprintln!("{} and {} transactions committed; not: {failures:#?}", committed(&one), committed(&two));
    assert!(committed(&one) > 0 && committed(&two) > 0);
    world.end().await;
}
