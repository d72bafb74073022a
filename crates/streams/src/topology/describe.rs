//! A topology in words, for people and for version control.

use std::collections::BTreeSet;
use std::fmt;

use super::{SubTopology, Topology};
use crate::graph::{Graph, NodeId, NodeKind, SourceRole, StoreKind};

/// Prints each sub-topology as trees from its sources to its sinks.
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let graph = self.graph();
        writeln!(f, "topology {}, {}", self.application_id(), self.guarantee())?;
        if let Some(watermarks) = graph.watermarks {
            writeln!(f, "  event time by watermarks, {watermarks}")?;
        }
        if self.has_chooser() {
            writeln!(f, "  a chooser decides which input is next")?;
        }
        if !self.global_topics().is_empty() {
            f.write_str("\nglobal tables, whole in every instance\n")?;
        }
        for topic in self.global_topics() {
            writeln!(f, "  global table {topic}")?;
        }
        for sub_topology in self.sub_topologies() {
            let state = if sub_topology.is_stateful() { "stateful" } else { "stateless" };
            writeln!(f, "\nsub-topology {}, {state}", sub_topology.number())?;
            let mut printed = BTreeSet::new();
            for source in sub_topology.sources() {
                tree(f, graph, source.node, 1, &mut printed)?;
            }
            for store in sub_topology.stores() {
                let store = graph.store(*store);
                writeln!(f, "  store {}: {}, backed by {}", store.name, store.kind, store.backed_by)?;
            }
        }
        Ok(())
    }
}

/// The trees of a sub-topology, from its sources to its sinks, a line a step.
pub(crate) fn steps(graph: &Graph, sub_topology: &SubTopology) -> Vec<String> {
    let mut text = String::new();
    let mut printed = BTreeSet::new();
    for source in sub_topology.sources() {
        // Writing to a text does not fail.
        let _ = tree(&mut text, graph, source.node, 0, &mut printed);
    }
    text.lines().map(str::to_owned).collect()
}

/// Prints a node and all behind it; what several nodes lead to stands behind the first of them.
fn tree(
    f: &mut dyn fmt::Write,
    graph: &Graph,
    id: NodeId,
    depth: usize,
    printed: &mut BTreeSet<NodeId>,
) -> fmt::Result {
    let node = graph.node(id);
    write!(f, "{:indent$}", "", indent = 2 * depth)?;
    match &node.kind {
        NodeKind::Source { topic, role } => match role {
            SourceRole::Stream => write!(f, "stream {}", graph.topic(*topic))?,
            SourceRole::Table => write!(f, "table {}", graph.topic(*topic))?,
            SourceRole::Repartition(name) => write!(f, "repartition {name} <- {}", graph.topic(*topic))?,
        },
        NodeKind::Operator(operator) => {
            write!(f, "{node}")?;
            if let Some(detail) = &operator.detail {
                write!(f, " {detail}")?;
            }
        }
        NodeKind::Sink { topic } => write!(f, "to {}", graph.topic(*topic))?,
        NodeKind::RepartitionSink { topic, name } => {
            let topic = graph.topic(*topic);
            write!(f, "repartition {name} -> {topic}")?;
            if let Some(partitions) = graph.partitions.get(topic) {
                write!(f, " of {partitions} partitions")?;
            }
        }
    }
    if !printed.insert(id) {
        return f.write_str(", see above\n");
    }
    f.write_str("\n")?;
    for child in graph.children(id) {
        tree(f, graph, child, depth + 1, printed)?;
    }
    Ok(())
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => f.write_str("newest value per key"),
            Self::KeyValue => f.write_str("value per key"),
            Self::Windows(windows) => write!(f, "value per key and window, {windows}"),
            Self::JoinSide(windows) => write!(f, "records of one side, {windows}"),
            Self::Versioned(history) => write!(f, "values per key over time, for {history:?}"),
            Self::JoinBuffer(grace) => write!(f, "records that wait, for {grace:?}"),
            Self::Subscriptions => f.write_str("subscriptions per foreign key"),
            Self::JoinWaiting(windows) => write!(f, "records without a partner, {windows}"),
            Self::Sessions(windows) => write!(f, "value per key and session, {windows}"),
            Self::Buffer => f.write_str("changes that wait"),
            Self::Seen => f.write_str("ids that were seen"),
            Self::Expiring(ttl) => write!(f, "value per key, for {ttl:?}"),
            Self::Times(retention) => write!(f, "value per key and time, for {retention:?}"),
        }
    }
}
