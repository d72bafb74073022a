//! A torn tail is cut off, byte by byte exactly; damage is reported, byte by byte exactly, and nothing is cut.

use headwater_log::sim::SimDisk;
use headwater_log::{Damage, Log, LogConfig, LogError};
use headwater_model::Offset;

use crate::support::*;

/// A disk with three batches in one segment, of which the first two are durable, and the file's content.
fn three_batches() -> (SimDisk, Vec<u8>) {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(2), assign()).unwrap();
    log.append(plain(2), assign()).unwrap();
    log.sync().unwrap();
    log.append(plain(3), assign()).unwrap();
    let bytes = content(&disk, &files(&disk, ".log")[0]);
    (disk, bytes)
}

fn try_open(disk: &SimDisk) -> Result<Log, LogError> {
    Log::open(shared(disk), dir(), LogConfig::default(), now()).map(|(log, _)| log)
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_at_the_last_whole_batch() {
    let (disk, bytes) = three_batches();
    let path = files(&disk, ".log").remove(0);
    let whole = 2 * plain(2).len();
    for torn in whole..bytes.len() {
        // Cut there; zeros from there on; other bytes from there on.
        for filler in [None, Some(0), Some(0xA5)] {
            let mut tail = bytes.clone();
            tail.truncate(torn);
            if let Some(filler) = filler {
                tail.resize(bytes.len(), filler);
            }
            let disk = disk.fork_after_power_loss(1);
            overwrite(&disk, &path, &tail);
            let (log, report) = open(&disk, LogConfig::default());
            if tail == bytes {
                assert_eq!(log.end_offset(), Offset(7));
                continue;
            }
            assert_eq!((log.end_offset(), read_all(&log).len()), (Offset(4), 2), "torn at {torn}");
            assert_eq!(content(&disk, &path).len(), whole);
            match report.truncation {
                None => assert!(torn == whole && filler.is_none()),
                Some(cut) => {
                    assert_eq!((&cut.file, cut.position, cut.end), (&path, whole as u64, Offset(4)));
                    assert_eq!(cut.bytes as usize, tail.len() - whole);
                }
            }
        }
    }
}

#[test]
fn damage_below_the_recovery_point_takes_the_log_offline_and_names_file_and_byte() {
    let (disk, bytes) = three_batches();
    let path = files(&disk, ".log").remove(0);
    let size = plain(2).len();
    // The offset and the length of a batch are not in its checksum, its leader epoch matters to nobody's bytes.
    for at in (0..2 * size).filter(|at| !(12..16).contains(&(at % size))) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let disk = disk.fork_after_power_loss(1);
        overwrite(&disk, &path, &damaged);
        let error = try_open(&disk).expect_err("damage");
        let LogError::Damaged { file, position, .. } = &error else { panic!("{error}") };
        assert_eq!((file, *position as usize), (&path, at / size * size), "byte {at}: {error}");
        assert_eq!(content(&disk, &path), damaged, "nothing is cut");
    }
}

#[test]
fn an_end_before_the_recovery_point_is_damage() {
    let (disk, bytes) = three_batches();
    let path = files(&disk, ".log").remove(0);
    for len in [0, plain(2).len(), 2 * plain(2).len() - 1] {
        let disk = disk.fork_after_power_loss(1);
        overwrite(&disk, &path, &bytes[..len]);
        let error = try_open(&disk).expect_err("damage");
        assert!(matches!(error, LogError::Damaged { .. }), "{error}");
        assert_eq!(content(&disk, &path).len(), len);
    }
    let lost = disk.fork_after_power_loss(1);
    headwater_log::Disk::remove(&lost, &path).unwrap();
    let error = try_open(&lost).expect_err("damage");
    assert!(matches!(&error, LogError::Damaged { damage: Damage::EndsEarly { .. }, .. }), "{error}");
}

#[test]
fn a_hole_between_unsynced_segments_ends_the_log() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(2), assign()).unwrap();
    log.sync().unwrap();
    for _ in 0..3 {
        log.append(plain(2), assign()).unwrap();
        log.roll().unwrap();
    }
    drop(log);
    let paths = files(&disk, ".log");
    overwrite(&disk, &paths[1], &[0; 40]);
    let (log, report) = open(&disk, LogConfig::default());
    assert_eq!(log.end_offset(), Offset(4));
    assert_eq!(report.removed_segments, [Offset(8), Offset(6)]);
    assert_eq!(files(&disk, ".log").len(), 2);
    assert_eq!(files(&disk, ".index").len(), 2);
}

#[test]
fn a_gap_between_durable_segments_is_damage() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    for _ in 0..4 {
        log.append(plain(2), assign()).unwrap();
        log.roll().unwrap();
    }
    log.close().unwrap();
    let paths = files(&disk, ".log");
    let lost = disk.fork_after_power_loss(1);
    headwater_log::Disk::remove(&lost, &paths[1]).unwrap();
    let error = try_open(&lost).expect_err("damage");
    let LogError::Damaged { file, damage: Damage::Offset { expected, found }, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((file, *expected, *found), (&paths[0], Offset(2), Offset(4)));
    let short = disk.fork_after_power_loss(1);
    overwrite(&short, &paths[2], &content(&disk, &paths[2])[..30]);
    let error = try_open(&short).expect_err("damage");
    let LogError::Damaged { file, position: 0, .. } = &error else { panic!("{error}") };
    assert_eq!(file, &paths[2]);
}

#[test]
fn a_folder_without_a_recovery_point_is_read_whole_and_only_its_last_segment_can_be_torn() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    for _ in 0..3 {
        log.append(plain(2), assign()).unwrap();
        log.roll().unwrap();
    }
    log.append(plain(2), assign()).unwrap();
    log.close().unwrap();
    headwater_log::Disk::remove(&disk, &dir().join("recovery-point")).unwrap();
    let paths = files(&disk, ".log");

    let good = disk.fork_after_power_loss(1);
    let (log, report) = open(&good, LogConfig::default());
    assert_eq!((log.end_offset(), report.checked_bytes), (Offset(8), 4 * plain(2).len() as u64));

    let torn = disk.fork_after_power_loss(1);
    overwrite(&torn, &paths[3], &content(&disk, &paths[3])[..30]);
    assert_eq!(open(&torn, LogConfig::default()).0.end_offset(), Offset(6));

    let damaged = disk.fork_after_power_loss(1);
    overwrite(&damaged, &paths[1], &content(&disk, &paths[1])[..30]);
    assert!(matches!(try_open(&damaged), Err(LogError::Damaged { file, .. }) if file == paths[1]));
}
