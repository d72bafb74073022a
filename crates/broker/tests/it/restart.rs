//! What a broker keeps over its end, orderly or not.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_broker::{Broker, BrokerConfig, Durability};
use headwater_log::sim::Operation;
use headwater_log::{Disk, DiskFile, Entry, RealDisk};
use headwater_model::{Entropy, ErrorCode, ProducerId, SystemClock};
use headwater_wire::messages::init_producer_id::InitProducerIdRequest;
use headwater_wire::messages::metadata::{MetadataRequest, MetadataResponse};
use headwater_wire::messages::produce::{ProduceRequest, ProduceResponse};
use headwater_wire::protocol::ReadAt;
use tokio::io::DuplexStream;
use tokio::net::TcpStream;

use crate::groups::fixture::{World, pass};
use crate::harness::{
    Client, Server, batch, config, connect, fetch_request, numbered, open, produce_request, values,
};

async fn new_id(client: &mut Client<DuplexStream>) -> i64 {
    let request = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let answer = client.call(5, &request).await;
    assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::None);
    answer.producer_id
}

async fn metadata(client: &mut Client<DuplexStream>) -> MetadataResponse {
    client.call(12, &MetadataRequest { topics: None, ..Default::default() }).await
}

#[tokio::test(start_paused = true)]
async fn topics_records_and_identities_survive_orderly_ends_and_power_losses() {
    let mut world = World::new().await;
    let mut client = world.client();
    client.create("kept", 2, &[("cleanup.policy", "compact")]).await;
    client.create("gone", 2, &[]).await;
    client.produce_value("gone", 0, "v").await;
    client.delete("gone").await;
    let id = ProducerId(new_id(&mut client).await);
    assert_eq!(client.produce("kept", 1, numbered(id, 0, 0, &["a"])).await.error_code, 0);
    let before = metadata(&mut client).await;
    let mut epoch = before.topics[0].partitions[0].leader_epoch;
    let mut ids = vec![id.0];
    for round in 0..6 {
        if round % 2 == 0 {
            world.restart().await;
        } else {
            world.crash().await;
        }
        let mut client = world.client();
        let after = metadata(&mut client).await;
        assert_eq!(after.cluster_id, before.cluster_id);
        let topics = |response: &MetadataResponse| -> Vec<_> {
            response.topics.iter().map(|t| (t.name.clone(), t.topic_id, t.partitions.len())).collect()
        };
        assert_eq!(topics(&after), topics(&before));
        let new_epoch = after.topics[0].partitions[0].leader_epoch;
        assert_eq!(new_epoch, epoch + 1, "the leader epoch rises at each start");
        epoch = new_epoch;
        let repeat = client.produce("kept", 1, numbered(id, 0, 0, &["a"])).await;
        assert_eq!((repeat.error_code, repeat.base_offset), (0, 0), "a repeat is known over restarts");
        assert_eq!(client.values("kept", 1, 0).await, ["a"]);
        ids.push(new_id(&mut client).await);
    }
    assert!(ids.is_sorted_by(|earlier, later| earlier < later), "{ids:?}");
    let mut client = world.client();
    client.create("gone", 1, &[]).await;
    assert_eq!(client.values("gone", 0, 0).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn everything_acknowledged_survives_a_power_loss_at_any_time() {
    for round in 0..40 {
        let mut world = World::new().await;
        let mut client = world.client();
        let mut acknowledged = Vec::new();
        world.disk.power_fails_at(world.disk.operations() + round);
        for n in 0..20 {
            let value = n.to_string();
            let produced = client.produce("t", 0, batch(&[&value])).await;
            if produced.error_code != 0 {
                break;
            }
            acknowledged.push(value);
        }
        let seen = client.fetch("t", 0, 0, 0).await.high_watermark;
        assert!(seen <= acknowledged.len() as i64, "consumers see nothing that is not durable");
        world.crash().await;
        let kept = world.client().values("t", 0, 0).await;
        assert!(kept.starts_with(&acknowledged), "power failed after {round}: {kept:?}, {acknowledged:?}");
        assert!(kept.len() <= acknowledged.len() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_power_loss_while_topics_come_and_go_leaves_each_whole_or_absent() {
    for round in 0..60 {
        let mut world = World::new().await;
        let mut client = world.client();
        client.create("old", 2, &[]).await;
        client.produce_value("old", 1, "v").await;
        world.disk.power_fails_at(world.disk.operations() + round);
        let created = client.try_create("new", 2, &[]).await;
        let deleted = client.try_delete("old").await;
        world.crash().await;
        let mut client = world.client();
        let topics = metadata(&mut client).await.topics;
        let find = |name: &str| topics.iter().find(|topic| topic.name.as_deref() == Some(name));
        let online = |name: &str| find(name).is_some_and(|t| t.partitions.iter().all(|p| p.error_code == 0));
        assert!(find("new").is_none() || online("new"));
        assert!(
            created != ErrorCode::None || online("new"),
            "an acknowledged topic is there (round {round})"
        );
        assert!(find("old").is_none() || online("old"));
        if deleted == ErrorCode::None {
            assert!(find("old").is_none(), "a deleted topic stays deleted (round {round})");
            client.create("old", 2, &[]).await;
            assert_eq!(client.values("old", 1, 0).await, Vec::<String>::new());
        } else if find("old").is_some() {
            assert_eq!(client.values("old", 1, 0).await, ["v"]);
        }
    }
}

async fn stop(broker: Broker) {
    broker.close().await;
    drop(broker);
    // The background tasks let go of it.
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn a_folder_that_belongs_to_no_topic_is_moved_aside_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    stop(open(config(dir.path()))).await;
    let stray = dir.path().join("broker/unknown-0");
    std::fs::create_dir(&stray).unwrap();
    std::fs::write(stray.join("00000000000000000000.log"), b"something").unwrap();
    stop(open(config(dir.path()))).await;
    assert!(!stray.exists());
    let aside = dir.path().join("broker/unknown-0.0-stray/00000000000000000000.log");
    assert_eq!(std::fs::read(aside).unwrap(), b"something");
}

#[tokio::test]
async fn a_partition_whose_log_cannot_be_opened_is_offline_and_the_others_serve() {
    let dir = tempfile::tempdir().unwrap();
    let serve = |dir: &Path| {
        let broker = open(config(dir));
        let (near, far) = tokio::io::duplex(64 * 1024);
        let serving = broker.clone();
        let connection = tokio::spawn(async move { serving.serve_connection(far, "test").await });
        (broker, connection, Client::new(near))
    };
    let (broker, connection, mut client) = serve(dir.path());
    client.create("t", 2, &[]).await;
    drop(client);
    connection.await.unwrap();
    stop(broker).await;
    let log = dir.path().join("broker/t-1");
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::write(&log, b"no folder").unwrap();

    let (broker, connection, mut client) = serve(dir.path());
    let partitions = metadata(&mut client).await.topics.remove(0).partitions;
    let leaders: Vec<_> =
        partitions.iter().map(|p| (p.leader_id, ErrorCode::from_code(p.error_code))).collect();
    assert_eq!(leaders, [(1, ErrorCode::None), (-1, ErrorCode::LeaderNotAvailable)]);
    client.produce_value("t", 0, "v").await;
    let produced = client.produce("t", 1, batch(&["v"])).await;
    assert_eq!(ErrorCode::from_code(produced.error_code), ErrorCode::KafkaStorageError);
    let fetched = client.fetch("t", 1, 0, 0).await;
    assert_eq!(ErrorCode::from_code(fetched.error_code), ErrorCode::KafkaStorageError);
    client.delete("t").await;
    drop(client);
    connection.await.unwrap();
    stop(broker).await;
}

#[tokio::test]
async fn a_shutdown_lets_waiting_fetches_return_and_closes_the_logs_in_order() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.create("t", 1, &[]).await;
    client.produce_value("t", 0, "v").await;
    client.send(12, &fetch_request("t", 0, 1, 60_000)).await;
    pass(Duration::from_millis(50)).await;
    let address = server.running.local_addr();
    let started = tokio::time::Instant::now();
    server.running.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(4));
    assert!(client.receive_frame().await.is_some(), "the waiting fetch is answered");
    assert_eq!(client.receive_frame().await, None);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_found_after_a_death_is_durable_before_it_is_served() {
    let mut world = World::with(|config| config.durability = Durability::Os).await;
    let mut client = world.client();
    for partition in 0..3 {
        client.produce_value("t", partition, "written, and never synced").await;
    }
    world.die(|config| config.durability = Durability::Fsync).await;
    let mut client = world.client();
    for partition in 0..3 {
        assert_eq!(client.values("t", partition, 0).await, ["written, and never synced"]);
    }
    world.crash().await;
    let mut client = world.client();
    for partition in 0..3 {
        assert_eq!(client.values("t", partition, 0).await, ["written, and never synced"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_durable_after_a_death_is_not_served() {
    let mut world = World::with(|config| config.durability = Durability::Os).await;
    world.client().produce_value("t", 1, "v").await;
    // The log of metadata is synced three times before, which succeeds; then all others together.
    let disk = world.disk.clone();
    world
        .die(|config| {
            config.durability = Durability::Fsync;
            disk.fail_after(3, Operation::Sync, io::ErrorKind::Other);
        })
        .await;
    assert_eq!(world.disk.forget_failures(), 0, "it has failed");
    let mut client = world.client();
    let answer = client.produce("t", 1, batch(&["more"])).await;
    assert_eq!(ErrorCode::from_code(answer.error_code), ErrorCode::KafkaStorageError);
    client.produce_value("t", 0, "a neighbour that held nothing").await;
    world.crash().await;
    client = world.client();
    client.produce_value("t", 1, "more").await;
}

/// A disk whose syncs, or writes, wait for ever once it is told so, whose next write panics, or whose next sync fails. Files
/// are synced each by itself, at the same time.
#[derive(Debug, Clone, Default)]
struct Hanging {
    disk: RealDisk,
    syncs_hang: Arc<AtomicBool>,
    next_sync_fails: Arc<AtomicBool>,
    writes_hang: Arc<AtomicBool>,
    next_write_panics: Arc<AtomicBool>,
}

/// A file of that disk.
#[derive(Debug)]
struct HangingFile {
    file: Arc<dyn DiskFile>,
    disk: Hanging,
}

fn wait_while(hangs: &AtomicBool) {
    while hangs.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

impl Hanging {
    fn wrap(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(HangingFile { file, disk: self.clone() })
    }

    /// A broker over this disk.
    fn broker(&self, dir: &Path) -> Broker {
        let config = BrokerConfig { close_timeout: Duration::from_millis(300), ..config(dir) };
        let clock = Arc::new(SystemClock::new());
        Broker::open(config, Arc::new(self.clone()), clock, Entropy::from_seed(1)).unwrap()
    }
}

impl ReadAt for HangingFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    fn as_std_file(&self) -> Option<&File> {
        self.file.as_std_file()
    }
}

impl DiskFile for HangingFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        wait_while(&self.disk.writes_hang);
        assert!(!self.disk.next_write_panics.swap(false, Ordering::Relaxed), "a fault of the broker's own");
        self.file.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }
}

impl Disk for Hanging {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(path).map(|file| self.wrap(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(path).map(|file| self.wrap(file))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir(path)
    }

    fn sync(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        let fails = self.next_sync_fails.swap(false, Ordering::Relaxed);
        wait_while(&self.syncs_hang);
        if fails {
            return Err(io::Error::other("a file that cannot be synced"));
        }
        self.disk.sync(files)
    }

    fn sync_calls(&self, files: usize) -> usize {
        files.max(1)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
}

#[tokio::test]
async fn a_disk_that_hangs_does_not_keep_the_broker_from_ending() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Hanging::default();
    let broker = disk.broker(dir.path());
    let running = broker.listen("127.0.0.1:0").await.unwrap();
    let mut client = connect(&running).await;
    client.create("t", 1, &[]).await;
    client.produce_value("t", 0, "durable").await;
    disk.syncs_hang.store(true, Ordering::Relaxed);
    client.send(9, &produce_request("t", 0, -1, batch(&["never acknowledged"]))).await;
    drop(client);
    drop(broker);
    tokio::time::timeout(Duration::from_secs(20), running.shutdown()).await.expect("the broker ends");
    disk.syncs_hang.store(false, Ordering::Relaxed);
}

/// Appends are written by the log's threads alone, and reading waits for none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_stops_no_connection_that_does_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Hanging::default();
    let running = disk.broker(dir.path()).listen("127.0.0.1:0").await.unwrap();
    let client = async || connect(&running).await;
    let mut bystander = client().await;
    bystander.create("t", 6, &[]).await;
    bystander.produce_value("t", 0, "read me").await;
    disk.writes_hang.store(true, Ordering::Relaxed);
    let mut writers = Vec::new();
    for partition in 0..6 {
        let mut writer = client().await;
        writer.send(9, &produce_request("t", partition, -1, batch(&["late"]))).await;
        writers.push(writer);
    }
    for _ in 0..20 {
        let request = fetch_request("t", 0, 0, 0);
        let answer = tokio::time::timeout(Duration::from_secs(10), bystander.call(12, &request)).await;
        let answer = answer.expect("a read does not wait for writes");
        assert_eq!(values(&answer.responses[0].partitions[0]), ["read me"]);
    }
    disk.writes_hang.store(false, Ordering::Relaxed);
    for mut writer in writers {
        assert!(writer.receive_frame().await.is_some(), "what had to wait is answered");
    }
    running.shutdown().await;
}

/// A request with a batch for each of some partitions.
fn produce_to_each(topic: &str, partitions: Range<i32>, value: &str) -> ProduceRequest {
    let mut requests = partitions.map(|partition| produce_request(topic, partition, -1, batch(&[value])));
    let mut all = requests.next().unwrap();
    for mut request in requests {
        all.topic_data[0].partition_data.append(&mut request.topic_data[0].partition_data);
    }
    all
}

fn codes(answer: &ProduceResponse) -> Vec<ErrorCode> {
    let codes = answer.responses[0].partition_responses.iter().map(|answer| answer.error_code);
    codes.map(ErrorCode::from_code).collect()
}

#[tokio::test]
async fn a_file_that_cannot_be_synced_is_told_of_all_that_were_synced_with_it_and_of_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Hanging::default();
    let running = disk.broker(dir.path()).listen("127.0.0.1:0").await.unwrap();
    let mut client = connect(&running).await;
    client.create("t", 4, &[]).await;
    client.produce_value("t", 3, "elsewhere").await;
    // What waits behind a sync that hangs is synced together.
    disk.syncs_hang.store(true, Ordering::Relaxed);
    let mut first = connect(&running).await;
    first.send(9, &produce_request("t", 3, -1, batch(&["first"]))).await;
    pass(Duration::from_millis(200)).await;
    client.send(9, &produce_to_each("t", 0..3, "lost")).await;
    pass(Duration::from_millis(200)).await;
    disk.next_sync_fails.store(true, Ordering::Relaxed);
    disk.syncs_hang.store(false, Ordering::Relaxed);
    let (_, answer) = first.receive::<ProduceRequest>(9).await;
    assert_eq!(codes(&answer), [ErrorCode::None]);
    let (_, answer) = client.receive::<ProduceRequest>(9).await;
    assert_eq!(codes(&answer), [ErrorCode::KafkaStorageError; 3]);
    client.produce_value("t", 3, "a neighbour").await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_panic_while_writing_ends_its_partition_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Hanging::default();
    let running = disk.broker(dir.path()).listen("127.0.0.1:0").await.unwrap();
    let mut client = connect(&running).await;
    client.create("t", 3, &[]).await;
    client.produce_value("t", 0, "before").await;
    disk.next_write_panics.store(true, Ordering::Relaxed);
    let request = produce_to_each("t", 0..3, "a value");
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        outcomes.push(codes(&client.call(9, &request).await));
    }
    let neighbours = [ErrorCode::None; 2];
    assert_eq!(outcomes[0], [&[ErrorCode::NotLeaderOrFollower][..], &neighbours].concat());
    assert_eq!(outcomes[1], [&[ErrorCode::KafkaStorageError][..], &neighbours].concat());
    assert_eq!(client.values("t", 0, 0).await, ["before"]);
    assert_eq!(client.values("t", 2, 0).await, ["a value", "a value"]);
    running.shutdown().await;
}
