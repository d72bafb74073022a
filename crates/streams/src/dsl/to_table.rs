//! Streams that are taken for the changes of a table.

use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde, optional};

use super::grouped::named;
use super::{Stream, Table};
use crate::graph::StoreKind;
use crate::node::{Nullable, OldValues, Outlet, TableNode};
use crate::record::Data;
use crate::store::{KeyValueView, Lookup};

impl<K: Data, V: Data> Stream<K, V> {
    /// Takes each record for the newest value of its key. A null value (`None`, where the stream's values are `Option`s)
    /// removes the key; records whose key is null are dropped and counted.
    ///
    /// The table's store is called `name`. If the key was changed, the records go through a repartition topic.
    pub fn to_table<T, SK, SV>(&self, name: &str, serdes: KeyValueSerde<SK, SV>) -> Table<K, T>
    where
        T: Data,
        V: Into<Option<T>>,
        SK: Serde<K>,
        SV: Serde<T>,
    {
        self.draft.claim(name, "a table");
        let keys: Arc<dyn Serde<K>> = Arc::new(serdes.key);
        let values: Arc<dyn Serde<T>> = Arc::new(serdes.value);
        let stream = self.nullable(&keys, &values).by_key(name, &keys, true);
        let store = stream.draft.store(name, StoreKind::KeyValue);
        stream.draft.store_holds(store, &keys, &values);
        let view = KeyValueView::factory(store, &keys, &values);
        let own_view = view.clone();
        let old_values = OldValues::default();
        let wanted = old_values.clone();
        let changes = stream.follow(named("to table", name, None), &[store], move |_, next| TableNode {
            view: own_view(),
            sends_old: wanted.are_wanted(),
            next,
        });
        let lookup = Arc::new(move || -> Box<dyn Lookup<K, T>> { Box::new(view()) });
        Table::new(changes, old_values, (vec![store], name), keys, values, Some(lookup))
    }

    /// The same records, nulls told from values, with their serdes.
    fn nullable<T>(&self, keys: &Arc<dyn Serde<K>>, values: &Arc<dyn Serde<T>>) -> Stream<K, Option<T>>
    where
        T: Data,
        V: Into<Option<T>>,
    {
        let outlet = Outlet::new();
        let (next, own_values) = (outlet.clone(), Arc::clone(values));
        self.draft.attach(&self.outlet, move |assembly| Nullable {
            values: Arc::clone(&own_values),
            next: next.assemble(assembly),
        });
        let nullable: Arc<dyn Serde<Option<T>>> = Arc::new(optional(Arc::clone(values)));
        let keys = Some(Arc::clone(keys));
        Stream::new(self.draft.clone(), self.node, outlet, keys, Some(nullable), self.rekeyed)
    }
}
