//! A fetcher against logs, over a network that delays and loses, under an application that seeks and pauses.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::super::*;
use super::*;

const PARTITIONS: i32 = 3;

struct World {
    fetcher: Fetcher,
    view: ClusterView,
    now: Monotonic,
    /// Each partition's batches.
    logs: BTreeMap<TopicPartition, Vec<Bytes>>,
    /// Requests that are under way.
    network: VecDeque<FetchWork>,
    /// The next offset that the application must get.
    expected: BTreeMap<TopicPartition, i64>,
    chance: Entropy,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Entropy::from_seed(seed);
        let config = FetcherConfig {
            prefetch_bytes: 100 + chance.below(2_000) as usize,
            partition_max_bytes: 100 + chance.below(1_000) as usize,
            ..config()
        };
        let mut fetcher = Fetcher::new(config, chance.fork());
        let mut logs = BTreeMap::new();
        let mut expected = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let mut next = 0;
            let log = (0..20).map(|_| {
                let count = 1 + chance.below(6) as i32;
                let bytes = batch(next, count);
                next += i64::from(count);
                bytes
            });
            logs.insert(at(partition), log.collect());
            expected.insert(at(partition), 0);
        }
        fetcher.assign((0..PARTITIONS).map(|partition| (at(partition), StartAt::Offset(Offset::ZERO))));
        let view = cluster(&[1, 1, 2]);
        Self { fetcher, view, now: Monotonic::ORIGIN, logs, network: VecDeque::new(), expected, chance }
    }

    fn end(&self, at: &TopicPartition) -> i64 {
        let last = headwater_wire::batch::Batch::parse(self.logs[at].last().unwrap()).unwrap();
        last.next_offset().0
    }

    fn any_partition(&mut self) -> TopicPartition {
        at(self.chance.below(PARTITIONS as u64) as i32)
    }

    /// What a broker answers: whole batches, then cut anywhere.
    fn serve(&mut self, request: &FetchRequest) -> Result<FetchResponse, CallError> {
        let mut served = Vec::new();
        for asked in &request.topics[0].partitions {
            let at = at(asked.partition);
            if self.chance.chance(1, 12) {
                served.push(refused(asked.partition, ErrorCode::NotLeaderOrFollower));
                continue;
            }
            let wanted = self.logs[&at].iter().filter(|bytes| {
                headwater_wire::batch::Batch::parse(bytes).unwrap().next_offset().0 > asked.fetch_offset
            });
            let wanted: Vec<_> = wanted.cloned().collect();
            let all = Bytes::from(wanted.concat());
            let first = wanted.first().map_or(0, Bytes::len);
            let cut = first + self.chance.below(all.len() as u64 - first as u64 + 1) as usize;
            served.push(data(asked.partition, &[all.slice(..cut.min(600.max(first)))]));
        }
        answer(served)
    }

    fn deliver(&mut self, fail: bool) {
        let Some(work) = self.network.pop_front() else { return };
        let FetchWork::Fetch { ticket, request, .. } = work else { return };
        let answer = if fail { Err(CallError::UnknownBroker(1)) } else { self.serve(&request) };
        self.fetcher.fetched(ticket, answer, self.now);
    }

    fn poll(&mut self) -> Result<(), TestCaseError> {
        let room = self.chance.below(2_000) as usize;
        match self.fetcher.take(room) {
            Some(Taken::Batches(batches)) => {
                for fetched in batches {
                    let expected = self.expected.get_mut(&fetched.topic_partition).unwrap();
                    let open = fetched.open(1 << 20).unwrap();
                    for record in fetched.records(&open) {
                        prop_assert_eq!(record.unwrap().offset.0, *expected);
                        *expected += 1;
                    }
                    prop_assert_eq!(fetched.batch.next_offset().0, *expected);
                }
            }
            Some(Taken::Fault(fault)) => prop_assert!(false, "{fault}"),
            None => {}
        }
        for (at, expected) in &self.expected {
            prop_assert_eq!(self.fetcher.position(at).unwrap(), Some(Offset(*expected)));
        }
        Ok(())
    }

    fn step(&mut self, faults: bool) -> Result<(), TestCaseError> {
        let at = self.any_partition();
        match self.chance.below(10) {
            0..=2 => self.deliver(false),
            3 if faults => self.deliver(true),
            4..=6 => self.poll()?,
            7 if faults && self.chance.chance(1, 3) => {
                let to = self.chance.below(self.end(&at) as u64) as i64;
                self.fetcher.seek(&at, StartAt::Offset(Offset(to))).unwrap();
                self.expected.insert(at, to);
            }
            8 if faults => self.fetcher.pause(&at).unwrap(),
            9 => self.fetcher.resume(&at).unwrap(),
            _ => self.now = self.now + Duration::from_millis(self.chance.below(300)),
        }
        self.network.extend(self.fetcher.plan(&self.view, self.now));
        let fetches = |node: i32| {
            let of_node = self
                .network
                .iter()
                .filter(|work| matches!(work, FetchWork::Fetch { node: to, .. } if *to == node));
            of_node.count()
        };
        prop_assert!(fetches(1) <= 1 && fetches(2) <= 1);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_record_is_handed_out_once_in_order_between_seeks(seed: u64, chaos in 0usize..400) {
        let mut world = World::new(seed);
        for _ in 0..chaos {
            world.step(true)?;
        }
        let mut steps = 0;
        while world.expected.iter().any(|(at, expected)| *expected < world.end(at)) {
            steps += 1;
            prop_assert!(steps < 20_000, "no progress: {:?}", world.fetcher);
            world.step(false)?;
        }
    }
}
