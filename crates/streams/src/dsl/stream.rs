//! Streams: every record is an event of its own.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Part, Serde};

use super::{GlobalTable, GroupedStream, Table};
use crate::graph::{NodeId, NodeKind, Operator, SourceRole, StoreId, TopicId};
use crate::node::{
    Assembly, Filter, FlatMapValues, GlobalJoin, Map, MapValues, Node, Outlet, Peek, SelectKey, Sink,
    TableJoin, TryMapValues,
};
use crate::record::{Data, Record};
use crate::topology::TopologyProblem;
use crate::topology::builder::{Arcs, Handle};

/// A stream of records, somewhere in a topology. Every method adds to the topology; a stream that is used twice is
/// copied to both.
///
/// Closures get whole [`Record`]s. They are shared by all tasks, so what they remember themselves is neither safe from
/// failures nor in order; state belongs in tables and aggregates.
pub struct Stream<K, V> {
    pub(super) draft: Handle,
    pub(super) node: NodeId,
    pub(super) outlet: Outlet<K, V>,
    pub(super) keys: Option<Arc<dyn Serde<K>>>,
    pub(super) values: Option<Arc<dyn Serde<V>>>,
    /// True if the key was changed since the records were last sent to their key's partition.
    pub(super) rekeyed: bool,
}

impl<K: Data, V: Data> Stream<K, V> {
    pub(crate) fn new(
        draft: Handle,
        node: NodeId,
        outlet: Outlet<K, V>,
        keys: Option<Arc<dyn Serde<K>>>,
        values: Option<Arc<dyn Serde<V>>>,
        rekeyed: bool,
    ) -> Self {
        Self { draft, node, outlet, keys, values, rekeyed }
    }

    /// Keeps the records for which `keep` is true.
    #[must_use]
    pub fn filter<F>(&self, keep: F) -> Self
    where
        F: Fn(&Record<K, V>) -> bool + Send + Sync + 'static,
    {
        let keep = Arc::new(keep);
        self.follow(step("filter"), &[], move |_, next| Filter { keep: Arc::clone(&keep), next })
            .with(self.keys.clone(), self.values.clone())
    }

    /// Keeps the records for which `leave_out` is false.
    #[must_use]
    pub fn filter_not<F>(&self, leave_out: F) -> Self
    where
        F: Fn(&Record<K, V>) -> bool + Send + Sync + 'static,
    {
        let keep = Arc::new(move |record: &Record<K, V>| !leave_out(record));
        self.follow(step("filter not"), &[], move |_, next| Filter { keep: Arc::clone(&keep), next })
            .with(self.keys.clone(), self.values.clone())
    }

    /// Shows each record to `look`, and changes nothing.
    #[expect(clippy::return_self_not_must_use, reason = "to look may be all that is wanted")]
    pub fn peek<F>(&self, look: F) -> Self
    where
        F: Fn(&Record<K, V>) + Send + Sync + 'static,
    {
        let look = Arc::new(look);
        self.follow(step("peek"), &[], move |_, next| Peek { look: Arc::clone(&look), next })
            .with(self.keys.clone(), self.values.clone())
    }

    /// Gives each record another value. The key is lent, the value is the closure's to keep.
    pub fn map_values<W, F>(&self, map: F) -> Stream<K, W>
    where
        W: Data,
        F: Fn(Record<&K, V>) -> W + Send + Sync + 'static,
    {
        let map = Arc::new(map);
        self.follow(step("map values"), &[], move |_, next| MapValues {
            map: Arc::clone(&map),
            next,
            takes: PhantomData,
        })
        .with(self.keys.clone(), None)
    }

    /// Gives each record another value, or refuses it; then the runtime's policy for processing errors decides.
    pub fn try_map_values<W, E, F>(&self, map: F) -> Stream<K, W>
    where
        W: Data,
        E: Into<Box<dyn Error + Send + Sync>>,
        F: Fn(Record<&K, V>) -> Result<W, E> + Send + Sync + 'static,
    {
        let map = Arc::new(map);
        self.follow(step("try map values"), &[], move |operator, next| TryMapValues {
            operator,
            map: Arc::clone(&map),
            next,
            takes: PhantomData,
        })
        .with(self.keys.clone(), None)
    }

    /// Makes any number of records with the same key out of each.
    pub fn flat_map_values<W, I, F>(&self, map: F) -> Stream<K, W>
    where
        W: Data,
        I: IntoIterator<Item = W>,
        F: Fn(Record<&K, V>) -> I + Send + Sync + 'static,
    {
        let map = Arc::new(map);
        self.follow(step("flat map values"), &[], move |_, next| FlatMapValues {
            map: Arc::clone(&map),
            next,
            takes: PhantomData,
        })
        .with(self.keys.clone(), None)
    }

    /// Gives each record another key and another value. What is keyed later goes through a repartition topic.
    pub fn map<L, W, F>(&self, map: F) -> Stream<L, W>
    where
        L: Data,
        W: Data,
        F: Fn(Record<K, V>) -> (L, W) + Send + Sync + 'static,
    {
        let map = Arc::new(map);
        let mapped = self.follow(step("map"), &[], move |_, next| Map {
            map: Arc::clone(&map),
            next,
            takes: PhantomData,
        });
        Stream { rekeyed: true, ..mapped }
    }

    /// Gives each record another key. What is keyed later goes through a repartition topic.
    pub fn select_key<L, F>(&self, select: F) -> Stream<L, V>
    where
        L: Data,
        F: Fn(&Record<K, V>) -> L + Send + Sync + 'static,
    {
        let select = Arc::new(select);
        let selected = self.follow(step("select key"), &[], move |_, next| SelectKey {
            select: Arc::clone(&select),
            next,
            takes: PhantomData,
        });
        Stream { rekeyed: true, ..selected.with(None, self.values.clone()) }
    }

    /// States how the records are written where that must be known: in repartition topics and stores behind `map` and
    /// its like.
    #[must_use]
    pub fn with_serdes<SK: Serde<K>, SV: Serde<V>>(&self, serdes: KeyValueSerde<SK, SV>) -> Self {
        self.clone().with(Some(Arc::new(serdes.key)), Some(Arc::new(serdes.value)))
    }

    /// Sends every record to the partition of its key, through the topic `<application>-<name>-repartition`.
    #[must_use]
    pub fn repartition<SK: Serde<K>, SV: Serde<V>>(&self, name: &str, serdes: KeyValueSerde<SK, SV>) -> Self {
        self.draft.claim(name, "a repartition");
        self.through(name, Arcs { keys: Arc::new(serdes.key), values: Arc::new(serdes.value) }, false)
    }

    /// As [`Stream::repartition`], through a topic of so many partitions: as many tasks work behind it. Without a number, there
    /// are as many as the topics have that feed it, or that it is joined with.
    #[must_use]
    pub fn repartition_into<SK: Serde<K>, SV: Serde<V>>(
        &self,
        name: &str,
        partitions: i32,
        serdes: KeyValueSerde<SK, SV>,
    ) -> Self {
        if partitions < 1 {
            self.draft.problem(TopologyProblem::NoPartitions(name.to_owned()));
        }
        self.draft.partition(name, partitions);
        self.repartition(name, serdes)
    }

    /// Joins each record with the table's value of its key; without one there is no result. Records of the table
    /// trigger nothing; records whose key is null are dropped and counted.
    pub fn join<T, W, F>(&self, name: &str, table: &Table<K, T>, join: F) -> Stream<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(Record<&K, V>, &T) -> W + Send + Sync + 'static,
    {
        let join = move |record: Record<&K, V>, found: Option<&T>| found.map(|found| join(record, found));
        self.join_table(name, "join", table, join)
    }

    /// Joins each record with the table's value of its key, or with `None`. Records of the table trigger nothing.
    pub fn left_join<T, W, F>(&self, name: &str, table: &Table<K, T>, join: F) -> Stream<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(Record<&K, V>, Option<&T>) -> W + Send + Sync + 'static,
    {
        self.join_table(name, LEFT_JOIN, table, move |record: Record<&K, V>, found: Option<&T>| {
            Some(join(record, found))
        })
    }

    /// Joins each record with a global table's value of the key that `key_of` computes; without one there is no
    /// result. It needs no name and no repartition. Computed keys that are null are dropped and counted.
    pub fn join_global<GK, T, W, M, F>(&self, table: &GlobalTable<GK, T>, key_of: M, join: F) -> Stream<K, W>
    where
        GK: Data,
        T: Data + Sync,
        W: Data,
        M: Fn(&Record<K, V>) -> GK + Send + Sync + 'static,
        F: Fn(Record<&K, V>, &T) -> W + Send + Sync + 'static,
    {
        let join = move |record: Record<&K, V>, found: Option<&T>| found.map(|found| join(record, found));
        self.join_global_table("join", table, key_of, join)
    }

    /// Joins each record with a global table's value of the key that `key_of` computes, or with `None`.
    pub fn left_join_global<GK, T, W, M, F>(
        &self,
        table: &GlobalTable<GK, T>,
        key_of: M,
        join: F,
    ) -> Stream<K, W>
    where
        GK: Data,
        T: Data + Sync,
        W: Data,
        M: Fn(&Record<K, V>) -> GK + Send + Sync + 'static,
        F: Fn(Record<&K, V>, Option<&T>) -> W + Send + Sync + 'static,
    {
        let join = move |record: Record<&K, V>, found: Option<&T>| Some(join(record, found));
        self.join_global_table(LEFT_JOIN, table, key_of, join)
    }

    /// Groups the records by their key, to be counted, reduced or aggregated.
    pub fn group_by_key(&self) -> GroupedStream<K, V> {
        GroupedStream::new(self.clone())
    }

    /// Writes the records to a topic, each to the partition of its key, with their time and headers.
    pub fn to<SK: Serde<K>, SV: Serde<V>>(&self, topic: &str, serdes: KeyValueSerde<SK, SV>) {
        let topic = self.draft.topic_name(topic);
        let topic = self.draft.intern(&topic);
        let serdes = Arcs { keys: Arc::new(serdes.key), values: Arc::new(serdes.value) };
        self.sink(NodeKind::Sink { topic }, topic, serdes, false);
    }

    /// The stream as the operator `name` needs it: by way of a repartition topic if the key was changed.
    pub(crate) fn by_key(&self, name: &str, keys: &Arc<dyn Serde<K>>, drops_null_keys: bool) -> Self {
        if !self.rekeyed {
            return self.clone();
        }
        match self.draft.known(self.values.as_ref(), Part::Value, name) {
            Some(values) => self.through(name, Arcs { keys: Arc::clone(keys), values }, drops_null_keys),
            None => self.clone(),
        }
    }

    /// Adds a node behind this one; what comes out has no serdes yet.
    pub(crate) fn follow<L: Data, W: Data, N: Node<K, V> + 'static>(
        &self,
        operator: Operator,
        stores: &[StoreId],
        make: impl Fn(NodeId, Box<dyn Node<L, W>>) -> N + Send + Sync + 'static,
    ) -> Stream<L, W> {
        self.follow_assembled(operator, stores, move |_, id, next| make(id, next))
    }

    /// As `follow`, for nodes that need to know the topology's instance or its task.
    pub(super) fn follow_assembled<L: Data, W: Data, N: Node<K, V> + 'static>(
        &self,
        operator: Operator,
        stores: &[StoreId],
        make: impl Fn(&Assembly<'_>, NodeId, Box<dyn Node<L, W>>) -> N + Send + Sync + 'static,
    ) -> Stream<L, W> {
        let node = self.operator(operator, stores);
        let outlet = Outlet::new();
        let next = outlet.clone();
        self.draft.attach(&self.outlet, move |assembly| make(assembly, node, next.assemble(assembly)));
        self.behind(node, outlet)
    }

    /// Adds an operator behind this stream to the description.
    pub(super) fn operator(&self, operator: Operator, stores: &[StoreId]) -> NodeId {
        self.draft.node(NodeKind::Operator(operator), &[self.node], stores)
    }

    /// What comes out of an operator behind this stream.
    pub(super) fn behind<L: Data, W: Data>(&self, node: NodeId, outlet: Outlet<L, W>) -> Stream<L, W> {
        Stream { draft: self.draft.clone(), node, outlet, keys: None, values: None, rekeyed: self.rekeyed }
    }

    fn join_table<T, W, F>(
        &self,
        name: &str,
        verb: &'static str,
        table: &Table<K, T>,
        join: F,
    ) -> Stream<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync + 'static,
    {
        self.draft.claim(name, "a join");
        if !self.draft.is(table.draft()) {
            self.draft.problem(TopologyProblem::ForeignTable(table.name().to_owned()));
            return self.nothing();
        }
        let keys = Arc::clone(table.keys());
        let keeps_null_keys = verb == LEFT_JOIN;
        let operator = Operator {
            verb,
            name: Some(name.to_owned()),
            detail: Some(format!("with store {}", table.name())),
            copartitions: true,
        };
        let Some(lookup) = table.lookup() else {
            self.draft.problem(TopologyProblem::WindowedTable(name.to_owned()));
            return self.nothing();
        };
        let join = Arc::new(join);
        self.by_key(name, &keys, !keeps_null_keys)
            .follow(operator, table.stores(), {
                let keys = Arc::clone(&keys);
                move |_, next| TableJoin {
                    table: lookup(),
                    keys: Arc::clone(&keys),
                    join: Arc::clone(&join),
                    keeps_null_keys,
                    next,
                    takes: PhantomData,
                }
            })
            .with(Some(keys), None)
    }

    fn join_global_table<GK, T, W, M, F>(
        &self,
        verb: &'static str,
        table: &GlobalTable<GK, T>,
        key_of: M,
        join: F,
    ) -> Stream<K, W>
    where
        GK: Data,
        T: Data + Sync,
        W: Data,
        M: Fn(&Record<K, V>) -> GK + Send + Sync + 'static,
        F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync + 'static,
    {
        if !self.draft.is(table.draft()) {
            self.draft.problem(TopologyProblem::ForeignTable(table.topic().to_owned()));
        }
        let detail = Some(format!("with global table {}", table.topic()));
        let operator = Operator { verb, name: None, detail, copartitions: false };
        let (id, key_of, join) = (table.id(), Arc::new(key_of), Arc::new(join));
        self.follow_assembled(operator, &[], move |assembly, operator, next| {
            let Some(table) = assembly.globals.typed::<GK, T>(id) else {
                unreachable!("global stores are made by the topology that made this table");
            };
            GlobalJoin {
                operator,
                table,
                key_of: Arc::clone(&key_of),
                join: Arc::clone(&join),
                keeps_null_keys: verb == LEFT_JOIN,
                next,
                key: Vec::new(),
                takes: PhantomData,
            }
        })
        .with(self.keys.clone(), None)
    }

    fn through(&self, name: &str, serdes: Arcs<K, V>, drops_null_keys: bool) -> Self {
        let topic = self.draft.internal_topic(name, "repartition");
        let id = self.draft.intern(&topic);
        let kind = NodeKind::RepartitionSink { topic: id, name: name.to_owned() };
        self.sink(kind, id, serdes.clone(), drops_null_keys);
        let outlet = Outlet::new();
        let role = SourceRole::Repartition(name.to_owned());
        let node = self.draft.source(topic.as_str(), role, &[], &outlet, serdes.clone());
        Self::new(self.draft.clone(), node, outlet, Some(serdes.keys), Some(serdes.values), false)
    }

    fn sink(&self, kind: NodeKind, topic: TopicId, serdes: Arcs<K, V>, drops_null_keys: bool) {
        let operator = self.draft.node(kind, &[self.node], &[]);
        self.draft.node_holds(operator, &serdes.keys, &serdes.values);
        self.draft.attach(&self.outlet, move |_| Sink {
            operator,
            topic,
            keys: Arc::clone(&serdes.keys),
            values: Arc::clone(&serdes.values),
            partition: |_| None,
            drops_null_keys,
        });
    }
}

impl<K, V> Stream<K, V> {
    pub(crate) fn draft(&self) -> &Handle {
        &self.draft
    }

    /// The same stream, marked as not partitioned by its key.
    pub(crate) fn rekeyed(self) -> Self {
        Self { rekeyed: true, ..self }
    }

    pub(crate) fn keys(&self) -> Option<&Arc<dyn Serde<K>>> {
        self.keys.as_ref()
    }

    pub(crate) fn values(&self) -> Option<&Arc<dyn Serde<V>>> {
        self.values.as_ref()
    }

    pub(crate) fn with(self, keys: Option<Arc<dyn Serde<K>>>, values: Option<Arc<dyn Serde<V>>>) -> Self {
        Self { keys, values, ..self }
    }
}

impl<K, V> Clone for Stream<K, V> {
    fn clone(&self) -> Self {
        Self {
            draft: self.draft.clone(),
            node: self.node,
            outlet: self.outlet.clone(),
            keys: self.keys.clone(),
            values: self.values.clone(),
            rekeyed: self.rekeyed,
        }
    }
}

impl<K, V> fmt::Debug for Stream<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("node", &self.node).finish_non_exhaustive()
    }
}

const LEFT_JOIN: &str = "left join";

/// An operator that needs no name.
pub(super) fn step(verb: &'static str) -> Operator {
    Operator { verb, name: None, detail: None, copartitions: false }
}
