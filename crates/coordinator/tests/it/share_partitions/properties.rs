//! The machine against the model, whatever is asked of it.

use std::time::Duration;

use headwater_coordinator::{
    Acknowledge, AcknowledgementBatch, Acknowledgements, Acquire, AcquireMode, Acquired, DeadLetterCause,
    MemberGone, MemberId, ReadBatch, SharePartitionChange, SharePartitionEffects, SharePartitionReply,
    SharePartitions, SharePartitionsConfig, ShareSettings, ShareStateChange, Token,
};
use headwater_model::Offset;
use proptest::prelude::*;

use super::model::Model;
use super::script::{at, id};

/// Offsets in the model.
const RECORDS: usize = 200;
/// Offsets that the log is made of, at most.
const LOG: i64 = 100;

#[derive(Debug, Clone)]
enum Command {
    Acquire {
        member: u8,
        mode: AcquireMode,
        max_records: u64,
        batches: usize,
        /// Read from a place after the start offset, or else from where it is best.
        ahead: Option<i64>,
    },
    Acknowledge {
        member: u8,
        batches: Vec<(i64, i64, Vec<Acknowledge>)>,
    },
    /// Of what the member was last given, from a place on, so many.
    Settle {
        member: u8,
        skip: usize,
        records: usize,
        types: Vec<Acknowledge>,
    },
    Release {
        member: u8,
    },
    Wait {
        seconds: u64,
    },
    Dead {
        first: i64,
        records: i64,
    },
    LogStart {
        offset: i64,
    },
    Vanish {
        batch: usize,
    },
    Alter {
        offset: i64,
    },
    Limit {
        limit: u16,
    },
    Restart,
}

fn types() -> impl Strategy<Value = Vec<Acknowledge>> {
    let one = prop_oneof![
        3 => Just(Acknowledge::Accept),
        4 => Just(Acknowledge::Release),
        1 => Just(Acknowledge::Reject),
        1 => Just(Acknowledge::Gap),
        1 => Just(Acknowledge::Renew),
    ];
    prop_oneof![
        3 => one.clone().prop_map(|one| vec![one]),
        2 => prop::collection::vec(one, 1..8),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let member = 0..3_u8;
    let mode = prop_oneof![Just(AcquireMode::BatchOptimized), Just(AcquireMode::RecordLimit)];
    let spans = prop::collection::vec((0..LOG, -1..6_i64, types()), 1..3);
    prop_oneof![
        10 => (member.clone(), mode, 0..12_u64, 0..5_usize, prop::option::of(0..8_i64)).prop_map(
            |(member, mode, max_records, batches, ahead)| {
                Command::Acquire { member, mode, max_records, batches, ahead }
            }
        ),
        10 => (member.clone(), 0..8_usize, 1..10_usize, types()).prop_map(
            |(member, skip, records, types)| Command::Settle { member, skip, records, types }
        ),
        2 => (member.clone(), spans).prop_map(|(member, batches)| Command::Acknowledge { member, batches }),
        2 => member.prop_map(|member| Command::Release { member }),
        4 => (0..40_u64).prop_map(|seconds| Command::Wait { seconds }),
        3 => (0..LOG, 1..40_i64).prop_map(|(first, records)| Command::Dead { first, records }),
        1 => (0..LOG).prop_map(|offset| Command::LogStart { offset }),
        1 => (0..20_usize).prop_map(|batch| Command::Vanish { batch }),
        1 => (0..LOG).prop_map(|offset| Command::Alter { offset }),
        1 => (1..7_u16).prop_map(|limit| Command::Limit { limit }),
        3 => Just(Command::Restart),
    ]
}

/// Batches of the log: how many offsets are missing before, how many it has, and whether it is for consumers.
fn log() -> impl Strategy<Value = Vec<ReadBatch>> {
    let batch = (prop_oneof![4 => Just(0), 1 => 1..3_i64], 1..8_i64, prop::bool::weighted(0.85));
    prop::collection::vec(batch, 1..20).prop_map(|batches| {
        let mut next = 0;
        let batches = batches.into_iter().map(|(missing, records, is_deliverable)| {
            let first = next + missing;
            next = first + records;
            ReadBatch { first: Offset(first), last: Offset(next - 1), is_deliverable }
        });
        batches.take_while(|batch| batch.last.0 < LOG).collect()
    })
}

fn settings() -> impl Strategy<Value = ShareSettings> {
    (1..6_u16, 1..30_u64, any::<bool>()).prop_map(|(delivery_limit, max_record_locks, dead_letters)| {
        ShareSettings {
            delivery_limit,
            max_record_locks,
            dead_letters,
            lock_duration: Duration::from_secs(30),
        }
    })
}

struct Both {
    config: SharePartitionsConfig,
    machine: SharePartitions,
    model: Model,
    log: Vec<ReadBatch>,
    records: Vec<SharePartitionChange>,
    /// What each member was last given.
    given: [Vec<(i64, u16)>; 3],
    seconds: u64,
}

fn name(member: u8) -> MemberId {
    MemberId::from(format!("m{member}"))
}

impl Both {
    fn new(settings: ShareSettings, log: Vec<ReadBatch>, updates_per_snapshot: u16) -> Self {
        let config =
            SharePartitionsConfig { settings, updates_per_snapshot, ..SharePartitionsConfig::default() };
        let mut machine = SharePartitions::new(config.clone());
        let records = machine.begin(Token(0), &id(), Offset(0)).records;
        let model = Model::new(config.settings.clone(), RECORDS, 0);
        Self { config, machine, model, log, records, given: Default::default(), seconds: 0 }
    }

    fn run(&mut self, command: Command) {
        let now = at(Duration::from_secs(self.seconds));
        let token = Token(1);
        let effects = match command {
            Command::Acquire { member, mode, max_records, batches, ahead } => {
                let start = self.machine.describe(&id()).unwrap().start;
                let next = self.machine.next_fetch_offset(&id()).unwrap_or(start);
                let from = ahead.map_or(next, |ahead| start + ahead);
                self.acquire(member, mode, max_records, batches, from)
            }
            Command::Settle { member, skip, records, types } => {
                let given: Vec<i64> = self.given[member as usize].iter().map(|(offset, _)| *offset).collect();
                let chosen = given.iter().skip(skip).take(records).copied();
                let batches = chosen.zip(types.iter().cycle()).map(|(offset, one)| AcknowledgementBatch {
                    first: Offset(offset),
                    last: Offset(offset),
                    types: vec![*one],
                });
                self.acknowledge(member, batches.collect())
            }
            Command::Acknowledge { member, batches } => {
                let batches = batches.into_iter().map(|(first, more, types)| AcknowledgementBatch {
                    first: Offset(first),
                    last: Offset(first + more),
                    types,
                });
                self.acknowledge(member, batches.collect())
            }
            Command::Release { member } => {
                self.model.release(name(member).as_str());
                let (group, member) = (id().group, name(member));
                self.machine.release(now, token, &MemberGone { group, member })
            }
            Command::Wait { seconds } => {
                self.seconds += seconds;
                self.model.expire(self.seconds);
                self.machine.tick(at(Duration::from_secs(self.seconds)))
            }
            Command::Dead { first, records } => {
                let last = first + records - 1;
                self.model.dead_lettered(first as usize, last as usize);
                self.machine.dead_lettered(now, &id(), Offset(first), Offset(last))
            }
            Command::LogStart { offset } => {
                self.model.log_start_moved(offset as usize);
                self.machine.log_start_moved(now, id().topic, id().partition, Offset(offset))
            }
            Command::Vanish { batch } => {
                if batch < self.log.len() {
                    self.log.remove(batch);
                }
                return;
            }
            Command::Alter { offset } => {
                self.model.alter(offset as usize);
                self.machine.alter(now, token, &id(), Offset(offset))
            }
            Command::Limit { limit } => {
                self.model.settings.delivery_limit = limit;
                self.machine.set_settings(&id().group, Some(self.model.settings.clone()));
                return;
            }
            Command::Restart => return self.restart(),
        };
        self.compare(effects);
    }

    fn acquire(
        &mut self,
        member: u8,
        mode: AcquireMode,
        max_records: u64,
        batches: usize,
        from: Offset,
    ) -> SharePartitionEffects {
        let read = self.log.iter().filter(|batch| batch.last >= from).take(batches).copied();
        let request =
            Acquire { member: name(member), mode, max_records, batch_size: 4, from, batches: read.collect() };
        let now = at(Duration::from_secs(self.seconds));
        let effects = self.machine.acquire(now, Token(1), &id(), &request);
        let acquired = match effects.replies.as_slice() {
            [(Token(1), SharePartitionReply::Acquire(Ok(acquired)))] => flat(acquired),
            other => panic!("{other:?}"),
        };
        let expected = self.model.acquire(&request, self.seconds);
        let expected: Vec<(i64, u16)> =
            expected.into_iter().map(|(offset, count)| (offset as i64, count)).collect();
        assert_eq!(acquired, expected, "{request:?}");
        self.given[member as usize] = acquired;
        effects
    }

    fn acknowledge(&mut self, member: u8, batches: Vec<AcknowledgementBatch>) -> SharePartitionEffects {
        let now = at(Duration::from_secs(self.seconds));
        let said = Acknowledgements { member: name(member), batches };
        let effects = self.machine.acknowledge(now, Token(1), &id(), &said);
        let outcome = match effects.replies.as_slice() {
            [(Token(1), SharePartitionReply::Acknowledge(outcome))] => {
                outcome.clone().map_err(|refused| refused.error)
            }
            other => panic!("{other:?}"),
        };
        let expected = self.model.acknowledge(said.member.as_str(), &said.batches, self.seconds);
        assert_eq!(outcome, expected, "{said:?}");
        effects
    }

    fn restart(&mut self) {
        let before = std::mem::replace(&mut self.machine, SharePartitions::new(self.config.clone()));
        self.records.iter().cloned().for_each(|change| self.machine.replay(change));
        self.machine.succeed(&before);
        let effects = self.machine.loaded();
        assert_eq!(effects.records, [], "there is nothing to mend");
        self.model.restart();
        let causes = |(offset, deliveries, _)| (offset, deliveries);
        let dead: Vec<(usize, u16)> = dead(&effects).into_iter().map(causes).collect();
        assert_eq!(dead, self.model.dead.iter().copied().map(causes).collect::<Vec<_>>());
        self.compare_states();
    }

    fn compare(&mut self, effects: SharePartitionEffects) {
        let mut expected = self.model.dead.clone();
        expected.sort_unstable();
        assert_eq!(dead(&effects), expected);
        assert_eq!(!effects.freed.is_empty(), self.model.freed);
        if let Some(change) = effects.records.last() {
            self.model.recorded(matches!(change.change, ShareStateChange::Snapshot(_)));
        }
        assert!(effects.records.len() <= 1);
        self.records.extend(effects.records);
        self.compare_states();
    }

    fn compare_states(&self) {
        let described = self.machine.describe(&id()).unwrap();
        assert_eq!((described.start.0, described.end.0), (self.model.start as i64, self.model.end as i64));
        assert_eq!(described.in_flight, self.model.in_flight() as u64);
        assert_eq!(described.completed, (self.model.end - self.model.start) as u64 - described.in_flight);
        assert_eq!(described.state_epoch, self.model.epoch);
        let next = self.machine.next_fetch_offset(&id()).map(|next| next.0 as usize);
        assert_eq!(next, self.model.next_fetch());
        let deadline = self.machine.next_deadline().map(|at| at.since_origin().as_secs());
        assert_eq!(deadline, self.model.next_deadline());
    }
}

fn flat(acquired: &[Acquired]) -> Vec<(i64, u16)> {
    let all = |one: &Acquired| {
        let deliveries = one.deliveries;
        (one.first.0..=one.last.0).map(move |offset| (offset, deliveries))
    };
    acquired.iter().flat_map(all).collect()
}

fn dead(effects: &SharePartitionEffects) -> Vec<(usize, u16, DeadLetterCause)> {
    let all = effects.dead_letters.iter().flat_map(|dead| {
        (dead.first.0..=dead.last.0).map(move |offset| (offset as usize, dead.deliveries, dead.cause))
    });
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_the_model_does(
        settings in settings(),
        log in log(),
        updates_per_snapshot in 0..6_u16,
        commands in prop::collection::vec(command(), 1..80),
    ) {
        let mut both = Both::new(settings, log, updates_per_snapshot);
        for command in commands {
            both.run(command);
        }
    }
}
