//! How long it takes to make many partitions durable at once, by method.
//!
//! `cargo run --release -p headwater-log --example sync_methods -- [FOLDER]`: appends a batch of about 4 KiB to each of
//! some partitions, then syncs all of them as a broker does, again and again, and prints the median.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_log::{Assign, Disk, DiskFile, Log, LogConfig, RealDisk, SyncMethod};
use headwater_model::{LeaderEpoch, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, TimestampType};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 30;

/// Syncs all files of one round.
type Method = fn(&[Arc<dyn DiskFile>]) -> std::io::Result<()>;

fn main() -> Outcome<()> {
    let folder = match std::env::args().nth(1) {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let methods: [(&str, Method); 4] = [
        ("one by one", |files| RealDisk::with_method(SyncMethod::PerFile).sync(files)),
        ("by 4 threads", |files| by_threads(files, 4)),
        ("by 8 threads", |files| by_threads(files, 8)),
        ("whole file system", |files| RealDisk::with_method(SyncMethod::FileSystemFrom(1)).sync(files)),
    ];
    println!("{:>10}  {:<18} {:>10} {:>10}", "partitions", "method", "median", "slowest");
    for partitions in [1, 2, 3, 4, 6, 12, 30, 100, 300] {
        for (name, method) in methods {
            let dir = folder.path().join(format!("{name} {partitions}"));
            let times = measure(&dir, partitions, method)?;
            let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
            let slowest = times.last().copied().unwrap_or_default();
            println!(
                "{partitions:>10}  {name:<18} {:>7} µs {:>7} µs",
                median.as_micros(),
                slowest.as_micros()
            );
        }
    }
    Ok(())
}

/// The times of the rounds, sorted.
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn measure(dir: &Path, partitions: usize, method: Method) -> Outcome<Vec<Duration>> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new());
    let now = Timestamp(0);
    let mut logs = (0..partitions)
        .map(|partition| {
            let dir = dir.join(format!("measured-{partition}"));
            Log::open(Arc::clone(&disk), &dir, LogConfig::default(), now).map(|(log, _)| log)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let assign = Assign { leader_epoch: LeaderEpoch(0), now, timestamp_type: TimestampType::CreateTime };
    let batch = batch();
    let mut times = Vec::with_capacity(ROUNDS);
    // The first round also makes the folders durable, and is not counted.
    for round in 0..=ROUNDS {
        for log in &mut logs {
            log.append(batch.clone(), assign)?;
        }
        let tickets: Vec<_> = logs.iter_mut().map(Log::begin_sync).collect();
        let files: Vec<_> =
            tickets.iter().flatten().flat_map(|ticket| ticket.files().iter().cloned()).collect();
        let start = Instant::now();
        method(&files)?;
        let took = start.elapsed();
        for dir in tickets.iter().flatten().flat_map(headwater_log::SyncTicket::directories) {
            disk.sync_dir(dir)?;
        }
        for (log, ticket) in logs.iter_mut().zip(tickets) {
            if let Some(ticket) = ticket {
                log.complete_sync(ticket);
            }
        }
        if round > 0 {
            times.push(took);
        }
    }
    times.sort();
    Ok(times)
}

fn by_threads(files: &[Arc<dyn DiskFile>], threads: usize) -> std::io::Result<()> {
    let disk = RealDisk::new();
    std::thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(threads).max(1));
        let workers: Vec<_> = parts.map(|part| scope.spawn(|| disk.sync(part))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())))
    })
}

fn batch() -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for index in 0..40_i64 {
        builder.append(Timestamp(index), None, Some(&[7; 94]), &[]);
    }
    builder.build(&BatchMeta::default())
}
