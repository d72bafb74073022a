//! A worker: one consumer, one producer, and the tasks between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_client::{
    Assignor, Client, CommitError, CommittedOffset, Connector, ConsumeError, Consumer, ConsumerConfig,
    ConsumerEvent, GroupProtocol, Producer, ProducerRecord, SendError, SendFailure, StartAt,
};
use headwater_model::{Monotonic, Offset, TopicName, TopicPartition};
use headwater_wire::batch::Header;
use tokio::sync::watch;

use super::changes::Changes;
use super::config::StreamsConfig;
use super::error::{StreamsError, because};
use super::polling::{next_news, poll, unless_taken};
use super::progress::{Orders, Shared, WorkerState};
use super::purge::Purge;
use super::restore::{Restore, Starts};
use super::tasks::Tasks;
use crate::changes::{NEW_ENTRY, StoreWrites};
use crate::error::OnError;
use crate::outputs::Outputs;
use crate::store::StateError;
use crate::store::global::GlobalStores;
use crate::task::{End, Step, Task, TaskConfig};
use crate::topology::{Plan, SubTopology, TaskId, Topology};

/// How many records a task processes before its results are sent.
const RECORDS_PER_STEP: usize = 1_000;

/// How long a worker waits for records before it looks around.
const POLL: Duration = Duration::from_millis(100);

/// How long a worker waits until another one lets go of a task's folder.
const FOLDER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a task tells its watermark to the readers of its repartition topics, at most.
const TELL_WATERMARK: Duration = Duration::from_millis(100);

/// Which tasks a worker has.
pub(super) enum Assignment {
    /// Those that the group gives it.
    Group,
    /// These.
    Tasks(Vec<TaskId>),
}

/// See the module.
pub(super) struct Worker<C: Connector> {
    number: usize,
    topology: Topology,
    plan: Plan,
    shared: Arc<Shared>,
    orders: watch::Receiver<Orders>,
    config: StreamsConfig,
    client: Client<C>,
    consumer: Consumer<C>,
    producer: Producer<C>,
    tasks: Tasks,
    state: WorkerState,
    /// What the group has, as far as this worker knows.
    committed: BTreeMap<TopicPartition, CommittedOffset>,
    changes: Changes,
    purge: Purge,
    committed_at: Monotonic,
    paused: BTreeSet<TopicPartition>,
    /// True if its tasks are not the group's to give: nobody else of the application runs.
    is_alone: bool,
    /// What the group said while stores were filled.
    news: Option<ConsumerEvent>,
}

/// What a round of work left to do.
struct Round {
    /// Some task can go on at once.
    busy: bool,
    /// Tasks that are at their bounds.
    finished: BTreeSet<TaskId>,
    /// Tasks that are where these are so far.
    resting: BTreeSet<TaskId>,
}

impl<C: Connector> Worker<C> {
    pub(super) fn new(
        number: usize,
        client: Client<C>,
        topology: Topology,
        plan: Plan,
        globals: GlobalStores,
        shared: Arc<Shared>,
        config: StreamsConfig,
    ) -> Self {
        let instance =
            config.consumer.group_instance_id.as_ref().map(|instance| format!("{instance}-{number}"));
        let consumer = client.consumer(ConsumerConfig {
            group: Some(topology.application_id().to_owned()),
            group_instance_id: instance,
            // A task needs the same partition of all its topics, and its worker is told of all that it has at once.
            group_protocol: GroupProtocol::Classic,
            assignors: vec![Assignor::Range],
            ..config.consumer.clone()
        });
        let place = config.place(&topology, &plan);
        let task_config = TaskConfig { keeps_store_writes: true, ..config.task.clone() };
        Self {
            number,
            orders: shared.orders(),
            shared,
            consumer,
            producer: client.producer(config.producer.clone()),
            tasks: Tasks::new(topology.clone(), plan.clone(), globals, task_config, place),
            state: WorkerState::default(),
            committed: BTreeMap::new(),
            changes: Changes::default(),
            purge: Purge::new(config.repartition_purge_interval, client.clock().monotonic()),
            committed_at: client.clock().monotonic(),
            paused: BTreeSet::new(),
            is_alone: false,
            news: None,
            client,
            topology,
            plan,
            config,
        }
    }

    /// Works until told to stop, or until something fails.
    pub(super) async fn run(mut self, assignment: Assignment) -> Result<(), StreamsError> {
        let worked = self.work(assignment).await;
        if worked.is_ok() {
            self.producer.close().await?;
        }
        self.consumer.close().await;
        worked
    }

    async fn work(&mut self, assignment: Assignment) -> Result<(), StreamsError> {
        match assignment {
            Assignment::Group => self.consumer.subscribe(self.topics())?,
            Assignment::Tasks(tasks) => {
                self.is_alone = true;
                let starts = self.take(&tasks.into_iter().collect()).await?;
                if !self.state.settled && !self.orders.borrow().stop {
                    return Err(self.not_alone());
                }
                self.consumer.assign(starts)?;
            }
        }
        let mut wait = POLL;
        loop {
            let orders = self.orders.borrow_and_update().clone();
            if orders.stop {
                return self.end().await;
            }
            if let Some(event) = self.next_event(wait).await? {
                self.take_event(event).await?;
            }
            if self.state.round != orders.round {
                self.state.round = orders.round;
                self.state.resting.clear();
            }
            self.locate_all(&orders)?;
            let round = self.process(&orders).await?;
            self.hold_back()?;
            let due = self.client.clock().monotonic() - self.committed_at >= self.config.commit_interval
                || self.tasks.must_commit();
            let has_finished = !round.finished.is_subset(&self.state.finished)
                || !round.resting.is_subset(&self.state.resting);
            if (due || has_finished) && self.commit().await? {
                self.state.finished = round.finished;
                self.state.resting.extend(round.resting);
            }
            self.tell();
            wait = if round.busy { Duration::ZERO } else { POLL };
        }
    }

    /// Commits, and lets go of all that is held.
    async fn end(&mut self) -> Result<(), StreamsError> {
        if self.commit().await? {
            self.purge.end(&self.client, self.worked_off()).await;
        }
        self.tasks.close(self.client.clock().now())
    }

    /// The next event, or `None` after a while, or as soon as there are new orders.
    async fn next_event(&mut self, wait: Duration) -> Result<Option<ConsumerEvent>, ConsumeError> {
        if let Some(news) = self.news.take() {
            return Ok(Some(news));
        }
        if wait.is_zero() {
            // Lets others work, too.
            tokio::task::yield_now().await;
        }
        tokio::select! {
            biased;
            event = poll(&self.consumer, wait) => event,
            _ = self.orders.changed() => Ok(None),
        }
    }

    async fn take_event(&mut self, event: ConsumerEvent) -> Result<(), StreamsError> {
        match event {
            ConsumerEvent::Fetched(fetched) => self.tasks.add(fetched),
            ConsumerEvent::Assigned(partitions) => {
                let tasks = self.tasks.reading(&partitions);
                let starts = self.take(&tasks).await?;
                for (at, start) in starts {
                    // A partition of a task may be another member's if its topics are not divided alike.
                    if partitions.contains(&at) && !matches!(start, StartAt::Committed) {
                        unless_taken(self.consumer.seek(&at, start))?;
                    }
                }
            }
            ConsumerEvent::Revoked(_) => {
                self.commit().await?;
                self.tasks.suspend();
                self.unsettle();
            }
            ConsumerEvent::Lost(_) => {
                self.tasks.lose();
                self.unsettle();
            }
        }
        Ok(())
    }

    /// Has these tasks from now on; gives where to read.
    async fn take(
        &mut self,
        tasks: &BTreeSet<TaskId>,
    ) -> Result<Vec<(TopicPartition, StartAt)>, StreamsError> {
        self.paused.clear();
        let mut new = Vec::new();
        for id in self.tasks.keep(tasks, self.client.clock().now())? {
            new.extend(self.make(id).await?);
        }
        // If the group divides its tasks anew meanwhile, it says again which ones it gives.
        let Some(starts) = self.fill(&mut new).await? else {
            return Ok(Vec::new());
        };
        let starts = self.tasks.resume(new, &starts);
        self.state.settled = true;
        self.state.finished.clear();
        self.state.resting.clear();
        self.tell();
        Ok(starts)
    }

    /// Fills the stores of new tasks. It polls meanwhile, so that the group, however long this takes, neither takes the
    /// worker for dead nor waits for it; `None` if the group has something to say.
    async fn fill(&mut self, new: &mut [Task]) -> Result<Option<Starts>, StreamsError> {
        let restore = Restore {
            client: &self.client,
            member: &self.consumer,
            plan: &self.plan,
            config: &self.config,
            orders: &self.orders,
        };
        // While nothing is handed out, all that a poll can give is what the group says.
        let partitions = self.consumer.assignment();
        for at in &partitions {
            unless_taken(self.consumer.pause(at))?;
        }
        let starts = tokio::select! {
            biased;
            starts = restore.fill(new) => starts?,
            news = next_news(&self.consumer), if !partitions.is_empty() => {
                self.news = Some(news?);
                return Ok(None);
            }
        };
        for at in &partitions {
            unless_taken(self.consumer.resume(at))?;
        }
        Ok(starts)
    }

    /// Makes a task. Its folder may still be open in another worker of this instance, which has just lost it.
    async fn make(&mut self, id: TaskId) -> Result<Option<Task>, StreamsError> {
        let give_up = self.client.clock().monotonic() + FOLDER_TIMEOUT;
        loop {
            match self.tasks.make(id) {
                Err(StateError::InUse { .. }) if self.client.clock().monotonic() < give_up => {
                    let _ = tokio::time::timeout(POLL, self.orders.changed()).await;
                }
                made => return Ok(made?),
            }
        }
    }

    fn unsettle(&mut self) {
        self.committed.clear();
        self.paused.clear();
        self.state.settled = false;
        self.state.finished.clear();
        self.state.resting.clear();
        self.tell();
    }

    /// Tells the tasks where their inputs end.
    fn locate_all(&mut self, orders: &Orders) -> Result<(), ConsumeError> {
        let partitions: Vec<_> = self.tasks.partitions().cloned().collect();
        self.state.lag = 0;
        for at in partitions {
            let position = unless_taken(self.consumer.position(&at))?.flatten();
            let watermarks = unless_taken(self.consumer.watermarks(&at))?.flatten();
            let high = watermarks.map(|watermarks| watermarks.high);
            let bounds = orders.bounds.as_ref();
            let end = match (bounds.and_then(|bounds| bounds.ends.get(&at)), high) {
                (Some(end), _) => End::Bounded(*end),
                (None, Some(high)) => End::At(high),
                (None, None) => End::Unknown,
            };
            self.tasks.locate(&at, position, end);
            if let (Some(position), Some(high)) = (position, high) {
                self.state.lag += high.0.saturating_sub(position.0).max(0) as u64;
            }
        }
        Ok(())
    }

    /// Lets every task that may work take a step, and sends what it made.
    async fn process(&mut self, orders: &Orders) -> Result<Round, StreamsError> {
        let mut round = Round { busy: false, finished: BTreeSet::new(), resting: BTreeSet::new() };
        // Where ends are known, a task is done when it has finished, and not before.
        let moving = orders.bounds.as_ref().filter(|bounds| bounds.are_moving());
        let working: Vec<TaskId> = self.tasks.working(orders).map(|(id, _)| id).collect();
        for id in working {
            let now = self.client.clock().monotonic();
            let Some(task) = self.tasks.get_mut(id) else {
                continue;
            };
            // What has finished is over, whatever its timers say.
            let punctuated = if self.state.finished.contains(&id) || self.state.resting.contains(&id) {
                Ok(())
            } else {
                task.punctuate(self.client.clock().now())
            };
            let step = punctuated.and_then(|()| task.step(now, RECORDS_PER_STEP));
            let step = step.map_err(|source| StreamsError::Task { task: id, source })?;
            let told_before = if step == Step::Finished { Duration::ZERO } else { TELL_WATERMARK };
            task.tell_watermark(now, told_before);
            let policy = self.config.task.policies.production;
            send(&self.producer, task.outputs(), policy, &mut self.state).await?;
            task.clear_outputs();
            for error in task.take_skipped() {
                tracing::warn!(task = %id, "a record was skipped: {error}{}", because(&error));
            }
            match step {
                Step::More => round.busy = true,
                Step::Finished => drop(round.finished.insert(id)),
                Step::Waiting(_) | Step::Idle => {}
            }
            if moving.is_some_and(|bounds| self.tasks.has_come_to(bounds, id)) {
                round.resting.insert(id);
            }
        }
        Ok(round)
    }

    /// Pauses the partitions of which enough waits, and resumes those of which it does not any more.
    fn hold_back(&mut self) -> Result<(), ConsumeError> {
        let partitions: Vec<_> = self.tasks.partitions().cloned().collect();
        for at in partitions {
            let (waits, limit) = (self.tasks.buffered_bytes(&at), self.config.max_buffered_bytes);
            if waits > limit && !self.paused.contains(&at) {
                unless_taken(self.consumer.pause(&at))?;
                self.paused.insert(at);
            } else if waits <= limit / 2 && self.paused.remove(&at) {
                unless_taken(self.consumer.resume(&at))?;
            }
        }
        Ok(())
    }

    /// Commits what has been processed, after everything made of it is acknowledged. False if the group does not take it,
    /// as it divides its tasks anew: who gets them does again what was not committed.
    async fn commit(&mut self) -> Result<bool, StreamsError> {
        self.committed_at = self.client.clock().monotonic();
        for (task, writes) in self.tasks.take_changes()? {
            send_changes(&self.producer, task, &writes, &mut self.changes).await?;
        }
        let flushed = self.producer.flush().await;
        skip_or_fail(flushed, false, self.config.task.policies.production, &mut self.state)?;
        for (task, store, end) in self.changes.acknowledged().await? {
            self.tasks.changelog_reaches(task, store, end);
        }
        let news = self.tasks.news(&self.committed);
        if news.is_empty() {
            // All is committed already, and may wait to be written.
            self.purge();
            self.tasks.have_committed(self.client.clock().now())?;
            return Ok(true);
        }
        match self.consumer.commit(news.clone()).await {
            Ok(()) => {
                self.committed.extend(news);
                self.purge();
                self.tasks.have_committed(self.client.clock().now())?;
                Ok(true)
            }
            Err(CommitError::Rebalancing | CommitError::NotMember(_)) if self.is_alone => {
                Err(self.not_alone())
            }
            Err(CommitError::Rebalancing | CommitError::NotMember(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn not_alone(&self) -> StreamsError {
        StreamsError::NotAlone(self.topology.application_id().to_owned())
    }

    /// Lets repartition topics go of what is committed, every so often.
    fn purge(&mut self) {
        let now = self.client.clock().monotonic();
        if self.purge.is_due(now) {
            self.purge.begin(&self.client, now, self.worked_off());
        }
    }

    /// Up to where repartition topics are committed.
    fn worked_off(&self) -> Vec<(TopicPartition, Offset)> {
        let of_repartitions = self.committed.iter().filter(|(at, _)| self.plan.is_repartition(&at.topic));
        of_repartitions.map(|(at, committed)| (at.clone(), committed.offset)).collect()
    }

    fn tell(&mut self) {
        self.state.tasks = self.tasks.metrics();
        self.shared.tell(self.number, self.state.clone());
    }

    fn topics(&self) -> Vec<TopicName> {
        let sources = self.topology.sub_topologies().iter().flat_map(SubTopology::sources);
        let topics: BTreeSet<_> = sources.map(|source| source.topic.clone()).collect();
        topics.into_iter().collect()
    }
}

/// Hands a task's results to the producer; waits only for room.
async fn send<C: Connector>(
    producer: &Producer<C>,
    outputs: &Outputs,
    policy: OnError,
    state: &mut WorkerState,
) -> Result<(), StreamsError> {
    for record in outputs.records() {
        let headers: Vec<Header<'_>> = record
            .headers
            .iter()
            .map(|header| Header { key: &header.key, value: header.value.as_deref() })
            .collect();
        let sent = producer
            .send(ProducerRecord {
                topic: record.topic,
                partition: record.partition,
                key: record.key,
                value: record.value,
                headers: &headers,
                timestamp: Some(record.timestamp),
            })
            .await;
        state.records_out += u64::from(!record.is_mark());
        skip_or_fail(sent.map(drop), record.is_chosen, policy, state)?;
    }
    Ok(())
}

/// Hands the changes of a task's stores to the producer, each to its changelog.
async fn send_changes<C: Connector>(
    producer: &Producer<C>,
    task: TaskId,
    writes: &StoreWrites,
    changes: &mut Changes,
) -> Result<(), StreamsError> {
    let new = [Header { key: NEW_ENTRY, value: None }];
    for write in writes.iter() {
        let sent = producer.send(ProducerRecord {
            topic: write.topic,
            partition: Some(task.partition),
            key: Some(write.key),
            value: write.value,
            headers: if write.is_new { &new } else { &[] },
            timestamp: Some(write.timestamp),
        });
        changes.add(task, write.id, sent.await?);
    }
    Ok(())
}

/// A result that is refused for what it is may be skipped, and so may one that chose a topic that cannot be written to;
/// anything else stops the instance.
fn skip_or_fail(
    sent: Result<(), SendError>,
    chose_its_topic: bool,
    policy: OnError,
    state: &mut WorkerState,
) -> Result<(), StreamsError> {
    let Err(error) = sent else {
        return Ok(());
    };
    let is_the_records_fault = match error.cause() {
        SendFailure::RecordTooLarge { .. } | SendFailure::Refused { .. } => true,
        SendFailure::NoSuchTopic(_) | SendFailure::Topic { .. } => chose_its_topic,
        _ => false,
    };
    if policy == OnError::Skip && is_the_records_fault && !error.may_be_written() {
        state.skipped_results += 1;
        return Ok(());
    }
    Err(error.into())
}
