//! The split of a graph into sub-topologies: the parts that only topics connect.

use std::collections::{BTreeMap, BTreeSet};

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

    /// The topics of the application's own that it reads.
    pub(crate) fn repartition_sources(&self) -> impl Iterator<Item = &TopicName> {
        let own = self.sources.iter().filter(|source| matches!(source.role, SourceRole::Repartition(_)));
        own.map(|source| &source.topic)
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

    /// True if it writes a topic of the application's own that the other reads.
    pub(crate) fn feeds(&self, reader: &Self) -> bool {
        self.repartitions.iter().any(|topic| reader.reads(topic))
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
    // An application may feed a topic of others back to itself; that circle has no first and last part.
    let all = Feeding::among(&parts, all);
    let feeding = if all.has_circle() { Feeding::among(&parts, SubTopology::feeds) } else { all };
    let parts = feeding.order().into_iter().filter_map(|index| parts.get(index).cloned());
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

/// Which parts each part is fed by, be it through others.
struct Feeding {
    feeders: Vec<BTreeSet<usize>>,
}

impl Feeding {
    /// `feeds` tells whether one part writes what the other reads.
    fn among(parts: &[SubTopology], feeds: impl Fn(&SubTopology, &SubTopology) -> bool) -> Self {
        let direct = |reader: &SubTopology| -> BTreeSet<usize> {
            parts
                .iter()
                .enumerate()
                .filter(|(_, writer)| feeds(writer, reader))
                .map(|(index, _)| index)
                .collect()
        };
        let mut feeders: Vec<_> = parts.iter().map(direct).collect();
        for through in 0..parts.len() {
            let behind = feeders.get(through).cloned().unwrap_or_default();
            for fed in feeders.iter_mut().filter(|fed| fed.contains(&through)) {
                fed.extend(&behind);
            }
        }
        Self { feeders }
    }

    fn feeds(&self, writer: usize, reader: usize) -> bool {
        self.feeders.get(reader).is_some_and(|feeders| feeders.contains(&writer))
    }

    /// True if the two feed each other, or are one.
    fn are_together(&self, one: usize, other: usize) -> bool {
        one == other || self.feeds(one, other) && self.feeds(other, one)
    }

    fn has_circle(&self) -> bool {
        let parts = 0..self.feeders.len();
        parts.clone().any(|one| parts.clone().any(|other| one != other && self.are_together(one, other)))
    }

    /// An order in which every part comes after those that feed it, the earliest declared first. Parts that feed each
    /// other stand together.
    fn order(&self) -> Vec<usize> {
        let parts = 0..self.feeders.len();
        let mut order = Vec::new();
        while let Some(ready) =
            parts.clone().find(|part| !order.contains(part) && self.is_ready(*part, &order))
        {
            order.extend(parts.clone().filter(|part| self.are_together(ready, *part)));
        }
        order
    }

    /// True if all that feed a part are in the order already, or feed each other with it.
    fn is_ready(&self, part: usize, order: &[usize]) -> bool {
        let feeders = self.feeders.get(part).into_iter().flatten();
        feeders.copied().all(|feeder| order.contains(&feeder) || self.are_together(feeder, part))
    }
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
