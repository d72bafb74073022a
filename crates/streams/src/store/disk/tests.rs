//! Stores on disk against a map, whatever ends the process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use headwater_model::{PartitionId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use rustix::process::{Resource, Rlimit};
use tempfile::TempDir;

use super::*;
use crate::store::{ByteStore, StoreError};
use crate::topology::TaskId;

const STORES: [&str; 2] = ["counts", "sums"];

fn identity() -> Identity {
    Identity {
        application: "app".to_owned(),
        task: TaskId { sub_topology: 0, partition: PartitionId(0) },
        stores: STORES.iter().map(|store| ((*store).to_owned(), "value per key".to_owned())).collect(),
    }
}

fn place(folder: &TempDir) -> StatePlace {
    StatePlace { folder: folder.path().to_owned(), memory: 16 << 10 }
}

fn open(place: &StatePlace) -> (TaskFolder, Vec<DiskStore>) {
    let folder = TaskFolder::open(place, &identity()).unwrap();
    let store = |name: &&str| {
        let mut store = folder.store(name).unwrap();
        (store.present.learned_at_once, store.present.many_removed) = (1, 4);
        store
    };
    let stores = STORES.iter().map(store).collect();
    (folder, stores)
}

fn write(stores: &mut [DiskStore], offset: i64) {
    for store in stores {
        let reflected = Reflected { topic_id: Uuid::ZERO, offset: Offset(offset), at: Timestamp(0) };
        store.write(reflected).unwrap();
    }
}

fn offset(store: &DiskStore) -> Option<i64> {
    store.reflected().map(|reflected| reflected.offset.0)
}

fn all(store: &DiskStore) -> BTreeMap<Bytes, Bytes> {
    store.range((Unbounded, Unbounded)).map(Result::unwrap).collect()
}

/// How a store writes, however much it is.
#[derive(Debug, Clone, Copy)]
enum Way {
    Batch,
    Table,
    /// After those that are there were sorted.
    SortedTable,
}

fn go(store: &mut DiskStore, way: Way) {
    store.table_bytes = if matches!(way, Way::Batch) { usize::MAX } else { 0 };
    store.most_unsorted = if matches!(way, Way::SortedTable) { 0 } else { usize::MAX };
}

#[derive(Debug, Clone)]
enum Act {
    Put(usize, Vec<u8>, Vec<u8>),
    Delete(usize, Vec<u8>),
    Range(usize, Bound<Vec<u8>>, Bound<Vec<u8>>),
    /// Write what waits.
    Write(Way),
    /// Say that all of it is committed: the stores learn what is on the disk.
    Commit,
    /// Lose what waits, and open the folder anew.
    Reopen,
    Clear(usize),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0_u8), Just(1), Just(255)], 0..4)
}

/// All that there are of these.
fn all_keys() -> Vec<Vec<u8>> {
    let longer = |keys: &[Vec<u8>]| -> Vec<Vec<u8>> {
        let each = |key: &Vec<u8>| [0, 1, 255].map(|byte| [key.as_slice(), &[byte]].concat());
        keys.iter().flat_map(each).collect()
    };
    let lengths = std::iter::successors(Some(vec![Vec::new()]), |keys| Some(longer(keys)));
    lengths.take(4).flatten().collect()
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![Just(Unbounded), key().prop_map(Included), key().prop_map(Excluded)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..2_usize, key(), vec(any::<u8>(), 0..40)).prop_map(|(store, key, value)| Act::Put(store, key, value)),
        4 => (0..2_usize, key()).prop_map(|(store, key)| Act::Delete(store, key)),
        4 => (0..2_usize, bound(), bound()).prop_map(|(store, from, to)| Act::Range(store, from, to)),
        3 => prop_oneof![Just(Way::Batch), Just(Way::Table), Just(Way::SortedTable)].prop_map(Act::Write),
        3 => Just(Act::Commit),
        1 => Just(Act::Reopen),
        1 => (0..2_usize).prop_map(Act::Clear),
    ]
}

fn bytes(key: &[u8]) -> Bytes {
    Bytes::copy_from_slice(key)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_store_is_a_map_whose_writes_last_once_they_are_written(acts in vec(act(), 0..60)) {
        let temporary = TempDir::new().unwrap();
        let place = place(&temporary);
        let (mut folder, mut stores) = open(&place);
        let mut model: [BTreeMap<Bytes, Bytes>; 2] = Default::default();
        let mut written = (model.clone(), [None; 2]);
        for (step, act) in acts.into_iter().enumerate() {
            match act {
                Act::Put(store, key, value) => {
                    stores[store].put(&key, &value).unwrap();
                    model[store].insert(bytes(&key), bytes(&value));
                }
                Act::Delete(store, key) => {
                    stores[store].delete(&key).unwrap();
                    model[store].remove(key.as_slice());
                    prop_assert_eq!(stores[store].get(&key).unwrap(), None);
                }
                Act::Range(store, from, to) => {
                    let range = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
                    let inside = |key: &[u8]| !crate::store::is_empty(range) && std::ops::RangeBounds::<[u8]>::contains(&range, key);
                    let found: Vec<_> = stores[store].range(range).map(|entry| entry.unwrap().0).collect();
                    let expected: Vec<_> = model[store].keys().filter(|key| inside(key)).cloned().collect();
                    prop_assert_eq!(found, expected);
                }
                Act::Write(way) => {
                    for store in &mut stores {
                        go(store, way);
                    }
                    write(&mut stores, step as i64);
                    written = (model.clone(), [Some(step as i64); 2]);
                }
                Act::Commit => stores.iter_mut().for_each(|store| store.has_committed().unwrap()),
                Act::Reopen => {
                    drop((folder, stores));
                    (folder, stores) = open(&place);
                    model = written.0.clone();
                }
                Act::Clear(store) => {
                    drop((folder, stores));
                    (folder, stores) = open(&place);
                    stores[store].clear().unwrap();
                    model = written.0.clone();
                    model[store].clear();
                    written.0[store].clear();
                    written.1[store] = None;
                }
            }
            for (store, written) in written.1.iter().enumerate() {
                prop_assert_eq!(offset(&stores[store]), *written);
                for key in all_keys() {
                    prop_assert_eq!(stores[store].get(&key).unwrap(), model[store].get(key.as_slice()).cloned());
                }
            }
        }
        for (store, model) in stores.iter().zip(model) {
            prop_assert_eq!(all(store), model);
        }
    }
}

#[test]
fn a_store_that_is_opened_again_learns_what_it_has() {
    let temporary = TempDir::new().unwrap();
    let (folder, mut stores) = open(&place(&temporary));
    let keys = |range: std::ops::Range<u16>| range.map(u16::to_be_bytes);
    for key in keys(0..600) {
        stores[0].put(&key, b"value").unwrap();
    }
    write(&mut stores, 1);
    assert!(stores[0].present.unlearned().is_none(), "it was empty when it was opened");
    drop((folder, stores));

    let (_folder, mut stores) = open(&place(&temporary));
    stores[0].present.learned_at_once = 100;
    for commit in 0..=6 {
        assert_eq!(stores[0].present.unlearned().is_none(), commit > 5, "after {commit} commits");
        assert!(keys(0..600).all(|key| stores[0].contains(&key).unwrap()));
        assert!(!keys(600..1_200).any(|key| stores[0].contains(&key).unwrap()));
        stores[0].has_committed().unwrap();
    }
    for key in keys(0..400) {
        stores[0].delete(&key).unwrap();
    }
    write(&mut stores, 2);
    assert!(stores[0].present.unlearned().is_some(), "most of what it had learned is gone");
    (0..3).for_each(|_| stores[0].has_committed().unwrap());
    assert!(stores[0].present.unlearned().is_none());
    assert!(keys(400..600).all(|key| stores[0].contains(&key).unwrap()));
}

#[test]
fn what_comes_and_goes_before_it_is_written_is_not() {
    let temporary = TempDir::new().unwrap();
    let (_folder, mut stores) = open(&place(&temporary));
    let store = &mut stores[0];
    store.put(b"m", b"value").unwrap();
    write(std::slice::from_mut(store), 1);
    for key in [b"a", b"z"] {
        store.put(key, b"value").unwrap();
        assert!(!store.unwritten.is_empty());
        store.delete(key).unwrap();
        assert!(store.unwritten.is_empty(), "the disk has never had it");
        assert_eq!(store.get(key).unwrap(), None);
    }
    store.put(b"m", b"other").unwrap();
    store.delete(b"m").unwrap();
    assert!(!store.unwritten.is_empty(), "the disk has it");
    assert_eq!(all(store).len(), 0);
}

#[test]
fn a_folder_is_opened_once_and_by_its_maker_alone() {
    let temporary = TempDir::new().unwrap();
    let place = place(&temporary);
    let (folder, stores) = open(&place);
    let second = TaskFolder::open(&place, &identity()).unwrap_err();
    assert!(matches!(second, StateError::InUse { .. }), "{second}");
    drop((folder, stores));
    let other = Identity { application: "other".to_owned(), ..identity() };
    let refused = TaskFolder::open(&place, &other).unwrap_err().to_string();
    assert!(refused.contains("belongs to the application \"app\", not to \"other\""), "{refused}");
    drop(open(&place));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let temporary = TempDir::new().unwrap();
    std::fs::write(temporary.path().join("file"), "").unwrap();
    let place = StatePlace { folder: temporary.path().join("file"), memory: 1 << 20 };
    let error = TaskFolder::open(&place, &identity()).unwrap_err().to_string();
    assert!(error.contains("file/0_0 cannot be used"), "{error}");
}

#[test]
fn a_key_that_is_too_long_is_refused() {
    let temporary = TempDir::new().unwrap();
    let (_folder, mut stores) = open(&place(&temporary));
    stores[0].put(&vec![7; 65_534], b"value").unwrap();
    let error = stores[0].put(&vec![7; 65_535], b"value").unwrap_err();
    assert_eq!(error.source.to_string(), "a key of 65535 bytes; stores on disk take 65534");
    write(&mut stores, 1);
    assert_eq!(all(&stores[0]).len(), 1);
}

/// The folder in which the child writes.
const FOLDER: &str = "HEADWATER_TEST_FOLDER";

/// What the child writes: in batch `n` every key of both stores becomes `n`, and some are removed.
fn content(batch: i64) -> BTreeMap<Bytes, Bytes> {
    let keys = (0..200_i64).filter(|key| (key + batch) % 7 != 0);
    keys.map(|key| (bytes(&key.to_be_bytes()), bytes(&[batch.to_be_bytes(); 8].concat()))).collect()
}

/// Puts what a batch is to write.
fn put(stores: &mut [DiskStore], batch: i64) {
    for store in stores {
        (0..200_i64).for_each(|key| store.delete(&key.to_be_bytes()).unwrap());
        for (key, value) in content(batch) {
            store.put(&key, &value).unwrap();
        }
    }
}

/// Runs a test of this module in a process of its own, which gets `EFBIG` where it would be killed by a signal.
fn child(test: &str, folder: &TempDir) -> std::process::Child {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("store::disk::tests::{test}"), "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Run by the test below, in a process of its own that is killed.
#[test]
#[ignore = "a part of another test"]
fn child_that_writes_until_it_is_killed() {
    let folder = std::env::var(FOLDER).unwrap();
    let place = StatePlace { folder: folder.into(), memory: 16 << 10 };
    let (_folder, mut stores) = open(&place);
    let first = offset(&stores[0]).unwrap_or(0);
    for batch in first + 1.. {
        put(&mut stores, batch);
        go(&mut stores[0], if batch % 3 == 0 { Way::Batch } else { Way::Table });
        write(&mut stores, batch);
        println!("wrote {batch}");
    }
}

#[test]
fn a_process_that_is_killed_in_the_midst_of_batches_leaves_whole_ones() {
    let temporary = TempDir::new().unwrap();
    let mut last = 0;
    for round in 0..6_u64 {
        let mut child = child("child_that_writes_until_it_is_killed", &temporary);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wrote = |line: std::io::Result<String>| line.unwrap().strip_prefix("wrote ")?.parse::<i64>().ok();
        let mut wrote = lines.filter_map(wrote);
        let mut known = wrote.nth(5 + 40 * round as usize).unwrap();
        std::thread::sleep(Duration::from_micros(731 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        known = wrote.last().unwrap_or(known);
        let (_folder, stores) = open(&StatePlace { folder: temporary.path().to_owned(), memory: 16 << 10 });
        let found = [offset(&stores[0]).unwrap(), offset(&stores[1]).unwrap()];
        // One after the other is written.
        assert!(found[1] >= known && found[1] > last, "{known} was written, {found:?} is found");
        assert!(found[0] == found[1] || found[0] == found[1] + 1, "{found:?}");
        for (store, found) in stores.iter().zip(found) {
            assert_eq!(all(store), content(found));
        }
        last = found[0];
    }
}

/// Run by the test below, in a process of its own that is killed.
#[test]
#[ignore = "a part of another test"]
fn child_that_clears_until_it_is_killed() {
    let place = StatePlace { folder: std::env::var(FOLDER).unwrap().into(), memory: 16 << 10 };
    let (_folder, mut stores) = open(&place);
    for batch in 1.. {
        put(&mut stores, batch);
        write(&mut stores, batch);
        println!("wrote {batch}");
        stores[0].clear().unwrap();
    }
}

#[test]
fn a_process_that_is_killed_while_it_clears_a_store_leaves_it_whole_or_empty() {
    let temporary = TempDir::new().unwrap();
    for round in 0..20_u64 {
        let mut child = child("child_that_clears_until_it_is_killed", &temporary);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut wrote = lines.filter(|line| line.as_ref().unwrap().starts_with("wrote"));
        wrote.nth(round as usize % 7).unwrap().unwrap();
        std::thread::sleep(Duration::from_micros(37 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let (_folder, stores) = open(&StatePlace { folder: temporary.path().to_owned(), memory: 16 << 10 });
        assert_eq!(all(&stores[0]), offset(&stores[0]).map(content).unwrap_or_default());
    }
}

/// How large the files of this process may become; `None` as large as before.
fn limit(bytes: Option<u64>) {
    let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
    rustix::process::setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

fn words(error: &StoreError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// Run by the test below, in a process of its own, because the limit holds for all of it.
#[test]
#[ignore = "a part of another test"]
fn child_whose_writes_fail() {
    let place = StatePlace { folder: std::env::var(FOLDER).unwrap().into(), memory: 16 << 10 };
    let mut last = 0;
    for (step, way) in [Way::Batch, Way::Table, Way::SortedTable, Way::Batch].into_iter().enumerate() {
        let (folder, mut stores) = open(&place);
        for store in &mut stores {
            go(store, way);
        }
        let batch = 10 * step as i64 + 1;
        put(&mut stores, batch);
        write(&mut stores, batch);
        put(&mut stores, batch + 1);
        limit(Some(0));
        for (store, name) in stores.iter_mut().zip(STORES) {
            let reflected = Reflected { offset: Offset(batch + 1), ..store.reflected().unwrap() };
            let error = words(&store.write(reflected).unwrap_err());
            assert!(error.contains(&format!("the store \"{name}\" failed")), "{error}");
            let path = place.folder.join("0_0");
            assert!(
                error.contains(&format!("the state folder {} cannot be used", path.display())),
                "{error}"
            );
            assert_eq!(all(store), content(batch + 1), "what waits is not lost");
        }
        drop((folder, stores));
        limit(None);
        let (_folder, stores) = open(&place);
        for store in &stores {
            assert_eq!((offset(store), all(store)), (Some(batch), content(batch)), "{way:?}");
        }
        last = batch;
    }
    println!("wrote {last}");
}

#[test]
fn a_disk_that_takes_nothing_is_told_and_leaves_what_was_committed() {
    let temporary = TempDir::new().unwrap();
    let mut child = child("child_whose_writes_fail", &temporary);
    let pauses = (0..3_000).take_while(|_| child.try_wait().unwrap().is_none());
    pauses.for_each(|_| std::thread::sleep(Duration::from_millis(20)));
    child.kill().unwrap();
    assert!(child.wait().unwrap().success(), "it fails, or hangs for a minute");
    let (_folder, stores) = open(&StatePlace { folder: temporary.path().to_owned(), memory: 16 << 10 });
    assert_eq!(offset(&stores[0]), Some(31));
}
