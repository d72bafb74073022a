//! Indexes are Kafka's to the byte, and never decide what a log holds.

use headwater_log::sim::SimDisk;
use std::sync::Arc;

use headwater_log::{Log, LogConfig, RealDisk};
use headwater_model::{Entropy, Offset, Timestamp};
use headwater_wire::batch::{Batch, Compression, batches};

use crate::support::*;

/// A log of some segments with times that go up and down.
fn filled(disk: &SimDisk, config: LogConfig) -> Log {
    let (mut log, _) = open(disk, config);
    let mut entropy = Entropy::from_seed(9);
    for index in 0..120 {
        let timestamp = 10 * index + entropy.below(200) as i64;
        let value = "v".repeat(entropy.below(150) as usize);
        log.append(batch(Compression::None, &[(timestamp, &value), (timestamp - 5, "w")]), assign()).unwrap();
    }
    log
}

/// What Kafka's DumpLogSegments checks, checked as it does.
fn check_as_kafka_does(disk: &SimDisk, interval: usize) {
    for path in files(disk, ".log") {
        let base: i64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let log: Vec<Batch> = batches(content(disk, &path).into()).map(Result::unwrap).collect();
        let offsets = content(disk, &path.with_extension("index"));
        let times = content(disk, &path.with_extension("timeindex"));
        assert_eq!((offsets.len() % 8, times.len() % 12), (0, 0));
        let starts: Vec<(u32, &Batch)> = log
            .iter()
            .scan(0, |at, batch| {
                let start = *at;
                *at += batch.size() as u32;
                Some((start, batch))
            })
            .collect();
        let mut indexed = vec![0];
        for entry in offsets.chunks(8) {
            let relative = u32::from_be_bytes(entry[..4].try_into().unwrap());
            let position = u32::from_be_bytes(entry[4..].try_into().unwrap());
            let (_, batch) =
                starts.iter().find(|(start, _)| *start == position).expect("a batch starts there");
            assert_eq!(
                batch.last_offset().0,
                base + i64::from(relative),
                "the entry has the batch's last offset"
            );
            assert!(position as usize - indexed.last().unwrap() > interval);
            indexed.push(position as usize);
        }
        let mut before = -1;
        for entry in times.chunks(12) {
            let timestamp = i64::from_be_bytes(entry[..8].try_into().unwrap());
            let relative = u32::from_be_bytes(entry[8..].try_into().unwrap());
            let offset = base + i64::from(relative);
            let batch =
                log.iter().find(|batch| batch.last_offset().0 == offset).expect("a batch ends with it");
            assert_eq!(batch.max_timestamp().0, timestamp);
            assert!(
                log.iter()
                    .all(|other| other.last_offset().0 > offset || other.max_timestamp().0 <= timestamp)
            );
            assert!(timestamp > before);
            before = timestamp;
        }
        let newest = log.iter().map(|batch| batch.max_timestamp().0).max().unwrap();
        assert_eq!(before, newest, "the last time entry covers the whole segment");
    }
}

#[test]
fn indexes_pass_what_kafkas_own_tool_checks() {
    let disk = SimDisk::new(1);
    let log = filled(&disk, small());
    log.close().unwrap();
    assert!(files(&disk, ".log").len() > 5);
    check_as_kafka_does(&disk, 200);
    for path in files(&disk, "index") {
        overwrite(&disk, &path, b"");
    }
    let (log, report) = open(&disk, small());
    assert_eq!(report.rebuilt_indexes.len(), files(&disk, ".log").len());
    log.close().unwrap();
    check_as_kafka_does(&disk, 200);
}

/// Reads and lookups of all kinds.
fn answers(log: &Log) -> Vec<String> {
    let end = log.end_offset();
    let mut answers = Vec::new();
    for from in 0..end.0 {
        let bytes = log.read(Offset(from), end, 300, true).unwrap().to_bytes().unwrap();
        let found: Vec<_> = batches(bytes).map(|batch| batch.unwrap().base_offset()).collect();
        answers.push(format!("{from}: {found:?}"));
    }
    for timestamp in (0..1_500).step_by(7) {
        answers
            .push(format!("{timestamp}: {:?}", log.offset_for_timestamp(Timestamp(timestamp), end).unwrap()));
    }
    answers.push(format!("{:?}", log.max_timestamp(end).unwrap()));
    answers
}

#[test]
fn an_index_that_is_missing_or_mangled_is_made_anew() {
    let disk = SimDisk::new(1);
    let log = filled(&disk, small());
    let expected = answers(&log);
    log.close().unwrap();
    let mangle: [fn(&mut Vec<u8>); 7] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.truncate(bytes.len() / 24 * 12),
        |bytes| bytes.extend_from_slice(&[0; 24]),
        |bytes| bytes.extend_from_slice(&[0xFF; 24]),
        |bytes| bytes.fill(0),
        |bytes| {
            let end = bytes.len();
            bytes[end - 1] ^= 1;
        },
    ];
    let paths = [files(&disk, ".index"), files(&disk, ".timeindex")].concat();
    for path in paths {
        for (how, mangle) in mangle.iter().enumerate() {
            let before = content(&disk, &path);
            let mut bytes = before.clone();
            mangle(&mut bytes);
            // A time index that lacks whole entries at its end may still fit the batches after the last offset entry;
            // as with Kafka, only reading all batches would tell.
            let is_time_index = path.extension().is_some_and(|suffix| suffix == "timeindex");
            if bytes == before
                || (is_time_index && bytes.len().is_multiple_of(12) && before.starts_with(&bytes) && how > 0)
            {
                continue;
            }
            let disk = disk.fork_after_power_loss(1);
            overwrite(&disk, &path, &bytes);
            let (log, report) = open(&disk, small());
            assert_eq!(report.rebuilt_indexes.len(), 1, "{} {how}", path.display());
            assert_eq!(report.checked_bytes, 0, "the batches are trusted");
            assert_eq!(answers(&log), expected, "{} {how}", path.display());
            log.close().unwrap();
            assert_eq!(content(&disk, &path), before, "{} {how}", path.display());
        }
        let disk = disk.fork_after_power_loss(1);
        headwater_log::Disk::remove(&disk, &path).unwrap();
        let (log, report) = open(&disk, small());
        assert_eq!(report.rebuilt_indexes.len(), 1, "{}", path.display());
        assert_eq!(answers(&log), expected);
    }
}

#[test]
fn an_offset_index_that_lies_in_the_middle_leads_nobody_astray() {
    let disk = SimDisk::new(1);
    let config = LogConfig { index_interval_bytes: 200, ..LogConfig::default() };
    let log = filled(&disk, config.clone());
    let expected = answers(&log);
    log.close().unwrap();
    let path = files(&disk, ".index").remove(0);
    let mut bytes = content(&disk, &path);
    let mut entropy = Entropy::from_seed(4);
    for entry in 0..bytes.len() / 8 - 1 {
        bytes[entry * 8 + 6] ^= entropy.below(3) as u8;
    }
    overwrite(&disk, &path, &bytes);
    let (mut log, _) = open(&disk, config);
    log.roll().unwrap();
    assert_eq!(answers(&log), expected);
}

#[test]
fn a_rolled_segment_reads_by_its_files_as_it_did_by_memory() {
    let disk = SimDisk::new(1);
    let config = LogConfig { index_interval_bytes: 100, ..LogConfig::default() };
    let mut log = filled(&disk, config);
    let expected = answers(&log);
    log.roll().unwrap();
    assert_eq!(answers(&log), expected);
    for path in files(&disk, "index") {
        headwater_log::Disk::remove(&disk, &path).unwrap();
    }
    assert_eq!(answers(&log), expected, "also without them");
}

/// Runs Kafka's DumpLogSegments over a log on a real disk, closed, reopened and killed. Needs Java, and Kafka's jars in
/// the folder that `HEADWATER_KAFKA_LIBS` names.
#[test]
#[ignore = "needs Apache Kafka's jars: HEADWATER_KAFKA_LIBS=<folder>"]
fn kafkas_own_tool_reads_the_segments() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("orders-0");
    let disk = Arc::new(RealDisk::new());
    let config = LogConfig { segment_bytes: 15_000, index_interval_bytes: 500, ..LogConfig::default() };
    let mut entropy = Entropy::from_seed(3);
    for life in 0..3 {
        let (mut log, _) = Log::open(disk.clone(), &dir, config.clone(), now()).unwrap();
        for index in 0..150 {
            let codec = [
                Compression::None,
                Compression::Lz4,
                Compression::Zstd,
                Compression::Gzip,
                Compression::Snappy,
            ];
            let records: Vec<_> =
                (0..=entropy.below(9)).map(|_| (50 * index + entropy.below(500) as i64, "a value")).collect();
            let bytes = batch(codec[entropy.below(5) as usize], &records);
            let leader_epoch = headwater_model::LeaderEpoch(life);
            log.append(bytes, headwater_log::Assign { leader_epoch, ..assign() }).unwrap();
        }
        if life != 1 {
            log.close().unwrap();
        }
    }
    assert!(kafkas_dump(&dir, true).len() >= 9);
}

/// What Kafka's tool prints of the files in a folder, file by file, after its checks; offsets are `dense` or have gaps.
pub(crate) fn kafkas_dump(dir: &std::path::Path, dense: bool) -> Vec<String> {
    let libs =
        std::env::var("HEADWATER_KAFKA_LIBS").expect("HEADWATER_KAFKA_LIBS names the folder of Kafka's jars");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension().is_some_and(|suffix| ["log", "index", "timeindex"].iter().any(|s| suffix == *s))
    });
    files.sort();
    let files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
    let mut dump = Vec::new();
    for options in [&["--deep-iteration"][..], &["--index-sanity-check"], &["--verify-index-only"]] {
        let output = std::process::Command::new("java")
            .args(["-cp", &format!("{libs}/*"), "org.apache.kafka.tools.DumpLogSegments"])
            .args(options)
            .args(["--files", &files.join(",")])
            .output()
            .expect("java runs");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        // "-1 is followed by" the first offset of every segment but the first: the tool counts from zero.
        let complains = |line: &&str| {
            ["mismatch", "Mismatch", "Exception", "Found", "not found", "out of order", "isvalid: false"]
                .iter()
                .any(|complaint| line.contains(complaint))
                || (dense && line.contains(" is followed by ") && !line.contains(" -1 is followed by "))
        };
        let complaints: Vec<_> = text.lines().filter(complains).collect();
        assert!(output.status.success() && complaints.is_empty(), "{options:?}: {complaints:?}\n{text}");
        let expected = if options == ["--deep-iteration"] { "lastOffset" } else { ".timeindex" };
        assert!(text.contains(expected), "{options:?}: {text}");
        if options == ["--deep-iteration"] {
            dump = text.split("Dumping ").skip(1).map(str::to_owned).collect();
        }
    }
    dump
}

#[test]
fn indexes_that_could_not_be_written_are_made_anew_at_the_next_open() {
    let disk = SimDisk::new(1);
    let config = LogConfig { index_interval_bytes: 100, ..LogConfig::default() };
    let mut log = filled(&disk, config.clone());
    let expected = answers(&log);
    log.sync().unwrap();
    disk.fail_next(headwater_log::sim::Operation::Write, std::io::ErrorKind::StorageFull);
    log.roll().unwrap();
    assert_eq!(
        (files(&disk, ".index").len(), files(&disk, ".log").len()),
        (1, 2),
        "the rolled segment has none"
    );
    assert_eq!(answers(&log), expected);
    log.close().unwrap();
    let (log, report) = open(&disk, config);
    assert!(report.clean);
    assert_eq!(report.rebuilt_indexes, [Offset(0)]);
    assert_eq!(answers(&log), expected);
}
