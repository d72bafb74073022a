//! Aggregation of the records of a key within sliding windows.
//!
//! The windows of a key are its records' *left* windows, which end with the record, and their *right* windows, which
//! begin a millisecond behind it and exist only where they hold a record. A new record goes into all windows of its key
//! that it lies in, and can bring three new ones: the right window of the record before it, its own left one, and its
//! own right one. What new windows hold is taken from the aggregates of their neighbours, so no record is kept.
//!
//! The order in which windows are updated is Kafka's, with stores that can be read backwards: existing windows from the
//! newest to the oldest, then the new ones as listed above. Records so early that their left window would begin before
//! 1970 share the one that begins there.

use headwater_model::Timestamp;

use super::{Aggregator, Node, NodeError, OnTime, Processed};
use crate::context::Context;
use crate::error::TaskError;
use crate::graph::NodeId;
use crate::record::{Change, Data, Headers, Record};
use crate::store::{FoundWindow, SlidingView};
use crate::window::{EmitStrategy, SlidingWindows, Windowed};

/// Folds each record into the aggregates of its windows, and hands on the new aggregates: each at once, or each once
/// when its window closes.
pub(crate) struct SlidingAggregate<K, A> {
    pub(crate) operator: NodeId,
    pub(crate) windows: SlidingWindows,
    pub(crate) emit: EmitStrategy,
    pub(crate) view: SlidingView<K, A>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<Windowed<K>, Change<A>>>,
    /// The windows near a record; kept so that finding them allocates nothing.
    pub(crate) found: Vec<FoundWindow<A>>,
    /// True if the record at hand met an error.
    pub(crate) has_failed: bool,
}

/// A record whose value is known only by what it makes of an aggregate, of which there is none at first.
type Taken<'a, K, A> = Record<K, &'a dyn Fn(&K, Option<A>) -> A>;

/// What the windows that exist tell of those that a record needs.
struct Neighbours<A> {
    /// The latest record before this one, whose right window may have to be made.
    previous: Option<Timestamp>,
    /// The window that holds what a new left window begins with.
    left: Option<FoundWindow<A>>,
    /// The window that holds what a new right window begins with, before the record went into it.
    right: Option<FoundWindow<A>>,
    has_left: bool,
    has_right: bool,
}

impl<A> Neighbours<A> {
    fn new() -> Self {
        Self { previous: None, left: None, right: None, has_left: false, has_right: false }
    }
}

impl<K: Data, A: Data> Aggregator for SlidingAggregate<K, A> {
    type Key = K;
    type Aggregate = A;

    fn take<V, F>(&mut self, record: Record<K, V>, fold: &F, context: &mut Context) -> Processed
    where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A,
    {
        let Record { key, value, timestamp, headers } = record;
        let fold = |key: &K, so_far| fold(key, value.clone(), so_far);
        self.take_folded(&Record { key, value: &fold, timestamp, headers }, context)
    }
}

impl<K: Data, A: Data> OnTime for SlidingAggregate<K, A> {
    fn on_time(&mut self, context: &mut Context) -> Processed {
        self.close(&Headers::default(), context)
    }
}

impl<K: Data, A: Data> SlidingAggregate<K, A> {
    fn take_folded(&mut self, record: &Taken<'_, K, A>, context: &mut Context) -> Processed {
        self.has_failed = false;
        let close_time = self.windows.close_time(context.stream_time());
        if record.timestamp.plus_ms(self.windows.size_ms()) < close_time {
            context.drop_late(self.operator);
        } else if let Err(error) = self.find(record, context) {
            return context.fail(*error);
        } else if record.timestamp < self.epoch_end() {
            self.add_early(record, context)?;
        } else {
            self.add(record, context)?;
        }
        if self.emit.is_told(context) { Ok(()) } else { self.close(&record.headers, context) }
    }

    /// The end of the window that begins 1970; later records have left windows of their own.
    fn epoch_end(&self) -> Timestamp {
        Timestamp(self.windows.size_ms())
    }

    /// Finds the windows that a record lies in or touches, and the last one before it.
    fn find(&mut self, record: &Taken<'_, K, A>, context: &mut Context) -> Result<(), NodeError> {
        self.found.clear();
        let reach = self.windows.size_ms().saturating_mul(2);
        let kept = self.kept_from(context)?;
        let from = record.timestamp.plus_ms(reach.saturating_neg()).max(Timestamp(0)).max(kept);
        self.view.find(&record.key, (from, record.timestamp.plus_ms(1)), &mut self.found, context)
    }

    /// Windows that start earlier are as good as gone. Where results wait for the close, Kafka's store keeps windows for
    /// a millisecond longer. With watermarks, windows are needed until the watermark is past, however new others are.
    fn kept_from(&mut self, context: &Context) -> Result<Timestamp, NodeError> {
        if let Some(watermark) = context.watermark() {
            return Ok(watermark.plus_ms(self.windows.retention_ms().saturating_neg()));
        }
        let newest = self.view.newest_start(context)?;
        let kept = newest.plus_ms(self.windows.retention_ms().saturating_neg());
        Ok(match self.emit {
            EmitStrategy::OnUpdate => kept.plus_ms(1),
            EmitStrategy::OnClose => kept,
        })
    }

    /// Adds a record whose left window begins in 1970 or later.
    fn add(&mut self, record: &Taken<'_, K, A>, context: &mut Context) -> Processed {
        let found = std::mem::take(&mut self.found);
        if let Some(mut near) = self.update_found(&found, record, context)? {
            self.add_previous_right(near.previous, &found, record, context)?;
            self.add_left(&mut near, record, context)?;
            self.add_right(near, record, context)?;
        }
        self.found = found;
        Ok(())
    }

    /// Updates the windows that a record lies in, and looks at those around it. `None` if there was a record of that
    /// very time before, which has brought all windows already.
    fn update_found(
        &mut self,
        found: &[FoundWindow<A>],
        record: &Taken<'_, K, A>,
        context: &mut Context,
    ) -> Result<Option<Neighbours<A>>, NodeError> {
        let mut near = Neighbours::new();
        for window in found.iter().rev() {
            let end = self.end_of(window.start);
            if window.start > record.timestamp {
                near.has_right = true;
            } else if end > record.timestamp {
                near.right.get_or_insert_with(|| window.clone());
                self.update(window, record, context)?;
            } else if end == record.timestamp {
                near.has_left = true;
                self.update(window, record, context)?;
                if window.latest >= record.timestamp {
                    return Ok(None);
                }
                near.previous = Some(window.latest);
            } else {
                near.left = Some(window.clone());
                near.previous = Some(window.latest);
                break;
            }
        }
        Ok(Some(near))
    }

    /// Makes the right window of the record before, if this one is the first in it.
    fn add_previous_right(
        &mut self,
        previous: Option<Timestamp>,
        found: &[FoundWindow<A>],
        record: &Taken<'_, K, A>,
        context: &mut Context,
    ) -> Processed {
        let Some(start) = previous.map(|previous| previous.plus_ms(1)) else {
            return Ok(());
        };
        let exists = found.iter().any(|window| window.start == start);
        if exists || self.end_of(start) < record.timestamp {
            return Ok(());
        }
        self.create(start, None, record, context)
    }

    fn add_left(
        &mut self,
        near: &mut Neighbours<A>,
        record: &Taken<'_, K, A>,
        context: &mut Context,
    ) -> Processed {
        if near.has_left {
            return Ok(());
        }
        let start = record.timestamp.plus_ms(self.windows.size_ms().saturating_neg());
        let holds_previous = near.previous.is_some_and(|previous| start <= previous);
        let begins_with = near.left.take().filter(|_| holds_previous).map(|left| left.aggregate);
        self.create(start, begins_with, record, context)
    }

    /// Makes the right window of the record, if there are records in it. It holds what the window that it is taken from
    /// did before this record.
    fn add_right(
        &mut self,
        near: Neighbours<A>,
        record: &Taken<'_, K, A>,
        context: &mut Context,
    ) -> Processed {
        match near.right.filter(|right| right.latest > record.timestamp) {
            Some(right) if !near.has_right => {
                let start = record.timestamp.plus_ms(1);
                self.put(FoundWindow { start, ..right }, (true, None), record, context)
            }
            _ => Ok(()),
        }
    }

    /// Adds a record whose left window would begin before 1970.
    fn add_early(&mut self, record: &Taken<'_, K, A>, context: &mut Context) -> Processed {
        let found = std::mem::take(&mut self.found);
        let mut near = Neighbours::new();
        let shared = found.first().filter(|window| window.start == Timestamp(0));
        near.previous = shared.map(|shared| shared.latest).filter(|latest| *latest < record.timestamp);
        for window in found.iter().filter(|window| window.start > Timestamp(0)) {
            if window.start <= record.timestamp {
                near.right = Some(window.clone());
                self.update(window, record, context)?;
            } else {
                near.has_right = true;
            }
        }
        near.right = near.right.or_else(|| shared.cloned());
        let previous = near.previous;
        self.add_right(near, record, context)?;
        self.add_previous_right(previous, &found, record, context)?;
        match shared {
            Some(shared) => self.update(shared, record, context)?,
            None => self.create(Timestamp(0), None, record, context)?,
        }
        self.found = found;
        Ok(())
    }

    fn end_of(&self, start: Timestamp) -> Timestamp {
        start.plus_ms(self.windows.size_ms())
    }

    /// Folds the record into a window that exists.
    fn update(
        &mut self,
        window: &FoundWindow<A>,
        record: &Taken<'_, K, A>,
        context: &mut Context,
    ) -> Processed {
        if self.is_late(window.start, context) {
            return Ok(());
        }
        let old = self.sends_old.then(|| window.aggregate.clone());
        let aggregate = (record.value)(&record.key, Some(window.aggregate.clone()));
        let latest = window.latest.max(record.timestamp);
        self.put(FoundWindow { start: window.start, latest, aggregate }, (false, old), record, context)
    }

    /// Makes a window that ends with the record, and begins with what is given.
    fn create(
        &mut self,
        start: Timestamp,
        begins_with: Option<A>,
        record: &Taken<'_, K, A>,
        context: &mut Context,
    ) -> Processed {
        if self.is_late(start, context) {
            return Ok(());
        }
        let aggregate = (record.value)(&record.key, begins_with);
        self.put(FoundWindow { start, latest: record.timestamp, aggregate }, (true, None), record, context)
    }

    /// True, and counted, if the window is closed.
    fn is_late(&self, start: Timestamp, context: &mut Context) -> bool {
        let closed = self.end_of(start) < self.windows.close_time(context.stream_time());
        if closed {
            context.drop_late(self.operator);
        }
        closed
    }

    fn put(
        &mut self,
        window: FoundWindow<A>,
        (is_new, old): (bool, Option<A>),
        record: &Taken<'_, K, A>,
        context: &mut Context,
    ) -> Processed {
        if let Err(error) = self.view.put(&record.key, &window, is_new, context) {
            return self.fail(*error, context);
        }
        match self.emit {
            EmitStrategy::OnClose => Ok(()),
            EmitStrategy::OnUpdate => {
                self.send(record.key.clone(), window, old, record.headers.clone(), context)
            }
        }
    }

    fn send(
        &mut self,
        key: K,
        window: FoundWindow<A>,
        old: Option<A>,
        headers: Headers,
        context: &mut Context,
    ) -> Processed {
        let key = Windowed { key, start: window.start, end: self.end_of(window.start) };
        let value = Change { new: Some(window.aggregate), old };
        self.next.process(Record { key, value, timestamp: window.latest, headers }, context)
    }

    /// Deals with an error of the record at hand: only the first counts, in however many windows there are others.
    fn fail(&mut self, error: TaskError, context: &mut Context) -> Processed {
        if std::mem::replace(&mut self.has_failed, true) { Ok(()) } else { context.fail(error) }
    }

    /// Hands on the results of windows that stream time has closed, if nobody has seen them yet, and forgets windows
    /// that no record can need.
    fn close(&mut self, headers: &Headers, context: &mut Context) -> Processed {
        if self.emit == EmitStrategy::OnClose {
            self.send_closed(headers, context)?;
        }
        let kept = self.kept_from(context)?;
        self.view.expire(kept, context)
    }

    fn send_closed(&mut self, headers: &Headers, context: &mut Context) -> Processed {
        let to_starts = self.windows.size_ms().saturating_neg();
        let close_time = self.windows.close_time(context.stream_time());
        let from = self.view.emitted_until(context)?.map_or(Timestamp(0), |until| until.plus_ms(to_starts));
        let closed = match self.view.between((from, close_time.plus_ms(to_starts)), context) {
            Ok(closed) => closed,
            Err(error) => return context.fail(*error),
        };
        if closed.is_empty() {
            return Ok(());
        }
        self.view.set_emitted_until(close_time, context)?;
        for (key, window) in closed {
            self.send(key, window, None, headers.clone(), context)?;
        }
        Ok(())
    }
}
