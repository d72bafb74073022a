//! Batches of transactions: when they may go out, how they are numbered, what becomes of the others when one fails.

use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, TopicPartition};
use headwater_wire::ApiKey;
use headwater_wire::messages::add_partitions_to_txn::AddPartitionsToTxnResponse;

use super::{at_ms, verdict, world};
use crate::producer::machine::{Action, Blocked, Dispatch, Machine};
use crate::producer::transaction::error::TransactionError;
use crate::producer::transaction::machine::tests::{ended, identified, rules};
use crate::producer::transaction::machine::{
    Call, TransactionAnswer, TransactionMachine, TransactionRequest, TransactionVersion,
};
use crate::producer::{ProducerConfig, ProducerRecord, SendFailure};
use crate::retry::Backoff;

/// A machine under producer id 7, and what it asked for.
struct Producing {
    machine: Machine<TopicPartition>,
    now: Monotonic,
    epoch: i16,
    requests: Vec<ApiKey>,
    sent: Vec<Dispatch>,
    /// The partitions of batches that failed, and whether each may be written.
    failed: Vec<(i32, bool)>,
}

impl Producing {
    fn new() -> Self {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let config = ProducerConfig { linger: Duration::from_mins(1), ..ProducerConfig::default() };
        let machine = Machine::new(&config, backoff, Duration::from_mins(5), Entropy::from_seed(1));
        let transactions = TransactionMachine::new(rules(), Entropy::from_seed(1));
        let mut producing = Self {
            machine: machine.with_transactions(transactions),
            now: at_ms(0),
            epoch: 0,
            requests: Vec::new(),
            sent: Vec::new(),
            failed: Vec::new(),
        };
        producing.poll();
        assert!(matches!(producing.append(0), Err(Blocked::NeedsMetadata)));
        let view = world::view(&[1, 2, 3], producing.now);
        producing.machine.metadata_answered(producing.now, Some(&view));
        producing
    }

    fn begin(&mut self, version: TransactionVersion) {
        self.machine.begin(version).unwrap().unwrap();
    }

    fn append(&mut self, partition: i32) -> Result<TopicPartition, Blocked> {
        let topic = world::topic();
        let record = ProducerRecord::new(&topic, b"x").partition(PartitionId(partition));
        let now = self.now;
        let appended = self.machine.append(&record, || headwater_model::Timestamp(1), || now, |at| at);
        appended.map(|appended| appended.token)
    }

    /// Until there is nothing to do. Coordinators answer at once.
    fn poll(&mut self) {
        for _ in 0..20 {
            self.now = self.now + Duration::from_millis(1);
            for action in self.machine.poll(self.now) {
                match action {
                    Action::Send(dispatch) => self.sent.push(dispatch),
                    Action::Complete(at, outcome) => {
                        let failed = outcome.err().map(|error| (at.partition.0, error.may_be_written()));
                        self.failed.extend(failed);
                    }
                    Action::Coordinate(call) => self.coordinate(call),
                    Action::RefreshMetadata(_) => {
                        let view = world::view(&[1, 2, 3], self.now);
                        self.machine.metadata_answered(self.now, Some(&view));
                    }
                    Action::InitProducerId => panic!("the coordinator gives it"),
                }
            }
        }
    }

    fn coordinate(&mut self, Call { request, .. }: Call) {
        let (api, answer) = match request {
            TransactionRequest::InitProducerId(_) => {
                let answer = identified(7, self.epoch);
                self.epoch += 1;
                (ApiKey::InitProducerId, answer)
            }
            TransactionRequest::AddPartitions(_) => {
                let answer = TransactionAnswer::AddPartitions(Ok(AddPartitionsToTxnResponse::default()));
                (ApiKey::AddPartitionsToTxn, answer)
            }
            TransactionRequest::End(_, TransactionVersion::V1) => {
                (ApiKey::EndTxn, ended(ErrorCode::None, None))
            }
            TransactionRequest::End(_, TransactionVersion::V2) => {
                let answer = ended(ErrorCode::None, Some((7, self.epoch)));
                self.epoch += 1;
                (ApiKey::EndTxn, answer)
            }
            other => panic!("{other:?}"),
        };
        self.requests.push(api);
        self.machine.coordinated(self.now, answer);
    }

    /// The batches sent since this was last asked, and their answers: partition, epoch, sequence.
    fn answer(&mut self, error: ErrorCode) -> Vec<(i32, i16, i32)> {
        let mut seen = Vec::new();
        for dispatch in std::mem::take(&mut self.sent) {
            let mut outcomes = Vec::new();
            for batch in dispatch.batches {
                assert!(batch.meta.is_transactional && batch.meta.producer_id.0 == 7);
                seen.push((batch.partition.0, batch.meta.producer_epoch.0, batch.meta.base_sequence));
                outcomes.push((verdict(error), batch.payload));
            }
            self.machine.answered(self.now, dispatch.id, outcomes);
        }
        self.poll();
        seen
    }

    fn commit(&mut self) -> Vec<(i32, i16, i32)> {
        self.machine.commit();
        self.poll();
        self.answer(ErrorCode::None)
    }

    fn committed(&mut self) -> Option<Result<(), TransactionError>> {
        self.machine.transaction()?.committed()
    }
}

#[test]
fn with_version_1_partitions_are_added_first_and_numbers_go_on_from_one_transaction_to_the_next() {
    let mut producing = Producing::new();
    for sequence in [0, 2] {
        producing.begin(TransactionVersion::V1);
        producing.requests.clear();
        for _ in 0..2 {
            producing.append(0).unwrap();
        }
        producing.append(1).unwrap();
        producing.poll();
        assert_eq!(producing.requests, [ApiKey::AddPartitionsToTxn]);
        assert!(producing.sent.is_empty(), "it lingers");
        assert_eq!(producing.commit(), [(0, 0, sequence), (1, 0, sequence / 2)]);
        assert_eq!(producing.requests, [ApiKey::AddPartitionsToTxn, ApiKey::EndTxn]);
        assert!(matches!(producing.committed(), Some(Ok(()))));
    }
}

#[test]
fn with_version_2_nothing_is_added_and_each_transaction_has_an_epoch_of_its_own() {
    let mut producing = Producing::new();
    for epoch in 0..3 {
        producing.begin(TransactionVersion::V2);
        producing.requests.clear();
        producing.append(2).unwrap();
        assert_eq!(producing.commit(), [(2, epoch, 0)]);
        assert_eq!(producing.requests, [ApiKey::EndTxn]);
    }
}

#[test]
fn a_batch_that_failed_in_passing_is_sent_again_under_its_number_before_the_commit() {
    let mut producing = Producing::new();
    producing.begin(TransactionVersion::V2);
    producing.append(0).unwrap();
    producing.machine.commit();
    producing.poll();
    assert_eq!(producing.answer(ErrorCode::NotEnoughReplicasAfterAppend), [(0, 0, 0)]);
    producing.now = producing.now + Duration::from_secs(1);
    producing.poll();
    assert!(producing.committed().is_none() && !producing.requests.contains(&ApiKey::EndTxn));
    assert_eq!(producing.answer(ErrorCode::None), [(0, 0, 0)]);
    assert!(matches!(producing.committed(), Some(Ok(()))));
}

#[test]
fn a_batch_that_meets_the_markers_of_the_transaction_before_is_sent_again_soon() {
    let mut producing = Producing::new();
    producing.begin(TransactionVersion::V2);
    producing.append(0).unwrap();
    producing.machine.commit();
    producing.poll();
    assert_eq!(producing.answer(ErrorCode::ConcurrentTransactions), [(0, 0, 0)]);
    // No more than the milliseconds that the polls have taken.
    assert_eq!(producing.answer(ErrorCode::None), [(0, 0, 0)]);
    assert!(matches!(producing.committed(), Some(Ok(()))));
}

#[test]
fn the_first_batch_that_fails_takes_the_others_with_it_and_the_abort_waits_for_those_in_flight() {
    for version in [TransactionVersion::V1, TransactionVersion::V2] {
        let mut producing = Producing::new();
        producing.begin(version);
        producing.append(0).unwrap();
        producing.append(1).unwrap();
        producing.machine.flush();
        producing.poll();
        producing.append(2).unwrap();
        producing.poll();
        let in_flight = producing.sent.pop().unwrap();
        producing.answer(ErrorCode::OutOfOrderSequenceNumber);
        assert_eq!(producing.failed, [(0, false), (1, true), (2, false)]);
        let Err(Blocked::Failed(refused)) = producing.append(0) else { panic!("it failed") };
        assert!(matches!(refused.cause(), SendFailure::Transaction(TransactionError::Abortable { .. })));

        producing.machine.transaction().unwrap().abort();
        producing.poll();
        assert!(!producing.requests.contains(&ApiKey::EndTxn), "a batch is in flight");
        producing.sent.push(in_flight);
        producing.answer(ErrorCode::None);
        let ends = [ApiKey::EndTxn, ApiKey::InitProducerId];
        let expected = if version == TransactionVersion::V1 { &ends[..] } else { &ends[..1] };
        assert!(producing.requests.ends_with(expected), "{:?}", producing.requests);

        // The next one has a higher epoch, from whose beginning numbers begin again.
        producing.begin(version);
        producing.append(0).unwrap();
        assert_eq!(producing.commit(), [(0, 1, 0)]);
        assert!(matches!(producing.committed(), Some(Ok(()))));
    }
}

#[test]
fn a_fenced_batch_ends_the_producer() {
    let mut producing = Producing::new();
    producing.begin(TransactionVersion::V2);
    producing.append(0).unwrap();
    producing.machine.commit();
    producing.poll();
    producing.answer(ErrorCode::InvalidProducerEpoch);
    assert!(matches!(producing.committed(), Some(Err(TransactionError::Fenced { .. }))));
    assert!(matches!(producing.machine.begin(TransactionVersion::V2), Some(Err(_))));
}
