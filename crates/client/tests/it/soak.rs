//! Producers and a group of consumers on a cluster that is not ours, while somebody kills and restarts its brokers and every
//! other connection is cut: `HEADWATER_TEST_BOOTSTRAP` says where it listens, `HEADWATER_TEST_SECONDS` for how long it goes
//! on (default 10), `HEADWATER_TEST_SEED` which connections are cut when,
//! `HEADWATER_TEST_GROUP_PROTOCOL=consumer` that the coordinator divides the partitions, `=cooperative` that members keep
//! what they can while they do.
//!
//! Proven: what was acknowledged is in the log once, what was said not to be written is not there; each producer's records of
//! a key are in order; the group is handed every record, in order as long as it has a partition; it commits nothing beyond what
//! it was handed, and whoever is given a partition begins no earlier than what was settled as committed.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use headwater_client::admin::{NewTopic, OffsetSpec};
use headwater_client::{
    Assignor, Client, ClientConfig, Connector, Consumer, ConsumerConfig, ConsumerEvent, Delivery,
    GroupProtocol, OffsetReset, ProducerConfig, ProducerRecord, RecordMetadata, SendError, StartAt,
    TcpConnector,
};
use headwater_model::{Entropy, Offset, PartitionId, SystemClock, TopicName, TopicPartition};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::pause;

const PARTITIONS: i32 = 6;
const PRODUCERS: u64 = 2;
const KEYS: u64 = 50;
/// Records of one producer each tenth of a second.
const PACE: u64 = 300;
/// A connection that is cut is cut within so many bytes.
const CUT_WITHIN: u64 = 256 << 10;
/// How soon the group has caught up once the cluster is left alone.
const CATCH_UP: Duration = Duration::from_mins(1);
/// How old an acknowledged commit is that every member has heard of who is given the partition now.
const SETTLED: Duration = Duration::from_secs(20);

type Frail = FrailConnector;

/// TCP, with every other connection cut after some bytes.
struct FrailConnector {
    entropy: Mutex<Entropy>,
    cuts: Arc<AtomicU64>,
}

impl Connector for FrailConnector {
    type Stream = FrailStream;

    async fn connect(&self, host: &str, port: u16) -> io::Result<FrailStream> {
        let stream = TcpConnector.connect(host, port).await?;
        let left = {
            let mut entropy = self.entropy.lock().unwrap();
            entropy.chance(1, 2).then(|| entropy.below(CUT_WITHIN) as usize)
        };
        Ok(FrailStream { stream, left, cuts: Arc::clone(&self.cuts) })
    }
}

struct FrailStream {
    stream: TcpStream,
    /// Cut after so many bytes more.
    left: Option<usize>,
    cuts: Arc<AtomicU64>,
}

impl FrailStream {
    fn pass(&mut self, bytes: usize) -> io::Result<()> {
        let Some(left) = &mut self.left else { return Ok(()) };
        let Some(rest) = left.checked_sub(bytes) else {
            self.cuts.fetch_add(1, Ordering::Relaxed);
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        *left = rest;
        Ok(())
    }
}

impl AsyncRead for FrailStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if matches!(read, Poll::Ready(Ok(()))) {
            self.pass(buf.filled().len() - before)?;
        }
        read
    }
}

impl AsyncWrite for FrailStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = written {
            // They are on their way: the broker may process what the client will never hear of.
            self.pass(written)?;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Which record: the producer's number and the record's.
type Id = (u64, u64);
/// What is in the topic: by partition, in order.
type Log = BTreeMap<PartitionId, Vec<(Offset, Vec<u8>, Id)>>;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

async fn connect(seed: u64, cuts: &Arc<AtomicU64>) -> Client<Frail> {
    let bootstrap = std::env::var("HEADWATER_TEST_BOOTSTRAP").expect("HEADWATER_TEST_BOOTSTRAP is set");
    let mut entropy = Entropy::from_seed(seed);
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let config = ClientConfig {
            request_timeout: Duration::from_secs(10),
            ..ClientConfig::new([bootstrap.clone()])
        };
        let connector = FrailConnector { entropy: Mutex::new(entropy.fork()), cuts: Arc::clone(cuts) };
        match Client::with(config, connector, Arc::new(SystemClock::new()), entropy.fork()).await {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        pause(Duration::from_millis(200)).await;
    }
}

type Outcomes = BTreeMap<u64, Result<RecordMetadata, SendError>>;

/// Produces keyed records at a pace, and gives what became of each.
async fn produce(client: Client<Frail>, topic: TopicName, producer_number: u64, until: Instant) -> Outcomes {
    let producer = client.producer(ProducerConfig::default());
    let mut deliveries: Vec<Result<Delivery, SendError>> = Vec::new();
    while Instant::now() < until {
        for _ in 0..PACE {
            let record = deliveries.len() as u64;
            let value = [producer_number.to_be_bytes(), record.to_be_bytes(), [7; 8]].concat();
            let key = (record % KEYS).to_string();
            deliveries.push(producer.send(ProducerRecord::new(&topic, &value).key(key.as_bytes())).await);
        }
        pause(Duration::from_millis(100)).await;
    }
    let mut outcomes = Outcomes::new();
    for (record, sent) in (0..).zip(deliveries) {
        let outcome = match sent {
            Ok(delivery) => delivery.await,
            Err(error) => Err(error),
        };
        outcomes.insert(record, outcome);
    }
    outcomes
}

/// What the group was handed, over all its members, and what these committed.
#[derive(Debug, Default)]
struct Handed {
    /// The next offset that nobody was handed yet, by partition, as long as all below it were.
    contiguous: BTreeMap<PartitionId, i64>,
    commits: BTreeMap<PartitionId, Vec<Commit>>,
    assignments: u64,
}

/// One that was tried.
#[derive(Debug)]
struct Commit {
    offset: Offset,
    acknowledged: Option<Instant>,
}

impl Handed {
    /// The least offset that may be committed of a partition at a time, and later. A commit is heard of some time after it was
    /// taken up: a member may be given a partition meanwhile, begin before it, and commit that. So the last one that was
    /// settled by then counts, and all that were tried since, whether or not they were answered.
    fn settled(&self, partition: PartitionId, by: Instant) -> Offset {
        let commits = self.commits.get(&partition).map_or(&[][..], Vec::as_slice);
        let is_settled = |commit: &Commit| commit.acknowledged.is_some_and(|at| at + SETTLED < by);
        let since = commits.iter().rposition(is_settled).map_or(&[][..], |settled| &commits[settled..]);
        since.iter().map(|commit| commit.offset).min().unwrap_or(Offset::ZERO)
    }

    /// A commit is tried; gives its place among those of its partition.
    fn tries(&mut self, partition: PartitionId, offset: Offset) -> (PartitionId, usize) {
        let commits = self.commits.entry(partition).or_default();
        commits.push(Commit { offset, acknowledged: None });
        (partition, commits.len() - 1)
    }
}

fn group_protocol() -> GroupProtocol {
    match std::env::var("HEADWATER_TEST_GROUP_PROTOCOL").as_deref() {
        Ok("consumer") => GroupProtocol::Consumer { server_assignor: None },
        _ => GroupProtocol::Classic,
    }
}

fn assignors() -> Vec<Assignor> {
    match std::env::var("HEADWATER_TEST_GROUP_PROTOCOL").as_deref() {
        Ok("cooperative") => vec![Assignor::CooperativeSticky],
        _ => vec![Assignor::Range],
    }
}

/// Reads as a member until told to stop.
async fn member(client: Client<Frail>, topic: TopicName, handed: Arc<Mutex<Handed>>, stop: Arc<AtomicU64>) {
    let consumer = client.consumer(ConsumerConfig {
        group_protocol: group_protocol(),
        assignors: assignors(),
        auto_offset_reset: OffsetReset::Earliest,
        session_timeout: Duration::from_secs(10),
        ..ConsumerConfig::in_group(topic.as_str())
    });
    consumer.subscribe([topic]).unwrap();
    let mut next_of: BTreeMap<PartitionId, Next> = BTreeMap::new();
    let mut looked = Instant::now();
    while stop.load(Ordering::Relaxed) == 0 {
        // What is told now was found out since the member looked last.
        let last_looked = std::mem::replace(&mut looked, Instant::now());
        // An error of the group, such as a session that ended, is over with the next poll.
        match consumer.poll_event(Duration::from_millis(500)).await {
            Ok(Some(ConsumerEvent::Fetched(batches))) => {
                for fetched in batches {
                    take(&fetched, &mut next_of, &mut handed.lock().unwrap());
                }
                commit(&consumer, &handed).await;
            }
            Ok(Some(ConsumerEvent::Assigned(partitions))) => {
                let mut handed = handed.lock().unwrap();
                handed.assignments += 1;
                next_of.extend(
                    partitions
                        .iter()
                        .map(|at| (at.partition, Next::From(handed.settled(at.partition, last_looked)))),
                );
            }
            Ok(Some(ConsumerEvent::Revoked(_))) => commit(&consumer, &handed).await,
            Ok(Some(ConsumerEvent::Lost(_)) | None) => {}
            Err(error) => eprintln!("a member: {error}"),
        }
    }
    consumer.close().await;
}

/// Where a member is to go on in a partition.
enum Next {
    /// It was given it just now: there or behind.
    From(Offset),
    At(Offset),
}

fn take(fetched: &headwater_client::Fetched, next_of: &mut BTreeMap<PartitionId, Next>, handed: &mut Handed) {
    let partition = fetched.topic_partition.partition;
    let batch = fetched.open(1 << 20).unwrap();
    for record in fetched.records(&batch) {
        let offset = record.unwrap().offset;
        match next_of.insert(partition, Next::At(Offset(offset.0 + 1))) {
            Some(Next::At(expected)) => {
                assert_eq!(offset, expected, "partition {partition} is not handed out in order");
            }
            Some(Next::From(settled)) => {
                assert!(
                    offset >= settled,
                    "partition {partition}: from {offset}, and {settled} was committed"
                );
            }
            None => panic!("partition {partition} was not given to the member"),
        }
        let contiguous = handed.contiguous.entry(partition).or_default();
        assert!(offset.0 <= *contiguous, "partition {partition}: {offset} came and {contiguous} never did");
        *contiguous = (*contiguous).max(offset.0 + 1);
    }
}

/// A commit may fail while the group rebalances or its coordinator is away; then records are read again.
async fn commit(consumer: &Consumer<Frail>, handed: &Mutex<Handed>) {
    let positions = consumer.positions();
    let tried: Vec<_> = {
        let mut handed = handed.lock().unwrap();
        positions.iter().map(|(at, offset)| handed.tries(at.partition, *offset)).collect()
    };
    if consumer.commit(positions).await.is_ok() {
        let mut handed = handed.lock().unwrap();
        for (partition, place) in tried {
            handed.commits.get_mut(&partition).unwrap()[place].acknowledged = Some(Instant::now());
        }
    }
}

/// Looks at what is committed until told to stop.
async fn watch_commits(
    client: Client<Frail>,
    group: String,
    handed: Arc<Mutex<Handed>>,
    stop: Arc<AtomicU64>,
) {
    while stop.load(Ordering::Relaxed) == 0 {
        let asked = Instant::now();
        if let Ok(committed) = client.admin().group_offsets(&group).await {
            let handed = handed.lock().unwrap();
            for (at, committed) in committed {
                let settled = handed.settled(at.partition, asked);
                assert!(
                    committed.offset >= settled,
                    "{at}: {} is committed, {settled} was",
                    committed.offset
                );
                let reached = handed.contiguous.get(&at.partition).copied().unwrap_or(0);
                assert!(
                    committed.offset.0 <= reached,
                    "{at}: {} is committed, {reached} was handed out",
                    committed.offset
                );
            }
        }
        pause(Duration::from_secs(1)).await;
    }
}

/// Every record of the topic: by partition, in order, offset, key and id.
async fn read(client: &Client<Frail>, topic: &TopicName) -> Log {
    let mut log = BTreeMap::new();
    for partition in (0..PARTITIONS).map(PartitionId) {
        let at = TopicPartition::new(topic.clone(), partition);
        let end =
            client.admin().offsets(&[(at.clone(), OffsetSpec::Latest)]).await.unwrap()[&at].offset.unwrap();
        let consumer = client.consumer(ConsumerConfig::default());
        consumer.assign([(at.clone(), StartAt::Earliest)]).unwrap();
        let mut records = Vec::new();
        while end > Offset::ZERO && consumer.position(&at).unwrap() != Some(end) {
            for fetched in consumer.poll(Duration::from_secs(5)).await.unwrap() {
                let batch = fetched.open(1 << 20).unwrap();
                for record in fetched.records(&batch).map(Result::unwrap) {
                    let value = record.value.unwrap();
                    let half = |at: usize| u64::from_be_bytes(value[at..at + 8].try_into().unwrap());
                    records.push((record.offset, record.key.unwrap().to_vec(), (half(0), half(8))));
                }
            }
        }
        consumer.close().await;
        log.insert(partition, records);
    }
    log
}

fn check(outcomes: &BTreeMap<u64, Outcomes>, log: &Log) -> [usize; 3] {
    let mut found: BTreeMap<Id, (PartitionId, Offset)> = BTreeMap::new();
    let mut last_of: BTreeMap<(u64, Vec<u8>), u64> = BTreeMap::new();
    for (partition, records) in log {
        for (offset, key, id) in records {
            assert_eq!(found.insert(*id, (*partition, *offset)), None, "record {id:?} is there twice");
            let last = last_of.insert((id.0, key.clone()), id.1);
            assert!(last.is_none_or(|last| last < id.1), "key {key:?} of producer {} is out of order", id.0);
        }
    }
    let mut counts = [0; 3];
    for (producer, outcomes) in outcomes {
        for (record, outcome) in outcomes {
            let place = found.get(&(*producer, *record));
            match outcome {
                Ok(written) => {
                    counts[0] += 1;
                    let (partition, offset) =
                        place.unwrap_or_else(|| panic!("record {record} of {producer} is lost"));
                    assert_eq!(written.topic_partition.partition, *partition);
                    assert!(written.offset == *offset || written.offset == Offset::NONE);
                }
                Err(error @ SendError::NotWritten { .. }) => {
                    counts[1] += 1;
                    assert!(place.is_none(), "record {record} of {producer} is there: {error}");
                }
                Err(SendError::PossiblyWritten { .. }) => counts[2] += 1,
            }
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs HEADWATER_TEST_BOOTSTRAP"]
async fn nothing_is_lost_doubled_or_reordered_while_brokers_come_and_go() {
    let seconds = number("HEADWATER_TEST_SECONDS").unwrap_or(10);
    let seed = number("HEADWATER_TEST_SEED").unwrap_or_else(|| Entropy::from_system().next_u64());
    eprintln!("HEADWATER_TEST_SEED={seed}");
    let cuts = Arc::new(AtomicU64::new(0));
    let client = connect(seed, &cuts).await;
    let topic = TopicName::new(&format!("soak-{:016x}", Entropy::from_system().next_u64())).unwrap();
    client.admin().create_topic(NewTopic::new(topic.clone(), PARTITIONS)).await.unwrap();

    let handed = Arc::new(Mutex::new(Handed::default()));
    let stop = Arc::new(AtomicU64::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for n in 0..2 {
        let client = connect(seed + 10 + n, &cuts).await;
        readers.spawn(member(client, topic.clone(), Arc::clone(&handed), Arc::clone(&stop)));
    }
    readers.spawn(watch_commits(client.clone(), topic.to_string(), Arc::clone(&handed), Arc::clone(&stop)));
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut producers = tokio::task::JoinSet::new();
    for n in 0..PRODUCERS {
        let (client, topic) = (connect(seed + 20 + n, &cuts).await, topic.clone());
        producers.spawn(async move { (n, produce(client, topic, n, until).await) });
    }
    let mut outcomes = BTreeMap::new();
    while let Some(done) = producers.join_next().await {
        let (n, done) = done.unwrap();
        outcomes.insert(n, done);
    }

    let log = read(&client, &topic).await;
    let [acknowledged, not_written, possibly_written] = check(&outcomes, &log);
    let ends: BTreeMap<PartitionId, i64> =
        log.iter().map(|(at, records)| (*at, records.len() as i64)).collect();
    let caught_up = Instant::now() + CATCH_UP;
    loop {
        let reached = handed.lock().unwrap().contiguous.clone();
        if ends.iter().all(|(at, end)| *end == 0 || reached.get(at) == Some(end)) {
            break;
        }
        assert!(Instant::now() < caught_up, "the group has not caught up: {reached:?} of {ends:?}");
        pause(Duration::from_millis(200)).await;
    }
    stop.store(1, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    let assignments = handed.lock().unwrap().assignments;
    let cuts = cuts.load(Ordering::Relaxed);
    eprintln!(
        "{acknowledged} acknowledged, {not_written} not written, {possibly_written} possibly written; {cuts} connections \
         cut, {assignments} assignments"
    );
    assert!(acknowledged > 0 && cuts > 0 && assignments >= 2);
}
