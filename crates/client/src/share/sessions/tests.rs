//! Tables: what is sent when; what answers lead to. Sessions against a model of a broker are in [`model`].

mod model;

use bytes::Bytes;
use headwater_model::{ErrorCode, PartitionId, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression};
use headwater_wire::messages::share_acknowledge::{
    PartitionData as AckData, ShareAcknowledgeResponse, ShareAcknowledgeTopicResponse,
};
use headwater_wire::messages::share_fetch::{
    AcquiredRecords, PartitionData, ShareFetchResponse, ShareFetchableTopicResponse,
};

use super::*;
use crate::error::CallError;

const LOCK: Duration = Duration::from_secs(30);
const LINGER: Duration = Duration::from_millis(10);
const NOTHING: [String; 0] = [];

fn place(partition: i32) -> Place {
    let name = TopicName::new("t").unwrap();
    Place { id: Uuid::from_u64_pair(7, 1), at: TopicPartition::new(name, PartitionId(partition)) }
}

fn config(acknowledging: Acknowledging) -> SessionsConfig {
    SessionsConfig {
        group: "g".into(),
        acknowledging,
        max_wait: Duration::from_millis(500),
        min_bytes: 1,
        max_bytes: 1 << 20,
        max_records: 500,
        linger: LINGER,
        check_crcs: true,
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
    }
}

/// A batch with records at these offsets.
fn batch(offsets: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for offset in offsets {
        let delta = i32::try_from(offset - offsets[0]).unwrap();
        builder.append_at(delta, Timestamp(1), None, Some(b"v"), &[]);
    }
    builder.build(&BatchMeta { base_offset: Offset(offsets[0]), ..BatchMeta::default() })
}

struct Consumer {
    sessions: Sessions<u32>,
    wanted: Wanted,
    now: Monotonic,
    ticket: Ticket,
}

impl Consumer {
    /// Of partitions 0 and 1, which broker 1 leads.
    fn new(acknowledging: Acknowledging) -> Self {
        Self {
            sessions: Sessions::new(config(acknowledging), "m".into(), Entropy::from_seed(1)),
            wanted: Wanted::from([(1, BTreeSet::from([place(0), place(1)]))]),
            now: Monotonic::ORIGIN,
            ticket: 0,
        }
    }

    /// That polls, has opened its session, and was handed offsets 5 to 9 of partition 0.
    fn with_records(acknowledging: Acknowledging) -> Self {
        let mut consumer = Self::new(acknowledging);
        consumer.sessions.poll_begins(consumer.now);
        assert_eq!(consumer.work(), ["fetch 0 of 0,1"]);
        consumer.answer_fetch(0, &[(5, 9, 1)], &[batch(&[5, 6, 7, 8, 9])]);
        assert_eq!(consumer.take(), ["t-0 5-9x1"]);
        consumer.sessions.poll_ends();
        consumer
    }

    fn advance(&mut self, by: Duration) -> &mut Self {
        self.now = self.now + by;
        self
    }

    fn work(&mut self) -> Vec<String> {
        let work = self.sessions.plan(&self.wanted, self.now);
        work.into_iter().map(|work| self.words(work)).collect()
    }

    fn words(&mut self, work: ShareWork) -> String {
        match work {
            ShareWork::Fetch { ticket, node: 1, request } => {
                self.ticket = ticket;
                let mut partitions: Vec<String> = Vec::new();
                for partition in request.topics.iter().flat_map(|topic| &topic.partitions) {
                    let mut words = vec![partition.partition_index.to_string()];
                    for ack in &partition.acknowledgement_batches {
                        words.push(range(ack.first_offset, ack.last_offset, &ack.acknowledge_types));
                    }
                    partitions.push(words.concat());
                }
                let mut words =
                    vec![format!("fetch {} of {}", request.share_session_epoch, partitions.join(","))];
                for partition in request.forgotten_topics_data.iter().flat_map(|topic| &topic.partitions) {
                    words.push(format!("without {partition}"));
                }
                words.join(" ")
            }
            ShareWork::Acknowledge { ticket, node: 1, request, renews } => {
                self.ticket = ticket;
                assert_eq!(renews, request.is_renew_ack);
                let mut words = vec![format!("acknowledge {}", request.share_session_epoch)];
                for partition in request.topics.iter().flat_map(|topic| &topic.partitions) {
                    words.push(format!(" {}", partition.partition_index));
                    for ack in &partition.acknowledgement_batches {
                        words.push(range(ack.first_offset, ack.last_offset, &ack.acknowledge_types));
                    }
                }
                words.concat()
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn answer_fetch(&mut self, partition: i32, acquired: &[(i64, i64, i16)], batches: &[Bytes]) {
        let acquired = acquired.iter().map(|&(first_offset, last_offset, delivery_count)| AcquiredRecords {
            first_offset,
            last_offset,
            delivery_count,
        });
        let data = PartitionData {
            partition_index: partition,
            records: Some(Bytes::from(batches.concat()).into()),
            acquired_records: acquired.collect(),
            ..Default::default()
        };
        self.answer_fetch_with(data, ErrorCode::None);
    }

    fn answer_fetch_with(&mut self, data: PartitionData, error: ErrorCode) {
        let topic = ShareFetchableTopicResponse { topic_id: place(0).id, partitions: vec![data] };
        let response = ShareFetchResponse {
            error_code: error.code(),
            acquisition_lock_timeout_ms: LOCK.as_millis() as i32,
            responses: vec![topic],
            ..Default::default()
        };
        self.sessions.fetched(self.ticket, Ok(response), self.now);
    }

    fn answer_acknowledge(&mut self, error: ErrorCode) {
        let data = AckData { error_code: error.code(), ..Default::default() };
        let topic = ShareAcknowledgeTopicResponse { topic_id: place(0).id, partitions: vec![data] };
        let response = ShareAcknowledgeResponse {
            acquisition_lock_timeout_ms: LOCK.as_millis() as i32,
            responses: vec![topic],
            ..Default::default()
        };
        self.sessions.acknowledged(self.ticket, Ok(response), self.now);
    }

    fn take(&mut self) -> Vec<String> {
        let mut taken = Vec::new();
        while let Some(next) = self.sessions.take(self.now) {
            match next {
                Ok(acquired) => taken.extend(acquired.iter().map(handed)),
                Err(error) => taken.push(error.to_string()),
            }
        }
        taken
    }

    fn acknowledge(&mut self, first: i64, last: i64, how: Acknowledgement) -> bool {
        self.sessions.acknowledge(&place(0).at, (first, last), how, self.now).is_ok()
    }

    fn outcomes(&mut self) -> Vec<(u32, Vec<String>)> {
        let outcomes = std::mem::take(&mut self.sessions.outcomes).into_iter();
        outcomes.map(|(who, failures)| (who, failures.iter().map(ToString::to_string).collect())).collect()
    }
}

fn handed(acquired: &Acquired) -> String {
    let mut words = vec![acquired.topic_partition.to_string()];
    for range in &acquired.ranges {
        words.push(format!("{}-{}x{}", range.first.0, range.last.0, range.delivery_count));
    }
    words.join(" ")
}

fn range(first: i64, last: i64, types: &[i8]) -> String {
    let names: String =
        types.iter().map(|kind| ["gap", "accept", "release", "reject", "renew"][*kind as usize]).collect();
    format!("({first}-{last} {names})")
}

use Acknowledgement::{Accept, Reject, Release, Renew};

#[test]
fn nothing_is_acquired_while_nobody_waits() {
    let mut consumer = Consumer::new(Acknowledging::Implicit);
    assert_eq!(consumer.work(), NOTHING);
    consumer.sessions.poll_begins(consumer.now);
    assert_eq!(consumer.work(), ["fetch 0 of 0,1"]);
    assert_eq!(consumer.work(), NOTHING, "one request at a time");
    consumer.answer_fetch(0, &[], &[]);
    assert_eq!(consumer.work(), ["fetch 1 of "], "the session knows the partitions");
    consumer.sessions.poll_ends();
    consumer.answer_fetch(0, &[(0, 0, 1)], &[batch(&[0])]);
    consumer.sessions.poll_begins(consumer.now);
    assert_eq!(consumer.work(), NOTHING, "what is there comes first");
    assert_eq!(consumer.take(), ["t-0 0-0x1"]);
}

#[test]
fn the_next_poll_accepts_what_was_handed_out_and_the_fetch_carries_it() {
    let mut consumer = Consumer::with_records(Acknowledging::Implicit);
    assert!(consumer.acknowledge(7, 7, Reject));
    consumer.sessions.poll_begins(consumer.now);
    assert_eq!(consumer.work(), ["fetch 1 of 0(5-6 accept)(7-7 reject)(8-9 accept)"]);
    assert!(!consumer.acknowledge(5, 9, Accept), "it was");
}

#[test]
fn without_a_fetch_acknowledgements_go_by_themselves_after_a_while_or_at_once_when_somebody_waits() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    consumer.sessions.poll_begins(consumer.now);
    consumer.sessions.poll_ends();
    assert_eq!(consumer.advance(LINGER).work(), NOTHING, "nothing is accepted by itself");
    assert!(consumer.acknowledge(6, 6, Release) && consumer.acknowledge(5, 5, Release));
    assert_eq!(consumer.work(), NOTHING);
    assert_eq!(consumer.sessions.deadline(), Some(consumer.now + LINGER));
    assert_eq!(consumer.advance(LINGER).work(), ["acknowledge 1 0(5-6 release)"]);
    consumer.answer_acknowledge(ErrorCode::None);
    assert!(consumer.acknowledge(9, 9, Accept));
    consumer.sessions.commit(1);
    assert_eq!(consumer.work(), ["acknowledge 2 0(9-9 accept)"]);
    assert_eq!(consumer.outcomes(), []);
    consumer.answer_acknowledge(ErrorCode::None);
    consumer.sessions.commit(2);
    assert_eq!(consumer.outcomes(), [(1, vec![]), (2, vec![])]);
}

#[test]
fn a_refusal_is_told_to_who_commits() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    assert!(consumer.acknowledge(5, 6, Accept));
    consumer.sessions.commit(1);
    consumer.work();
    consumer.answer_acknowledge(ErrorCode::InvalidRecordState);
    let (who, failures) = consumer.outcomes().remove(0);
    assert!(
        who == 1 && failures.len() == 1 && failures[0].starts_with("offsets 5 to 6 of t-0"),
        "{failures:?}"
    );
    assert!(consumer.acknowledge(7, 7, Accept), "the others are ours still");
}

#[test]
fn a_refusal_that_nobody_took_is_told_to_the_next_who_commits() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    assert!(consumer.acknowledge(5, 6, Accept));
    consumer.sessions.commit(1);
    consumer.work();
    consumer.answer_acknowledge(ErrorCode::InvalidRecordState);
    let (_, failures) = std::mem::take(&mut consumer.sessions.outcomes).remove(0);
    consumer.sessions.keep(failures);
    consumer.sessions.commit(2);
    let (who, failures) = consumer.outcomes().remove(0);
    assert!(who == 2 && failures[0].starts_with("offsets 5 to 6 of t-0"), "{failures:?}");
}

#[test]
fn who_is_no_member_any_more_is_not_told_so_by_a_fetch() {
    for error in [ErrorCode::UnknownMemberId, ErrorCode::FencedMemberEpoch, ErrorCode::GroupIdNotFound] {
        let mut consumer = Consumer::new(Acknowledging::Implicit);
        consumer.sessions.poll_begins(consumer.now);
        consumer.work();
        consumer.answer_fetch_with(PartitionData::default(), error);
        assert!(consumer.take().is_empty(), "{error}");
    }
}

#[test]
fn a_lock_ends_and_a_renewed_one_later() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    consumer.advance(LOCK / 2);
    assert!(consumer.acknowledge(5, 5, Renew));
    assert_eq!(consumer.work(), ["acknowledge 1 0(5-5 renew)"]);
    consumer.answer_acknowledge(ErrorCode::None);
    consumer.advance(LOCK / 2);
    assert!(!consumer.acknowledge(6, 6, Accept) && consumer.acknowledge(5, 5, Accept));
}

#[test]
fn what_could_not_be_renewed_is_not_ours() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    assert!(consumer.acknowledge(5, 5, Renew));
    consumer.work();
    consumer.answer_acknowledge(ErrorCode::InvalidRecordState);
    assert!(!consumer.acknowledge(5, 5, Accept) && consumer.acknowledge(6, 6, Accept));
}

#[test]
fn a_broker_that_cannot_renew_is_told_and_the_rest_stays() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    assert!(consumer.acknowledge(5, 5, Renew) && consumer.acknowledge(6, 6, Accept));
    consumer.sessions.commit(1);
    consumer.work();
    let api = headwater_wire::ApiKey::ShareAcknowledge;
    let unsupported = CallError::Unsupported { broker: "b".into(), api, ours: 2..=2, theirs: Some(1..=1) };
    consumer.sessions.acknowledged(consumer.ticket, Err(unsupported), consumer.now);
    assert_eq!(consumer.advance(Duration::from_secs(1)).work(), ["acknowledge 1 0(6-6 accept)"]);
    consumer.answer_acknowledge(ErrorCode::None);
    let (_, failures) = consumer.outcomes().remove(0);
    assert!(failures.len() == 1 && failures[0].contains("in versions 2 to 2"), "{failures:?}");
    assert!(consumer.acknowledge(5, 5, Accept));
}

#[test]
fn records_that_waited_too_long_to_be_handed_out_are_not() {
    let mut consumer = Consumer::new(Acknowledging::Implicit);
    consumer.sessions.poll_begins(consumer.now);
    consumer.work();
    consumer.answer_fetch(0, &[(5, 9, 1)], &[batch(&[5, 6, 7, 8, 9])]);
    assert_eq!(consumer.advance(LOCK).take(), NOTHING);
    assert_eq!(consumer.work(), ["fetch 1 of "]);
}

#[test]
fn offsets_without_records_are_told_as_gaps_and_only_what_was_acquired_is_handed_out() {
    let mut consumer = Consumer::new(Acknowledging::Implicit);
    consumer.sessions.poll_begins(consumer.now);
    consumer.work();
    let control = headwater_wire::batch::ControlMarker::Commit;
    let control =
        control.batch(headwater_model::ProducerId(1), headwater_model::ProducerEpoch(0), Timestamp(1));
    let mut control = control.to_vec();
    headwater_wire::batch::assign(&mut control, Offset(10), headwater_model::LeaderEpoch(0)).unwrap();
    let batches = [batch(&[0, 1]), batch(&[2, 3, 5, 9]), control.into()];
    consumer.answer_fetch(0, &[(1, 4, 1), (5, 12, 2)], &batches);
    assert_eq!(consumer.take(), ["t-0 1-1x1", "t-0 2-4x1 5-9x2"]);
    assert_eq!(consumer.work(), ["fetch 1 of 0(4-4 gap)(6-8 gap)(10-12 gap)"]);
    consumer.answer_fetch(0, &[], &[]);
    consumer.sessions.poll_begins(consumer.now);
    assert_eq!(consumer.work(), ["fetch 2 of 0(1-3 accept)(5-5 accept)(9-9 accept)"]);
}

#[test]
fn a_batch_that_is_wrong_is_rejected_and_one_that_is_cut_released() {
    let wrong = |offsets: &[i64]| {
        let mut bytes = batch(offsets).to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        Bytes::from(bytes)
    };
    let cut = |offsets: &[i64]| batch(offsets).slice(..40);
    for (first, second, is_fault, told) in [
        (batch(&[0, 1]), wrong(&[2, 3]), true, "(2-3 reject)"),
        (batch(&[0, 1]), cut(&[2, 3]), false, "(2-3 release)"),
        (wrong(&[0, 1]), batch(&[2, 3]), true, "(0-1 reject)"),
        (cut(&[0, 1]), Bytes::new(), true, "(0-3 release)"),
    ] {
        let mut consumer = Consumer::new(Acknowledging::Explicit);
        consumer.sessions.poll_begins(consumer.now);
        consumer.work();
        consumer.answer_fetch(0, &[(0, 3, 1)], &[first, second]);
        let taken = consumer.take();
        assert_eq!(taken[0].contains("cannot be read"), is_fault, "{taken:?}");
        assert_eq!(consumer.work(), [format!("fetch 1 of 0{told}")]);
    }
}

#[test]
fn a_session_that_is_lost_is_opened_anew_and_what_it_had_is_gone() {
    for error in [ErrorCode::ShareSessionNotFound, ErrorCode::InvalidShareSessionEpoch] {
        let mut consumer = Consumer::with_records(Acknowledging::Explicit);
        assert!(consumer.acknowledge(5, 5, Accept));
        consumer.sessions.commit(1);
        consumer.work();
        assert!(consumer.acknowledge(6, 6, Accept));
        let error_code = error.code();
        let response = ShareAcknowledgeResponse { error_code, ..Default::default() };
        consumer.sessions.acknowledged(consumer.ticket, Ok(response), consumer.now);
        let (_, failures) = consumer.outcomes().remove(0);
        assert!(failures[0].starts_with("offsets 5 to 5"), "{failures:?}");
        assert!(!consumer.acknowledge(7, 7, Accept));
        consumer.sessions.commit(2);
        let (_, failures) = consumer.outcomes().remove(0);
        assert!(failures[0].starts_with("offsets 6 to 6") && failures[0].contains("session"), "{failures:?}");
        consumer.sessions.poll_begins(consumer.now);
        assert_eq!(consumer.work(), ["fetch 0 of 0,1"], "{error}");
    }
}

#[test]
fn without_an_answer_the_session_is_opened_anew_after_a_wait() {
    let mut consumer = Consumer::with_records(Acknowledging::Implicit);
    consumer.sessions.poll_begins(consumer.now);
    consumer.work();
    let lost = Err(CallError::UnknownBroker(1));
    consumer.sessions.fetched(consumer.ticket, lost, consumer.now);
    assert_eq!(consumer.work(), NOTHING);
    assert_eq!(consumer.sessions.take_stale(), BTreeSet::from([place(0).at.topic]));
    assert_eq!(consumer.advance(Duration::from_millis(130)).work(), ["fetch 0 of 0,1"]);
    consumer.sessions.commit(1);
    assert!(consumer.outcomes()[0].1[0].starts_with("offsets 5 to 9"));
}

#[test]
fn partitions_come_and_go_and_what_is_acquired_of_those_that_went_is_acknowledged() {
    let mut consumer = Consumer::with_records(Acknowledging::Implicit);
    consumer.wanted = Wanted::from([(1, BTreeSet::from([place(1), place(2)]))]);
    consumer.sessions.poll_begins(consumer.now);
    assert_eq!(consumer.work(), ["acknowledge 1 0(5-9 accept)"]);
    consumer.answer_acknowledge(ErrorCode::None);
    assert_eq!(consumer.work(), ["fetch 2 of 2 without 0"]);
}

#[test]
fn a_partition_that_is_led_elsewhere_is_left_alone_for_a_while() {
    let mut consumer = Consumer::new(Acknowledging::Implicit);
    consumer.sessions.poll_begins(consumer.now);
    consumer.work();
    let error_code = ErrorCode::NotLeaderOrFollower.code();
    let data = PartitionData { partition_index: 0, error_code, ..Default::default() };
    consumer.answer_fetch_with(data, ErrorCode::None);
    assert_eq!(consumer.sessions.take_stale().len(), 1);
    assert_eq!(consumer.work(), ["fetch 1 of  without 0"]);
    consumer.answer_fetch(1, &[], &[]);
    assert_eq!(consumer.advance(Duration::from_millis(130)).work(), ["fetch 2 of 0"]);
}

#[test]
fn what_will_not_pass_is_told_to_the_poll() {
    let mut consumer = Consumer::new(Acknowledging::Implicit);
    consumer.sessions.poll_begins(consumer.now);
    consumer.work();
    let error_code = ErrorCode::TopicAuthorizationFailed.code();
    let data = PartitionData { partition_index: 1, error_code, ..Default::default() };
    consumer.answer_fetch_with(data, ErrorCode::None);
    let told = consumer.take();
    assert!(told[0].starts_with("the broker refuses to share t-1"), "{told:?}");
    consumer.work();
    consumer.answer_fetch_with(PartitionData::default(), ErrorCode::GroupAuthorizationFailed);
    let told = consumer.take();
    assert!(told[0].starts_with("broker 1 refuses to share its partitions"), "{told:?}");
}

#[test]
fn closing_tells_what_was_acknowledged_and_ends_the_session() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    assert!(consumer.acknowledge(5, 5, Accept));
    consumer.sessions.begin_close();
    assert_eq!(consumer.work(), ["acknowledge -1 0(5-5 accept)"]);
    assert!(!consumer.sessions.is_closed());
    consumer.answer_acknowledge(ErrorCode::None);
    assert!(consumer.sessions.is_closed());
    assert_eq!(consumer.work(), NOTHING);
    assert!(!consumer.acknowledge(6, 6, Accept));
    assert!(Consumer::new(Acknowledging::Explicit).sessions.nodes.is_empty());
}

#[test]
fn a_membership_that_ends_takes_what_was_acquired_with_it() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    consumer.sessions.poll_begins(consumer.now);
    consumer.work();
    consumer.sessions.lose_all(consumer.now);
    assert!(!consumer.acknowledge(5, 5, Accept));
    consumer.answer_fetch(0, &[(10, 10, 1)], &[batch(&[10])]);
    assert_eq!(consumer.take(), NOTHING, "it was acquired by the membership before");
    assert_eq!(consumer.work(), ["fetch 2 of 0(10-10 release)"], "and is given back");
}

#[test]
fn what_is_acknowledged_too_late_and_comes_again_is_told_for_the_new_lock_and_not_handed_out() {
    let mut consumer = Consumer::with_records(Acknowledging::Explicit);
    consumer.sessions.poll_begins(consumer.now);
    assert_eq!(consumer.work(), ["fetch 1 of "]);
    assert!(consumer.acknowledge(6, 6, Accept));
    consumer.advance(LOCK);
    consumer.answer_fetch(0, &[(5, 7, 2)], &[batch(&[5, 6, 7])]);
    assert_eq!(consumer.take(), ["t-0 5-5x2 7-7x2"]);
    assert_eq!(consumer.work(), ["fetch 2 of 0(6-6 accept)"]);
}
