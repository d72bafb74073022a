//! The producer as a pure machine: records, answers and the time go in; requests, results and a deadline come out.
//!
//! Owns: the batches of all partitions, the memory that they take, which of them go into the next request to which
//! broker, when the cluster has to be asked about topics or for a producer id.
//!
//! Invariants: every batch is resolved exactly once. Requests to one broker are answered in their order; a request
//! that has others of the same broker before it (`follow`) must use their connection or fail unsent, since what
//! was sent before must arrive before.
//!
//! Does not know: connections, Tokio, who waits for results (`T`), how a batch is compressed and put into a request.

mod batch;
mod dispatch;
mod numbering;
mod partition;
#[cfg(test)]
mod tests;
mod topic;
mod transaction;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use headwater_model::{
    Entropy, Monotonic, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicName, TopicPartition,
};
use headwater_wire::batch::{BatchBuilder, HEADER_SIZE};

use super::config::{Acks, ProducerConfig};
use super::error::{SendError, SendFailure};
use super::record::ProducerRecord;
use super::transaction::machine::{Call, TransactionMachine, TransactionVersion};
use crate::cluster::ClusterView;
use crate::metrics::ProducerMetrics;
use crate::retry::Backoff;
use batch::Batch;
use partition::{Changes, Partition, Rules};
use topic::Topic;

pub(crate) use batch::{Outgoing, Payload, RequestId};
pub(crate) use verdict::{Verdict, Written};

/// The smallest buffer of a new batch.
const SMALLEST_BUFFER: usize = 512;

/// A produce request to be sent.
#[derive(Debug)]
pub(crate) struct Dispatch {
    pub(crate) id: RequestId,
    pub(crate) node: i32,
    /// The request before this one to the same broker that is still unanswered.
    pub(crate) follow: Option<RequestId>,
    /// How it belongs to a transaction, if it does.
    pub(crate) transaction: Option<TransactionVersion>,
    pub(crate) batches: Vec<Outgoing>,
}

/// What has to be done outside.
#[derive(Debug)]
pub(crate) enum Action<T> {
    /// Send this; tell the outcome by [`Machine::answered`].
    Send(Dispatch),
    /// Get a producer id; tell by [`Machine::producer_id_answered`].
    InitProducerId,
    /// Ask a coordinator; tell by [`Machine::coordinated`].
    Coordinate(Call),
    /// Ask the cluster about these topics; tell by [`Machine::metadata_answered`].
    RefreshMetadata(Vec<TopicName>),
    /// Tell whoever waits for this batch.
    Complete(T, Result<Written, SendError>),
}

/// A record that was taken.
#[derive(Debug)]
pub(crate) struct Appended<T> {
    /// Its batch.
    pub(crate) token: T,
    /// Its place in the batch.
    pub(crate) index: i32,
    pub(crate) timestamp: Timestamp,
    /// True if there may be something new to send.
    pub(crate) wake: bool,
}

/// Why a record was not taken.
#[derive(Debug)]
pub(crate) enum Blocked {
    /// The topic's partitions are not known yet.
    NeedsMetadata,
    /// Too many bytes are unacknowledged.
    NoRoom,
    /// It will never be.
    Failed(SendError),
}

/// Something to be asked for: whether it is under way, and when it may be asked for again.
#[derive(Debug)]
struct Question {
    wanted: bool,
    asked: bool,
    failures: u32,
    not_before: Monotonic,
}

impl Question {
    fn new() -> Self {
        Self { wanted: false, asked: false, failures: 0, not_before: Monotonic::ORIGIN }
    }

    fn ask(&mut self, now: Monotonic) -> bool {
        let ask = self.wanted && !self.asked && self.not_before <= now;
        self.asked |= ask;
        ask
    }

    fn answered(&mut self, satisfied: bool, now: Monotonic, backoff: &Backoff, entropy: &mut Entropy) {
        self.asked = false;
        self.wanted = !satisfied;
        self.failures = if satisfied { 0 } else { self.failures.saturating_add(1) };
        self.not_before = now + backoff.delay(self.failures.max(1), entropy);
    }

    fn deadline(&self) -> Option<Monotonic> {
        (self.wanted && !self.asked).then_some(self.not_before)
    }
}

#[derive(Debug, Default)]
struct Node {
    /// Unanswered requests, in their order.
    requests: VecDeque<RequestId>,
    /// Where the next request begins to look for batches, so that no partition starves.
    cursor: usize,
}

/// A partition as an index into topics and their partitions.
type Place = (usize, usize);

#[derive(Debug)]
pub(crate) struct Machine<T> {
    rules: Rules,
    /// Always empty: it tells how large a record is.
    measure: BatchBuilder,
    batch_size: usize,
    buffer_memory: usize,
    max_request_size: usize,
    metadata_max_age: Duration,
    topics: Vec<Topic<T>>,
    places: BTreeMap<TopicName, usize>,
    nodes: BTreeMap<i32, Node>,
    requests: BTreeMap<RequestId, (i32, Vec<Place>)>,
    last_request: u64,
    last_batch: u64,
    /// Batches of this number and below do not linger.
    flush_to: u64,
    unresolved: BTreeSet<u64>,
    /// The deadline that was given last.
    asleep_until: Option<Monotonic>,
    buffered: usize,
    identity: Option<(ProducerId, ProducerEpoch)>,
    identity_question: Question,
    /// Set for a transactional producer.
    transaction: Option<TransactionMachine>,
    metadata_question: Question,
    completed: Vec<(T, Result<Written, SendError>)>,
    first_failure: Option<SendError>,
    counts: ProducerMetrics,
    closed: Option<Arc<SendFailure>>,
    entropy: Entropy,
}

impl<T: Clone> Machine<T> {
    pub(crate) fn new(
        config: &ProducerConfig,
        backoff: Backoff,
        metadata_max_age: Duration,
        entropy: Entropy,
    ) -> Self {
        Self {
            rules: Rules {
                idempotent: config.idempotent && config.acks == Acks::All,
                transactional: false,
                admission: None,
                max_in_flight: config.max_in_flight.clamp(1, 5),
                linger: config.linger,
                delivery_timeout: config.delivery_timeout,
                backoff,
            },
            measure: BatchBuilder::new(config.compression),
            batch_size: config.batch_size,
            buffer_memory: config.buffer_memory,
            max_request_size: config.max_request_size,
            metadata_max_age,
            topics: Vec::new(),
            places: BTreeMap::new(),
            nodes: BTreeMap::new(),
            requests: BTreeMap::new(),
            last_request: 0,
            last_batch: 0,
            flush_to: 0,
            unresolved: BTreeSet::new(),
            asleep_until: None,
            buffered: 0,
            identity: None,
            identity_question: Question::new(),
            transaction: None,
            metadata_question: Question::new(),
            completed: Vec::new(),
            first_failure: None,
            counts: ProducerMetrics::default(),
            closed: None,
            entropy,
        }
    }

    /// Takes a record into the batch under construction of its partition. `wall` is its time if it has none.
    ///
    /// `now` and `token` are called when a new batch begins.
    pub(crate) fn append(
        &mut self,
        record: &ProducerRecord<'_>,
        wall: impl FnOnce() -> Timestamp,
        now: impl Fn() -> Monotonic,
        token: impl FnOnce(TopicPartition) -> T,
    ) -> Result<Appended<T>, Blocked> {
        if let Some(cause) = &self.closed {
            return Err(Blocked::Failed(SendError::new(false, Arc::clone(cause))));
        }
        if let Some(refusal) = self.transaction.as_ref().and_then(TransactionMachine::refusal) {
            return Err(failed(SendFailure::Transaction(refusal.clone())));
        }
        let place = self.place(record.topic);
        let Some(topic) = self.topics.get_mut(place) else {
            return Err(Blocked::NeedsMetadata);
        };
        if let Err(failure) = topic.check(&now) {
            return Err(failure.map_or(Blocked::NeedsMetadata, failed));
        }
        let batch_size = self.batch_size;
        let alone = self.measure.size_with(record.key, record.value, record.headers);
        let fits = |partition: &Partition<T>| partition.fits(alone.saturating_sub(HEADER_SIZE), batch_size);
        let index = topic.choose(record, &mut self.entropy, fits).map_err(failed)?;
        let name = &topic.name;
        let Some(partition) = topic.partitions.get_mut(index) else {
            return Err(Blocked::NeedsMetadata);
        };
        let fits = fits(partition);
        let limit = self.max_request_size.min(self.buffer_memory);
        if alone > limit {
            return Err(failed(SendFailure::RecordTooLarge { size: alone, limit }));
        }
        if self.buffered + alone > self.buffer_memory {
            // Nothing lingers while a sender waits for room.
            self.flush_to = self.last_batch;
            return Err(Blocked::NoRoom);
        }
        let mut wake = false;
        if !fits {
            let begun = now();
            // The driver wakes by itself for what lingers longer than what it waits for already.
            wake = partition.has_open()
                || self.asleep_until.is_none_or(|until| begun + self.rules.linger < until);
            self.last_batch += 1;
            self.unresolved.insert(self.last_batch);
            let capacity =
                partition.typical_size.max(alone).clamp(SMALLEST_BUFFER, batch_size.max(SMALLEST_BUFFER));
            let builder = BatchBuilder::with_capacity(self.measure.compression(), capacity);
            let at = TopicPartition::new(name.clone(), PartitionId(index as i32));
            partition.begin(Batch::new(self.last_batch, token(at), builder, begun));
        }
        let timestamp = record.timestamp.unwrap_or_else(wall);
        let Some((token, index, grown)) = partition.append(record, timestamp) else {
            return Err(failed(SendFailure::Closed));
        };
        self.buffered += grown;
        Ok(Appended { token, index, timestamp, wake })
    }

    /// The index of a topic, which is new if nothing was sent to it yet.
    fn place(&mut self, name: &TopicName) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.topics.len();
        self.topics.push(Topic::new(name.clone()));
        self.places.insert(name.clone(), place);
        place
    }

    /// Everything that has to be done now.
    pub(crate) fn poll(&mut self, now: Monotonic) -> Vec<Action<T>> {
        self.expire(now);
        self.discard_what_is_aborted();
        let mut actions = Vec::new();
        if self.closed.is_none() {
            self.dispatch(now, &mut actions);
            actions.extend(self.coordinate(now));
            if self.identity_question.ask(now) {
                actions.push(Action::InitProducerId);
            }
            let max_age = self.metadata_max_age;
            self.metadata_question.wanted |=
                self.topics.iter().any(|topic| topic.needs_metadata(now, max_age));
            if self.metadata_question.ask(now) {
                actions.push(Action::RefreshMetadata(self.places.keys().cloned().collect()));
            }
        }
        let completed = std::mem::take(&mut self.completed).into_iter();
        actions.extend(completed.map(|(token, outcome)| Action::Complete(token, outcome)));
        actions
    }

    /// When to poll again if nothing happens before: always later than now.
    pub(crate) fn deadline(&mut self, now: Monotonic) -> Option<Monotonic> {
        let questions = [self.identity_question.deadline(), self.metadata_question.deadline()];
        let ages = self.topics.iter().filter_map(|topic| Some(topic.refreshed? + self.metadata_max_age));
        let partitions = self.topics.iter().flat_map(|topic| &topic.partitions);
        let partitions = partitions.filter_map(|partition| partition.deadline(&self.rules, now));
        let coordination = self.transaction.as_ref().and_then(TransactionMachine::deadline);
        let moments = questions.into_iter().flatten().chain(ages).chain(partitions).chain(coordination);
        self.asleep_until = moments.filter(|moment| *moment > now).min();
        self.asleep_until
    }

    /// What became of a request: a verdict for each of its batches, in their order, which come back.
    pub(crate) fn answered(&mut self, now: Monotonic, id: RequestId, outcomes: Vec<(Verdict, Payload)>) {
        let Some((node, places)) = self.requests.remove(&id) else {
            return;
        };
        if let Some(node) = self.nodes.get_mut(&node) {
            node.requests.retain(|request| *request != id);
        }
        for (place, (verdict, payload)) in places.into_iter().zip(outcomes) {
            self.metadata_question.wanted |= !matches!(verdict, Verdict::Written(_));
            let Self { topics, rules, entropy, .. } = self;
            if let Some(partition) = partition_at(topics, place) {
                let changes = partition.answered(rules, now, entropy, (id, verdict, payload));
                self.apply(changes);
            }
        }
    }

    /// The cluster's answer to [`Action::InitProducerId`]; an error is final, `None` is worth another try.
    pub(crate) fn producer_id_answered(
        &mut self,
        now: Monotonic,
        answer: Result<(ProducerId, ProducerEpoch), Option<SendFailure>>,
    ) {
        let Self { identity_question, rules, entropy, .. } = self;
        identity_question.answered(answer.is_ok(), now, &rules.backoff, entropy);
        match answer {
            Ok(identity) => self.identity = Some(identity),
            Err(None) => {}
            Err(Some(failure)) => self.abort(failure),
        }
    }

    /// The cluster's answer to [`Action::RefreshMetadata`]; `None` if there was none.
    pub(crate) fn metadata_answered(&mut self, now: Monotonic, view: Option<&ClusterView>) {
        if let Some(view) = view {
            self.cluster_changed(now, view);
        }
        let max_age = self.metadata_max_age;
        let satisfied = view.is_some() && !self.topics.iter().any(|topic| topic.needs_metadata(now, max_age));
        let Self { metadata_question, rules, entropy, .. } = self;
        metadata_question.answered(satisfied, now, &rules.backoff, entropy);
    }

    /// Somebody learned something about the cluster.
    pub(crate) fn cluster_changed(&mut self, now: Monotonic, view: &ClusterView) {
        for topic in &mut self.topics {
            topic.update(view, now);
        }
    }

    /// Nothing that was taken so far lingers. Gives the newest batch, for [`Machine::is_flushed`].
    pub(crate) fn flush(&mut self) -> u64 {
        self.flush_to = self.last_batch;
        self.last_batch
    }

    /// True if this batch and all before it are resolved.
    pub(crate) fn is_flushed(&self, newest: u64) -> bool {
        self.unresolved.first().is_none_or(|oldest| *oldest > newest)
    }

    /// What was done so far.
    pub(crate) fn metrics(&self) -> ProducerMetrics {
        ProducerMetrics {
            buffered_bytes: self.buffered as u64,
            batches_unresolved: self.unresolved.len() as u64,
            ..self.counts
        }
    }

    /// The first failure since this was last asked.
    pub(crate) fn take_failure(&mut self) -> Option<SendError> {
        self.first_failure.take()
    }

    /// Gives up everything, and takes no more records.
    pub(crate) fn abort(&mut self, failure: SendFailure) {
        let cause = Arc::clone(self.closed.get_or_insert_with(|| Arc::new(failure)));
        let partitions = self.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        let changes: Vec<Changes<T>> = partitions.map(|partition| partition.abort(&cause)).collect();
        for changes in changes {
            self.apply(changes);
        }
    }

    /// True once [`Machine::abort`] was called, or the cluster refused a producer id.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    fn expire(&mut self, now: Monotonic) {
        let mut expired = Vec::new();
        for topic in &mut self.topics {
            for (partition, index) in topic.partitions.iter_mut().zip(0..) {
                if partition.has_expired(&self.rules, now) {
                    let at = TopicPartition::new(topic.name.clone(), PartitionId(index));
                    let after = self.rules.delivery_timeout;
                    let why = |last| SendFailure::Expired { at: at.clone(), after, last };
                    expired.push(partition.expire(&self.rules, now, why));
                }
            }
        }
        for changes in expired {
            self.apply(changes);
        }
    }

    fn apply(&mut self, changes: Changes<T>) {
        self.buffered = self.buffered.saturating_sub(changes.freed);
        for resolved in changes.resolved {
            self.unresolved.remove(&resolved.number);
            let records = u64::from(resolved.records.unsigned_abs());
            match &resolved.outcome {
                Ok(_) => self.counts.records_acknowledged += records,
                Err(_) => self.counts.records_failed += records,
            }
            if let Err(error) = &resolved.outcome {
                if let Some(transaction) = &mut self.transaction {
                    transaction.batch_failed(error);
                }
                self.first_failure.get_or_insert_with(|| error.clone());
            }
            self.completed.push((resolved.token, resolved.outcome));
        }
    }
}

fn partition_at<T>(topics: &mut [Topic<T>], (topic, partition): Place) -> Option<&mut Partition<T>> {
    topics.get_mut(topic)?.partitions.get_mut(partition)
}

fn failed(failure: SendFailure) -> Blocked {
    Blocked::Failed(SendError::not_written(failure))
}
