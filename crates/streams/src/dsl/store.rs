//! Stores that authors declare, and give to processors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_schema::{KeyValueSerde, Serde};

use crate::graph::{StoreId, StoreKind};
use crate::processor::{KeyValueStore, WindowStore};
use crate::record::Data;
use crate::store::time_indexed::TimeIndexed;
use crate::topology::builder::{Arcs, Handle};
use crate::topology::{TopologyBuilder, TopologyProblem};
use crate::window::whole_ms;

/// A store that was declared. The processors that are given it find it opened as an `S`: a [`KeyValueStore`] or a
/// [`WindowStore`]. Several processors may share one; they then run in one task.
pub struct StoreBuilder<S> {
    declared: Declared,
    open: Open<S>,
}

/// A store, whatever its type.
#[derive(Clone)]
pub struct Declared {
    pub(super) draft: Handle,
    pub(super) id: StoreId,
    pub(super) name: String,
}

/// Opens a store, or several, for one processor of one task.
type Open<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// The stores that a processor is given: none as `()`, one as `&store`, several as `(&first, &second)`, up to four.
pub trait Stores: Sized {
    /// What the processor gets: `()`, the store, or a tuple of them.
    type Opened: 'static;

    /// The stores, untyped.
    #[doc(hidden)]
    fn declared(&self) -> Vec<Declared>;

    /// How the stores are opened.
    #[doc(hidden)]
    fn open(self) -> Arc<dyn Fn() -> Self::Opened + Send + Sync>;
}

impl TopologyBuilder {
    /// Declares a store with one value per key, for processors. Its entries live until they are deleted.
    pub fn key_value_store<K, V, SK, SV>(
        &mut self,
        name: &str,
        serdes: KeyValueSerde<SK, SV>,
    ) -> StoreBuilder<KeyValueStore<K, V>>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        self.declare(name, StoreKind::KeyValue, serdes, |store, Arcs { keys, values }| {
            KeyValueStore::new(store, keys, values, None)
        })
    }

    /// Declares a store with one value per key, for processors, whose entries do not live for ever: one is gone once
    /// stream time has reached its time and `ttl`. The changelog gets a tombstone for it with one of the next writes to the store.
    pub fn key_value_store_with_ttl<K, V, SK, SV>(
        &mut self,
        name: &str,
        ttl: Duration,
        serdes: KeyValueSerde<SK, SV>,
    ) -> StoreBuilder<KeyValueStore<K, V>>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        let ttl_ms = self.lasting(name, ttl);
        self.declare(name, StoreKind::Expiring(ttl), serdes, move |store, Arcs { keys, values }| {
            KeyValueStore::new(store, keys, values, Some(ttl_ms))
        })
    }

    /// Declares a store with one value per key and time, for processors. An entry is gone once stream time has reached its
    /// time and `retention`. The changelog gets tombstones for what is gone with one of the next writes to the store.
    pub fn window_store<K, V, SK, SV>(
        &mut self,
        name: &str,
        retention: Duration,
        serdes: KeyValueSerde<SK, SV>,
    ) -> StoreBuilder<WindowStore<K, V>>
    where
        K: Data,
        V: Data,
        SK: Serde<K>,
        SV: Serde<V>,
    {
        let retention_ms = self.lasting(name, retention);
        self.declare(name, StoreKind::Times(retention), serdes, move |store, Arcs { keys, values }| {
            WindowStore::new(TimeIndexed::new(store), keys, values, retention_ms)
        })
    }

    fn declare<S, K, V, SK: Serde<K>, SV: Serde<V>>(
        &self,
        name: &str,
        kind: StoreKind,
        serdes: KeyValueSerde<SK, SV>,
        open: impl Fn(StoreId, Arcs<K, V>) -> S + Send + Sync + 'static,
    ) -> StoreBuilder<S>
    where
        K: Data,
        V: Data,
    {
        let draft = self.draft().clone();
        draft.claim(name, "a store");
        let id = draft.store(name, kind);
        draft.store_holds(id, &serdes.key, &serdes.value);
        let serdes = Arcs { keys: Arc::new(serdes.key), values: Arc::new(serdes.value) };
        let open = Arc::new(move || open(id, serdes.clone()));
        StoreBuilder { declared: Declared { draft, id, name: name.to_owned() }, open }
    }

    /// How long entries live, in milliseconds.
    fn lasting(&self, name: &str, time: Duration) -> i64 {
        let time_ms = whole_ms(time);
        if time_ms == 0 {
            self.draft().problem(TopologyProblem::NothingKept(name.to_owned()));
        }
        time_ms
    }
}

impl<S> StoreBuilder<S> {
    /// The store's name.
    pub fn name(&self) -> &str {
        &self.declared.name
    }
}

impl Stores for () {
    type Opened = ();

    fn declared(&self) -> Vec<Declared> {
        Vec::new()
    }

    fn open(self) -> Open<()> {
        Arc::new(|| ())
    }
}

impl<S: 'static> Stores for &StoreBuilder<S> {
    type Opened = S;

    fn declared(&self) -> Vec<Declared> {
        vec![self.declared.clone()]
    }

    fn open(self) -> Open<S> {
        Arc::clone(&self.open)
    }
}

impl<A: Stores, B: Stores> Stores for (A, B) {
    type Opened = (A::Opened, B::Opened);

    fn declared(&self) -> Vec<Declared> {
        [self.0.declared(), self.1.declared()].concat()
    }

    fn open(self) -> Open<Self::Opened> {
        let (a, b) = (self.0.open(), self.1.open());
        Arc::new(move || (a(), b()))
    }
}

impl<A: Stores, B: Stores, C: Stores> Stores for (A, B, C) {
    type Opened = (A::Opened, B::Opened, C::Opened);

    fn declared(&self) -> Vec<Declared> {
        [self.0.declared(), self.1.declared(), self.2.declared()].concat()
    }

    fn open(self) -> Open<Self::Opened> {
        let (a, b, c) = (self.0.open(), self.1.open(), self.2.open());
        Arc::new(move || (a(), b(), c()))
    }
}

impl<A: Stores, B: Stores, C: Stores, D: Stores> Stores for (A, B, C, D) {
    type Opened = (A::Opened, B::Opened, C::Opened, D::Opened);

    fn declared(&self) -> Vec<Declared> {
        [self.0.declared(), self.1.declared(), self.2.declared(), self.3.declared()].concat()
    }

    fn open(self) -> Open<Self::Opened> {
        let (a, b, c, d) = (self.0.open(), self.1.open(), self.2.open(), self.3.open());
        Arc::new(move || (a(), b(), c(), d()))
    }
}

impl<S> fmt::Debug for StoreBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreBuilder").field("name", &self.declared.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared").field("name", &self.name).finish_non_exhaustive()
    }
}
