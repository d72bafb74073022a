//! A model of a cluster as far as producing goes, with what can go wrong, and what must hold nevertheless.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_model::{
    Entropy, ErrorCode, Monotonic, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicName,
    TopicPartition,
};
use headwater_wire::ApiKey;
use headwater_wire::batch::Batch;
use headwater_wire::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

use crate::cluster::ClusterView;
use crate::connection::Disconnect;
use crate::error::CallError;
use crate::producer::machine::{Action, Blocked, Dispatch, Machine, Payload, RequestId, Verdict, Written};
use crate::producer::{ProducerConfig, ProducerRecord, SendError};
use crate::retry::Backoff;

const PARTITIONS: usize = 3;
const NODES: u64 = 3;

pub(super) fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

/// What the cluster says about the topic, with these leaders.
pub(super) fn view(leaders: &[i32], now: Monotonic) -> ClusterView {
    let partition = |(index, leader): (i32, &i32)| MetadataResponsePartition {
        partition_index: index,
        leader_id: *leader,
        leader_epoch: -1,
        ..Default::default()
    };
    let described = MetadataResponseTopic {
        name: Some("t".to_owned()),
        partitions: (0..).zip(leaders).map(partition).collect(),
        ..Default::default()
    };
    answered(described, now)
}

pub(super) fn missing_topic(now: Monotonic) -> ClusterView {
    let missing = MetadataResponseTopic {
        name: Some("t".to_owned()),
        error_code: ErrorCode::UnknownTopicOrPartition.code(),
        ..Default::default()
    };
    answered(missing, now)
}

fn answered(topic: MetadataResponseTopic, now: Monotonic) -> ClusterView {
    let broker = |node_id: u64| MetadataResponseBroker {
        node_id: node_id as i32,
        host: "h".to_owned(),
        port: 1,
        ..Default::default()
    };
    let response = MetadataResponse {
        brokers: (1..=NODES).map(broker).collect(),
        topics: vec![topic],
        ..Default::default()
    };
    ClusterView::default().updated(&response, None, now)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Faults {
    None,
    Rough,
}

/// How often what happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    pub(super) not_written: u64,
    pub(super) possibly_written: u64,
    pub(super) duplicates: u64,
    pub(super) out_of_order: u64,
    pub(super) new_epochs: u64,
    pub(super) pipelined: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.not_written += other.not_written;
        self.possibly_written += other.possibly_written;
        self.duplicates += other.duplicates;
        self.out_of_order += other.out_of_order;
        self.new_epochs += other.new_epochs;
        self.pipelined += other.pipelined;
    }
}

/// What a broker remembers of a producer: Kafka's rules, five batches back.
#[derive(Debug)]
struct ProducerState {
    epoch: i16,
    last_sequence: i32,
    recent: VecDeque<(i32, i32, i64)>,
}

#[derive(Debug, Default)]
struct PartitionLog {
    records: Vec<u64>,
    producers: BTreeMap<i64, ProducerState>,
}

/// A request as the broker sees it, and its payloads to be given back.
struct Request {
    id: RequestId,
    batches: Vec<(usize, Bytes)>,
    payloads: Vec<Payload>,
}

#[derive(Default)]
struct Link {
    generation: u64,
    last_started: Option<(RequestId, u64)>,
    unprocessed: VecDeque<Request>,
    /// Processed, the answer still under way.
    processed: VecDeque<(RequestId, Vec<(Verdict, Payload)>)>,
}

struct Sent {
    partition: usize,
    records: Vec<u64>,
    outcome: Option<Result<Written, SendError>>,
}

pub(super) struct World {
    machine: Machine<usize>,
    entropy: Entropy,
    faults: Faults,
    now: Monotonic,
    leaders: Vec<i32>,
    logs: Vec<PartitionLog>,
    links: BTreeMap<i32, Link>,
    metadata_asked: bool,
    identity_asked: bool,
    last_producer_id: i64,
    last_record: u64,
    batches: Vec<Sent>,
    pub(super) tally: Tally,
}

impl World {
    pub(super) fn new(seed: u64, idempotent: bool, faults: Faults) -> Self {
        let mut entropy = Entropy::from_seed(seed);
        let config = ProducerConfig {
            idempotent,
            linger: Duration::from_millis(entropy.below(20)),
            batch_size: 80 + entropy.below(150) as usize,
            buffer_memory: 20_000,
            max_request_size: 1_000,
            delivery_timeout: Duration::from_secs(3),
            ..ProducerConfig::default()
        };
        let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(200));
        let machine = Machine::new(&config, backoff, Duration::from_mins(5), entropy.fork());
        let leaders = (0..PARTITIONS).map(|_| 1 + entropy.below(NODES) as i32).collect();
        Self {
            machine,
            entropy,
            faults,
            now: Monotonic::ORIGIN,
            leaders,
            logs: (0..PARTITIONS).map(|_| PartitionLog::default()).collect(),
            links: (1..=NODES).map(|node| (node as i32, Link::default())).collect(),
            metadata_asked: false,
            identity_asked: false,
            last_producer_id: 0,
            last_record: 0,
            batches: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let rough = self.faults == Faults::Rough;
            match self.entropy.below(100) {
                0..35 => self.append(),
                35..55 => self.process_somewhere(),
                55..75 => self.answer_somewhere(),
                75..80 => self.answer_questions(),
                80..94 => self.now = self.now + Duration::from_millis(self.entropy.below(60)),
                94 if rough => self.now = self.now + Duration::from_millis(self.entropy.below(2_000)),
                95..98 if rough => self.cut_somewhere(),
                98..100 if rough => self.move_a_leader(),
                _ => {}
            }
            self.poll();
        }
    }

    /// The faults end; everything has to be resolved.
    pub(super) fn finish(&mut self) {
        self.faults = Faults::None;
        let newest = self.machine.flush();
        for _ in 0..10_000 {
            self.poll();
            if self.machine.is_flushed(newest) && self.links.values().all(Link::is_quiet) {
                break;
            }
            let busy = self.links.values().any(|link| !link.is_quiet())
                || self.metadata_asked
                || self.identity_asked;
            for _ in 0..NODES * 5 {
                self.process_somewhere();
                self.answer_somewhere();
            }
            self.answer_questions();
            if !busy {
                self.now = self.machine.deadline(self.now).unwrap_or(self.now + Duration::from_millis(1));
            }
        }
        self.poll();
        assert!(self.machine.is_flushed(newest), "everything is resolved in the end");
        assert_eq!(self.machine.buffered, 0, "all memory is free again");
        assert!(self.machine.requests.is_empty());
    }

    fn append(&mut self) {
        self.last_record += 1;
        let partition = self.entropy.below(PARTITIONS as u64) as i32;
        let value = self.last_record.to_be_bytes();
        let topic = topic();
        let record = ProducerRecord::new(&topic, &value).partition(PartitionId(partition));
        let (batches, now) = (&mut self.batches, self.now);
        let token = |at: TopicPartition| {
            batches.push(Sent { partition: at.partition.0 as usize, records: Vec::new(), outcome: None });
            batches.len() - 1
        };
        match self.machine.append(&record, || Timestamp(1), || now, token) {
            Ok(appended) => {
                let batch = &mut self.batches[appended.token];
                assert_eq!(batch.records.len(), appended.index as usize);
                batch.records.push(self.last_record);
            }
            Err(Blocked::Failed(error)) => panic!("{error}"),
            Err(_) => {}
        }
    }

    fn poll(&mut self) {
        for action in self.machine.poll(self.now) {
            match action {
                Action::Send(dispatch) => self.send(dispatch),
                Action::InitProducerId => self.identity_asked = true,
                Action::RefreshMetadata(_) => self.metadata_asked = true,
                Action::Complete(batch, outcome) => self.complete(batch, outcome),
                Action::Coordinate(_) => panic!("there are no transactions"),
            }
        }
        if let Some(deadline) = self.machine.deadline(self.now) {
            assert!(deadline > self.now, "a deadline in the past would spin");
        }
    }

    fn complete(&mut self, batch: usize, outcome: Result<Written, SendError>) {
        let batch = &mut self.batches[batch];
        assert!(batch.outcome.is_none(), "a batch is resolved once");
        let records = batch.records.len() as u64;
        match &outcome {
            Ok(_) => self.tally.acknowledged += records,
            Err(SendError::NotWritten { .. }) => self.tally.not_written += records,
            Err(SendError::PossiblyWritten { .. }) => self.tally.possibly_written += records,
        }
        batch.outcome = Some(outcome);
    }

    /// What a lane does: what follows a request goes behind it on its connection, or nowhere.
    fn send(&mut self, dispatch: Dispatch) {
        let link = self.links.get_mut(&dispatch.node).unwrap();
        let follows = |follow| link.last_started == Some((follow, link.generation));
        let sent = dispatch.follow.is_none_or(follows);
        let mut batches = Vec::new();
        let mut payloads = Vec::new();
        for mut batch in dispatch.batches {
            let bytes = batch.payload.encode(&batch.meta);
            batches.push((batch.partition.0 as usize, bytes));
            payloads.push(batch.payload);
        }
        if sent {
            self.tally.pipelined += u64::from(dispatch.follow.is_some());
            link.last_started = Some((dispatch.id, link.generation));
            link.unprocessed.push_back(Request { id: dispatch.id, batches, payloads });
        } else {
            let outcomes = payloads.into_iter().map(|payload| (lost(false), payload)).collect();
            self.machine.answered(self.now, dispatch.id, outcomes);
        }
    }

    fn some_node(&mut self) -> i32 {
        1 + self.entropy.below(NODES) as i32
    }

    fn process_somewhere(&mut self) {
        let node = self.some_node();
        self.process(node);
    }

    /// The broker takes the next request from its connection.
    fn process(&mut self, node: i32) {
        let Some(request) = self.links.get_mut(&node).unwrap().unprocessed.pop_front() else {
            return;
        };
        let mut outcomes = Vec::new();
        for ((partition, bytes), payload) in request.batches.into_iter().zip(request.payloads) {
            let verdict = self.produce(node, partition, &bytes);
            outcomes.push((verdict, payload));
        }
        self.links.get_mut(&node).unwrap().processed.push_back((request.id, outcomes));
    }

    fn produce(&mut self, node: i32, partition: usize, bytes: &Bytes) -> Verdict {
        let at = TopicPartition::new(topic(), PartitionId(partition as i32));
        let refuse = |error| Verdict::of_code(&at, error, None, nowhere());
        if self.leaders[partition] != node {
            return refuse(ErrorCode::NotLeaderOrFollower);
        }
        let fault = if self.faults == Faults::Rough { self.entropy.below(30) } else { 30 };
        match fault {
            0 => return refuse(ErrorCode::NotEnoughReplicas),
            1 => return refuse(ErrorCode::MessageTooLarge),
            2 => return refuse(ErrorCode::UnknownServerError),
            _ => {}
        }
        let verdict = match self.logs[partition].append(bytes, &mut self.tally) {
            Ok(base_offset) => {
                let written = Written { base_offset: Some(Offset(base_offset)), log_append_time: None };
                Verdict::of_code(&at, ErrorCode::None, None, written)
            }
            Err(error) => return refuse(error),
        };
        match fault {
            3 => refuse(ErrorCode::NotEnoughReplicasAfterAppend),
            4 => refuse(ErrorCode::UnknownServerError),
            _ => verdict,
        }
    }

    fn answer_somewhere(&mut self) {
        let node = self.some_node();
        if let Some((id, outcomes)) = self.links.get_mut(&node).unwrap().processed.pop_front() {
            self.machine.answered(self.now, id, outcomes);
        }
    }

    fn answer_questions(&mut self) {
        let fails = self.faults == Faults::Rough && self.entropy.chance(1, 4);
        if std::mem::take(&mut self.metadata_asked) {
            let view = view(&self.leaders, self.now);
            self.machine.metadata_answered(self.now, (!fails).then_some(&view));
        }
        if std::mem::take(&mut self.identity_asked) {
            self.last_producer_id += 1;
            let identity = (ProducerId(self.last_producer_id), ProducerEpoch(0));
            self.machine.producer_id_answered(self.now, if fails { Err(None) } else { Ok(identity) });
        }
    }

    /// The broker processes some of what was sent; nothing more arrives, and no answer comes back.
    fn cut_somewhere(&mut self) {
        let node = self.some_node();
        let waiting = self.links.get(&node).map_or(0, |link| link.unprocessed.len());
        for _ in 0..self.entropy.below(waiting as u64 + 1) {
            self.process(node);
        }
        let link = self.links.get_mut(&node).unwrap();
        link.generation += 1;
        let processed = std::mem::take(&mut link.processed);
        let unprocessed = std::mem::take(&mut link.unprocessed);
        for (id, outcomes) in processed {
            let outcomes = outcomes.into_iter().map(|(_, payload)| (lost(true), payload)).collect();
            self.machine.answered(self.now, id, outcomes);
        }
        let mut sent = true;
        for request in unprocessed {
            sent &= self.entropy.chance(1, 2);
            let outcomes = request.payloads.into_iter().map(|payload| (lost(sent), payload)).collect();
            self.machine.answered(self.now, request.id, outcomes);
        }
    }

    fn move_a_leader(&mut self) {
        let partition = self.entropy.below(PARTITIONS as u64) as usize;
        self.leaders[partition] = self.some_node();
    }

    pub(super) fn failures(&self) -> usize {
        self.batches.iter().filter(|batch| matches!(batch.outcome, Some(Err(_)))).count()
    }

    /// Acknowledged records are where they are said to be, and those not written are not in the log.
    pub(super) fn check_results_against_the_log(&self) {
        for batch in &self.batches {
            let log = &self.logs[batch.partition].records;
            match batch.outcome.as_ref().expect("every batch is resolved") {
                Ok(written) => {
                    let base = written.base_offset.expect("the model says where").0 as usize;
                    assert_eq!(&log[base..base + batch.records.len()], &batch.records[..]);
                }
                Err(SendError::NotWritten { cause }) => {
                    let there = batch.records.iter().find(|record| log.contains(record));
                    assert_eq!(there, None, "{cause}");
                }
                Err(SendError::PossiblyWritten { .. }) => {}
            }
        }
    }

    pub(super) fn check_each_record_at_most_once_and_in_order(&self) {
        for log in &self.logs {
            let unique: BTreeSet<&u64> = log.records.iter().collect();
            assert_eq!(unique.len(), log.records.len(), "doubled: {:?}", log.records);
            assert!(log.records.is_sorted(), "out of order: {:?}", log.records);
        }
    }
}

impl Link {
    fn is_quiet(&self) -> bool {
        self.unprocessed.is_empty() && self.processed.is_empty()
    }
}

impl PartitionLog {
    /// Kafka's `ProducerStateManager`: where the batch is, now or since before, or why it is refused.
    fn append(&mut self, bytes: &Bytes, tally: &mut Tally) -> Result<i64, ErrorCode> {
        let batch = Batch::parse(bytes).unwrap();
        batch.verify_crc().unwrap();
        let base_offset = self.records.len() as i64;
        let (ProducerId(id), ProducerEpoch(epoch)) = (batch.producer_id(), batch.producer_epoch());
        let first = batch.base_sequence();
        if id >= 0 {
            let last = first + batch.record_count() - 1;
            if let Some(known) = self.producers.get_mut(&id) {
                let seen = known.recent.iter().find(|(f, l, _)| (*f, *l) == (first, last));
                if let Some((_, _, offset)) = seen.filter(|_| known.epoch == epoch) {
                    tally.duplicates += 1;
                    return Ok(*offset);
                }
                if epoch < known.epoch {
                    return Err(ErrorCode::InvalidProducerEpoch);
                }
                let expected = if epoch > known.epoch { 0 } else { known.last_sequence + 1 };
                if first != expected {
                    tally.out_of_order += 1;
                    return Err(ErrorCode::OutOfOrderSequenceNumber);
                }
                if epoch > known.epoch {
                    tally.new_epochs += 1;
                    known.recent.clear();
                }
            }
            let recent = VecDeque::new();
            let known =
                self.producers.entry(id).or_insert(ProducerState { epoch, last_sequence: last, recent });
            known.epoch = epoch;
            known.last_sequence = last;
            known.recent.push_back((first, last, base_offset));
            if known.recent.len() > 5 {
                known.recent.pop_front();
            }
        }
        let open = batch.open(1 << 20).unwrap();
        for record in open.records() {
            let value = record.unwrap().value.unwrap().try_into().unwrap();
            self.records.push(u64::from_be_bytes(value));
        }
        Ok(base_offset)
    }
}

fn nowhere() -> Written {
    Written { base_offset: None, log_append_time: None }
}

/// The verdict where the connection was lost.
fn lost(sent: bool) -> Verdict {
    let (broker, api, cause) = (Arc::from("broker"), ApiKey::Produce, Arc::new(Disconnect::Closed));
    let error = if sent {
        CallError::NoAnswer { broker, api, cause }
    } else {
        CallError::NotSent { broker, api, cause }
    };
    Verdict::of_failure(&error)
}
