//! One load by one client: produces or consumes a number of records and prints, as one JSON line, what it took.
//!
//! Owns: the command line, the records, the report. Each client is a module that does the same work in its own way, the
//! fastest honest one: batches where the client has them, nothing per record that it does not ask for.
//!
//! Invariants: every client has the same settings, and writes and reads the same bytes; a consumer sums every byte of every
//! key and value. CPU time is that of the whole process from the first record to the last, connections made before.

#![expect(clippy::disallowed_methods, reason = "a program that measures reads the clock and waits")]

mod by_hand;
mod cpu;
mod heartbeats;
mod krafka;
mod latency;
mod left;
mod librdkafka;
mod ours;
mod rebalance;
mod share;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

use cpu::Stopwatch;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    /// Which client
    #[arg(long, value_enum)]
    client: Client,
    /// The brokers, host:port
    #[arg(long)]
    bootstrap: String,
    /// A topic that exists
    #[arg(long)]
    topic: String,
    /// Its partitions
    #[arg(long)]
    partitions: i32,
    /// How many records
    #[arg(long)]
    records: u64,
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Client {
    Headwater,
    Librdkafka,
    Krafka,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Produces, to the partitions in turn
    Produce(Produce),
    /// Reads every partition from its beginning
    Consume,
    /// Produces with many clients, each of which waits for every record (headwater's client alone)
    Crowd {
        /// How many clients
        #[arg(long)]
        clients: u64,
    },
    /// Produces at a fixed rate and reads along, and says how long records took (headwater's client alone)
    Latency(latency::Latency),
    /// Reads a partition that was filled with few keys, and compacted since, and checks what is left (headwater's client
    /// alone)
    Left(left::Left),
    /// Produces one record as soon as a broker takes it, which may be still starting (headwater's client alone)
    First,
    /// Reads the last of the records that were produced to each partition, as soon as a broker gives them, which may be
    /// still starting (headwater's client alone)
    Last,
    /// Changes the membership of a group, and says how long partitions were without a reader (headwater's client alone)
    Rebalance(rebalance::Rebalance),
    /// Sends heartbeats of a group at rest, as many as there are to be records
    Heartbeats(heartbeats::Heartbeats),
    /// Reads a topic as members of a share group that acknowledge record by record
    Share(share::Share),
}

/// How to produce.
#[derive(Debug, Clone, clap::Args)]
struct Produce {
    /// Bytes of key and value together
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// 1 or all; all is idempotent
    #[arg(long, default_value = "all")]
    acks: String,
    #[arg(long, default_value_t = 5)]
    linger_ms: u64,
    #[arg(long, default_value_t = 65_536)]
    batch_bytes: usize,
    /// Only so many different keys, each of which comes again and again, in no order
    #[arg(long)]
    keys: Option<u64>,
}

/// Whom to ask, and how much.
#[derive(Debug, Clone)]
struct Target {
    bootstrap: String,
    topic: String,
    partitions: i32,
    records: u64,
}

/// What one run took.
#[derive(Debug, Serialize)]
struct Report {
    records: u64,
    seconds: f64,
    user_seconds: f64,
    system_seconds: f64,
    peak_memory_bytes: u64,
    /// Of every byte read; 0 for a producer.
    sum: u64,
}

/// The key and value of a record: the number (or one of few keys), then bytes that do not repeat soon.
struct Records {
    bytes: Vec<u8>,
    keys: Option<u64>,
}

/// Bytes of a key.
const KEY: usize = 8;

impl Records {
    fn new(size: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let bytes = (0..size.max(KEY)).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        Self { bytes: bytes.collect(), keys: None }
    }

    fn of(how: &Produce) -> Self {
        Self { keys: how.keys, ..Self::new(how.size) }
    }

    fn get(&mut self, number: u64) -> (&[u8], &[u8]) {
        let key = self.keys.map_or(number, |keys| left::key(number, keys));
        self.bytes[..KEY].copy_from_slice(&key.to_be_bytes());
        self.bytes.split_at(KEY)
    }

    /// That key, and a value that begins with that number, so far as there is room for it.
    fn put(&mut self, key: u64, stamp: u64) -> (&[u8], &[u8]) {
        let (front, value) = self.bytes.split_at_mut(KEY);
        front.copy_from_slice(&key.to_be_bytes());
        for (byte, stamp) in value.iter_mut().zip(stamp.to_be_bytes()) {
            *byte = stamp;
        }
        (front, value)
    }
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

fn main() -> anyhow::Result<()> {
    let Arguments { client, bootstrap, topic, partitions, records, work } = Arguments::parse();
    let target = Target { bootstrap, topic, partitions, records };
    let (watch, sum) = match (&work, client) {
        (Work::Produce(how), Client::Headwater) => (ours::produce(&target, how)?, 0),
        (Work::Produce(how), Client::Librdkafka) => (librdkafka::produce(&target, how)?, 0),
        (Work::Produce(how), Client::Krafka) => (krafka::produce(&target, how)?, 0),
        (Work::Crowd { clients }, _) => (ours::crowd(&target, *clients)?, 0),
        (Work::Latency(how), _) => return print(&latency::run(&target, how)?),
        (Work::Left(how), _) => return print(&left::run(&target, how)?),
        (Work::Rebalance(how), _) => return print(&rebalance::run(&target, how)?),
        (Work::Heartbeats(how), _) => return print(&heartbeats::run(&target, how)?),
        (Work::Share(how), _) => return print(&share::run(&target, how)?),
        (Work::First, _) => (ours::first(&target)?, 0),
        (Work::Last, _) => (ours::last(&target)?, 0),
        (Work::Consume, Client::Headwater) => ours::consume(&target)?,
        (Work::Consume, Client::Librdkafka) => librdkafka::consume(&target)?,
        (Work::Consume, Client::Krafka) => krafka::consume(&target)?,
    };
    print(&watch.report(target.records, sum)?)
}

fn print(report: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}

/// Where an asynchronous client runs: as many threads as there are cores here.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// A watch that was started, and stopped at the last record.
type Stopped = cpu::Elapsed;

fn start() -> anyhow::Result<Stopwatch> {
    Stopwatch::start()
}
