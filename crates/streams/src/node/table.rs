//! Tables: the newest value per key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Node, NodeError, Processed};
use crate::context::Context;
use crate::record::{Change, Data, Record};
use crate::store::KeyValueView;

/// Whether somebody behind a table wants the value before each change, which costs a look into its store.
///
/// Said while the topology is built, read when a task is assembled. Who wants old values of a table that is computed from
/// others without a store of its own wants theirs.
#[derive(Debug, Clone, Default)]
pub(crate) struct OldValues {
    wanted: Arc<AtomicBool>,
    above: Vec<OldValues>,
}

impl OldValues {
    /// Of a table that computes its old values from those of others.
    pub(crate) fn computed_from(above: impl IntoIterator<Item = Self>) -> Self {
        Self { wanted: Arc::default(), above: above.into_iter().collect() }
    }

    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
        self.above.iter().for_each(Self::want);
    }

    pub(crate) fn are_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}

/// Keeps the newest value per key of a topic; null removes the key.
pub(crate) struct TableNode<K, V> {
    pub(crate) view: KeyValueView<K, V>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<K, Change<V>>>,
}

impl<K: Data, V: Data> Node<K, Option<V>> for TableNode<K, V> {
    fn process(&mut self, record: Record<K, Option<V>>, context: &mut Context) -> Processed {
        if self.view.is_null(&record.key) {
            context.drop_null_key();
            return Ok(());
        }
        match self.keep(&record, context) {
            Ok(old) => {
                let Record { key, value: new, timestamp, headers } = record;
                let value = Change { new, old };
                self.next.process(Record { key, value, timestamp, headers }, context)
            }
            Err(error) => context.fail(*error),
        }
    }
}

impl<K: Data, V: Data> TableNode<K, V> {
    /// Stores the new value; gives the old one if it is wanted.
    fn keep(&mut self, record: &Record<K, Option<V>>, context: &mut Context) -> Result<Option<V>, NodeError> {
        let old = if self.sends_old { self.view.get(&record.key, context)? } else { None };
        match &record.value {
            Some(value) => self.view.put(&record.key, value, record.timestamp, context)?,
            None => self.view.delete(&record.key, context)?,
        }
        Ok(old.map(|(_, value)| value))
    }
}

/// Makes each change of a table a record: its new value, or `None`.
pub(crate) struct ToStream<K, V> {
    pub(crate) next: Box<dyn Node<K, Option<V>>>,
}

impl<K, V> Node<K, Change<V>> for ToStream<K, V> {
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let Record { key, value: Change { new: value, .. }, timestamp, headers } = record;
        self.next.process(Record { key, value, timestamp, headers }, context)
    }
}

/// Makes each new value of a table a record, and leaves out removals.
pub(crate) struct Updates<K, V> {
    pub(crate) next: Box<dyn Node<K, V>>,
}

impl<K, V> Node<K, Change<V>> for Updates<K, V> {
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let Record { key, value, timestamp, headers } = record;
        match value.new {
            Some(value) => self.next.process(Record { key, value, timestamp, headers }, context),
            None => Ok(()),
        }
    }
}
