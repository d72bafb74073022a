//! A group reads everything, whatever the network does to its members; eager and cooperative ones.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use headwater_client::{
    Assignor, Client, ConsumerConfig, ConsumerEvent, OffsetReset, ProducerConfig, ProducerRecord,
};
use headwater_model::{PartitionId, TopicPartition};
use headwater_testkit::{Faults, SimCluster, SimConnector, simulate};
use tokio::task::LocalSet;

use crate::world::{PARTITIONS, create_topic, for_each_seed, impatient, pause, topic};

const RECORDS: u64 = 200;

type Seen = Rc<RefCell<BTreeSet<u64>>>;

async fn publish(client: &Client<SimConnector>) {
    let producer = client.producer(ProducerConfig::default());
    let topic = topic();
    for number in 0..RECORDS {
        let value = number.to_be_bytes();
        let partition = PartitionId((number % PARTITIONS as u64) as i32);
        producer.send(ProducerRecord::new(&topic, &value).partition(partition)).await.unwrap();
        if number % 50 == 0 {
            producer.flush().await.unwrap();
        }
    }
    producer.close().await.unwrap();
}

/// Reads as a member until every record was seen by some member; commits after each poll what it has handled.
async fn member(client: Client<SimConnector>, assignor: Assignor, seen: Seen) {
    let consumer = client.consumer(ConsumerConfig {
        auto_offset_reset: OffsetReset::Earliest,
        session_timeout: Duration::from_secs(10),
        assignors: vec![assignor],
        poll_max_bytes: 1_000,
        ..ConsumerConfig::in_group("readers")
    });
    consumer.subscribe([topic()]).unwrap();
    while seen.borrow().len() < RECORDS as usize {
        match consumer.poll_event(Duration::from_millis(500)).await.unwrap() {
            Some(ConsumerEvent::Fetched(batches)) => {
                for fetched in &batches {
                    let batch = fetched.open(1 << 20).unwrap();
                    for record in fetched.records(&batch) {
                        let value = record.unwrap().value.unwrap();
                        seen.borrow_mut().insert(u64::from_be_bytes(value.try_into().unwrap()));
                    }
                }
                // A commit may fail while the group rebalances; then the records are read again.
                let _ = consumer.commit(consumer.positions()).await;
            }
            Some(ConsumerEvent::Revoked(_)) => {
                let _ = consumer.commit(consumer.positions()).await;
            }
            Some(ConsumerEvent::Assigned(_) | ConsumerEvent::Lost(_)) | None => {}
        }
    }
    consumer.close().await;
}

#[test]
fn a_group_of_two_reads_everything_through_a_death_and_a_power_loss() {
    for_each_seed(|seed| {
        simulate(|| async { LocalSet::new().run_until(run(seed, Faults::rough())).await });
    });
}

#[test]
fn a_group_recovers_from_errors_and_silence() {
    let mut meddled = 0;
    for_each_seed(|seed| {
        meddled += simulate(|| async { LocalSet::new().run_until(run(seed, Faults::hostile())).await });
    });
    assert!(meddled > 0, "too gentle");
}

/// Gives how many requests were meddled with.
async fn run(seed: u64, faults: Faults) -> u64 {
    let mut cluster = SimCluster::start(seed, Faults::none()).unwrap();
    let client = cluster.client_with(impatient()).await.unwrap();
    create_topic(&client).await;
    publish(&client).await;
    cluster.net.set_faults(faults);
    let seen = Seen::default();
    let is_cooperative = (seed / 2).is_multiple_of(2);
    let assignor = if is_cooperative { Assignor::CooperativeSticky } else { Assignor::Range };
    let doomed = tokio::task::spawn_local(member(client.clone(), assignor, Rc::clone(&seen)));
    let survivor = tokio::task::spawn_local(member(client.clone(), assignor, Rc::clone(&seen)));
    pause(Duration::from_millis(200 * (seed % 10))).await;
    doomed.abort();
    if seed.is_multiple_of(2) {
        cluster.lose_power();
        pause(Duration::from_millis(300)).await;
        cluster.power_on().unwrap();
    }
    tokio::time::timeout(Duration::from_mins(10), survivor)
        .await
        .expect("the survivor reads everything")
        .unwrap();
    assert_eq!(seen.borrow().len() as u64, RECORDS);
    let committed = committed(&client).await;
    assert!(committed <= RECORDS as i64, "{committed} committed");
    cluster.meddled()
}

async fn committed(client: &Client<SimConnector>) -> i64 {
    let offsets = client.admin().group_offsets("readers").await.unwrap();
    let of = |partition| offsets.get(&TopicPartition::new(topic(), PartitionId(partition)));
    (0..PARTITIONS).filter_map(of).map(|committed| committed.offset.0).sum()
}
