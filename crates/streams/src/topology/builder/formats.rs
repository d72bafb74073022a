//! Noting what topics and stores hold, for `topology.lock`.

use headwater_schema::Serde;

use super::Handle;
use crate::graph::{GlobalId, NodeId, StoreId};
use crate::lock::KeyValueFormat;

impl Handle {
    /// Notes what the topic of a source or sink holds.
    pub(crate) fn node_holds<K: 'static, V: 'static>(
        &self,
        node: NodeId,
        keys: &dyn Serde<K>,
        values: &dyn Serde<V>,
    ) {
        let format = KeyValueFormat::of(keys, values);
        self.lock().graph.formats.nodes.insert(node, format);
    }

    /// Notes what a store holds.
    pub(crate) fn store_holds<K: 'static, V: 'static>(
        &self,
        store: StoreId,
        keys: &dyn Serde<K>,
        values: &dyn Serde<V>,
    ) {
        let format = KeyValueFormat::of(keys, values);
        self.lock().graph.formats.stores.insert(store, format);
    }

    /// Notes what the topic of a global table holds.
    pub(crate) fn global_holds<K: 'static, V: 'static>(
        &self,
        global: GlobalId,
        keys: &dyn Serde<K>,
        values: &dyn Serde<V>,
    ) {
        let format = KeyValueFormat::of(keys, values);
        self.lock().graph.formats.globals.insert(global, format);
    }
}
