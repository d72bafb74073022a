//! Tasks that change hands while their stores are being filled, in memory and on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use headwater_client::{Assignor, ConsumerConfig, GroupProtocol, ProducerConfig, ProducerRecord};
use headwater_model::{Entropy, Timestamp};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{Guarantee, Progress, Streams, StreamsConfig, StreamsError, Topology};
use headwater_testkit::{Faults, SimCluster, SimConnector, simulate};
use tempfile::TempDir;

use crate::runtime::{SimClient, create, name, newest, pause, records};

/// How many keys there are: filling the stores takes many fetches.
const KEYS: usize = 600;

/// Counts lines per key.
fn counts() -> Topology {
    let mut app = Topology::builder("counts").guarantee(Guarantee::AtLeastOnce);
    let lines = app.stream::<String, String, _, _>("lines", serdes(utf8(), utf8()));
    lines.group_by_key().count("all").updates().to("all", serdes(utf8(), long()));
    app.build().unwrap()
}

/// Adds a line to each key.
async fn publish(client: &SimClient) {
    let producer = client.producer(ProducerConfig::default());
    let topic = name("lines");
    for key in 0..KEYS {
        let key = format!("key-{key}");
        let record = ProducerRecord::new(&topic, b"line").key(key.as_bytes());
        producer.send(record.timestamp(Timestamp(1))).await.unwrap();
    }
    producer.close().await.unwrap();
}

fn each(count: i64) -> BTreeMap<String, i64> {
    (0..KEYS).map(|key| (format!("key-{key}"), count)).collect()
}

/// What makes it read changelogs little by little.
fn slowly() -> StreamsConfig {
    let producer = ProducerConfig { batch_size: 512, ..ProducerConfig::default() };
    let config = StreamsConfig::default().consumer;
    let consumer =
        ConsumerConfig { partition_max_bytes: 512, fetch_max_bytes: 512, prefetch_bytes: 512, ..config };
    StreamsConfig { producer, consumer, ..StreamsConfig::default() }
}

/// Reads little by little, writes at once, and may not go for long without a poll.
fn impatient() -> StreamsConfig {
    let mut config = StreamsConfig { producer: StreamsConfig::default().producer, ..slowly() };
    config.consumer.max_poll_interval = Duration::from_secs(2);
    config
}

fn on_disk(workers: usize, folder: &Path) -> StreamsConfig {
    StreamsConfig { workers, state_dir: Some(folder.to_owned()), ..slowly() }
}

/// A slow network, and topics of so many partitions with a line for each key, counted.
async fn cluster(seed: u64, partitions: i32) -> (SimCluster, SimClient) {
    let slow = Faults { max_delay: Duration::from_millis(200), ..Faults::none() };
    let mut cluster = SimCluster::start(seed, Faults::none()).unwrap();
    let client = cluster.client("streams").await.unwrap();
    create(&client, &[("lines", partitions), ("all", 1)]).await;
    publish(&client).await;
    Streams::run_bounded(counts(), client.clone(), slowly()).await.unwrap();
    cluster.net.set_faults(slow);
    cluster.net.cut_all();
    (cluster, client)
}

async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Ends an instance, which must neither have failed nor take for ever.
async fn in_time(end: impl Future<Output = Result<Progress, StreamsError>>) {
    within(Duration::from_mins(10), end).await.expect("it takes for ever").unwrap();
}

#[test]
fn filling_stores_may_take_longer_than_a_member_may_go_without_a_poll() {
    simulate(|| async {
        let (_cluster, client) = cluster(1, 1).await;
        let config = impatient();
        let started = client.clock().monotonic();
        let live = Streams::start(counts(), client.clone(), config).await.unwrap();
        publish(&client).await;
        in_time(live.drain()).await;
        assert!(client.clock().monotonic() - started > Duration::from_secs(4), "that was quick");
        assert_eq!(newest(&client, "all").await, each(2));
    });
}

#[test]
fn a_worker_that_comes_too_late_joins_again_and_does_again_what_it_had_not_committed() {
    simulate(|| async {
        let (cluster, client) = cluster(3, 2).await;
        let config = StreamsConfig { commit_interval: Duration::from_secs(20), ..impatient() };
        let live = Streams::start(counts(), client.clone(), config).await.unwrap();
        pause(Duration::from_mins(1)).await;
        publish(&client).await;
        cluster.net.set_faults(Faults { max_delay: Duration::from_secs(4), ..Faults::none() });
        cluster.net.cut_all();
        pause(Duration::from_mins(1)).await;
        cluster.net.set_faults(Faults::none());
        cluster.net.cut_all();
        in_time(live.drain()).await;
        assert_eq!(newest(&client, "all").await, each(2));
        assert!(records(&client, "all").await.len() > 2 * KEYS, "nothing was done again");
    });
}

#[test]
fn whatever_the_consumers_protocol_instances_divide_whole_tasks() {
    for (protocol, assignor) in [
        (GroupProtocol::Consumer { server_assignor: None }, Assignor::Range),
        (GroupProtocol::Classic, Assignor::CooperativeSticky),
    ] {
        simulate(|| async move {
            let (_cluster, client) = cluster(2, 4).await;
            let mut config = slowly();
            config.consumer.group_protocol = protocol;
            config.consumer.assignors = vec![assignor];
            let first = Streams::start(counts(), client.clone(), config.clone()).await.unwrap();
            pause(Duration::from_mins(1)).await;
            let second = Streams::start(counts(), client.clone(), config).await.unwrap();
            publish(&client).await;
            pause(Duration::from_mins(1)).await;
            assert_eq!((first.progress().tasks, second.progress().tasks), (2, 2));
            second.stop().await.unwrap();
            in_time(first.drain()).await;
            assert_eq!(newest(&client, "all").await, each(2));
        });
    }
}

/// Starts, stops and kills instances at odd times, while lines come in; then one counts the rest.
async fn come_and_go(seed: u64, partitions: i32, config: impl Fn(usize) -> StreamsConfig) {
    let (_cluster, client) = cluster(seed, partitions).await;
    let mut chance = Entropy::from_seed(seed);
    let mut instances: Vec<Option<Streams<SimConnector>>> = vec![None, None, None];
    let mut lines = 1;
    for _ in 0..10 {
        let number = (chance.next_u64() % 3) as usize;
        for live in instances.iter_mut().flatten() {
            let failed = within(Duration::ZERO, live.failed()).await;
            assert!(failed.is_none(), "seed {seed}: {failed:?}");
        }
        match (instances[number].take(), chance.next_u64() % 3) {
            (None, _) => {
                let started = Streams::start(counts(), client.clone(), config(number)).await;
                instances[number] = Some(started.unwrap());
            }
            (Some(live), 0) => in_time(live.stop()).await,
            (Some(live), 1) => drop(live),
            (Some(live), _) => instances[number] = Some(live),
        }
        if chance.next_u64().is_multiple_of(3) {
            publish(&client).await;
            lines += 1;
        }
        pause(Duration::from_millis(chance.next_u64() % 8_000)).await;
    }
    drop(instances);
    pause(Duration::from_mins(2)).await;
    let last = Streams::start(counts(), client.clone(), config(0)).await.unwrap();
    in_time(last.drain()).await;
    assert_eq!(newest(&client, "all").await, each(lines), "seed {seed}");
}

#[test]
fn a_rebalance_while_stores_are_filled_loses_and_doubles_nothing() {
    for seed in 0..30 {
        simulate(|| come_and_go(seed, 1 + (seed % 4) as i32, |_| StreamsConfig { workers: 2, ..slowly() }));
    }
    for seed in 30..32 {
        let folders = [(); 3].map(|()| TempDir::new().unwrap());
        simulate(|| come_and_go(seed, 3, |number| on_disk(2, folders[number].path())));
    }
}

/// A guest comes and goes, by which the two workers of its host exchange the two tasks, or one of them has none.
async fn with_a_guest(seed: u64, folder: &Path) {
    let (_cluster, client) = cluster(seed, 2).await;
    let host = Streams::start(counts(), client.clone(), on_disk(2, folder)).await.unwrap();
    for _ in 0..3 {
        pause(Duration::from_secs(20)).await;
        let guest = Streams::start(counts(), client.clone(), slowly()).await.unwrap();
        publish(&client).await;
        pause(Duration::from_secs(40)).await;
        in_time(guest.stop()).await;
    }
    in_time(host.drain()).await;
    assert_eq!(newest(&client, "all").await, each(4), "seed {seed}");
}

#[test]
fn workers_exchange_tasks_whose_stores_are_on_disk() {
    for seed in 0..6 {
        let folder = TempDir::new().unwrap();
        simulate(|| with_a_guest(seed, folder.path()));
    }
}
