//! What the tests share: batches, a log on a simulated disk, and reading all of it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use headwater_log::sim::SimDisk;
use headwater_log::{Assign, Disk, Log, LogConfig, RecoveryReport};
use headwater_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{Batch, BatchBuilder, BatchMeta, Compression, TimestampType, batches};

pub(crate) const DIR: &str = "/data/broker/orders-0";

pub(crate) fn dir() -> &'static Path {
    Path::new(DIR)
}

pub(crate) fn now() -> Timestamp {
    Timestamp(1_800_000_000_000)
}

pub(crate) fn assign() -> Assign {
    Assign { leader_epoch: LeaderEpoch(3), now: now(), timestamp_type: TimestampType::CreateTime }
}

/// Small segments and dense indexes.
pub(crate) fn small() -> LogConfig {
    LogConfig { segment_bytes: 1_500, index_interval_bytes: 200, ..LogConfig::default() }
}

pub(crate) fn open(disk: &SimDisk, config: LogConfig) -> (Log, RecoveryReport) {
    Log::open(shared(disk), dir(), config, now()).unwrap()
}

pub(crate) fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// A batch with records of these timestamps and values.
pub(crate) fn batch(compression: Compression, records: &[(i64, &str)]) -> Bytes {
    batch_of(compression, records, &BatchMeta::default())
}

pub(crate) fn batch_of(compression: Compression, records: &[(i64, &str)], meta: &BatchMeta) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for (timestamp, value) in records {
        builder.append(Timestamp(*timestamp), Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.build(meta)
}

/// A batch of some records.
pub(crate) fn plain(records: usize) -> Bytes {
    let records: Vec<_> = (0..records).map(|index| (1_000 + index as i64, "some value or other")).collect();
    batch(Compression::None, &records)
}

/// An idempotent producer's batch.
pub(crate) fn sequenced(producer: i64, epoch: i16, sequence: i32, records: usize) -> Bytes {
    let meta = BatchMeta {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: sequence,
        ..BatchMeta::default()
    };
    let records: Vec<_> = (0..records).map(|_| (1_000, "value")).collect();
    batch_of(Compression::None, &records, &meta)
}

/// Everything in a log, as one reads it.
pub(crate) fn read_all(log: &Log) -> Vec<Batch> {
    let (mut at, mut found) = (log.start_offset(), Vec::new());
    while at < log.end_offset() {
        let records = log.read(at, log.end_offset(), 700, true).unwrap().to_bytes().unwrap();
        let before = at;
        for batch in batches(records) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            at = batch.next_offset();
            found.push(batch);
        }
        assert!(at > before, "nothing to read at {before}");
    }
    found
}

/// The base offsets and the contents behind the fields that a broker assigns.
pub(crate) fn contents(batches: &[Batch]) -> Vec<(Offset, Bytes)> {
    batches.iter().map(|batch| (batch.base_offset(), batch.bytes().slice(16..))).collect()
}

/// The names of a kind of file in the partition's folder, in order.
pub(crate) fn files(disk: &SimDisk, suffix: &str) -> Vec<std::path::PathBuf> {
    let entries = disk.list(dir()).unwrap();
    entries.iter().filter(|entry| entry.name.ends_with(suffix)).map(|entry| dir().join(&entry.name)).collect()
}

/// The content of a file.
pub(crate) fn content(disk: &SimDisk, path: &Path) -> Vec<u8> {
    let file = disk.open(path).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Replaces the content of a file.
pub(crate) fn overwrite(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    disk.create(path).unwrap().write_all_at(bytes, 0).unwrap();
}

/// How often to repeat what is random; `HEADWATER_TEST_SCALE` multiplies it for a long run.
pub(crate) fn scaled(times: u32) -> u32 {
    let scale = std::env::var("HEADWATER_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    times * scale.unwrap_or(1)
}
