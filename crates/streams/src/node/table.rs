//! Tables: the newest value per key.

use super::{Node, Processed};
use crate::context::Context;
use crate::record::{Data, Record};
use crate::store::KeyValueView;

/// Keeps the newest value per key of a topic; null removes the key.
pub(crate) struct TableNode<K, V> {
    pub(crate) view: KeyValueView<K, V>,
    pub(crate) next: Box<dyn Node<K, Option<V>>>,
}

impl<K: Data, V: Data> Node<K, Option<V>> for TableNode<K, V> {
    fn process(&mut self, record: Record<K, Option<V>>, context: &mut Context) -> Processed {
        if self.view.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        let stored = match &record.value {
            Some(value) => self.view.put(&record.key, value, record.timestamp, context),
            None => self.view.delete(&record.key, record.timestamp, context),
        };
        match stored {
            Ok(()) => self.next.process(record, context),
            Err(error) => context.fail(*error),
        }
    }
}

/// Lets the new values of a table pass, and leaves out removals.
pub(crate) struct Updates<K, V> {
    pub(crate) next: Box<dyn Node<K, V>>,
}

impl<K, V> Node<K, Option<V>> for Updates<K, V> {
    fn process(&mut self, record: Record<K, Option<V>>, context: &mut Context) -> Processed {
        let Record { key, value, timestamp, headers } = record;
        match value {
            Some(value) => self.next.process(Record { key, value, timestamp, headers }, context),
            None => Ok(()),
        }
    }
}
