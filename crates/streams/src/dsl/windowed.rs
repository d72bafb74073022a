//! What is made of windows of one length: the nodes behind a [`WindowedStream`].

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::Serde;

use super::{SessionWindowedStream, Stream, WindowedStream};
use crate::graph::{Operator, StoreId};
use crate::node::{OldValues, SlidingAggregate, WindowAggregate};
use crate::record::{Change, Data};
use crate::store::{SlidingView, WindowView};
use crate::topology::TopologyProblem;
use crate::topology::builder::Handle;
use crate::window::{
    EmitStrategy, FixedWindows, HoppingWindows, SessionWindows, SlidingWindows, StepWindows, TumblingWindows,
    Windowed,
};

/// Windows that a [`GroupedStream`](super::GroupedStream) can be divided into.
pub trait Windows: Copy {
    /// The stream by these windows.
    type Grouped<K: Data, V: Data>;

    /// Divides a stream that is grouped by its key.
    #[doc(hidden)]
    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> Self::Grouped<K, V>;
}

impl Windows for TumblingWindows {
    type Grouped<K: Data, V: Data> = WindowedStream<K, V>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> WindowedStream<K, V> {
        WindowedStream::new(stream, self.into())
    }
}

impl Windows for HoppingWindows {
    type Grouped<K: Data, V: Data> = WindowedStream<K, V>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> WindowedStream<K, V> {
        WindowedStream::new(stream, self.into())
    }
}

impl Windows for SlidingWindows {
    type Grouped<K: Data, V: Data> = WindowedStream<K, V>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> WindowedStream<K, V> {
        WindowedStream::new(stream, self.into())
    }
}

impl Windows for SessionWindows {
    type Grouped<K: Data, V: Data> = SessionWindowedStream<K, V>;

    fn divide<K: Data, V: Data>(self, stream: Stream<K, V>) -> SessionWindowedStream<K, V> {
        SessionWindowedStream::new(stream, self)
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

/// An aggregate by windows that is still to be hung behind a stream.
pub(super) struct Windowing<K, A, F> {
    pub(super) operator: Operator,
    pub(super) store: StoreId,
    pub(super) emit: EmitStrategy,
    pub(super) old_values: OldValues,
    pub(super) keys: Arc<dyn Serde<K>>,
    pub(super) values: Arc<dyn Serde<A>>,
    pub(super) fold: Arc<F>,
}

impl<K, A, F> Windowing<K, A, F>
where
    K: Data,
    A: Data,
{
    pub(super) fn behind<V>(
        self,
        stream: &Stream<K, V>,
        windows: FixedWindows,
    ) -> Stream<Windowed<K>, Change<A>>
    where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
    {
        let hold_ms = self.emit.holds(windows.hold_ms());
        match windows {
            FixedWindows::Tumbling(windows) => self.by_steps(stream, windows.into(), hold_ms),
            FixedWindows::Hopping(windows) => self.by_steps(stream, windows.into(), hold_ms),
            FixedWindows::Sliding(windows) => self.sliding(stream, windows, hold_ms),
        }
    }

    fn by_steps<V>(
        self,
        stream: &Stream<K, V>,
        windows: StepWindows,
        hold_ms: Option<i64>,
    ) -> Stream<Windowed<K>, Change<A>>
    where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
    {
        let Self { operator, store, emit, old_values, keys, values, fold } = self;
        stream.follow_timed(operator, &[store], hold_ms, move |operator, next| WindowAggregate {
            operator,
            windows,
            emit,
            view: WindowView::new(store, Arc::clone(&keys), Arc::clone(&values)),
            fold: Arc::clone(&fold),
            sends_old: old_values.are_wanted(),
            next,
            has_failed: false,
            takes: PhantomData,
        })
    }

    fn sliding<V>(
        self,
        stream: &Stream<K, V>,
        windows: SlidingWindows,
        hold_ms: Option<i64>,
    ) -> Stream<Windowed<K>, Change<A>>
    where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
    {
        let Self { operator, store, emit, old_values, keys, values, fold } = self;
        let record_values = stream.values().cloned();
        stream.follow_timed(operator, &[store], hold_ms, move |operator, next| SlidingAggregate {
            operator,
            windows,
            emit,
            view: SlidingView::new(store, Arc::clone(&keys), Arc::clone(&values)),
            values: record_values.clone(),
            fold: Arc::clone(&fold),
            sends_old: old_values.are_wanted(),
            next,
            found: Vec::new(),
            has_failed: false,
            takes: PhantomData,
        })
    }
}
