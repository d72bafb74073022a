//! What a producer is told is what is in the log, through cut connections, lost answers and power losses.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::{Client, ProducerConfig, ProducerRecord, RecordMetadata, SendError};
use headwater_model::{Entropy, Offset, PartitionId};
use headwater_testkit::{Faults, SimCluster, SimConnector, Trace, simulate};

use crate::world::{PARTITIONS, create_topic, for_each_seed, impatient, pause, read_all, topic};

const RECORDS: u64 = 400;

/// What became of each record, by its value.
type Outcomes = BTreeMap<u64, Result<RecordMetadata, SendError>>;

/// A client that gives up on a silent connection before a patient producer gives up on its records.
async fn connect(cluster: &mut SimCluster) -> Client<SimConnector> {
    for _ in 0..100 {
        if let Ok(client) = cluster.client_with(impatient()).await {
            return client;
        }
        pause(Duration::from_millis(100)).await;
    }
    panic!("no connection in a hundred tries");
}

/// Sends the records, each to the partition that its number says, at a pace of its own.
async fn produce(client: Client<SimConnector>, mut entropy: Entropy, delivery_timeout: Duration) -> Outcomes {
    let config = ProducerConfig { delivery_timeout, ..ProducerConfig::default() };
    let producer = client.producer(config);
    let topic = topic();
    let mut deliveries = Vec::new();
    for number in 0..RECORDS {
        let value = number.to_be_bytes();
        let partition = PartitionId((number % PARTITIONS as u64) as i32);
        let record = ProducerRecord::new(&topic, &value).partition(partition);
        deliveries.push((number, producer.send(record).await));
        if entropy.chance(1, 5) {
            pause(Duration::from_millis(entropy.below(100))).await;
        }
    }
    let mut outcomes = Outcomes::new();
    for (number, sent) in deliveries {
        let outcome = match sent {
            Ok(delivery) => delivery.await,
            Err(error) => Err(error),
        };
        outcomes.insert(number, outcome);
    }
    outcomes
}

/// Compares what the producer was told with what consumers see.
fn check(outcomes: &Outcomes, log: &BTreeMap<PartitionId, Vec<(Offset, u64)>>) {
    let mut found: BTreeMap<u64, (PartitionId, Offset)> = BTreeMap::new();
    for (partition, records) in log {
        for (offset, value) in records {
            let twice = found.insert(*value, (*partition, *offset));
            assert_eq!(twice, None, "record {value} is there twice");
        }
        assert!(records.is_sorted_by_key(|(_, value)| *value), "{partition} is out of order: {records:?}");
    }
    for (number, outcome) in outcomes {
        match outcome {
            Ok(written) => {
                let (partition, offset) =
                    found.get(number).unwrap_or_else(|| panic!("record {number} is lost"));
                assert_eq!(*partition, written.topic_partition.partition);
                // A duplicate whose place the broker no longer knew is acknowledged without one.
                assert!(written.offset == *offset || written.offset == Offset::NONE, "record {number}");
            }
            Err(SendError::NotWritten { .. }) => {
                assert!(!found.contains_key(number), "record {number} is there, but was said not to be");
            }
            Err(SendError::PossiblyWritten { .. }) => {}
        }
    }
}

/// What happened in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Summary {
    trace: Trace,
    meddled: u64,
    acknowledged: usize,
    not_written: usize,
    possibly_written: usize,
}

impl Summary {
    fn of(outcomes: &Outcomes, trace: Trace) -> Self {
        let mut summary = Self { trace, ..Self::default() };
        for outcome in outcomes.values() {
            match outcome {
                Ok(_) => summary.acknowledged += 1,
                Err(SendError::NotWritten { .. }) => summary.not_written += 1,
                Err(SendError::PossiblyWritten { .. }) => summary.possibly_written += 1,
            }
        }
        summary
    }
}

fn run(seed: u64, power_losses: u64, delivery_timeout: Duration) -> Summary {
    run_with(seed, power_losses, delivery_timeout, Faults::rough())
}

fn run_with(seed: u64, power_losses: u64, delivery_timeout: Duration, faults: Faults) -> Summary {
    simulate(|| async move {
        let mut entropy = Entropy::from_seed(seed ^ 0x5eed);
        let mut cluster = SimCluster::start(seed, Faults::none()).unwrap();
        let client = connect(&mut cluster).await;
        create_topic(&client).await;
        cluster.net.set_faults(faults);
        // The connections so far were made on a good network.
        cluster.net.cut_all();
        let producing = tokio::spawn(produce(client.clone(), entropy.fork(), delivery_timeout));
        for _ in 0..power_losses {
            pause(Duration::from_millis(entropy.below(2_000))).await;
            cluster.lose_power();
            pause(Duration::from_millis(entropy.below(2_000))).await;
            cluster.power_on().unwrap();
        }
        let outcomes = producing.await.unwrap();
        cluster.net.set_faults(Faults::none());
        cluster.net.cut_all();
        let reader = connect(&mut cluster).await;
        check(&outcomes, &read_all(&reader).await);
        Summary { meddled: cluster.meddled(), ..Summary::of(&outcomes, cluster.net.trace()) }
    })
}

const PATIENT: Duration = Duration::from_mins(1);
const HASTY: Duration = Duration::from_millis(700);

#[test]
fn a_patient_producer_gets_everything_acknowledged_on_a_rough_network() {
    let mut cuts = 0;
    for_each_seed(|seed| {
        let summary = run(seed, 0, PATIENT);
        assert_eq!(summary.acknowledged, RECORDS as usize, "{summary:?}");
        cuts += summary.trace.cuts;
    });
    assert!(cuts > 0, "too gentle");
}

#[test]
fn what_was_acknowledged_survives_power_losses() {
    for_each_seed(|seed| {
        let summary = run(seed, 1 + seed % 3, PATIENT);
        assert_eq!(summary.acknowledged, RECORDS as usize, "{summary:?}");
    });
}

#[test]
fn errors_and_silence_lose_nothing_and_double_nothing() {
    let mut seen = Summary::default();
    for_each_seed(|seed| {
        let summary = run_with(seed, seed % 2, PATIENT, Faults::hostile());
        assert_eq!(summary.acknowledged, RECORDS as usize, "{summary:?}");
        let hasty = run_with(seed, seed % 3, HASTY, Faults::hostile());
        seen.meddled += summary.meddled + hasty.meddled;
        seen.trace.silenced += summary.trace.silenced + hasty.trace.silenced;
        seen.not_written += hasty.not_written;
        seen.possibly_written += hasty.possibly_written;
    });
    assert!(seen.meddled > 0 && seen.trace.silenced > 0, "too gentle: {seen:?}");
    assert!(seen.not_written > 0 && seen.possibly_written > 0, "too gentle: {seen:?}");
}

#[test]
fn a_hasty_producer_is_told_what_was_certainly_not_written_and_what_perhaps_was() {
    let mut seen = Summary::default();
    for_each_seed(|seed| {
        let summary = run(seed, 1 + seed % 3, HASTY);
        seen.not_written += summary.not_written;
        seen.possibly_written += summary.possibly_written;
    });
    assert!(seen.not_written > 0 && seen.possibly_written > 0, "too gentle: {seen:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let first = run(7, 1, HASTY);
    assert_eq!(run(7, 1, HASTY), first);
    assert_ne!(run(8, 1, HASTY).trace.digest, first.trace.digest);
}
