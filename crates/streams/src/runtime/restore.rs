//! Before new tasks begin: their stores are filled, and their first positions are known.
//!
//! Of each store that is what its changelog (or the topic that it is read from) says up to the task's last commit. The
//! changes behind that commit are taken back by the first records that the task sends; see `task/state.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, CommitError, CommittedOffset, Connector, Consumer, ConsumerConfig, StartAt};
use headwater_model::{Offset, TopicName, TopicPartition, Uuid};
use tokio::sync::watch;

use super::config::StreamsConfig;
use super::error::StreamsError;
use super::prepare;
use super::progress::Orders;
use crate::task::{Commit, Found, Task};
use crate::topology::Plan;

/// How long a poll waits.
const POLL: Duration = Duration::from_millis(500);

/// Where to read the inputs of tasks from.
pub(super) type Starts = BTreeMap<TopicPartition, Offset>;

/// See the module.
pub(super) struct Restore<'a, C: Connector> {
    pub(super) client: &'a Client<C>,
    /// The member of the group whose tasks these are.
    pub(super) member: &'a Consumer<C>,
    pub(super) plan: &'a Plan,
    pub(super) config: &'a StreamsConfig,
    pub(super) orders: &'a watch::Receiver<Orders>,
}

/// A backing that is read: the task, by its place, and the backing's number in it.
type Reader = (usize, usize);

impl<C: Connector> Restore<'_, C> {
    /// Fills the stores of tasks that have some, and gives where their inputs begin; `None` if the group divides its tasks
    /// anew meanwhile, or the instance is told to stop.
    pub(super) async fn fill(&self, tasks: &mut [Task]) -> Result<Option<Starts>, StreamsError> {
        let inputs: Vec<_> = tasks.iter().flat_map(|task| self.inputs(task)).collect();
        if inputs.is_empty() {
            return Ok(Some(Starts::new()));
        }
        let committed = match self.member.committed(&inputs).await {
            Ok(committed) => committed,
            Err(CommitError::Rebalancing | CommitError::NotMember(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let backings = tasks.iter().flat_map(Task::backings);
        let existing = backings.filter(|(at, input)| input.is_none() || self.plan.has(at));
        let found = self.find(existing.map(|(at, _)| at.clone()).collect()).await?;
        let mut readers = BTreeMap::new();
        for (index, task) in tasks.iter_mut().enumerate() {
            self.begin(index, task, &committed, &found, &mut readers)?;
        }
        if !self.read(tasks, &readers).await? {
            return Ok(None);
        }
        for task in tasks.iter_mut() {
            let commit = last_commit(task, &committed).unwrap_or_default();
            task.end_restore(&commit).map_err(|source| failed(task, source.into()))?;
        }
        let starts = self.starts(&inputs, &committed).await?;
        let first = self.first_commits(tasks, &committed, &starts);
        Ok(if self.commit(first).await? { Some(starts) } else { None })
    }

    /// The inputs of a task, if it has stores to be filled.
    fn inputs(&self, task: &Task) -> Vec<TopicPartition> {
        let has_stores = task.backings().len() > 0;
        task.inputs().filter(|at| has_stores && self.plan.has(at)).cloned().collect()
    }

    /// What the cluster has of all backings, but for what a commit says.
    async fn find(
        &self,
        backings: Vec<TopicPartition>,
    ) -> Result<BTreeMap<TopicPartition, Found>, StreamsError> {
        let starts = prepare::listed(self.client, backings.iter().cloned(), OffsetSpec::Earliest).await?;
        let ends = prepare::listed(self.client, backings.iter().cloned(), OffsetSpec::Latest).await?;
        let ids = self.topic_ids(&backings).await?;
        let found = backings.into_iter().map(|at| {
            let offset = |offsets: &BTreeMap<_, Offset>| offsets.get(&at).copied().unwrap_or_default();
            let topic_id = ids.get(&at.topic).copied().unwrap_or(Uuid::ZERO);
            let found = Found { topic_id, start: offset(&starts), end: offset(&ends), committed: None };
            (at, found)
        });
        Ok(found.collect())
    }

    async fn topic_ids(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicName, Uuid>, StreamsError> {
        let topics: BTreeSet<_> = partitions.iter().map(|at| at.topic.clone()).collect();
        let topics: Vec<_> = topics.into_iter().collect();
        let mut ids = BTreeMap::new();
        for (topic, described) in self.client.admin().describe_topics(&topics).await? {
            ids.insert(topic, described?.id);
        }
        Ok(ids)
    }

    /// Begins to fill a task's stores; adds who reads what from where.
    fn begin(
        &self,
        index: usize,
        task: &mut Task,
        committed: &BTreeMap<TopicPartition, CommittedOffset>,
        found: &BTreeMap<TopicPartition, Found>,
        readers: &mut BTreeMap<TopicPartition, (Reader, Offset)>,
    ) -> Result<(), StreamsError> {
        let commit = last_commit(task, committed);
        let has_offsets = self.inputs(task).iter().any(|at| committed.contains_key(at));
        let backings: Vec<_> = task.backings().map(|(at, input)| (at.clone(), input)).collect();
        for (backing, (at, input)) in backings.into_iter().enumerate() {
            let Some(found) = found.get(&at) else {
                continue;
            };
            if input.is_none() && !has_offsets && found.end > found.start {
                return Err(StreamsError::StateWithoutOffsets { task: task.id(), changelog: at.topic });
            }
            let committed = match input {
                Some(_) => committed.get(&at).map(|committed| committed.offset),
                None => commit.as_ref().and_then(|commit| task.committed_end(backing, commit)),
            };
            let begun = task.begin_restore(backing, Found { committed, ..*found }, self.client.clock().now());
            let from = begun.map_err(|source| failed(task, source.into()))?.map_err(|committed| {
                StreamsError::ChangelogCut { changelog: at.clone(), committed, end: found.end }
            })?;
            if !task.is_restored(backing, from) {
                readers.insert(at, ((index, backing), from));
            }
        }
        Ok(())
    }

    /// Reads all that is to be read; false if the instance is told to stop.
    async fn read(
        &self,
        tasks: &mut [Task],
        readers: &BTreeMap<TopicPartition, (Reader, Offset)>,
    ) -> Result<bool, StreamsError> {
        if readers.is_empty() {
            return Ok(true);
        }
        let config = ConsumerConfig { group: None, group_instance_id: None, ..self.config.consumer.clone() };
        let consumer = self.client.consumer(config);
        consumer.assign(readers.iter().map(|(at, (_, from))| (at.clone(), StartAt::Offset(*from))))?;
        tracing::info!(partitions = readers.len(), "filling stores");
        while !is_read(&consumer, tasks, readers)? {
            if self.orders.borrow().stop {
                return Ok(false);
            }
            for fetched in consumer.poll(POLL).await? {
                let Some(((index, backing), _)) = readers.get(&fetched.topic_partition) else {
                    continue;
                };
                let now = self.client.clock().now();
                if let Some(task) = tasks.get_mut(*index) {
                    let restored = task.restore(*backing, &fetched.batch, fetched.from, now);
                    restored.map_err(|source| failed(task, source))?;
                }
            }
        }
        tracing::info!(partitions = readers.len(), "stores are filled");
        consumer.close().await;
        Ok(true)
    }

    /// Where inputs begin: where they were committed, or at their earliest record.
    async fn starts(
        &self,
        inputs: &[TopicPartition],
        committed: &BTreeMap<TopicPartition, CommittedOffset>,
    ) -> Result<Starts, StreamsError> {
        let new = inputs.iter().filter(|at| !committed.contains_key(at)).cloned();
        let mut starts = prepare::listed(self.client, new, OffsetSpec::Earliest).await?;
        starts.extend(committed.iter().map(|(at, committed)| (at.clone(), committed.offset)));
        Ok(starts)
    }

    /// Where tasks begin that have never committed: once that is committed, every change in their changelogs is behind some
    /// commit.
    fn first_commits(
        &self,
        tasks: &[Task],
        committed: &BTreeMap<TopicPartition, CommittedOffset>,
        starts: &Starts,
    ) -> Vec<(TopicPartition, CommittedOffset)> {
        let new = tasks.iter().filter(|task| last_commit(task, committed).is_none());
        let first = new.flat_map(|task| {
            let metadata = task.commit().to_string();
            let inputs = self.inputs(task).into_iter();
            inputs.filter_map(move |at| {
                let offset = *starts.get(&at)?;
                Some((at, CommittedOffset { offset, leader_epoch: None, metadata: metadata.clone() }))
            })
        });
        first.collect()
    }

    /// False if the group divides its tasks anew meanwhile.
    async fn commit(&self, offsets: Vec<(TopicPartition, CommittedOffset)>) -> Result<bool, StreamsError> {
        match self.member.commit(offsets).await {
            Ok(()) => Ok(true),
            Err(CommitError::Rebalancing | CommitError::NotMember(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// What the task's last commit says beside positions.
fn last_commit(task: &Task, committed: &BTreeMap<TopicPartition, CommittedOffset>) -> Option<Commit> {
    let commits = task.inputs().filter_map(|at| Commit::parse(&committed.get(at)?.metadata));
    commits.reduce(Commit::newest)
}

/// True if all backings are read as far as they are needed.
fn is_read<C: Connector>(
    consumer: &Consumer<C>,
    tasks: &[Task],
    readers: &BTreeMap<TopicPartition, (Reader, Offset)>,
) -> Result<bool, StreamsError> {
    for (at, ((index, backing), from)) in readers {
        let position = consumer.position(at)?.unwrap_or(*from);
        if !tasks.get(*index).is_none_or(|task| task.is_restored(*backing, position)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn failed(task: &Task, source: crate::error::TaskError) -> StreamsError {
    StreamsError::Task { task: task.id(), source }
}
