//! Aggregation of the records of a key within sessions.

use std::sync::Arc;

use super::{Aggregator, Node, OnTime, Processed};
use crate::context::Context;
use crate::graph::NodeId;
use crate::record::{Change, Data, Headers, Record};
use crate::store::SessionView;
use crate::window::{EmitStrategy, SessionWindows, Window, Windowed};

/// Folds each record into the aggregate of its session, after merging the sessions that it joins. Hands on, at once, a
/// removal of each session that is merged, in the order of their ends, and then the new aggregate; or each aggregate
/// once, when its session is over.
///
/// A result's time is the end of its session. As in Kafka, results that are handed on at once have no headers.
pub(crate) struct SessionAggregate<K, A, M> {
    pub(crate) operator: NodeId,
    pub(crate) windows: SessionWindows,
    pub(crate) emit: EmitStrategy,
    pub(crate) view: SessionView<K, A>,
    /// Makes one aggregate of that of the sessions so far, of which there is none at first, and that of another.
    pub(crate) merge: Arc<M>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<Windowed<K>, Change<A>>>,
    /// The sessions that a record joins; kept so that finding them allocates nothing.
    pub(crate) found: Vec<(Window, A)>,
    /// The sessions that a new one replaces, with their old values where those are wanted; kept for the same reason.
    pub(crate) replaced: Vec<(Window, Option<A>)>,
}

impl<K, A, M> Aggregator for SessionAggregate<K, A, M>
where
    K: Data,
    A: Data,
    M: Fn(&K, Option<A>, A) -> A + Send + Sync,
{
    type Key = K;
    type Aggregate = A;

    fn take<V, F>(&mut self, record: Record<K, V>, fold: &F, context: &mut Context) -> Processed
    where
        V: Data,
        F: Fn(&K, V, Option<A>) -> A,
    {
        let headers = record.headers.clone();
        self.add(record, fold, context)?;
        if self.emit.is_told(context) { Ok(()) } else { self.close(&headers, context) }
    }
}

impl<K, A, M> OnTime for SessionAggregate<K, A, M>
where
    K: Data,
    A: Data,
    M: Fn(&K, Option<A>, A) -> A + Send + Sync,
{
    fn on_time(&mut self, context: &mut Context) -> Processed {
        self.close(&Headers::default(), context)
    }
}

impl<K, A, M> SessionAggregate<K, A, M>
where
    K: Data,
    A: Data,
    M: Fn(&K, Option<A>, A) -> A + Send + Sync,
{
    fn add<V, F>(&mut self, record: Record<K, V>, fold: &F, context: &mut Context) -> Processed
    where
        F: Fn(&K, V, Option<A>) -> A,
    {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        if let Err(error) = self.view.find(&record.key, record.timestamp, &self.windows, &mut found, context)
        {
            return context.fail(*error);
        }
        let own = Window { start: record.timestamp, end: record.timestamp };
        let session = found.iter().fold(own, |session, (window, _)| session.merged(*window));
        if session.end < self.windows.close_time(context.stream_time()) {
            context.drop_late(self.operator);
        } else {
            let Record { key, value, .. } = record;
            let (merged, old) = self.merge_found(&key, (own, session), &mut found);
            let aggregate = fold(&key, value, merged);
            // What cannot be written must not cost the sessions that it is made of.
            if let Err(error) = self.view.prepare(session, &aggregate, context) {
                return context.fail(*error);
            }
            self.remove_replaced(&key, context)?;
            if let Err(error) = self.view.put(&key, session, context) {
                return context.fail(*error);
            }
            self.send(&key, session, Change { new: Some(aggregate), old }, context)?;
        }
        self.found = found;
        Ok(())
    }

    /// Merges sessions into one, and notes those that it replaces. Gives what the aggregate begins with; and, where the
    /// session itself was there already, its old value, if that is wanted.
    fn merge_found(
        &mut self,
        key: &K,
        (own, session): (Window, Window),
        found: &mut Vec<(Window, A)>,
    ) -> (Option<A>, Option<A>) {
        let (mut merged, mut old) = (None, None);
        self.replaced.clear();
        for (window, aggregate) in found.drain(..) {
            let removed = self.sends_old.then(|| aggregate.clone());
            if session == own {
                old = removed;
            } else {
                self.replaced.push((window, removed));
            }
            merged = Some((self.merge)(key, merged, aggregate));
        }
        (merged, old)
    }

    /// Removes the sessions that are replaced, and says so behind.
    fn remove_replaced(&mut self, key: &K, context: &mut Context) -> Processed {
        let mut replaced = std::mem::take(&mut self.replaced);
        for (window, old) in replaced.drain(..) {
            self.view.remove(key, window, context)?;
            self.send(key, window, Change { new: None, old }, context)?;
        }
        self.replaced = replaced;
        Ok(())
    }

    fn send(&mut self, key: &K, session: Window, value: Change<A>, context: &mut Context) -> Processed {
        if self.emit == EmitStrategy::OnClose {
            return Ok(());
        }
        let key = Windowed { key: key.clone(), start: session.start, end: session.end };
        self.next.process(Record::new(key, value, session.end), context)
    }

    /// Forgets the sessions that are over, and hands on their results if nobody has seen them yet.
    fn close(&mut self, headers: &Headers, context: &mut Context) -> Processed {
        let close_time = self.windows.close_time(context.stream_time());
        while let Some(closed) = self.view.take_closed(close_time, context)? {
            if self.emit == EmitStrategy::OnUpdate {
                continue;
            }
            match self.view.read(&closed, context) {
                Ok((key, aggregate)) => {
                    let (timestamp, headers) = (key.end, headers.clone());
                    let value = Change { new: Some(aggregate), old: None };
                    self.next.process(Record { key, value, timestamp, headers }, context)?;
                }
                Err(error) => context.fail(*error)?,
            }
        }
        Ok(())
    }
}
