//! The untyped description of a topology: nodes, topics, stores, and who hangs behind whom.
//!
//! The builder writes it beside the typed outlets; everything that only has to know *what* a topology is (printing,
//! sub-topologies, partition counts, error messages) reads this and needs no types.
//!
//! Invariants: an id is an index into the list of its kind, in the order of declaration; parents come before children.

mod formats;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use headwater_model::TopicName;

use crate::join_windows::JoinWindows;
use crate::window::{FixedWindows, SessionWindows};

pub(crate) use formats::Formats;

/// A node of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(crate) usize);

/// A topic of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TopicId(pub(crate) usize);

/// A store of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StoreId(pub(crate) usize);

/// A global table of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GlobalId(pub(crate) usize);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) application_id: String,
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) topics: Vec<TopicName>,
    pub(crate) stores: Vec<StoreSpec>,
    /// The topics of global tables.
    pub(crate) globals: Vec<TopicName>,
    /// What topics and stores hold.
    pub(crate) formats: Formats,
}

#[derive(Debug)]
pub(crate) struct NodeSpec {
    pub(crate) kind: NodeKind,
    pub(crate) parents: Vec<NodeId>,
    /// Stores that the node reads or writes; whoever shares one shares a task.
    pub(crate) stores: Vec<StoreId>,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Source { topic: TopicId, role: SourceRole },
    Operator(Operator),
    Sink { topic: TopicId },
    RepartitionSink { topic: TopicId, name: String },
}

/// What a topic is read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceRole {
    /// Every record is an event of its own.
    Stream,
    /// A record is the newest value of its key.
    Table,
    /// Written by an earlier sub-topology of the same application, under another key. Has the author's name.
    Repartition(String),
}

#[derive(Debug)]
pub(crate) struct Operator {
    /// What it does, in the words of the library.
    pub(crate) verb: &'static str,
    /// The author's name for it, where it has one.
    pub(crate) name: Option<String>,
    /// What else a reader of the topology wants to know.
    pub(crate) detail: Option<String>,
    /// True if it needs its inputs to be partitioned alike.
    pub(crate) copartitions: bool,
}

#[derive(Debug)]
pub(crate) struct StoreSpec {
    pub(crate) name: String,
    pub(crate) kind: StoreKind,
    /// Where the store's changes are kept: a changelog of its own, or the topic that it is read from.
    pub(crate) backed_by: TopicName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// One value per key, the newest of a topic.
    Table,
    /// One value per key, computed.
    KeyValue,
    /// One value per key and window.
    Windows(FixedWindows),
    /// The records of one side of a join of streams.
    JoinSide(JoinWindows),
    /// The values of each key over time.
    Versioned(Duration),
    /// Records of a stream that wait for a table.
    JoinBuffer(Duration),
    /// Who wants the values of which foreign key.
    Subscriptions,
    /// Records of such a join that wait for a partner.
    JoinWaiting(JoinWindows),
    /// One value per key and session.
    Sessions(SessionWindows),
    /// Changes of a table that wait, by key and in order of time.
    Buffer,
    /// What records were seen, by their ids and times.
    Seen,
}

impl Graph {
    pub(crate) fn node(&self, id: NodeId) -> &NodeSpec {
        at(&self.nodes, id.0)
    }

    pub(crate) fn topic(&self, id: TopicId) -> &TopicName {
        at(&self.topics, id.0)
    }

    pub(crate) fn store(&self, id: StoreId) -> &StoreSpec {
        at(&self.stores, id.0)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = (NodeId, &NodeSpec)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index), node))
    }

    pub(crate) fn children(&self, of: NodeId) -> impl Iterator<Item = NodeId> {
        self.ids().filter(move |(_, node)| node.parents.contains(&of)).map(|(id, _)| id)
    }

    /// These nodes and all behind them, in the order of declaration.
    pub(crate) fn nodes_behind(&self, first: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
        let mut open: Vec<NodeId> = first.collect();
        let mut found = BTreeSet::new();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.children(id));
            }
        }
        found.into_iter().collect()
    }

    /// The id of a topic, which is added if it is new.
    pub(crate) fn intern(&mut self, topic: &TopicName) -> TopicId {
        let known = self.topics.iter().position(|known| known == topic);
        TopicId(known.unwrap_or_else(|| {
            self.topics.push(topic.clone());
            self.topics.len() - 1
        }))
    }

    /// How far stream time must be past the ends of a node's windows until they are closed: the longest over all ways
    /// up to where the windows are made; `None` if there is a way without windows.
    pub(crate) fn window_grace_ms(&self, node: NodeId) -> Option<i64> {
        let node = self.node(node);
        let own = node.stores.iter().filter_map(|store| self.store(*store).kind.window_grace_ms()).max();
        if own.is_some() || node.parents.is_empty() {
            return own;
        }
        let above = node.parents.iter().map(|parent| self.window_grace_ms(*parent));
        above.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The sources that a node's records come from, over all of its ancestors in the same sub-topology.
    pub(crate) fn sources_above(&self, node: NodeId) -> Vec<NodeId> {
        let mut open = vec![node];
        let mut seen = vec![false; self.nodes.len()];
        let mut sources = Vec::new();
        while let Some(id) = open.pop() {
            if std::mem::replace(at_mut(&mut seen, id.0), true) {
                continue;
            }
            let node = self.node(id);
            match node.kind {
                NodeKind::Source { .. } => sources.push(id),
                _ => open.extend(&node.parents),
            }
            let first_user = |store| self.ids().find(|(_, other)| other.stores.contains(store));
            open.extend(node.stores.iter().filter_map(first_user).map(|(user, _)| user));
        }
        sources.sort();
        sources
    }
}

#[expect(clippy::indexing_slicing, reason = "the ids of a graph are made together with what they stand for")]
fn at<T>(list: &[T], index: usize) -> &T {
    &list[index]
}

#[expect(clippy::indexing_slicing, reason = "the ids of a graph are made together with what they stand for")]
fn at_mut<T>(list: &mut [T], index: usize) -> &mut T {
    &mut list[index]
}

impl StoreKind {
    fn window_grace_ms(self) -> Option<i64> {
        match self {
            Self::Windows(windows) => Some(windows.grace_ms()),
            Self::Sessions(windows) => Some(windows.retention_ms()),
            _ => None,
        }
    }
}

impl NodeSpec {
    /// The author's name for the node; where there is none, what it does.
    pub(crate) fn label(&self) -> &str {
        match &self.kind {
            NodeKind::Source { role: SourceRole::Repartition(name), .. }
            | NodeKind::RepartitionSink { name, .. } => name,
            NodeKind::Source { .. } => "source",
            NodeKind::Operator(operator) => operator.name.as_deref().unwrap_or(operator.verb),
            NodeKind::Sink { .. } => "to",
        }
    }
}

impl fmt::Display for NodeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::Operator(Operator { verb, name: Some(name), .. }) => write!(f, "{verb} {name}"),
            NodeKind::RepartitionSink { name, .. } => write!(f, "repartition {name}"),
            _ => f.write_str(self.label()),
        }
    }
}
