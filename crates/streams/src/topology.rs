//! A topology: what an application does, as a value.
//!
//! Owns: the builder, the split into sub-topologies, the description, the plan of partitions and tasks for given
//! topics, and the making of tasks.
//!
//! Invariants: a topology that exists is valid, and never changes; every task that it makes is independent of every
//! other. The names of internal topics are `<application>-<name>-repartition` and `<application>-<store>-changelog`.
//!
//! Does not know: brokers, clients, how many instances run.

pub(crate) mod builder;
pub(crate) mod describe;
mod drawing;
mod error;
mod plan;
mod sub_topology;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use headwater_model::{PartitionId, TopicName, TopicPartition};

use crate::chooser::MakeChooser;
use crate::graph::{Graph, NodeId, SourceRole, StoreId};
use crate::node::{Assembly, Source};
use crate::store::disk::{Identity, TaskFolder};
use crate::store::global::{GlobalStores, GlobalTableStore};
use crate::store::{ByteStore, EntryReader, MemoryStore, StateError, StatePlace};
use crate::task::{Stores, Task, TaskConfig};
use crate::watermark::{TaskTime, Watermarks};

pub use builder::{TopologyBuilder, TopologyDraft};
pub use error::{TopologyError, TopologyProblem};
pub use plan::{Plan, PlanError};
pub use sub_topology::{SourceTopic, SubTopology};

/// What an application does, as a value: it can be printed, tested without a broker, and run. Cloning shares it.
#[derive(Clone)]
pub struct Topology {
    parts: Arc<Parts>,
}

/// What is promised about each record's effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// Every record has its effects; after a failure, some have them twice.
    AtLeastOnce,
}

/// One task of a topology: a sub-topology at work on one partition of its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The number of the sub-topology.
    pub sub_topology: usize,
    /// The partition.
    pub partition: PartitionId,
}

/// A topic that belongs to the application alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalTopic {
    /// Its name.
    pub topic: TopicName,
    /// What it is for.
    pub kind: InternalTopicKind,
}

/// What an internal topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InternalTopicKind {
    /// Carries records to the partition of their new key.
    Repartition,
    /// Keeps what a store holds.
    Changelog,
}

pub(crate) struct Parts {
    pub(crate) graph: Arc<Graph>,
    pub(crate) guarantee: Guarantee,
    pub(crate) sources: BTreeMap<NodeId, SourceFactory>,
    pub(crate) globals: Vec<GlobalFactory>,
    /// How to read the topics that tables are read from.
    pub(crate) readers: BTreeMap<StoreId, EntryReader>,
    pub(crate) sub_topologies: Vec<SubTopology>,
    /// Who decides which record of a task is next, if that is not the oldest.
    pub(crate) chooser: Option<Arc<MakeChooser>>,
}

pub(crate) type SourceFactory = Box<dyn Fn(&Assembly<'_>) -> Box<dyn Source> + Send + Sync>;
pub(crate) type GlobalFactory = Box<dyn Fn() -> Arc<dyn GlobalTableStore> + Send + Sync>;

impl Topology {
    /// Begins a topology. The application id names its group and its internal topics.
    ///
    /// The draft must be told the guarantee, as long as exactly-once is not there to be the default.
    pub fn builder(application_id: &str) -> TopologyDraft {
        TopologyDraft::new(application_id)
    }

    /// The application's id: the name of its group, and the first part of its internal topics' names.
    pub fn application_id(&self) -> &str {
        &self.parts.graph.application_id
    }

    /// What is promised about each record's effects.
    pub fn guarantee(&self) -> Guarantee {
        self.parts.guarantee
    }

    /// The sub-topologies. Each comes after those that it reads from; those that feed each other in a circle stand together.
    pub fn sub_topologies(&self) -> &[SubTopology] {
        &self.parts.sub_topologies
    }

    /// The topics of global tables.
    pub fn global_topics(&self) -> &[TopicName] {
        &self.parts.graph.globals
    }

    /// The topics that must exist before the application starts: what it reads and does not write itself.
    pub fn source_topics(&self) -> Vec<&TopicName> {
        let sub_topologies = self.sub_topologies().iter();
        let read = sub_topologies.flat_map(|sub| sub.external_sources().map(|source| &source.topic));
        sorted(read.chain(self.global_topics()))
    }

    /// The topics that the application writes for others.
    pub fn sink_topics(&self) -> Vec<&TopicName> {
        sorted(self.sub_topologies().iter().flat_map(SubTopology::sinks))
    }

    /// The topics that belong to the application alone.
    pub fn internal_topics(&self) -> Vec<InternalTopic> {
        let sub_topologies = self.sub_topologies().iter();
        let repartition = sub_topologies
            .flat_map(SubTopology::repartitions)
            .map(|topic| InternalTopic { topic: topic.clone(), kind: InternalTopicKind::Repartition });
        let stores = self.parts.graph.stores.iter().filter(|store| store.has_changelog());
        let changelog = stores.map(|store| InternalTopic {
            topic: store.backed_by.clone(),
            kind: InternalTopicKind::Changelog,
        });
        repartition.chain(changelog).collect()
    }

    /// The changelogs of a sub-topology's stores.
    pub(crate) fn changelogs(&self, of: &SubTopology) -> impl Iterator<Item = &TopicName> {
        let stores = of.stores().iter().map(|store| self.graph().store(*store));
        stores.filter(|store| store.has_changelog()).map(|store| &store.backed_by)
    }

    /// The sub-topologies by the order in which they can be worked off: one by one, but that those that feed each other in
    /// a circle by topics of the application's own, as those of foreign-key joins do, are a stage together.
    pub(crate) fn stages(&self) -> Vec<Range<usize>> {
        let mut stages: Vec<Range<usize>> = Vec::new();
        for first in 0..self.sub_topologies().len() {
            if stages.last().is_none_or(|stage| stage.end <= first) {
                stages.push(first..self.last_of_circle(first) + 1);
            }
        }
        stages
    }

    /// The last of the sub-topologies that feed this one, be it through others, and come behind it; itself, if none does.
    fn last_of_circle(&self, first: usize) -> usize {
        let sub_topologies = self.sub_topologies().get(first..).unwrap_or_default();
        let mut last = first;
        loop {
            let members = sub_topologies.get(..=last - first).unwrap_or_default();
            let feeds = |writer: &&SubTopology| members.iter().any(|reader| writer.feeds(reader));
            let feeder = sub_topologies.iter().rfind(feeds).map_or(first, SubTopology::number);
            if feeder <= last {
                return last;
            }
            last = feeder;
        }
    }

    /// The topics by which the sub-topologies of a stage feed each other, or one itself.
    pub(crate) fn circulating(&self, stage: &Range<usize>) -> Vec<&TopicName> {
        let members = self.sub_topologies().get(stage.clone()).unwrap_or_default();
        let written = members.iter().flat_map(SubTopology::repartitions);
        sorted(written.filter(|topic| members.iter().any(|reader| reader.reads(topic))))
    }

    /// Empty global tables, to be shared by all tasks of an instance.
    pub fn global_stores(&self, config: &TaskConfig) -> GlobalStores {
        let tables = self.parts.globals.iter().map(|make| make()).collect();
        GlobalStores::new(tables, config.policies.deserialization, config.max_batch_bytes)
    }

    /// A task with stores of its own in memory, all empty; `None` if there is no such sub-topology.
    pub fn task(&self, id: TaskId, globals: &GlobalStores, config: &TaskConfig) -> Option<Task> {
        let memory = |store: &StoreId| (*store, Box::new(MemoryStore::new()) as Box<dyn ByteStore>);
        let stores = self.sub_topologies().get(id.sub_topology)?.stores().iter().map(memory).collect();
        self.task_with(id, globals, config, stores, None)
    }

    /// A task with its stores on disk, as they are found there; `None` if there is no such sub-topology.
    pub fn task_on_disk(
        &self,
        id: TaskId,
        globals: &GlobalStores,
        config: &TaskConfig,
        place: &StatePlace,
    ) -> Result<Option<Task>, StateError> {
        let stores = self.sub_topologies().get(id.sub_topology).map(SubTopology::stores).unwrap_or_default();
        if stores.is_empty() {
            return Ok(self.task(id, globals, config));
        }
        let graph = self.graph();
        let kinds = stores.iter().map(|store| graph.store(*store));
        let identity = Identity {
            application: self.application_id().to_owned(),
            task: id,
            stores: kinds.map(|store| (store.name.clone(), store.kind.to_string())).collect(),
        };
        let folder = TaskFolder::open(place, &identity)?;
        let open = |store: &StoreId| -> Result<_, StateError> {
            let opened: Box<dyn ByteStore> = Box::new(folder.store(&graph.store(*store).name)?);
            Ok((*store, opened))
        };
        let stores = stores.iter().map(open).collect::<Result<_, _>>()?;
        Ok(self.task_with(id, globals, config, stores, Some(folder)))
    }

    fn task_with(
        &self,
        id: TaskId,
        globals: &GlobalStores,
        config: &TaskConfig,
        stores: BTreeMap<StoreId, Box<dyn ByteStore>>,
        folder: Option<TaskFolder>,
    ) -> Option<Task> {
        let sub_topology = self.sub_topologies().get(id.sub_topology)?;
        let watermarks = self.parts.graph.watermarks;
        let assembly = Assembly::new(globals);
        let assembly = if watermarks.is_some() { assembly.with_timed_nodes() } else { assembly };
        let sources = sub_topology.sources().iter().filter_map(|source| {
            let make = self.parts.sources.get(&source.node)?;
            Some((TopicPartition::new(source.topic.clone(), id.partition), make(&assembly)))
        });
        let sources = sources.collect();
        let known = |store: &StoreId| Some((*store, Arc::clone(self.parts.readers.get(store)?)));
        let readers = stores.keys().filter_map(known).collect();
        let stores = Stores { stores, readers, folder };
        let timed = assembly.take_timed();
        let graph = Arc::clone(&self.parts.graph);
        let mut task = Task::new(id, graph, sources, assembly.into_processors(), stores, config);
        if let Some(watermarks) = watermarks {
            task.go_by(self.time_of(sub_topology, watermarks), timed);
        }
        if let Some(chooser) = &self.parts.chooser {
            task.choose_by(chooser.as_ref());
        }
        Some(task)
    }

    /// The time of a task of a sub-topology before its first record.
    fn time_of(&self, sub_topology: &SubTopology, watermarks: Watermarks) -> TaskTime {
        let own = &self.parts.graph.source_watermarks;
        let sources = sub_topology.sources().iter().map(|source| match source.role {
            SourceRole::Repartition(_) => None,
            SourceRole::Stream | SourceRole::Table => {
                Some(own.get(&source.node).copied().unwrap_or(watermarks))
            }
        });
        TaskTime::new(sources)
    }

    pub(crate) fn has_chooser(&self) -> bool {
        self.parts.chooser.is_some()
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.parts.graph
    }
}

fn sorted<'a>(topics: impl Iterator<Item = &'a TopicName>) -> Vec<&'a TopicName> {
    let mut topics: Vec<_> = topics.collect();
    topics.sort();
    topics.dedup();
    topics
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topology").field("graph", &self.parts.graph).finish_non_exhaustive()
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtLeastOnce => "at least once",
        })
    }
}

impl fmt::Display for InternalTopicKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repartition => "repartition",
            Self::Changelog => "changelog",
        })
    }
}

/// Prints as Kafka's task ids do: `<sub-topology>_<partition>`.
impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.sub_topology, self.partition)
    }
}
