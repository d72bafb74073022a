//! Joins of two tables by a foreign key.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_model::PartitionId;
use headwater_schema::{KeyValueSerde, Part, Serde, optional};

use super::{LookupFactory, Stream, Table};
use crate::graph::{NodeId, NodeKind, Operator, SourceRole, StoreId, StoreKind};
use crate::node::{Hasher, OldValues, Outlet, Publish, Receive, Resolve, Sink, Subscribe, TableNode};
use crate::record::Data;
use crate::store::{
    KeyValueView, Response, ResponseSerde, Subscription, SubscriptionSerde, SubscriptionView,
};
use crate::topology::TopologyProblem;
use crate::topology::builder::{Arcs, Handle};

impl<K: Data, V: Data> Table<K, V> {
    /// Joins each row with the row of another table whose key `foreign_key` tells: a row for each that finds one, kept up
    /// to date by both tables. `foreign_key` may give an `Option`; rows without a foreign key are dropped and counted.
    ///
    /// The tables need not be partitioned alike. Rows subscribe to their foreign keys through the topic
    /// `<application>-<name>-subscription-registration-topic`, and are answered through `-subscription-response-topic`;
    /// subscriptions are kept in the store `<name>-subscription-store`, what the join holds in the store `<name>`.
    #[must_use]
    pub fn join_on<FK, T, W, O, F, J, SK, SW>(
        &self,
        name: &str,
        other: &Table<FK, T>,
        foreign_key: F,
        join: J,
        serdes: KeyValueSerde<SK, SW>,
    ) -> Table<K, W>
    where
        FK: Data,
        T: Data,
        W: Data,
        O: Into<Option<FK>>,
        F: Fn(&K, &V) -> O + Send + Sync + 'static,
        J: Fn(&K, &V, &T) -> W + Send + Sync + 'static,
        SK: Serde<K>,
        SW: Serde<W>,
    {
        let foreign_key = move |key: &K, value: &V| foreign_key(key, value).into();
        let join = move |key: &K, value: &V, found: Option<&T>| found.map(|found| join(key, value, found));
        self.join_foreign(name, other, (foreign_key, join), false, arcs(serdes))
    }

    /// As [`Table::join_on`], with a row for every row of this table, also for those without a foreign key.
    #[must_use]
    pub fn left_join_on<FK, T, W, O, F, J, SK, SW>(
        &self,
        name: &str,
        other: &Table<FK, T>,
        foreign_key: F,
        join: J,
        serdes: KeyValueSerde<SK, SW>,
    ) -> Table<K, W>
    where
        FK: Data,
        T: Data,
        W: Data,
        O: Into<Option<FK>>,
        F: Fn(&K, &V) -> O + Send + Sync + 'static,
        J: Fn(&K, &V, Option<&T>) -> W + Send + Sync + 'static,
        SK: Serde<K>,
        SW: Serde<W>,
    {
        let foreign_key = move |key: &K, value: &V| foreign_key(key, value).into();
        let join = move |key: &K, value: &V, found: Option<&T>| Some(join(key, value, found));
        self.join_foreign(name, other, (foreign_key, join), true, arcs(serdes))
    }

    fn join_foreign<FK, T, W, F, J>(
        &self,
        name: &str,
        other: &Table<FK, T>,
        (foreign_key, join): (F, J),
        is_left: bool,
        serdes: Arcs<K, W>,
    ) -> Table<K, W>
    where
        FK: Data,
        T: Data,
        W: Data,
        F: Fn(&K, &V) -> Option<FK> + Send + Sync + 'static,
        J: Fn(&K, &V, Option<&T>) -> Option<W> + Send + Sync + 'static,
    {
        self.draft().claim(name, "a foreign-key join");
        let Some(joining) = self.foreign_join(name, other, is_left) else {
            return self.nothing(name);
        };
        // Who must unsubscribe is told by the row before.
        self.old_values.want();
        let subscriptions = joining.subscribe(self, foreign_key);
        let responses = joining.answer(&subscriptions, other);
        joining.resolve(&responses, join, serdes)
    }

    /// What the steps of the join share, or the problem that the tables cannot be joined so.
    fn foreign_join<FK: Data, T: Data>(
        &self,
        name: &str,
        other: &Table<FK, T>,
        is_left: bool,
    ) -> Option<ForeignJoin<K, V, FK, T>> {
        if !self.draft().is(other.draft()) {
            self.draft().problem(TopologyProblem::ForeignTable(other.name().to_owned()));
            return None;
        }
        let (Some(left), Some(right)) = (self.lookup(), other.lookup()) else {
            self.draft().problem(TopologyProblem::WindowedTable(name.to_owned()));
            return None;
        };
        let values = self.draft().known(self.values.as_ref(), Part::Value, name);
        let other_values = self.draft().known(other.values.as_ref(), Part::Value, name);
        Some(ForeignJoin {
            draft: self.draft().clone(),
            name: name.to_owned(),
            is_left,
            left,
            left_stores: self.stores().to_vec(),
            left_store: self.stores().first().copied()?,
            left_serdes: Arcs { keys: Arc::clone(&self.keys), values: values? },
            right,
            right_serdes: Arcs { keys: Arc::clone(&other.keys), values: other_values? },
        })
    }
}

/// A join under construction: what its steps share.
struct ForeignJoin<K, V, FK, T> {
    draft: Handle,
    name: String,
    is_left: bool,
    left: LookupFactory<K, V>,
    left_stores: Vec<StoreId>,
    /// Stands for the left table in errors.
    left_store: StoreId,
    left_serdes: Arcs<K, V>,
    right: LookupFactory<FK, T>,
    right_serdes: Arcs<FK, T>,
}

impl<K: Data, V: Data, FK: Data, T: Data> ForeignJoin<K, V, FK, T> {
    /// Rows of the left table subscribe to their foreign keys.
    fn subscribe<F>(&self, left: &Table<K, V>, foreign_key: F) -> Stream<Option<FK>, Subscription<K>>
    where
        F: Fn(&K, &V) -> Option<FK> + Send + Sync + 'static,
    {
        let foreign_key = Arc::new(foreign_key);
        let (foreign_keys, hasher) = (Arc::clone(&self.right_serdes.keys), self.hasher());
        let is_left = self.is_left;
        let subscribed =
            left.changes.follow(self.operator("subscribe", false), &[], move |operator, next| Subscribe {
                operator,
                foreign_key: Arc::clone(&foreign_key),
                foreign_keys: Arc::clone(&foreign_keys),
                hasher: hasher(),
                is_left,
                next,
                keys: <(Vec<u8>, Vec<u8>)>::default(),
            });
        let serdes = Arcs {
            keys: Arc::new(optional(Arc::clone(&self.right_serdes.keys))) as Arc<dyn Serde<Option<FK>>>,
            values: Arc::new(SubscriptionSerde { keys: Arc::clone(&self.left_serdes.keys) })
                as Arc<dyn Serde<Subscription<K>>>,
        };
        self.through("subscription-registration", &[&subscribed], serdes, |_| None)
    }

    /// The right table answers subscriptions when they come, and when its rows change.
    fn answer(
        &self,
        subscriptions: &Stream<Option<FK>, Subscription<K>>,
        right: &Table<FK, T>,
    ) -> Stream<K, Response<T>> {
        let store_name = format!("{}-subscription-store", self.name);
        self.draft.claim(&store_name, "a store of a join");
        let store = self.draft.store(&store_name, StoreKind::Subscriptions);
        let subscriptions_of = SubscriptionSerde { keys: Arc::clone(&self.left_serdes.keys) };
        self.draft.store_holds(store, &self.right_serdes.keys, &subscriptions_of);
        let view = {
            let (foreign_keys, keys) =
                (Arc::clone(&self.right_serdes.keys), Arc::clone(&self.left_serdes.keys));
            move || SubscriptionView::new(store, Arc::clone(&foreign_keys), Arc::clone(&keys))
        };
        let stores: Vec<_> = [store].into_iter().chain(right.stores().iter().copied()).collect();
        let (own_view, table) = (view.clone(), Arc::clone(&self.right));
        let received = subscriptions.follow(self.operator("answer", true), &stores, move |_, next| Receive {
            view: own_view(),
            table: table(),
            next,
        });
        let published = right.changes.follow(self.operator("publish", false), &[store], move |_, next| {
            Publish { view: view(), next, found: Vec::new() }
        });
        let serdes = Arcs {
            keys: Arc::clone(&self.left_serdes.keys),
            values: Arc::new(ResponseSerde { values: Arc::clone(&self.right_serdes.values) })
                as Arc<dyn Serde<Response<T>>>,
        };
        self.through("subscription-response", &[&received, &published], serdes, |response| response.partition)
    }

    /// Rows of the left table are joined with the answers.
    fn resolve<W, J>(&self, responses: &Stream<K, Response<T>>, join: J, serdes: Arcs<K, W>) -> Table<K, W>
    where
        W: Data,
        J: Fn(&K, &V, Option<&T>) -> Option<W> + Send + Sync + 'static,
    {
        let verb = if self.is_left { "left foreign-key join" } else { "foreign-key join" };
        let (table, hasher, join) = (Arc::clone(&self.left), self.hasher(), Arc::new(join));
        let resolved = responses.follow(self.operator(verb, true), &self.left_stores, move |_, next| {
            Resolve { table: table(), hasher: hasher(), join: Arc::clone(&join), next, takes: PhantomData }
        });
        let Arcs { keys, values } = serdes;
        let store = self.draft.store(&self.name, StoreKind::KeyValue);
        self.draft.store_holds(store, &keys, &values);
        let view = KeyValueView::factory(store, &keys, &values);
        let own_view = view.clone();
        let old_values = OldValues::default();
        let wanted = old_values.clone();
        let changes = resolved.follow(self.operator("result", false), &[store], move |_, next| TableNode {
            view: own_view(),
            sends_old: wanted.are_wanted(),
            next,
        });
        let lookup: LookupFactory<K, W> = Arc::new(move || Box::new(view()));
        Table::new(changes, old_values, (vec![store], &self.name), keys, values, Some(lookup))
    }

    fn hasher(&self) -> impl Fn() -> Hasher<V> + Send + Sync + use<K, V, FK, T> {
        let (store, values) = (self.left_store, Arc::clone(&self.left_serdes.values));
        move || Hasher { store, values: Arc::clone(&values), bytes: Vec::new() }
    }

    fn operator(&self, verb: &'static str, copartitions: bool) -> Operator {
        Operator { verb, name: Some(self.name.clone()), detail: None, copartitions }
    }

    /// Sends what comes out of these streams through a topic of the join; `partition` tells where a value must go.
    fn through<L: Data, W: Data>(
        &self,
        purpose: &str,
        streams: &[&Stream<L, W>],
        serdes: Arcs<L, W>,
        partition: fn(&W) -> Option<PartitionId>,
    ) -> Stream<L, W> {
        let topic = self.draft.internal_topic(&self.name, &format!("{purpose}-topic"));
        let (name, id) = (format!("{}-{purpose}", self.name), self.draft.intern(&topic));
        let parents: Vec<NodeId> = streams.iter().map(|stream| stream.node).collect();
        let kind = NodeKind::RepartitionSink { topic: id, name: name.clone() };
        let operator = self.draft.node(kind, &parents, &[]);
        self.draft.node_holds(operator, &serdes.keys, &serdes.values);
        for stream in streams {
            let Arcs { keys, values } = serdes.clone();
            self.draft.attach(&stream.outlet, move |_| Sink {
                operator,
                topic: id,
                keys: Arc::clone(&keys),
                values: Arc::clone(&values),
                partition,
                drops_null_keys: false,
            });
        }
        let outlet = Outlet::new();
        let role = SourceRole::Repartition(name);
        let node = self.draft.source(topic.as_str(), role, &[], &outlet, serdes.clone());
        Stream::new(self.draft.clone(), node, outlet, Some(serdes.keys), Some(serdes.values), false)
    }
}

fn arcs<K, V>(serdes: KeyValueSerde<impl Serde<K>, impl Serde<V>>) -> Arcs<K, V> {
    Arcs { keys: Arc::new(serdes.key), values: Arc::new(serdes.value) }
}
