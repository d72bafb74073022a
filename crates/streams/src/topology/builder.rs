//! The builder: collects the untyped graph and the typed outlets side by side.

mod formats;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_model::{InvalidName, TopicName};
use headwater_schema::{KeyValueSerde, Part, Serde, optional};

use super::sub_topology::split;
use super::{GlobalFactory, Guarantee, Parts, SourceFactory, Topology, TopologyError, TopologyProblem};
use crate::dsl::{GlobalTable, Stream, Table};
use crate::graph::{
    GlobalId, Graph, NodeId, NodeKind, NodeSpec, SourceRole, StoreId, StoreKind, StoreSpec, TopicId,
};
use crate::node::{Assembly, Node, OldValues, Outlet, SourceNode, TableNode};
use crate::record::Data;
use crate::store::KeyValueView;
use crate::store::global::{GlobalStore, GlobalTableStore};

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
        TopologyBuilder { draft: Handle(Arc::new(Mutex::new(draft))), guarantee }
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
        let outlet = Outlet::new();
        let serdes = Arcs { keys: Arc::new(serdes.key), values: Arc::new(serdes.value) };
        let node = self.draft.source(topic, SourceRole::Stream, &[], &outlet, serdes.clone());
        Stream::new(self.draft.clone(), node, outlet, Some(serdes.keys), Some(serdes.values), false)
    }

    /// Reads a topic as a table: the newest value of each key; null removes the key, and records without a key are
    /// dropped and counted.
    ///
    /// Its store has the topic's name, and needs no changelog but the topic.
    pub fn table<K, V, SK, SV>(&mut self, topic: &str, serdes: KeyValueSerde<SK, SV>) -> Table<K, V>
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
        let node = self.draft.source(topic, SourceRole::Table, &[store], &records, nullable);
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

    pub(crate) fn draft(&self) -> &Handle {
        &self.draft
    }

    /// The finished topology, or everything that is wrong with it.
    ///
    /// Streams and tables that outlive this add nothing to it any more.
    pub fn build(self) -> Result<Topology, TopologyError> {
        let Draft { graph, mut problems, sources, globals, .. } = self.draft.finish();
        if graph.nodes.is_empty() {
            problems.push(TopologyProblem::Empty);
        }
        if !problems.is_empty() {
            return Err(TopologyError { application_id: graph.application_id, problems });
        }
        let sub_topologies = split(&graph);
        let parts =
            Parts { graph: Arc::new(graph), guarantee: self.guarantee, sources, globals, sub_topologies };
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

    /// Adds a source, and what makes it for each task.
    pub(crate) fn source<K: Data, V: Data>(
        &self,
        topic: &str,
        role: SourceRole,
        stores: &[StoreId],
        outlet: &Outlet<K, V>,
        serdes: Arcs<K, V>,
    ) -> NodeId {
        let name = self.topic_name(topic);
        let drops_null_keys = role == SourceRole::Table;
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
        self.node_holds(id, &serdes.keys, &serdes.values);
        let outlet = outlet.clone();
        let make: SourceFactory = Box::new(move |assembly| {
            Box::new(SourceNode {
                keys: Arc::clone(&serdes.keys),
                values: Arc::clone(&serdes.values),
                drops_null_keys,
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
            | StoreKind::Seen => self.internal_topic(name, "changelog"),
        };
        let mut draft = self.lock();
        draft.graph.stores.push(StoreSpec { name: name.to_owned(), kind, backed_by });
        StoreId(draft.graph.stores.len() - 1)
    }

    /// How far stream time must be past the ends of a node's windows until they are closed, if it has windows; `None`
    /// also once the topology is built, when its nodes are no longer here.
    pub(crate) fn window_grace_ms(&self, node: NodeId) -> Option<i64> {
        let draft = self.lock();
        if draft.built { None } else { draft.graph.window_grace_ms(node) }
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

fn illegal(checked: Result<TopicName, InvalidName>, name: &str) -> Option<TopologyProblem> {
    let reason = checked.err()?;
    Some(TopologyProblem::IllegalName { name: name.to_owned(), reason })
}

#[expect(clippy::expect_used, reason = "a constant that is a legal name")]
fn stand_in() -> TopicName {
    TopicName::new("illegal").expect("a legal name")
}
