//! Cogroups: the records of a key of several streams together, each kind taken in by a closure of its own.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde};

use super::grouped::named;
use super::stream::step;
use super::{GroupedStream, Stream, Table};
use crate::graph::{NodeId, NodeKind, StoreId, StoreKind};
use crate::node::{Aggregate, OldValues, Outlet, WindowAggregate};
use crate::record::{Change, Data};
use crate::store::{KeyValueView, Lookup, WindowView};
use crate::topology::TopologyProblem;
use crate::topology::builder::Handle;
use crate::window::{EmitStrategy, TumblingWindows, Windowed, WindowedSerde};

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

/// Streams grouped by one kind of key and by windows of event time.
#[derive(Debug, Clone)]
pub struct WindowedCogroupedStream<K, A> {
    cogrouped: CogroupedStream<K, A>,
    windows: TumblingWindows,
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
    pub fn windowed_by(&self, windows: TumblingWindows) -> WindowedCogroupedStream<K, A> {
        WindowedCogroupedStream { cogrouped: self.clone(), windows }
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
        self.draft.claim(name, "a cogroup");
        let target = Target {
            name: name.to_owned(),
            store: self.draft.store(name, StoreKind::KeyValue),
            keys: Arc::new(serdes.key),
            values: Arc::new(serdes.value),
            init: Arc::new(init),
            old_values: OldValues::default(),
            outlet: Outlet::new(),
        };
        self.draft.store_holds(target.store, &target.keys, &target.values);
        let changes = self.aggregate_all(&target, |member, number| member.aggregate(&target, number));
        let view = KeyValueView::factory(target.store, &target.keys, &target.values);
        let lookup = Arc::new(move || -> Box<dyn Lookup<K, A>> { Box::new(view()) });
        let Target { store, keys, values, old_values, .. } = target;
        Table::new(changes, old_values, (vec![store], name), keys, values, Some(lookup))
    }

    /// Hangs all members before the target's outlet.
    fn aggregate_all<L: Data>(
        &self,
        target: &Target<K, A, L>,
        aggregate: impl Fn(&dyn Member<K, A>, usize) -> NodeId,
    ) -> Stream<L, Change<A>> {
        let members = self.members.iter().zip(1..);
        let nodes: Vec<_> = members.map(|(member, number)| aggregate(member.as_ref(), number)).collect();
        let node = self.draft.node(NodeKind::Operator(step("merge")), &nodes, &[]);
        Stream::new(self.draft.clone(), node, target.outlet.clone(), None, None, false)
    }
}

impl<K: Data, A: Data> WindowedCogroupedStream<K, A> {
    /// Folds the records of a key and window into one value, beginning with what `init` gives; see
    /// [`CogroupedStream::aggregate`]. Records too late for their window are dropped and counted under `name`.
    pub fn aggregate<I, SK, SA>(
        &self,
        name: &str,
        init: I,
        serdes: KeyValueSerde<SK, SA>,
    ) -> Table<Windowed<K>, A>
    where
        I: Fn() -> A + Send + Sync + 'static,
        SK: Serde<K>,
        SA: Serde<A>,
    {
        let (draft, windows) = (&self.cogrouped.draft, self.windows);
        draft.claim(name, "a cogroup");
        if windows.size_ms() == 0 {
            draft.problem(TopologyProblem::EmptyWindows(name.to_owned()));
        }
        let target = Target {
            name: name.to_owned(),
            store: draft.store(name, StoreKind::Windows(windows.into())),
            keys: Arc::new(serdes.key),
            values: Arc::new(serdes.value),
            init: Arc::new(init),
            old_values: OldValues::default(),
            outlet: Outlet::new(),
        };
        draft.store_holds(target.store, &target.keys, &target.values);
        let aggregate =
            |member: &dyn Member<K, A>, number| member.aggregate_windows(&target, windows, number);
        // Partitioned by the key alone, not by the bytes of key and window: whoever joins by them must repartition.
        let changes = self.cogrouped.aggregate_all(&target, aggregate).rekeyed();
        let Target { store, keys, values, old_values, .. } = target;
        let keys: Arc<dyn Serde<Windowed<K>>> = Arc::new(WindowedSerde::new(keys, windows.into()));
        Table::new(changes, old_values, (vec![store], name), keys, values, None)
    }
}

/// What all members of a cogroup fill. Its results are keyed by `L`.
struct Target<K, A, L> {
    name: String,
    store: StoreId,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<A>>,
    init: Arc<dyn Fn() -> A + Send + Sync>,
    old_values: OldValues,
    outlet: Outlet<L, Change<A>>,
}

/// One stream of a cogroup, the type of its values erased.
trait Member<K, A>: Send + Sync {
    /// Hangs the aggregation behind the stream.
    fn aggregate(&self, target: &Target<K, A, K>, number: usize) -> NodeId;

    /// As `aggregate`, by windows.
    fn aggregate_windows(
        &self,
        target: &Target<K, A, Windowed<K>>,
        windows: TumblingWindows,
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
        windows: TumblingWindows,
        number: usize,
    ) -> NodeId {
        let stream = self.partitioned(target, number);
        let node = target.node(&stream, Some(format!("by windows, {windows}")));
        let (store, keys, values) = (target.store, Arc::clone(&target.keys), Arc::clone(&target.values));
        let fold = Arc::new(self.fold_from(&target.init));
        let (wanted, next) = (target.old_values.clone(), target.outlet.clone());
        stream.draft.attach(&stream.outlet, move |assembly| WindowAggregate {
            operator: node,
            windows: windows.into(),
            emit: EmitStrategy::OnUpdate,
            view: WindowView::new(store, Arc::clone(&keys), Arc::clone(&values)),
            fold: Arc::clone(&fold),
            sends_old: wanted.are_wanted(),
            next: Box::new(next.assemble_shared(assembly)),
            has_failed: false,
            takes: PhantomData,
        });
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

    fn fold_from<A>(
        &self,
        init: &Arc<dyn Fn() -> A + Send + Sync>,
    ) -> impl Fn(&K, V, Option<A>) -> A + Send + Sync + use<K, V, A, F>
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
