//! Groups: the records of a key together, over all time or within windows.

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Part, Serde, SerdeError, long};

use super::windowed::{Folding, Windowing, Windows, check};
use super::{Stream, Table};
use crate::graph::{Operator, StoreKind};
use crate::node::{Aggregate, OldValues};
use crate::record::Data;
use crate::store::KeyValueView;
use crate::window::{EmitStrategy, FixedWindows, Windowed, WindowedSerde};

/// A stream grouped by its key. What is made of it carries a name, which also names its store.
///
/// Records whose key is null are dropped and counted.
#[derive(Debug, Clone)]
pub struct GroupedStream<K, V> {
    pub(super) stream: Stream<K, V>,
}

/// A stream grouped by its key and by windows of event time.
#[derive(Debug, Clone)]
pub struct WindowedStream<K, V> {
    stream: Stream<K, V>,
    windows: FixedWindows,
    emit: EmitStrategy,
}

impl<K: Data, V: Data> GroupedStream<K, V> {
    pub(crate) fn new(stream: Stream<K, V>) -> Self {
        Self { stream }
    }

    /// Divides each group into windows of event time.
    pub fn windowed_by<W: Windows>(&self, windows: W) -> W::Grouped<K, V> {
        windows.divide(self.stream.clone())
    }

    /// Folds the records of a key into one value, beginning with what `init` gives. Every record gives an update, whose
    /// time is the latest of its records.
    pub fn aggregate<A, I, F, SK, SA>(
        &self,
        name: &str,
        init: I,
        fold: F,
        serdes: KeyValueSerde<SK, SA>,
    ) -> Table<K, A>
    where
        A: Data,
        I: Fn() -> A + Send + Sync + 'static,
        F: Fn(&K, V, A) -> A + Send + Sync + 'static,
        SK: Serde<K>,
        SA: Serde<A>,
    {
        self.stream.draft().claim(name, "an aggregate");
        let fold =
            move |key: &K, value, aggregate: Option<A>| fold(key, value, aggregate.unwrap_or_else(&init));
        self.fold(name, "aggregate", fold, Arc::new(serdes.key), Arc::new(serdes.value))
    }

    /// Counts the records of a key.
    pub fn count(&self, name: &str) -> Table<K, i64> {
        self.stream.draft().claim(name, "a count");
        let keys = known_keys(&self.stream, name);
        self.fold(name, "count", |_, _, count: Option<i64>| count.unwrap_or(0) + 1, keys, Arc::new(long()))
    }

    /// Combines the values of a key by `reduce(value, so_far)`; the first value stands for itself.
    pub fn reduce<F>(&self, name: &str, reduce: F) -> Table<K, V>
    where
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        self.stream.draft().claim(name, "a reduction");
        let fold = move |_: &K, value, so_far: Option<V>| match so_far {
            Some(so_far) => reduce(value, so_far),
            None => value,
        };
        let (keys, values) = (known_keys(&self.stream, name), known_values(&self.stream, name));
        self.fold(name, "reduce", fold, keys, values)
    }

    fn fold<A, F>(
        &self,
        name: &str,
        verb: &'static str,
        fold: F,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<A>>,
    ) -> Table<K, A>
    where
        A: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
    {
        let stream = self.stream.by_key(name, &keys, true);
        let store = stream.draft().store(name, StoreKind::KeyValue);
        stream.draft().store_holds(store, &keys, &values);
        let view = KeyValueView::factory(store, &keys, &values);
        let own_view = view.clone();
        let fold = Arc::new(fold);
        let old_values = OldValues::default();
        let wanted = old_values.clone();
        let changes = stream.follow(named(verb, name, None), &[store], move |_, next| Aggregate {
            view: own_view(),
            fold: Arc::clone(&fold),
            sends_old: wanted.are_wanted(),
            next,
            takes: PhantomData,
        });
        Table::new(
            changes,
            old_values,
            (vec![store], name),
            keys,
            values,
            Some(Arc::new(move || Box::new(view()))),
        )
    }
}

impl<K: Data, V: Data> WindowedStream<K, V> {
    pub(super) fn new(stream: Stream<K, V>, windows: FixedWindows) -> Self {
        Self { stream, windows, emit: EmitStrategy::OnUpdate }
    }

    /// States when results are handed on; without it, with every record.
    #[must_use]
    pub fn emit(&self, strategy: EmitStrategy) -> Self {
        Self { emit: strategy, ..self.clone() }
    }

    /// Folds the records of a key and window into one value, beginning with what `init` gives. Every record gives an
    /// update, whose time is the latest of its records. Records too late for their window are dropped and counted under
    /// `name`.
    pub fn aggregate<A, I, F, SK, SA>(
        &self,
        name: &str,
        init: I,
        fold: F,
        serdes: KeyValueSerde<SK, SA>,
    ) -> Table<Windowed<K>, A>
    where
        A: Data,
        I: Fn() -> A + Send + Sync + 'static,
        F: Fn(&K, V, A) -> A + Send + Sync + 'static,
        SK: Serde<K>,
        SA: Serde<A>,
    {
        self.stream.draft().claim(name, "an aggregate");
        let fold =
            move |key: &K, value, aggregate: Option<A>| fold(key, value, aggregate.unwrap_or_else(&init));
        self.fold(name, "aggregate", fold, Arc::new(serdes.key), Arc::new(serdes.value))
    }

    /// Counts the records of a key and window.
    pub fn count(&self, name: &str) -> Table<Windowed<K>, i64> {
        self.stream.draft().claim(name, "a count");
        let keys = known_keys(&self.stream, name);
        self.fold(name, "count", |_, _, count: Option<i64>| count.unwrap_or(0) + 1, keys, Arc::new(long()))
    }

    /// Combines the values of a key and window by `reduce(value, so_far)`; the first value stands for itself.
    pub fn reduce<F>(&self, name: &str, reduce: F) -> Table<Windowed<K>, V>
    where
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        self.stream.draft().claim(name, "a reduction");
        let fold = move |_: &K, value, so_far: Option<V>| match so_far {
            Some(so_far) => reduce(value, so_far),
            None => value,
        };
        let (keys, values) = (known_keys(&self.stream, name), known_values(&self.stream, name));
        self.fold(name, "reduce", fold, keys, values)
    }

    fn fold<A, F>(
        &self,
        name: &str,
        verb: &'static str,
        fold: F,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<A>>,
    ) -> Table<Windowed<K>, A>
    where
        A: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
    {
        let windows = self.windows;
        let stream = self.stream.by_key(name, &keys, true);
        check(stream.draft(), name, &windows);
        let store = stream.draft().store(name, StoreKind::Windows(windows));
        stream.draft().store_holds(store, &keys, &values);
        let old_values = OldValues::default();
        let windowing = Windowing {
            store,
            emit: self.emit,
            old_values: old_values.clone(),
            keys: Arc::clone(&keys),
            values: Arc::clone(&values),
        };
        let folding = Folding {
            operator: named(verb, name, Some(format!("by windows, {windows}{}", self.emit.detail()))),
            store,
            hold_ms: self.emit.holds(windows.hold_ms()),
            keys: Arc::clone(&keys),
            values: None,
            fold: Arc::new(fold),
        };
        let changes = match windows {
            FixedWindows::Tumbling(windows) => stream.folded(folding, windowing.by_steps(windows.into())),
            FixedWindows::Hopping(windows) => stream.folded(folding, windowing.by_steps(windows.into())),
            FixedWindows::Sliding(windows) => {
                // As in Kafka, null values are dropped as null keys are.
                let folding = Folding { values: stream.values().cloned(), ..folding };
                stream.folded(folding, windowing.sliding(windows))
            }
        };
        // Partitioned by the key alone, not by the bytes of key and window: whoever joins by them must repartition.
        let changes = changes.rekeyed();
        let windowed_keys: Arc<dyn Serde<Windowed<K>>> = Arc::new(WindowedSerde::new(keys, windows));
        Table::new(changes, old_values, (vec![store], name), windowed_keys, values, None)
    }
}

pub(super) fn known_keys<K: Data, V>(stream: &Stream<K, V>, name: &str) -> Arc<dyn Serde<K>> {
    stream.draft().known(stream.keys(), Part::Key, name).unwrap_or_else(|| Arc::new(Unknown))
}

pub(super) fn known_values<K, V: Data>(stream: &Stream<K, V>, name: &str) -> Arc<dyn Serde<V>> {
    stream.draft().known(stream.values(), Part::Value, name).unwrap_or_else(|| Arc::new(Unknown))
}

pub(super) fn named(verb: &'static str, name: &str, detail: Option<String>) -> Operator {
    // A merged stream has several topics, whose records of a key must meet.
    Operator { verb, name: Some(name.to_owned()), detail, copartitions: true }
}

/// Stands in for a serde that nobody named, until `build` refuses.
pub(super) struct Unknown;

impl<T: 'static> Serde<T> for Unknown {
    fn serialize(&self, _value: &T, _out: &mut Vec<u8>) -> Result<(), SerdeError> {
        Err(SerdeError::unwritable::<T>("its serde is unknown"))
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<T, SerdeError> {
        Err(SerdeError::malformed::<T>("its serde is unknown", bytes, None))
    }
}
