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
use tempfile::TempDir;

use super::*;
use crate::store::ByteStore;
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
    let stores = STORES.iter().map(|store| folder.store(store).unwrap()).collect();
    (folder, stores)
}

fn write(folder: &TaskFolder, stores: &mut [DiskStore], offset: i64) {
    let mut batch = folder.batch();
    for (store, name) in stores.iter_mut().zip(STORES) {
        let reflected = Reflected { topic_id: Uuid::ZERO, offset: Offset(offset), at: Timestamp(0) };
        folder.reflect(name, reflected, &mut batch);
        store.write_to(&mut batch);
    }
    batch.commit("all").unwrap();
}

fn all(store: &DiskStore) -> BTreeMap<Bytes, Bytes> {
    store.range((Unbounded, Unbounded)).map(Result::unwrap).collect()
}

#[derive(Debug, Clone)]
enum Act {
    Put(usize, Vec<u8>, Vec<u8>),
    Delete(usize, Vec<u8>),
    Range(usize, Bound<Vec<u8>>, Bound<Vec<u8>>),
    /// Write what waits.
    Write,
    /// Lose what waits, and open the folder anew.
    Reopen,
    Clear(usize),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0_u8), Just(1), Just(255)], 0..4)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![Just(Unbounded), key().prop_map(Included), key().prop_map(Excluded)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..2_usize, key(), vec(any::<u8>(), 0..40)).prop_map(|(store, key, value)| Act::Put(store, key, value)),
        4 => (0..2_usize, key()).prop_map(|(store, key)| Act::Delete(store, key)),
        4 => (0..2_usize, bound(), bound()).prop_map(|(store, from, to)| Act::Range(store, from, to)),
        3 => Just(Act::Write),
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
                Act::Write => {
                    write(&folder, &mut stores, step as i64);
                    written = (model.clone(), [Some(Offset(step as i64)); 2]);
                }
                Act::Reopen => {
                    drop((folder, stores));
                    (folder, stores) = open(&place);
                    model = written.0.clone();
                }
                Act::Clear(store) => {
                    drop((folder, stores));
                    (folder, stores) = open(&place);
                    folder.clear(STORES[store]).unwrap();
                    model = written.0.clone();
                    model[store].clear();
                    written.0[store].clear();
                    written.1[store] = None;
                }
            }
            for (store, name) in STORES.iter().enumerate() {
                prop_assert_eq!(all(&stores[store]), model[store].clone());
                prop_assert_eq!(folder.reflected(name).unwrap().map(|reflected| reflected.offset), written.1[store]);
                for key in model[store].keys() {
                    prop_assert_eq!(stores[store].get(key).unwrap(), model[store].get(key).cloned());
                }
            }
        }
    }
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
    let (folder, mut stores) = open(&place(&temporary));
    stores[0].put(&vec![7; 65_534], b"value").unwrap();
    let error = stores[0].put(&vec![7; 65_535], b"value").unwrap_err();
    assert_eq!(error.source.to_string(), "a key of 65535 bytes; stores on disk take 65534");
    write(&folder, &mut stores, 1);
    assert_eq!(all(&stores[0]).len(), 1);
}

/// The folder in which the child writes.
const FOLDER: &str = "HEADWATER_TEST_FOLDER";

/// What the child writes: in batch `n` every key of both stores becomes `n`, and some are removed.
fn content(batch: i64) -> BTreeMap<Bytes, Bytes> {
    let keys = (0..200_i64).filter(|key| (key + batch) % 7 != 0);
    keys.map(|key| (bytes(&key.to_be_bytes()), bytes(&[batch.to_be_bytes(); 8].concat()))).collect()
}

/// Run by the test below, in a process of its own that is killed.
#[test]
#[ignore = "a part of another test"]
fn child_that_writes_until_it_is_killed() {
    let folder = std::env::var(FOLDER).unwrap();
    let place = StatePlace { folder: folder.into(), memory: 16 << 10 };
    let (folder, mut stores) = open(&place);
    let first = folder.reflected(STORES[0]).unwrap().map_or(0, |reflected| reflected.offset.0);
    for batch in first + 1.. {
        for store in &mut stores {
            (0..200_i64).for_each(|key| store.delete(&key.to_be_bytes()).unwrap());
            for (key, value) in content(batch) {
                store.put(&key, &value).unwrap();
            }
        }
        write(&folder, &mut stores, batch);
        println!("wrote {batch}");
    }
}

#[test]
fn a_process_that_is_killed_in_the_midst_of_batches_leaves_whole_ones() {
    let temporary = TempDir::new().unwrap();
    let mut last = 0;
    for round in 0..6_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::disk::tests::child_that_writes_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, temporary.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wrote = |line: std::io::Result<String>| line.unwrap().strip_prefix("wrote ")?.parse::<i64>().ok();
        let mut wrote = lines.filter_map(wrote);
        let mut known = wrote.nth(5 + 40 * round as usize).unwrap();
        std::thread::sleep(Duration::from_micros(731 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        known = wrote.last().unwrap_or(known);
        let (folder, stores) = open(&StatePlace { folder: temporary.path().to_owned(), memory: 16 << 10 });
        let found = folder.reflected(STORES[0]).unwrap().unwrap().offset.0;
        assert!(found >= known && found > last, "{known} was written, {found} is found");
        for (store, name) in stores.iter().zip(STORES) {
            assert_eq!(folder.reflected(name).unwrap().unwrap().offset.0, found);
            assert_eq!(all(store), content(found));
        }
        last = found;
    }
}
