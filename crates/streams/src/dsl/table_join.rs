//! Joins of two tables by their keys.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::Serde;

use super::{LookupFactory, Stream, Table};
use crate::graph::{NodeKind, Operator, StoreId};
use crate::node::{JoinedLookup, OldValues, Outlet, TableTableJoin};
use crate::record::{Change, Data};
use crate::topology::TopologyProblem;

/// Which sides alone give a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inner,
    Left,
    Outer,
}

impl<K: Data, V: Data> Table<K, V> {
    /// Joins this table with another by their keys: a row for each key that both have, kept up to date by both.
    ///
    /// It has no store; what it holds is computed from both tables. Both must be partitioned alike. Its time is the later
    /// one of the two rows.
    #[must_use]
    pub fn join<T, W, F>(&self, name: &str, other: &Table<K, T>, join: F) -> Table<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(&K, &V, &T) -> W + Send + Sync + 'static,
    {
        self.join_table(name, other, Kind::Inner, move |key, left: Option<&V>, right| {
            Some(join(key, left?, right?))
        })
    }

    /// As [`Table::join`], with a row for every key of this table.
    #[must_use]
    pub fn left_join<T, W, F>(&self, name: &str, other: &Table<K, T>, join: F) -> Table<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(&K, &V, Option<&T>) -> W + Send + Sync + 'static,
    {
        self.join_table(name, other, Kind::Left, move |key, left: Option<&V>, right| {
            Some(join(key, left?, right))
        })
    }

    /// As [`Table::join`], with a row for every key of either table: at least one of the values is there.
    #[must_use]
    pub fn outer_join<T, W, F>(&self, name: &str, other: &Table<K, T>, join: F) -> Table<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(&K, Option<&V>, Option<&T>) -> W + Send + Sync + 'static,
    {
        self.join_table(name, other, Kind::Outer, move |key, left: Option<&V>, right: Option<&T>| {
            (left.is_some() || right.is_some()).then(|| join(key, left, right))
        })
    }

    fn join_table<T, W, F>(&self, name: &str, other: &Table<K, T>, kind: Kind, join: F) -> Table<K, W>
    where
        T: Data,
        W: Data,
        F: Fn(&K, Option<&V>, Option<&T>) -> Option<W> + Send + Sync + 'static,
    {
        self.draft().claim(name, "a join");
        if !self.draft().is(other.draft()) {
            self.draft().problem(TopologyProblem::ForeignTable(other.name().to_owned()));
            return self.nothing(name);
        }
        let (Some(left), Some(right)) = (self.lookup(), other.lookup()) else {
            self.draft().problem(TopologyProblem::WindowedTable(name.to_owned()));
            return self.nothing(name);
        };
        if kind != Kind::Inner {
            self.old_values.want();
        }
        if kind == Kind::Outer {
            other.old_values.want();
        }
        let old_values = OldValues::computed_from([self.old_values.clone(), other.old_values.clone()]);
        let join = Arc::new(join);
        let changes = self.join_changes(name, other, kind, &old_values, (&left, &right), &join);
        let right_is_outer = kind == Kind::Outer;
        let lookup: LookupFactory<K, W> = Arc::new(move || {
            let (left, right, join) = (left(), right(), Arc::clone(&join));
            Box::new(JoinedLookup { left, right, join, right_is_outer })
        });
        let stores = (self.stores_with(other), name);
        Table::new(changes, old_values, stores, Arc::clone(&self.keys), unknown(), Some(lookup))
    }

    /// Adds the node of the join, and a typed one behind each table.
    fn join_changes<T, W, F>(
        &self,
        name: &str,
        other: &Table<K, T>,
        kind: Kind,
        old_values: &OldValues,
        (left, right): (&LookupFactory<K, V>, &LookupFactory<K, T>),
        join: &Arc<F>,
    ) -> Stream<K, Change<W>>
    where
        T: Data,
        W: Data,
        F: Fn(&K, Option<&V>, Option<&T>) -> Option<W> + Send + Sync + 'static,
    {
        let parents = [self.changes.node, other.changes.node];
        let node = NodeKind::Operator(operator(name, other.name(), kind));
        let node = self.draft().node(node, &parents, &self.stores_with(other));
        let outlet = Outlet::new();
        let (lookup, join_left, wanted) = (Arc::clone(right), Arc::clone(join), old_values.clone());
        let next = outlet.clone();
        self.draft().attach(&self.changes.outlet, move |assembly| {
            let join = Arc::clone(&join_left);
            TableTableJoin {
                other: lookup(),
                join: move |key: &K, left: Option<&V>, right: Option<&T>| join(key, left, right),
                is_outer: kind != Kind::Inner,
                sends_old: wanted.are_wanted(),
                next: Box::new(next.assemble_shared(assembly)),
                takes: PhantomData,
            }
        });
        let (lookup, join_right, wanted) = (Arc::clone(left), Arc::clone(join), old_values.clone());
        let next = outlet.clone();
        self.draft().attach(&other.changes.outlet, move |assembly| {
            let join = Arc::clone(&join_right);
            TableTableJoin {
                other: lookup(),
                join: move |key: &K, right: Option<&T>, left: Option<&V>| join(key, left, right),
                is_outer: kind == Kind::Outer,
                sends_old: wanted.are_wanted(),
                next: Box::new(next.assemble_shared(assembly)),
                takes: PhantomData,
            }
        });
        Stream::new(self.draft().clone(), node, outlet, None, None, false)
    }

    /// The stores of both tables, each once.
    fn stores_with<T: Data>(&self, other: &Table<K, T>) -> Vec<StoreId> {
        let mut stores: Vec<_> = self.stores().iter().chain(other.stores()).copied().collect();
        stores.sort();
        stores.dedup();
        stores
    }

    /// Stands in for a table that cannot be, until `build` refuses.
    pub(super) fn nothing<W: Data>(&self, name: &str) -> Table<K, W> {
        let changes = Stream::new(self.draft().clone(), self.changes.node, Outlet::new(), None, None, false);
        let stores = (Vec::new(), name);
        Table::new(changes, OldValues::default(), stores, Arc::clone(&self.keys), unknown(), None)
    }
}

/// The serde of what is computed.
fn unknown<V>() -> Option<Arc<dyn Serde<V>>> {
    None
}

fn operator(name: &str, other: &str, kind: Kind) -> Operator {
    let verb = match kind {
        Kind::Inner => "join",
        Kind::Left => "left join",
        Kind::Outer => "outer join",
    };
    Operator {
        verb,
        name: Some(name.to_owned()),
        detail: Some(format!("with table {other}")),
        copartitions: true,
    }
}
