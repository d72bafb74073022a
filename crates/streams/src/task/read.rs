//! Reading a task's stores from outside, typed.

use std::ops::Bound;

use headwater_model::Timestamp;
use headwater_schema::Serde;

use super::Task;
use crate::error::ReadError;
use crate::graph::{StoreId, StoreKind};
use crate::store::session::read_session;
use crate::store::sliding::read_sliding_key;
use crate::store::time_indexed::all_in_time;
use crate::store::timed::read_timed;
use crate::store::window::read_windowed_key;
use crate::store::{ByteStore, ENTRY, LATEST, is_over};
use crate::window::{FixedWindows, Windowed, whole_ms};

/// The entries of a store, if there is such a store.
type Found<T> = Option<Result<Vec<T>, ReadError>>;

impl Task {
    /// The names of the task's stores.
    pub fn store_names(&self) -> impl Iterator<Item = &str> {
        self.context.stores().map(|(id, _)| self.graph.store(id).name.as_str())
    }

    /// A store of this task as bytes, by its name.
    pub fn store(&self, name: &str) -> Option<&dyn ByteStore> {
        self.store_named(name).map(|(_, store)| store)
    }

    /// The entries of a store with one value per key, in the order of the keys' bytes; of a versioned one the latest.
    /// `None` if there is no such store.
    pub fn entries<K: 'static, V: 'static>(
        &self,
        name: &str,
        keys: &dyn Serde<K>,
        values: &dyn Serde<V>,
    ) -> Found<(K, V)> {
        let (id, store) = self.store_named(name)?;
        let (prefix, ttl): (&[u8], _) = match self.graph.store(id).kind {
            StoreKind::Table | StoreKind::KeyValue => (&[], None),
            StoreKind::Versioned(_) => (&[LATEST], None),
            StoreKind::Expiring(ttl) => (&[ENTRY], Some(whole_ms(ttl))),
            _ => return None,
        };
        let entries = store.prefix(prefix).map(|entry| {
            let (key, value) = entry?;
            let key = key.get(prefix.len()..).unwrap_or_default();
            let read = || Ok((keys.deserialize(key)?, read_timed(&value, values)?));
            let (key, (time, value)) =
                read().map_err(|source| ReadError::Entry { store: name.to_owned(), source })?;
            let is_gone = ttl.is_some_and(|ttl_ms| is_over(time, ttl_ms, self.stream_time()));
            Ok((!is_gone).then_some((key, value)))
        });
        let entries = entries.filter_map(Result::transpose);
        Some(entries.collect())
    }

    /// The entries of a store with one value per key and window, in the order of the windows, then of the keys' bytes;
    /// `None` if there is no such store. Sessions are in the order of their ends, then of their starts; entries of processors'
    /// window stores have windows of one moment.
    pub fn window_entries<K: 'static, V: 'static>(
        &self,
        name: &str,
        keys: &dyn Serde<K>,
        values: &dyn Serde<V>,
    ) -> Found<(Windowed<K>, V)> {
        let (id, store) = self.store_named(name)?;
        let in_store = |source| ReadError::Entry { store: name.to_owned(), source };
        let windowed = |start: Timestamp, key, windows: FixedWindows| Windowed {
            key,
            start,
            end: start.plus_ms(windows.size_ms()),
        };
        Some(match self.graph.store(id).kind {
            StoreKind::Windows(windows @ FixedWindows::Sliding(_)) => {
                let entries = all_in_time(store).map(|entry| {
                    let (place, value) = entry?;
                    let (start, key) = read_sliding_key(&place, keys).map_err(in_store)?;
                    let (_, value) = read_timed(&value, values).map_err(in_store)?;
                    Ok((windowed(start, key, windows), value))
                });
                entries.collect()
            }
            StoreKind::Windows(windows) => {
                let entries = store.range((Bound::Unbounded, Bound::Unbounded)).map(|entry| {
                    let (key, value) = entry?;
                    let (start, key) = read_windowed_key(&key, keys).map_err(in_store)?;
                    let (_, value) = read_timed(&value, values).map_err(in_store)?;
                    Ok((windowed(start, key, windows), value))
                });
                entries.collect()
            }
            StoreKind::Times(retention) => {
                let retention_ms = whole_ms(retention);
                let entries = all_in_time(store).map(|entry| {
                    let (place, value) = entry?;
                    let (time, key) = read_sliding_key(&place, keys).map_err(in_store)?;
                    let (_, value) = read_timed(&value, values).map_err(in_store)?;
                    let is_gone = is_over(time, retention_ms, self.stream_time());
                    Ok((!is_gone).then_some((Windowed { key, start: time, end: time }, value)))
                });
                entries.filter_map(Result::transpose).collect()
            }
            StoreKind::Sessions(_) => {
                let entries = all_in_time(store).map(|entry| {
                    let (place, value) = entry?;
                    let key = read_session(&place, keys).map_err(in_store)?;
                    let (_, value) = read_timed(&value, values).map_err(in_store)?;
                    Ok((key, value))
                });
                entries.collect()
            }
            _ => return None,
        })
    }

    fn store_named(&self, name: &str) -> Option<(StoreId, &dyn ByteStore)> {
        self.context.stores().find(|(id, _)| self.graph.store(*id).name == name)
    }
}
