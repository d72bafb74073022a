//! Removal of old segments, and a start that only moves on.

use headwater_log::sim::SimDisk;
use headwater_log::{Log, LogConfig};
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::Compression;

use crate::support::*;

/// Segments of one batch of one record each, at these times.
fn log_of(disk: &SimDisk, config: LogConfig, timestamps: &[i64]) -> Log {
    let (mut log, _) = open(disk, config);
    for timestamp in timestamps {
        log.append(batch(Compression::None, &[(*timestamp, "value")]), assign()).unwrap();
        log.roll().unwrap();
    }
    log
}

#[test]
fn segments_go_by_the_age_of_their_newest_record_oldest_first() {
    let disk = SimDisk::new(1);
    let config = LogConfig { retention_ms: Some(50), ..LogConfig::default() };
    let mut log = log_of(&disk, config, &[10, 20, 90, 30]);
    assert_eq!(
        log.apply_retention(Timestamp(60), Offset(4)).unwrap().removed_segments,
        0,
        "50 ms is not over it"
    );
    assert_eq!(
        log.apply_retention(Timestamp(120), Offset(1)).unwrap().removed_segments,
        1,
        "the high watermark"
    );
    assert_eq!(
        log.apply_retention(Timestamp(120), Offset(4)).unwrap().removed_segments,
        1,
        "behind a younger one"
    );
    assert_eq!((log.start_offset(), files(&disk, ".log").len()), (Offset(2), 3));
    assert_eq!(log.apply_retention(Timestamp(1_000), Offset(4)).unwrap().removed_segments, 2);
    assert_eq!((log.start_offset(), log.end_offset()), (Offset(4), Offset(4)), "the last one stays, empty");
    assert_eq!(log.append(plain(1), assign()).unwrap().first_offset, Offset(4));
}

#[test]
fn segments_go_until_the_log_is_small_enough() {
    let disk = SimDisk::new(1);
    let mut log = log_of(&disk, LogConfig::default(), &[10, 20, 30, 40]);
    let each = log.size_bytes() / 4;
    let keep = |bytes| LogConfig { retention_bytes: Some(bytes), retention_ms: None, ..LogConfig::default() };
    log.set_config(keep(2 * each + 1));
    let retained = log.apply_retention(now(), Offset(4)).unwrap();
    assert_eq!((retained.removed_segments, retained.removed_bytes), (1, each), "never below the limit");
    log.set_config(keep(2 * each));
    assert_eq!(log.apply_retention(now(), Offset(4)).unwrap().removed_segments, 1);
}

#[test]
fn without_limits_nothing_goes() {
    let disk = SimDisk::new(1);
    let config = LogConfig { retention_ms: None, retention_bytes: None, ..LogConfig::default() };
    let mut log = log_of(&disk, config, &[1, 2, 3]);
    assert_eq!(log.apply_retention(now(), Offset(3)).unwrap().removed_segments, 0);
}

#[test]
fn the_start_moves_on_only_and_survives() {
    let disk = SimDisk::new(1);
    let config = LogConfig { retention_ms: None, ..LogConfig::default() };
    let mut log = log_of(&disk, config.clone(), &[1, 2, 3]);
    log.sync().unwrap();
    log.set_start_offset(Offset(2)).unwrap();
    log.set_start_offset(Offset(1)).unwrap();
    assert!(log.set_start_offset(Offset(4)).is_err(), "past the end");
    assert_eq!(log.start_offset(), Offset(2));
    assert_eq!(read_all(&log).len(), 1);
    disk.power_loss();
    let (mut log, _) = open(&disk, config);
    assert_eq!(log.start_offset(), Offset(2));
    assert_eq!(log.apply_retention(now(), Offset(3)).unwrap().removed_segments, 0, "gone at the open");
    assert_eq!(files(&disk, ".log").len(), 2);
}

#[test]
fn a_removal_that_a_crash_cut_short_is_finished_at_the_open() {
    let disk = SimDisk::new(1);
    let mut log = log_of(&disk, LogConfig { retention_ms: None, ..LogConfig::default() }, &[1, 2, 3]);
    log.sync().unwrap();
    let all: Vec<_> = files(&disk, ".log");
    log.set_config(LogConfig { retention_ms: Some(1), ..LogConfig::default() });
    let saved: Vec<_> = all.iter().map(|path| content(&disk, path)).collect();
    log.apply_retention(now(), Offset(3)).unwrap();
    drop(log);
    // The first file is back, the second is not: names are not removed in order on every file system.
    overwrite(&disk, &all[0], &saved[0]);
    let (log, _) = open(&disk, LogConfig::default());
    assert_eq!((log.start_offset(), log.end_offset()), (Offset(3), Offset(3)));
    assert_eq!(files(&disk, ".log").len(), 1);
}

#[test]
fn a_sync_that_outlives_the_partition_succeeds() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(1), assign()).unwrap();
    let ticket = log.begin_sync().unwrap();
    assert!(!ticket.directories().is_empty());
    log.delete(headwater_model::Uuid::from_u64_pair(1, 2)).unwrap();
    ticket.sync(&disk).unwrap();
}

#[test]
fn the_last_segment_goes_too_when_all_of_it_is_expired() {
    let disk = SimDisk::new(1);
    let config = LogConfig { retention_ms: Some(50), ..LogConfig::default() };
    let (mut log, _) = open(&disk, config.clone());
    log.append(batch(Compression::None, &[(10, "a"), (20, "b")]), assign()).unwrap();
    assert_eq!(log.apply_retention(Timestamp(70), Offset(2)).unwrap().removed_segments, 0);
    assert_eq!(log.apply_retention(Timestamp(71), Offset(1)).unwrap().removed_segments, 0, "not all visible");
    assert_eq!(log.apply_retention(Timestamp(71), Offset(2)).unwrap().removed_segments, 1);
    assert_eq!((log.start_offset(), log.end_offset(), log.size_bytes()), (Offset(2), Offset(2), 0));
    assert_eq!(log.apply_retention(Timestamp(99), Offset(2)).unwrap().removed_segments, 0, "nothing is left");
    assert_eq!(log.append(plain(1), assign()).unwrap().first_offset, Offset(2));
    log.sync().unwrap();
    disk.power_loss();
    let (log, _) = open(&disk, config);
    assert_eq!((log.start_offset(), log.end_offset()), (Offset(2), Offset(3)));
}

#[test]
fn a_start_at_the_end_empties_the_log_at_the_next_retention() {
    let disk = SimDisk::new(1);
    let config = LogConfig { retention_ms: None, ..LogConfig::default() };
    let (mut log, _) = open(&disk, config.clone());
    log.append(plain(3), assign()).unwrap();
    log.sync().unwrap();
    log.set_start_offset(Offset(3)).unwrap();
    disk.power_loss();
    let (mut log, _) = open(&disk, config);
    assert_eq!((log.start_offset(), log.end_offset()), (Offset(3), Offset(3)));
    log.apply_retention(now(), Offset(3)).unwrap();
    assert_eq!(log.size_bytes(), 0);
    assert_eq!(log.append(plain(1), assign()).unwrap().first_offset, Offset(3));
}
