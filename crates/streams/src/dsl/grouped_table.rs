//! Grouped tables: the entries of a table that have the same new key together.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde, long};

use super::grouped::named;
use super::{Stream, Table};
use crate::change_serde::ChangeSerde;
use crate::graph::{Operator, StoreKind};
use crate::node::{OldValues, TableAggregate};
use crate::record::{Change, Data};
use crate::store::{KeyValueView, Lookup};

/// A table grouped by another key. What is made of it carries a name, which also names its store and the repartition
/// topic before it.
///
/// When an entry changes, its old value is taken out of its group, and then the new one is taken in. Each is one update
/// of a group, and one record of the result; both are one if the group is the same.
#[derive(Clone)]
pub struct GroupedTable<K, V> {
    changes: Stream<K, Change<V>>,
    keys: Arc<dyn Serde<K>>,
    values: Arc<dyn Serde<V>>,
}

impl<K: Data, V: Data> GroupedTable<K, V> {
    pub(super) fn new(
        changes: &Stream<K, Change<V>>,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<V>>,
    ) -> Self {
        let of_changes: Arc<dyn Serde<Change<V>>> = Arc::new(ChangeSerde::new(Arc::clone(&values)));
        let changes = changes.clone().with(Some(Arc::clone(&keys)), Some(of_changes)).rekeyed();
        Self { changes, keys, values }
    }

    /// Folds the values of a group into one, beginning with what `init` gives: `add` takes in a value, `subtract` takes
    /// out one that was taken in before. The time of an update is the latest of all that it was made of.
    ///
    /// `subtract` gives what is left, or an `Option` of it: with `None` the group is removed.
    pub fn aggregate<A, R, I, Add, Sub, SK, SA>(
        &self,
        name: &str,
        init: I,
        add: Add,
        subtract: Sub,
        serdes: KeyValueSerde<SK, SA>,
    ) -> Table<K, A>
    where
        A: Data,
        R: Into<Option<A>>,
        I: Fn() -> A + Send + Sync + 'static,
        Add: Fn(&K, V, A) -> A + Send + Sync + 'static,
        Sub: Fn(&K, V, A) -> R + Send + Sync + 'static,
        SK: Serde<K>,
        SA: Serde<A>,
    {
        self.changes.draft().claim(name, "an aggregate");
        let add = move |key: &K, value, so_far: Option<A>| add(key, value, so_far.unwrap_or_else(&init));
        let subtract = move |key: &K, value, so_far| subtract(key, value, so_far).into();
        let serdes: (Arc<dyn Serde<K>>, Arc<dyn Serde<A>>) = (Arc::new(serdes.key), Arc::new(serdes.value));
        self.fold(named("aggregate", name, None), (add, subtract), serdes)
    }

    /// Counts the entries of a group. A group that has no more has the count 0.
    pub fn count(&self, name: &str) -> Table<K, i64> {
        self.changes.draft().claim(name, "a count");
        let add = |_: &K, _, count: Option<i64>| count.unwrap_or(0) + 1;
        let subtract = |_: &K, _, count: i64| Some(count - 1);
        let serdes: (_, Arc<dyn Serde<i64>>) = (Arc::clone(&self.keys), Arc::new(long()));
        self.fold(named("count", name, None), (add, subtract), serdes)
    }

    /// Combines the values of a group: `add(value, so_far)` takes in a value, `subtract(value, so_far)` takes out one that
    /// was taken in before. The first value stands for itself.
    ///
    /// `subtract` gives what is left, or an `Option` of it: with `None` the group is removed.
    pub fn reduce<R, Add, Sub>(&self, name: &str, add: Add, subtract: Sub) -> Table<K, V>
    where
        R: Into<Option<V>>,
        Add: Fn(V, V) -> V + Send + Sync + 'static,
        Sub: Fn(V, V) -> R + Send + Sync + 'static,
    {
        self.changes.draft().claim(name, "a reduction");
        let add = move |_: &K, value, so_far: Option<V>| match so_far {
            Some(so_far) => add(value, so_far),
            None => value,
        };
        let subtract = move |_: &K, value, so_far| subtract(value, so_far).into();
        let serdes = (Arc::clone(&self.keys), Arc::clone(&self.values));
        self.fold(named("reduce", name, None), (add, subtract), serdes)
    }

    fn fold<A, Add, Sub>(
        &self,
        operator: Operator,
        (add, subtract): (Add, Sub),
        (keys, values): (Arc<dyn Serde<K>>, Arc<dyn Serde<A>>),
    ) -> Table<K, A>
    where
        A: Data,
        Add: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
        Sub: Fn(&K, V, A) -> Option<A> + Send + Sync + 'static,
    {
        let name = operator.name.clone().unwrap_or_default();
        let changes = self.changes.by_key(&name, &self.keys, true);
        let store = changes.draft().store(&name, StoreKind::KeyValue);
        changes.draft().store_holds(store, &keys, &values);
        let view = KeyValueView::factory(store, &keys, &values);
        let own_view = view.clone();
        let (add, subtract) = (Arc::new(add), Arc::new(subtract));
        let old_values = OldValues::default();
        let wanted = old_values.clone();
        let changes = changes.follow(operator, &[store], move |_, next| TableAggregate {
            view: own_view(),
            add: Arc::clone(&add),
            subtract: Arc::clone(&subtract),
            sends_old: wanted.are_wanted(),
            next,
            takes: PhantomData,
        });
        let lookup = Arc::new(move || -> Box<dyn Lookup<K, A>> { Box::new(view()) });
        Table::new(changes, old_values, (vec![store], &name), keys, values, Some(lookup))
    }
}

impl<K, V> fmt::Debug for GroupedTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupedTable").field("changes", &self.changes).finish_non_exhaustive()
    }
}
