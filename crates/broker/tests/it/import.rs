//! Topics that were written elsewhere and are taken in: whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_broker::{Broker, BrokerConfig, Execution, ImportError, TopicImport, import_topic};
use headwater_log::{Disk, LogError, RealDisk};
use headwater_model::{Entropy, ErrorCode, Offset, ProducerId, SystemClock};
use headwater_wire::batch::ControlMarker;
use headwater_wire::messages::init_producer_id::InitProducerIdRequest;
use tokio::io::DuplexStream;

use crate::committed::{append, marker, within};
use crate::groups::fixture::World;
use crate::harness::{Client, batch, config, numbered, open};

/// A folder with the topic "t", of two partitions, and one without it.
struct Folders {
    source: tempfile::TempDir,
    target: tempfile::TempDir,
}

impl Folders {
    /// The source's records have a producer id and a leader epoch that a new broker would give away again.
    async fn new() -> Self {
        let folders = Self { source: tempfile::tempdir().unwrap(), target: tempfile::tempdir().unwrap() };
        for start in 0..3 {
            let broker = open(config(folders.source.path()));
            let mut client = client(&broker);
            if start == 0 {
                client.create("t", 2, &[]).await;
            }
            let values = [format!("a{start}"), format!("b{start}")];
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let produced = client.produce("t", 0, numbered(ProducerId(0), 0, 2 * start, &values)).await;
            assert_eq!(produced.error_code, 0);
            client.produce_value("t", 1, &format!("c{start}")).await;
            broker.close().await;
        }
        folders
    }

    fn import(&self) -> TopicImport {
        let from = self.source.path().join("broker");
        TopicImport { topic: "t".to_owned(), from, settings: BTreeMap::new() }
    }

    fn take_in(&self, import: &TopicImport) -> Result<Vec<(i32, i64, i64)>, ImportError> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new());
        let config = config(self.target.path());
        let taken = import_topic(&config, import, &disk, &SystemClock::new(), Entropy::from_seed(2))?;
        Ok(taken.iter().map(|one| (one.partition, one.start, one.end)).collect())
    }

    fn segment(&self, partition: i32) -> PathBuf {
        self.source.path().join(format!("broker/t-{partition}/{:020}.log", 0))
    }

    /// What lies in the target, by name.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.target.path().join("broker")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with("__")).collect()
    }
}

fn client(broker: &Broker) -> Client<DuplexStream> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let broker = broker.clone();
    tokio::spawn(async move { broker.serve_connection(far, "127.0.0.1:5").await });
    Client::new(near)
}

fn snapshot(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

#[tokio::test]
async fn a_topic_that_is_taken_in_is_read_and_written_as_it_was_where_it_came_from() {
    let folders = Folders::new().await;
    let before = snapshot(&folders.source.path().join("broker/t-0"));
    assert_eq!(folders.take_in(&folders.import()).unwrap(), [(0, 0, 6), (1, 0, 3)]);
    assert_eq!(snapshot(&folders.source.path().join("broker/t-0")), before, "the source is not changed");

    let broker = open(config(folders.target.path()));
    let mut client = client(&broker);
    assert_eq!(client.values("t", 0, 0).await, ["a0", "b0", "a1", "b1", "a2", "b2"]);
    assert_eq!(client.values("t", 1, 0).await, ["c0", "c1", "c2"]);
    // A producer that is new here is not taken for the one that wrote there.
    let request = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let id = ProducerId(client.call(5, &request).await.producer_id);
    assert!(id > ProducerId(0));
    assert_eq!(client.produce("t", 0, numbered(id, 0, 0, &["new"])).await.base_offset, 6);
    let mut epochs: Vec<i32> = Vec::new();
    let records = client.fetch("t", 0, 0, 0).await.records.unwrap().to_bytes().unwrap();
    for batch in headwater_wire::batch::batches(records) {
        epochs.push(batch.unwrap().header().leader_epoch.0);
    }
    assert!(epochs.is_sorted(), "leader epochs never fall: {epochs:?}");
    broker.close().await;
}

#[tokio::test]
async fn a_damaged_byte_is_refused_by_file_and_position_and_leaves_nothing() {
    let folders = Folders::new().await;
    let segment = folders.segment(1);
    let whole = std::fs::read(&segment).unwrap();
    for at in [0, 30, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&segment, damaged).unwrap();
        let error = folders.take_in(&folders.import()).unwrap_err();
        let ImportError::Partition { partition: 1, source: LogError::Damaged { file, position, .. } } = error
        else {
            panic!("byte {at}: {error}");
        };
        assert_eq!(file, segment, "the error names the original");
        assert!(position <= at as u64, "byte {at}: {position}");
        assert_eq!(folders.left(), Vec::<String>::new());
    }
    // Cut short, too: nobody knows here what was acknowledged there.
    std::fs::write(&segment, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(folders.take_in(&folders.import()), Err(ImportError::Partition { partition: 1, .. })));
    std::fs::write(&segment, &whole).unwrap();
    folders.take_in(&folders.import()).unwrap();
}

#[tokio::test]
async fn a_topic_that_is_there_or_lacks_a_partition_is_not_taken_in() {
    let folders = Folders::new().await;
    std::fs::rename(folders.source.path().join("broker/t-0"), folders.source.path().join("broker/t-2"))
        .unwrap();
    let missing = folders.take_in(&folders.import()).unwrap_err();
    assert!(matches!(missing, ImportError::Missing { missing: 0, .. }), "{missing}");
    let other = TopicImport { topic: "other".to_owned(), ..folders.import() };
    assert!(matches!(folders.take_in(&other), Err(ImportError::Missing { missing: 0, .. })));
    std::fs::rename(folders.source.path().join("broker/t-2"), folders.source.path().join("broker/t-0"))
        .unwrap();
    let settings = BTreeMap::from([("no.such".to_owned(), "1".to_owned())]);
    let refused = folders.take_in(&TopicImport { settings, ..folders.import() });
    assert!(matches!(refused, Err(ImportError::Topic(_))));
    folders.take_in(&folders.import()).unwrap();
    let twice = folders.take_in(&folders.import()).unwrap_err();
    assert!(matches!(&twice, ImportError::Topic(error) if error.code() == ErrorCode::TopicAlreadyExists));
}

#[tokio::test(start_paused = true)]
async fn a_power_loss_while_a_topic_is_taken_in_leaves_it_whole_or_absent() {
    let mut world = World::new().await;
    let mut source = world.client();
    for value in ["x", "y"] {
        assert_eq!(source.produce("t", 2, batch(&[value])).await.error_code, 0);
    }
    world.broker().close().await;
    let disk: Arc<dyn Disk> = Arc::new(world.disk.clone());
    let mut outcomes = [0, 0];
    for round in 1.. {
        let data_dir = PathBuf::from(format!("/other{round}"));
        let config = BrokerConfig { data_dir, execution: Execution::Inline, ..BrokerConfig::default() };
        let import =
            TopicImport { topic: "t".to_owned(), from: "/data/broker".into(), settings: BTreeMap::new() };
        world.disk.power_fails_at(world.disk.operations() + round);
        let clock = SystemClock::new();
        let done = import_topic(&config, &import, &disk, &clock, Entropy::from_seed(round));
        let power_held = world.disk.is_powered();
        world.disk.power_loss();
        let broker = Broker::open(config, disk.clone(), Arc::new(clock), Entropy::from_seed(9)).unwrap();
        if broker.topic("t").is_some() {
            outcomes[1] += 1;
            let mut client = client(&broker);
            assert_eq!(client.values("t", 2, 0).await, ["x", "y"], "round {round}");
            client.produce_value("t", 0, "z").await;
        } else {
            outcomes[0] += 1;
            assert!(done.is_err(), "round {round}: what was reported as taken in is there");
        }
        broker.close().await;
        if power_held {
            done.unwrap();
            break;
        }
    }
    assert!(outcomes[0] > 20 && outcomes[1] > 0, "{outcomes:?}");
}

#[tokio::test]
async fn a_topic_that_ends_within_a_transaction_is_refused() {
    let folders = Folders::new().await;
    append(folders.source.path(), vec![within(77, &["undecided"])]);
    let error = folders.take_in(&folders.import()).unwrap_err();
    let ImportError::Partition { partition: 0, source: LogError::OpenTransaction { offset, .. } } = error
    else {
        panic!("{error}");
    };
    assert_eq!(offset, Offset(6));
    assert_eq!(folders.left(), Vec::<String>::new());
    append(folders.source.path(), vec![marker(77, ControlMarker::Abort)]);
    assert_eq!(folders.take_in(&folders.import()).unwrap(), [(0, 0, 8), (1, 0, 3)]);
}
