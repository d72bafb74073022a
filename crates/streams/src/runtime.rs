//! The runtime: drives a topology's tasks over a client, on any Kafka cluster.
//!
//! Owns: an instance of an application. Internal topics are made, global tables are read to their end, the stores of tasks
//! are filled, then workers drive tasks: batches in from a consumer, records and changes of stores out to a producer,
//! positions committed after both.
//!
//! Invariants: at least once, because an offset is committed only after everything that was made of the records before
//! it is acknowledged. A task begins where its group has committed, with the state that it had then: what happened to its
//! stores since, but for records that were sent, has not happened. A bounded run works off one sub-topology after the other
//! (those that feed each other together, round by round), and reads the end of a repartition topic only after its writers'
//! last acknowledgement; so it gives the same results each time, however many workers it has, but for what depends on how
//! the partitions behind a repartition interleave: which records are late for their window (with watermarks, none that keeps
//! to its bound), and the fold of an order-dependent aggregate.
//! What lies behind a bound is neither processed nor committed.
//!
//! Does not know: the broker; what tasks do.

mod begin;
mod changes;
mod config;
mod error;
mod globals;
mod polling;
mod prepare;
mod progress;
mod purge;
mod restore;
mod settled;
mod tasks;
mod topic_configs;
mod worker;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, Connector, TcpConnector};
use headwater_model::{Offset, TopicName, TopicPartition};
use tokio::task::JoinSet;

use crate::store::global::GlobalStores;
use crate::topology::{Plan, SubTopology, TaskId, Topology};
use progress::Shared;
use settled::Settled;
use worker::{Assignment, Worker};

pub use begin::Begin;
pub use config::StreamsConfig;
pub use error::StreamsError;
pub use progress::Progress;
pub use topic_configs::InternalTopicConfigs;

/// A running instance of an application.
///
/// Dropping it stops it at once, as if it had crashed: what was not committed is done again by the next one.
#[derive(Debug)]
pub struct Streams<C: Connector = TcpConnector> {
    client: Client<C>,
    topology: Topology,
    plan: Plan,
    shared: Arc<Shared>,
    workers: JoinSet<Result<(), StreamsError>>,
    follower: JoinSet<Result<(), StreamsError>>,
}

impl<C: Connector> Streams<C> {
    /// Starts an instance that takes part in its application's group: instances divide the tasks among themselves.
    /// It runs until it is drained or stopped.
    ///
    /// Returns once the topics are checked and made and global tables are read to their end.
    pub async fn start(
        topology: Topology,
        client: Client<C>,
        config: StreamsConfig,
    ) -> Result<Self, StreamsError> {
        let mut instance = Self::prepare(topology, client, &config).await?;
        let globals = globals::read_to_end(&instance.client, &instance.topology, &config).await?;
        let stores = globals.stores.clone();
        instance.follower.spawn(globals.follow());
        for number in 0..config.workers.max(1) {
            instance.spawn(number, Assignment::Group, &stores, &config);
        }
        Ok(instance)
    }

    /// Processes what the topics hold now, sub-topology by sub-topology, and ends. It begins where the application has come,
    /// and whatever runs next goes on where it ends. Nothing else of the application may run meanwhile.
    ///
    /// Sub-topologies that feed each other, as those of foreign-key joins, are worked off together, until all that they make
    /// of what the topics hold now has come around.
    pub async fn run_bounded(
        topology: Topology,
        client: Client<C>,
        config: StreamsConfig,
    ) -> Result<Progress, StreamsError> {
        Self::run_bounded_from(Begin::Committed, topology, client, config).await
    }

    /// As [`run_bounded`](Self::run_bounded), of an application that has not begun yet, from other offsets or from a time on.
    pub async fn run_bounded_from(
        begin: Begin,
        topology: Topology,
        client: Client<C>,
        config: StreamsConfig,
    ) -> Result<Progress, StreamsError> {
        let mut instance = Self::prepare(topology, client, &config).await?;
        begin::elsewhere(&instance.client, &instance.topology, &instance.plan, &begin).await?;
        let ends = instance.external_ends().await?;
        let globals = globals::read_to_end(&instance.client, &instance.topology, &config).await?;
        let workers = config.workers.max(1);
        let mut shares: Vec<Vec<TaskId>> = vec![Vec::new(); workers];
        for (task, share) in instance.plan.all_tasks().zip((0..workers).cycle()) {
            if let Some(share) = shares.get_mut(share) {
                share.push(task);
            }
        }
        instance.shared.set_bounds(true, ends);
        for (number, share) in shares.into_iter().enumerate() {
            instance.spawn(number, Assignment::Tasks(share), &globals.stores, &config);
        }
        instance.finish().await
    }

    /// What has been done so far.
    pub fn progress(&self) -> Progress {
        self.shared.progress()
    }

    /// The topology, as it runs.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Completes when the instance has failed, with the reason. Cancel-safe.
    pub async fn failed(&mut self) -> StreamsError {
        tokio::select! {
            biased;
            error = first_error(&mut self.workers) => error,
            error = first_error(&mut self.follower) => error,
        }
    }

    /// Processes what the topics hold now, sub-topology by sub-topology, then commits, leaves the group and ends.
    ///
    /// It works off the tasks that this instance has, and waits until others have worked off theirs; the tasks of one that
    /// has died come to this one when the group notices.
    pub async fn drain(mut self) -> Result<Progress, StreamsError> {
        let ends = self.external_ends().await?;
        self.shared.set_bounds(false, ends);
        self.finish().await
    }

    /// Commits what has been processed, leaves the group and ends.
    pub async fn stop(mut self) -> Result<Progress, StreamsError> {
        self.end().await
    }

    async fn prepare(
        topology: Topology,
        client: Client<C>,
        config: &StreamsConfig,
    ) -> Result<Self, StreamsError> {
        prepare::dead_letter_topic(&client, &config.task).await?;
        let plan = prepare::topics(&client, &topology, &config.internal_topics).await?;
        let shared = Arc::new(Shared::new(config.workers.max(1)));
        let (workers, follower) = (JoinSet::new(), JoinSet::new());
        Ok(Self { client, topology, plan, shared, workers, follower })
    }

    fn spawn(
        &mut self,
        number: usize,
        assignment: Assignment,
        globals: &GlobalStores,
        config: &StreamsConfig,
    ) {
        let worker = Worker::new(
            number,
            self.client.clone(),
            self.topology.clone(),
            self.plan.clone(),
            globals.clone(),
            Arc::clone(&self.shared),
            config.clone(),
        );
        self.workers.spawn(worker.run(assignment));
    }

    /// Works off one stage after the other, once the ends of their external sources are bounded.
    async fn finish(&mut self) -> Result<Progress, StreamsError> {
        for stage in self.topology.stages() {
            self.let_circulate(&stage).await?;
            // All writers of the stage's repartition topics have their last acknowledgement: now these have an end.
            let ends = self.ends(self.repartitions_read(&stage)).await?;
            self.work_off(&stage, ends, BTreeMap::new()).await?;
        }
        self.end().await
    }

    /// Lets sub-topologies that feed each other work until what they make of the records up to their bounds is in their
    /// topics, all of it.
    ///
    /// Each round goes up to where these topics ended before it. A record goes through each of them once at most, so there
    /// are as many rounds as topics, or fewer if they come to rest, whatever other instances write meanwhile.
    async fn let_circulate(&mut self, stage: &Range<usize>) -> Result<(), StreamsError> {
        let circulating: Vec<_> = self.topology.circulating(stage).into_iter().cloned().collect();
        if circulating.is_empty() {
            return Ok(());
        }
        let coming = self.repartitions_read(stage).filter(|topic| !circulating.contains(topic));
        let coming = self.ends(coming).await?;
        let mut ends = self.ends(circulating.iter()).await?;
        for _ in 0..circulating.len() {
            self.work_off(stage, coming.clone(), ends.clone()).await?;
            let ends_now = self.ends(circulating.iter()).await?;
            if ends_now == ends {
                break;
            }
            ends = ends_now;
        }
        Ok(())
    }

    /// Completes when a stage has been worked off up to these ends.
    async fn work_off(
        &mut self,
        stage: &Range<usize>,
        ends: BTreeMap<TopicPartition, Offset>,
        ends_so_far: BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), StreamsError> {
        self.shared.open(stage.end, ends, ends_so_far);
        let settled = self.settled();
        tokio::select! {
            biased;
            error = self.failed() => Err(error),
            worked_off = settled.worked_off(stage) => worked_off,
        }
    }

    fn settled(&self) -> Settled<C> {
        Settled {
            client: self.client.clone(),
            topology: self.topology.clone(),
            plan: self.plan.clone(),
            shared: Arc::clone(&self.shared),
        }
    }

    async fn end(&mut self) -> Result<Progress, StreamsError> {
        self.shared.stop();
        while let Some(ended) = self.workers.join_next().await {
            ended.map_err(|error| StreamsError::Crashed(error.to_string()))??;
        }
        Ok(self.shared.progress())
    }

    async fn external_ends(&self) -> Result<BTreeMap<TopicPartition, Offset>, StreamsError> {
        let sub_topologies = self.topology.sub_topologies().iter();
        let sources = sub_topologies.flat_map(SubTopology::external_sources).map(|source| &source.topic);
        self.ends(sources).await
    }

    /// The repartition topics that a stage reads.
    fn repartitions_read(&self, stage: &Range<usize>) -> impl Iterator<Item = &TopicName> {
        let members = self.topology.sub_topologies().get(stage.clone()).unwrap_or_default();
        members.iter().flat_map(SubTopology::repartition_sources)
    }

    async fn ends(
        &self,
        topics: impl Iterator<Item = &TopicName>,
    ) -> Result<BTreeMap<TopicPartition, Offset>, StreamsError> {
        let partitions = topics.flat_map(|topic| prepare::partitions(&self.plan, topic));
        prepare::listed(&self.client, partitions, OffsetSpec::Latest).await
    }
}

/// The first error of a set of tasks; pending for ever if they end well.
async fn first_error(tasks: &mut JoinSet<Result<(), StreamsError>>) -> StreamsError {
    loop {
        match tasks.join_next().await {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => return error,
            Some(Err(crash)) => return StreamsError::Crashed(crash.to_string()),
            None => std::future::pending().await,
        }
    }
}
