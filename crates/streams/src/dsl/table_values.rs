//! Tables computed from other tables, value by value, and tables grouped by another key.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde};

use super::stream::step;
use super::{GroupedTable, LookupFactory, Table};
use crate::node::{FilterTable, FilteredLookup, MapTable, MappedLookup, OldValues, Regroup};
use crate::record::Data;
use crate::store::Lookup;

impl<K: Data, V: Data> Table<K, V> {
    /// The entries for which `keep` is true. What changes from kept to not kept is removed; what was not kept and is not
    /// kept does not change.
    ///
    /// It has no store of its own: it is looked up in the table that it is made of.
    #[must_use]
    pub fn filter<F>(&self, keep: F) -> Self
    where
        F: Fn(&K, &V) -> bool + Send + Sync + 'static,
    {
        self.filtered("filter", keep)
    }

    /// The entries for which `leave_out` is false; see [`Table::filter`].
    #[must_use]
    pub fn filter_not<F>(&self, leave_out: F) -> Self
    where
        F: Fn(&K, &V) -> bool + Send + Sync + 'static,
    {
        self.filtered("filter not", move |key, value| !leave_out(key, value))
    }

    /// The same keys with other values. `map` is also asked again for values that are looked up, so it must always give
    /// the same value for the same.
    ///
    /// It has no store of its own: it is looked up in the table that it is made of. How the new values are written must
    /// be said [`with_serdes`](Table::with_serdes) where that must be known.
    pub fn map_values<W, F>(&self, map: F) -> Table<K, W>
    where
        W: Data,
        F: Fn(&K, V) -> W + Send + Sync + 'static,
    {
        let map = Arc::new(map);
        let lookup = self.lookup.clone().map(|table| -> LookupFactory<K, W> {
            let map = Arc::clone(&map);
            let make = move || MappedLookup { table: table(), map: Arc::clone(&map) };
            Arc::new(move || -> Box<dyn Lookup<K, W>> { Box::new(make()) })
        });
        let old_values = OldValues::computed_from([self.old_values.clone()]);
        let wanted = old_values.clone();
        let changes = self.changes.follow(step("map values"), &[], move |_, next| MapTable {
            map: Arc::clone(&map),
            sends_old: wanted.are_wanted(),
            next,
            takes: PhantomData,
        });
        let (stores, name, keys) = (self.stores.clone(), self.name.clone(), Arc::clone(&self.keys));
        Table { changes, old_values, stores, name, keys, values: None, lookup }
    }

    /// States how the entries are written where that must be known: in topics and stores behind `map_values` and joins.
    #[must_use]
    pub fn with_serdes<SK: Serde<K>, SV: Serde<V>>(&self, serdes: KeyValueSerde<SK, SV>) -> Self {
        Self { keys: Arc::new(serdes.key), values: Some(Arc::new(serdes.value)), ..self.clone() }
    }

    /// Groups the entries by another key, to be counted, reduced or aggregated: `select` gives the group and what the
    /// entry is there. It is asked for old values and for new ones, so it must always give the same for the same.
    ///
    /// The entries go through a repartition topic, which `serdes` are for. An entry whose new key or value is null is in
    /// no group.
    pub fn group_by<L, W, SK, SV, F>(&self, select: F, serdes: KeyValueSerde<SK, SV>) -> GroupedTable<L, W>
    where
        L: Data + PartialEq,
        W: Data,
        SK: Serde<L>,
        SV: Serde<W>,
        F: Fn(&K, V) -> (L, W) + Send + Sync + 'static,
    {
        self.old_values.want();
        let select = Arc::new(select);
        let keys: Arc<dyn Serde<L>> = Arc::new(serdes.key);
        let values: Arc<dyn Serde<W>> = Arc::new(serdes.value);
        let (own_keys, own_values) = (Arc::clone(&keys), Arc::clone(&values));
        let changes = self.changes.follow(step("group by"), &[], move |_, next| Regroup {
            select: Arc::clone(&select),
            keys: Arc::clone(&own_keys),
            values: Arc::clone(&own_values),
            next,
            takes: PhantomData,
        });
        GroupedTable::new(&changes, keys, values)
    }

    fn filtered<F>(&self, verb: &'static str, keep: F) -> Self
    where
        F: Fn(&K, &V) -> bool + Send + Sync + 'static,
    {
        self.old_values.want();
        let keep = Arc::new(keep);
        let lookup = self.lookup.clone().map(|table| -> LookupFactory<K, V> {
            let keep = Arc::clone(&keep);
            let make = move || FilteredLookup { table: table(), keep: Arc::clone(&keep) };
            Arc::new(move || -> Box<dyn Lookup<K, V>> { Box::new(make()) })
        });
        let changes = self
            .changes
            .follow(step(verb), &[], move |_, next| FilterTable { keep: Arc::clone(&keep), next });
        let old_values = OldValues::computed_from([self.old_values.clone()]);
        Self { changes, old_values, lookup, ..self.clone() }
    }
}
