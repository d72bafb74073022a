//! Transactions: each rule by a short story, and random schedules of producers, zombies, lost answers and restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_coordinator::{
    AddPartitions, EndTransaction, InitProducer, Markers, Now, Outcome, ProducerIdentity, StoredTransaction,
    Token, TransactionChange, TransactionEffects, TransactionReply, TransactionState, TransactionVersion,
    TransactionalId, Transactions, TransactionsConfig,
};
use headwater_model::{
    ErrorCode, Monotonic, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicName, TopicPartition,
};
use proptest::prelude::*;

const TIMEOUT: Duration = Duration::from_mins(1);
const V1: TransactionVersion = TransactionVersion::V1;
const V2: TransactionVersion = TransactionVersion::V2;

/// A shard with its log, its clock, and the markers that it wants to have written.
struct World {
    transactions: Transactions,
    config: TransactionsConfig,
    log: Vec<TransactionChange>,
    markers: Vec<Markers>,
    replies: BTreeMap<Token, TransactionReply>,
    millis: u64,
    tokens: u64,
    ids: i64,
}

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TopicName::new("t").unwrap(), PartitionId(index))
}

fn partitions(indexes: &[i32]) -> BTreeSet<TopicPartition> {
    indexes.iter().map(|index| partition(*index)).collect()
}

fn identity(id: i64, epoch: i16) -> ProducerIdentity {
    ProducerIdentity { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}

impl World {
    fn new() -> Self {
        Self::with(TransactionsConfig::default())
    }

    fn with(config: TransactionsConfig) -> Self {
        let mut world = Self {
            transactions: Transactions::new(config.clone()),
            config,
            log: Vec::new(),
            markers: Vec::new(),
            replies: BTreeMap::new(),
            millis: 0,
            tokens: 0,
            ids: 100,
        };
        world.restart();
        world
    }

    fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::from_origin(Duration::from_millis(self.millis)),
            wall: Timestamp(1_800_000_000_000 + self.millis as i64),
        }
    }

    fn token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    fn take(&mut self, effects: TransactionEffects) {
        self.log.extend(effects.records);
        self.markers.extend(effects.markers);
        for (token, reply) in effects.replies {
            assert!(token.0 <= self.tokens, "a reply to nobody");
            assert!(self.replies.insert(token, reply).is_none(), "a second reply");
        }
    }

    /// Gives the outcome, if there is one yet.
    fn try_init(&mut self, id: &str, expected: Option<ProducerIdentity>) -> Token {
        let token = self.token();
        let init = InitProducer { id: id.into(), timeout: TIMEOUT, expected };
        let (now, ids) = (self.now(), &mut self.ids);
        let effects = self.transactions.init(now, token, init, &mut fresh(ids));
        self.take(effects);
        token
    }

    fn init(&mut self, id: &str, expected: Option<ProducerIdentity>) -> Result<ProducerIdentity, ErrorCode> {
        let token = self.try_init(id, expected);
        self.initialized(token).expect("an answer")
    }

    fn initialized(&self, token: Token) -> Option<Result<ProducerIdentity, ErrorCode>> {
        self.replies.get(&token).map(|reply| match reply {
            TransactionReply::Init(reply) => *reply,
            other => panic!("{other:?} to an initialization"),
        })
    }

    fn try_add(
        &mut self,
        id: &str,
        producer: ProducerIdentity,
        indexes: &[i32],
        version: TransactionVersion,
    ) -> Token {
        let token = self.token();
        let add = AddPartitions { id: id.into(), producer, partitions: partitions(indexes), version };
        let effects = self.transactions.add_partitions(self.now(), token, add);
        self.take(effects);
        token
    }

    fn added(&self, token: Token) -> Option<Result<(), ErrorCode>> {
        self.replies.get(&token).map(|reply| match reply {
            TransactionReply::AddPartitions(reply) => *reply,
            other => panic!("{other:?} to an adding"),
        })
    }

    fn add(
        &mut self,
        id: &str,
        producer: ProducerIdentity,
        indexes: &[i32],
        version: TransactionVersion,
    ) -> Result<(), ErrorCode> {
        let token = self.try_add(id, producer, indexes, version);
        self.added(token).expect("an answer")
    }

    fn end(
        &mut self,
        id: &str,
        producer: ProducerIdentity,
        outcome: Outcome,
        version: TransactionVersion,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let token = self.token();
        let end = EndTransaction { id: id.into(), producer, outcome, version };
        let (now, ids) = (self.now(), &mut self.ids);
        let effects = self.transactions.end(now, token, &end, &mut fresh(ids));
        self.take(effects);
        match self.replies.get(&token) {
            Some(TransactionReply::End(reply)) => *reply,
            other => panic!("{other:?} to an end"),
        }
    }

    /// Writes the oldest markers that are wanted.
    fn write_markers(&mut self) -> Option<Markers> {
        let markers = (!self.markers.is_empty()).then(|| self.markers.remove(0))?;
        self.written(&markers);
        Some(markers)
    }

    fn written(&mut self, markers: &Markers) {
        let (now, ids) = (self.now(), &mut self.ids);
        let effects = self.transactions.markers_written(now, &markers.id, markers.number, &mut fresh(ids));
        self.take(effects);
    }

    fn pass(&mut self, millis: u64) {
        self.millis += millis;
        while self.transactions.next_deadline().is_some_and(|at| at <= self.now().monotonic) {
            let effects = self.transactions.tick(self.now());
            self.take(effects);
        }
    }

    /// Reads the log into a new shard. Who waited is told.
    fn restart(&mut self) {
        let effects = self.transactions.fail_pending(ErrorCode::NotCoordinator);
        self.take(effects);
        self.transactions = Transactions::new(self.config.clone());
        for change in self.log.clone() {
            self.transactions.replay(change);
        }
        self.markers.clear();
        let effects = self.transactions.loaded(self.now());
        self.take(effects);
    }

    fn stored(&self, id: &str) -> &StoredTransaction {
        self.transactions.get(&id.into()).expect("it is known")
    }
}

fn fresh(ids: &mut i64) -> impl FnMut() -> Option<ProducerId> {
    move || {
        *ids += 1;
        Some(ProducerId(*ids))
    }
}

#[test]
fn a_transaction_goes_from_its_first_partition_to_its_last_marker() {
    for (version, next) in [(V1, identity(101, 0)), (V2, identity(101, 1))] {
        let mut world = World::new();
        let producer = world.init("a", None).unwrap();
        assert_eq!(producer, identity(101, 0));
        assert_eq!(world.add("a", producer, &[0, 1], version), Ok(()));
        let written = world.log.len();
        assert_eq!(world.add("a", producer, &[1], version), Ok(()));
        assert_eq!(world.log.len(), written, "nothing new is not written again");
        assert_eq!(world.add("a", producer, &[2], version), Ok(()));
        let id = TransactionalId::new("a");
        assert_eq!(world.transactions.verify(&id, producer, &partition(2)), Ok(()));
        assert_eq!(
            world.transactions.verify(&id, producer, &partition(3)),
            Err(ErrorCode::TransactionAbortable)
        );
        assert_eq!(world.end("a", producer, Outcome::Commit, version), Ok(next));
        assert_eq!(world.stored("a").state.name(), "PrepareCommit");
        let markers = world.write_markers().unwrap();
        assert_eq!((markers.producer, markers.outcome), (next, Outcome::Commit));
        assert_eq!(markers.partitions, partitions(&[0, 1, 2]));
        assert_eq!(world.stored("a").state.name(), "CompleteCommit");
        assert!(world.stored("a").partitions.is_empty() && world.markers.is_empty());
        // The same end again, its answer lost.
        assert_eq!(world.end("a", producer, Outcome::Commit, version), Ok(next));
        assert_eq!(world.end("a", producer, Outcome::Abort, version), Err(ErrorCode::InvalidTxnState));
        assert!(world.markers.is_empty());
    }
}

#[test]
fn an_incarnation_fences_the_one_before_and_ends_what_it_had_begun() {
    let mut world = World::new();
    let zombie = world.init("a", None).unwrap();
    world.add("a", zombie, &[0], V1).unwrap();
    let token = world.try_init("a", None);
    assert_eq!(world.initialized(token), None, "it waits for the markers");
    assert_eq!(world.add("a", zombie, &[1], V1), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.end("a", zombie, Outcome::Commit, V1), Err(ErrorCode::ProducerFenced));
    let markers = world.write_markers().unwrap();
    assert_eq!((markers.producer, markers.outcome), (identity(101, 1), Outcome::Abort));
    let producer = world.initialized(token).unwrap().unwrap();
    assert_eq!(producer, identity(101, 2));
    assert_eq!(world.add("a", zombie, &[1], V1), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.init("a", Some(zombie)), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.add("a", producer, &[1], V1), Ok(()));
    assert_eq!(world.init("a", Some(zombie)), Err(ErrorCode::ProducerFenced));
    assert_eq!(world.end("a", producer, Outcome::Commit, V1), Ok(producer));
}

#[test]
fn who_goes_on_says_who_it_was_and_may_say_so_twice() {
    let mut world = World::new();
    let first = world.init("a", None).unwrap();
    let second = world.init("a", Some(first)).unwrap();
    assert_eq!(second, identity(101, 1));
    assert_eq!(world.init("a", Some(first)), Ok(second), "the answer was lost");
    assert_eq!(world.init("a", Some(identity(7, 0))), Err(ErrorCode::ProducerFenced));
    let third = world.init("a", None).unwrap();
    assert_eq!(third, identity(101, 2));
    assert_eq!(world.init("a", Some(second)), Err(ErrorCode::ProducerFenced));
}

/// A producer in the last epoch that a client can have.
fn exhausted(world: &mut World) -> ProducerIdentity {
    let last = i16::MAX - 1;
    world.init("a", None).unwrap();
    let mut stored = world.stored("a").clone();
    stored.producer.epoch = ProducerEpoch(last);
    world.log.push(TransactionChange::Stored(stored));
    world.restart();
    identity(101, last)
}

#[test]
fn a_used_up_producer_id_makes_way_for_another() {
    let mut world = World::new();
    exhausted(&mut world);
    assert_eq!(world.init("a", None), Ok(identity(102, 0)));

    let mut world = World::new();
    let producer = exhausted(&mut world);
    assert_eq!(world.init("a", Some(producer)), Ok(identity(102, 0)));
    assert_eq!(world.init("a", Some(producer)), Ok(identity(102, 0)), "the answer was lost");

    let mut world = World::new();
    let producer = exhausted(&mut world);
    world.add("a", producer, &[0], V2).unwrap();
    assert_eq!(world.end("a", producer, Outcome::Commit, V2), Ok(identity(102, 0)));
    assert_eq!(world.end("a", producer, Outcome::Commit, V2), Ok(identity(102, 0)), "the answer was lost");
    let markers = world.write_markers().unwrap();
    assert_eq!(markers.producer, identity(101, i16::MAX));
    assert_eq!(world.end("a", producer, Outcome::Commit, V2), Ok(identity(102, 0)), "and again");
    assert_eq!(world.add("a", identity(102, 0), &[0], V2), Ok(()));
}

#[test]
fn the_next_producer_id_is_known_while_markers_are_written() {
    let mut world = World::new();
    let producer = exhausted(&mut world);
    world.add("a", producer, &[0], V2).unwrap();
    let next = world.end("a", producer, Outcome::Commit, V2).unwrap();
    assert_eq!(next, identity(102, 0));
    assert_eq!(world.end("a", next, Outcome::Commit, V2), Err(ErrorCode::ConcurrentTransactions));
    let partition = partitions(&[0]).pop_first().unwrap();
    let verified = world.transactions.verify(&"a".into(), next, &partition);
    assert_eq!(verified, Err(ErrorCode::ConcurrentTransactions));
    let added = world.try_add("a", next, &[1], V2);
    assert_eq!(world.added(added), None, "it waits for the markers");
    world.write_markers().unwrap();
    assert_eq!(world.added(added), Some(Ok(())));
}

#[test]
fn an_epoch_that_only_fences_is_given_to_nobody() {
    let mut world = World::new();
    let producer = exhausted(&mut world);
    world.add("a", producer, &[0], V2).unwrap();
    world.pass(120_000);
    world.write_markers().unwrap();
    for outcome in [Outcome::Commit, Outcome::Abort] {
        assert_eq!(world.end("a", producer, outcome, V2), Err(ErrorCode::ProducerFenced));
    }
    assert_eq!(world.init("a", None), Ok(identity(102, 0)));
}

#[test]
fn strangers_and_nonsense_are_refused() {
    let mut world = World::new();
    let producer = world.init("a", None).unwrap();
    let (other_id, other_epoch) = (identity(7, 0), identity(101, 9));
    let unknown = ErrorCode::InvalidProducerIdMapping;
    assert_eq!(world.add("b", producer, &[0], V1), Err(unknown));
    assert_eq!(world.end("b", producer, Outcome::Abort, V2), Err(unknown));
    assert_eq!(world.init("", None), Err(ErrorCode::InvalidRequest));
    assert_eq!(world.init(&"x".repeat(1_025), None), Err(ErrorCode::InvalidRequest));
    assert_eq!(world.add("", producer, &[0], V1), Err(ErrorCode::InvalidRequest));
    for version in [V1, V2] {
        assert_eq!(world.add("a", other_id, &[0], version), Err(unknown));
        assert_eq!(world.add("a", other_epoch, &[0], version), Err(ErrorCode::ProducerFenced));
        assert_eq!(world.end("a", other_id, Outcome::Commit, version), Err(unknown));
        assert_eq!(world.end("a", other_epoch, Outcome::Commit, version), Err(ErrorCode::ProducerFenced));
        assert_eq!(world.end("a", producer, Outcome::Commit, version), Err(ErrorCode::InvalidTxnState));
    }
    for timeout in [Duration::ZERO, Duration::from_hours(1)] {
        let (now, token) = (world.now(), world.token());
        let init = InitProducer { id: "c".into(), timeout, expected: None };
        let effects = world.transactions.init(now, token, init, &mut || Some(ProducerId(0)));
        let refused = TransactionReply::Init(Err(ErrorCode::InvalidTransactionTimeout));
        assert_eq!(effects.replies, [(token, refused)]);
    }
}

#[test]
fn a_producer_may_abort_what_it_had_not_begun() {
    let mut world = World::new();
    let producer = world.init("a", None).unwrap();
    assert_eq!(world.end("a", producer, Outcome::Abort, V1), Err(ErrorCode::InvalidTxnState));
    let next = world.end("a", producer, Outcome::Abort, V2).unwrap();
    assert_eq!(next, identity(101, 1));
    assert!(world.markers.is_empty());
    assert_eq!(world.stored("a").state.name(), "CompleteAbort");
    assert_eq!(world.end("a", producer, Outcome::Abort, V2), Ok(next), "the answer was lost");
    assert_eq!(world.add("a", next, &[0], V2), Ok(()));
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let mut world = World::new();
    let producer = world.init("a", None).unwrap();
    world.add("a", producer, &[0], V1).unwrap();
    world.pass(59_000);
    world.add("a", producer, &[1], V1).unwrap();
    assert!(world.markers.is_empty());
    world.pass(1_000);
    assert_eq!(world.end("a", producer, Outcome::Commit, V1), Err(ErrorCode::ProducerFenced));
    let markers = world.write_markers().unwrap();
    assert_eq!((markers.producer, markers.outcome), (identity(101, 1), Outcome::Abort));
    assert_eq!(markers.partitions, partitions(&[0, 1]));
    assert_eq!(world.init("a", None), Ok(identity(101, 2)));
    world.pass(10 * 60_000);
    assert!(world.markers.is_empty(), "there is nothing to abort");
}

#[test]
fn a_restart_goes_on_with_timeouts_and_markers() {
    let mut world = World::new();
    let (a, b) = (world.init("a", None).unwrap(), world.init("b", None).unwrap());
    world.add("a", a, &[0], V1).unwrap();
    world.add("b", b, &[1, 2], V1).unwrap();
    world.end("b", b, Outcome::Commit, V1).unwrap();
    world.millis += 40_000;
    world.restart();
    let markers = world.write_markers().unwrap();
    assert_eq!((markers.id.as_str(), markers.outcome), ("b", Outcome::Commit));
    assert_eq!(markers.partitions, partitions(&[1, 2]));
    world.pass(19_000);
    assert!(world.markers.is_empty());
    world.pass(1_000);
    assert_eq!(world.markers.len(), 1, "a has had its minute");
}

#[test]
fn what_comes_while_markers_are_written_waits_but_not_for_ever() {
    let mut world = World::with(TransactionsConfig {
        max_waiting: 2,
        max_partitions: 3,
        ..TransactionsConfig::default()
    });
    let producer = world.init("a", None).unwrap();
    assert_eq!(world.add("a", producer, &[0, 1, 2, 3], V1), Err(ErrorCode::PolicyViolation));
    world.add("a", producer, &[0], V1).unwrap();
    world.end("a", producer, Outcome::Commit, V1).unwrap();
    let waits: Vec<_> = (1..=3).map(|index| world.try_add("a", producer, &[index], V1)).collect();
    let refused = Some(Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(waits.iter().map(|token| world.added(*token)).collect::<Vec<_>>(), [None, None, refused]);
    world.pass(500);
    world.write_markers().unwrap();
    assert_eq!(world.added(waits[0]), Some(Ok(())));
    assert_eq!(world.stored("a").partitions, partitions(&[1, 2]));
    world.end("a", producer, Outcome::Commit, V1).unwrap();
    let late = world.try_add("a", producer, &[1], V1);
    world.pass(999);
    assert_eq!(world.added(late), None);
    world.pass(1);
    assert_eq!(world.added(late), refused);
}

#[test]
fn ids_that_nobody_uses_are_forgotten() {
    let mut world = World::new();
    world.init("idle", None).unwrap();
    let day = 24 * 3_600_000;
    for _ in 0..6 {
        world.pass(day);
        world.init("busy", None).unwrap();
    }
    assert!(world.transactions.get(&"idle".into()).is_some());
    world.pass(day + 3_600_000);
    assert!(world.transactions.get(&"idle".into()).is_none());
    assert!(world.transactions.get(&"busy".into()).is_some());
    world.restart();
    assert_eq!(world.transactions.iter().count(), 1);
}

const IDS: [&str; 2] = ["a", "b"];
const CLIENTS: usize = 5;

#[derive(Debug, Clone, Copy)]
enum Step {
    Init { client: usize, goes_on: bool },
    Add { client: usize, index: i32 },
    End { client: usize, commit: bool, heard: bool },
    Markers,
    MarkersAgain,
    Wait(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        2 => (client.clone(), any::<bool>()).prop_map(|(client, goes_on)| Step::Init { client, goes_on }),
        8 => (client.clone(), 0..4_i32).prop_map(|(client, index)| Step::Add { client, index }),
        6 => (client, any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(client, commit, heard)| Step::End { client, commit, heard }),
        6 => Just(Step::Markers),
        1 => Just(Step::MarkersAgain),
        2 => (1..40_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// A producer, possibly a zombie of another with the same transactional id.
#[derive(Debug, Clone, Copy)]
struct Client {
    id: &'static str,
    version: TransactionVersion,
    producer: Option<ProducerIdentity>,
    initializing: Option<Token>,
}

/// What a schedule must keep to.
struct Schedule {
    world: World,
    clients: Vec<Client>,
    /// What each id has added, by the requests that were answered well or stored.
    open: BTreeMap<&'static str, BTreeSet<TopicPartition>>,
    written: Option<Markers>,
    seen_records: usize,
    newest: BTreeMap<TransactionalId, ProducerIdentity>,
    /// Whether the step at hand may commit that id.
    may_commit: Option<&'static str>,
}

impl Schedule {
    fn new() -> Self {
        let client = |at: usize| Client {
            id: IDS[at % 2],
            version: if at < 3 { V2 } else { V1 },
            producer: None,
            initializing: None,
        };
        Self {
            world: World::new(),
            clients: (0..CLIENTS).map(client).collect(),
            open: BTreeMap::new(),
            written: None,
            seen_records: 0,
            newest: BTreeMap::new(),
            may_commit: None,
        }
    }

    fn run(&mut self, step: Step) {
        self.may_commit = None;
        match step {
            Step::Init { client, goes_on } => {
                let Client { id, producer, .. } = self.clients[client];
                let token = self.world.try_init(id, producer.filter(|_| goes_on));
                self.clients[client].initializing = Some(token);
            }
            Step::Add { client, index } => {
                let Client { id, version, producer: Some(producer), .. } = self.clients[client] else {
                    return;
                };
                let current = self.world.stored(id).producer;
                let token = self.world.try_add(id, producer, &[index], version);
                if let Some(outcome) = self.world.added(token) {
                    assert_eq!(outcome.is_ok(), producer == current, "only the newest may write");
                }
            }
            Step::End { client, commit, heard } => {
                let Client { id, version, producer: Some(producer), .. } = self.clients[client] else {
                    return;
                };
                let outcome = if commit { Outcome::Commit } else { Outcome::Abort };
                let stored = self.world.stored(id);
                if commit && producer == stored.producer && stored.state == TransactionState::Ongoing {
                    self.may_commit = Some(id);
                }
                let ended = self.world.end(id, producer, outcome, version);
                if let (Ok(next), true) = (ended, heard) {
                    self.clients[client].producer = Some(next);
                }
            }
            Step::Markers => self.written = self.world.write_markers().or(self.written.take()),
            Step::MarkersAgain => {
                if let Some(markers) = self.written.clone() {
                    let before = self.world.stored(markers.id.as_str()).clone();
                    self.world.written(&markers);
                    let after = self.world.stored(markers.id.as_str());
                    assert_eq!(*after, before, "old markers end nothing");
                }
            }
            Step::Wait(millis) => self.world.pass(millis),
            Step::Restart => {
                self.world.restart();
                self.written = None;
            }
        }
        self.check();
    }

    fn check(&mut self) {
        for client in &mut self.clients {
            if let Some(outcome) = client.initializing.and_then(|token| self.world.initialized(token)) {
                client.initializing = None;
                client.producer = outcome.ok().or(client.producer);
            }
        }
        for change in &self.world.log[self.seen_records..] {
            let TransactionChange::Stored(stored) = change else { continue };
            if let Some(before) = self.newest.insert(stored.id.clone(), stored.producer) {
                assert!(before <= stored.producer, "{before:?} came before {:?}", stored.producer);
            }
            let id = IDS.into_iter().find(|id| *id == stored.id.as_str()).unwrap();
            match stored.state {
                TransactionState::Ongoing => {
                    let open = self.open.insert(id, stored.partitions.clone()).unwrap_or_default();
                    assert!(open.is_subset(&stored.partitions), "a partition is lost");
                }
                TransactionState::Prepared(outcome) => {
                    assert!(outcome == Outcome::Abort || self.may_commit == Some(id), "nobody committed");
                    let open = self.open.get(id).cloned().unwrap_or_default();
                    assert_eq!(stored.partitions, open);
                }
                TransactionState::Completed(_) | TransactionState::Empty => {
                    assert!(stored.partitions.is_empty());
                    self.open.remove(id);
                }
            }
        }
        self.seen_records = self.world.log.len();
        let mut replayed = Transactions::new(self.world.config.clone());
        for change in self.world.log.clone() {
            replayed.replay(change);
        }
        assert!(replayed.iter().eq(self.world.transactions.iter()), "the log says something else");
        for stored in self.world.transactions.iter() {
            let wanted = self.world.markers.iter().filter(|markers| markers.id == stored.id).count();
            let ending = matches!(stored.state, TransactionState::Prepared(_));
            assert_eq!(wanted, usize::from(ending), "markers for {stored:?}");
        }
    }

    fn come_to_rest(&mut self) {
        while self.world.write_markers().is_some() {}
        self.world.pass(2 * 60_000);
        while self.world.write_markers().is_some() {}
        self.may_commit = None;
        self.check();
        for stored in self.world.transactions.iter() {
            let at_rest = matches!(stored.state, TransactionState::Empty | TransactionState::Completed(_));
            assert!(at_rest, "{stored:?}");
        }
        let silent = (1..=self.world.tokens).filter(|token| !self.world.replies.contains_key(&Token(*token)));
        assert_eq!(silent.count(), 0, "everybody is answered");
    }
}

proptest! {
    #[test]
    fn random_schedules_keep_the_rules(steps in prop::collection::vec(step(), 1..80)) {
        let mut schedule = Schedule::new();
        for step in steps {
            schedule.run(step);
        }
        schedule.come_to_rest();
    }
}
