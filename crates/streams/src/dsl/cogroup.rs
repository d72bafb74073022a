//! Cogroups: the records of a key of several streams together, each kind taken in by a closure of its own.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde};

use super::grouped::named;
use super::stream::step;
use super::windowed::Windows;
use super::windowed_cogroup::Aggregators;
use super::{GroupedStream, Stream, Table};
use crate::graph::{NodeId, NodeKind, StoreId, StoreKind};
use crate::node::{Aggregate, OldValues, Outlet};
use crate::record::{Change, Data};
use crate::store::{KeyValueView, Lookup};
use crate::topology::TopologyProblem;
use crate::topology::builder::Handle;
use crate::window::Windowed;

/// Streams grouped by one kind of key, to be aggregated into one table. Their topics must have equal partition counts,
/// but for those whose key was changed.
///
/// ```
/// # use headwater_schema::{long, serdes, utf8};
/// # use headwater_streams::{Guarantee, Stream, Topology};
/// # let mut app = Topology::builder("shop").guarantee(Guarantee::AtLeastOnce);
/// # let sales: Stream<String, i64> = app.stream("sales", serdes(utf8(), long()));
/// # let returns: Stream<String, i64> = app.stream("returns", serdes(utf8(), long()));
/// let revenue = sales
///     .group_by_key()
///     .cogroup(|_, price, revenue: i64| revenue + price)
///     .cogroup(&returns.group_by_key(), |_, price, revenue| revenue - price)
///     .aggregate("revenue", || 0, serdes(utf8(), long()));
/// ```
pub struct CogroupedStream<K, A> {
    draft: Handle,
    members: Vec<Arc<dyn Member<K, A>>>,
}

impl<K: Data, V: Data> GroupedStream<K, V> {
    /// Begins a cogroup: says how a record of this stream is taken into the aggregate of its key.
    pub fn cogroup<A, F>(&self, fold: F) -> CogroupedStream<K, A>
    where
        A: Data,
        F: Fn(&K, V, A) -> A + Send + Sync + 'static,
    {
        CogroupedStream { draft: self.stream.draft.clone(), members: Vec::new() }.cogroup(self, fold)
    }
}

impl<K: Data, A: Data> CogroupedStream<K, A> {
    /// Adds a stream, and says how a record of it is taken into the aggregate of its key.
    #[must_use]
    pub fn cogroup<V, F>(&self, grouped: &GroupedStream<K, V>, fold: F) -> Self
    where
        V: Data,
        F: Fn(&K, V, A) -> A + Send + Sync + 'static,
    {
        if !self.draft.is(&grouped.stream.draft) {
            self.draft.problem(TopologyProblem::ForeignStream("cogroup".to_owned()));
            return self.clone();
        }
        let mut members = self.members.clone();
        members.push(Arc::new(GroupMember { stream: grouped.stream.clone(), fold: Arc::new(fold) }));
        Self { draft: self.draft.clone(), members }
    }

    /// Divides each group into windows of event time.
    pub fn windowed_by<W: Windows>(&self, windows: W) -> W::Cogrouped<K, A> {
        windows.divide_all(self.clone())
    }

    /// Folds the records of a key into one value, beginning with what `init` gives. Every record gives an update, whose
    /// time is the latest of its records.
    ///
    /// A stream whose key was changed goes through the repartition topic `name`, and if it is not the first, through
    /// `<name>-<its number>`, counted from 1.
    pub fn aggregate<I, SK, SA>(&self, name: &str, init: I, serdes: KeyValueSerde<SK, SA>) -> Table<K, A>
    where
        I: Fn() -> A + Send + Sync + 'static,
        SK: Serde<K>,
        SA: Serde<A>,
    {
        let target = self.target(name, StoreKind::KeyValue, Arc::new(init), serdes);
        let changes = self.aggregate_all(&target, |member, number| member.aggregate(&target, number));
        let view = KeyValueView::factory(target.store, &target.keys, &target.values);
        let lookup = Arc::new(move || -> Box<dyn Lookup<K, A>> { Box::new(view()) });
        let Target { store, keys, values, old_values, .. } = target;
        Table::new(changes, old_values, (vec![store], name), keys, values, Some(lookup))
    }

    /// What the members are to fill, and where.
    pub(super) fn target<L: Data, SK, SA>(
        &self,
        name: &str,
        kind: StoreKind,
        init: Init<A>,
        serdes: KeyValueSerde<SK, SA>,
    ) -> Target<K, A, L>
    where
        SK: Serde<K>,
        SA: Serde<A>,
    {
        self.draft.claim(name, "a cogroup");
        let target = Target {
            name: name.to_owned(),
            store: self.draft.store(name, kind),
            keys: Arc::new(serdes.key),
            values: Arc::new(serdes.value),
            init,
            old_values: OldValues::default(),
            outlet: Outlet::new(),
        };
        self.draft.store_holds(target.store, &target.keys, &target.values);
        target
    }

    /// Hangs all members before the target's outlet.
    pub(super) fn aggregate_all<L: Data>(
        &self,
        target: &Target<K, A, L>,
        aggregate: impl Fn(&dyn Member<K, A>, usize) -> NodeId,
    ) -> Stream<L, Change<A>> {
        let members = self.members.iter().zip(1..);
        let nodes: Vec<_> = members.map(|(member, number)| aggregate(member.as_ref(), number)).collect();
        let node = self.draft.node(NodeKind::Operator(step("merge")), &nodes, &[]);
        Stream::new(self.draft.clone(), node, target.outlet.clone(), None, None, false)
    }

    pub(super) fn draft(&self) -> &Handle {
        &self.draft
    }
}

/// What all members of a cogroup fill. Its results are keyed by `L`.
pub(super) struct Target<K, A, L> {
    pub(super) name: String,
    pub(super) store: StoreId,
    pub(super) keys: Arc<dyn Serde<K>>,
    pub(super) values: Arc<dyn Serde<A>>,
    pub(super) init: Init<A>,
    pub(super) old_values: OldValues,
    pub(super) outlet: Outlet<L, Change<A>>,
}

/// What an aggregate begins with.
pub(super) type Init<A> = Arc<dyn Fn() -> A + Send + Sync>;

/// One stream of a cogroup, the type of its values erased.
pub(super) trait Member<K, A>: Send + Sync {
    /// Hangs the aggregation behind the stream.
    fn aggregate(&self, target: &Target<K, A, K>, number: usize) -> NodeId;

    /// As `aggregate`, by windows.
    fn aggregate_windows(
        &self,
        target: &Target<K, A, Windowed<K>>,
        aggregators: &Aggregators<K, A>,
        number: usize,
    ) -> NodeId;
}

/// One stream of a cogroup.
struct GroupMember<K, V, F> {
    stream: Stream<K, V>,
    fold: Arc<F>,
}

impl<K, V, A, F> Member<K, A> for GroupMember<K, V, F>
where
    K: Data,
    V: Data,
    A: Data,
    F: Fn(&K, V, A) -> A + Send + Sync + 'static,
{
    fn aggregate(&self, target: &Target<K, A, K>, number: usize) -> NodeId {
        let stream = self.partitioned(target, number);
        let node = target.node(&stream, None);
        let view = KeyValueView::factory(target.store, &target.keys, &target.values);
        let fold = Arc::new(self.fold_from(&target.init));
        let (wanted, next) = (target.old_values.clone(), target.outlet.clone());
        stream.draft.attach(&stream.outlet, move |assembly| Aggregate {
            view: view(),
            fold: Arc::clone(&fold),
            sends_old: wanted.are_wanted(),
            next: Box::new(next.assemble_shared(assembly)),
            takes: PhantomData,
        });
        node
    }

    fn aggregate_windows(
        &self,
        target: &Target<K, A, Windowed<K>>,
        aggregators: &Aggregators<K, A>,
        number: usize,
    ) -> NodeId {
        let stream = self.partitioned(target, number);
        let node = target.node(&stream, Some(aggregators.detail().to_owned()));
        aggregators.fill(target, (&stream, node), self.fold_from(&target.init));
        node
    }
}

impl<K: Data, V: Data, F> GroupMember<K, V, F> {
    /// The stream by its key; if that was changed, through a repartition topic of the member's own.
    fn partitioned<A, L>(&self, target: &Target<K, A, L>, number: usize) -> Stream<K, V> {
        let mut name = target.name.clone();
        if self.stream.rekeyed && number > 1 {
            name = format!("{name}-{number}");
            self.stream.draft.claim(&name, "a repartition");
        }
        self.stream.by_key(&name, &target.keys, true)
    }

    fn fold_from<A>(&self, init: &Init<A>) -> impl Fn(&K, V, Option<A>) -> A + Send + Sync + use<K, V, A, F>
    where
        F: Fn(&K, V, A) -> A + Send + Sync,
    {
        let (init, fold) = (Arc::clone(init), Arc::clone(&self.fold));
        move |key: &K, value, so_far: Option<A>| fold(key, value, so_far.unwrap_or_else(|| init()))
    }
}

impl<K, A, L> Target<K, A, L> {
    /// The node of a member's aggregation.
    fn node<V>(&self, stream: &Stream<K, V>, detail: Option<String>) -> NodeId {
        let operator = named("cogroup", &self.name, detail);
        stream.draft.node(NodeKind::Operator(operator), &[stream.node], &[self.store])
    }
}

impl<K, A> Clone for CogroupedStream<K, A> {
    fn clone(&self) -> Self {
        Self { draft: self.draft.clone(), members: self.members.clone() }
    }
}

impl<K, A> fmt::Debug for CogroupedStream<K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CogroupedStream").field("members", &self.members.len()).finish_non_exhaustive()
    }
}
