//! Disks that are full or broken: an append is wholly there or not at all.

use headwater_log::sim::{FaultRates, Operation, SimDisk};
use headwater_log::{Disk, LogConfig, LogError, RealDisk, SyncMethod};
use headwater_model::Offset;
use std::io;

use crate::support::*;

#[test]
fn a_full_disk_refuses_the_append_and_takes_the_next_once_there_is_room() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(4), assign()).unwrap();
    disk.set_capacity(Some(plain(4).len() as u64 + 40));
    let error = log.append(plain(4), assign()).unwrap_err();
    assert!(matches!(error, LogError::DiskFull { .. }), "{error}");
    assert!(log.poisoned().is_none());
    assert_eq!((log.end_offset(), log.size_bytes()), (Offset(4), plain(4).len() as u64));
    let path = files(&disk, ".log").remove(0);
    assert_eq!(content(&disk, &path).len(), plain(4).len(), "nothing of it is left in the file");
    disk.set_capacity(None);
    assert_eq!(log.append(plain(2), assign()).unwrap().first_offset, Offset(4));
    log.close().unwrap();
    assert_eq!(read_all(&open(&disk, LogConfig::default()).0).len(), 2);
}

#[test]
fn a_write_that_cannot_be_undone_poisons() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(1), assign()).unwrap();
    disk.fail_next(Operation::Write, io::ErrorKind::StorageFull);
    disk.fail_next(Operation::Truncate, io::ErrorKind::Other);
    assert!(matches!(log.append(plain(4), assign()), Err(LogError::DiskFull { .. })));
    assert!(matches!(log.append(plain(1), assign()), Err(LogError::Poisoned(_))));
    assert_eq!(read_all(&log).len(), 1);
    drop(log);
    assert_eq!(read_all(&open(&disk, LogConfig::default()).0).len(), 1);
}

#[test]
fn a_broken_disk_poisons_and_names_the_file() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    disk.fail_next(Operation::Write, io::ErrorKind::Other);
    let error = log.append(plain(1), assign()).unwrap_err();
    assert!(error.to_string().contains("00000000000000000000.log"), "{error}");
    assert!(log.poisoned().is_some());
}

#[test]
fn a_read_error_is_an_error_and_no_damage() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(1), assign()).unwrap();
    disk.fail_next(Operation::Read, io::ErrorKind::Other);
    assert!(matches!(log.read(Offset(0), Offset(1), 100, true), Err(LogError::Io { .. })));
    assert_eq!(read_all(&log).len(), 1);
}

#[test]
fn whatever_fails_the_log_holds_what_was_accepted() {
    for seed in 0..u64::from(scaled(300)) {
        let disk = SimDisk::new(seed);
        let (mut log, _) = open(&disk, small());
        disk.set_fault_rates(FaultRates { no_space: 100_000, write: 5_000, ..FaultRates::default() });
        let mut accepted = Vec::new();
        for count in 0..60 {
            let bytes = plain(1 + count % 3);
            if let Ok(appended) = log.append(bytes.clone(), assign()) {
                accepted.push((appended.first_offset, bytes.slice(16..)));
            }
            if count % 10 == 9 && log.poisoned().is_none() {
                log.sync().unwrap();
            }
        }
        disk.set_fault_rates(FaultRates::default());
        assert_eq!(contents(&read_all(&log)), accepted, "seed {seed}");
        let poisoned = log.poisoned().is_some();
        assert_eq!(log.close().is_ok(), !poisoned);
        let (log, _) = open(&disk, small());
        assert_eq!(contents(&read_all(&log)), accepted, "seed {seed}, opened again");
    }
}

#[test]
fn many_files_of_a_real_disk_are_synced_by_any_method() {
    let folder = tempfile::tempdir().unwrap();
    for method in [SyncMethod::PerFile, SyncMethod::FileSystemFrom(1), SyncMethod::FileSystemFrom(16)] {
        let disk = RealDisk::with_method(method);
        let files: Vec<_> = (0..20)
            .map(|index| {
                let file = disk.create(&folder.path().join(index.to_string())).unwrap();
                file.write_all_at(b"bytes", 0).unwrap();
                file
            })
            .collect();
        disk.sync(&files).unwrap();
        disk.sync_dir(folder.path()).unwrap();
        disk.sync(&[]).unwrap();
        let foreign = SimDisk::new(1).create(std::path::Path::new("/file")).unwrap();
        assert!(disk.sync(&[foreign]).is_err(), "a file of another disk");
    }
}
