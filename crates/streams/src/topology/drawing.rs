//! A topology as a picture, in the languages of Mermaid and Graphviz, and as data, in JSON.
//!
//! Owns: what is drawn (topics, operators, stores, and what leads where), and how each language writes it.
//!
//! Invariants: the same topology gives the same text. A topic is drawn once, however many read and write it.

use std::fmt::Write;

use headwater_model::TopicName;
use serde_json::{Value, json};

use super::{InternalTopicKind, SubTopology, Topology};
use crate::graph::{Graph, NodeId, NodeKind, SourceRole, StoreId};

/// What a thing in a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Topic,
    Operator,
    Store,
}

#[derive(Debug)]
struct Thing {
    id: String,
    label: String,
    shape: Shape,
}

/// What is to be seen: topics, the parts of sub-topologies, and what leads where.
#[derive(Debug, Default)]
struct Picture {
    topics: Vec<Thing>,
    parts: Vec<Vec<Thing>>,
    flows: Vec<(String, String)>,
    /// Operators and the stores that they use.
    uses: Vec<(String, String)>,
}

impl Topology {
    /// The topology as a flowchart in [Mermaid](https://mermaid.js.org)'s language, as Markdown pages show it.
    pub fn to_mermaid(&self) -> String {
        let picture = Picture::of(self);
        let mut out = String::from("flowchart TD\n");
        for topic in &picture.topics {
            line(&mut out, 1, &mermaid(topic));
        }
        for (number, part) in picture.parts.iter().enumerate() {
            line(&mut out, 1, &format!("subgraph sub{number}[\"sub-topology {number}\"]"));
            for thing in part {
                line(&mut out, 2, &mermaid(thing));
            }
            line(&mut out, 1, "end");
        }
        for (from, to) in &picture.flows {
            line(&mut out, 1, &format!("{from} --> {to}"));
        }
        for (operator, store) in &picture.uses {
            line(&mut out, 1, &format!("{operator} -.- {store}"));
        }
        out
    }

    /// The topology as a graph in the language of [Graphviz](https://graphviz.org).
    pub fn to_graphviz(&self) -> String {
        let picture = Picture::of(self);
        let mut out = format!("digraph {} {{\n", quoted(self.application_id()));
        line(&mut out, 1, "node [shape=box];");
        for topic in &picture.topics {
            line(&mut out, 1, &graphviz(topic));
        }
        for (number, part) in picture.parts.iter().enumerate() {
            line(&mut out, 1, &format!("subgraph cluster_{number} {{"));
            line(&mut out, 2, &format!("label=\"sub-topology {number}\";"));
            for thing in part {
                line(&mut out, 2, &graphviz(thing));
            }
            line(&mut out, 1, "}");
        }
        for (from, to) in &picture.flows {
            line(&mut out, 1, &format!("{from} -> {to};"));
        }
        for (operator, store) in &picture.uses {
            line(&mut out, 1, &format!("{operator} -> {store} [style=dashed, dir=none];"));
        }
        out.push_str("}\n");
        out
    }

    /// The topology as data: its sub-topologies with their topics, operators and stores, and its internal topics.
    pub fn to_json(&self) -> Value {
        let internal = self.internal_topics().into_iter().map(|internal| {
            let kind = match internal.kind {
                InternalTopicKind::Repartition => "repartition",
                InternalTopicKind::Changelog => "changelog",
            };
            json!({ "topic": internal.topic.as_str(), "kind": kind })
        });
        json!({
            "application": self.application_id(),
            "guarantee": self.guarantee().to_string(),
            "global_topics": self.global_topics().iter().map(TopicName::as_str).collect::<Vec<_>>(),
            "internal_topics": internal.collect::<Vec<_>>(),
            "sub_topologies": self
                .sub_topologies()
                .iter()
                .map(|part| sub_topology(self.graph(), part))
                .collect::<Vec<_>>(),
        })
    }
}

fn sub_topology(graph: &Graph, part: &SubTopology) -> Value {
    let store = |id: &StoreId| {
        let store = graph.store(*id);
        json!({
            "name": store.name,
            "holds": store.kind.to_string(),
            "backed_by": store.backed_by.as_str(),
        })
    };
    json!({
        "number": part.number(),
        "stateful": part.is_stateful(),
        "nodes": nodes_of(graph, part).into_iter().map(|id| node(graph, id)).collect::<Vec<_>>(),
        "stores": part.stores().iter().map(store).collect::<Vec<_>>(),
    })
}

fn node(graph: &Graph, id: NodeId) -> Value {
    let node = graph.node(id);
    let (kind, topic) = match &node.kind {
        NodeKind::Source { topic, role } => (role_word(role), Some(graph.topic(*topic).as_str())),
        NodeKind::Operator(operator) => (operator.verb, None),
        NodeKind::Sink { topic } => ("to", Some(graph.topic(*topic).as_str())),
        NodeKind::RepartitionSink { topic, .. } => ("repartition sink", Some(graph.topic(*topic).as_str())),
    };
    let (name, detail) = match &node.kind {
        NodeKind::Operator(operator) => (operator.name.as_deref(), operator.detail.as_deref()),
        NodeKind::RepartitionSink { name, .. }
        | NodeKind::Source { role: SourceRole::Repartition(name), .. } => (Some(name.as_str()), None),
        NodeKind::Source { .. } | NodeKind::Sink { .. } => (None, None),
    };
    json!({
        "id": id.0,
        "kind": kind,
        "name": name,
        "detail": detail,
        "topic": topic,
        "parents": node.parents.iter().map(|parent| parent.0).collect::<Vec<_>>(),
        "stores": node.stores.iter().map(|store| graph.store(*store).name.as_str()).collect::<Vec<_>>(),
    })
}

fn role_word(role: &SourceRole) -> &'static str {
    match role {
        SourceRole::Stream => "stream",
        SourceRole::Table => "table",
        SourceRole::Repartition(_) => "repartition source",
    }
}

/// The nodes of a sub-topology, in the order of their declaration.
fn nodes_of(graph: &Graph, part: &SubTopology) -> Vec<NodeId> {
    graph.nodes_behind(part.sources().iter().map(|source| source.node))
}

impl Picture {
    fn of(topology: &Topology) -> Self {
        let graph = topology.graph();
        let mut picture = Self::default();
        for (number, topic) in graph.topics.iter().enumerate() {
            picture.topics.push(Thing {
                id: format!("topic{number}"),
                label: topic.to_string(),
                shape: Shape::Topic,
            });
        }
        for (number, topic) in topology.global_topics().iter().enumerate() {
            let label = format!("global table {topic}");
            picture.topics.push(Thing { id: format!("global{number}"), label, shape: Shape::Topic });
        }
        for part in topology.sub_topologies() {
            picture.add(graph, part);
        }
        picture
    }

    fn add(&mut self, graph: &Graph, part: &SubTopology) {
        let mut things = Vec::new();
        for id in nodes_of(graph, part) {
            let node = graph.node(id);
            let place = place(graph, id);
            let stores = node.stores.iter().map(|store| (place.clone(), format!("store{}", store.0)));
            if let NodeKind::Operator(_) = node.kind {
                self.uses.extend(stores);
                let (label, shape) = (node.to_string(), Shape::Operator);
                things.push(Thing { id: place.clone(), label, shape });
            } else {
                // A table's topic fills its store.
                self.flows.extend(stores);
            }
            self.flows.extend(node.parents.iter().map(|parent| (self::place(graph, *parent), place.clone())));
        }
        for store in part.stores() {
            let label = graph.store(*store).name.clone();
            things.push(Thing { id: format!("store{}", store.0), label, shape: Shape::Store });
        }
        self.parts.push(things);
    }
}

/// Where a node is in the picture: what reads or writes a topic is the topic.
fn place(graph: &Graph, id: NodeId) -> String {
    match &graph.node(id).kind {
        NodeKind::Source { topic, .. }
        | NodeKind::Sink { topic }
        | NodeKind::RepartitionSink { topic, .. } => format!("topic{}", topic.0),
        NodeKind::Operator(_) => format!("node{}", id.0),
    }
}

fn mermaid(Thing { id, label, shape }: &Thing) -> String {
    let label = label.replace('"', "#quot;");
    match shape {
        Shape::Topic => format!("{id}([\"{label}\"])"),
        Shape::Operator => format!("{id}[\"{label}\"]"),
        Shape::Store => format!("{id}[(\"{label}\")]"),
    }
}

fn graphviz(Thing { id, label, shape }: &Thing) -> String {
    let shape = match shape {
        Shape::Topic => ", shape=cds",
        Shape::Operator => "",
        Shape::Store => ", shape=cylinder",
    };
    format!("{id} [label={}{shape}];", quoted(label))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a text does not fail.
    let _ = writeln!(out, "{:indent$}{text}", "", indent = 2 * depth);
}
