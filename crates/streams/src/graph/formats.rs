//! What the topics and stores of a graph hold: the types of keys and values, and how they become bytes.
//!
//! Owns: the names of types and serdes, noted while the builder still knows them.
//!
//! Does not know: the types themselves.

use std::collections::BTreeMap;

use headwater_schema::{Serde, short_type_name};

use super::{GlobalId, NodeId, StoreId};
use crate::lock::{Format, KeyValueFormat};

/// See the module. A store whose entries are of several types has no format.
#[derive(Debug, Default)]
pub(crate) struct Formats {
    pub(crate) nodes: BTreeMap<NodeId, KeyValueFormat>,
    pub(crate) stores: BTreeMap<StoreId, KeyValueFormat>,
    pub(crate) globals: BTreeMap<GlobalId, KeyValueFormat>,
}

impl KeyValueFormat {
    pub(crate) fn of<K: 'static, V: 'static>(keys: &dyn Serde<K>, values: &dyn Serde<V>) -> Self {
        Self { key: format_of(keys), value: format_of(values) }
    }
}

fn format_of<T: 'static>(serde: &dyn Serde<T>) -> Format {
    Format { type_name: short_type_name::<T>(), serde: serde.describe() }
}
