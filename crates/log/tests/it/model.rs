//! Any sequence of operations does to the log what it does to a vector of batches.

use bytes::Bytes;
use headwater_log::sim::SimDisk;
use headwater_log::{Log, LogConfig};
use headwater_model::{Offset, Timestamp};
use headwater_wire::batch::Compression;
use proptest::prelude::*;

use crate::support::*;

#[derive(Debug, Clone)]
enum Op {
    Append { compressed: bool, timestamps: Vec<i64>, value: usize },
    Roll,
    Sync,
    Read { from: u64, limit: u64, max_bytes: usize, at_least_one: bool },
    Lookup { timestamp: i64, limit: u64 },
    Newest { limit: u64 },
    Close,
    Kill,
    KillWithTornTail { cut: u64, rubbish: Vec<u8> },
    MoveStart { to: u64 },
    Retain { bytes: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    let timestamps = prop::collection::vec(prop_oneof![4 => 0_i64..500, 1 => Just(-1)], 1..5);
    prop_oneof![
        8 => (any::<bool>(), timestamps, 0_usize..120)
            .prop_map(|(compressed, timestamps, value)| Op::Append { compressed, timestamps, value }),
        1 => Just(Op::Roll),
        1 => Just(Op::Sync),
        6 => (any::<u64>(), any::<u64>(), 0_usize..1_500, any::<bool>())
            .prop_map(|(from, limit, max_bytes, at_least_one)| Op::Read { from, limit, max_bytes, at_least_one }),
        3 => (-1_i64..520, any::<u64>()).prop_map(|(timestamp, limit)| Op::Lookup { timestamp, limit }),
        2 => any::<u64>().prop_map(|limit| Op::Newest { limit }),
        1 => Just(Op::Close),
        1 => Just(Op::Kill),
        1 => (any::<u64>(), prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(cut, rubbish)| Op::KillWithTornTail { cut, rubbish }),
        1 => any::<u64>().prop_map(|to| Op::MoveStart { to }),
        1 => (0_u64..5_000).prop_map(|bytes| Op::Retain { bytes }),
    ]
}

/// A batch as the model has it.
#[derive(Debug, Clone)]
struct Known {
    base: i64,
    timestamps: Vec<i64>,
    /// From the format byte on: what the log does not change.
    content: Bytes,
    size: usize,
    synced: bool,
}

impl Known {
    fn last(&self) -> i64 {
        self.base + self.timestamps.len() as i64 - 1
    }

    fn records(&self) -> impl Iterator<Item = (i64, i64)> {
        (self.base..).zip(self.timestamps.iter().copied())
    }
}

struct Model {
    disk: SimDisk,
    config: LogConfig,
    log: Option<Log>,
    batches: Vec<Known>,
    end: i64,
    start: i64,
}

impl Model {
    fn new(config: LogConfig) -> Self {
        let disk = SimDisk::new(1);
        let log = Some(open(&disk, config.clone()).0);
        Self { disk, config, log, batches: Vec::new(), end: 0, start: 0 }
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    fn readable(&self) -> impl Iterator<Item = &Known> {
        self.batches.iter().filter(|batch| batch.last() >= self.start)
    }

    /// An offset from 0 to a little past the end.
    fn pick(&self, random: u64) -> i64 {
        (random % (self.end as u64 + 3)) as i64
    }

    fn append(&mut self, compressed: bool, timestamps: &[i64], value: usize) {
        let value = "v".repeat(value);
        let records: Vec<_> = timestamps.iter().map(|timestamp| (*timestamp, value.as_str())).collect();
        let bytes = batch(if compressed { Compression::Lz4 } else { Compression::None }, &records);
        let appended = self.log().append(bytes.clone(), assign()).unwrap();
        assert_eq!(appended.first_offset.0, self.end);
        self.batches.push(Known {
            base: self.end,
            timestamps: timestamps.to_vec(),
            content: bytes.slice(16..),
            size: bytes.len(),
            synced: false,
        });
        self.end += timestamps.len() as i64;
        assert_eq!(appended.last_offset.0, self.end - 1);
    }

    fn read(&mut self, from: i64, limit: i64, max_bytes: usize, at_least_one: bool) {
        let found = self.log().read(Offset(from), Offset(limit), max_bytes, at_least_one);
        if from < self.start || from > self.end {
            assert!(found.is_err());
            return;
        }
        let (mut expected, mut size) = (Vec::new(), 0);
        for batch in self.batches.iter().filter(|batch| batch.last() >= from) {
            let fits = size + batch.size <= max_bytes || (at_least_one && expected.is_empty());
            if batch.last() >= limit || !fits {
                break;
            }
            size += batch.size;
            expected.push((Offset(batch.base), batch.content.clone()));
        }
        let bytes = found.unwrap().to_bytes().unwrap();
        let found: Vec<_> = headwater_wire::batch::batches(bytes).map(Result::unwrap).collect();
        assert_eq!(contents(&found), expected);
    }

    fn lookup(&mut self, timestamp: i64, limit: i64) {
        let found = self.log().offset_for_timestamp(Timestamp(timestamp), Offset(limit)).unwrap();
        let mut records = self.readable().flat_map(Known::records);
        let expected = records
            .find(|(offset, of)| *of >= timestamp.max(0) && *offset >= self.start)
            .filter(|(offset, _)| *offset < limit);
        assert_eq!(found.map(|found| (found.offset.0, found.timestamp.0)), expected);
    }

    fn newest(&mut self, limit: i64) {
        let found = self.log().max_timestamp(Offset(limit)).unwrap();
        let records = self.readable().filter(|batch| batch.last() < limit).flat_map(Known::records);
        let expected = records.filter(|(_, timestamp)| *timestamp >= 0).fold(
            None,
            |best: Option<(i64, i64)>, record| match best {
                Some(best) if best.1 >= record.1 => Some(best),
                _ => Some(record),
            },
        );
        assert_eq!(found.map(|found| (found.offset.0, found.timestamp.0)), expected);
    }

    fn reopen(&mut self, clean: bool) {
        let (log, report) = open(&self.disk, self.config.clone());
        assert_eq!(report.clean, clean);
        if clean {
            assert_eq!(report.checked_bytes, 0);
            // An empty time index is only trusted where the offset index is empty, too.
            let timeless = |batch: &Known| batch.timestamps.iter().all(|timestamp| *timestamp < 0);
            assert!(report.rebuilt_indexes.is_empty() || self.batches.iter().any(timeless));
        }
        self.log = Some(log);
        for batch in &mut self.batches {
            batch.synced = true;
        }
    }

    fn torn_tail(&mut self, cut: u64, rubbish: &[u8]) {
        let empty = self.log().size_bytes() == 0;
        self.log = None;
        let path = files(&self.disk, ".log").pop().unwrap();
        let mut bytes = content(&self.disk, &path);
        let last_is_torn = !bytes.is_empty() && self.batches.last().is_some_and(|batch| !batch.synced);
        if last_is_torn {
            let batch = self.batches.pop().unwrap();
            self.end = batch.base;
            bytes.truncate(bytes.len() - 1 - (cut % batch.size as u64) as usize);
        }
        // Rubbish that happens to be the bytes that were cut off tears nothing.
        let (whole, torn) = (content(&self.disk, &path), [bytes.as_slice(), rubbish].concat());
        if !last_is_torn || !torn.starts_with(&whole) {
            bytes = torn;
        }
        overwrite(&self.disk, &path, &bytes);
        self.reopen(false);
        self.start = self.start.min(self.end);
        assert!(empty || self.log().end_offset().0 == self.end);
    }

    fn move_start(&mut self, random: u64) {
        let starts: Vec<_> =
            self.readable().map(|batch| batch.base.max(self.start)).chain([self.end]).collect();
        self.start = starts[(random % starts.len() as u64) as usize];
        // What is below the start must be durable first, as the broker's high watermark sees to.
        self.sync();
        let start = Offset(self.start);
        self.log().set_start_offset(start).unwrap();
    }

    fn sync(&mut self) {
        self.log().sync().unwrap();
        for batch in &mut self.batches {
            batch.synced = true;
        }
    }

    fn retain(&mut self, bytes: u64) {
        self.sync();
        let (config, end) = (self.config.clone(), Offset(self.end));
        let log = self.log.as_mut().unwrap();
        log.set_config(LogConfig { retention_bytes: Some(bytes), retention_ms: None, ..config.clone() });
        log.apply_retention(now(), end).unwrap();
        log.set_config(config);
        self.start = log.start_offset().0;
        assert!(self.batches.iter().any(|batch| batch.base == self.start) || self.start <= self.end);
    }

    fn run(&mut self, op: &Op) {
        match op {
            Op::Append { compressed, timestamps, value } => self.append(*compressed, timestamps, *value),
            Op::Roll => self.log().roll().unwrap(),
            Op::Sync => self.sync(),
            Op::Read { from, limit, max_bytes, at_least_one } => {
                self.read(self.pick(*from), self.pick(*limit), *max_bytes, *at_least_one);
            }
            Op::Lookup { timestamp, limit } => self.lookup(*timestamp, self.pick(*limit)),
            Op::Newest { limit } => self.newest(self.pick(*limit)),
            Op::Close => {
                self.log.take().unwrap().close().unwrap();
                self.reopen(true);
            }
            Op::Kill => {
                self.log = None;
                self.reopen(false);
            }
            Op::KillWithTornTail { cut, rubbish } => self.torn_tail(*cut, rubbish),
            Op::MoveStart { to } => self.move_start(*to),
            Op::Retain { bytes } => self.retain(*bytes),
        }
        let (start, end) = (self.start, self.end);
        let log = self.log();
        assert_eq!((log.start_offset().0, log.end_offset().0), (start, end), "after {op:?}");
        assert!(log.durable_offset() <= log.end_offset());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: scaled(600), ..ProptestConfig::default() })]
    #[test]
    fn the_log_does_what_a_vector_does(
        ops in prop::collection::vec(op(), 1..60),
        segment_bytes in 600_u32..4_000,
        interval in 0_u32..600,
    ) {
        let config = LogConfig { segment_bytes, index_interval_bytes: interval, ..LogConfig::default() };
        let mut model = Model::new(config);
        for op in &ops {
            model.run(op);
        }
        let expected: Vec<_> =
            model.readable().map(|batch| (Offset(batch.base), batch.content.clone())).collect();
        prop_assert_eq!(contents(&read_all(model.log())), expected);
    }
}
