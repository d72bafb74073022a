//! Joins of a stream with tables. Only the stream's records trigger a result; it has their time and headers.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::Serde;

use super::stateless::lend_key;
use super::{Node, Processed};
use crate::context::Context;
use crate::graph::NodeId;
use crate::record::Record;
use crate::store::Lookup;
use crate::store::global::GlobalStore;

/// Joins with the table's value of the same key.
pub(crate) struct TableJoin<K, V, T, W, F> {
    pub(crate) table: Box<dyn Lookup<K, T>>,
    pub(crate) keys: Arc<dyn Serde<K>>,
    /// Gives `None` where the join has no result.
    pub(crate) join: Arc<F>,
    /// What to do with a record whose key is null: join it with nothing, or drop it.
    pub(crate) keeps_null_keys: bool,
    pub(crate) next: Box<dyn Node<K, W>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, T, W, F> Node<K, V> for TableJoin<K, V, T, W, F>
where
    K: Send + 'static,
    T: Send + 'static,
    F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let found = if !self.keys.is_null(&record.key) {
            self.table.look_up(&record.key, context)
        } else if self.keeps_null_keys {
            Ok(None)
        } else {
            context.drop_null_key();
            return Ok(());
        };
        let found = match found {
            Ok(found) => found.map(|(_, value)| value),
            Err(error) => return context.fail(*error),
        };
        match lend_key(record, |record| (self.join)(record, found.as_ref())) {
            (key, Some(value)) => self.next.process(key.with_value(value), context),
            (_, None) => Ok(()),
        }
    }
}

/// Joins with a global table's value of a key that is computed from the record.
pub(crate) struct GlobalJoin<K, V, GK, T, W, M, F> {
    pub(crate) operator: NodeId,
    pub(crate) table: Arc<GlobalStore<GK, T>>,
    pub(crate) key_of: Arc<M>,
    /// Gives `None` where the join has no result.
    pub(crate) join: Arc<F>,
    /// What to do with a record whose computed key is null: join it with nothing, or drop it.
    pub(crate) keeps_null_keys: bool,
    pub(crate) next: Box<dyn Node<K, W>>,
    pub(crate) key: Vec<u8>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, GK, T, W, M, F> Node<K, V> for GlobalJoin<K, V, GK, T, W, M, F>
where
    GK: 'static,
    T: Send + Sync + 'static,
    M: Fn(&Record<K, V>) -> GK + Send + Sync,
    F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync,
{
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        self.key.clear();
        let table_key = (self.key_of)(&record);
        let (key, value) = match self.table.keys().serialize_nullable(&table_key, &mut self.key) {
            Ok(true) => {
                self.table.with(&self.key, |found| lend_key(record, |record| (self.join)(record, found)))
            }
            Ok(false) if self.keeps_null_keys => lend_key(record, |record| (self.join)(record, None)),
            Ok(false) => {
                context.drop_null_key();
                return Ok(());
            }
            Err(error) => return context.fail_to_write(self.operator, headwater_schema::Part::Key, error),
        };
        match value {
            Some(value) => self.next.process(key.with_value(value), context),
            None => Ok(()),
        }
    }
}
