//! Cogroups within windows: one aggregate for all streams of a cogroup in each task.

use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde};

use super::cogroup::Target;
use super::windowed::{Results, Windowing, check};
use super::{CogroupedStream, Stream, Table};
use crate::graph::{NodeId, StoreKind};
use crate::node::{Aggregator, Intake, OnTime, SessionAggregate, SlidingAggregate, WindowAggregate};
use crate::record::Data;
use crate::window::{
    EmitStrategy, FixedWindows, SessionWindowedSerde, SessionWindows, Windowed, WindowedSerde,
};

/// Streams grouped by one kind of key and by windows of event time, to be aggregated into one table.
#[derive(Debug, Clone)]
pub struct WindowedCogroupedStream<K, A> {
    cogrouped: CogroupedStream<K, A>,
    windows: FixedWindows,
    emit: EmitStrategy,
}

/// Streams grouped by one kind of key and by sessions of event time, to be aggregated into one table. A session goes on
/// as long as records of any of the streams keep coming.
#[derive(Debug, Clone)]
pub struct SessionWindowedCogroupedStream<K, A> {
    cogrouped: CogroupedStream<K, A>,
    windows: SessionWindows,
    emit: EmitStrategy,
}

impl<K: Data, A: Data> WindowedCogroupedStream<K, A> {
    pub(super) fn new(cogrouped: CogroupedStream<K, A>, windows: FixedWindows) -> Self {
        Self { cogrouped, windows, emit: EmitStrategy::OnUpdate }
    }

    /// States when results are handed on; without it, with every record.
    #[must_use]
    pub fn emit(&self, strategy: EmitStrategy) -> Self {
        Self { emit: strategy, ..self.clone() }
    }

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
        let windows = self.windows;
        let target = self.cogrouped.target(name, StoreKind::Windows(windows), Arc::new(init), serdes);
        check(self.cogrouped.draft(), name, &windows);
        let windowing = target.windowing(self.emit);
        let make = match windows {
            FixedWindows::Tumbling(windows) => Make::Steps(Arc::new(windowing.by_steps(windows.into()))),
            FixedWindows::Hopping(windows) => Make::Steps(Arc::new(windowing.by_steps(windows.into()))),
            FixedWindows::Sliding(windows) => Make::Sliding(Arc::new(windowing.sliding(windows))),
        };
        let detail = format!("by windows, {windows}{}", self.emit.detail());
        let aggregators = Aggregators { detail, hold_ms: self.emit.holds(windows.hold_ms()), make };
        let keys = Arc::new(WindowedSerde::new(Arc::clone(&target.keys), windows));
        self.cogrouped.aggregate_windows(target, &aggregators, keys)
    }
}

impl<K: Data, A: Data> SessionWindowedCogroupedStream<K, A> {
    pub(super) fn new(cogrouped: CogroupedStream<K, A>, windows: SessionWindows) -> Self {
        Self { cogrouped, windows, emit: EmitStrategy::OnUpdate }
    }

    /// States when results are handed on; without it, with every record.
    #[must_use]
    pub fn emit(&self, strategy: EmitStrategy) -> Self {
        Self { emit: strategy, ..self.clone() }
    }

    /// Folds the records of a key and session into one value, beginning with what `init` gives; see
    /// [`CogroupedStream::aggregate`]. Where sessions become one, `merge(key, so_far, session)` makes one value of
    /// theirs, beginning with what `init` gives. Records too late for their session are dropped and counted under
    /// `name`.
    pub fn aggregate<I, M, SK, SA>(
        &self,
        name: &str,
        init: I,
        merge: M,
        serdes: KeyValueSerde<SK, SA>,
    ) -> Table<Windowed<K>, A>
    where
        I: Fn() -> A + Send + Sync + 'static,
        M: Fn(&K, A, A) -> A + Send + Sync + 'static,
        SK: Serde<K>,
        SA: Serde<A>,
    {
        let windows = self.windows;
        let target = self.cogrouped.target(name, StoreKind::Sessions(windows), Arc::new(init), serdes);
        let init = Arc::clone(&target.init);
        let merge: Merge<K, A> =
            Box::new(move |key, so_far, session| merge(key, so_far.unwrap_or_else(|| init()), session));
        let make = Make::Sessions(Arc::new(target.windowing(self.emit).sessions(windows, merge)));
        let detail = format!("by {windows}{}", self.emit.detail());
        let aggregators = Aggregators { detail, hold_ms: self.emit.holds(windows.retention_ms()), make };
        let keys = Arc::new(SessionWindowedSerde::new(Arc::clone(&target.keys)));
        self.cogrouped.aggregate_windows(target, &aggregators, keys)
    }
}

impl<K: Data, A: Data> CogroupedStream<K, A> {
    fn aggregate_windows(
        &self,
        target: Target<K, A, Windowed<K>>,
        aggregators: &Aggregators<K, A>,
        keys: Arc<dyn Serde<Windowed<K>>>,
    ) -> Table<Windowed<K>, A> {
        let changes = self
            .aggregate_all(&target, |member, number| member.aggregate_windows(&target, aggregators, number));
        if let Some(hold_ms) = aggregators.hold_ms {
            self.draft().hold(changes.node, hold_ms);
        }
        // Partitioned by the key alone, not by the bytes of key and window: whoever joins by them must repartition.
        let Target { name, store, values, old_values, .. } = target;
        Table::new(changes.rekeyed(), old_values, (vec![store], &name), keys, values, None)
    }
}

impl<K, A> Target<K, A, Windowed<K>> {
    fn windowing(&self, emit: EmitStrategy) -> Windowing<K, A> {
        Windowing {
            store: self.store,
            emit,
            old_values: self.old_values.clone(),
            keys: Arc::clone(&self.keys),
            values: Arc::clone(&self.values),
        }
    }
}

/// What the members of a cogroup are folded into within windows: one aggregate for each task.
pub(super) struct Aggregators<K, A> {
    /// What a description of the topology says of the windows.
    detail: String,
    /// How long results may wait, if they do.
    hold_ms: Option<i64>,
    make: Make<K, A>,
}

/// What makes the aggregate of a task, by the kind of windows.
enum Make<K, A> {
    Steps(Factory<K, A, WindowAggregate<K, A>>),
    Sliding(Factory<K, A, SlidingAggregate<K, A>>),
    Sessions(Factory<K, A, SessionAggregate<K, A, Merge<K, A>>>),
}

type Factory<K, A, G> = Arc<dyn Fn(NodeId, Results<K, A>) -> G + Send + Sync>;

/// Makes one aggregate of that of the sessions so far, of which there is none at first, and that of another.
type Merge<K, A> = Box<dyn Fn(&K, Option<A>, A) -> A + Send + Sync>;

impl<K: Data, A: Data> Aggregators<K, A> {
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Lets a stream be folded into the aggregate that stands before the target's outlet.
    pub(super) fn fill<V, F>(
        &self,
        target: &Target<K, A, Windowed<K>>,
        (stream, node): (&Stream<K, V>, NodeId),
        fold: F,
    ) where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
    {
        let member = (stream, node, fold);
        match &self.make {
            Make::Steps(make) => self.fill_by(make, target, member, None),
            // As in Kafka, null values are dropped as null keys are.
            Make::Sliding(make) => self.fill_by(make, target, member, stream.values().cloned()),
            Make::Sessions(make) => self.fill_by(make, target, member, None),
        }
    }

    fn fill_by<V, F, G>(
        &self,
        make: &Factory<K, A, G>,
        target: &Target<K, A, Windowed<K>>,
        (stream, node, fold): (&Stream<K, V>, NodeId, F),
        values: Option<Arc<dyn Serde<V>>>,
    ) where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
        G: Aggregator<Key = K, Aggregate = A> + OnTime + 'static,
    {
        let (make, outlet, keys) = (Arc::clone(make), target.outlet.clone(), Arc::clone(&target.keys));
        let (waits, fold) = (self.hold_ms.is_some(), Arc::new(fold));
        stream.draft.attach(&stream.outlet, move |assembly| {
            let make = |next| make(node, next);
            let aggregator =
                if waits { outlet.share_timed(assembly, make) } else { outlet.share(assembly, make) };
            Intake { keys: Arc::clone(&keys), values: values.clone(), fold: Arc::clone(&fold), aggregator }
        });
    }
}
