//! Versioned tables, and joins of streams with them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_schema::{KeyValueSerde, Part, Serde, optional};

use super::{LookupFactory, Stream, Table};
use crate::consumed::Consumed;
use crate::graph::{Operator, SourceRole, StoreId, StoreKind};
use crate::node::{
    LatestOnly, OldValues, Outlet, VersionedChange, VersionedJoin, VersionedTableNode, VersionedToStream,
    WaitingForTable,
};
use crate::record::{Data, Record};
use crate::store::{JoinBuffer, VersionedView};
use crate::topology::builder::{Arcs, Handle};
use crate::topology::{TopologyBuilder, TopologyProblem};
use crate::window::whole_ms;

/// A table that also knows what it held before, as far back as its history goes.
///
/// A stream [joined](Stream::join_with_grace) with it finds what the table held at the time of each record, in whatever
/// order records come.
pub struct VersionedTable<K, V> {
    changes: Stream<K, VersionedChange<V>>,
    old_values: OldValues,
    store: StoreId,
    name: String,
    history: Duration,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
}

impl TopologyBuilder {
    /// Reads a topic as a versioned table: the values of each key, each valid from its record's time until that of the
    /// next one; null ends the validity.
    ///
    /// Its history goes back for `history` from the highest time of its records. A record older than that is dropped and
    /// counted under the topic's name; one that is out of order takes its place in the history.
    pub fn versioned_table<K, V, SK, SV>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
        history: Duration,
    ) -> VersionedTable<K, V>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        self.versioned_table_with(topic, serdes, history, Consumed::new())
    }

    /// As [`versioned_table`](Self::versioned_table), with times or watermarks of one's own; see
    /// [`table_with`](Self::table_with).
    pub fn versioned_table_with<K, V, SK, SV>(
        &mut self,
        topic: &str,
        serdes: KeyValueSerde<SK, SV>,
        history: Duration,
        consumed: Consumed<K, Option<V>>,
    ) -> VersionedTable<K, V>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        let draft = self.draft();
        draft.claim(topic, "a versioned table");
        let store = draft.store(topic, StoreKind::Versioned(history));
        let keys: Arc<dyn Serde<K>> = Arc::new(serdes.key);
        let values: Arc<dyn Serde<V>> = Arc::new(serdes.value);
        draft.store_holds(store, &keys, &values);
        let records = Outlet::<K, Option<V>>::new();
        let nullable = Arcs { keys: Arc::clone(&keys), values: Arc::new(optional(Arc::clone(&values))) };
        let source = draft.consumed((topic, SourceRole::Table), &[], &records, nullable, consumed);
        let records = Stream::new(draft.clone(), source, records, None, None, false);
        let old_values = OldValues::default();
        let wanted = old_values.clone();
        let view = VersionedView::factory(store, history, &keys, &values);
        let operator = Operator {
            verb: "keep versions",
            name: Some(topic.to_owned()),
            detail: Some(format!("for {history:?}")),
            copartitions: false,
        };
        let changes = records.follow(operator, &[store], move |operator, next| VersionedTableNode {
            operator,
            view: view(),
            sends_old: wanted.are_wanted(),
            next,
        });
        VersionedTable { changes, old_values, store, name: topic.to_owned(), history, keys, values }
    }
}

impl<K: Data, V: Data> VersionedTable<K, V> {
    /// The table of the latest values. What comes out of order changes the history, and not this table.
    pub fn latest(&self) -> Table<K, V> {
        let changes = self.changes.follow(super::stream::step("latest"), &[], |_, next| LatestOnly { next });
        let view = self.views();
        let lookup: LookupFactory<K, V> = Arc::new(move || Box::new(view()));
        let (keys, values) = (Arc::clone(&self.keys), Arc::clone(&self.values));
        Table::new(
            changes,
            self.old_values.clone(),
            (vec![self.store], &self.name),
            keys,
            values,
            Some(lookup),
        )
    }

    /// Every new version as a record, also those that come out of order: the value, or `None` where the key was removed.
    pub fn to_stream(&self) -> Stream<K, Option<V>> {
        let nullable: Arc<dyn Serde<Option<V>>> = Arc::new(optional(Arc::clone(&self.values)));
        self.changes
            .follow(super::stream::step("to stream"), &[], |_, next| VersionedToStream { next })
            .with(Some(Arc::clone(&self.keys)), Some(nullable))
    }

    fn draft(&self) -> &Handle {
        self.changes.draft()
    }

    /// Makes views of the store, one for each task.
    fn views(&self) -> impl Fn() -> VersionedView<K, V> + Clone + Send + Sync + use<K, V> {
        VersionedView::factory(self.store, self.history, &self.keys, &self.values)
    }
}

impl<K: Data, V: Data> Stream<K, V> {
    /// Joins each record with the value that the table had at the record's time; without one there is no result.
    ///
    /// A record waits until the stream is `grace` further, so that changes of the table that come late are still seen;
    /// then results come in the order of their times. With a grace of zero nothing waits. Records that are themselves
    /// later than the grace are joined at once; those whose key or value is null are dropped and counted. What waits is kept in the store `<name>-Buffer`, headers included.
    pub fn join_with_grace<T, W, F>(
        &self,
        name: &str,
        table: &VersionedTable<K, T>,
        grace: Duration,
        join: F,
    ) -> Stream<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(Record<&K, V>, &T) -> W + Send + Sync + 'static,
    {
        let join = move |record: Record<&K, V>, found: Option<&T>| found.map(|found| join(record, found));
        self.join_versioned(name, table, (grace, false), join)
    }

    /// As [`Stream::join_with_grace`], with a result for every record. One without a key is never waited for.
    pub fn left_join_with_grace<T, W, F>(
        &self,
        name: &str,
        table: &VersionedTable<K, T>,
        grace: Duration,
        join: F,
    ) -> Stream<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(Record<&K, V>, Option<&T>) -> W + Send + Sync + 'static,
    {
        let join = move |record: Record<&K, V>, found: Option<&T>| Some(join(record, found));
        self.join_versioned(name, table, (grace, true), join)
    }

    fn join_versioned<T, W, F>(
        &self,
        name: &str,
        table: &VersionedTable<K, T>,
        (grace, is_left): (Duration, bool),
        join: F,
    ) -> Stream<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(Record<&K, V>, Option<&T>) -> Option<W> + Send + Sync + 'static,
    {
        self.draft.claim(name, "a join");
        if !self.draft.is(table.draft()) {
            self.draft.problem(TopologyProblem::ForeignTable(table.name.clone()));
            return self.nothing();
        }
        if grace > table.history {
            let (name, table) = (name.to_owned(), table.name.clone());
            self.draft.problem(TopologyProblem::ShortHistory { name, table });
        }
        let stream = self.by_key(name, &table.keys, !is_left);
        let buffer = stream.join_buffer(name, &table.keys, grace);
        let stores: Vec<_> = [table.store].into_iter().chain(buffer.store).collect();
        let operator = Operator {
            verb: if is_left { "left join" } else { "join" },
            name: Some(name.to_owned()),
            detail: Some(format!("with versions of {}, grace {grace:?}", table.name)),
            copartitions: true,
        };
        let (view, join, values) = (table.views(), Arc::new(join), stream.values.clone());
        stream
            .follow_timed(operator, &stores, buffer.store.map(|_| buffer.grace_ms), move |_, next| {
                VersionedJoin {
                    table: view(),
                    join: Arc::clone(&join),
                    keeps_null_keys: is_left,
                    values: values.clone(),
                    waiting: buffer.waiting(),
                    next,
                }
            })
            .with(Some(Arc::clone(&table.keys)), None)
    }

    /// Where records wait for the table, unless the grace is zero.
    fn join_buffer(&self, name: &str, keys: &Arc<dyn Serde<K>>, grace: Duration) -> Buffer<K, V> {
        let grace_ms = whole_ms(grace);
        let buffer = Buffer { store: None, grace_ms, keys: Arc::clone(keys), values: None };
        if grace_ms == 0 {
            return buffer;
        }
        let values = self.draft.known(self.values.as_ref(), Part::Value, name);
        let store_name = format!("{name}-Buffer");
        self.draft.claim(&store_name, "a store of a join");
        let store = self.draft.store(&store_name, StoreKind::JoinBuffer(grace));
        if let Some(values) = &values {
            self.draft.store_holds(store, keys, values);
        }
        Buffer { store: Some(store), values, ..buffer }
    }
}

/// A buffer under construction.
struct Buffer<K, V> {
    store: Option<StoreId>,
    grace_ms: i64,
    keys: Arc<dyn Serde<K>>,
    values: Option<Arc<dyn Serde<V>>>,
}

impl<K: Data, V: Data> Buffer<K, V> {
    fn waiting(&self) -> Option<WaitingForTable<K, V>> {
        let buffer = JoinBuffer::new(self.store?, Arc::clone(&self.keys), self.values.clone()?);
        Some(WaitingForTable { buffer, grace_ms: self.grace_ms, ripe: Vec::new() })
    }
}

impl<K, V> Clone for VersionedTable<K, V> {
    fn clone(&self) -> Self {
        Self {
            changes: self.changes.clone(),
            old_values: self.old_values.clone(),
            store: self.store,
            name: self.name.clone(),
            history: self.history,
            keys: Arc::clone(&self.keys),
            values: Arc::clone(&self.values),
        }
    }
}

impl<K, V> fmt::Debug for VersionedTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionedTable").field("name", &self.name).finish_non_exhaustive()
    }
}
