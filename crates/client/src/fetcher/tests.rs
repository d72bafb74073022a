//! Tables: what is asked of whom, and what the answers lead to. The whole against a log is in [`model`].

mod model;

use bytes::Bytes;
use headwater_model::{ErrorCode, LeaderEpoch, PartitionId, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression, ControlMarker};
use headwater_wire::messages::fetch::{
    AbortedTransaction, FetchResponse, FetchableTopicResponse, PartitionData,
};
use headwater_wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use headwater_wire::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use headwater_wire::protocol::Records;

use super::*;
use crate::cluster::ClusterView;
use crate::consumer::{CommitError, CommittedOffset};
use crate::error::CallError;

const HIGH_WATERMARK: i64 = 1_000;

fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new(topic(), PartitionId(partition))
}

/// Broker `leaders[n]` leads partition n; below 0 nobody does.
fn cluster(leaders: &[i32]) -> ClusterView {
    let broker =
        |node_id| MetadataResponseBroker { node_id, host: "h".into(), port: 1, ..Default::default() };
    let partitions = (0..).zip(leaders).map(|(partition_index, leader_id)| MetadataResponsePartition {
        partition_index,
        leader_id: *leader_id,
        leader_epoch: 7,
        ..Default::default()
    });
    let topic = MetadataResponseTopic {
        name: Some("t".into()),
        topic_id: Uuid::from_u64_pair(1, 1),
        partitions: partitions.collect(),
        ..Default::default()
    };
    let response =
        MetadataResponse { brokers: vec![broker(1), broker(2)], topics: vec![topic], ..Default::default() };
    ClusterView::default().updated(&response, None, Monotonic::ORIGIN)
}

fn config() -> FetcherConfig {
    FetcherConfig {
        max_wait: Duration::from_millis(500),
        min_bytes: 1,
        max_bytes: 1 << 20,
        partition_max_bytes: 1 << 16,
        prefetch_bytes: 1 << 20,
        isolation: Isolation::ReadUncommitted,
        reset: OffsetReset::Earliest,
        check_crcs: true,
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
    }
}

/// A batch of `count` records from `base` on.
fn batch(base: i64, count: i32) -> Bytes {
    build(base, count, &BatchMeta::default())
}

fn build(base: i64, count: i32, meta: &BatchMeta) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for _ in 0..count {
        builder.append(Timestamp(0), None, Some(b"value"), &[]);
    }
    builder.build(&BatchMeta { base_offset: Offset(base), leader_epoch: LeaderEpoch(7), ..*meta })
}

fn of_transaction(base: i64, count: i32, producer: i64) -> Bytes {
    let meta = BatchMeta {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(0),
        is_transactional: true,
        ..BatchMeta::default()
    };
    build(base, count, &meta)
}

fn marker(base: i64, producer: i64, marker: ControlMarker) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(Timestamp(0), Some(&marker.key()), Some(&[0; 6]), &[]);
    builder.build(&BatchMeta {
        base_offset: Offset(base),
        producer_id: ProducerId(producer),
        is_transactional: true,
        is_control: true,
        ..BatchMeta::default()
    })
}

fn data(partition_index: i32, batches: &[Bytes]) -> PartitionData {
    PartitionData {
        partition_index,
        high_watermark: HIGH_WATERMARK,
        last_stable_offset: HIGH_WATERMARK - 100,
        log_start_offset: 0,
        records: Some(Records::from(Bytes::from(batches.concat()))),
        ..Default::default()
    }
}

fn refused(partition_index: i32, error: ErrorCode) -> PartitionData {
    PartitionData { partition_index, error_code: error.code(), ..Default::default() }
}

#[expect(clippy::unnecessary_wraps, reason = "it is passed as an answer")]
fn answer(partitions: Vec<PartitionData>) -> Result<FetchResponse, CallError> {
    // By id, as from version 13 on.
    let topic =
        FetchableTopicResponse { topic_id: Uuid::from_u64_pair(1, 1), partitions, ..Default::default() };
    Ok(FetchResponse { responses: vec![topic], ..Default::default() })
}

#[expect(clippy::unnecessary_wraps, reason = "it is passed as an answer")]
fn told(offsets: &[(i32, ErrorCode, i64)]) -> Result<ListOffsetsResponse, CallError> {
    let partitions = offsets.iter().map(|(partition_index, error, offset)| ListOffsetsPartitionResponse {
        partition_index: *partition_index,
        error_code: error.code(),
        offset: *offset,
        ..Default::default()
    });
    let topic = ListOffsetsTopicResponse { name: "t".into(), partitions: partitions.collect() };
    Ok(ListOffsetsResponse { topics: vec![topic], ..Default::default() })
}

/// A fetcher under test.
struct Reader {
    fetcher: Fetcher,
    view: ClusterView,
    now: Monotonic,
    /// The tickets of what was asked for, in order.
    tickets: Vec<Ticket>,
}

impl Reader {
    fn new(config: FetcherConfig, leaders: &[i32], starts: &[StartAt]) -> Self {
        let mut fetcher = Fetcher::new(config, Entropy::from_seed(1));
        fetcher.assign((0..).zip(starts).map(|(partition, start)| (at(partition), *start)));
        Self { fetcher, view: cluster(leaders), now: Monotonic::ORIGIN, tickets: Vec::new() }
    }

    /// One partition, led by broker 1, read from an offset.
    fn at_offset(config: FetcherConfig, offset: i64) -> Self {
        Self::new(config, &[1], &[StartAt::Offset(Offset(offset))])
    }

    /// What is due, in words.
    fn plan(&mut self) -> Vec<String> {
        let work = self.fetcher.plan(&self.view, self.now);
        if work.iter().any(|work| !matches!(work, FetchWork::Nudge { .. })) {
            self.tickets.clear();
        }
        work.into_iter()
            .map(|work| match work {
                FetchWork::Fetch { ticket, node, request, max_version } => {
                    self.tickets.push(ticket);
                    assert_eq!(max_version, i16::MAX, "the topic has an id");
                    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
                    let partitions = joined(partitions.map(|p| (p.partition, p.fetch_offset)));
                    let soon = if request.max_wait_ms < 500 { " soon" } else { "" };
                    format!("fetch from {node}:{partitions}{soon}")
                }
                FetchWork::ListOffsets { ticket, node, request } => {
                    self.tickets.push(ticket);
                    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
                    let partitions = joined(partitions.map(|p| (p.partition_index, p.timestamp)));
                    format!("list from {node}:{partitions}")
                }
                FetchWork::Committed { ticket, partitions } => {
                    self.tickets.push(ticket);
                    let partitions: Vec<_> = partitions.iter().map(ToString::to_string).collect();
                    format!("committed: {}", partitions.join(" "))
                }
                FetchWork::Nudge { node } => format!("nudge {node}"),
            })
            .collect()
    }

    fn answer(&mut self, partitions: Vec<PartitionData>) {
        self.fetcher.fetched(self.tickets[0], answer(partitions), self.now);
    }

    fn tell(&mut self, offsets: &[(i32, ErrorCode, i64)]) {
        self.fetcher.listed(self.tickets[0], told(offsets), self.now);
    }

    /// What is handed out, as `partition:from-last`.
    fn take(&mut self) -> Vec<String> {
        match self.fetcher.take(usize::MAX) {
            None => Vec::new(),
            Some(Taken::Fault(fault)) => vec![fault.to_string()],
            Some(Taken::Batches(batches)) => batches
                .iter()
                .map(|fetched| {
                    let partition = fetched.topic_partition.partition;
                    format!("{partition}:{}-{}", fetched.from, fetched.batch.last_offset())
                })
                .collect(),
        }
    }

    fn position(&self) -> Option<i64> {
        self.fetcher.position(&at(0)).unwrap().map(|offset| offset.0)
    }

    fn pass(&mut self, wait: Duration) {
        self.now = self.now + wait;
    }
}

/// ` partition@offset` of each.
fn joined(partitions: impl Iterator<Item = (i32, i64)>) -> String {
    let partitions: Vec<_> = partitions.map(|(partition, offset)| format!(" {partition}@{offset}")).collect();
    partitions.concat()
}

const NOTHING: [String; 0] = [];
const BACKOFF: Duration = Duration::from_millis(130);

#[test]
fn what_is_not_known_is_asked_for_and_then_read() {
    let starts = [
        StartAt::Earliest,
        StartAt::Latest,
        StartAt::Timestamp(Timestamp(55)),
        StartAt::Committed,
        StartAt::Offset(Offset(9)),
    ];
    let mut reader = Reader::new(config(), &[1, 1, 1, 1, 1], &starts);
    assert_eq!(reader.plan(), ["committed: t-3", "list from 1: 0@-2 1@-1 2@55", "fetch from 1: 4@9 soon"]);
    let [committed, listed, fetched] = reader.tickets[..] else { panic!() };
    let offsets = [(at(3), CommittedOffset::from(Offset(33)))].into();
    reader.fetcher.committed(committed, &Ok(offsets), reader.now);
    let none = ErrorCode::None;
    reader.fetcher.listed(listed, told(&[(0, none, 2), (1, none, 50), (2, none, -1)]), reader.now);
    // No record is that new: at the end, then.
    assert_eq!(reader.plan(), ["list from 1: 2@-1", "nudge 1"]);
    reader.tell(&[(2, none, 50)]);
    reader.fetcher.fetched(fetched, answer(vec![data(4, &[])]), reader.now);
    assert_eq!(reader.plan(), ["fetch from 1: 0@2 1@50 2@50 3@33 4@9"]);
    assert_eq!(reader.position(), Some(2));
}

#[test]
fn a_fetch_that_holds_up_further_partitions_is_nudged_once() {
    let mut reader = Reader::new(config(), &[1, 1, 2], &[StartAt::Offset(Offset(5))]);
    assert_eq!(reader.plan(), ["fetch from 1: 0@5"]);
    let first = reader.tickets[0];
    reader.fetcher.add([1, 2].map(|partition| (at(partition), StartAt::Offset(Offset(7)))));
    assert_eq!(reader.plan(), ["nudge 1", "fetch from 2: 2@7"]);
    assert_eq!(reader.plan(), NOTHING);
    reader.fetcher.fetched(first, answer(vec![data(0, &[])]), reader.now);
    assert_eq!(reader.plan(), ["fetch from 1: 0@5 1@7"]);
    // Whoever is resumed does not wait for the others either.
    reader.answer(vec![data(0, &[]), data(1, &[])]);
    reader.fetcher.pause(&at(1)).unwrap();
    assert_eq!(reader.plan(), ["fetch from 1: 0@5 soon"]);
    reader.fetcher.resume(&at(1)).unwrap();
    assert_eq!(reader.plan(), ["nudge 1"]);
}

#[test]
fn batches_are_handed_out_in_order_and_move_the_position() {
    let mut reader = Reader::at_offset(config(), 3);
    reader.plan();
    reader.answer(vec![data(0, &[batch(0, 5), batch(5, 2)])]);
    assert_eq!(reader.position(), Some(3));
    assert_eq!(reader.plan(), ["fetch from 1: 0@7"], "ahead of the application");
    assert_eq!(reader.take(), ["0:3-4", "0:5-6"]);
    assert_eq!(reader.position(), Some(7));
    assert_eq!(reader.fetcher.lag(&at(0)).unwrap(), Some(HIGH_WATERMARK - 7));
    assert_eq!(reader.take(), NOTHING);
}

#[test]
fn a_poll_is_limited_but_never_empty_for_want_of_room() {
    let mut reader = Reader::at_offset(config(), 0);
    reader.plan();
    let size = batch(0, 5).len();
    reader.answer(vec![data(0, &[batch(0, 5), batch(5, 5), batch(10, 5)])]);
    let Some(Taken::Batches(first)) = reader.fetcher.take(1) else { panic!() };
    assert_eq!(first.len(), 1);
    let Some(Taken::Batches(rest)) = reader.fetcher.take(2 * size) else { panic!() };
    assert_eq!(rest.len(), 2);
    assert_eq!(rest[0].from, Offset(5));
}

#[test]
fn each_broker_is_asked_for_what_it_leads_one_question_at_a_time() {
    let starts = [StartAt::Offset(Offset(0)); 3];
    let mut reader = Reader::new(config(), &[1, 2, 1], &starts);
    assert_eq!(reader.plan(), ["fetch from 1: 0@0 2@0", "fetch from 2: 1@0"]);
    let [one, _] = reader.tickets[..] else { panic!() };
    assert_eq!(reader.plan(), NOTHING);
    reader.fetcher.fetched(one, answer(vec![data(0, &[batch(0, 1)]), data(2, &[])]), reader.now);
    assert_eq!(reader.plan(), ["fetch from 1: 2@0 0@1"], "who was served last comes last");
}

#[test]
fn what_was_asked_for_a_position_that_was_left_is_dropped() {
    let mut reader = Reader::at_offset(config(), 0);
    reader.plan();
    reader.fetcher.seek(&at(0), StartAt::Offset(Offset(100))).unwrap();
    assert_eq!(reader.plan(), ["nudge 1"], "one question at a time");
    reader.answer(vec![data(0, &[batch(0, 5)])]);
    assert_eq!(reader.take(), NOTHING);
    assert_eq!(reader.plan(), ["fetch from 1: 0@100"]);
    reader.answer(vec![data(0, &[batch(100, 5)])]);
    reader.fetcher.seek(&at(0), StartAt::Offset(Offset(7))).unwrap();
    assert_eq!(reader.take(), NOTHING, "what was read ahead is dropped too");
    assert_eq!(reader.position(), Some(7));

    // Also if the same partition has been assigned anew meanwhile, at the same offset.
    assert_eq!(reader.plan(), ["fetch from 1: 0@7"]);
    reader.fetcher.assign([(at(0), StartAt::Offset(Offset(7)))]);
    reader.answer(vec![data(0, &[batch(7, 5)])]);
    assert_eq!(reader.take(), NOTHING);
}

#[test]
fn a_paused_partition_is_silent_keeps_little_and_goes_on_where_it_was() {
    let size = batch(0, 5).len();
    let mut reader = Reader::at_offset(FetcherConfig { partition_max_bytes: 2 * size, ..config() }, 0);
    reader.plan();
    reader.answer(vec![data(0, &[batch(0, 5), batch(5, 5), batch(10, 5)])]);
    reader.plan();
    reader.fetcher.pause(&at(0)).unwrap();
    assert_eq!(reader.take(), NOTHING);
    // What it was asked for does not follow on what it kept.
    reader.answer(vec![data(0, &[batch(15, 5)])]);
    assert_eq!(reader.plan(), NOTHING);
    reader.fetcher.resume(&at(0)).unwrap();
    assert_eq!(reader.take(), ["0:0-4", "0:5-9"]);
    assert_eq!(reader.plan(), ["fetch from 1: 0@10"]);
}

#[test]
fn answers_come_soon_while_partitions_are_left_out_of_the_question() {
    let starts = [StartAt::Offset(Offset(0)); 2];
    let mut reader = Reader::new(config(), &[1, 1], &starts);
    reader.fetcher.pause(&at(1)).unwrap();
    assert_eq!(reader.plan(), ["fetch from 1: 0@0 soon"]);
}

#[test]
fn no_more_is_asked_for_while_enough_waits_which_paused_partitions_do_not() {
    let starts = [StartAt::Offset(Offset(0)); 2];
    let config = FetcherConfig { prefetch_bytes: batch(0, 5).len(), ..config() };
    let mut reader = Reader::new(config, &[1, 1], &starts);
    reader.plan();
    reader.answer(vec![data(0, &[batch(0, 5)]), data(1, &[])]);
    assert_eq!(reader.plan(), NOTHING);
    reader.fetcher.pause(&at(0)).unwrap();
    assert_eq!(reader.plan(), ["fetch from 1: 1@0 soon"]);
    reader.answer(vec![data(1, &[])]);
    reader.fetcher.resume(&at(0)).unwrap();
    assert_eq!(reader.plan(), NOTHING);
    assert_eq!(reader.take(), ["0:0-4"]);
    assert_eq!(reader.plan(), ["fetch from 1: 1@0 0@5"]);
}

#[test]
fn an_offset_out_of_range_goes_on_by_the_policy_after_what_was_read_before() {
    for (reset, expected) in
        [(OffsetReset::Earliest, "list from 1: 0@-2"), (OffsetReset::Latest, "list from 1: 0@-1")]
    {
        let mut reader = Reader::at_offset(FetcherConfig { reset, ..config() }, 0);
        reader.plan();
        reader.answer(vec![data(0, &[batch(0, 5)])]);
        reader.plan();
        reader.answer(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
        assert_eq!(reader.plan(), [expected]);
        reader.tell(&[(0, ErrorCode::None, 40)]);
        assert_eq!(reader.position(), Some(0));
        assert_eq!(reader.take(), ["0:0-4"]);
        assert_eq!(reader.position(), Some(40));
        assert_eq!(reader.plan(), ["fetch from 1: 0@40"]);
    }
    let mut reader = Reader::at_offset(FetcherConfig { reset: OffsetReset::Fail, ..config() }, 5);
    reader.plan();
    reader.answer(vec![refused(0, ErrorCode::OffsetOutOfRange)]);
    for _ in 0..2 {
        assert!(reader.take()[0].contains("t-0 has no offset 5"));
    }
    reader.fetcher.seek(&at(0), StartAt::Offset(Offset(6))).unwrap();
    assert_eq!(reader.take(), NOTHING);
    assert_eq!(reader.plan(), ["fetch from 1: 0@6"]);
}

#[test]
fn a_group_without_an_offset_begins_by_the_policy() {
    for (reset, expected) in [(OffsetReset::Earliest, vec!["list from 1: 0@-2"]), (OffsetReset::Fail, vec![])]
    {
        let mut reader = Reader::new(FetcherConfig { reset, ..config() }, &[1], &[StartAt::Committed]);
        reader.plan();
        reader.fetcher.committed(reader.tickets[0], &Ok(BTreeMap::new()), reader.now);
        assert_eq!(reader.plan(), expected);
        if reset == OffsetReset::Fail {
            assert!(reader.take()[0].contains("committed no offset for t-0"));
        }
    }
    let mut reader = Reader::new(config(), &[1], &[StartAt::Committed]);
    reader.plan();
    let moved = CommitError::Refused { partition: at(0), error: ErrorCode::NotCoordinator };
    reader.fetcher.committed(reader.tickets[0], &Err(moved), reader.now);
    assert_eq!(reader.plan(), NOTHING);
    assert!(reader.fetcher.deadline(reader.now).is_some());
    reader.pass(BACKOFF);
    assert_eq!(reader.plan(), ["committed: t-0"]);
    let denied = CommitError::GroupRefused { group: "g".into(), error: ErrorCode::GroupAuthorizationFailed };
    reader.fetcher.committed(reader.tickets[0], &Err(denied), reader.now);
    assert!(reader.take()[0].contains("not authorized for that group"));
}

#[test]
fn a_partition_that_moved_is_looked_up_and_the_others_are_read_on() {
    for error in [
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::UnknownLeaderEpoch,
        ErrorCode::UnknownTopicId,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::OffsetNotAvailable,
        ErrorCode::KafkaStorageError,
    ] {
        let starts = [StartAt::Offset(Offset(0)); 2];
        let mut reader = Reader::new(config(), &[1, 1], &starts);
        reader.plan();
        reader.answer(vec![refused(0, error), data(1, &[batch(0, 1)])]);
        assert_eq!(reader.take(), ["1:0-0"]);
        assert_eq!(reader.fetcher.take_stale(), [topic()].into(), "{error}");
        assert_eq!(reader.plan(), ["fetch from 1: 1@1 soon"]);
        reader.answer(vec![data(1, &[])]);
        reader.pass(BACKOFF);
        reader.view = cluster(&[2, 1]);
        assert_eq!(reader.plan(), ["fetch from 1: 1@1", "fetch from 2: 0@0"]);
    }
}

#[test]
fn a_refusal_that_does_not_pass_is_the_applications_to_handle() {
    let starts = [StartAt::Offset(Offset(0)); 2];
    let mut reader = Reader::new(config(), &[1, 1], &starts);
    reader.plan();
    reader.answer(vec![refused(0, ErrorCode::TopicAuthorizationFailed), data(1, &[batch(0, 1)])]);
    assert!(reader.take()[0].contains("refuses to serve t-0"));
    assert_eq!(reader.take(), ["1:0-0"], "the fault has had its turn");
}

#[test]
fn a_broker_that_does_not_answer_is_left_alone_for_a_while() {
    let starts = [StartAt::Offset(Offset(0)); 2];
    let mut reader = Reader::new(config(), &[1, 2], &starts);
    reader.plan();
    let one = reader.tickets[0];
    reader.fetcher.fetched(one, Err(CallError::UnknownBroker(1)), reader.now);
    assert_eq!(reader.fetcher.take_stale(), [topic()].into());
    assert_eq!(reader.plan(), NOTHING);
    let deadline = reader.fetcher.deadline(reader.now).unwrap();
    assert!(deadline <= reader.now + BACKOFF);
    reader.now = deadline;
    assert_eq!(reader.plan(), ["fetch from 1: 0@0"]);
}

#[test]
fn a_partition_without_a_leader_is_looked_up() {
    let mut reader = Reader::new(config(), &[-1], &[StartAt::Offset(Offset(0))]);
    assert_eq!(reader.plan(), NOTHING);
    assert_eq!(reader.fetcher.take_stale(), [topic()].into());
}

#[test]
fn a_damaged_batch_is_told_with_its_place_after_what_came_before() {
    let mut damaged = batch(5, 2).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let answer = vec![data(0, &[batch(0, 5), damaged.into(), batch(7, 1)])];
    let mut reader = Reader::at_offset(config(), 0);
    reader.plan();
    reader.answer(answer.clone());
    assert_eq!(reader.take(), ["0:0-4"]);
    for _ in 0..2 {
        let fault = reader.take().join("");
        assert!(fault.contains("the batch of t-0 at offset 5 cannot be read"), "{fault}");
    }
    assert_eq!(reader.plan(), NOTHING);
    assert_eq!(reader.position(), Some(5));
    reader.fetcher.seek(&at(0), StartAt::Offset(Offset(7))).unwrap();
    assert_eq!(reader.plan(), ["fetch from 1: 0@7"]);

    let mut unchecked = Reader::at_offset(FetcherConfig { check_crcs: false, ..config() }, 0);
    unchecked.plan();
    unchecked.answer(answer);
    assert_eq!(unchecked.take(), ["0:0-4", "0:5-6", "0:7-7"]);
}

#[test]
fn an_answer_cut_within_its_first_batch_is_a_fault_and_later_no_matter() {
    let whole = batch(0, 5);
    let mut reader = Reader::at_offset(config(), 0);
    reader.plan();
    reader.answer(vec![data(0, &[whole.clone(), batch(5, 5).slice(..30)])]);
    assert_eq!(reader.take(), ["0:0-4"]);
    assert_eq!(reader.plan(), ["fetch from 1: 0@5"]);
    reader.answer(vec![data(0, &[whole.slice(..30)])]);
    assert!(reader.take()[0].contains("incomplete"));
}

#[test]
fn markers_are_never_handed_out_and_aborted_records_not_to_who_reads_committed() {
    let batches = [
        of_transaction(0, 2, 10),             // aborted
        of_transaction(2, 1, 11),             // committed
        batch(3, 1),                          // no transaction
        marker(4, 10, ControlMarker::Abort),  //
        of_transaction(5, 1, 10),             // the same producer's next, committed
        marker(6, 11, ControlMarker::Commit), //
        marker(7, 10, ControlMarker::Commit), //
        of_transaction(8, 1, 11),             // aborted
        marker(9, 11, ControlMarker::Abort),  //
    ];
    let aborted = |producer_id, first_offset| AbortedTransaction { producer_id, first_offset };
    let answer = PartitionData {
        aborted_transactions: Some(vec![aborted(11, 8), aborted(10, 0)]),
        ..data(0, &batches)
    };
    for (isolation, expected, lag) in [
        (Isolation::ReadUncommitted, vec!["0:0-1", "0:2-2", "0:3-3", "0:5-5", "0:8-8"], 990),
        (Isolation::ReadCommitted, vec!["0:2-2", "0:3-3", "0:5-5"], 890),
    ] {
        let mut reader = Reader::at_offset(FetcherConfig { isolation, ..config() }, 0);
        reader.plan();
        reader.answer(vec![answer.clone()]);
        assert_eq!(reader.take(), expected);
        assert_eq!(reader.position(), Some(10), "past what is hidden");
        assert_eq!(reader.fetcher.lag(&at(0)).unwrap(), Some(lag));
    }
}

#[test]
fn a_frozen_partition_keeps_its_position_and_hands_out_nothing() {
    let mut reader = Reader::at_offset(config(), 0);
    reader.plan();
    reader.answer(vec![data(0, &[batch(0, 5), batch(5, 1)])]);
    let Some(Taken::Batches(_)) = reader.fetcher.take(1) else { panic!() };
    reader.plan();
    reader.fetcher.freeze(&[at(0)].into());
    assert_eq!(reader.take(), NOTHING);
    reader.answer(vec![data(0, &[batch(6, 5)])]);
    assert_eq!((reader.take(), reader.plan()), (vec![], vec![]));
    assert_eq!(reader.position(), Some(5));
    reader.fetcher.clear();
    assert!(reader.fetcher.position(&at(0)).is_err());
}
