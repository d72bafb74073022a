//! The machine against a naive coordinator that loses answers, moves, refuses and fences; and tables of what follows
//! from each error.

mod model;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, Offset, PartitionId, TopicName, TopicPartition};
use headwater_wire::ApiKey;
use headwater_wire::messages::add_offsets_to_txn::AddOffsetsToTxnResponse;
use headwater_wire::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResponse, AddPartitionsToTxnTopicResult,
};
use headwater_wire::messages::end_txn::EndTxnResponse;
use headwater_wire::messages::init_producer_id::InitProducerIdResponse;
use headwater_wire::messages::txn_offset_commit::{
    TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use proptest::prelude::*;

use super::answer::Class;
use super::{
    Batches, TransactionAnswer, TransactionMachine, TransactionRequest, TransactionRules, TransactionVersion,
};
use crate::connection::Disconnect;
use crate::consumer::{CommittedOffset, ConsumerGroupMetadata};
use crate::error::CallError;
use crate::producer::transaction::error::{TransactionError, TransactionFailure};
use crate::producer::{SendError, SendFailure};
use crate::retry::Backoff;
use world::{Tally, World};

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_of_a_transaction_is_what_the_coordinator_did(seed: u64, steps in 1..800_usize) {
        let mut world = World::new(seed, true);
        world.run(steps);
        world.finish();
    }

    #[test]
    fn on_a_sound_cluster_every_commit_succeeds(seed: u64, steps in 1..400_usize) {
        let mut world = World::new(seed, false);
        world.run(steps);
        world.finish();
        prop_assert_eq!(world.tally.failed(), 0);
    }
}

#[test]
fn the_rough_coordinator_really_exercises_what_it_claims_to() {
    let mut totals = Tally::default();
    for seed in 0..300 {
        let mut world = World::new(seed, true);
        world.run(600);
        world.finish();
        totals.add(&world.tally);
    }
    // Each of these has to happen, or the properties above prove little.
    assert!(totals.committed > 1000 && totals.aborted > 1000 && totals.empty > 100, "{totals:?}");
    assert!(totals.abortable > 300 && totals.fenced > 100 && totals.unknown > 20, "{totals:?}");
    assert!(
        totals.repeated_ends > 100 && totals.raised_by_hand > 100 && totals.cancelled > 100,
        "{totals:?}"
    );
}

const NOW: Monotonic = Monotonic::ORIGIN;
const PATIENCE: Duration = Duration::from_secs(10);
const NONE: Batches = Batches { unresolved: false, in_flight: false };

pub(in crate::producer) fn rules() -> TransactionRules {
    TransactionRules {
        transactional_id: "t".into(),
        timeout: Duration::from_mins(1),
        patience: PATIENCE,
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
    }
}

pub(super) fn at(partition: i32) -> TopicPartition {
    TopicPartition::new(TopicName::new("out").unwrap(), PartitionId(partition))
}

pub(super) fn group() -> ConsumerGroupMetadata {
    ConsumerGroupMetadata::without_member("g")
}

pub(super) fn offsets() -> BTreeMap<TopicPartition, CommittedOffset> {
    BTreeMap::from([(at(0), CommittedOffset::from(Offset(1)))])
}

pub(in crate::producer) fn identified(id: i64, epoch: i16) -> TransactionAnswer {
    let response = InitProducerIdResponse {
        producer_id: id,
        producer_epoch: epoch,
        ..InitProducerIdResponse::default()
    };
    TransactionAnswer::InitProducerId(Ok(response))
}

pub(super) fn added(error: ErrorCode) -> TransactionAnswer {
    let partition =
        AddPartitionsToTxnPartitionResult { partition_index: 0, partition_error_code: error.code() };
    let topic =
        AddPartitionsToTxnTopicResult { name: "out".to_owned(), results_by_partition: vec![partition] };
    let results_by_topic_v3_and_below = vec![topic];
    TransactionAnswer::AddPartitions(Ok(AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below,
        ..Default::default()
    }))
}

pub(super) fn offset_answer(error: ErrorCode) -> TransactionAnswer {
    let partition = TxnOffsetCommitResponsePartition { partition_index: 0, error_code: error.code() };
    let topic = TxnOffsetCommitResponseTopic {
        name: "out".to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    TransactionAnswer::CommitOffsets(Ok(TxnOffsetCommitResponse { topics: vec![topic], throttle_time_ms: 0 }))
}

pub(in crate::producer) fn ended(error: ErrorCode, identity: Option<(i64, i16)>) -> TransactionAnswer {
    let (producer_id, producer_epoch) = identity.unwrap_or((-1, -1));
    let error_code = error.code();
    TransactionAnswer::End(Ok(EndTxnResponse {
        error_code,
        producer_id,
        producer_epoch,
        ..Default::default()
    }))
}

pub(super) fn no_answer() -> CallError {
    let (broker, cause) = (Arc::from("broker"), Arc::new(Disconnect::Closed));
    CallError::NoAnswer { broker, api: ApiKey::EndTxn, cause }
}

/// A machine with an open transaction under producer id 7, epoch 0.
fn open(version: TransactionVersion) -> TransactionMachine {
    let mut machine = TransactionMachine::new(rules(), Entropy::from_seed(1));
    let call = machine.poll(NOW, NONE).unwrap();
    assert!(matches!(call.request, TransactionRequest::InitProducerId(request) if request.producer_id == -1));
    assert!(machine.begin(version).is_none(), "not before there is a producer id");
    machine.answered(identified(7, 0), NOW);
    machine.begin(version).unwrap().unwrap();
    machine
}

/// The name of the request that is due.
fn due(machine: &mut TransactionMachine, now: Monotonic, batches: Batches) -> String {
    let call = machine.poll(now, batches);
    let name = match call.as_ref().map(|call| &call.request) {
        None => "nothing".to_owned(),
        Some(TransactionRequest::InitProducerId(request)) => {
            format!("InitProducerId {} {}", request.producer_id, request.producer_epoch)
        }
        Some(TransactionRequest::AddPartitions(request)) => {
            let partitions = request.v3_and_below_topics.iter().flat_map(|topic| &topic.partitions);
            format!("AddPartitions {:?}", partitions.collect::<Vec<_>>())
        }
        Some(TransactionRequest::AddOffsets(request)) => format!("AddOffsets {}", request.group_id),
        Some(TransactionRequest::CommitOffsets(request, _)) => format!("CommitOffsets {}", request.group_id),
        Some(TransactionRequest::End(request, version)) => {
            format!("End {} {} {version:?}", request.committed, request.producer_epoch)
        }
    };
    if call.is_some_and(|call| call.lookup) { format!("elsewhere: {name}") } else { name }
}

#[test]
fn version_1_tells_the_coordinator_of_everything_before_it_is_written() {
    let mut machine = open(TransactionVersion::V1);
    machine.wants(at(0));
    machine.push_offsets(offsets(), group(), NOW);
    let in_flight = Batches { unresolved: true, in_flight: true };
    assert_eq!(due(&mut machine, NOW, in_flight), "AddPartitions [0]");
    assert_eq!(machine.answered(added(ErrorCode::None), NOW), BTreeSet::from([at(0)]));
    machine.commit();
    assert_eq!(due(&mut machine, NOW, in_flight), "AddOffsets g");
    machine.answered(TransactionAnswer::AddOffsets(Ok(AddOffsetsToTxnResponse::default())), NOW);
    assert_eq!(due(&mut machine, NOW, in_flight), "CommitOffsets g");
    assert!(machine.offsets_sent(1).is_none());
    machine.answered(offset_answer(ErrorCode::None), NOW);
    assert!(matches!(machine.offsets_sent(1), Some(Ok(()))));
    assert_eq!(due(&mut machine, NOW, in_flight), "nothing", "not before the batches are there");
    assert_eq!(due(&mut machine, NOW, NONE), "End true 0 V1");
    assert!(machine.committed().is_none());
    machine.answered(ended(ErrorCode::None, None), NOW);
    assert!(matches!(machine.committed(), Some(Ok(()))));
    assert!(matches!(machine.begin(TransactionVersion::V1), Some(Ok(()))), "under the same epoch");
}

#[test]
fn version_2_leaves_that_to_the_brokers_and_goes_on_under_the_epoch_that_each_end_gives() {
    for commit in [true, false] {
        let mut machine = open(TransactionVersion::V2);
        machine.push_offsets(offsets(), group(), NOW);
        assert_eq!(due(&mut machine, NOW, NONE), "CommitOffsets g");
        machine.answered(offset_answer(ErrorCode::None), NOW);
        if commit {
            machine.commit();
        } else {
            machine.abort();
        }
        assert_eq!(due(&mut machine, NOW, NONE), format!("End {commit} 0 V2"));
        machine.answered(ended(ErrorCode::None, Some((8, 3))), NOW);
        let (id, epoch) = machine.identity().unwrap();
        assert_eq!((id.0, epoch.0), (8, 3));
        assert!(matches!(machine.begin(TransactionVersion::V1), Some(Ok(()))));
    }
}

#[test]
fn an_abort_with_version_1_is_followed_by_a_higher_epoch() {
    for error in [ErrorCode::None, ErrorCode::InvalidTxnState, ErrorCode::UnknownProducerId] {
        let mut machine = open(TransactionVersion::V1);
        machine.wants(at(0));
        assert_eq!(due(&mut machine, NOW, NONE), "AddPartitions [0]");
        machine.abort();
        assert_eq!(due(&mut machine, NOW, NONE), "nothing", "one request at a time");
        machine.answered(added(ErrorCode::None), NOW);
        assert_eq!(due(&mut machine, NOW, NONE), "End false 0 V1");
        machine.answered(ended(error, None), NOW);
        assert!(matches!(machine.aborted(), Some(Ok(()))), "{error}");
        assert!(machine.begin(TransactionVersion::V1).is_none());
        assert_eq!(due(&mut machine, NOW, NONE), "InitProducerId 7 0");
        machine.answered(identified(7, 1), NOW);
        assert!(matches!(machine.begin(TransactionVersion::V1), Some(Ok(()))));
    }
}

#[test]
fn a_transaction_of_nothing_asks_nobody() {
    for end in [TransactionMachine::commit, TransactionMachine::abort] {
        let mut machine = open(TransactionVersion::V2);
        end(&mut machine);
        assert_eq!(due(&mut machine, NOW, NONE), "nothing");
        assert!(matches!(machine.committed(), Some(Ok(()))));
        assert!(matches!(machine.begin(TransactionVersion::V2), Some(Ok(()))));
    }
}

/// What the error of one kind of request leads to.
fn kind(outcome: Option<Result<(), TransactionError>>) -> &'static str {
    match outcome {
        None => "tried again",
        Some(Ok(())) => "success",
        Some(Err(TransactionError::Abortable { cause })) => match &*cause {
            TransactionFailure::Membership { .. } => "rejoin",
            _ => "abort",
        },
        Some(Err(TransactionError::Fenced { .. })) => "fenced",
        Some(Err(TransactionError::OutcomeUnknown { .. })) => "unknown",
        Some(Err(TransactionError::Fatal { .. })) => "fatal",
        Some(Err(_)) => "another",
    }
}

#[test]
fn each_error_leads_to_what_can_be_done_about_it() {
    let in_init = |error: ErrorCode| {
        let mut machine = TransactionMachine::new(rules(), Entropy::from_seed(1));
        due(&mut machine, NOW, NONE);
        let response = InitProducerIdResponse { error_code: error.code(), ..Default::default() };
        machine.answered(TransactionAnswer::InitProducerId(Ok(response)), NOW);
        kind(machine.is_identified())
    };
    let in_add = |error: ErrorCode| {
        let mut machine = open(TransactionVersion::V1);
        machine.wants(at(0));
        due(&mut machine, NOW, NONE);
        machine.answered(added(error), NOW);
        kind(machine.refusal().cloned().map(Err))
    };
    let in_offsets = |error: ErrorCode| {
        let mut machine = open(TransactionVersion::V2);
        machine.push_offsets(offsets(), group(), NOW);
        due(&mut machine, NOW, NONE);
        machine.answered(offset_answer(error), NOW);
        kind(machine.offsets_sent(1))
    };
    let in_commit = |error: ErrorCode| {
        let mut machine = open(TransactionVersion::V2);
        machine.batch_sent();
        machine.commit();
        due(&mut machine, NOW, NONE);
        machine.answered(ended(error, None), NOW);
        kind(machine.committed())
    };
    let in_batch = |error: ErrorCode| {
        let mut machine = open(TransactionVersion::V2);
        machine.batch_failed(&refused(error));
        kind(machine.refusal().cloned().map(Err))
    };
    let again = "tried again";
    for (error, expected) in [
        (ErrorCode::NotCoordinator, [again, again, again, again, "abort"]),
        (ErrorCode::CoordinatorLoadInProgress, [again, again, again, again, "abort"]),
        (ErrorCode::ConcurrentTransactions, [again, again, again, again, "abort"]),
        (ErrorCode::UnknownTopicOrPartition, [again, again, again, again, "abort"]),
        (ErrorCode::TransactionAbortable, ["fatal", "abort", "abort", "abort", "abort"]),
        (ErrorCode::InvalidTxnState, ["fatal", "abort", "abort", "abort", "abort"]),
        (ErrorCode::UnknownProducerId, ["fatal", "abort", "abort", "abort", "abort"]),
        (ErrorCode::TopicAuthorizationFailed, ["fatal", "abort", "abort", "abort", "abort"]),
        (ErrorCode::IllegalGeneration, ["fatal", "abort", "rejoin", "abort", "abort"]),
        (ErrorCode::UnknownMemberId, ["fatal", "abort", "rejoin", "abort", "abort"]),
        (ErrorCode::FencedInstanceId, ["fatal", "abort", "rejoin", "abort", "abort"]),
        (ErrorCode::StaleMemberEpoch, ["fatal", "abort", "rejoin", "abort", "abort"]),
        (ErrorCode::ProducerFenced, ["fenced"; 5]),
        (ErrorCode::InvalidProducerEpoch, ["fenced"; 5]),
        (ErrorCode::InvalidProducerIdMapping, ["fenced"; 5]),
        (ErrorCode::TransactionalIdAuthorizationFailed, ["fatal"; 5]),
        (ErrorCode::UnsupportedVersion, ["fatal"; 5]),
        // The coordinator may have taken the commit before it met this.
        (ErrorCode::UnknownServerError, ["fatal", "abort", "abort", "unknown", "abort"]),
    ] {
        let found = [in_init(error), in_add(error), in_offsets(error), in_commit(error), in_batch(error)];
        assert_eq!(found, expected, "{error:?}");
    }
}

fn refused(error: ErrorCode) -> SendError {
    SendError::not_written(SendFailure::Refused { at: at(0), error, message: None })
}

#[test]
fn a_commit_whose_answer_is_lost_is_asked_for_until_its_time_is_up_and_then_unknown() {
    let mut machine = open(TransactionVersion::V2);
    machine.batch_sent();
    machine.commit();
    assert_eq!(due(&mut machine, NOW, NONE), "End true 0 V2");
    machine.answered(TransactionAnswer::End(Err(no_answer())), NOW);
    assert!(machine.committed().is_none());
    // Whoever waited is gone: it is not turned into an abort.
    machine.abort();
    assert_eq!(due(&mut machine, NOW, NONE), "nothing", "not before the backoff");
    let later = NOW + Duration::from_millis(200);
    assert_eq!(due(&mut machine, later, NONE), "elsewhere: End true 0 V2");
    machine.answered(ended(ErrorCode::CoordinatorLoadInProgress, None), NOW + PATIENCE);
    assert_eq!(kind(machine.committed()), "unknown");
    assert_eq!(kind(machine.begin(TransactionVersion::V2)), "unknown");
}

#[test]
fn once_a_commit_may_have_been_taken_no_refusal_says_that_it_was_not() {
    for error in [ErrorCode::ProducerFenced, ErrorCode::InvalidTxnState, ErrorCode::TransactionAbortable] {
        let mut machine = open(TransactionVersion::V1);
        machine.batch_sent();
        machine.commit();
        due(&mut machine, NOW, NONE);
        machine.answered(ended(ErrorCode::CoordinatorNotAvailable, None), NOW);
        due(&mut machine, NOW + Duration::from_secs(1), NONE);
        machine.answered(ended(error, None), NOW + Duration::from_secs(1));
        assert_eq!(kind(machine.committed()), "unknown", "{error}");
    }
}

#[test]
fn a_commit_that_was_certainly_not_taken_in_time_is_aborted() {
    let mut machine = open(TransactionVersion::V2);
    machine.batch_sent();
    machine.commit();
    due(&mut machine, NOW, NONE);
    machine.answered(ended(ErrorCode::CoordinatorLoadInProgress, None), NOW + PATIENCE);
    assert_eq!(kind(machine.committed()), "abort");
    machine.abort();
    assert_eq!(due(&mut machine, NOW + PATIENCE * 2, NONE), "End false 0 V2");
}

#[test]
fn after_a_failure_there_is_nothing_but_the_abort_once_nothing_is_in_flight() {
    let mut machine = open(TransactionVersion::V2);
    machine.batch_sent();
    machine.push_offsets(offsets(), group(), NOW);
    machine.batch_failed(&refused(ErrorCode::MessageTooLarge));
    machine.batch_failed(&refused(ErrorCode::ProducerFenced));
    assert!(machine.gives_up_batches());
    assert_eq!(kind(machine.offsets_sent(1)), "abort", "the first failure counts");
    let in_flight = Batches { unresolved: false, in_flight: true };
    assert_eq!(due(&mut machine, NOW, in_flight), "nothing");
    machine.commit();
    assert_eq!(due(&mut machine, NOW, in_flight), "nothing");
    machine.abort();
    assert_eq!(due(&mut machine, NOW, in_flight), "nothing");
    assert_eq!(due(&mut machine, NOW, NONE), "End false 0 V2");
}

#[test]
fn the_markers_of_the_transaction_before_are_waited_for_briefly() {
    let mut machine = open(TransactionVersion::V1);
    machine.wants(at(0));
    due(&mut machine, NOW, NONE);
    machine.answered(added(ErrorCode::ConcurrentTransactions), NOW);
    assert!(machine.deadline().unwrap() <= NOW + Duration::from_millis(6));
    assert_eq!(Class::of(ErrorCode::ConcurrentTransactions), Class::Soon);
}
