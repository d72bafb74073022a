//! Rule by rule, on logs of a few records.

use bytes::{Bytes, BytesMut};
use headwater_log::sim::SimDisk;
use headwater_log::{Disk, LogConfig, LogError};
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::{BatchMeta, Compression, ControlMarker, TimestampType};

use super::*;

const RETENTION: i64 = 1_000;

fn later(ms: i64) -> Timestamp {
    now().plus_ms(ms)
}

#[test]
fn the_newest_record_of_each_key_stays_with_its_offset() {
    for codec in Compression::ALL {
        let disk = SimDisk::new(1);
        let (mut log, _) = open(&disk, eager());
        let of = |records: &[KeyValue<'_>]| keyed(codec, 1_000, records, &BatchMeta::default());
        log.append(of(&[(Some("a"), Some("1")), (Some("b"), Some("2")), (None, Some("x"))]), assign())
            .unwrap();
        log.append(of(&[(Some("a"), Some("3"))]), assign()).unwrap();
        log.append(of(&[(Some("c"), Some("4"))]), assign()).unwrap();
        seal(&mut log);
        log.append(of(&[(Some("b"), Some("5"))]), assign()).unwrap();
        let kept = content(&disk, &files(&disk, ".log")[0]);
        let untouched = batches_from(&log, 4)[0].bytes().clone();
        assert!(kept.windows(untouched.len()).any(|window| window == untouched));
        let groups = compact(&mut log, now()).unwrap();
        assert!(groups.last().unwrap().finished);
        assert_eq!(
            lines(&log),
            ["1 b=2", "3 a=3", "4 c=4", "5 b=5"],
            "{codec}: the last segment is not touched"
        );
        assert_eq!(batches_from(&log, 0)[0].compression().unwrap(), codec);
        assert_eq!(batches_from(&log, 4)[0].bytes(), &untouched, "copied byte for byte");
        assert_eq!(batches_from(&log, 0)[0].last_offset(), Offset(2), "a batch keeps its offsets");
        let state = log.compaction_state(now(), log.end_offset());
        assert_eq!((state.first_dirty, state.dirty_bytes), (Offset(5), 0));
        assert!(compact(&mut log, now()).unwrap().is_empty(), "nothing is dirty");
    }
}

#[test]
fn nothing_at_or_above_what_is_visible_decided_and_durable_goes() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, eager());
    for value in ["1", "2", "3", "4"] {
        log.append(simple(&[("a", value)]), assign()).unwrap();
    }
    log.roll().unwrap();
    assert!(log.begin_compaction(now(), log.end_offset()).unwrap().is_none(), "not durable");
    log.sync().unwrap();
    let mut compaction = log.begin_compaction(now(), Offset(2)).unwrap().unwrap();
    while let Some(cleaned) = compaction.run(&|| false).unwrap() {
        log.complete_compaction(cleaned);
    }
    assert_eq!(lines(&log), ["1 a=2", "2 a=3", "3 a=4"]);
    let meta = producer(7, 0, true);
    log.append(keyed(Compression::None, 1_000, &[(Some("a"), Some("5"))], &meta), assign()).unwrap();
    log.append(simple(&[("a", "6")]), assign()).unwrap();
    seal(&mut log);
    drop(compaction);
    compact(&mut log, now()).unwrap();
    assert_eq!(lines(&log), ["3 a=4", "4 a=5", "5 a=6"], "an open transaction");
    end_transaction(&mut log, 7, ControlMarker::Abort);
    seal(&mut log);
    compact(&mut log, now()).unwrap();
    assert_eq!(lines(&log), ["5 a=6"]);
}

#[test]
fn tombstones_stay_for_their_time_after_they_were_first_compacted() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, eager());
    log.append(simple(&[("a", "1"), ("b", "1")]), assign()).unwrap();
    log.append(tombstone("a"), assign()).unwrap();
    seal(&mut log);
    compact(&mut log, now()).unwrap();
    assert_eq!(lines(&log), ["1 b=1", "2 a=-"]);
    let header = *batches_from(&log, 2)[0].header();
    assert_eq!((header.attributes, header.delete_horizon()), (1 << 6, Some(later(RETENTION))));
    assert_eq!(header.base_timestamp, later(RETENTION), "as Kafka has it");
    assert_eq!((records(&log)[1].timestamp, header.max_timestamp), (1_000, Timestamp(1_000)));
    let expected = [(RETENTION - 1, vec!["1 b=1", "2 a=-", "3 c=1"]), (RETENTION, vec!["1 b=1", "4 c=1"])];
    for (ms, expected) in expected {
        log.append(simple(&[("c", "1")]), assign()).unwrap();
        seal(&mut log);
        compact(&mut log, later(ms)).unwrap();
        assert_eq!(lines(&log), expected);
    }
}

#[test]
fn aborted_records_go_and_markers_stay_until_nothing_is_left_of_their_transaction() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, eager());
    let of = |id, sequence, key: &str| {
        keyed(Compression::None, 1_000, &[(Some(key), Some("in"))], &producer(id, sequence, true))
    };
    log.append(of(7, 0, "a"), assign()).unwrap();
    log.append(of(8, 0, "b"), assign()).unwrap();
    end_transaction(&mut log, 7, ControlMarker::Abort);
    end_transaction(&mut log, 8, ControlMarker::Commit);
    log.append(of(7, 1, "c"), assign()).unwrap();
    log.append(of(8, 1, "c"), assign()).unwrap();
    end_transaction(&mut log, 7, ControlMarker::Commit);
    end_transaction(&mut log, 8, ControlMarker::Commit);
    seal(&mut log);
    let aborted = |log: &Log| log.reader().aborted_transactions(Offset(0), log.end_offset()).unwrap().len();
    let markers = |log: &Log| -> Vec<i64> {
        read_all(log).iter().filter(|batch| batch.is_control()).map(|batch| batch.base_offset().0).collect()
    };
    assert_eq!((aborted(&log), markers(&log).len()), (1, 4));
    compact(&mut log, now()).unwrap();
    assert_eq!(lines(&log), ["1 b=in", "5 c=in"]);
    assert_eq!((aborted(&log), markers(&log)), (0, vec![2, 3, 6, 7]), "they have their time");
    // Time passes, and the records of the second transaction of 7 are long gone; that of 8 has one left.
    for (ms, expected) in
        [(1, vec![2, 3, 6, 7]), (2 * RETENTION, vec![3, 6, 7]), (4 * RETENTION, vec![3, 6, 7])]
    {
        log.append(simple(&[("z", "1")]), assign()).unwrap();
        seal(&mut log);
        compact(&mut log, later(ms)).unwrap();
        assert_eq!(markers(&log), expected, "{ms}");
    }
    // The last batch of a producer stays, empty, for its sequence; so its marker does.
    assert_eq!(batches_from(&log, 4)[0].record_count(), 0);
    log.close().unwrap();
    disk.remove(&dir().join("producer-snapshot")).unwrap();
    let (mut log, report) = open(&disk, eager());
    assert!(report.replayed_batches > 0);
    assert_eq!(log.reader().last_stable_offset(log.end_offset()), log.end_offset());
    assert!(log.append(of(7, 1, "c"), assign()).unwrap().duplicate);
    assert!(log.append(of(7, 3, "c"), assign()).is_err());
    assert!(!log.append(of(7, 2, "c"), assign()).unwrap().duplicate);
}

#[test]
fn a_batch_that_cannot_be_opened_stays_and_stops_nothing() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { max_uncompressed_bytes: 2_000, ..eager() });
    log.append(simple(&[("a", "1")]), assign()).unwrap();
    // The checksum is right, the inside is not.
    let mut rubbish = BytesMut::from(simple(&[("a", "2")]).as_ref());
    let at = rubbish.len() - 8;
    rubbish[at..].fill(0xEE);
    let crc = crc32c::crc32c(&rubbish[21..]);
    rubbish[17..21].copy_from_slice(&crc.to_be_bytes());
    let rubbish: Bytes = rubbish.freeze();
    log.append(rubbish.clone(), assign()).unwrap();
    let large = "v".repeat(4_000);
    let large = keyed(Compression::Zstd, 1_000, &[(Some("b"), Some(&large))], &BatchMeta::default());
    log.append(large.clone(), assign()).unwrap();
    log.append(tombstone("b"), assign()).unwrap();
    log.append(simple(&[("a", "3")]), assign()).unwrap();
    seal(&mut log);
    for ms in [0, 2 * RETENTION, 4 * RETENTION] {
        compact(&mut log, later(ms)).unwrap();
        let batches = read_all(&log);
        let kept: Vec<_> = batches.iter().map(|batch| batch.base_offset().0).collect();
        assert!(kept.starts_with(&[1, 2, 3, 4]), "{kept:?}");
        assert_eq!(batches[0].bytes().slice(16..), rubbish.slice(16..));
        assert_eq!(batches[1].bytes().slice(16..), large.slice(16..));
        assert_eq!(batches[2].record_count(), 1, "what it deletes may still be there");
        log.append(simple(&[("z", "1")]), assign()).unwrap();
        seal(&mut log);
    }
}

#[test]
fn a_map_that_is_full_leaves_the_rest_to_the_next_time() {
    let disk = SimDisk::new(1);
    let (mut log, _) =
        open(&disk, LogConfig { dedupe_buffer_bytes: 24 * 5, segment_bytes: 4_000, ..eager() });
    for round in 0..3 {
        let keys: Vec<_> = (0..10).map(|key| format!("k{key}")).collect();
        let value = round.to_string();
        let records: Vec<_> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
        log.append(simple(&records), assign()).unwrap();
    }
    seal(&mut log);
    let mut dirty_from = Vec::new();
    while !compact(&mut log, now()).unwrap().is_empty() {
        dirty_from.push(log.compaction_state(now(), log.end_offset()).first_dirty.0);
        let newest: std::collections::BTreeMap<_, _> =
            records(&log).into_iter().map(|found| (found.key, found.value)).collect();
        assert!(newest.len() == 10 && newest.values().all(|value| value.as_deref() == Some("2")));
    }
    assert_eq!(dirty_from, [4, 8, 12, 16, 20, 24, 28, 30]);
    assert_eq!(
        records(&log).iter().map(|found| found.offset).collect::<Vec<_>>(),
        (20..30).collect::<Vec<_>>()
    );
}

#[test]
fn small_neighbours_become_one_segment_and_the_next_offset_stays() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { segment_bytes: 2_000, ..eager() });
    for round in 0..6 {
        log.append(simple(&[("a", "1"), (["b", "c"][round % 2], "2")]), assign()).unwrap();
        log.roll().unwrap();
    }
    seal(&mut log);
    assert_eq!(files(&disk, ".log").len(), 7);
    let groups = compact(&mut log, now()).unwrap();
    assert_eq!((groups.len(), groups[0].replaced_segments), (1, 6));
    assert!(groups[0].bytes_after < groups[0].bytes_before);
    assert_eq!(files(&disk, ".log").len(), 2);
    assert_eq!(files(&disk, ".index").len(), 2);
    assert_eq!(lines(&log), ["9 b=2", "10 a=1", "11 c=2"]);
    log.close().unwrap();
    let (log, report) = open(&disk, eager());
    assert!(report.clean && report.rebuilt_indexes.is_empty(), "{report:?}");
    assert_eq!((lines(&log).len(), log.end_offset()), (3, Offset(12)));
    // Kept by the folder, not by the setting.
    drop(log);
    let (log, _) = open(&disk, LogConfig { compacted: false, ..eager() });
    assert_eq!(log.compaction_state(now(), Offset(12)).first_dirty, Offset(12));
}

#[test]
fn a_segment_that_loses_everything_still_holds_its_place() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { segment_bytes: 90, ..eager() });
    for _ in 0..5 {
        log.append(simple(&[("a", "1")]), assign()).unwrap();
    }
    seal(&mut log);
    compact(&mut log, now()).unwrap();
    assert_eq!(lines(&log), ["4 a=1"]);
    for from in 0..5 {
        let first = &batches_from(&log, from)[0];
        assert_eq!((first.base_offset(), first.record_count()), (Offset(from), i32::from(from == 4)));
    }
    let found = log.offset_for_timestamp(Timestamp(5), log.end_offset()).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (Offset(4), Timestamp(1_000)));
    assert_eq!(log.max_timestamp(log.end_offset()).unwrap().unwrap().offset, Offset(4));
    drop(log);
    assert_eq!(lines(&open(&disk, eager()).0), ["4 a=1"]);
}

#[test]
fn what_is_compacted_and_deleted_is_deleted_by_age_even_where_nothing_is_left_of_it() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { segment_bytes: 90, ..eager() });
    for _ in 0..4 {
        log.append(simple(&[("a", "1")]), assign()).unwrap();
    }
    seal(&mut log);
    compact(&mut log, now()).unwrap();
    log.set_config(LogConfig { retention_ms: Some(50), ..eager() });
    assert_eq!(log.apply_retention(Timestamp(1_050), Offset(4)).unwrap().removed_segments, 0);
    assert_eq!(log.apply_retention(Timestamp(1_051), Offset(4)).unwrap().removed_segments, 4);
}

#[test]
fn a_compaction_may_run_on_another_thread() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, eager());
    log.append(simple(&[("a", "1"), ("a", "2")]), assign()).unwrap();
    seal(&mut log);
    let mut compaction = log.begin_compaction(now(), log.end_offset()).unwrap().unwrap();
    let cleaned = std::thread::spawn(move || compaction.run(&|| false)).join().unwrap().unwrap().unwrap();
    log.append(simple(&[("a", "3")]), assign()).unwrap();
    assert!(log.complete_compaction(cleaned).finished);
    assert_eq!(lines(&log), ["1 a=2", "2 a=3"]);
}

#[test]
fn readers_that_hold_old_segments_go_on() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { segment_bytes: 400, ..eager() });
    for value in 0..40 {
        log.append(simple(&[("a", &value.to_string())]), assign()).unwrap();
    }
    seal(&mut log);
    let (before, records) = (lines(&log), log.read(Offset(0), log.end_offset(), 1 << 20, true).unwrap());
    let mut headers = log.batch_headers(Offset(0));
    assert_eq!(headers.next().unwrap().unwrap().base_offset, Offset(0));
    compact(&mut log, now()).unwrap();
    assert_eq!((before.len(), lines(&log).len()), (40, 1));
    assert_eq!(batches(records.to_bytes().unwrap()).count(), 40);
    assert_eq!(headers.flatten().count(), 39);
}

#[test]
fn what_changed_below_a_compaction_makes_it_void() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { segment_bytes: 100, ..eager() });
    for value in 0..8 {
        log.append(simple(&[("a", &value.to_string())]), assign()).unwrap();
    }
    seal(&mut log);
    let mut compaction = log.begin_compaction(now(), log.end_offset()).unwrap().unwrap();
    assert!(log.begin_compaction(now(), log.end_offset()).unwrap().is_none(), "one at a time");
    let cleaned = compaction.run(&|| false).unwrap().unwrap();
    log.set_start_offset(Offset(2)).unwrap();
    log.apply_retention(now(), log.end_offset()).unwrap();
    let compacted = log.complete_compaction(cleaned);
    assert_eq!((compacted.replaced_segments, compacted.finished), (0, false));
    assert!(compaction.run(&|| false).unwrap().is_none(), "it is over");
    assert_eq!(lines(&log).len(), 6);
    assert!(files(&disk, ".swap").is_empty() && files(&disk, ".cleaned").is_empty());
    drop(compaction);
    compact(&mut log, now()).unwrap();
    assert_eq!(lines(&log), ["7 a=7"]);
    // Stopped, dropped, or of a log that is gone.
    log.append(simple(&[("a", "8")]), assign()).unwrap();
    seal(&mut log);
    let mut compaction = log.begin_compaction(now(), log.end_offset()).unwrap().unwrap();
    assert!(compaction.run(&|| true).unwrap().is_none());
    drop(compaction);
    let mut compaction = log.begin_compaction(now(), log.end_offset()).unwrap().unwrap();
    drop(log);
    assert!(compaction.run(&|| false).unwrap().is_none());
    assert!(files(&disk, ".swap").is_empty() && files(&disk, ".cleaned").is_empty());
}

#[test]
fn records_that_have_waited_too_long_are_compacted_whatever_the_ratio() {
    let disk = SimDisk::new(1);
    let config = LogConfig { min_cleanable_dirty_ratio: 1.0, max_compaction_lag_ms: 500, ..eager() };
    let (mut log, _) = open(&disk, config);
    for value in ["1", "2"] {
        log.append(simple(&[("a", value)]), assign()).unwrap();
    }
    log.sync().unwrap();
    assert!(log.begin_compaction(Timestamp(1_500), log.end_offset()).unwrap().is_none());
    assert_eq!(files(&disk, ".log").len(), 1);
    compact(&mut log, Timestamp(1_501)).unwrap();
    assert_eq!(files(&disk, ".log").len(), 2, "the last segment is closed");
    assert_eq!(lines(&log), ["1 a=2"]);
}

#[test]
fn append_time_survives_a_rewrite() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, eager());
    let stamped = headwater_log::Assign { timestamp_type: TimestampType::LogAppendTime, ..assign() };
    log.append(simple(&[("a", "1"), ("b", "1")]), stamped).unwrap();
    log.append(tombstone("a"), stamped).unwrap();
    seal(&mut log);
    compact(&mut log, now()).unwrap();
    assert!(records(&log).iter().all(|found| found.timestamp == now().0));
    assert_eq!(lines(&log), ["1 b=1", "2 a=-"]);
}

#[test]
fn a_full_or_broken_disk_leaves_the_log_as_it_is() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, eager());
    for value in 0..30 {
        log.append(simple(&[("a", &value.to_string())]), assign()).unwrap();
    }
    seal(&mut log);
    let before = lines(&log);
    disk.set_capacity(Some(log.size_bytes() + 200));
    assert!(matches!(compact(&mut log, now()), Err(LogError::DiskFull { .. })));
    disk.set_capacity(None);
    disk.fail_next(headwater_log::sim::Operation::Sync, std::io::ErrorKind::Other);
    assert!(matches!(compact(&mut log, now()), Err(LogError::Io { .. })));
    assert!(files(&disk, ".cleaned").is_empty() && files(&disk, ".swap").is_empty());
    assert_eq!(lines(&log), before);
    log.append(simple(&[("b", "1")]), assign()).unwrap();
    compact(&mut log, now()).unwrap();
    assert_eq!(lines(&log), ["29 a=29", "30 b=1"]);
}

/// Runs Kafka's DumpLogSegments over compacted segments on a real disk. Needs Java, and Kafka's jars in the folder that
/// `HEADWATER_KAFKA_LIBS` names.
#[test]
#[ignore = "needs Apache Kafka's jars: HEADWATER_KAFKA_LIBS=<folder>"]
fn kafkas_own_tool_reads_compacted_segments() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("orders-0");
    let config = LogConfig { segment_bytes: 3_000, index_interval_bytes: 200, ..eager() };
    let disk = std::sync::Arc::new(headwater_log::RealDisk::new());
    let (mut log, _) = Log::open(disk, &dir, config, now()).unwrap();
    for round in 0..40_i32 {
        let value = format!("value {round}");
        let keys: Vec<_> = (0..4).map(|key| format!("k{}", key + round / 8)).collect();
        let records: Vec<_> = (keys.iter())
            .map(|key| (Some(key.as_str()), Some(value.as_str()).filter(|_| round % 5 != 0)))
            .collect();
        let codec = Compression::ALL[round as usize % 5];
        let timestamp = 1_000 + i64::from(round);
        log.append(keyed(codec, timestamp, &records, &BatchMeta::default()), assign()).unwrap();
        let id = 7 + i64::from(round % 2);
        log.append(keyed(codec, timestamp, &records, &producer(id, round / 2 * 4, true)), assign()).unwrap();
        let how = if round % 3 == 0 { ControlMarker::Abort } else { ControlMarker::Commit };
        end_transaction(&mut log, id, how);
        if round % 12 == 0 {
            seal(&mut log);
            compact(&mut log, later(i64::from(round))).unwrap();
        }
    }
    seal(&mut log);
    let groups = compact(&mut log, later(50)).unwrap();
    assert!(groups.last().unwrap().finished);
    let dump = crate::indexes::kafkas_dump(&dir, false).concat();
    for expected in
        ["deleteHorizonMs: OptionalLong[", "endTxnMarker: COMMIT", "count: 0", "isTransactional: true"]
    {
        assert!(dump.contains(expected), "{expected}: {dump}");
    }
    let read: Vec<_> = records(&log).iter().map(|found| found.offset).collect();
    let of_kafka = dump.lines().filter(|line| line.contains("| offset: ") && !line.contains("endTxnMarker"));
    assert_eq!(of_kafka.count(), read.len(), "{dump}");
}

/// Kafka may have stopped in the middle of its own exchange of segments.
#[test]
fn an_exchange_that_another_broker_committed_is_completed_when_its_folder_is_taken_in() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, eager());
    for value in ["1", "2"] {
        log.append(simple(&[("a", value)]), assign()).unwrap();
        log.roll().unwrap();
    }
    seal(&mut log);
    log.append(simple(&[("a", "3")]), assign()).unwrap();
    log.close().unwrap();
    let paths = files(&disk, ".log");
    let cleaned = [content(&disk, &paths[1])].concat();
    let to = std::path::Path::new("/data/broker/taken-0");
    let take_in = |config: LogConfig| {
        let tag = headwater_model::Uuid::from_u64_pair(1, 2);
        headwater_log::stage_partition(&shared(&disk), dir(), to, tag, config, now())
    };
    // The first of two was removed already.
    disk.remove(&paths[0]).unwrap();
    disk.remove(&paths[1]).unwrap();
    overwrite(&disk, &dir().join("00000000000000000000.log.swap"), &cleaned);
    let staged = take_in(eager()).unwrap();
    assert_eq!((staged.start, staged.end), (Offset(0), Offset(3)));
    let (log, _) = Log::open(shared(&disk), &staged.staged, eager(), now()).unwrap();
    assert_eq!(lines(&log), ["1 a=2", "2 a=3"]);
}
