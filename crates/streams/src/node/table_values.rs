//! Tables that are computed from another one, value by value, without a store of their own.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_model::Timestamp;

use super::{Node, NodeError, Processed};
use crate::context::Context;
use crate::record::{Change, Record};
use crate::store::Lookup;

/// Keeps the entries for which `keep` is true.
///
/// The table before always sends old values, so that a change of what is left out anyway is no change.
pub(crate) struct FilterTable<K, V, F> {
    pub(crate) keep: Arc<F>,
    pub(crate) next: Box<dyn Node<K, Change<V>>>,
}

impl<K, V, F> Node<K, Change<V>> for FilterTable<K, V, F>
where
    F: Fn(&K, &V) -> bool + Send + Sync,
{
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let Record { key, value: Change { new, old }, timestamp, headers } = record;
        let new = new.filter(|value| (self.keep)(&key, value));
        let old = old.filter(|value| (self.keep)(&key, value));
        if new.is_none() && old.is_none() {
            return Ok(());
        }
        self.next.process(Record { key, value: Change { new, old }, timestamp, headers }, context)
    }
}

/// Gives each entry another value.
pub(crate) struct MapTable<K, V, W, F> {
    pub(crate) map: Arc<F>,
    pub(crate) sends_old: bool,
    pub(crate) next: Box<dyn Node<K, Change<W>>>,
    pub(crate) takes: PhantomData<fn(V)>,
}

impl<K, V, W, F> Node<K, Change<V>> for MapTable<K, V, W, F>
where
    F: Fn(&K, V) -> W + Send + Sync,
{
    fn process(&mut self, record: Record<K, Change<V>>, context: &mut Context) -> Processed {
        let Record { key, value: Change { new, old }, timestamp, headers } = record;
        let new = new.map(|value| (self.map)(&key, value));
        let old = old.filter(|_| self.sends_old).map(|value| (self.map)(&key, value));
        self.next.process(Record { key, value: Change { new, old }, timestamp, headers }, context)
    }
}

/// Looks a filtered table up in the one before.
pub(crate) struct FilteredLookup<K, V, F> {
    pub(crate) table: Box<dyn Lookup<K, V>>,
    pub(crate) keep: Arc<F>,
}

impl<K, V, F> Lookup<K, V> for FilteredLookup<K, V, F>
where
    F: Fn(&K, &V) -> bool + Send + Sync,
{
    fn look_up(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, V)>, NodeError> {
        let found = self.table.look_up(key, context)?;
        Ok(found.filter(|(_, value)| (self.keep)(key, value)))
    }
}

/// Looks a table of other values up in the one before.
pub(crate) struct MappedLookup<K, V, F> {
    pub(crate) table: Box<dyn Lookup<K, V>>,
    pub(crate) map: Arc<F>,
}

impl<K, V, W, F> Lookup<K, W> for MappedLookup<K, V, F>
where
    F: Fn(&K, V) -> W + Send + Sync,
{
    fn look_up(&mut self, key: &K, context: &Context) -> Result<Option<(Timestamp, W)>, NodeError> {
        let found = self.table.look_up(key, context)?;
        Ok(found.map(|(timestamp, value)| (timestamp, (self.map)(key, value))))
    }
}
