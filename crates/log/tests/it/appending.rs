//! What is accepted, what offsets it gets, when a segment is full.

use bytes::{Bytes, BytesMut};
use headwater_log::sim::SimDisk;
use headwater_log::{Assign, LogConfig, LogError};
use headwater_model::{ErrorCode, LeaderEpoch, Offset, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchError, BatchMeta, Compression, ControlMarker, TimestampType};

use crate::support::*;

#[test]
fn batches_get_consecutive_offsets_and_the_leaders_epoch() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    let first = log.append(plain(3), assign()).unwrap();
    assert_eq!((first.first_offset, first.last_offset), (Offset(0), Offset(2)));
    let two = [plain(1), plain(2)].concat();
    let second = log.append(two.into(), assign()).unwrap();
    assert_eq!((second.first_offset, second.last_offset), (Offset(3), Offset(5)));
    let bases: Vec<_> =
        read_all(&log).iter().map(|batch| (batch.base_offset().0, batch.leader_epoch().0)).collect();
    assert_eq!(bases, [(0, 3), (3, 3), (4, 3)]);
    assert_eq!(log.end_offset(), Offset(6));
}

#[test]
fn append_time_replaces_the_records_times() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    let stamped = Assign { timestamp_type: TimestampType::LogAppendTime, ..assign() };
    let appended = log.append(plain(2), stamped).unwrap();
    assert_eq!(appended.log_append_time, now());
    let found = log.offset_for_timestamp(now(), log.end_offset()).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (Offset(0), now()));
    assert_eq!(read_all(&log)[0].max_timestamp(), now());
    assert_eq!(log.append(plain(2), assign()).unwrap().log_append_time, Timestamp::NONE);
}

#[test]
fn malformed_batches_are_refused_and_leave_no_trace() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { max_message_bytes: 300, ..LogConfig::default() });
    let good = plain(2);
    let altered = |at: usize, value: u8| {
        let mut bytes = BytesMut::from(good.as_ref());
        bytes[at] = value;
        bytes.freeze()
    };
    let control =
        batch_of(Compression::None, &[(1, "x")], &BatchMeta { is_control: true, ..BatchMeta::default() });
    let cases: Vec<(&str, Bytes, ErrorCode)> = vec![
        ("nothing", Bytes::new(), ErrorCode::InvalidRecord),
        ("a cut header", good.slice(..40), ErrorCode::CorruptMessage),
        ("a cut batch", good.slice(..good.len() - 1), ErrorCode::CorruptMessage),
        ("a length below the header's", altered(11, 1), ErrorCode::CorruptMessage),
        ("an older format", altered(16, 1), ErrorCode::UnsupportedForMessageFormat),
        ("a flipped bit", altered(good.len() - 1, 0x55), ErrorCode::CorruptMessage),
        ("a count that is not the offsets'", altered_with_crc(&good, 60, 7), ErrorCode::InvalidRecord),
        ("an unknown codec", altered_with_crc(&good, 22, 5), ErrorCode::InvalidRecord),
        ("a control batch", control, ErrorCode::InvalidRecord),
        ("a producer without sequence", sequenced(1, 0, -1, 1), ErrorCode::InvalidRecord),
        ("too many bytes", plain(20), ErrorCode::MessageTooLarge),
        (
            "a bad batch after a good one",
            [good.as_ref(), &[1, 2, 3]].concat().into(),
            ErrorCode::CorruptMessage,
        ),
    ];
    for (what, bytes, code) in cases {
        let error = log.append(bytes, assign()).expect_err(what);
        assert_eq!(error.error_code(), code, "{what}: {error}");
    }
    assert_eq!((log.end_offset(), log.size_bytes()), (Offset(0), 0));
    log.append(good, assign()).unwrap();
    assert_eq!(read_all(&log).len(), 1);
}

fn altered_with_crc(batch: &Bytes, at: usize, value: u8) -> Bytes {
    let mut bytes = BytesMut::from(batch.as_ref());
    bytes[at] = value;
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.freeze()
}

#[test]
fn control_batches_come_from_the_broker_only() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    let control = |key: &[u8]| {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(now(), Some(key), Some(b"x"), &[]);
        builder.build(&BatchMeta { is_control: true, ..BatchMeta::default() })
    };
    let marker = control(&ControlMarker::Commit.key());
    assert!(matches!(log.append(marker.clone(), assign()), Err(LogError::ControlBatch)));
    assert!(log.append_coordinated(marker, assign()).is_ok());
    let error = log.append_coordinated(control(b"key"), assign()).unwrap_err();
    assert!(matches!(error, LogError::InvalidBatch { source: BatchError::NotAMarker, .. }), "{error}");
}

#[test]
fn a_segment_is_full_by_size_by_time_and_by_index() {
    let size = plain(1).len() as u32;
    let count = |config: LogConfig, timestamps: &[i64]| {
        let disk = SimDisk::new(1);
        let (mut log, _) = open(&disk, config);
        for timestamp in timestamps {
            log.append(batch(Compression::None, &[(*timestamp, "some value or other")]), assign()).unwrap();
        }
        assert_eq!(read_all(&log).len(), timestamps.len());
        files(&disk, ".log").len()
    };
    let by_size = LogConfig { segment_bytes: 2 * size, ..LogConfig::default() };
    assert_eq!(count(by_size, &[1, 2, 3, 4, 5]), 3);
    let by_time = LogConfig { segment_ms: 10, ..LogConfig::default() };
    assert_eq!(count(by_time.clone(), &[100, 105, 110, 111, 121, 122]), 3, "more than 10 ms after the first");
    assert_eq!(count(by_time, &[100, 50, 110]), 1, "older records do not count");
    let by_index = LogConfig { segment_index_bytes: 24, index_interval_bytes: 0, ..LogConfig::default() };
    assert_eq!(count(by_index, &[1, 2, 3, 4, 5, 6]), 3, "one time entry, and one for the end");
}

#[test]
fn batches_that_do_not_fit_into_a_segment_are_refused() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig { segment_bytes: 100, ..LogConfig::default() });
    let error = log.append(plain(3), assign()).unwrap_err();
    assert_eq!(error.error_code(), ErrorCode::RecordListTooLarge);
}

#[test]
fn a_log_of_offsets_far_apart_begins_a_segment_where_relative_offsets_end() {
    let disk = SimDisk::new(1);
    let (log, _) = open(&disk, LogConfig::default());
    log.close().unwrap();
    // As compaction leaves it: one batch, far from the segment's base.
    let path = files(&disk, ".log").remove(0);
    let mut far = BytesMut::from(plain(1).as_ref());
    far[..8].copy_from_slice(&(i64::from(i32::MAX) - 1).to_be_bytes());
    overwrite(&disk, &path, &far);
    headwater_log::Disk::remove(&disk, &dir().join("recovery-point")).unwrap();
    let (mut log, _) = open(&disk, LogConfig { compacted: true, ..LogConfig::default() });
    assert_eq!(log.end_offset(), Offset(i64::from(i32::MAX)));
    log.append(plain(1), assign()).unwrap();
    log.append(plain(1), assign()).unwrap();
    assert_eq!(files(&disk, ".log").len(), 2);
    assert_eq!(read_all(&log).len(), 3);
}

#[test]
fn epochs_are_remembered_across_a_reopen() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    for epoch in [1, 1, 4] {
        log.append(plain(2), Assign { leader_epoch: LeaderEpoch(epoch), ..assign() }).unwrap();
    }
    let check = |log: &headwater_log::Log| {
        let end = |epoch| log.end_offset_for_epoch(LeaderEpoch(epoch)).map(|end| (end.epoch.0, end.end.0));
        assert_eq!((end(1), end(3), end(4), end(5)), (Some((1, 4)), Some((1, 4)), Some((4, 6)), None));
    };
    check(&log);
    log.close().unwrap();
    let text = content(&disk, &dir().join("leader-epoch-checkpoint"));
    assert_eq!(String::from_utf8(text).unwrap(), "0\n2\n1 0\n4 4\n");
    let (log, report) = open(&disk, LogConfig::default());
    assert!(report.clean && !report.epochs_rebuilt);
    check(&log);
    drop(log);
    overwrite(&disk, &dir().join("leader-epoch-checkpoint"), b"0\n7\n");
    let (log, report) = open(&disk, LogConfig::default());
    assert!(report.epochs_rebuilt);
    check(&log);
}
