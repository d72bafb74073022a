//! Random schedules of members that read, process, fail, freeze, vanish and come back, with answers lost and
//! acknowledgements late, over a log that grows and is truncated, and a coordinator that is rebuilt from what it has recorded,
//! or from a part of it. Checked at each answer: nothing is given to two members, nothing that was acknowledged is given
//! again, nothing is delivered too often. In the end, left alone, every record has been acknowledged or archived, and what
//! could not be processed is in the dead-letter topic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_coordinator::{
    Acknowledge, AcknowledgementBatch, Acknowledgements, Acquire, AcquireMode, Acquired, DeadLetters,
    DeliveryState, MemberGone, MemberId, Now, ReadBatch, SharePartitionChange, SharePartitionEffects,
    SharePartitionReply, SharePartitions, SharePartitionsConfig, ShareSettings, ShareStateChange, StateBatch,
    Token,
};
use headwater_model::{Entropy, ErrorCode, Offset};

use super::script::{at, id};

const SCHEDULES: u64 = 2_000;
const STEPS: u64 = 150;
const CLIENTS: u64 = 4;

#[derive(Debug, Default)]
struct Client {
    lives: u64,
    /// What it is processing.
    held: BTreeSet<i64>,
    /// What it is about to be told that it has got.
    awaited: Option<Vec<Acquired>>,
    frozen: bool,
}

struct World {
    seed: u64,
    dice: Entropy,
    config: SharePartitionsConfig,
    machine: SharePartitions,
    elapsed: Duration,
    clients: Vec<Client>,
    log: Vec<ReadBatch>,
    log_start: i64,
    log_end: i64,
    records: Vec<SharePartitionChange>,
    /// Who has which record, and until when, by what was answered.
    locks: BTreeMap<i64, (MemberId, Duration)>,
    /// What was acknowledged for good, by what was answered.
    settled: BTreeSet<i64>,
    /// What may have been, by what was sent.
    maybe_settled: BTreeSet<i64>,
    rejected: BTreeSet<i64>,
    deliveries: BTreeMap<i64, u16>,
    to_bury: Vec<DeadLetters>,
    dead_letters: BTreeSet<i64>,
    /// Acknowledgements that nobody waits for any more, and that may arrive yet.
    late: Vec<Acknowledgements>,
    start: i64,
}

/// Tells the seed of what fails.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.seed);
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Entropy::from_seed(seed);
        let settings = ShareSettings {
            lock_duration: Duration::from_secs(30),
            delivery_limit: 1 + dice.below(5) as u16,
            max_record_locks: 5 + dice.below(40),
            dead_letters: dice.chance(1, 2),
        };
        let updates_per_snapshot = dice.below(8) as u16;
        let config =
            SharePartitionsConfig { settings, updates_per_snapshot, ..SharePartitionsConfig::default() };
        let mut machine = SharePartitions::new(config.clone());
        let records = machine.begin(Token(0), &id(), Offset(0)).records;
        Self {
            seed,
            dice,
            machine,
            config,
            elapsed: Duration::ZERO,
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            log: Vec::new(),
            log_start: 0,
            log_end: 0,
            records,
            locks: BTreeMap::new(),
            settled: BTreeSet::new(),
            maybe_settled: BTreeSet::new(),
            rejected: BTreeSet::new(),
            deliveries: BTreeMap::new(),
            to_bury: Vec::new(),
            dead_letters: BTreeSet::new(),
            late: Vec::new(),
            start: 0,
        }
    }

    fn now(&self) -> Now {
        at(self.elapsed)
    }

    fn step(&mut self) {
        let index = self.dice.below(CLIENTS) as usize;
        match self.dice.below(40) {
            0..4 => self.produce(),
            4..14 => self.fetch(index),
            14..18 => self.hear(index),
            18..28 => self.work(index),
            28 => drop(self.clients[index].awaited.take()),
            29 => self.clients[index].frozen ^= true,
            30 => self.close(index),
            31 => self.vanish(index),
            32 => self.arrive_late(),
            33 => self.restart(),
            34 => self.crash(index),
            35 => self.bury(),
            36 => self.truncate(),
            _ => {
                let ms = self.dice.below(15_000);
                self.wait(Duration::from_millis(ms));
            }
        }
        self.check();
    }

    /// A batch is appended; offsets before it may be of records that were compacted away.
    fn produce(&mut self) {
        let missing = if self.dice.chance(1, 5) { self.dice.below(3) as i64 } else { 0 };
        let first = self.log_end + missing;
        let last = first + self.dice.below(6) as i64;
        let is_deliverable = self.dice.chance(5, 6);
        self.log.push(ReadBatch { first: Offset(first), last: Offset(last), is_deliverable });
        self.log_end = last + 1;
    }

    /// The log is truncated at its beginning.
    fn truncate(&mut self) {
        if self.dice.chance(1, 4) && self.log_end > self.log_start {
            self.log_start += self.dice.below(((self.log_end - self.log_start) as u64).min(12)) as i64;
            let log_start = self.log_start;
            self.log.retain(|batch| batch.last.0 >= log_start);
            self.tell_log_start();
        }
    }

    fn tell_log_start(&mut self) {
        let effects =
            self.machine.log_start_moved(self.now(), id().topic, id().partition, Offset(self.log_start));
        self.take(effects);
        let log_start = self.log_start;
        self.locks.retain(|offset, _| *offset >= log_start);
    }

    fn member(&self, index: usize) -> MemberId {
        MemberId::from(format!("m{index}-{}", self.clients[index].lives))
    }

    fn take(&mut self, effects: SharePartitionEffects) -> Vec<SharePartitionReply> {
        self.records.extend(effects.records);
        self.to_bury.extend(effects.dead_letters);
        effects.replies.into_iter().map(|(_, reply)| reply).collect()
    }

    fn fetch(&mut self, index: usize) {
        let client = &self.clients[index];
        let Some(from) = self.machine.next_fetch_offset(&id()) else {
            return;
        };
        if client.frozen || client.awaited.is_some() {
            return;
        }
        let limit = self.dice.below(4) as usize;
        let read = self.log.iter().filter(|batch| batch.last >= from).take(limit).copied();
        let request = Acquire {
            member: self.member(index),
            mode: if self.dice.chance(1, 2) { AcquireMode::RecordLimit } else { AcquireMode::BatchOptimized },
            max_records: 1 + self.dice.below(10),
            batch_size: 1 + self.dice.below(10),
            from,
            batches: read.collect(),
        };
        let effects = self.machine.acquire(self.now(), Token(1), &id(), &request);
        let replies = self.take(effects);
        let [SharePartitionReply::Acquire(Ok(acquired))] = replies.as_slice() else {
            panic!("not what was asked: {replies:?}");
        };
        self.check_acquired(&request, acquired);
        self.clients[index].awaited = Some(acquired.clone());
    }

    /// Nobody has it, it has not been acknowledged, it was not delivered too often, and it is a record.
    fn check_acquired(&mut self, request: &Acquire, acquired: &[Acquired]) {
        let until = self.elapsed + self.config.settings.lock_duration;
        let mut records = 0;
        for Acquired { first, last, deliveries } in acquired {
            assert!((1..=self.config.settings.delivery_limit).contains(deliveries));
            for offset in first.0..=last.0 {
                records += 1;
                assert!(!self.settled.contains(&offset), "{offset} has been acknowledged");
                assert!(!self.dead_letters.contains(&offset), "{offset} is in the dead-letter topic");
                let before = self.locks.insert(offset, (request.member.clone(), until));
                assert!(before.is_none_or(|(_, until)| until <= self.elapsed), "{offset} is another's");
                let is_read = |batch: &ReadBatch| {
                    batch.is_deliverable && (batch.first.0..=batch.last.0).contains(&offset)
                };
                assert!(request.batches.iter().any(is_read), "{offset} was not read");
                let most = self.deliveries.entry(offset).or_default();
                *most = (*most).max(*deliveries);
            }
        }
        assert!(request.mode == AcquireMode::BatchOptimized || records <= request.max_records);
    }

    fn hear(&mut self, index: usize) {
        let client = &mut self.clients[index];
        for acquired in client.awaited.take().into_iter().flatten() {
            client.held.extend(acquired.first.0..=acquired.last.0);
        }
    }

    /// Some of what a member holds is done, or has failed.
    fn acknowledgements(&mut self, index: usize) -> Acknowledgements {
        let mut batches: Vec<AcknowledgementBatch> = Vec::new();
        let held: Vec<i64> = self.clients[index].held.iter().copied().collect();
        for offset in held {
            let one = match self.dice.below(12) {
                0..4 => Acknowledge::Accept,
                4..7 => Acknowledge::Release,
                7 => Acknowledge::Reject,
                8 => Acknowledge::Renew,
                9 => Acknowledge::Gap,
                _ => continue,
            };
            if one != Acknowledge::Renew {
                self.clients[index].held.remove(&offset);
            }
            match batches.last_mut() {
                Some(before) if before.last.0 + 1 == offset => {
                    before.last = Offset(offset);
                    before.types.push(one);
                }
                _ => batches.push(AcknowledgementBatch {
                    first: Offset(offset),
                    last: Offset(offset),
                    types: vec![one],
                }),
            }
        }
        Acknowledgements { member: self.member(index), batches }
    }

    fn work(&mut self, index: usize) {
        if self.clients[index].frozen {
            return;
        }
        let said = self.acknowledgements(index);
        if self.dice.chance(1, 12) {
            self.late.push(said);
        } else {
            self.acknowledge(&said);
        }
    }

    fn acknowledge(&mut self, said: &Acknowledgements) {
        let lawful = self.is_lawful(said);
        let effects = self.machine.acknowledge(self.now(), Token(1), &id(), said);
        let replies = self.take(effects);
        match replies.as_slice() {
            [SharePartitionReply::Acknowledge(Ok(()))] => {
                assert!(lawful, "it has not acquired: {said:?}");
                self.settle(&said.batches);
            }
            [SharePartitionReply::Acknowledge(Err(refused))] => {
                assert!(!lawful, "{refused:?}");
                assert!(matches!(refused.error, ErrorCode::InvalidRecordState | ErrorCode::InvalidRequest));
            }
            other => panic!("not what was asked: {other:?}"),
        }
    }

    /// The member has all of it, but for what is before the start offset.
    fn is_lawful(&self, said: &Acknowledgements) -> bool {
        let start = self.machine.describe(&id()).unwrap().start.0;
        let mut offsets = said.batches.iter().flat_map(|batch| batch.first.0..=batch.last.0);
        let is_theirs =
            |(holder, until): &(MemberId, Duration)| *holder == said.member && *until > self.elapsed;
        offsets.all(|offset| offset < start || self.locks.get(&offset).is_some_and(is_theirs))
    }

    fn settle(&mut self, batches: &[AcknowledgementBatch]) {
        let renewed = self.elapsed + self.config.settings.lock_duration;
        for (offset, one) in each(batches) {
            let Some((_, until)) = self.locks.get_mut(&offset) else {
                continue;
            };
            match one {
                Acknowledge::Renew => {
                    *until = renewed;
                    continue;
                }
                Acknowledge::Accept | Acknowledge::Gap => self.settled.insert(offset),
                Acknowledge::Reject => self.rejected.insert(offset),
                Acknowledge::Release => true,
            };
            self.locks.remove(&offset);
        }
    }

    fn depart(&mut self, index: usize) {
        let gone = MemberGone { group: id().group, member: self.member(index) };
        let effects = self.machine.release(self.now(), Token(1), &gone);
        assert_eq!(self.take(effects), [SharePartitionReply::Release]);
        self.locks.retain(|_, (holder, _)| *holder != gone.member);
    }

    fn close(&mut self, index: usize) {
        self.depart(index);
        self.begin_anew(index);
    }

    /// The process ends without a word; another takes its place.
    fn vanish(&mut self, index: usize) {
        self.begin_anew(index);
    }

    fn begin_anew(&mut self, index: usize) {
        let client = &mut self.clients[index];
        *client = Client { lives: client.lives + 1, ..Client::default() };
    }

    fn arrive_late(&mut self) {
        if !self.late.is_empty() {
            let at = self.dice.below(self.late.len() as u64) as usize;
            let said = self.late.swap_remove(at);
            self.acknowledge(&said);
        }
    }

    /// A dead letter is written. Whether it is heard of or not.
    fn bury(&mut self) {
        if self.to_bury.is_empty() {
            return;
        }
        let at = self.dice.below(self.to_bury.len() as u64) as usize;
        let dead = self.to_bury.swap_remove(at);
        self.dead_letters.extend(dead.first.0..=dead.last.0);
        if self.dice.chance(1, 6) {
            self.to_bury.push(dead);
            return;
        }
        let effects = self.machine.dead_lettered(self.now(), &id(), dead.first, dead.last);
        self.take(effects);
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(next) = self.machine.next_deadline()
            && next.since_origin() <= until
        {
            self.elapsed = self.elapsed.max(next.since_origin());
            let effects = self.machine.tick(self.now());
            assert_eq!(self.take(effects), []);
            assert!(self.machine.next_deadline().is_none_or(|next| next > self.now().monotonic));
        }
        self.elapsed = until;
    }

    /// The state is built anew from all that was recorded: nobody has anything.
    fn restart(&mut self) {
        let effects = self.rebuild();
        assert_eq!(effects.records, [], "there is nothing to mend");
        self.to_bury = effects.dead_letters;
        self.locks.clear();
        self.start = 0;
        self.tell_log_start();
    }

    /// The records of a command are lost with the answer, or only the answer is, and the state is built anew.
    fn crash(&mut self, index: usize) {
        let said = self.acknowledgements(index);
        let settles =
            each(&said.batches).filter(|(_, one)| matches!(one, Acknowledge::Accept | Acknowledge::Gap));
        self.maybe_settled.extend(settles.map(|(offset, _)| offset));
        let rejects = each(&said.batches).filter(|(_, one)| *one == Acknowledge::Reject);
        self.rejected.extend(rejects.map(|(offset, _)| offset));
        let effects = self.machine.acknowledge(self.now(), Token(1), &id(), &said);
        if self.dice.chance(1, 2) {
            self.records.extend(effects.records);
        }
        self.restart();
    }

    fn rebuild(&mut self) -> SharePartitionEffects {
        self.machine = SharePartitions::new(self.config.clone());
        self.records.iter().cloned().for_each(|change| self.machine.replay(change));
        self.machine.loaded()
    }

    fn check(&mut self) {
        let described = self.machine.describe(&id()).unwrap();
        assert!(described.start.0 >= self.start, "the start offset goes back");
        self.start = described.start.0;
        assert!(described.end >= described.start && described.end.0 <= self.log_end.max(self.log_start));
        // What is not there counts, after a restart, until that is found out anew.
        let is_missing = |offset: &i64| {
            !self
                .log
                .iter()
                .any(|batch| batch.is_deliverable && (batch.first.0..=batch.last.0).contains(offset))
        };
        let missing = (described.start.0..described.end.0).filter(is_missing).count() as u64;
        assert!(described.in_flight <= self.config.settings.max_record_locks + missing);
        if described.start < described.end {
            assert!(!self.settled.contains(&described.start.0), "the start offset stands still");
        }
    }

    /// Everybody does what is to be done, and time passes.
    fn come_to_rest(&mut self) {
        self.late.clear();
        for _ in 0..1_000 {
            for index in 0..self.clients.len() {
                self.clients[index].frozen = false;
                self.hear(index);
                let held = std::mem::take(&mut self.clients[index].held);
                for offset in held {
                    let types = vec![Acknowledge::Accept];
                    let batch = AcknowledgementBatch { first: Offset(offset), last: Offset(offset), types };
                    self.acknowledge(&Acknowledgements { member: self.member(index), batches: vec![batch] });
                }
                self.fetch(index);
            }
            self.bury();
            self.wait(Duration::from_millis(100));
            self.check();
            if self.start >= self.log_end && self.to_bury.is_empty() {
                break;
            }
        }
        assert_eq!(self.machine.describe(&id()).unwrap().start.0, self.log_end.max(self.log_start));
        let deliverable = self.log.iter().filter(|batch| batch.is_deliverable);
        for offset in deliverable.flat_map(|batch| batch.first.0.max(self.log_start)..=batch.last.0) {
            let is_accepted = self.settled.contains(&offset) || self.maybe_settled.contains(&offset);
            let has_failed = self.rejected.contains(&offset)
                || self.deliveries.get(&offset) == Some(&self.config.settings.delivery_limit);
            let is_buried = !self.config.settings.dead_letters || self.dead_letters.contains(&offset);
            assert!(is_accepted || (has_failed && is_buried), "{offset} is nowhere");
        }
    }
}

/// Each offset, with what is said of it.
fn each(batches: &[AcknowledgementBatch]) -> impl Iterator<Item = (i64, Acknowledge)> {
    batches.iter().flat_map(|batch| (batch.first.0..=batch.last.0).zip(batch.types.iter().copied().cycle()))
}

#[test]
fn every_schedule_keeps_the_invariants_and_comes_to_rest() {
    let scale = std::env::var("HEADWATER_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    for seed in 0..SCHEDULES * scale.unwrap_or(1_u64) {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.come_to_rest();
    }
}

/// What the records say, read as anybody would.
#[derive(Default)]
struct Durable {
    start: i64,
    states: BTreeMap<i64, StateBatch>,
}

impl Durable {
    fn read(&mut self, change: &ShareStateChange) {
        let (start, batches) = match change {
            ShareStateChange::Snapshot(snapshot) => {
                self.states.clear();
                (snapshot.start, &snapshot.batches)
            }
            ShareStateChange::Update { update, .. } => (update.start, &update.batches),
            other => panic!("{other:?}"),
        };
        self.start = start.0;
        for batch in batches {
            self.states.extend((batch.first.0..=batch.last.0).map(|offset| (offset, *batch)));
        }
    }

    /// What is to be had, each with its deliveries then.
    fn to_be_had(&self, end: i64) -> Vec<(i64, u16)> {
        let one = |offset: i64| match self.states.get(&offset) {
            None => Some((offset, 1)),
            Some(batch) if batch.state == DeliveryState::Available => Some((offset, batch.deliveries + 1)),
            Some(_) => None,
        };
        (self.start..end).filter_map(one).collect()
    }
}

/// A machine by these records, with rules that hold nothing back.
fn replayed(config: &SharePartitionsConfig, records: &[SharePartitionChange]) -> SharePartitions {
    let settings =
        ShareSettings { delivery_limit: 1_000, max_record_locks: 1_000_000, ..config.settings.clone() };
    let mut machine = SharePartitions::new(SharePartitionsConfig { settings, ..config.clone() });
    records.iter().cloned().for_each(|change| machine.replay(change));
    assert_eq!(machine.loaded().records, []);
    machine
}

/// Everything that is to be had before an offset, with its deliveries.
fn everything(machine: &mut SharePartitions, end: i64) -> Vec<(i64, u16)> {
    let batch = ReadBatch { first: Offset(0), last: Offset(end - 1), is_deliverable: true };
    let request = Acquire {
        member: "m".into(),
        mode: AcquireMode::BatchOptimized,
        max_records: u64::MAX,
        batch_size: u64::MAX,
        from: machine.describe(&id()).unwrap().start,
        batches: vec![batch],
    };
    let effects = machine.acquire(at(Duration::ZERO), Token(1), &id(), &request);
    let [(_, SharePartitionReply::Acquire(Ok(acquired)))] = effects.replies.as_slice() else {
        panic!("not what was asked");
    };
    let each = |one: &Acquired| {
        let deliveries = one.deliveries;
        (one.first.0..=one.last.0).map(move |offset| (offset, deliveries))
    };
    acquired.iter().flat_map(each).collect()
}

/// The log after a compaction that has come to a place: of what was before, the last of each key is left.
fn compacted(records: &[SharePartitionChange], place: usize) -> Vec<SharePartitionChange> {
    let key = |change: &ShareStateChange| match change {
        ShareStateChange::Snapshot(_) | ShareStateChange::SnapshotForgotten => None,
        ShareStateChange::Update { slot, .. } | ShareStateChange::UpdateForgotten { slot } => Some(*slot),
    };
    let (before, after) = records.split_at(place);
    let last: BTreeMap<Option<u16>, usize> =
        before.iter().enumerate().map(|(index, record)| (key(&record.change), index)).collect();
    let left = before.iter().enumerate().filter(|(index, record)| last[&key(&record.change)] == *index);
    left.map(|(_, record)| record).chain(after).cloned().collect()
}

/// Whatever part of the records a state is built from, what is not dealt with by them is to be had, and nothing else; and
/// compaction of the log changes nothing.
#[test]
fn every_prefix_of_the_log_gives_what_is_durable() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        let mut durable = Durable::default();
        for count in 0..world.records.len() {
            durable.read(&world.records[count].change);
            let mut machine = replayed(&world.config, &world.records[..=count]);
            let end = world.log_end + 6;
            assert_eq!(everything(&mut machine, end), durable.to_be_had(end));
        }
        let whole = everything(&mut replayed(&world.config, &world.records), world.log_end + 6);
        for place in 0..=world.records.len() {
            let mut machine = replayed(&world.config, &compacted(&world.records, place));
            assert_eq!(everything(&mut machine, world.log_end + 6), whole, "compacted to {place}");
        }
    }
}
