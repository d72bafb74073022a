//! The split of a graph into sub-topologies: the parts that only topics connect.

use std::collections::BTreeMap;

use headwater_model::TopicName;

use crate::graph::{Graph, NodeId, NodeKind, SourceRole, StoreId};

/// A part of a topology whose nodes hand records to each other directly. It runs as one task per partition.
#[derive(Debug, Clone)]
pub struct SubTopology {
    number: usize,
    sources: Vec<SourceTopic>,
    sinks: Vec<TopicName>,
    repartitions: Vec<TopicName>,
    stores: Vec<StoreId>,
    copartitioned: Vec<Copartitioned>,
}

/// A topic that a sub-topology reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTopic {
    /// The topic.
    pub topic: TopicName,
    /// What it is read as.
    pub role: SourceRole,
    pub(crate) node: NodeId,
}

/// Topics that must have equal partition counts, and the operator that needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copartitioned {
    pub(crate) operator: String,
    pub(crate) topics: Vec<TopicName>,
}

impl SubTopology {
    /// Its number.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The topics that it reads, in the order of declaration, which settles ties between records of one time.
    pub fn sources(&self) -> &[SourceTopic] {
        &self.sources
    }

    /// The topics that it reads and the application does not make itself.
    pub fn external_sources(&self) -> impl Iterator<Item = &SourceTopic> {
        self.sources.iter().filter(|source| !matches!(source.role, SourceRole::Repartition(_)))
    }

    /// The topics that it writes for others.
    pub fn sinks(&self) -> &[TopicName] {
        &self.sinks
    }

    /// The repartition topics that it writes for later sub-topologies.
    pub fn repartitions(&self) -> &[TopicName] {
        &self.repartitions
    }

    /// True if its tasks keep state.
    pub fn is_stateful(&self) -> bool {
        !self.stores.is_empty()
    }

    pub(crate) fn stores(&self) -> &[StoreId] {
        &self.stores
    }

    pub(crate) fn copartitioned(&self) -> &[Copartitioned] {
        &self.copartitioned
    }

    pub(crate) fn reads(&self, topic: &TopicName) -> bool {
        self.sources.iter().any(|source| source.topic == *topic)
    }

    fn writes(&self, topic: &TopicName) -> bool {
        self.sinks.contains(topic) || self.repartitions.contains(topic)
    }
}

/// Splits a graph, and puts what writes a topic before what reads it.
pub(crate) fn split(graph: &Graph) -> Vec<SubTopology> {
    let mut parts = Vec::new();
    for nodes in connected(graph) {
        parts.push(part(graph, &nodes));
    }
    let all = |writer: &SubTopology, reader: &SubTopology| {
        reader.sources.iter().any(|source| writer.writes(&source.topic))
    };
    let internal = |writer: &SubTopology, reader: &SubTopology| {
        writer.repartitions.iter().any(|topic| reader.reads(topic))
    };
    // An application may feed a topic of others back to itself; that circle has no first and last part.
    let order = order(&parts, &all).or_else(|| order(&parts, &internal));
    let order = order.unwrap_or_else(|| (0..parts.len()).collect());
    let parts = order.into_iter().filter_map(|index| parts.get(index).cloned());
    parts.enumerate().map(|(number, part)| SubTopology { number, ..part }).collect()
}

/// The nodes of each part, parts in the order of their first nodes: neighbours belong together, and so do the users of
/// a store.
fn connected(graph: &Graph) -> Vec<Vec<NodeId>> {
    let mut sets = DisjointSets::new(graph.nodes.len());
    let mut first_user: BTreeMap<StoreId, NodeId> = BTreeMap::new();
    for (id, node) in graph.ids() {
        for parent in &node.parents {
            sets.unite(id.0, parent.0);
        }
        for store in &node.stores {
            let user = *first_user.entry(*store).or_insert(id);
            sets.unite(id.0, user.0);
        }
    }
    let mut parts: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
    for (id, _) in graph.ids() {
        parts.entry(sets.find(id.0)).or_default().push(id);
    }
    parts.into_values().collect()
}

fn part(graph: &Graph, nodes: &[NodeId]) -> SubTopology {
    let mut part = SubTopology {
        number: 0,
        sources: Vec::new(),
        sinks: Vec::new(),
        repartitions: Vec::new(),
        stores: Vec::new(),
        copartitioned: Vec::new(),
    };
    for id in nodes {
        let node = graph.node(*id);
        part.stores.extend(&node.stores);
        match &node.kind {
            NodeKind::Source { topic, role } => {
                let topic = graph.topic(*topic).clone();
                part.sources.push(SourceTopic { topic, role: role.clone(), node: *id });
            }
            NodeKind::Sink { topic } => part.sinks.push(graph.topic(*topic).clone()),
            NodeKind::RepartitionSink { topic, .. } => part.repartitions.push(graph.topic(*topic).clone()),
            NodeKind::Operator(operator) if operator.copartitions => {
                part.copartitioned.push(copartitioned(graph, *id));
            }
            NodeKind::Operator(_) => {}
        }
    }
    part.stores.sort();
    part.stores.dedup();
    part.sinks.sort();
    part.sinks.dedup();
    part
}

fn copartitioned(graph: &Graph, operator: NodeId) -> Copartitioned {
    let topics =
        graph.sources_above(operator).into_iter().filter_map(|source| match &graph.node(source).kind {
            NodeKind::Source { topic, .. } => Some(graph.topic(*topic).clone()),
            _ => None,
        });
    Copartitioned { operator: graph.node(operator).to_string(), topics: topics.collect() }
}

/// Tells whether one part writes what the other reads.
type Feeds = dyn Fn(&SubTopology, &SubTopology) -> bool;

/// An order in which every part comes after those that feed it, the earliest declared first; `None` for a circle.
fn order(parts: &[SubTopology], feeds: &Feeds) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < parts.len() {
        let ready = parts.iter().enumerate().position(|(index, part)| {
            let waits_for = |(other, writer): (usize, &SubTopology)| {
                other != index && !order.contains(&other) && feeds(writer, part)
            };
            !order.contains(&index) && !parts.iter().enumerate().any(waits_for)
        })?;
        order.push(ready);
    }
    Some(order)
}

/// Union-find; the representative of a set is its least element.
struct DisjointSets {
    parents: Vec<usize>,
}

impl DisjointSets {
    fn new(size: usize) -> Self {
        Self { parents: (0..size).collect() }
    }

    fn find(&self, mut element: usize) -> usize {
        while let Some(parent) = self.parents.get(element).filter(|parent| **parent != element) {
            element = *parent;
        }
        element
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        if let Some(parent) = self.parents.get_mut(one.max(other)) {
            *parent = one.min(other);
        }
    }
}
