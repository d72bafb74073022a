//! Opening a partition whose files somebody has changed: a log or an error; and what was opened reads, takes records,
//! and opens again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use headwater_log::sim::SimDisk;
use headwater_log::{Assign, Disk, Log, LogConfig};
use headwater_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, TimestampType, batches};

use super::input::{Input, piece};

const DIR: &str = "/data/broker/t-0";
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const ASSIGN: Assign =
    Assign { leader_epoch: LeaderEpoch(3), now: NOW, timestamp_type: TimestampType::CreateTime };
/// Names that recovery looks at, there or not.
const NAMES: [&str; 15] = [
    "00000000000000000000.log",
    "00000000000000000000.index",
    "00000000000000000000.timeindex",
    "00000000000000000012.log",
    "00000000000000000012.index",
    "leader-epoch-checkpoint",
    "recovery-point",
    "log-start-offset",
    "producer-snapshot",
    "99999999999999999999.log",
    "00000000000000000000.log.cleaned",
    "00000000000000000000.log.swap",
    "00000000000000000012.log.swap",
    "00000000000000000000.txnindex.swap",
    "cleaner-offset-checkpoint",
];

/// A partition that crashed in its third segment, and one that was closed.
static FOLDERS: LazyLock<[SimDisk; 2]> = LazyLock::new(|| [folder(false), folder(true)]);

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1_500,
        index_interval_bytes: 200,
        max_uncompressed_bytes: 1 << 20,
        ..LogConfig::default()
    }
}

fn dir() -> &'static Path {
    Path::new(DIR)
}

fn open(disk: &SimDisk) -> Option<Log> {
    Log::open(Arc::new(disk.clone()), dir(), config(), NOW).ok().map(|(log, _)| log)
}

#[expect(clippy::expect_used, reason = "a disk without faults; a failure is this file's own")]
fn folder(closed: bool) -> SimDisk {
    let disk = SimDisk::new(1);
    let mut log = open(&disk).expect("an empty folder is opened");
    for sequence in 0..30 {
        log.append(sequenced(sequence), ASSIGN).expect("a batch is taken");
        if sequence % 4 == 0 {
            log.sync().expect("a sync works");
        }
    }
    if closed {
        log.close().expect("a log is closed");
    }
    disk
}

fn sequenced(sequence: i32) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(Timestamp(1_000 + i64::from(sequence)), Some(b"key"), Some(b"some value or other"), &[]);
    builder.build(&BatchMeta {
        producer_id: ProducerId(9),
        producer_epoch: ProducerEpoch(0),
        base_sequence: sequence,
        ..BatchMeta::default()
    })
}

pub(super) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let Some(folder) = input.choose(&*FOLDERS) else { return };
    let disk = folder.fork_after_power_loss(u64::from(input.byte()));
    while !input.is_empty() {
        change(&disk, &mut input);
    }
    let Some(mut log) = open(&disk) else { return };
    read(&log);
    let _ = log.offset_for_timestamp(Timestamp(1_010), log.end_offset());
    let Ok(appended) = log.append(super::batches::sample(Compression::None), ASSIGN) else { return };
    if !appended.duplicate {
        assert_eq!(log.end_offset(), Offset(appended.last_offset.0 + 1));
    }
    let end = log.end_offset();
    if log.close().is_err() {
        return;
    }
    // What was closed in order is opened as it was.
    let Some(log) = open(&disk) else { panic!("a log that was closed in order cannot be opened") };
    assert_eq!(log.end_offset(), end);
    read(&log);
}

/// Changes a file, as the input says.
fn change(disk: &SimDisk, input: &mut Input<'_>) {
    let Some(name) = input.choose(&NAMES) else { return };
    let path: PathBuf = dir().join(name);
    let (kind, at) = (input.byte() % 5, u64::from(input.number()));
    let bytes = input.piece();
    // A disk refuses what makes no sense there, such as to remove what is not there.
    let _ = match kind {
        0 => disk.open(&path).and_then(|file| file.write_all_at(bytes, at.min(file.len()?))),
        1 => disk.open(&path).and_then(|file| file.truncate(at.min(file.len()?))),
        2 => disk.open(&path).and_then(|file| file.write_all_at(bytes, file.len()?)),
        3 => disk.remove(&path),
        _ => disk.create(&path).and_then(|file| file.write_all_at(bytes, 0)),
    };
}

/// Reads from the start as far as it goes.
fn read(log: &Log) {
    let (mut at, end) = (log.start_offset(), log.end_offset());
    while at < end {
        let Ok(records) = log.read(at, end, 700, true) else { return };
        let Ok(bytes) = records.to_bytes() else { return };
        let before = at;
        for batch in batches(bytes) {
            // Checksums do not cover offsets: changed ones may lead back.
            let Some(batch) = batch.ok().filter(|batch| batch.next_offset() > at) else { return };
            at = batch.next_offset();
        }
        assert!(at > before, "nothing to read at {before}, before the end at {end}");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let edit = |name: u8, kind: u8, at: u16, bytes: &[u8]| {
        [&[name, kind][..], &at.to_be_bytes(), &piece(bytes)].concat()
    };
    let mut seeds = Vec::new();
    for folder in 0..2 {
        for name in 0..NAMES.len() as u8 {
            for kind in 0..5 {
                seeds.push([&[folder, 1][..], &edit(name, kind, 17, &sequenced(30))].concat());
            }
        }
        seeds.push(
            [&[folder, 2][..], &edit(5, 4, 0, b"0\n2\n0 0\n3 4\n"), &edit(7, 4, 0, b"0\n5\n")].concat(),
        );
    }
    seeds
}
