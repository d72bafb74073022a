//! A lock taken from a topology.

use std::collections::BTreeMap;

use headwater_model::TopicName;

use super::{
    KeyValueFormat, LockedCopartition, LockedOperator, LockedSource, LockedStore, LockedSubTopology,
    LockedTopic, TopologyLock,
};
use crate::graph::{GlobalId, Graph, NodeId, NodeKind, Operator, StoreId, StoreKind};
use crate::join_windows::JoinWindows;
use crate::topology::describe::steps;
use crate::topology::{SubTopology, Topology};
use crate::window::{FixedWindows, whole_ms};

impl Topology {
    /// What the topology is made of, for version control; see [`TopologyLock`].
    pub fn lock(&self) -> TopologyLock {
        let graph = self.graph();
        let global_tables = graph.globals.iter().enumerate().map(|(id, topic)| {
            let format = graph.formats.globals.get(&GlobalId(id)).cloned();
            LockedTopic { topic: topic.to_string(), format }
        });
        TopologyLock {
            application_id: self.application_id().to_owned(),
            guarantee: self.guarantee().to_string(),
            watermarks: graph.watermarks.map(|watermarks| watermarks.to_string()),
            global_tables: global_tables.collect(),
            sub_topologies: self.sub_topologies().iter().map(|part| sub_topology(graph, part)).collect(),
        }
    }
}

fn sub_topology(graph: &Graph, part: &SubTopology) -> LockedSubTopology {
    let nodes = graph.nodes_behind(part.sources().iter().map(|source| source.node));
    let sources = part.sources().iter().map(|source| LockedSource {
        topic: topic(graph, source.node, &source.topic),
        role: source.role.clone(),
        partitions: graph.partitions.get(&source.topic).map(|count| i64::from(*count)),
    });
    let sinks = nodes.iter().filter_map(|id| match &graph.node(*id).kind {
        NodeKind::Sink { topic: written } => Some(topic(graph, *id, graph.topic(*written))),
        _ => None,
    });
    let operators = nodes.iter().filter_map(|id| operator(graph, *id));
    LockedSubTopology {
        sources: sources.collect(),
        sinks: distinct(sinks),
        repartitions: distinct(part.repartitions().iter().map(ToString::to_string)),
        stores: part.stores().iter().map(|id| store(graph, *id)).collect(),
        operators: distinct(operators),
        copartitioned: copartitioned(part),
        steps: steps(graph, part),
    }
}

/// The groups of topics that must be alike, each once.
fn copartitioned(part: &SubTopology) -> Vec<LockedCopartition> {
    let mut groups: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for group in part.copartitioned().iter().filter(|group| group.topics.len() > 1) {
        let topics = group.topics.iter().map(ToString::to_string).collect();
        groups.entry(topics).or_default().push(group.operator.clone());
    }
    let groups = groups.into_iter().map(|(topics, operators)| {
        let operators = distinct(operators.into_iter());
        LockedCopartition { topics, operators }
    });
    groups.collect()
}

fn topic(graph: &Graph, node: NodeId, name: &TopicName) -> LockedTopic {
    LockedTopic { topic: name.to_string(), format: format_of(graph, node) }
}

fn format_of(graph: &Graph, node: NodeId) -> Option<KeyValueFormat> {
    graph.formats.nodes.get(&node).cloned()
}

fn operator(graph: &Graph, id: NodeId) -> Option<LockedOperator> {
    let node = graph.node(id);
    let NodeKind::Operator(Operator { verb, name: Some(name), detail, .. }) = &node.kind else {
        return None;
    };
    Some(LockedOperator {
        name: name.clone(),
        verb: (*verb).to_owned(),
        detail: detail.clone(),
        stores: node.stores.iter().map(|store| graph.store(*store).name.clone()).collect(),
    })
}

fn store(graph: &Graph, id: StoreId) -> LockedStore {
    let spec = graph.store(id);
    let (kind, parameters) = spec.kind.locked();
    LockedStore {
        name: spec.name.clone(),
        kind: kind.to_owned(),
        parameters_ms: parameters.into_iter().map(|(name, ms)| (name.to_owned(), ms)).collect(),
        format: graph.formats.stores.get(&id).cloned(),
        backed_by: spec.backed_by.to_string(),
    }
}

/// Sorted, each once.
fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items.dedup();
    items
}

type Parameters = BTreeMap<&'static str, i64>;

impl StoreKind {
    /// The words and numbers by which a lock knows the kind.
    fn locked(self) -> (&'static str, Parameters) {
        match self {
            Self::Table => ("table", Parameters::new()),
            Self::KeyValue => ("value per key", Parameters::new()),
            Self::Windows(windows) => fixed(windows),
            Self::JoinSide(windows) => ("side of a join", join(windows)),
            Self::Versioned(history) => {
                ("versioned table", Parameters::from([("history", whole_ms(history))]))
            }
            Self::JoinBuffer(grace) => {
                ("records that wait for a table", Parameters::from([("grace", whole_ms(grace))]))
            }
            Self::Subscriptions => ("subscriptions", Parameters::new()),
            Self::JoinWaiting(windows) => ("records without a partner", join(windows)),
            Self::Sessions(windows) => {
                let grace = windows.retention_ms().saturating_sub(windows.gap_ms());
                ("sessions", Parameters::from([("gap", windows.gap_ms()), ("grace", grace)]))
            }
            Self::Buffer => ("changes that wait", Parameters::new()),
            Self::Seen => ("ids that were seen", Parameters::new()),
            Self::Expiring(ttl) => ("value per key for a time", Parameters::from([("ttl", whole_ms(ttl))])),
            Self::Times(retention) => {
                ("value per key and time", Parameters::from([("retention", whole_ms(retention))]))
            }
        }
    }
}

fn fixed(windows: FixedWindows) -> (&'static str, Parameters) {
    let mut parameters = Parameters::from([("size", windows.size_ms()), ("grace", windows.grace_ms())]);
    let kind = match windows {
        FixedWindows::Tumbling(_) => "tumbling windows",
        FixedWindows::Hopping(windows) => {
            parameters.insert("advance", windows.step_ms());
            "hopping windows"
        }
        FixedWindows::Sliding(_) => "sliding windows",
    };
    (kind, parameters)
}

fn join(windows: JoinWindows) -> Parameters {
    let (before, after, grace) = windows.parts_ms();
    Parameters::from([("before", before), ("after", after), ("grace", grace)])
}
