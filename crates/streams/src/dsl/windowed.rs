//! The kinds of windows that groups can be divided into, and what makes the aggregates by them.

use std::sync::Arc;

use headwater_schema::Serde;

use super::{
    CogroupedStream, SessionWindowedCogroupedStream, SessionWindowedStream, Stream, WindowedCogroupedStream,
    WindowedStream,
};
use crate::graph::{NodeId, Operator, StoreId};
use crate::node::{
    Aggregator, Intake, Node, OldValues, OnTime, SessionAggregate, SlidingAggregate, WindowAggregate,
};
use crate::record::{Change, Data};
use crate::store::{SessionView, SlidingView, WindowView};
use crate::topology::TopologyProblem;
use crate::topology::builder::Handle;
use crate::window::{
    EmitStrategy, FixedWindows, HoppingWindows, SessionWindows, SlidingWindows, StepWindows, TumblingWindows,
    Windowed,
};

/// Windows that a [`GroupedStream`](super::GroupedStream) or a [`CogroupedStream`] can be divided into.
pub trait Windows: Copy {
    /// The stream by these windows.
    type Grouped<K: Data, V: Data>;

    /// Streams of one aggregate by these windows.
    type Cogrouped<K: Data, A: Data>;

    /// Divides a stream that is grouped by its key.
    #[doc(hidden)]
    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> Self::Grouped<K, V>;

    /// Divides streams that are grouped by their keys.
    #[doc(hidden)]
    fn divide_all<K: Data, A: Data>(self, cogrouped: CogroupedStream<K, A>) -> Self::Cogrouped<K, A>;
}

impl Windows for TumblingWindows {
    type Grouped<K: Data, V: Data> = WindowedStream<K, V>;
    type Cogrouped<K: Data, A: Data> = WindowedCogroupedStream<K, A>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> WindowedStream<K, V> {
        WindowedStream::new(stream, self.into())
    }

    fn divide_all<K: Data, A: Data>(self, cogrouped: CogroupedStream<K, A>) -> WindowedCogroupedStream<K, A> {
        WindowedCogroupedStream::new(cogrouped, self.into())
    }
}

impl Windows for HoppingWindows {
    type Grouped<K: Data, V: Data> = WindowedStream<K, V>;
    type Cogrouped<K: Data, A: Data> = WindowedCogroupedStream<K, A>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> WindowedStream<K, V> {
        WindowedStream::new(stream, self.into())
    }

    fn divide_all<K: Data, A: Data>(self, cogrouped: CogroupedStream<K, A>) -> WindowedCogroupedStream<K, A> {
        WindowedCogroupedStream::new(cogrouped, self.into())
    }
}

impl Windows for SlidingWindows {
    type Grouped<K: Data, V: Data> = WindowedStream<K, V>;
    type Cogrouped<K: Data, A: Data> = WindowedCogroupedStream<K, A>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> WindowedStream<K, V> {
        WindowedStream::new(stream, self.into())
    }

    fn divide_all<K: Data, A: Data>(self, cogrouped: CogroupedStream<K, A>) -> WindowedCogroupedStream<K, A> {
        WindowedCogroupedStream::new(cogrouped, self.into())
    }
}

impl Windows for SessionWindows {
    type Grouped<K: Data, V: Data> = SessionWindowedStream<K, V>;
    type Cogrouped<K: Data, A: Data> = SessionWindowedCogroupedStream<K, A>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> SessionWindowedStream<K, V> {
        SessionWindowedStream::new(stream, self)
    }

    fn divide_all<K: Data, A: Data>(
        self,
        cogrouped: CogroupedStream<K, A>,
    ) -> SessionWindowedCogroupedStream<K, A> {
        SessionWindowedCogroupedStream::new(cogrouped, self)
    }
}

/// How many windows a record may lie in.
const MAX_STEPS: i64 = 10_000;

/// Notes what is wrong with the windows of the operator `name`.
pub(super) fn check(draft: &Handle, name: &str, windows: &FixedWindows) {
    if windows.size_ms() == 0 {
        draft.problem(TopologyProblem::EmptyWindows(name.to_owned()));
    } else if !windows.leave_no_gap() {
        draft.problem(TopologyProblem::WindowStep(name.to_owned()));
    } else if windows.steps() > MAX_STEPS {
        draft.problem(TopologyProblem::TooManySteps(name.to_owned()));
    }
}

/// What an aggregate by windows is made of, whatever kind of windows it has.
pub(super) struct Windowing<K, A> {
    pub(super) store: StoreId,
    pub(super) emit: EmitStrategy,
    pub(super) old_values: OldValues,
    pub(super) keys: Arc<dyn Serde<K>>,
    pub(super) values: Arc<dyn Serde<A>>,
}

/// Where the results of windows go.
pub(super) type Results<K, A> = Box<dyn Node<Windowed<K>, Change<A>>>;

impl<K: Data, A: Data> Windowing<K, A> {
    /// What makes, for each task, the aggregate by windows that begin step by step.
    pub(super) fn by_steps(
        self,
        windows: StepWindows,
    ) -> impl Fn(NodeId, Results<K, A>) -> WindowAggregate<K, A> + Send + Sync + 'static {
        let Self { store, emit, old_values, keys, values } = self;
        move |operator, next| WindowAggregate {
            operator,
            windows,
            emit,
            view: WindowView::new(store, Arc::clone(&keys), Arc::clone(&values)),
            sends_old: old_values.are_wanted(),
            next,
            has_failed: false,
        }
    }

    /// What makes, for each task, the aggregate by sliding windows.
    pub(super) fn sliding(
        self,
        windows: SlidingWindows,
    ) -> impl Fn(NodeId, Results<K, A>) -> SlidingAggregate<K, A> + Send + Sync + 'static {
        let Self { store, emit, old_values, keys, values } = self;
        move |operator, next| SlidingAggregate {
            operator,
            windows,
            emit,
            view: SlidingView::new(store, Arc::clone(&keys), Arc::clone(&values)),
            sends_old: old_values.are_wanted(),
            next,
            found: Vec::new(),
            has_failed: false,
        }
    }

    /// What makes, for each task, the aggregate by sessions. `merge` makes one aggregate of that of the sessions so far, of
    /// which there is none at first, and that of another.
    pub(super) fn sessions<M>(
        self,
        windows: SessionWindows,
        merge: M,
    ) -> impl Fn(NodeId, Results<K, A>) -> SessionAggregate<K, A, M> + Send + Sync + 'static
    where
        M: Fn(&K, Option<A>, A) -> A + Send + Sync + 'static,
    {
        let Self { store, emit, old_values, keys, values } = self;
        let merge = Arc::new(merge);
        move |operator, next| SessionAggregate {
            operator,
            windows,
            emit,
            view: SessionView::new(store, Arc::clone(&keys), Arc::clone(&values)),
            merge: Arc::clone(&merge),
            sends_old: old_values.are_wanted(),
            next,
            found: Vec::new(),
            replaced: Vec::new(),
        }
    }
}

/// How a stream is folded into an aggregate of its own.
pub(super) struct Folding<K, V, F> {
    pub(super) operator: Operator,
    pub(super) store: StoreId,
    pub(super) hold_ms: Option<i64>,
    pub(super) keys: Arc<dyn Serde<K>>,
    /// Where null values are left out: how values are written.
    pub(super) values: Option<Arc<dyn Serde<V>>>,
    pub(super) fold: Arc<F>,
}

impl<K: Data, V: Data> Stream<K, V> {
    /// The results of an aggregate of this stream alone.
    pub(super) fn folded<A, G, F>(
        &self,
        folding: Folding<K, V, F>,
        make: impl Fn(NodeId, Results<K, A>) -> G + Send + Sync + 'static,
    ) -> Stream<Windowed<K>, Change<A>>
    where
        A: Data,
        G: Aggregator<Key = K, Aggregate = A> + OnTime + 'static,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
    {
        let Folding { operator, store, hold_ms, keys, values, fold } = folding;
        self.follow_timed(operator, &[store], hold_ms, move |operator, next| Intake {
            keys: Arc::clone(&keys),
            values: values.clone(),
            fold: Arc::clone(&fold),
            aggregator: make(operator, next),
        })
    }
}
