//! Aggregation of all entries of a table that have the same new key.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Node, NodeError, Processed};
use crate::context::Context;
use crate::record::{Change, Data, Record};
use crate::store::KeyValueView;

/// Takes each change into the aggregate of its key: first the old value out, then the new value in.
pub(crate) struct TableAggregate<K, V, A, Add, Sub> {
    pub(crate) view: KeyValueView<K, A>,
    /// Makes the new aggregate of a value and the old one, of which there is none at first.
    pub(crate) add: Arc<Add>,
    /// Makes what is left of an aggregate without a value; `None` removes it.
    pub(crate) subtract: Arc<Sub>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<K, Change<A>>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, A, Add, Sub> Node<K, Change<V>> for TableAggregate<K, V, A, Add, Sub>
where
    K: Data,
    V: Data,
    A: Data,
    Add: Fn(&K, V, Option<A>) -> A + Send + Sync,
    Sub: Fn(&K, V, A) -> Option<A> + Send + Sync,
{
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        if self.view.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        match self.take_in(record, context) {
            Ok(record) => self.next.process(record, context),
            Err(error) => context.fail(*error),
        }
    }
}

impl<K, V, A, Add, Sub> TableAggregate<K, V, A, Add, Sub>
where
    K: Data,
    V: Data,
    A: Data,
    Add: Fn(&K, V, Option<A>) -> A + Send + Sync,
    Sub: Fn(&K, V, A) -> Option<A> + Send + Sync,
{
    fn take_in(
        &mut self,
        record: Record<K, Change<V>>,
        context: &mut Context,
    ) -> Result<Record<K, Change<A>>, NodeError> {
        let Record { key, value: change, timestamp, headers } = record;
        let (timestamp, before) = match self.view.get(&key, context)? {
            Some((latest, aggregate)) => (latest.max(timestamp), Some(aggregate)),
            None => (timestamp, None),
        };
        let old = if self.sends_old { before.clone() } else { None };
        let new = self.aggregate(&key, change, before);
        match &new {
            Some(aggregate) => self.view.put(&key, aggregate, timestamp, context)?,
            None => self.view.delete(&key, context)?,
        }
        Ok(Record { key, value: Change { new, old }, timestamp, headers })
    }

    fn aggregate(&self, key: &K, change: Change<V>, before: Option<A>) -> Option<A> {
        let left = match (change.old, before) {
            (Some(old), Some(before)) => (self.subtract)(key, old, before),
            (_, before) => before,
        };
        match change.new {
            Some(new) => Some((self.add)(key, new, left)),
            None => left,
        }
    }
}
