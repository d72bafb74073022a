//! One process at a time, one format, and sentences that say what to do.

use std::fs;
use std::process::Command;

use headwater_log::{DataDir, DataDirError, RealDisk, remove_deleted};

#[test]
fn a_folder_in_use_is_refused_naming_path_and_pid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/data");
    let held = DataDir::open(&path).unwrap();
    let error = DataDir::open(&path).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, DataDirError::InUse { .. }));
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains(&std::process::id().to_string()),
        "{text}"
    );
    drop(held);
    DataDir::open(&path).unwrap();
}

#[test]
fn the_lock_holds_between_processes_and_ends_with_the_holder() {
    // The same test binary, as another process that holds the folder until it is killed.
    if let Ok(path) = std::env::var("HEADWATER_TEST_HOLD") {
        let held = DataDir::open(path.as_ref()).unwrap();
        fs::write(held.path().join("held"), "").unwrap();
        std::thread::park();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "data_dir::the_lock_holds_between_processes_and_ends_with_the_holder"])
        .env("HEADWATER_TEST_HOLD", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !folder.path().join("held").exists() {
        std::thread::yield_now();
    }
    let text = DataDir::open(folder.path()).unwrap_err().to_string();
    assert!(text.contains(&child.id().to_string()), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
    DataDir::open(folder.path()).unwrap();
}

#[test]
fn an_unknown_format_is_refused_and_nothing_touched() {
    let folder = tempfile::tempdir().unwrap();
    drop(DataDir::open(folder.path()).unwrap());
    assert_eq!(fs::read_to_string(folder.path().join("format")).unwrap(), "headwater 1\n");
    fs::write(folder.path().join("format"), "headwater 2\n").unwrap();
    let error = DataDir::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("headwater 2"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("format")).unwrap(), "headwater 2\n");
}

#[test]
fn a_folder_of_somebody_elses_files_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "").unwrap();
    assert!(matches!(DataDir::open(folder.path()), Err(DataDirError::NotOurs { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_gives_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = DataDir::open(&folder.path().join("file/data")).unwrap_err();
    assert!(error.to_string().contains("make it writable"), "{error}");
}

#[test]
fn partitions_are_found_by_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::open(folder.path()).unwrap();
    let doomed = "gone-0.00000000000000000000000000000001-delete";
    for name in ["b-1", "a-with-dashes-10", "b-0", "no_number", "x-01", "y-", doomed] {
        fs::create_dir(dir.broker_dir().join(name)).unwrap();
    }
    fs::write(dir.broker_dir().join("file-0"), "").unwrap();
    let found = dir.partitions(&RealDisk::new()).unwrap();
    let names: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a-with-dashes-10", "b-0", "b-1"]);
    assert!(dir.partition_dir(&found[0]).ends_with("broker/a-with-dashes-10"));
    assert_eq!(remove_deleted(&RealDisk::new(), &dir.broker_dir()).unwrap(), [doomed]);
    assert!(!dir.broker_dir().join(doomed).exists());
}
