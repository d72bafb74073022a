//! How an instance is set up.

use std::path::PathBuf;
use std::time::Duration;

use headwater_client::{ConsumerConfig, OffsetReset, ProducerConfig};

use super::topic_configs::InternalTopicConfigs;
use crate::store::StatePlace;
use crate::task::TaskConfig;
use crate::topology::{Plan, Topology};

/// How an instance of an application is set up. Start from the default and change what differs.
#[derive(Debug, Clone)]
pub struct StreamsConfig {
    /// How many workers drive tasks, each a member of the group with a consumer and a producer of its own. Default 1.
    pub workers: usize,
    /// How often positions are committed, after everything that was made of the records is acknowledged. Default 1 s.
    pub commit_interval: Duration,
    /// How often the records of repartition topics are deleted that are worked off and committed. Default 30 s.
    pub repartition_purge_interval: Duration,
    /// How many bytes of an input may wait to be processed before its partition is paused. Default 4 MiB.
    pub max_buffered_bytes: usize,
    /// The folder that stores are kept in, below it one for the application; an instance that starts again then reads of
    /// its changelogs only what it has missed. `None`, the default, keeps stores in memory alone, and reads all of them.
    pub state_dir: Option<PathBuf>,
    /// How many bytes of memory all stores of the instance may take, if they are on disk: three eighths for what waits to be
    /// written (when that is full, it is committed early), most of the rest for what was written and read last. It is taken as
    /// state grows. Beside it, filters and indexes take about four bytes for each key on the disk. Default 256 MiB.
    pub state_memory: usize,
    /// Configs of the changelogs and repartition topics that the instance makes. Default none but their own.
    pub internal_topics: InternalTopicConfigs,
    /// How tasks deal with errors and idle inputs.
    pub task: TaskConfig,
    /// How records are produced. Batches are larger by default than a producer's: up to 128 KiB.
    pub producer: ProducerConfig,
    /// How records are consumed. The group is always the application id, and divides its partitions by range and by the
    /// classic protocol, so that a task has the same partition of all its topics. A `group_instance_id`, which every instance
    /// needs for itself, lets an instance that was killed go on at once when it is started again; workers add their
    /// numbers to it.
    pub consumer: ConsumerConfig,
}

impl StreamsConfig {
    /// Where each task keeps its stores, if they are on disk: memory is shared out as if the instance had all tasks.
    pub(super) fn place(&self, topology: &Topology, plan: &Plan) -> Option<StatePlace> {
        let folder = self.state_dir.as_ref()?.join(topology.application_id());
        let stateful = topology.sub_topologies().iter().filter(|sub| sub.is_stateful());
        let tasks = stateful.map(|sub| plan.tasks(sub.number()).count()).sum::<usize>();
        Some(StatePlace { folder, memory: self.state_memory / tasks.max(1) })
    }
}

impl Default for StreamsConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            commit_interval: Duration::from_secs(1),
            repartition_purge_interval: Duration::from_secs(30),
            max_buffered_bytes: 4 << 20,
            state_dir: None,
            state_memory: 256 << 20,
            internal_topics: InternalTopicConfigs::new(),
            task: TaskConfig::default(),
            producer: ProducerConfig { batch_size: 128 << 10, ..ProducerConfig::default() },
            consumer: ConsumerConfig {
                auto_offset_reset: OffsetReset::Earliest,
                ..ConsumerConfig::default()
            },
        }
    }
}
