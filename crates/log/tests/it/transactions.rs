//! Transactions on disk: what is undecided and what was aborted, over segments, restarts and losses of power, beside a
//! naive model.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use headwater_log::sim::SimDisk;
use headwater_log::{AbortedTransaction, Disk, Log, LogConfig};
use headwater_model::{Offset, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchMeta, Compression, ControlMarker};
use proptest::prelude::*;

use crate::support::*;

fn written(producer: i64, sequence: i32, records: usize) -> Bytes {
    let records: Vec<_> = (0..records).map(|_| (1_000, "in a transaction")).collect();
    batch_of(
        Compression::None,
        &records,
        &BatchMeta {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            base_sequence: sequence,
            is_transactional: true,
            ..BatchMeta::default()
        },
    )
}

fn marker(producer: i64, marker: ControlMarker) -> Bytes {
    marker.batch(ProducerId(producer), ProducerEpoch(0), Timestamp(1_000))
}

fn end(log: &mut Log, producer: i64, how: ControlMarker) -> Offset {
    log.append_coordinated(marker(producer, how), assign()).unwrap().first_offset
}

fn aborted(log: &Log, from: i64, limit: i64) -> Vec<(i64, i64)> {
    let found = log.reader().aborted_transactions(Offset(from), Offset(limit)).unwrap();
    found.iter().map(|AbortedTransaction { producer, first_offset }| (producer.0, first_offset.0)).collect()
}

#[test]
fn records_are_unstable_until_the_marker_of_their_transaction_is_seen() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    let stable = |log: &Log, high_watermark: i64| log.reader().last_stable_offset(Offset(high_watermark)).0;
    log.append(plain(2), assign()).unwrap();
    assert_eq!(stable(&log, 2), 2);
    log.append(written(7, 0, 3), assign()).unwrap();
    log.append(written(8, 0, 1), assign()).unwrap();
    log.append(plain(1), assign()).unwrap();
    assert_eq!((stable(&log, 7), stable(&log, 1)), (2, 1));
    assert_eq!(end(&mut log, 7, ControlMarker::Abort), Offset(7));
    log.reader().set_visible(Offset(7));
    assert_eq!(stable(&log, 7), 2, "the marker is not visible");
    log.reader().set_visible(Offset(8));
    assert_eq!(stable(&log, 8), 5);
    assert_eq!(aborted(&log, 0, 5), [(7, 2)]);
    assert_eq!(aborted(&log, 0, 2), []);
    assert_eq!(end(&mut log, 8, ControlMarker::Commit), Offset(8));
    log.reader().set_visible(Offset(9));
    assert_eq!(stable(&log, 9), 9);
    assert_eq!(aborted(&log, 7, 9), [(7, 2)]);
    assert_eq!(aborted(&log, 8, 9), []);
    // A marker for nothing changes nothing.
    end(&mut log, 9, ControlMarker::Abort);
    assert_eq!(aborted(&log, 0, 10), [(7, 2)]);
}

#[test]
fn a_transaction_that_is_open_outlives_ends_of_either_kind() {
    for clean in [false, true] {
        let disk = SimDisk::new(1);
        let (mut log, _) = open(&disk, LogConfig::default());
        log.append(plain(4), assign()).unwrap();
        log.append(written(7, 0, 2), assign()).unwrap();
        log.sync().unwrap();
        if clean {
            log.close().unwrap();
        } else {
            drop(log);
            disk.power_loss();
        }
        let (mut log, _) = open(&disk, LogConfig::default());
        assert_eq!(log.reader().last_stable_offset(log.end_offset()), Offset(4));
        end(&mut log, 7, ControlMarker::Abort);
        log.reader().set_visible(log.end_offset());
        assert_eq!(log.reader().last_stable_offset(log.end_offset()), Offset(7));
        assert_eq!(aborted(&log, 0, 7), [(7, 4)]);
    }
}

#[test]
fn a_transaction_index_that_is_gone_is_made_anew() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, small());
    for sequence in 0..40 {
        log.append(written(7, sequence, 1), assign()).unwrap();
        if sequence % 5 == 4 {
            end(&mut log, 7, ControlMarker::Abort);
        }
    }
    let (expected, limit) = (aborted(&log, 0, log.end_offset().0), log.end_offset().0);
    assert_eq!(expected.len(), 8);
    log.close().unwrap();
    let indexes = files(&disk, ".txnindex");
    assert!(indexes.len() > 2, "{indexes:?}");
    for index in &indexes {
        disk.remove(&dir().join(index)).unwrap();
    }
    let (log, _) = open(&disk, small());
    assert_eq!(aborted(&log, 0, limit), expected);
    assert_eq!(files(&disk, ".txnindex").len(), indexes.len() - 1, "the last segment's is in memory");
    log.close().unwrap();
    let (log, report) = open(&disk, small());
    assert_eq!(report.replayed_batches, 0);
    assert_eq!(aborted(&log, 0, limit), expected);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Plain,
    Write { producer: i64, records: usize },
    End { producer: i64, commit: bool },
    Sync,
    See,
    Close,
    PowerLoss,
    Retain,
}

fn step() -> impl Strategy<Value = Step> {
    let producer = 1..5_i64;
    prop_oneof![
        2 => Just(Step::Plain),
        8 => (producer.clone(), 1..4_usize)
            .prop_map(|(producer, records)| Step::Write { producer, records }),
        5 => (producer, any::<bool>()).prop_map(|(producer, commit)| Step::End { producer, commit }),
        2 => Just(Step::Sync),
        3 => Just(Step::See),
        1 => Just(Step::Close),
        1 => Just(Step::PowerLoss),
        1 => Just(Step::Retain),
    ]
}

/// What was appended, in order: who wrote records, whose transaction ended.
#[derive(Debug, Clone, Copy)]
enum Event {
    Plain,
    Write { producer: i64, records: i64 },
    End { producer: i64, commit: bool },
}

/// A transaction: its producer, its first offset, and the marker that ended it, with whether that commits.
type Transaction = (i64, i64, Option<(i64, bool)>);

/// The events with their offsets, and how far a consumer sees.
#[derive(Default)]
struct Model {
    events: Vec<(i64, Event)>,
    visible: i64,
}

impl Model {
    fn sequence(&self, producer: i64) -> i32 {
        let mine = self.events.iter().map(|(_, event)| match event {
            Event::Write { producer: other, records } if *other == producer => *records as i32,
            _ => 0,
        });
        mine.sum()
    }

    fn transactions(&self) -> Vec<Transaction> {
        let (mut open, mut all) = (BTreeMap::new(), Vec::new());
        for (offset, event) in &self.events {
            match *event {
                Event::Plain => {}
                Event::Write { producer, .. } => {
                    open.entry(producer).or_insert(*offset);
                }
                Event::End { producer, commit } => {
                    if let Some(first) = open.remove(&producer) {
                        all.push((producer, first, Some((*offset, commit))));
                    }
                }
            }
        }
        all.extend(open.into_iter().map(|(producer, first)| (producer, first, None)));
        all
    }

    fn last_stable(&self, start: i64) -> i64 {
        let unstable = self
            .transactions()
            .into_iter()
            .filter(|(_, _, end)| end.is_none_or(|(marker, _)| marker >= self.visible));
        let first = unstable.map(|(_, first, _)| first).min().unwrap_or(i64::MAX);
        first.max(start).min(self.visible)
    }

    /// The records between two offsets whose transaction was committed.
    fn committed(&self, from: i64, limit: i64) -> Vec<i64> {
        let transactions = self.transactions();
        let counts = |offset: i64, producer: i64| {
            transactions.iter().any(|(other, first, end)| {
                let within = end.is_some_and(|(marker, commit)| commit && offset < marker);
                *other == producer && *first <= offset && within
            })
        };
        self.writes(from, limit)
            .filter(|(offset, producer)| counts(*offset, *producer))
            .map(|(at, _)| at)
            .collect()
    }

    /// What a consumer makes of them that is given the aborted transactions.
    fn seen(&self, from: i64, limit: i64, aborted: &[(i64, i64)]) -> Vec<i64> {
        let (mut ahead, mut open, mut seen) = (aborted.to_vec(), BTreeSet::new(), Vec::new());
        ahead.sort_by_key(|(_, first)| *first);
        for (offset, event) in self.events.iter().filter(|(at, _)| (from..limit).contains(at)) {
            while ahead.first().is_some_and(|(_, first)| first <= offset) {
                open.insert(ahead.remove(0).0);
            }
            match *event {
                Event::End { producer, commit: false } => {
                    open.remove(&producer);
                }
                Event::Write { producer, .. } if !open.contains(&producer) => seen.push(*offset),
                _ => {}
            }
        }
        seen
    }

    fn writes(&self, from: i64, limit: i64) -> impl Iterator<Item = (i64, i64)> {
        self.events.iter().filter_map(move |(offset, event)| match event {
            Event::Write { producer, .. } if (from..limit).contains(offset) => Some((*offset, *producer)),
            _ => None,
        })
    }
}

fn run(seed: u64, steps: Vec<Step>) {
    let config = LogConfig { retention_bytes: Some(6_000), ..small() };
    let disk = SimDisk::new(seed);
    let mut log = open(&disk, config.clone()).0;
    let mut model = Model::default();
    for step in steps {
        let offset = log.end_offset().0;
        match step {
            Step::Plain => {
                log.append(plain(1), assign()).unwrap();
                model.events.push((offset, Event::Plain));
            }
            Step::Write { producer, records } => {
                log.append(written(producer, model.sequence(producer), records), assign()).unwrap();
                model.events.push((offset, Event::Write { producer, records: records as i64 }));
            }
            Step::End { producer, commit } => {
                let how = if commit { ControlMarker::Commit } else { ControlMarker::Abort };
                end(&mut log, producer, how);
                model.events.push((offset, Event::End { producer, commit }));
            }
            Step::Sync => log.sync().unwrap(),
            Step::See => {
                model.visible = model.visible.max(log.durable_offset().0);
                log.reader().set_visible(Offset(model.visible));
            }
            Step::Close | Step::PowerLoss => {
                if matches!(step, Step::Close) {
                    log.close().unwrap();
                } else {
                    drop(log);
                    disk.power_loss();
                }
                log = open(&disk, config.clone()).0;
                model.events.retain(|(at, _)| *at < log.end_offset().0);
                model.visible = log.end_offset().0;
            }
            Step::Retain => {
                // Only where nothing is undecided: of what was deleted, a log knows nothing after a restart.
                if model.last_stable(0) == log.end_offset().0 {
                    log.apply_retention(now(), Offset(model.visible)).unwrap();
                }
            }
        }
        let start = log.start_offset().0;
        let stable = log.reader().last_stable_offset(Offset(model.visible)).0;
        assert_eq!(stable, model.last_stable(start));
        for from in (start..=stable).step_by(3) {
            for limit in [from, i64::midpoint(from, stable), stable] {
                let seen = model.seen(from, limit, &aborted(&log, from, limit));
                assert_eq!(seen, model.committed(from, limit), "{from} to {limit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: scaled(120), ..ProptestConfig::default() })]

    #[test]
    fn undecided_and_aborted_are_what_a_naive_reader_would_say(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        run(seed, steps);
    }
}

#[test]
fn what_a_coordinator_writes_in_a_producers_name_is_not_held_to_its_sequence() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    for _ in 0..3 {
        assert!(!log.append_coordinated(written(7, 0, 2), assign()).unwrap().duplicate);
    }
    assert_eq!(log.end_offset(), Offset(6));
    let state = log.producers().states().next().unwrap();
    assert_eq!((state.id, state.transaction_start), (ProducerId(7), Some(Offset(0))));
    end(&mut log, 7, ControlMarker::Commit);
    assert_eq!(log.producers().states().next().unwrap().transaction_start, None);
}
