//! Aggregation of the records of a key within windows of event time.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Node, Processed};
use crate::context::Context;
use crate::graph::NodeId;
use crate::record::{Change, Data, Record};
use crate::store::WindowView;
use crate::window::{TumblingWindows, Windowed};

/// Folds each record into the aggregate of its key and window, and hands on the new aggregate.
pub(crate) struct WindowAggregate<K, V, A, F> {
    pub(crate) operator: NodeId,
    pub(crate) windows: TumblingWindows,
    pub(crate) view: WindowView<K, A>,
    /// Makes the new aggregate of a value and the old one, of which there is none at first.
    pub(crate) fold: Arc<F>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<Windowed<K>, Change<A>>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, A, F> Node<K, V> for WindowAggregate<K, V, A, F>
where
    K: Data,
    A: Data,
    F: Fn(&K, V, Option<A>) -> A + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        if self.view.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        let stream_time = context.stream_time();
        self.view.expire(self.windows.latest_closed_start(stream_time), context)?;
        let window = self.windows.window_of(record.timestamp);
        if self.windows.is_closed(window, stream_time) {
            context.drop_late(self.operator);
            return Ok(());
        }
        let Record { key, value, timestamp, headers } = record;
        let (timestamp, aggregate) = match self.view.get(&key, window, context) {
            Ok(Some((latest, aggregate))) => (latest.max(timestamp), Some(aggregate)),
            Ok(None) => (timestamp, None),
            Err(error) => return context.fail(*error),
        };
        let old = if self.sends_old { aggregate.clone() } else { None };
        let aggregate = (self.fold)(&key, value, aggregate);
        if let Err(error) = self.view.put(&key, window, &aggregate, timestamp, context) {
            return context.fail(*error);
        }
        let key = Windowed { key, start: window.start, end: window.end };
        let value = Change { new: Some(aggregate), old };
        self.next.process(Record { key, value, timestamp, headers }, context)
    }
}
