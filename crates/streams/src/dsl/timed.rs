//! Operators that may hold results back until event time is far enough.

use super::Stream;
use crate::graph::{NodeId, Operator, StoreId};
use crate::node::{Node, OnTime, Outlet};
use crate::record::Data;

impl<K: Data, V: Data> Stream<K, V> {
    /// As `follow`, for a node that waits for event time, and whose results may be so much older than the stream time
    /// that lets them out; `None` if it hands on what it has at once.
    pub(super) fn follow_timed<L: Data, W: Data, N: Node<K, V> + OnTime + 'static>(
        &self,
        operator: Operator,
        stores: &[StoreId],
        hold_ms: Option<i64>,
        make: impl Fn(NodeId, Box<dyn Node<L, W>>) -> N + Send + Sync + 'static,
    ) -> Stream<L, W> {
        let Some(hold_ms) = hold_ms else {
            return self.follow(operator, stores, make);
        };
        let node = self.operator(operator, stores);
        self.draft.hold(node, hold_ms);
        let outlet = Outlet::new();
        let next = outlet.clone();
        self.draft.attach_timed(&self.outlet, move |assembly| make(node, next.assemble(assembly)));
        self.behind(node, outlet)
    }
}
