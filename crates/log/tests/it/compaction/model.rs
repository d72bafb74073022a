//! Compactions in between anything else do to the log what a vector of records says.

use std::collections::{BTreeMap, BTreeSet};

use headwater_log::sim::SimDisk;
use headwater_log::{Compaction, Log, LogConfig};
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::{BatchHeader, BatchMeta, Compression, ControlMarker, batches};
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Records as key and whether they have a value, of nobody or of a producer.
    Append {
        codec: usize,
        records: Vec<(u8, bool)>,
        producer: Option<i64>,
        in_transaction: bool,
    },
    End {
        producer: i64,
        commit: bool,
    },
    Roll,
    Sync,
    See,
    Pass {
        ms: i64,
    },
    Begin,
    /// So many groups of the compaction that was begun, at most.
    Run {
        groups: usize,
        stop_after: usize,
    },
    Compact,
    Retain {
        to: u64,
    },
    Close,
    Kill,
    PowerLoss,
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0_u8..7, prop::bool::weighted(0.7));
    let producer = prop_oneof![2 => Just(None), 3 => (1_i64..4).prop_map(Some)];
    prop_oneof![
        12 => (0_usize..5, prop::collection::vec(record, 1..5), producer, any::<bool>()).prop_map(
            |(codec, records, producer, in_transaction)| Step::Append { codec, records, producer, in_transaction }
        ),
        6 => (1_i64..4, any::<bool>()).prop_map(|(producer, commit)| Step::End { producer, commit }),
        2 => Just(Step::Roll),
        3 => Just(Step::Sync),
        4 => Just(Step::See),
        2 => (0_i64..1_500).prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::Begin),
        4 => (1_usize..3, prop_oneof![4 => Just(usize::MAX), 1 => 0_usize..20])
            .prop_map(|(groups, stop_after)| Step::Run { groups, stop_after }),
        4 => Just(Step::Compact),
        1 => any::<u64>().prop_map(|to| Step::Retain { to }),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
        1 => Just(Step::PowerLoss),
    ]
}

/// A record as it was appended, or a marker.
#[derive(Debug, Clone)]
struct Known {
    found: Found,
    /// Whose transaction it is in.
    transaction: Option<i64>,
    marker: Option<bool>,
    /// The last offset of its batch.
    batch_end: i64,
}

/// A compaction as the model sees it.
#[derive(Debug, Clone, Copy)]
struct Pass {
    now: i64,
    limit: i64,
}

struct Model {
    disk: SimDisk,
    config: LogConfig,
    log: Option<Log>,
    now: i64,
    known: Vec<Known>,
    sequences: BTreeMap<i64, i32>,
    /// What each producer has written: offsets and batches.
    written: BTreeMap<i64, Vec<(i64, Bytes)>>,
    /// Whose transaction is open; a producer does not mix.
    open: BTreeSet<i64>,
    visible: i64,
    under_way: Option<(Compaction, Pass)>,
    /// Records below were compacted, or could have been.
    touched: i64,
    /// When tombstones may go at the soonest, and must be gone at the latest.
    may_go: BTreeMap<i64, i64>,
    must_go: BTreeMap<i64, i64>,
}

impl Model {
    fn new(seed: u64, config: LogConfig) -> Self {
        let disk = SimDisk::new(seed);
        let mut log = open(&disk, config.clone()).0;
        // The folder's name, too.
        log.sync().unwrap();
        let log = Some(log);
        Self {
            disk,
            config,
            log,
            now: now().0,
            known: Vec::new(),
            sequences: BTreeMap::new(),
            written: BTreeMap::new(),
            open: BTreeSet::new(),
            visible: 0,
            under_way: None,
            touched: 0,
            may_go: BTreeMap::new(),
            must_go: BTreeMap::new(),
        }
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    fn append(&mut self, codec: usize, records: &[(u8, bool)], id: Option<i64>, in_transaction: bool) {
        let (end, now) = (self.log().end_offset().0, self.now);
        let in_transaction =
            id.is_some_and(|id| self.open.contains(&id) || (in_transaction && !self.open.contains(&id)));
        let founds: Vec<_> = (end..)
            .zip(records)
            .map(|(offset, (key, has_value))| Found {
                offset,
                // One key in seven is none.
                key: (*key > 0).then(|| format!("key {key}")),
                value: has_value.then(|| format!("value of {offset}")),
                timestamp: now - offset % 7,
            })
            .collect();
        let meta = id.map_or(BatchMeta::default(), |id| {
            producer(id, self.sequences.get(&id).copied().unwrap_or(0), in_transaction)
        });
        let mut builder = BatchBuilder::new(Compression::ALL[codec]);
        for found in &founds {
            let key = found.key.as_deref().map(str::as_bytes);
            builder.append(Timestamp(found.timestamp), key, found.value.as_deref().map(str::as_bytes), &[]);
        }
        let bytes = builder.build(&meta);
        self.log().append(bytes.clone(), assign()).unwrap();
        if let Some(id) = id {
            *self.sequences.entry(id).or_default() += records.len() as i32;
            self.written.entry(id).or_default().push((end, bytes));
            if in_transaction {
                self.open.insert(id);
            }
        }
        let batch_end = end + records.len() as i64 - 1;
        self.known.extend(founds.into_iter().map(|found| Known {
            found,
            transaction: id.filter(|_| in_transaction),
            marker: None,
            batch_end,
        }));
    }

    fn end(&mut self, id: i64, commit: bool) {
        let how = if commit { ControlMarker::Commit } else { ControlMarker::Abort };
        let offset = end_transaction(self.log(), id, how).0;
        self.open.remove(&id);
        let found = Found { offset, key: None, value: None, timestamp: 0 };
        self.known.push(Known { found, transaction: Some(id), marker: Some(commit), batch_end: offset });
    }

    /// True if a record counts; `None` if that is not decided.
    fn counts(&self, record: &Known) -> Option<bool> {
        let Some(id) = record.transaction else {
            return Some(true);
        };
        let after = self.known.iter().filter(|other| other.found.offset > record.found.offset);
        after.filter(|other| other.transaction == Some(id)).find_map(|other| other.marker)
    }

    fn begin(&mut self) {
        let (now, visible) = (self.now, Offset(self.visible));
        self.under_way = None;
        let log = self.log.as_mut().unwrap();
        if let Some(compaction) = log.begin_compaction(Timestamp(now), visible).unwrap() {
            let limit = log.compaction_state(Timestamp(now), visible).first_uncleanable.0;
            let durable = log.durable_offset();
            assert!(limit <= log.reader().last_stable_offset(visible).min(durable).0);
            self.touched = self.touched.max(limit);
            for record in self.known.iter().filter(|record| record.found.offset < limit) {
                let horizon = now + self.config.delete_retention_ms;
                self.may_go.entry(record.found.offset).or_insert(horizon);
            }
            self.under_way = Some((compaction, Pass { now, limit }));
        }
    }

    fn run(&mut self, groups: usize, stop_after: usize) {
        let Some((mut compaction, pass)) = self.under_way.take() else {
            return;
        };
        let asked = std::cell::Cell::new(0);
        let should_stop = || {
            asked.set(asked.get() + 1);
            asked.get() > stop_after
        };
        for _ in 0..groups {
            let Some(cleaned) = compaction.run(&should_stop).unwrap() else {
                return;
            };
            if self.log().complete_compaction(cleaned).finished {
                self.check_finished(pass);
                return;
            }
        }
        self.under_way = Some((compaction, pass));
    }

    /// What must be gone after a compaction.
    fn check_finished(&mut self, pass: Pass) {
        let (now, visible) = (Timestamp(self.now), Offset(self.visible));
        let end = self.log().compaction_state(now, visible).first_dirty.0;
        assert!(end <= pass.limit);
        let mut newest = BTreeMap::new();
        for record in self.known.iter().filter(|record| record.marker.is_none() && record.found.offset < end)
        {
            if self.counts(record) == Some(true) && record.found.key.is_some() {
                newest.insert(record.found.key.clone(), record.found.offset);
            }
        }
        let start = self.log().start_offset().0;
        for found in records(self.log()).iter().filter(|found| (start..end).contains(&found.offset)) {
            assert_eq!(newest.get(&found.key), Some(&found.offset), "{found:?} should be gone");
            let must_go = self.must_go.get(&found.offset).is_some_and(|horizon| *horizon <= pass.now);
            assert!(found.value.is_some() || !must_go, "{found:?} has had its time");
        }
        for record in self.known.iter().filter(|record| record.batch_end < end) {
            let horizon = pass.now + self.config.delete_retention_ms;
            self.must_go.entry(record.found.offset).or_insert(horizon);
        }
    }

    fn reopen(&mut self, clean: bool) {
        self.under_way = None;
        let (log, report) = open(&self.disk, self.config.clone());
        assert!(report.clean || !clean);
        if clean {
            // Nothing tells a time index that must be empty from one that was emptied.
            let timeless = |base: &&Offset| {
                content(&self.disk, &dir().join(format!("{:020}.timeindex", base.0))).is_empty()
            };
            assert!(report.rebuilt_indexes.iter().all(|base| timeless(&base)), "{report:?}");
        }
        let end = log.end_offset().0;
        self.log = Some(log);
        self.known.retain(|record| record.found.offset < end);
        self.visible = end;
        self.touched = self.touched.min(end);
        self.may_go.retain(|offset, _| *offset < end);
        self.must_go.retain(|offset, _| *offset < end);
        self.sequences.clear();
        self.open.clear();
        for record in &self.known {
            if let (Some(id), None) = (record.transaction, record.marker) {
                self.open.insert(id);
            } else if let Some(id) = record.transaction {
                self.open.remove(&id);
            }
        }
        // What was deleted is not remembered; what is there is, by the last batch of each.
        let start = self.log().start_offset().0;
        let mut lasts = Vec::new();
        for (id, written) in &mut self.written {
            written.retain(|(offset, _)| *offset < end);
            lasts.extend(written.last().map(|(offset, bytes)| (*id, *offset, bytes.clone())));
        }
        for (id, offset, bytes) in lasts {
            self.sequences.insert(id, BatchHeader::parse(&bytes).unwrap().last_sequence() + 1);
            if offset >= start {
                assert!(self.log().append(bytes, assign()).unwrap().duplicate, "{id} at {offset}");
            }
        }
    }

    fn retain(&mut self, to: u64) {
        let (start, limit) = (self.log().start_offset().0, self.visible);
        let stable = self.log().reader().last_stable_offset(Offset(limit)).0;
        // Only where nothing is undecided: of what was deleted, a log knows nothing after a restart.
        if stable < self.log().end_offset().0 {
            return;
        }
        let to = start + (to % (stable - start + 1) as u64) as i64;
        self.log().set_start_offset(Offset(to)).unwrap();
        self.log().apply_retention(now(), Offset(limit)).unwrap();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append { codec, records, producer, in_transaction } => {
                self.append(*codec, records, *producer, *in_transaction);
            }
            Step::End { producer, commit } => self.end(*producer, *commit),
            Step::Roll => self.log().roll().unwrap(),
            Step::Sync => self.log().sync().unwrap(),
            Step::See => {
                self.visible = self.visible.max(self.log().durable_offset().0);
                let visible = Offset(self.visible);
                self.log().reader().set_visible(visible);
            }
            Step::Pass { ms } => self.now += ms,
            Step::Begin => self.begin(),
            Step::Run { groups, stop_after } => self.run(*groups, *stop_after),
            Step::Compact => {
                self.begin();
                self.run(usize::MAX, usize::MAX);
            }
            Step::Retain { to } => self.retain(*to),
            Step::Close => {
                self.log.take().unwrap().close().unwrap();
                self.reopen(true);
            }
            Step::Kill => {
                self.log = None;
                self.reopen(false);
            }
            Step::PowerLoss => {
                self.log = None;
                self.disk.power_loss();
                self.reopen(false);
            }
        }
    }

    fn check(&mut self) {
        let found = records(self.log());
        let start = self.log().start_offset().0;
        assert!(found.windows(2).all(|pair| pair[0].offset < pair[1].offset));
        let by_offset: BTreeMap<_, _> = found.iter().map(|found| (found.offset, found)).collect();
        let known: BTreeMap<_, _> =
            self.known.iter().map(|known| (known.found.offset, known.found.clone())).collect();
        for found in &found {
            assert_eq!(known.get(&found.offset), Some(found), "never appended so");
        }
        // What could not be compacted is all there.
        let data = self.known.iter().filter(|known| known.marker.is_none() && known.found.offset >= start);
        for known in data.clone().filter(|known| known.found.offset >= self.touched) {
            assert!(by_offset.contains_key(&known.found.offset), "{known:?} is lost");
        }
        // So is the newest that counts of each key, but for tombstones that have had their time.
        let mut newest: BTreeMap<_, &Known> = BTreeMap::new();
        for known in data.filter(|known| known.found.key.is_some() && self.counts(known) == Some(true)) {
            newest.insert(known.found.key.clone(), known);
        }
        for known in newest.values() {
            let offset = known.found.offset;
            let had_its_time = known.found.value.is_none()
                && self.may_go.get(&offset).is_some_and(|horizon| *horizon <= self.now);
            assert!(by_offset.contains_key(&offset) || had_its_time, "{known:?} is lost");
        }
        // A tombstone that is gone has nothing left to delete.
        for found in found.iter().filter(|found| found.key.is_some()) {
            let counts = self.counts(&self.known[self.at(found.offset)]) == Some(true);
            if let Some(newest) = newest.get(&found.key).filter(|_| counts) {
                let there = by_offset.contains_key(&newest.found.offset);
                assert!(there, "{found:?} has come back from {newest:?}");
            }
        }
        self.check_reads(&found);
        self.check_times(&found);
    }

    fn at(&self, offset: i64) -> usize {
        self.known.iter().position(|known| known.found.offset == offset).unwrap()
    }

    /// From every offset on, and for consumers of committed records.
    fn check_reads(&mut self, found: &[Found]) {
        let visible = Offset(self.visible);
        let all = read_all(self.log());
        let (start, end) = (self.log().start_offset(), self.log().end_offset());
        let stable = self.log().reader().last_stable_offset(visible);
        for from in (start.0..end.0).step_by(1 + (end.0 - start.0) as usize / 12) {
            let expected = all.iter().find(|batch| batch.last_offset().0 >= from);
            let read = self.log().read(Offset(from), end, 1, true).unwrap().to_bytes().unwrap();
            let read = batches(read).next().map(Result::unwrap);
            assert_eq!(read.as_ref(), expected, "from {from}");
            for max_bytes in [1 << 20, 300] {
                let seen = self.seen(from, stable, max_bytes);
                let expected: Vec<_> = found
                    .iter()
                    .map(|found| found.offset)
                    .filter(|offset| (from..stable.0).contains(offset))
                    .filter(|offset| self.counts(&self.known[self.at(*offset)]) == Some(true))
                    .collect();
                assert_eq!(seen, expected, "from {from} to {stable}");
            }
        }
    }

    /// What a consumer of committed records makes of the log, fetch by fetch.
    fn seen(&mut self, from: i64, stable: Offset, max_bytes: usize) -> Vec<i64> {
        let (mut at, mut seen) = (from, Vec::new());
        while at < stable.0 {
            let reader = self.log().reader().clone();
            let (records, aborted) = reader.read_committed(Offset(at), stable, max_bytes, true).unwrap();
            let mut ahead: Vec<_> = aborted.iter().map(|one| (one.first_offset.0, one.producer)).collect();
            ahead.sort_unstable();
            let mut open = BTreeSet::new();
            let before = at;
            for batch in batches(records.to_bytes().unwrap()).map(Result::unwrap) {
                at = batch.next_offset().0;
                while ahead.first().is_some_and(|(first, _)| *first <= batch.last_offset().0) {
                    open.insert(ahead.remove(0).1);
                }
                if batch.is_control() {
                    if ControlMarker::of(&batch).unwrap() == Some(ControlMarker::Abort) {
                        open.remove(&batch.producer_id());
                    }
                } else if !batch.is_transactional() || !open.contains(&batch.producer_id()) {
                    let opened = batch.open(1 << 20).unwrap();
                    seen.extend(opened.records().map(|record| record.unwrap().offset.0));
                }
            }
            if at == before {
                break;
            }
        }
        seen.retain(|offset| *offset >= from);
        seen
    }

    fn check_times(&mut self, found: &[Found]) {
        let (start, end, now) = (self.log().start_offset().0, self.log().end_offset(), self.now);
        let controls: Vec<_> = read_all(self.log())
            .iter()
            .filter(|batch| batch.is_control())
            .map(|batch| batch.last_offset().0)
            .collect();
        for timestamp in [now - 7, now - 3, now] {
            let expected = found
                .iter()
                .find(|found| found.timestamp >= timestamp && found.offset >= start)
                .map(|found| found.offset);
            let answer = self.log().offset_for_timestamp(Timestamp(timestamp), end).unwrap();
            assert_eq!(answer.map(|answer| answer.offset.0), expected, "{controls:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: scaled(200), ..ProptestConfig::default() })]

    #[test]
    fn a_compacted_log_is_what_a_vector_says(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..90),
        segment_bytes in prop_oneof![Just(400_u32), Just(1_500), Just(6_000)],
        map_bytes in prop_oneof![3 => Just(1_usize << 16), 1 => 24_usize..200],
        delete_retention_ms in prop_oneof![3 => Just(1_000_i64), 1 => Just(0)],
    ) {
        let config = LogConfig {
            segment_bytes,
            dedupe_buffer_bytes: map_bytes,
            delete_retention_ms,
            ..eager()
        };
        let mut model = Model::new(seed, config);
        for step in &steps {
            model.step(step);
            model.check();
        }
        model.step(&Step::Compact);
        model.check();
    }
}
