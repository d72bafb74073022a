//! An application with a machine, batches that succeed or fail, and the naive coordinator, with what can go wrong.

use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, TopicPartition};
use headwater_wire::messages::add_offsets_to_txn::AddOffsetsToTxnResponse;
use headwater_wire::messages::init_producer_id::InitProducerIdResponse;

use super::model::Coordinator;
use super::{
    Batches, TransactionAnswer, TransactionError, TransactionMachine, TransactionRequest, TransactionVersion,
    added, at, ended, group, identified, no_answer, offset_answer, offsets, refused, rules,
};

/// How often what happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) committed: u64,
    pub(super) aborted: u64,
    pub(super) empty: u64,
    pub(super) abortable: u64,
    pub(super) fenced: u64,
    pub(super) unknown: u64,
    pub(super) repeated_ends: u64,
    pub(super) raised_by_hand: u64,
    pub(super) cancelled: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.committed += other.committed;
        self.aborted += other.aborted;
        self.empty += other.empty;
        self.abortable += other.abortable;
        self.fenced += other.fenced;
        self.unknown += other.unknown;
        self.repeated_ends += other.repeated_ends;
        self.raised_by_hand += other.raised_by_hand;
        self.cancelled += other.cancelled;
    }

    pub(super) fn failed(&self) -> u64 {
        self.abortable + self.fenced + self.unknown
    }
}

/// What the application is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Beginning,
    Writing,
    Committing,
    Aborting,
}

struct Batch {
    at: TopicPartition,
    in_flight: bool,
    /// Nobody waits for it.
    given_up: bool,
}

pub(super) struct World {
    machine: TransactionMachine,
    coordinator: Coordinator,
    entropy: Entropy,
    rough: bool,
    now: Monotonic,
    doing: Doing,
    /// Over all machines.
    number: u64,
    version: TransactionVersion,
    admitted: Vec<TopicPartition>,
    batches: Vec<Batch>,
    /// What the coordinator must have once the transaction is committed.
    written: u64,
    accepted_offsets: bool,
    pushed: Option<u64>,
    request: Option<TransactionRequest>,
    ends: u64,
    pub(super) tally: Tally,
}

impl World {
    pub(super) fn new(seed: u64, rough: bool) -> Self {
        let mut entropy = Entropy::from_seed(seed);
        Self {
            machine: TransactionMachine::new(rules(), entropy.fork()),
            coordinator: Coordinator::new(),
            entropy,
            rough,
            now: Monotonic::ORIGIN,
            doing: Doing::Beginning,
            number: 0,
            version: TransactionVersion::V1,
            admitted: Vec::new(),
            batches: Vec::new(),
            written: 0,
            accepted_offsets: false,
            pushed: None,
            request: None,
            ends: 0,
            tally: Tally::default(),
        }
    }

    pub(super) fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.entropy.below(100) {
                0..30 => self.work(),
                30..60 => self.answer(),
                60..75 => self.settle_a_batch(),
                75..90 => self.now = self.now + Duration::from_millis(self.entropy.below(200)),
                90..98 => self.coordinator.complete(),
                98 if self.rough => self.now = self.now + Duration::from_secs(self.entropy.below(12)),
                99 if self.rough && self.entropy.chance(1, 3) => self.coordinator.fence(),
                _ => {}
            }
            self.poll();
        }
    }

    /// The faults end; the transaction has to end too.
    pub(super) fn finish(&mut self) {
        self.rough = false;
        if self.doing == Doing::Writing {
            self.commit();
        }
        for _ in 0..2_000 {
            self.poll();
            self.answer();
            self.settle_a_batch();
            self.coordinator.complete();
            self.now = self.now + Duration::from_millis(50);
            self.look();
            if self.doing == Doing::Beginning && self.machine.begin(TransactionVersion::V1).is_some() {
                return;
            }
        }
        panic!("it never ends: {:?}", self.machine);
    }

    /// The application's next step.
    fn work(&mut self) {
        match self.doing {
            Doing::Beginning => self.begin(),
            Doing::Writing => match self.entropy.below(12) {
                0..6 => self.write(),
                6..8 => {
                    let number = self.machine.push_offsets(offsets(), group(), self.now);
                    self.pushed = Some(number);
                }
                8..11 => self.commit(),
                _ => {
                    self.machine.abort();
                    self.doing = Doing::Aborting;
                }
            },
            // The caller stops waiting now and then.
            Doing::Committing if self.entropy.chance(1, 40) => {
                self.tally.cancelled += 1;
                self.machine.abort();
                self.start_anew_if_over();
                self.doing = Doing::Beginning;
            }
            Doing::Committing | Doing::Aborting => self.look(),
        }
    }

    fn begin(&mut self) {
        let version = if self.entropy.chance(1, 2) { TransactionVersion::V1 } else { TransactionVersion::V2 };
        match self.machine.begin(version) {
            None => {}
            Some(Err(_)) => self.start_anew_if_over(),
            Some(Ok(())) => {
                assert!(self.batches.is_empty(), "no batch outlives its transaction");
                self.number += 1;
                self.version = version;
                self.admitted.clear();
                (self.written, self.accepted_offsets, self.pushed) = (0, false, None);
                self.doing = Doing::Writing;
            }
        }
    }

    fn write(&mut self) {
        if self.machine.refusal().is_none() {
            let at = at(self.entropy.below(3) as i32);
            self.batches.push(Batch { at, in_flight: false, given_up: false });
        }
    }

    fn commit(&mut self) {
        self.machine.commit();
        self.doing = Doing::Committing;
        self.ends = 0;
    }

    /// Whether there is an outcome, and whether it is true.
    fn look(&mut self) {
        let outcome = match self.doing {
            Doing::Beginning | Doing::Writing => return,
            Doing::Committing => self.machine.committed(),
            Doing::Aborting => self.machine.aborted(),
        };
        let Some(outcome) = outcome else { return };
        let decided = self.coordinator.decided.get(&self.number).copied();
        match &outcome {
            Ok(()) if self.doing == Doing::Aborting => {
                assert_ne!(decided, Some(true));
                self.tally.aborted += 1;
            }
            Ok(()) if decided.is_none() => {
                assert!(self.written == 0 && !self.accepted_offsets, "nobody was asked to commit this");
                self.tally.empty += 1;
            }
            Ok(()) => {
                assert_eq!(decided, Some(true));
                assert!(self.batches.is_empty(), "committed with batches unresolved");
                let pushed = self.pushed.is_none_or(|number| self.machine.offsets_done >= number);
                assert!(pushed, "committed without its offsets");
                self.tally.committed += 1;
                self.tally.repeated_ends += u64::from(self.ends > 1);
            }
            Err(TransactionError::OutcomeUnknown { .. }) => self.tally.unknown += 1,
            Err(error) => {
                assert_ne!(decided, Some(true), "{error}");
                let counter = match error {
                    TransactionError::Fenced { .. } => &mut self.tally.fenced,
                    TransactionError::Abortable { .. } => &mut self.tally.abortable,
                    error => panic!("{error}"),
                };
                *counter += 1;
            }
        }
        // What a handle does when it is dropped.
        self.machine.abort();
        self.start_anew_if_over();
        self.doing = Doing::Beginning;
    }

    /// A producer that can have no more transactions is replaced.
    fn start_anew_if_over(&mut self) {
        if matches!(self.machine.is_identified(), Some(Err(_))) {
            self.machine = TransactionMachine::new(rules(), self.entropy.fork());
            self.batches.clear();
            self.request = None;
        }
    }

    fn poll(&mut self) {
        self.send_batches();
        let unresolved = self.batches.iter().any(|batch| !batch.given_up);
        let in_flight = self.batches.iter().any(|batch| batch.in_flight);
        if let Some(call) = self.machine.poll(self.now, Batches { unresolved, in_flight }) {
            assert!(self.request.is_none(), "one request at a time");
            if let TransactionRequest::End(request, version) = &call.request {
                assert!(self.batches.is_empty(), "ended with batches under way");
                assert_eq!(*version, self.version, "the version changed within a transaction");
                self.ends += u64::from(request.committed);
            }
            self.request = Some(call.request);
        }
    }

    /// What the machine of batches does.
    fn send_batches(&mut self) {
        if self.machine.gives_up_batches() {
            self.batches.iter_mut().for_each(|batch| batch.given_up = true);
            self.batches.retain(|batch| batch.in_flight);
        }
        for batch in self.batches.iter_mut().filter(|batch| !batch.in_flight) {
            if self.version == TransactionVersion::V1 && !self.admitted.contains(&batch.at) {
                self.machine.wants(batch.at.clone());
            } else {
                batch.in_flight = true;
                self.machine.batch_sent();
            }
        }
    }

    fn settle_a_batch(&mut self) {
        let Some(index) = self.batches.iter().position(|batch| batch.in_flight) else { return };
        let fault = if self.rough { self.entropy.below(40) } else { 40 };
        let epoch = self.machine.identity().unwrap().1.0;
        let batch = &mut self.batches[index];
        let answer = self.coordinator.write(epoch, self.number, &batch.at, self.version);
        match answer {
            // Sent again, unless nobody waits for it.
            Err(ErrorCode::ConcurrentTransactions) if !batch.given_up => return,
            Err(error) if !batch.given_up => self.machine.batch_failed(&refused(error)),
            Ok(()) if fault == 0 && !batch.given_up => {
                self.machine.batch_failed(&refused(ErrorCode::TransactionAbortable));
            }
            Ok(()) => self.written += 1,
            Err(_) => {}
        }
        self.batches.remove(index);
    }

    /// The coordinator takes the request that is under way, or not; an answer comes, or not.
    fn answer(&mut self) {
        let Some(request) = self.request.take() else { return };
        let fault = if self.rough { self.entropy.below(30) } else { 30 };
        let answer = match fault {
            0 => failed(&request, ErrorCode::CoordinatorLoadInProgress),
            1 => failed(&request, ErrorCode::NotCoordinator),
            2 if !matches!(request, TransactionRequest::InitProducerId(_)) => {
                failed(&request, ErrorCode::TransactionAbortable)
            }
            3 => lost(&request),
            4..7 => {
                self.process(&request);
                lost(&request)
            }
            7 => {
                self.process(&request);
                failed(&request, ErrorCode::CoordinatorNotAvailable)
            }
            _ => self.process(&request),
        };
        let admitted = self.machine.answered(answer, self.now);
        self.admitted.extend(admitted);
    }

    fn process(&mut self, request: &TransactionRequest) -> TransactionAnswer {
        let number = self.number;
        let Self { coordinator, .. } = self;
        let error = |result: Result<(), ErrorCode>| result.err().unwrap_or(ErrorCode::None);
        match request {
            TransactionRequest::InitProducerId(request_body) => match coordinator.init(request_body) {
                Ok((id, epoch)) => {
                    self.tally.raised_by_hand += u64::from(request_body.producer_id >= 0);
                    identified(id, epoch)
                }
                Err(error) => failed(request, error),
            },
            TransactionRequest::AddPartitions(body) => {
                let epoch = body.v3_and_below_producer_epoch;
                let partitions = body.v3_and_below_topics.iter().flat_map(|topic| &topic.partitions);
                added(error(coordinator.add(epoch, number, partitions.map(|index| at(*index)))))
            }
            TransactionRequest::AddOffsets(body) => {
                failed(request, error(coordinator.add_group(body.producer_epoch, number)))
            }
            TransactionRequest::CommitOffsets(body, version) => {
                let accepted = coordinator.commit_offsets(body.producer_epoch, number, *version);
                self.accepted_offsets |= accepted.is_ok();
                offset_answer(error(accepted))
            }
            TransactionRequest::End(body, version) => match coordinator.end(body, *version) {
                Ok(identity) => ended(ErrorCode::None, identity),
                Err(error) => ended(error, None),
            },
        }
    }
}

fn failed(request: &TransactionRequest, error: ErrorCode) -> TransactionAnswer {
    match request {
        TransactionRequest::InitProducerId(_) => {
            let response = InitProducerIdResponse { error_code: error.code(), ..Default::default() };
            TransactionAnswer::InitProducerId(Ok(response))
        }
        TransactionRequest::AddPartitions(_) => added(error),
        TransactionRequest::AddOffsets(_) => {
            let response = AddOffsetsToTxnResponse { error_code: error.code(), throttle_time_ms: 0 };
            TransactionAnswer::AddOffsets(Ok(response))
        }
        TransactionRequest::CommitOffsets(..) => offset_answer(error),
        TransactionRequest::End(..) => ended(error, None),
    }
}

fn lost(request: &TransactionRequest) -> TransactionAnswer {
    let error = no_answer();
    match request {
        TransactionRequest::InitProducerId(_) => TransactionAnswer::InitProducerId(Err(error)),
        TransactionRequest::AddPartitions(_) => TransactionAnswer::AddPartitions(Err(error)),
        TransactionRequest::AddOffsets(_) => TransactionAnswer::AddOffsets(Err(error)),
        TransactionRequest::CommitOffsets(..) => TransactionAnswer::CommitOffsets(Err(error)),
        TransactionRequest::End(..) => TransactionAnswer::End(Err(error)),
    }
}
