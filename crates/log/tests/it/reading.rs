//! Reads while others write and remove; lookups by time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use headwater_log::sim::SimDisk;
use headwater_log::{Disk, Log, LogConfig, LogError, RealDisk};
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::{Compression, batches};

use crate::support::*;

#[test]
fn a_read_outside_of_the_log_says_where_the_log_is() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(3), assign()).unwrap();
    log.set_start_offset(Offset(1)).unwrap();
    for from in [0, 4] {
        let error = log.read(Offset(from), Offset(3), 1_000, true).unwrap_err();
        let LogError::OffsetOutOfRange { start, end, .. } = error else { panic!("{error}") };
        assert_eq!((start, end), (Offset(1), Offset(3)));
    }
    assert!(log.read(Offset(3), Offset(3), 1_000, true).unwrap().is_empty(), "the end is no error");
    assert_eq!(
        log.read(Offset(2), Offset(3), 1_000, true).unwrap().len(),
        plain(3).len(),
        "within the batch"
    );
}

#[test]
fn a_read_goes_on_into_the_next_segments() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    for _ in 0..3 {
        log.append(plain(1), assign()).unwrap();
        log.roll().unwrap();
    }
    assert_eq!(log.read(Offset(0), Offset(3), 10_000, true).unwrap().chunks().len(), 3);
}

/// Checksums do not cover offsets.
#[test]
fn an_offset_that_rotted_is_damage_and_not_the_end() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(3), assign()).unwrap();
    log.append(plain(3), assign()).unwrap();
    let file = files(&disk, ".log").remove(0);
    disk.open(&file).unwrap().write_all_at(&[5], 0).unwrap();
    let error = log.read(Offset(0), Offset(6), 1_000, true).unwrap_err();
    let LogError::Damaged { file: named, position: 0, .. } = error else { panic!("{error}") };
    assert_eq!(named, file);
}

#[test]
fn what_is_being_read_survives_its_removal() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("orders-0");
    let (mut log, _) = Log::open(Arc::new(RealDisk::new()), &dir, LogConfig::default(), now()).unwrap();
    log.append(plain(5), assign()).unwrap();
    log.roll().unwrap();
    log.append(plain(5), assign()).unwrap();
    let reader = log.reader().clone();
    let before = reader.read(Offset(0), Offset(10), 100_000, true).unwrap();
    let half = log.size_bytes() / 2;
    log.set_config(LogConfig { retention_bytes: Some(half), retention_ms: None, ..LogConfig::default() });
    assert_eq!(log.apply_retention(now(), Offset(10)).unwrap().removed_segments, 1);
    log.delete(headwater_model::Uuid::from_u64_pair(1, 2)).unwrap();
    assert!(!dir.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(batches(before.to_bytes().unwrap()).count(), 2);
    assert!(reader.read(Offset(0), Offset(10), 100_000, true).is_err(), "below the start");
    assert!(!reader.read(Offset(5), Offset(10), 100_000, true).unwrap().to_bytes().unwrap().is_empty());
}

#[test]
fn readers_see_whole_batches_in_order_while_the_log_grows_and_shrinks() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig { retention_bytes: Some(6_000), ..small() };
    let disk = Arc::new(RealDisk::new());
    let (mut log, _) = Log::open(disk, &folder.path().join("orders-0"), config, now()).unwrap();
    let reader = log.reader().clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let follow = || {
            let (mut at, mut seen) = (Offset(0), 0_u64);
            while !done.load(Ordering::Relaxed) || at < reader.end_offset() {
                match reader.read(at, reader.end_offset(), 2_000, true) {
                    Ok(records) => {
                        for batch in batches(records.to_bytes().unwrap()) {
                            let batch = batch.unwrap();
                            batch.verify_crc().unwrap();
                            assert_eq!(batch.base_offset(), at);
                            at = batch.next_offset();
                            seen += 1;
                        }
                    }
                    Err(LogError::OffsetOutOfRange { start, .. }) => at = start,
                    Err(error) => panic!("{error}"),
                }
            }
            seen
        };
        let readers = [scope.spawn(follow), scope.spawn(follow)];
        for _ in 0..2_000 {
            log.append(plain(2), assign()).unwrap();
            if log.end_offset().0 % 200 == 0 {
                log.apply_retention(now(), log.end_offset()).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
}

#[test]
fn a_lookup_by_time_opens_compressed_batches() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(batch(Compression::Zstd, &[(10, "a"), (30, "b"), (20, "c")]), assign()).unwrap();
    log.append(batch(Compression::Lz4, &[(40, "d"), (25, "e"), (40, "f")]), assign()).unwrap();
    let lookup = |log: &Log, timestamp, limit| {
        let found = log.offset_for_timestamp(Timestamp(timestamp), Offset(limit)).unwrap();
        found.map(|found| (found.offset.0, found.timestamp.0))
    };
    assert_eq!(lookup(&log, 0, 6), Some((0, 10)));
    assert_eq!(lookup(&log, 11, 6), Some((1, 30)), "the first by offset, not the nearest by time");
    assert_eq!(lookup(&log, 31, 6), Some((3, 40)));
    assert_eq!(lookup(&log, 31, 3), None, "not above the limit");
    assert_eq!(lookup(&log, 41, 6), None);
    let newest = log.max_timestamp(Offset(6)).unwrap().unwrap();
    assert_eq!((newest.offset.0, newest.timestamp.0), (3, 40), "the first of them");
    let newest = log.max_timestamp(Offset(4)).unwrap().unwrap();
    assert_eq!((newest.offset.0, newest.timestamp.0), (1, 30));
    log.set_start_offset(Offset(2)).unwrap();
    assert_eq!(lookup(&log, 11, 6), Some((2, 20)));
}

#[test]
fn a_lookup_by_time_survives_a_batch_whose_interior_is_rubbish() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    let mut rubbish = BytesMut::from(batch(Compression::Gzip, &[(10, "a"), (30, "b")]).as_ref());
    let from = rubbish.len() - 12;
    rubbish[from..].fill(0xEE);
    let crc = crc32c::crc32c(&rubbish[21..]);
    rubbish[17..21].copy_from_slice(&crc.to_be_bytes());
    log.append(rubbish.freeze(), assign()).unwrap();
    let found = log.offset_for_timestamp(Timestamp(20), Offset(2)).unwrap().unwrap();
    assert_eq!((found.offset.0, found.timestamp.0), (0, 30), "what the header says");
    assert_eq!(log.max_timestamp(Offset(2)).unwrap().unwrap().timestamp, Timestamp(30));
}
