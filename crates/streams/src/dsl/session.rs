//! Groups within sessions.

use std::sync::Arc;

use headwater_schema::{KeyValueSerde, Serde, long};

use super::grouped::{known_keys, known_values, named};
use super::windowed::{Folding, Windowing};
use super::{Stream, Table};
use crate::graph::StoreKind;
use crate::node::OldValues;
use crate::record::Data;
use crate::window::{EmitStrategy, SessionWindowedSerde, SessionWindows, Windowed};

/// A stream grouped by its key and by sessions of event time.
///
/// A record that makes one session of several, or a session longer, brings a removal of each session that was, in the
/// order of their ends, and then the new one's result. The time of a result is the end of its session; as in Kafka,
/// results that are emitted on update have no headers.
#[derive(Debug, Clone)]
pub struct SessionWindowedStream<K, V> {
    stream: Stream<K, V>,
    windows: SessionWindows,
    emit: EmitStrategy,
}

impl<K: Data, V: Data> SessionWindowedStream<K, V> {
    pub(super) fn new(stream: Stream<K, V>, windows: SessionWindows) -> Self {
        Self { stream, windows, emit: EmitStrategy::OnUpdate }
    }

    /// States when results are handed on; without it, with every record.
    #[must_use]
    pub fn emit(&self, strategy: EmitStrategy) -> Self {
        Self { emit: strategy, ..self.clone() }
    }

    /// Folds the records of a key and session into one value, beginning with what `init` gives. Where sessions become
    /// one, `merge(key, so_far, session)` makes one value of theirs, beginning with what `init` gives. Records too late
    /// for their session are dropped and counted under `name`.
    pub fn aggregate<A, I, F, M, SK, SA>(
        &self,
        name: &str,
        init: I,
        fold: F,
        merge: M,
        serdes: KeyValueSerde<SK, SA>,
    ) -> Table<Windowed<K>, A>
    where
        A: Data,
        I: Fn() -> A + Send + Sync + 'static,
        F: Fn(&K, V, A) -> A + Send + Sync + 'static,
        M: Fn(&K, A, A) -> A + Send + Sync + 'static,
        SK: Serde<K>,
        SA: Serde<A>,
    {
        self.stream.draft().claim(name, "an aggregate");
        let init = Arc::new(init);
        let first = Arc::clone(&init);
        let fold =
            move |key: &K, value, so_far: Option<A>| fold(key, value, so_far.unwrap_or_else(|| init()));
        let merge =
            move |key: &K, so_far: Option<A>, session| merge(key, so_far.unwrap_or_else(|| first()), session);
        self.fold((name, "aggregate"), fold, merge, Arc::new(serdes.key), Arc::new(serdes.value))
    }

    /// Counts the records of a key and session.
    pub fn count(&self, name: &str) -> Table<Windowed<K>, i64> {
        self.stream.draft().claim(name, "a count");
        let keys = known_keys(&self.stream, name);
        let fold = |_: &K, _, count: Option<i64>| count.unwrap_or(0) + 1;
        let merge = |_: &K, count: Option<i64>, session| count.unwrap_or(0) + session;
        self.fold((name, "count"), fold, merge, keys, Arc::new(long()))
    }

    /// Combines the values of a key and session by `reduce(value, so_far)`; the first value stands for itself. Where
    /// sessions become one, the values of the later ones are reduced into that of the first.
    pub fn reduce<F>(&self, name: &str, reduce: F) -> Table<Windowed<K>, V>
    where
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        self.stream.draft().claim(name, "a reduction");
        let reduce = Arc::new(move |value, so_far: Option<V>| match so_far {
            Some(so_far) => reduce(value, so_far),
            None => value,
        });
        let of_sessions = Arc::clone(&reduce);
        let fold = move |_: &K, value, so_far| reduce(value, so_far);
        let merge = move |_: &K, so_far, session| of_sessions(session, so_far);
        let (keys, values) = (known_keys(&self.stream, name), known_values(&self.stream, name));
        self.fold((name, "reduce"), fold, merge, keys, values)
    }

    fn fold<A, F, M>(
        &self,
        (name, verb): (&str, &'static str),
        fold: F,
        merge: M,
        keys: Arc<dyn Serde<K>>,
        values: Arc<dyn Serde<A>>,
    ) -> Table<Windowed<K>, A>
    where
        A: Data,
        F: Fn(&K, V, Option<A>) -> A + Send + Sync + 'static,
        M: Fn(&K, Option<A>, A) -> A + Send + Sync + 'static,
    {
        let stream = self.stream.by_key(name, &keys, true);
        let store = stream.draft().store(name, StoreKind::Sessions(self.windows));
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
            operator: named(verb, name, Some(format!("by {}{}", self.windows, self.emit.detail()))),
            store,
            hold_ms: self.emit.holds(self.windows.retention_ms()),
            keys: Arc::clone(&keys),
            values: None,
            fold: Arc::new(fold),
        };
        let changes = stream.folded(folding, windowing.sessions(self.windows, merge));
        // Partitioned by the key alone, not by the bytes of key and session: whoever joins by them must repartition.
        let changes = changes.rekeyed();
        let windowed_keys: Arc<dyn Serde<Windowed<K>>> = Arc::new(SessionWindowedSerde::new(keys));
        Table::new(changes, old_values, (vec![store], name), windowed_keys, values, None)
    }
}
