//! Versioned tables: the history of each key, and joins of streams with what it was at their records' times.

use std::sync::Arc;

use headwater_model::Timestamp;
use headwater_schema::Serde;

use super::stateless::lend_key;
use super::{Node, NodeError, OnTime, Processed};
use crate::context::Context;
use crate::graph::NodeId;
use crate::record::{Change, Data, Record};
use crate::store::{JoinBuffer, Placed, Ripe, VersionedView};

/// A change of a versioned table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VersionedChange<V> {
    pub(crate) change: Change<V>,
    /// False if a later version of the key was there before.
    pub(crate) is_latest: bool,
}

/// Keeps the versions of each key of a topic; null ends the validity of the one before.
pub(crate) struct VersionedTableNode<K, V> {
    pub(crate) operator: NodeId,
    pub(crate) view: VersionedView<K, V>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<K, VersionedChange<V>>>,
}

impl<K: Data, V: Data> Node<K, Option<V>> for VersionedTableNode<K, V> {
    fn process(&mut self, record: Record<K, Option<V>>, context: &mut Context) -> Processed {
        if self.view.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        let (placed, old) = match self.keep(&record, context) {
            Ok(kept) => kept,
            Err(error) => return context.fail(*error),
        };
        if placed == Placed::TooOld {
            context.drop_late(self.operator);
            return Ok(());
        }
        let Record { key, value: new, timestamp, headers } = record;
        let value = VersionedChange { change: Change { new, old }, is_latest: placed == Placed::Latest };
        self.next.process(Record { key, value, timestamp, headers }, context)
    }
}

impl<K: Data, V: Data> VersionedTableNode<K, V> {
    /// Stores the version; gives the latest value before, if it is wanted.
    fn keep(
        &mut self,
        record: &Record<K, Option<V>>,
        context: &mut Context,
    ) -> Result<(Placed, Option<V>), NodeError> {
        let old = if self.sends_old { self.view.latest(&record.key, context)? } else { None };
        let placed = self.view.put(&record.key, record.value.as_ref(), record.timestamp, context)?;
        Ok((placed, old.map(|(_, value)| value)))
    }
}

/// Makes each new version of a table a record, whatever its place.
pub(crate) struct VersionedToStream<K, V> {
    pub(crate) next: Box<dyn Node<K, Option<V>>>,
}

impl<K, V> Node<K, VersionedChange<V>> for VersionedToStream<K, V> {
    fn process(&mut self, record: Record<K, VersionedChange<V>>, context: &mut Context) -> Processed {
        let Record { key, value, timestamp, headers } = record;
        self.next.process(Record { key, value: value.change.new, timestamp, headers }, context)
    }
}

/// Lets pass the changes of the latest values, and leaves out those of history.
pub(crate) struct LatestOnly<K, V> {
    pub(crate) next: Box<dyn Node<K, Change<V>>>,
}

impl<K, V> Node<K, VersionedChange<V>> for LatestOnly<K, V> {
    fn process(&mut self, record: Record<K, VersionedChange<V>>, context: &mut Context) -> Processed {
        let Record { key, value: VersionedChange { change, is_latest }, timestamp, headers } = record;
        if is_latest {
            self.next.process(Record { key, value: change, timestamp, headers }, context)
        } else {
            Ok(())
        }
    }
}

/// Joins a stream with what a table held at the times of its records.
pub(crate) struct VersionedJoin<K, V, T, W, F> {
    pub(crate) table: VersionedView<K, T>,
    /// Gives `None` where the join has no result.
    pub(crate) join: Arc<F>,
    /// What to do with a record whose key is null: join it with nothing, or drop it.
    pub(crate) keeps_null_keys: bool,
    /// Tells null values, where it is known how values are written.
    pub(crate) values: Option<Arc<dyn Serde<V>>>,
    /// Where records wait for the table, unless none does.
    pub(crate) waiting: Option<WaitingForTable<K, V>>,
    pub(crate) next: Box<dyn Node<K, W>>,
}

/// Where records wait until stream time is past theirs by the grace.
pub(crate) struct WaitingForTable<K, V> {
    pub(crate) buffer: JoinBuffer<K, V>,
    pub(crate) grace_ms: i64,
    pub(crate) ripe: Vec<Ripe>,
}

impl<K, V, T, W, F> Node<K, V> for VersionedJoin<K, V, T, W, F>
where
    K: Data,
    V: Data,
    T: Data,
    W: Data,
    F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        match self.take_up(record, context) {
            Ok(()) => Ok(()),
            Err(error) => context.fail(*error),
        }
    }
}

impl<K, V, T, W, F> OnTime for VersionedJoin<K, V, T, W, F>
where
    K: Data,
    V: Data,
    T: Data,
    W: Data,
    F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync,
{
    fn on_time(&mut self, context: &mut Context) -> Processed {
        match self.end_waiting(context) {
            Ok(()) => Ok(()),
            Err(error) => context.fail(*error),
        }
    }
}

impl<K, V, T, W, F> VersionedJoin<K, V, T, W, F>
where
    K: Data,
    V: Data,
    T: Data,
    W: Data,
    F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync,
{
    fn take_up(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        if self.values.as_ref().is_some_and(|values| values.is_null(&record.value)) {
            context.drop_null_value();
            return Ok(());
        }
        if self.table.is_null(&record.key) {
            return self.take_up_keyless(record, context);
        }
        let Some(waiting) = &mut self.waiting else {
            return self.join_with_table(record, context);
        };
        // What is later than the grace waits for nobody.
        if record.timestamp < waiting.oldest(waiting.buffer.latest(context)?) {
            return self.join_with_table(record, context);
        }
        waiting.buffer.put(&record, context)?;
        self.end_waiting(context)
    }

    /// A record without a key has no row, whenever it is looked for.
    fn take_up_keyless(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        if self.keeps_null_keys {
            return self.hand_on(record, None, context);
        }
        context.drop_null_key();
        Ok(())
    }

    /// Joins the records whose grace is over.
    fn end_waiting(&mut self, context: &mut Context) -> Processed {
        let Some(waiting) = &mut self.waiting else {
            return Ok(());
        };
        let until = waiting.oldest(waiting.buffer.latest(context)?);
        let mut ripe = std::mem::take(&mut waiting.ripe);
        waiting.buffer.find_ripe(until, &mut ripe, context)?;
        for entry in ripe.drain(..) {
            // What cannot be read must not hold up what waits behind it.
            if let Err(error) = self.release(&entry, context) {
                context.fail(*error)?;
            }
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.ripe = ripe;
        }
        Ok(())
    }

    fn release(&mut self, entry: &Ripe, context: &mut Context) -> Processed {
        let Some(waiting) = &self.waiting else {
            return Ok(());
        };
        waiting.buffer.remove(entry, context)?;
        let record = waiting.buffer.read(entry, context)?;
        self.join_with_table(record, context)
    }

    fn join_with_table(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let found = self.table.as_of(&record.key, record.timestamp, context)?;
        self.hand_on(record, found.as_ref().map(|(_, value)| value), context)
    }

    fn hand_on(&mut self, record: Record<K, V>, found: Option<&T>, context: &mut Context) -> Processed {
        match lend_key(record, |record| (self.join)(record, found)) {
            (key, Some(value)) => self.next.process(key.with_value(value), context),
            (_, None) => Ok(()),
        }
    }
}

impl<K, V> WaitingForTable<K, V> {
    /// The oldest time that still waits when the latest is this; that time itself no longer does.
    fn oldest(&self, latest: Timestamp) -> Timestamp {
        latest.plus_ms(self.grace_ms.saturating_neg())
    }
}
