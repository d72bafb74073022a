//! The machine against a model of a cluster that refuses, loses answers, cuts connections and moves leaders.

mod transactions;
mod world;

use std::time::Duration;

use headwater_model::{
    Entropy, ErrorCode, Monotonic, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicPartition,
};
use proptest::prelude::*;

use super::{Action, Blocked, Machine, Verdict, Written};
use crate::producer::{ProducerConfig, ProducerRecord, SendError, SendFailure};
use crate::retry::Backoff;
use world::{Faults, World};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_lost_nothing_is_doubled_and_order_is_kept(seed: u64, steps in 1..600_usize) {
        let mut world = World::new(seed, true, Faults::Rough);
        world.run(steps);
        world.finish();
        world.check_results_against_the_log();
        world.check_each_record_at_most_once_and_in_order();
    }

    #[test]
    fn without_idempotence_results_are_still_true(seed: u64, steps in 1..400_usize) {
        let mut world = World::new(seed, false, Faults::Rough);
        world.run(steps);
        world.finish();
        world.check_results_against_the_log();
    }

    #[test]
    fn on_a_sound_cluster_everything_is_acknowledged(seed: u64, steps in 1..200_usize) {
        let mut world = World::new(seed, true, Faults::None);
        world.run(steps);
        world.finish();
        prop_assert_eq!(world.failures(), 0);
        world.check_results_against_the_log();
        world.check_each_record_at_most_once_and_in_order();
    }
}

#[test]
fn the_rough_cluster_really_exercises_what_it_claims_to() {
    let mut totals = world::Tally::default();
    for seed in 0..200 {
        let mut world = World::new(seed, true, Faults::Rough);
        world.run(400);
        world.finish();
        totals.add(&world.tally);
    }
    // Each of these has to happen, or the properties above prove little.
    assert!(totals.acknowledged > 1000, "{totals:?}");
    assert!(totals.not_written > 100 && totals.possibly_written > 100, "{totals:?}");
    assert!(totals.duplicates > 100 && totals.out_of_order > 100, "{totals:?}");
    assert!(totals.new_epochs > 100 && totals.pipelined > 100, "{totals:?}");
}

fn machine(config: &ProducerConfig) -> Machine<TopicPartition> {
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    Machine::new(config, backoff, Duration::from_mins(5), Entropy::from_seed(1))
}

fn at_ms(ms: u64) -> Monotonic {
    Monotonic::from_origin(Duration::from_millis(ms))
}

fn append(
    machine: &mut Machine<TopicPartition>,
    value: &[u8],
    now: Monotonic,
) -> Result<TopicPartition, Blocked> {
    let topic = world::topic();
    let record = ProducerRecord::new(&topic, value);
    machine.append(&record, || Timestamp(1), || now, |at| at).map(|appended| appended.token)
}

#[test]
fn a_missing_topic_fails_once_the_cluster_has_said_so_for_a_while() {
    let mut machine = machine(&ProducerConfig::default());
    assert!(matches!(append(&mut machine, b"x", at_ms(0)), Err(Blocked::NeedsMetadata)));
    let asked = machine.poll(at_ms(0));
    assert!(matches!(&asked[..], [Action::RefreshMetadata(topics)] if topics == &[world::topic()]));
    machine.metadata_answered(at_ms(10), Some(&world::missing_topic(at_ms(10))));
    assert!(matches!(append(&mut machine, b"x", at_ms(20)), Err(Blocked::NeedsMetadata)));
    let Err(Blocked::Failed(error)) = append(&mut machine, b"x", at_ms(5_000)) else {
        panic!("a missing topic must fail");
    };
    assert!(matches!(error.cause(), SendFailure::NoSuchTopic(_)) && !error.may_be_written());
    assert!(machine.poll(at_ms(5_000)).iter().any(|action| matches!(action, Action::RefreshMetadata(_))));
    machine.metadata_answered(at_ms(5_010), Some(&world::view(&[1], at_ms(5_010))));
    append(&mut machine, b"x", at_ms(5_020)).expect("a topic that appears can be used");
}

#[test]
fn records_without_a_key_fill_one_batch_and_then_another_partitions() {
    let config = ProducerConfig { batch_size: 400, ..ProducerConfig::default() };
    let mut machine = machine(&config);
    assert!(append(&mut machine, b"", at_ms(0)).is_err());
    machine.metadata_answered(at_ms(0), Some(&world::view(&[1, 1, 1], at_ms(0))));
    let partitions: Vec<i32> =
        (0..60).map(|_| append(&mut machine, &[7; 40], at_ms(0)).unwrap().partition.0).collect();
    let changes = partitions.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((5..=20).contains(&changes), "{partitions:?}");
    let keyed: Vec<i32> = (0..5)
        .map(|_| {
            let topic = world::topic();
            let record = ProducerRecord::new(&topic, b"v").key(b"foobar");
            let appended = machine.append(&record, || Timestamp(1), || at_ms(0), |at| at);
            appended.unwrap().token.partition.0
        })
        .collect();
    let expected = crate::partition_for_key(b"foobar", 3).0;
    assert!(keyed.iter().all(|partition| *partition == expected));
}

#[test]
fn a_full_buffer_takes_no_more_and_nothing_lingers_then() {
    let config = ProducerConfig {
        buffer_memory: 1000,
        linger: Duration::from_mins(1),
        idempotent: false,
        ..ProducerConfig::default()
    };
    let mut machine = machine(&config);
    assert!(append(&mut machine, b"", at_ms(0)).is_err());
    machine.metadata_answered(at_ms(0), Some(&world::view(&[1], at_ms(0))));
    assert!(matches!(
        append(&mut machine, &[0; 1000], at_ms(0)),
        Err(Blocked::Failed(error)) if matches!(error.cause(), SendFailure::RecordTooLarge { .. })
    ));
    while append(&mut machine, &[0; 100], at_ms(0)).is_ok() {}
    assert!(matches!(append(&mut machine, &[0; 100], at_ms(0)), Err(Blocked::NoRoom)));
    assert!(machine.poll(at_ms(1)).iter().any(|action| matches!(action, Action::Send(_))));
    machine.abort(SendFailure::Closed);
    let aborted = machine.poll(at_ms(2));
    assert!(matches!(&aborted[..], [Action::Complete(_, Err(error))] if error.may_be_written()));
    assert!(matches!(append(&mut machine, b"x", at_ms(3)), Err(Blocked::Failed(_))));
}

/// Producer id, epoch and sequence.
type Identity = (i64, i16, i32);

/// One partition, one batch sent under the first id; `answer` gives each attempt's verdict. The ids, epochs and
/// sequences of the attempts, and what became of the batch.
fn attempts(first: (i64, i16), answer: &[Verdict]) -> (Vec<Identity>, Option<Result<Written, SendError>>) {
    let config = ProducerConfig { linger: Duration::ZERO, ..ProducerConfig::default() };
    let mut machine = machine(&config);
    assert!(append(&mut machine, b"", at_ms(0)).is_err());
    machine.metadata_answered(at_ms(0), Some(&world::view(&[1], at_ms(0))));
    append(&mut machine, b"x", at_ms(0)).unwrap();
    let (mut seen, mut outcome, mut answers) = (Vec::new(), None, answer.iter());
    let mut ids = [first, (99, 0)].into_iter();
    for step in 0..100 {
        let now = at_ms(step * 50);
        for action in machine.poll(now) {
            match action {
                Action::InitProducerId => {
                    let (id, epoch) = ids.next().unwrap();
                    machine.producer_id_answered(now, Ok((ProducerId(id), ProducerEpoch(epoch))));
                }
                Action::Send(mut dispatch) => {
                    let batch = dispatch.batches.pop().unwrap();
                    let meta = batch.meta;
                    seen.push((meta.producer_id.0, meta.producer_epoch.0, meta.base_sequence));
                    let verdict = answers.next().unwrap().clone();
                    machine.answered(now, dispatch.id, vec![(verdict, batch.payload)]);
                }
                Action::RefreshMetadata(_) => {
                    machine.metadata_answered(now, Some(&world::view(&[1], now)));
                }
                Action::Complete(_, result) => outcome = Some(result),
                Action::Coordinate(_) => panic!("there are no transactions"),
            }
        }
    }
    (seen, outcome)
}

fn verdict(error: ErrorCode) -> Verdict {
    let at = TopicPartition::new(world::topic(), PartitionId(0));
    Verdict::of_code(&at, error, None, Written { base_offset: None, log_append_time: None })
}

#[test]
fn a_forgotten_producer_goes_on_under_a_new_epoch_and_a_fenced_one_under_a_new_id() {
    let ok = verdict(ErrorCode::None);
    for (error, first, second) in [
        (ErrorCode::UnknownProducerId, (7, 0), (7, 1, 0)),
        (ErrorCode::OutOfOrderSequenceNumber, (7, 3), (7, 4, 0)),
        (ErrorCode::InvalidProducerEpoch, (7, 0), (99, 0, 0)),
        // No epoch is left.
        (ErrorCode::UnknownProducerId, (7, i16::MAX - 1), (99, 0, 0)),
    ] {
        let (seen, outcome) = attempts(first, &[verdict(error), ok.clone()]);
        assert_eq!(seen, [(first.0, first.1, 0), second], "{error}");
        assert!(matches!(outcome, Some(Ok(_))), "{error}");
    }
}

#[test]
fn what_may_be_written_is_never_sent_under_another_number() {
    for error in [ErrorCode::UnknownProducerId, ErrorCode::InvalidProducerEpoch] {
        let (seen, outcome) = attempts((7, 0), &[verdict(ErrorCode::RequestTimedOut), verdict(error)]);
        assert_eq!(seen, [(7, 0, 0), (7, 0, 0)], "{error}");
        assert!(matches!(outcome, Some(Err(error)) if error.may_be_written()), "{error}");
    }
}

#[test]
fn an_old_duplicate_is_a_success_without_an_offset() {
    let (_, outcome) = attempts((7, 0), &[verdict(ErrorCode::DuplicateSequenceNumber)]);
    assert!(matches!(outcome, Some(Ok(Written { base_offset: None, .. }))));
}

#[test]
fn a_refused_batch_is_not_written_unless_an_earlier_attempt_may_have_been() {
    for (answers, may_be_written) in [
        (&[ErrorCode::MessageTooLarge][..], false),
        (&[ErrorCode::NotEnoughReplicas, ErrorCode::MessageTooLarge], false),
        (&[ErrorCode::NotEnoughReplicasAfterAppend, ErrorCode::MessageTooLarge], true),
        (&[ErrorCode::NotLeaderOrFollower, ErrorCode::MessageTooLarge], true),
        (&[ErrorCode::UnknownServerError], true),
    ] {
        let verdicts: Vec<Verdict> = answers.iter().map(|error| verdict(*error)).collect();
        let (seen, outcome) = attempts((7, 0), &verdicts);
        assert_eq!(seen.len(), answers.len());
        assert_eq!(outcome.unwrap().unwrap_err().may_be_written(), may_be_written, "{answers:?}");
    }
}
