//! Repeats are recognized, gaps refused, whatever the order of arrival.

use headwater_log::sim::SimDisk;
use headwater_log::{Admission, LogConfig, LogError, Producers, SequenceError};
use headwater_model::{Entropy, ErrorCode, Offset, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::BatchHeader;
use proptest::prelude::*;

use crate::support::*;

fn header(producer: i64, epoch: i16, sequence: i32, records: i32, offset: i64) -> BatchHeader {
    let mut header = BatchHeader::parse(&sequenced(1, 0, 0, 1)).unwrap();
    header.producer_id = ProducerId(producer);
    header.producer_epoch = ProducerEpoch(epoch);
    header.base_sequence = sequence;
    header.last_offset_delta = records - 1;
    header.record_count = records;
    header.base_offset = Offset(offset);
    header
}

#[test]
fn a_repeat_is_answered_with_the_original_and_not_written() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(1), assign()).unwrap();
    let first = log.append(sequenced(9, 0, 0, 3), assign()).unwrap();
    log.append(sequenced(9, 0, 3, 2), assign()).unwrap();
    for clean in [false, true] {
        let again = log.append(sequenced(9, 0, 0, 3), assign()).unwrap();
        assert!(again.duplicate);
        assert_eq!((again.first_offset, again.last_offset), (first.first_offset, first.last_offset));
        let error = log.append(sequenced(9, 0, 6, 1), assign()).unwrap_err();
        assert_eq!(error.error_code(), ErrorCode::OutOfOrderSequenceNumber);
        let LogError::Sequence(SequenceError::OutOfOrder { expected: 5, found: 6, .. }) = error else {
            panic!()
        };
        assert_eq!(log.end_offset(), Offset(6));
        // The memory survives, by the batches or by the snapshot.
        if clean {
            log.close().unwrap();
        } else {
            drop(log);
        }
        let opened = open(&disk, LogConfig::default());
        assert_eq!(opened.1.replayed_batches, if clean { 0 } else { 3 });
        log = opened.0;
    }
}

#[test]
fn after_a_crash_only_the_last_segments_are_replayed() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, small());
    let batches = 200;
    for sequence in 0..batches {
        log.append(sequenced(9, 0, sequence, 1), assign()).unwrap();
        if sequence % 3 == 0 {
            log.sync().unwrap();
        }
    }
    log.sync().unwrap();
    assert!(files(&disk, ".log").len() > 10);
    drop(log);
    disk.power_loss();
    let (mut log, report) = open(&disk, small());
    assert!(report.replayed_batches > 0 && report.replayed_batches < 40, "{report:?}");
    assert!(log.append(sequenced(9, 0, batches - 1, 1), assign()).unwrap().duplicate);
    assert!(log.append(sequenced(9, 0, batches + 1, 1), assign()).is_err());
    assert!(!log.append(sequenced(9, 0, batches, 1), assign()).unwrap().duplicate);
}

/// A memory of batches that were lost would refuse, or take for repeats, those that came in their place.
#[test]
fn the_memory_is_never_ahead_of_what_is_durable() {
    for seed in 0..u64::from(scaled(200)) {
        let disk = SimDisk::new(seed);
        let mut entropy = Entropy::from_seed(seed);
        let mut written = 0;
        for _ in 0..6 {
            let (mut log, _) = open(&disk, small());
            // What was not synced may be lost; the producer goes on where the log says that it ended.
            assert!(log.end_offset() >= log.durable_offset() && log.end_offset().0 <= i64::from(written));
            written = log.end_offset().0 as i32;
            for _ in 0..entropy.below(40) {
                assert!(!log.append(sequenced(9, 0, written, 1), assign()).unwrap().duplicate, "seed {seed}");
                written += 1;
                if entropy.chance(1, 15) {
                    log.sync().unwrap();
                }
            }
            drop(log);
            disk.power_loss();
        }
    }
}

#[test]
fn a_new_epoch_starts_at_zero_and_fences_the_old() {
    let mut producers = Producers::default();
    producers.record(&header(1, 3, 0, 5, 0), now());
    assert!(matches!(
        producers.admit(&header(1, 4, 5, 1, 0)),
        Err(SequenceError::OutOfOrder { expected: 0, .. })
    ));
    assert_eq!(producers.admit(&header(1, 4, 0, 1, 0)), Ok(Admission::New));
    producers.record(&header(1, 4, 0, 1, 5), now());
    let error = producers.admit(&header(1, 3, 5, 1, 0)).unwrap_err();
    assert_eq!(error.error_code(), ErrorCode::InvalidProducerEpoch);
}

#[test]
fn an_unknown_producer_may_start_anywhere_and_an_expired_one_is_unknown() {
    let mut producers = Producers::default();
    assert_eq!(producers.admit(&header(1, 0, 77, 1, 0)), Ok(Admission::New));
    producers.record(&header(1, 0, 77, 1, 0), Timestamp(1_000));
    assert!(producers.admit(&header(1, 0, 99, 1, 0)).is_err());
    producers.expire(Timestamp(1_500), 500);
    assert_eq!(producers.len(), 1);
    producers.expire(Timestamp(1_501), 500);
    assert!(producers.is_empty());
    assert_eq!(producers.admit(&header(1, 0, 99, 1, 0)), Ok(Admission::New));
}

#[test]
fn sequences_wrap_after_the_greatest() {
    let mut producers = Producers::default();
    producers.record(&header(1, 0, i32::MAX - 1, 1, 0), now());
    assert_eq!(producers.admit(&header(1, 0, i32::MAX, 3, 1)), Ok(Admission::New));
    producers.record(&header(1, 0, i32::MAX, 3, 1), now());
    assert_eq!(producers.admit(&header(1, 0, 2, 1, 4)), Ok(Admission::New));
    producers.record(&header(1, 0, 2, 1, 4), now());
    producers.record(&header(1, 0, i32::MAX, 1, 5), now());
    assert_eq!(producers.admit(&header(1, 0, 0, 1, 6)), Ok(Admission::New));
}

#[test]
fn batches_of_one_append_follow_each_other() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    let both = |second| [sequenced(1, 0, 0, 2), sequenced(1, 0, second, 1)].concat();
    assert!(log.append(both(3).into(), assign()).is_err());
    assert_eq!(log.end_offset(), Offset(0));
    log.append(both(2).into(), assign()).unwrap();
    assert_eq!(log.end_offset(), Offset(3));
}

/// The rule, told simply: all that a producer ever had accepted in its epoch.
#[derive(Default)]
struct Naive {
    epoch: i16,
    accepted: Vec<(i32, i32, i64)>,
}

impl Naive {
    fn admit(&self, epoch: i16, sequence: i32, records: i32) -> Result<Option<i64>, ()> {
        if self.accepted.is_empty() {
            return Ok(None);
        }
        if epoch < self.epoch {
            return Err(());
        }
        if epoch > self.epoch {
            return if sequence == 0 { Ok(None) } else { Err(()) };
        }
        let last = sequence.wrapping_add(records - 1) & i32::MAX;
        let repeat = |(first, end, _): &&(i32, i32, i64)| (*first, *end) == (sequence, last);
        if let Some((_, _, offset)) = self.accepted.iter().rev().take(5).rev().find(repeat) {
            return Ok(Some(*offset));
        }
        let next = self.accepted.last().unwrap().1.wrapping_add(1) & i32::MAX;
        if sequence == next { Ok(None) } else { Err(()) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: scaled(500), ..ProptestConfig::default() })]
    #[test]
    fn producers_follow_the_simple_rule(
        start in prop_oneof![Just(0), Just(i32::MAX - 6)],
        // Mostly the next batch or a repeat of a recent one, at times a gap or another epoch.
        steps in prop::collection::vec((0_i16..3, -8_i32..4, 1_i32..4), 1..80),
    ) {
        let (mut producers, mut naive, mut offset) = (Producers::default(), Naive::default(), 0);
        for (epoch, back, records) in steps {
            let recent = naive.accepted.len() as i32 + back;
            let known = usize::try_from(recent).ok().and_then(|index| naive.accepted.get(index));
            let next = naive.accepted.last().map_or(start, |last| last.1.wrapping_add(1) & i32::MAX);
            let (epoch, sequence, records) = match (epoch, known) {
                (0, Some((first, end, _))) => (naive.epoch, *first, (end.wrapping_sub(*first) & i32::MAX) + 1),
                (0, None) => (naive.epoch, next.wrapping_add(back.max(0)) & i32::MAX, records),
                (1, _) => (naive.epoch, next, records),
                (_, _) => (naive.epoch + if back > 0 { 1 } else { i16::from(back == 0) - 1 }, back.max(0) / 2, records),
            };
            let epoch = epoch.max(0);
            let expected = naive.admit(epoch, sequence, records);
            match producers.admit(&header(5, epoch, sequence, records, 0)) {
                Ok(Admission::New) => {
                    prop_assert_eq!(expected, Ok(None));
                    producers.record(&header(5, epoch, sequence, records, offset), now());
                    if epoch != naive.epoch {
                        naive = Naive { epoch, accepted: Vec::new() };
                    }
                    naive.accepted.push((sequence, sequence.wrapping_add(records - 1) & i32::MAX, offset));
                    offset += i64::from(records);
                }
                Ok(Admission::Duplicate(written)) => prop_assert_eq!(expected, Ok(Some(written.first_offset.0))),
                Err(_) => prop_assert_eq!(expected, Err(())),
            }
        }
    }
}

/// What a producer wrote may have been deleted, and the marker of its transaction not.
#[test]
fn a_producer_of_which_a_marker_alone_is_left_may_start_anywhere() {
    let marker = |epoch| {
        let mut marker = header(1, epoch, -1, 1, 7);
        marker.attributes |= 1 << 5;
        marker
    };
    assert!(marker(0).is_control());
    let mut producers = Producers::default();
    producers.record(&marker(3), now());
    assert_eq!(producers.admit(&header(1, 3, 5, 1, 8)), Ok(Admission::New));
    assert!(producers.admit(&header(1, 2, 5, 1, 8)).is_err(), "the epoch is known");
    // An epoch that a marker began begins at zero.
    producers.record(&marker(4), now());
    assert!(matches!(
        producers.admit(&header(1, 4, 5, 1, 9)),
        Err(SequenceError::OutOfOrder { expected: 0, .. })
    ));
    assert_eq!(producers.admit(&header(1, 4, 0, 1, 9)), Ok(Admission::New));
}
