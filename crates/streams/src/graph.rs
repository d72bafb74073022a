//! The untyped description of a topology: nodes, topics, stores, and who hangs behind whom.
//!
//! The builder writes it beside the typed outlets; everything that only has to know *what* a topology is (printing,
//! sub-topologies, partition counts, error messages) reads this and needs no types.
//!
//! Invariants: an id is an index into the list of its kind, in the order of declaration; parents come before children.

mod formats;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use headwater_model::TopicName;

use crate::join_windows::JoinWindows;
use crate::watermark::Watermarks;
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
    /// What the topology goes by, if not by the highest time of all records.
    pub(crate) watermarks: Option<Watermarks>,
    /// The watermarks of sources that have their own.
    pub(crate) source_watermarks: BTreeMap<NodeId, Watermarks>,
    /// How much older than the watermark, in milliseconds, the results of operators may be that hold them back.
    pub(crate) holds_ms: BTreeMap<NodeId, i64>,
    /// How many partitions repartition topics have of which the author says so.
    pub(crate) partitions: BTreeMap<TopicName, i32>,
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
    /// One value per key, for so long.
    Expiring(Duration),
    /// One value per key and time, for so long.
    Times(Duration),
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

    /// The stores that no node uses.
    pub(crate) fn idle_stores(&self) -> impl Iterator<Item = &StoreSpec> {
        let stores = self.stores.iter().enumerate();
        let is_used = |id| self.nodes.iter().any(|node| node.stores.contains(&id));
        stores.filter(move |(index, _)| !is_used(StoreId(*index))).map(|(_, store)| store)
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
        self.over_windows(node, StoreKind::window_grace_ms)
    }

    /// How much older than the stream time that closes them the newest record of a node's windows may be, likewise.
    pub(crate) fn window_hold_ms(&self, node: NodeId) -> Option<i64> {
        self.over_windows(node, StoreKind::window_hold_ms)
    }

    /// How much older than the watermark, in milliseconds, what reaches a node may be because it was held back.
    pub(crate) fn hold_ms(&self, node: NodeId) -> i64 {
        let above = self.node(node).parents.iter().map(|parent| self.hold_ms(*parent)).max();
        let own = self.holds_ms.get(&node).copied().unwrap_or_default();
        own.saturating_add(above.unwrap_or_default())
    }

    /// How much older than the watermark, in milliseconds, what is sent to a repartition topic may be, likewise.
    pub(crate) fn repartition_hold_ms(&self, topic: &TopicName) -> i64 {
        let writes = |node: &NodeSpec| match node.kind {
            NodeKind::RepartitionSink { topic: written, .. } => self.topic(written) == topic,
            _ => false,
        };
        let sinks = self.ids().filter(|(_, node)| writes(node));
        sinks.map(|(sink, _)| self.hold_ms(sink)).max().unwrap_or_default()
    }

    fn over_windows(&self, node: NodeId, of: fn(StoreKind) -> Option<i64>) -> Option<i64> {
        let node = self.node(node);
        let own = node.stores.iter().filter_map(|store| of(self.store(*store).kind)).max();
        if own.is_some() || node.parents.is_empty() {
            return own;
        }
        let above = node.parents.iter().map(|parent| self.over_windows(*parent, of));
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

impl StoreSpec {
    /// True if changes are kept in a changelog; false where the topic that the store is read from, and named after, says
    /// it all.
    pub(crate) fn has_changelog(&self) -> bool {
        self.kind != StoreKind::Table || self.backed_by.as_str() != self.name
    }
}

impl StoreKind {
    fn window_grace_ms(self) -> Option<i64> {
        match self {
            Self::Windows(windows) => Some(windows.grace_ms()),
            Self::Sessions(windows) => Some(windows.retention_ms()),
            Self::Table
            | Self::KeyValue
            | Self::JoinSide(_)
            | Self::Versioned(_)
            | Self::JoinBuffer(_)
            | Self::Subscriptions
            | Self::JoinWaiting(_)
            | Self::Buffer
            | Self::Seen
            | Self::Expiring(_)
            | Self::Times(_) => None,
        }
    }

    fn window_hold_ms(self) -> Option<i64> {
        match self {
            Self::Windows(windows) => Some(windows.hold_ms()),
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
