//! The builder: collects the untyped graph and the typed outlets side by side.

mod formats;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_model::{InvalidName, Timestamp, TopicName, TopicPartition};
use headwater_schema::{KeyValueSerde, Part, Serde, optional};

use super::sub_topology::split;
use super::{GlobalFactory, Guarantee, Parts, SourceFactory, Topology, TopologyError, TopologyProblem};
use crate::chooser::{Chooser, MakeChooser};
use crate::consumed::Consumed;
use crate::dsl::{GlobalTable, Stream, Table};
use crate::graph::{
    GlobalId, Graph, NodeId, NodeKind, NodeSpec, SourceRole, StoreId, StoreKind, StoreSpec, TopicId,
};
use crate::node::{Assembly, Node, OldValues, OnTime, Outlet, SourceNode, TableNode};
use crate::record::Data;
use crate::store::global::{GlobalStore, GlobalTableStore};
use crate::store::{EntryReader, KeyValueView, entry_reader};
use crate::watermark::Watermarks;

/// A topology that was not yet told its guarantee.
#[derive(Debug)]
#[must_use = "a draft becomes a builder by `.guarantee(..)`"]
pub struct TopologyDraft {
    application_id: String,
}

/// A topology under construction. Streams and tables taken from it add to it.
pub struct TopologyBuilder {
    draft: Handle,
    guarantee: Guarantee,
    chooser: Option<Arc<MakeChooser>>,
}

/// A draft, shared by the builder and everything taken from it.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Mutex<Draft>>);

#[derive(Default)]
struct Draft {
    graph: Graph,
    names: BTreeMap<String, &'static str>,
    problems: Vec<TopologyProblem>,
    sources: BTreeMap<NodeId, SourceFactory>,
    globals: Vec<GlobalFactory>,
    readers: BTreeMap<StoreId, EntryReader>,
    /// Once built, the topology is what it is; what is attached later goes nowhere.
    built: bool,
}

impl TopologyDraft {
    pub(super) fn new(application_id: &str) -> Self {
        Self { application_id: application_id.to_owned() }
    }

    /// States what is promised about each record's effects.
    pub fn guarantee(self, guarantee: Guarantee) -> TopologyBuilder {
        let problems = illegal(TopicName::new(&self.application_id), &self.application_id);
        let graph = Graph { application_id: self.application_id, ..Graph::default() };
        let draft = Draft { graph, problems: problems.into_iter().collect(), ..Draft::default() };
        TopologyBuilder { draft: Handle(Arc::new(Mutex::new(draft))), guarantee, chooser: None }
    }
}

impl TopologyBuilder {
    /// Reads a topic as a stream of events.
    ///
    /// A null key or value is an error unless its serde maps null to a value ([`optional`],
    /// [`ignored`](headwater_schema::ignored)).
    pub fn stream<K, V, SK, SV>(&mut self, topic: &str, serdes: KeyValueSerde<SK, SV>) -> Stream<K, V>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        self.stream_with(topic, serdes, Consumed::new())
    }

    /// As [`stream`](Self::stream), with times or watermarks of one's own.
    pub fn stream_with<K, V, SK, SV>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
        consumed: Consumed<K, V>,
    ) -> Stream<K, V>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        let outlet = Outlet::new();
        let serdes = Arcs { keys: Arc::new(serdes.key), values: Arc::new(serdes.value) };
        let source = (topic, SourceRole::Stream);
        let node = self.draft.consumed(source, &[], &outlet, serdes.clone(), consumed);
        Stream::new(self.draft.clone(), node, outlet, Some(serdes.keys), Some(serdes.values), false)
    }

    /// Reads a topic as a table: the newest value of each key; null removes the key, and records without a key are
    /// dropped and counted.
    ///
    /// Its store has the topic's name, and needs no changelog but the topic, as long as the times of its entries are those of
    /// its records.
    pub fn table<K, V, SK, SV>(&mut self, topic: &str, serdes: KeyValueSerde<SK, SV>) -> Table<K, V>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        self.table_with(topic, serdes, Consumed::new())
    }

    /// As [`table`](Self::table), with times or watermarks of one's own. The values of its records may be missing: such
    /// a record removes its key. One without a key is given no time, because it is left out.
    pub fn table_with<K, V, SK, SV>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
        consumed: Consumed<K, Option<V>>,
    ) -> Table<K, V>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        self.draft.claim(topic, "a table");
        let store = self.draft.store(topic, StoreKind::Table);
        let keys: Arc<dyn Serde<K>> = Arc::new(serdes.key);
        let values: Arc<dyn Serde<V>> = Arc::new(serdes.value);
        self.draft.store_holds(store, &keys, &values);
        let records = Outlet::<K, Option<V>>::new();
        let nullable = Arcs { keys: Arc::clone(&keys), values: Arc::new(optional(Arc::clone(&values))) };
        if consumed.timestamps.are_own() {
            self.draft.read_entries(store, entry_reader(&keys, &values));
        } else {
            // Times that go by other records, or by headers, cannot be told again from the topic.
            self.draft.keep_changelog(store);
        }
        let source = (topic, SourceRole::Table);
        let node = self.draft.consumed(source, &[store], &records, nullable, consumed);
        let changes = Outlet::new();
        let view = KeyValueView::factory(store, &keys, &values);
        let (own_view, next) = (view.clone(), changes.clone());
        let old_values = OldValues::default();
        let wanted = old_values.clone();
        self.draft.attach(&records, move |assembly| TableNode {
            view: own_view(),
            sends_old: wanted.are_wanted(),
            next: next.assemble(assembly),
        });
        let changes = Stream::new(self.draft.clone(), node, changes, None, None, false);
        Table::new(
            changes,
            old_values,
            (vec![store], topic),
            keys,
            values,
            Some(Arc::new(move || Box::new(view()))),
        )
    }

    /// Reads all partitions of a topic as a table, in every instance. It is filled before any task begins, and joined
    /// with by whatever key, without copartitioning; what it holds is not in step with the time of the stream.
    pub fn global_table<K, V, SK, SV>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
    ) -> GlobalTable<K, V>
    where
        K: Data,
        V: Data + Sync,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        self.draft.claim(topic, "a global table");
        let name = self.draft.topic_name(topic);
        let keys: Arc<dyn Serde<K>> = Arc::new(serdes.key);
        let values: Arc<dyn Serde<V>> = Arc::new(serdes.value);
        let (own_keys, own_values) = (Arc::clone(&keys), Arc::clone(&values));
        let id = self.draft.global(name.clone(), move || {
            Arc::new(GlobalStore::new(name.clone(), Arc::clone(&own_keys), Arc::clone(&own_values)))
        });
        self.draft.global_holds(id, &keys, &values);
        GlobalTable::new(self.draft.clone(), id, topic)
    }

    /// Lets event time go by watermarks, in all of the topology; without this, it is stream time, the highest time of all
    /// records that a task has taken up. Sources may have [watermarks of their own](Consumed::watermarks).
    pub fn watermarks(&mut self, watermarks: Watermarks) {
        self.draft.lock().graph.watermarks = Some(watermarks);
    }

    /// Lets a chooser decide which record of a task is next, made for each task by its inputs; without this, it is the
    /// oldest. Inputs are waited for as before: see [`max_idle`](crate::TaskConfig::max_idle).
    pub fn choose_by<C, F>(&mut self, make: F)
    where
        C: Chooser + 'static,
        F: Fn(&[TopicPartition]) -> C + Send + Sync + 'static,
    {
        self.chooser =
            Some(Arc::new(move |inputs: &[TopicPartition]| Box::new(make(inputs)) as Box<dyn Chooser>));
    }

    pub(crate) fn draft(&self) -> &Handle {
        &self.draft
    }

    /// The finished topology, or everything that is wrong with it.
    ///
    /// Streams and tables that outlive this add nothing to it any more.
    pub fn build(self) -> Result<Topology, TopologyError> {
        let Draft { graph, mut problems, sources, globals, readers, .. } = self.draft.finish();
        if graph.nodes.is_empty() {
            problems.push(TopologyProblem::Empty);
        }
        problems.extend(graph.idle_stores().map(|store| TopologyProblem::IdleStore(store.name.clone())));
        problems.extend(stray_watermarks(&graph));
        if !problems.is_empty() {
            return Err(TopologyError { application_id: graph.application_id, problems });
        }
        let sub_topologies = split(&graph);
        let parts = Parts {
            graph: Arc::new(graph),
            guarantee: self.guarantee,
            sources,
            globals,
            readers,
            sub_topologies,
            chooser: self.chooser,
        };
        Ok(Topology { parts: Arc::new(parts) })
    }
}

/// The serdes of a topic, shared by everything that needs them.
pub(crate) struct Arcs<K, V> {
    pub(crate) keys: Arc<dyn Serde<K>>,
    pub(crate) values: Arc<dyn Serde<V>>,
}

impl<K, V> Clone for Arcs<K, V> {
    fn clone(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), values: Arc::clone(&self.values) }
    }
}

impl Handle {
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Adds a node that hangs behind `parents` and shares `stores`.
    pub(crate) fn node(&self, kind: NodeKind, parents: &[NodeId], stores: &[StoreId]) -> NodeId {
        let mut draft = self.lock();
        draft.graph.nodes.push(NodeSpec { kind, parents: parents.to_vec(), stores: stores.to_vec() });
        NodeId(draft.graph.nodes.len() - 1)
    }

    /// Hangs a typed node behind an outlet.
    pub(crate) fn attach<K: Data, V: Data, N: Node<K, V> + 'static>(
        &self,
        outlet: &Outlet<K, V>,
        make: impl Fn(&Assembly<'_>) -> N + Send + Sync + 'static,
    ) {
        if !self.lock().built {
            outlet.attach(make);
        }
    }

    /// As [`Handle::attach`], for a node that waits for event time.
    pub(crate) fn attach_timed<K: Data, V: Data, N: Node<K, V> + OnTime + 'static>(
        &self,
        outlet: &Outlet<K, V>,
        make: impl Fn(&Assembly<'_>) -> N + Send + Sync + 'static,
    ) {
        if !self.lock().built {
            outlet.attach_timed(make);
        }
    }

    /// Notes how much older than the watermark the results of an operator may be, because it holds them back.
    pub(crate) fn hold(&self, node: NodeId, hold_ms: i64) {
        self.lock().graph.holds_ms.insert(node, hold_ms);
    }

    /// Adds a source, and what makes it for each task.
    pub(crate) fn source<K: Data, V: Data>(
        &self,
        topic: &str,
        role: SourceRole,
        stores: &[StoreId],
        outlet: &Outlet<K, V>,
        serdes: Arcs<K, V>,
    ) -> NodeId {
        self.consumed((topic, role), stores, outlet, serdes, Consumed::new())
    }

    /// As [`Handle::source`], read as the author says.
    pub(crate) fn consumed<K: Data, V: Data>(
        &self,
        (topic, role): (&str, SourceRole),
        stores: &[StoreId],
        outlet: &Outlet<K, V>,
        serdes: Arcs<K, V>,
        consumed: Consumed<K, V>,
    ) -> NodeId {
        let name = self.topic_name(topic);
        let drops_null_keys = role == SourceRole::Table;
        let has_marks = matches!(role, SourceRole::Repartition(_));
        let (topic_id, read_before) = {
            let mut draft = self.lock();
            let topic_id = draft.graph.intern(&name);
            let reads =
                |node: &NodeSpec| matches!(node.kind, NodeKind::Source { topic, .. } if topic == topic_id);
            (topic_id, draft.graph.nodes.iter().any(reads))
        };
        // An illegal name, for which another stands in, is a problem already.
        if read_before && name.as_str() == topic {
            self.problem(TopologyProblem::ReadTwice(topic.to_owned()));
        }
        let id = self.node(NodeKind::Source { topic: topic_id, role }, &[], stores);
        self.lock().graph.source_watermarks.extend(consumed.watermarks.map(|own| (id, own)));
        let (outlet, timestamps) = (outlet.clone(), consumed.timestamps);
        self.node_holds(id, &serdes.keys, &serdes.values);
        let make: SourceFactory = Box::new(move |assembly| {
            Box::new(SourceNode {
                keys: Arc::clone(&serdes.keys),
                values: Arc::clone(&serdes.values),
                drops_null_keys,
                has_marks,
                timestamps: timestamps.clone(),
                partition_time: Timestamp::NONE,
                next: outlet.assemble(assembly),
                waiting: VecDeque::new(),
            })
        });
        self.lock().sources.insert(id, make);
        id
    }

    pub(crate) fn global(
        &self,
        topic: TopicName,
        make: impl Fn() -> Arc<dyn GlobalTableStore> + Send + Sync + 'static,
    ) -> GlobalId {
        let mut draft = self.lock();
        draft.globals.push(Box::new(make));
        draft.graph.globals.push(topic);
        GlobalId(draft.globals.len() - 1)
    }

    /// Adds a store; a table's is backed by its topic, every other by a changelog.
    pub(crate) fn store(&self, name: &str, kind: StoreKind) -> StoreId {
        let backed_by = match kind {
            StoreKind::Table => self.topic_name(name),
            StoreKind::KeyValue
            | StoreKind::Windows(_)
            | StoreKind::JoinSide(_)
            | StoreKind::Versioned(_)
            | StoreKind::JoinBuffer(_)
            | StoreKind::Subscriptions
            | StoreKind::JoinWaiting(_)
            | StoreKind::Sessions(_)
            | StoreKind::Buffer
            | StoreKind::Seen
            | StoreKind::Expiring(_)
            | StoreKind::Times(_) => self.internal_topic(name, "changelog"),
        };
        let mut draft = self.lock();
        draft.graph.stores.push(StoreSpec { name: name.to_owned(), kind, backed_by });
        StoreId(draft.graph.stores.len() - 1)
    }

    /// Gives a table's store a changelog of its own.
    fn keep_changelog(&self, store: StoreId) {
        let name = self.lock().graph.store(store).name.clone();
        let changelog = self.internal_topic(&name, "changelog");
        if let Some(store) = self.lock().graph.stores.get_mut(store.0) {
            store.backed_by = changelog;
        }
    }

    /// Says how to read the records of the topic that a store is read from.
    fn read_entries(&self, store: StoreId, reader: EntryReader) {
        self.lock().readers.insert(store, reader);
    }

    /// How far stream time must be past the ends of a node's windows until they are closed, if it has windows; `None`
    /// also once the topology is built, when its nodes are no longer here.
    pub(crate) fn window_grace_ms(&self, node: NodeId) -> Option<i64> {
        let draft = self.lock();
        if draft.built { None } else { draft.graph.window_grace_ms(node) }
    }

    /// How much older than the stream time that closes them the newest record of a node's windows may be, likewise.
    pub(crate) fn window_hold_ms(&self, node: NodeId) -> Option<i64> {
        let draft = self.lock();
        if draft.built { None } else { draft.graph.window_hold_ms(node) }
    }

    /// Takes a name for an operator; a second taker is a problem.
    pub(crate) fn claim(&self, name: &str, taker: &'static str) {
        let mut draft = self.lock();
        match draft.names.get(name) {
            Some(first) => {
                let problem = TopologyProblem::DuplicateName { name: name.to_owned(), first, second: taker };
                draft.problems.push(problem);
            }
            None => drop(draft.names.insert(name.to_owned(), taker)),
        }
    }

    /// `<application>-<name>-<suffix>`.
    /// Gives the repartition topic of that name so many partitions.
    pub(crate) fn partition(&self, name: &str, partitions: i32) {
        let topic = self.internal_topic(name, "repartition");
        self.lock().graph.partitions.insert(topic, partitions);
    }

    pub(crate) fn internal_topic(&self, name: &str, suffix: &str) -> TopicName {
        let application_id = self.lock().graph.application_id.clone();
        self.topic_name(&format!("{application_id}-{name}-{suffix}"))
    }

    /// The name as a topic's; if it is none, that is noted, and another stands in until `build` refuses.
    pub(crate) fn topic_name(&self, name: &str) -> TopicName {
        match TopicName::new(name) {
            Ok(topic) => topic,
            Err(reason) => {
                self.problem(TopologyProblem::IllegalName { name: name.to_owned(), reason });
                stand_in()
            }
        }
    }

    pub(crate) fn intern(&self, topic: &TopicName) -> TopicId {
        self.lock().graph.intern(topic)
    }

    /// Notes what is wrong, once.
    pub(crate) fn problem(&self, problem: TopologyProblem) {
        let mut draft = self.lock();
        if !draft.problems.contains(&problem) {
            draft.problems.push(problem);
        }
    }

    /// The serde, or the problem that nobody named one.
    pub(crate) fn known<T>(
        &self,
        serde: Option<&Arc<dyn Serde<T>>>,
        part: Part,
        name: &str,
    ) -> Option<Arc<dyn Serde<T>>> {
        if serde.is_none() {
            self.problem(TopologyProblem::UnknownSerde { name: name.to_owned(), part });
        }
        serde.cloned()
    }

    fn finish(&self) -> Draft {
        let mut draft = self.lock();
        let finished = std::mem::take(&mut *draft);
        draft.built = true;
        finished
    }

    fn lock(&self) -> MutexGuard<'_, Draft> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sources with watermarks in a topology that does not go by them.
fn stray_watermarks(graph: &Graph) -> Vec<TopologyProblem> {
    if graph.watermarks.is_some() {
        return Vec::new();
    }
    let sources = graph.source_watermarks.keys().filter_map(|id| match &graph.node(*id).kind {
        NodeKind::Source { topic, .. } => Some(graph.topic(*topic).to_string()),
        _ => None,
    });
    sources.map(TopologyProblem::StrayWatermarks).collect()
}

fn illegal(checked: Result<TopicName, InvalidName>, name: &str) -> Option<TopologyProblem> {
    let reason = checked.err()?;
    Some(TopologyProblem::IllegalName { name: name.to_owned(), reason })
}

#[expect(clippy::expect_used, reason = "a constant that is a legal name")]
fn stand_in() -> TopicName {
    TopicName::new("illegal").expect("a legal name")
}
