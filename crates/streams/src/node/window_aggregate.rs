//! Aggregation of the records of a key within windows of event time.

use super::{Aggregator, Node, OnTime, Processed};
use crate::context::Context;
use crate::error::TaskError;
use crate::graph::NodeId;
use crate::record::{Change, Data, Headers, Record};
use crate::store::{WindowEntry, WindowView};
use crate::window::{EmitStrategy, StepWindows, Window, Windowed};

/// Folds each record into the aggregates of its key and windows, the oldest window first, and hands on the new
/// aggregates: each at once, or each once when its window closes.
pub(crate) struct WindowAggregate<K, A> {
    pub(crate) operator: NodeId,
    pub(crate) windows: StepWindows,
    pub(crate) emit: EmitStrategy,
    pub(crate) view: WindowView<K, A>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<Windowed<K>, Change<A>>>,
    /// True if the record at hand met an error.
    pub(crate) has_failed: bool,
}

impl<K: Data, A: Data> Aggregator for WindowAggregate<K, A> {
    type Key = K;
    type Aggregate = A;

    fn take<V, F>(&mut self, record: Record<K, V>, fold: &F, context: &mut Context) -> Processed
    where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A,
    {
        self.has_failed = false;
        let headers = record.headers.clone();
        let (earlier, newest) = self.windows.windows_of(record.timestamp);
        for window in earlier {
            if self.takes(window, context) {
                self.update(window, record.clone(), fold, context)?;
            }
        }
        if self.takes(newest, context) {
            self.update(newest, record, fold, context)?;
        }
        self.close_now(&headers, context)
    }
}

impl<K: Data, A: Data> OnTime for WindowAggregate<K, A> {
    fn on_time(&mut self, context: &mut Context) -> Processed {
        self.close(&Headers::default(), context)
    }
}

impl<K: Data, A: Data> WindowAggregate<K, A> {
    /// False, and counted, if the window is closed.
    fn takes(&self, window: Window, context: &mut Context) -> bool {
        let is_closed = self.windows.is_closed(window, context.stream_time());
        if is_closed {
            context.drop_late(self.operator);
        }
        !is_closed
    }

    fn update<V, F>(
        &mut self,
        window: Window,
        record: Record<K, V>,
        fold: &F,
        context: &mut Context,
    ) -> Processed
    where
        F: Fn(&K, V, Option<A>) -> A,
    {
        let Record { key, value, timestamp, headers } = record;
        let (timestamp, aggregate) = match self.view.get(&key, window, context) {
            Ok(Some((latest, aggregate))) => (latest.max(timestamp), Some(aggregate)),
            Ok(None) => (timestamp, None),
            Err(error) => return self.fail(*error, context),
        };
        let old = if self.sends_old { aggregate.clone() } else { None };
        let aggregate = fold(&key, value, aggregate);
        if let Err(error) = self.view.put(&key, window, &aggregate, timestamp, context) {
            return self.fail(*error, context);
        }
        if self.emit == EmitStrategy::OnClose {
            return Ok(());
        }
        let key = Windowed { key, start: window.start, end: window.end };
        let value = Change { new: Some(aggregate), old };
        self.next.process(Record { key, value, timestamp, headers }, context)
    }

    /// Deals with an error of the record at hand: only the first counts, in however many windows there are others.
    fn fail(&mut self, error: TaskError, context: &mut Context) -> Processed {
        if std::mem::replace(&mut self.has_failed, true) { Ok(()) } else { context.fail(error) }
    }

    /// Closes what stream time has closed, unless the node is told when time goes on.
    fn close_now(&mut self, headers: &Headers, context: &mut Context) -> Processed {
        if self.emit.is_told(context) { Ok(()) } else { self.close(headers, context) }
    }

    /// Forgets the windows that stream time has closed, and hands on their results if nobody has seen them yet.
    fn close(&mut self, headers: &Headers, context: &mut Context) -> Processed {
        let latest = self.windows.latest_closed_start(context.stream_time());
        while let Some(closed) = self.view.take_first(latest, context)? {
            if self.emit == EmitStrategy::OnClose {
                self.send_result(&closed, headers.clone(), context)?;
            }
        }
        Ok(())
    }

    fn send_result(&mut self, closed: &WindowEntry, headers: Headers, context: &mut Context) -> Processed {
        let (start, key, timestamp, aggregate) = match self.view.read(closed, context) {
            Ok(read) => read,
            Err(error) => return context.fail(*error),
        };
        let key = Windowed { key, start, end: self.windows.end_of(start) };
        let value = Change { new: Some(aggregate), old: None };
        self.next.process(Record { key, value, timestamp, headers }, context)
    }
}
