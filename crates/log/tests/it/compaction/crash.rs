//! Whatever operation of a compaction the power fails at, or the disk: the log holds what it held, compacted or not.

use std::collections::BTreeMap;

use headwater_log::sim::{FaultRates, Operation, SimDisk};
use headwater_log::{Log, LogConfig};
use headwater_model::{Entropy, Timestamp};

use super::*;

fn config() -> LogConfig {
    LogConfig { delete_retention_ms: 50, ..eager() }
}

/// Some segments with records of few keys, of nobody and of transactions, all of it decided and durable.
fn fill(log: &mut Log, entropy: &mut Entropy, sequences: &mut BTreeMap<i64, i32>, batches: u64) {
    for _ in 0..batches {
        let id = 7 + entropy.below(3) as i64;
        let count = 1 + entropy.below(3) as i32;
        let key = |entropy: &mut Entropy| format!("k{}", entropy.below(6));
        let keys: Vec<_> = (0..count).map(|_| key(entropy)).collect();
        let value = "v".repeat(entropy.below(30) as usize);
        let records: Vec<_> = keys
            .iter()
            .map(|key| (Some(key.as_str()), Some(value.as_str()).filter(|_| entropy.chance(3, 4))))
            .collect();
        let codec = if entropy.chance(1, 3) { Compression::Lz4 } else { Compression::None };
        if id == 9 {
            log.append(keyed(codec, 1_000, &records, &BatchMeta::default()), assign()).unwrap();
            continue;
        }
        let sequence = sequences.entry(id).or_default();
        log.append(keyed(codec, 1_000, &records, &producer(id, *sequence, true)), assign()).unwrap();
        *sequence += count;
        let how = if entropy.chance(1, 2) { ControlMarker::Commit } else { ControlMarker::Abort };
        if entropy.chance(2, 3) {
            end_transaction(log, id, how);
        }
    }
    for id in [7, 8] {
        end_transaction(log, id, ControlMarker::Abort);
    }
    seal(log);
}

/// What a consumer of committed records makes of the log: each key's newest value, where it has one.
fn table(log: &Log) -> BTreeMap<String, Option<String>> {
    let stable = log.reader().last_stable_offset(log.end_offset());
    assert_eq!(stable, log.end_offset());
    let (mut at, mut newest) = (log.start_offset(), BTreeMap::new());
    while at < stable {
        let (records, aborted) = log.reader().read_committed(at, stable, 500, true).unwrap();
        let mut ahead: Vec<_> = aborted.iter().map(|one| (one.first_offset, one.producer)).collect();
        ahead.sort_unstable();
        let (mut open, before) = (std::collections::BTreeSet::new(), at);
        for batch in batches(records.to_bytes().unwrap()).map(Result::unwrap) {
            batch.verify_crc().unwrap();
            at = batch.next_offset();
            while ahead.first().is_some_and(|(first, _)| *first <= batch.last_offset()) {
                open.insert(ahead.remove(0).1);
            }
            if batch.is_control() {
                if ControlMarker::of(&batch).unwrap() == Some(ControlMarker::Abort) {
                    open.remove(&batch.producer_id());
                }
            } else if !batch.is_transactional() || !open.contains(&batch.producer_id()) {
                for record in batch.open(1 << 20).unwrap().records().map(Result::unwrap) {
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    newest.insert(record.key.map(text).unwrap(), record.value.map(text));
                }
            }
        }
        assert!(at > before, "nothing to read at {before}");
    }
    newest
}

/// The keys that have a value.
fn values(log: &Log) -> BTreeMap<String, String> {
    table(log).into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Compactions and more records in turn. Ends when the disk does.
fn run(log: &mut Log, disk: &SimDisk, sequences: &mut BTreeMap<i64, i32>, seed: u64) -> Option<()> {
    let mut entropy = Entropy::from_seed(seed);
    for round in 0..3 {
        compact(log, Timestamp(now().0 + round * 40)).ok()?;
        if !disk.is_powered() {
            return None;
        }
        let meta = producer(7, sequences[&7], false);
        log.append(keyed(Compression::None, 1_000, &[(Some("k9"), Some("x"))], &meta), assign()).ok()?;
        *sequences.entry(7).or_default() += 1;
        if entropy.chance(1, 2) {
            log.roll().ok()?;
        }
        log.sync().ok()?;
    }
    Some(())
}

/// That a producer's last batch is known.
fn check_sequence(log: &mut Log, sequences: &BTreeMap<i64, i32>) {
    for (id, next) in sequences {
        let of = |sequence| {
            keyed(Compression::None, 1_000, &[(Some("k0"), None)], &producer(*id, sequence, false))
        };
        assert!(log.append(of(next + 1), assign()).is_err(), "producer {id} is forgotten");
    }
}

#[test]
fn the_old_or_the_new_segments_are_there_wherever_the_power_fails() {
    for seed in 0..u64::from(scaled(4)) {
        for operation in 1.. {
            let disk = SimDisk::new(seed * 10_000 + operation);
            let (mut log, _) = open(&disk, config());
            let (mut entropy, mut sequences) = (Entropy::from_seed(seed), BTreeMap::from([(7, 0), (8, 0)]));
            fill(&mut log, &mut entropy, &mut sequences, 30);
            let before = values(&log);
            disk.power_fails_at(disk.operations() + operation);
            let ended = run(&mut log, &disk, &mut sequences.clone(), seed).is_some();
            drop(log);
            disk.power_loss();
            // It may fail again while it is recovered from.
            if operation % 2 == 0 {
                disk.power_fails_at(disk.operations() + 1 + operation % 11);
                let _ = Log::open(shared(&disk), dir(), config(), now());
                disk.power_loss();
            }
            let (mut log, _) = open(&disk, config());
            let mut after = values(&log);
            after.remove("k9");
            assert_eq!(after, before, "seed {seed}, operation {operation}");
            assert!(files(&disk, ".cleaned").is_empty() && files(&disk, ".swap").is_empty());
            if !ended {
                check_sequence(&mut log, &BTreeMap::from([(8, sequences[&8])]));
            }
            // And it can be compacted to the end.
            seal(&mut log);
            compact(&mut log, now()).unwrap();
            let mut after = values(&log);
            after.remove("k9");
            assert_eq!(after, before);
            log.close().unwrap();
            let (log, report) = open(&disk, config());
            assert!(report.clean);
            drop(log);
            if ended {
                break;
            }
        }
    }
}

#[test]
fn an_operation_that_fails_harms_neither_the_log_nor_the_next_compaction() {
    for seed in 0..u64::from(scaled(3)) {
        for (kind, error) in [
            (Operation::Write, std::io::ErrorKind::StorageFull),
            (Operation::Write, std::io::ErrorKind::Other),
            (Operation::Read, std::io::ErrorKind::Other),
            (Operation::Sync, std::io::ErrorKind::Other),
            (Operation::Name, std::io::ErrorKind::Other),
        ] {
            for nth in 0.. {
                let disk = SimDisk::new(seed);
                let (mut log, _) = open(&disk, config());
                let (mut entropy, mut sequences) =
                    (Entropy::from_seed(seed), BTreeMap::from([(7, 0), (8, 0)]));
                fill(&mut log, &mut entropy, &mut sequences, 30);
                let before = values(&log);
                let failed = fails_at(&disk, &mut log, kind, error, nth);
                assert_eq!(values(&log), before, "{kind:?} {nth}");
                assert!(log.poisoned().is_none());
                assert!(!log.append(simple(&[("k9", "x")]), assign()).unwrap().duplicate);
                // After a crash right then, too.
                let crashed = disk.fork_after_power_loss(seed);
                let mut after = values(&open(&crashed, config()).0);
                after.remove("k9");
                assert_eq!(after, before, "{kind:?} {nth}");
                seal(&mut log);
                compact(&mut log, now().plus_ms(100)).unwrap();
                log.sync().unwrap();
                drop(log);
                let (log, _) = open(&disk, config());
                let mut after = values(&log);
                after.remove("k9");
                assert_eq!(after, before, "{kind:?} {nth}");
                if !failed {
                    break;
                }
            }
        }
    }
}

/// Compacts, and makes the operation of that kind fail that comes `nth`; false if there were fewer.
fn fails_at(disk: &SimDisk, log: &mut Log, kind: Operation, error: std::io::ErrorKind, nth: u64) -> bool {
    disk.fail_after(nth, kind, error);
    let _ = compact(log, now());
    disk.forget_failures() == 0
}

#[test]
fn a_disk_that_fails_at_random_harms_no_record() {
    for seed in 0..u64::from(scaled(40)) {
        let disk = SimDisk::new(seed);
        let (mut log, _) = open(&disk, config());
        let (mut entropy, mut sequences) = (Entropy::from_seed(seed), BTreeMap::from([(7, 0), (8, 0)]));
        for round in 0..6 {
            fill(&mut log, &mut entropy, &mut sequences, 12);
            let before = values(&log);
            disk.set_fault_rates(FaultRates { read: 5_000, write: 20_000, no_space: 20_000, sync: 50_000 });
            let _ = compact(&mut log, now().plus_ms(round * 30));
            disk.set_fault_rates(FaultRates::default());
            assert_eq!(values(&log), before, "seed {seed}");
            if entropy.chance(1, 3) {
                drop(log);
                disk.power_loss();
                log = open(&disk, config()).0;
                assert_eq!(values(&log), before, "seed {seed}, opened again");
            }
        }
        check_sequence(&mut log, &sequences);
    }
}
