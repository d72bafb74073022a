//! Joins of two streams within windows of event time.
//!
//! Each side is a node of its own; they meet in their stores. A record is joined with what the other side has kept, the
//! oldest first, and then kept itself. In left and outer joins, one that finds no partner waits until its window closes,
//! which a later record of either side tells; its result then has its own time, and the headers of that later record.

use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_schema::SerdeError;

use super::{Node, OnTime, Processed};
use crate::context::Context;
use crate::graph::NodeId;
use crate::join_windows::{JoinWindows, Side};
use crate::record::{Data, Headers, Record};
use crate::store::{Due, JoinStores, Kept, SideView, WaitingView};

/// Makes the result of a record that found no partner, of its key, its side and its value's bytes.
pub(crate) type JoinAlone<K, R> = Arc<dyn Fn(&K, Side, &[u8]) -> Result<Option<R>, SerdeError> + Send + Sync>;

/// One side of a join; see the module.
pub(crate) struct StreamJoin<K, V, W, R, F> {
    pub(crate) operator: NodeId,
    pub(crate) windows: JoinWindows,
    pub(crate) stores: JoinStores,
    pub(crate) own: SideView<K, V>,
    pub(crate) other: SideView<K, W>,
    /// Gives `None` where the join has no result.
    pub(crate) join: F,
    /// True if every record of this side gives a result.
    pub(crate) is_outer: bool,
    pub(crate) other_is_outer: bool,
    /// Records of either side that wait, where there are any.
    pub(crate) waiting: Option<Waiting<K, R>>,
    pub(crate) found: Vec<Kept>,
    pub(crate) next: Box<dyn Node<K, R>>,
}

/// What a side needs to deal with records that wait.
pub(crate) struct Waiting<K, R> {
    pub(crate) view: WaitingView,
    pub(crate) join: JoinAlone<K, R>,
    pub(crate) due: Vec<Due>,
}

impl<K, V, W, R, F> Node<K, V> for StreamJoin<K, V, W, R, F>
where
    K: Data,
    V: Data,
    W: Data,
    R: Data,
    F: Fn(&K, &V, Option<&W>) -> Option<R> + Send,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        match self.take_up(record, context) {
            Ok(()) => Ok(()),
            Err(error) => context.fail(*error),
        }
    }
}

impl<K, V, W, R, F> OnTime for StreamJoin<K, V, W, R, F>
where
    K: Data,
    V: Data,
    W: Data,
    R: Data,
    F: Fn(&K, &V, Option<&W>) -> Option<R> + Send,
{
    fn on_time(&mut self, context: &mut Context) -> Processed {
        self.stores.recall(context)?;
        match self.end_waiting(context.stream_time(), &Headers::default(), context) {
            Ok(()) => Ok(()),
            Err(error) => context.fail(*error),
        }
    }
}

impl<K, V, W, R, F> StreamJoin<K, V, W, R, F>
where
    K: Data,
    V: Data,
    W: Data,
    R: Data,
    F: Fn(&K, &V, Option<&W>) -> Option<R> + Send,
{
    fn take_up(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        self.stores.recall(context)?;
        let joined_time = context.join_times(self.stores.join()).advance(record.timestamp);
        let stream_time = context.watermark().unwrap_or(joined_time);
        if self.own.values.is_null(&record.value) {
            context.drop_null_value();
            return Ok(());
        }
        if self.own.keys.is_null(&record.key) {
            return self.take_up_keyless(record, context);
        }
        // With watermarks, the task tells when time has gone on.
        if record.timestamp == stream_time && context.watermark().is_none() {
            self.end_waiting(stream_time, &record.headers, context)?;
        }
        let has_met = self.join_with_others(&record, context)?;
        if self.is_outer && !has_met {
            self.begin_waiting(&record, stream_time, context)?;
        }
        if !self.own.keep(&record, context)? {
            context.drop_late(self.operator);
        }
        Ok(())
    }

    /// A record without a key has no partner, ever.
    fn take_up_keyless(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        if !self.is_outer {
            context.drop_null_key();
            return Ok(());
        }
        self.hand_on_alone(record, context)
    }

    /// Joins a record with all that the other side has for it; false if that is nothing.
    fn join_with_others(
        &mut self,
        record: &Record<K, V>,
        context: &mut Context,
    ) -> Result<bool, super::NodeError> {
        let mut found = std::mem::take(&mut self.found);
        let span = self.windows.span(self.own.side, record.timestamp);
        self.other.find(&record.key, span, &mut found, context)?;
        for kept in &found {
            // What cannot be read must not keep the record from the partners behind it.
            if let Err(error) = self.join_with(record, kept, context) {
                context.fail(*error)?;
            }
        }
        let has_met = !found.is_empty();
        self.found = found;
        Ok(has_met)
    }

    fn join_with(&mut self, record: &Record<K, V>, kept: &Kept, context: &mut Context) -> Processed {
        let (time, _) = *kept;
        if let Some(waiting) = self.waiting.as_mut().filter(|_| self.other_is_outer) {
            let keys = self.own.keys.as_ref();
            waiting.view.remove(self.other.side, keys, (&record.key, time), context)?;
        }
        let other = self.other.read(kept, context)?;
        match (self.join)(&record.key, &record.value, Some(&other)) {
            Some(value) => {
                let (key, headers) = (record.key.clone(), record.headers.clone());
                let timestamp = record.timestamp.max(time);
                self.next.process(Record { key, value, timestamp, headers }, context)
            }
            None => Ok(()),
        }
    }

    /// Lets a record wait for a partner, unless its window is over already, the grace not counted.
    fn begin_waiting(
        &mut self,
        record: &Record<K, V>,
        stream_time: Timestamp,
        context: &mut Context,
    ) -> Processed {
        let (_, last) = self.windows.span(self.own.side, record.timestamp);
        match &mut self.waiting {
            Some(waiting) if last >= stream_time => {
                context.join_times(self.stores.join()).wait(record.timestamp);
                waiting.view.add(&self.own, record, context)
            }
            _ => self.hand_on_alone(record.clone(), context),
        }
    }

    fn hand_on_alone(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        match (self.join)(&record.key, &record.value, None) {
            Some(value) => self.next.process(record.with_value(value), context),
            None => Ok(()),
        }
    }

    /// Hands on the records whose windows have closed without a partner.
    fn end_waiting(&mut self, stream_time: Timestamp, headers: &Headers, context: &mut Context) -> Processed {
        let Some(since) = context.join_times(self.stores.join()).waiting_since else {
            return Ok(());
        };
        let Some(waiting) = self.waiting.as_mut() else {
            return Ok(());
        };
        if self.windows.is_open(self.own.side, since, stream_time) {
            return Ok(());
        }
        let since = waiting.view.find_due(self.windows, stream_time, &mut waiting.due, context)?;
        context.join_times(self.stores.join()).waiting_since = since;
        for due in waiting.due.drain(..) {
            // What cannot be read must not hold up what waits behind it, nor the record that came in.
            waiting.view.settle(&due, context)?;
            let key = match due.key(self.own.keys.as_ref()) {
                Ok(key) => key,
                Err(error) => {
                    context.fail(*context.stored(waiting.view.store, error))?;
                    continue;
                }
            };
            for value in due.values() {
                match (waiting.join)(&key, due.side, value) {
                    Ok(Some(value)) => {
                        let (key, headers) = (key.clone(), headers.clone());
                        self.next.process(Record { key, value, timestamp: due.time, headers }, context)?;
                    }
                    Ok(None) => {}
                    Err(error) => context.fail(*context.stored(waiting.view.store, error))?,
                }
            }
        }
        Ok(())
    }
}
