//! Tables: the newest value of each key.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::{Serde, optional};

use super::Stream;
use crate::graph::{GlobalId, StoreId};
use crate::node::{OldValues, ToStream, Updates};
use crate::record::{Change, Data};
use crate::store::Lookup;
use crate::topology::builder::Handle;

/// A table, somewhere in a topology: the newest value of each key, and the stream of its changes.
///
/// It is partitioned; a task sees the keys of its own partition.
pub struct Table<K, V> {
    pub(super) changes: Stream<K, Change<V>>,
    pub(super) old_values: OldValues,
    /// The stores that the table's values are looked up in: its own, or those of the tables that it is computed from.
    pub(super) stores: Vec<StoreId>,
    pub(super) name: String,
    pub(super) keys: Arc<dyn Serde<K>>,
    pub(super) values: Arc<dyn Serde<V>>,
    /// None for tables of windows, which are partitioned by a part of their keys only.
    pub(super) lookup: Option<LookupFactory<K, V>>,
}

/// Makes, for each task, what looks the table's values up.
pub(crate) type LookupFactory<K, V> = Arc<dyn Fn() -> Box<dyn Lookup<K, V>> + Send + Sync>;

impl<K: Data, V: Data> Table<K, V> {
    pub(crate) fn new(
        changes: Stream<K, Change<V>>,
        old_values: OldValues,
        (stores, name): (Vec<StoreId>, &str),
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<V>>,
        lookup: Option<LookupFactory<K, V>>,
    ) -> Self {
        Self { changes, old_values, stores, name: name.to_owned(), keys, values, lookup }
    }

    /// Every change as a record: the new value, or `None` where the key was removed.
    pub fn to_stream(&self) -> Stream<K, Option<V>> {
        let nullable: Arc<dyn Serde<Option<V>>> = Arc::new(optional(Arc::clone(&self.values)));
        self.changes
            .follow(super::stream::step("to stream"), &[], |_, next| ToStream { next })
            .with(Some(Arc::clone(&self.keys)), Some(nullable))
    }

    /// Every new value as a record. Removals are left out; see [`Table::to_stream`].
    pub fn updates(&self) -> Stream<K, V> {
        let operator = super::stream::step("updates");
        self.changes
            .follow(operator, &[], |_, next| Updates { next })
            .with(Some(Arc::clone(&self.keys)), Some(Arc::clone(&self.values)))
    }

    pub(crate) fn draft(&self) -> &Handle {
        self.changes.draft()
    }

    pub(crate) fn stores(&self) -> &[StoreId] {
        &self.stores
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn keys(&self) -> &Arc<dyn Serde<K>> {
        &self.keys
    }

    pub(crate) fn lookup(&self) -> Option<LookupFactory<K, V>> {
        self.lookup.clone()
    }
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Self {
            changes: self.changes.clone(),
            old_values: self.old_values.clone(),
            stores: self.stores.clone(),
            name: self.name.clone(),
            keys: Arc::clone(&self.keys),
            values: Arc::clone(&self.values),
            lookup: self.lookup.clone(),
        }
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A table that every instance has whole.
pub struct GlobalTable<K, V> {
    draft: Handle,
    id: GlobalId,
    topic: String,
    holds: PhantomData<fn() -> (K, V)>,
}

impl<K, V> GlobalTable<K, V> {
    pub(crate) fn new(draft: Handle, id: GlobalId, topic: &str) -> Self {
        Self { draft, id, topic: topic.to_owned(), holds: PhantomData }
    }

    pub(crate) fn draft(&self) -> &Handle {
        &self.draft
    }

    pub(crate) fn id(&self) -> GlobalId {
        self.id
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }
}

impl<K, V> Clone for GlobalTable<K, V> {
    fn clone(&self) -> Self {
        Self::new(self.draft.clone(), self.id, &self.topic)
    }
}

impl<K, V> fmt::Debug for GlobalTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalTable").field("topic", &self.topic).finish_non_exhaustive()
    }
}
