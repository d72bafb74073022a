//! A lock as a text.

use std::fmt;

use super::toml::Quoted;
use super::{
    FORMAT, KeyValueFormat, LockedOperator, LockedSource, LockedStore, LockedSubTopology, LockedTopic,
    TopologyLock,
};
use crate::graph::SourceRole;

const OPENING: &str = "\
# What the topology is made of. `headwater app check OLD NEW` tells what a change of it means for those who run it.
# Written by the test that keeps it; when the topology has changed: UPDATE_EXPECT=1 cargo test";

/// Prints the text of the file.
impl fmt::Display for TopologyLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{OPENING}")?;
        writeln!(f, "format = {FORMAT}")?;
        text(f, "application", &self.application_id)?;
        text(f, "guarantee", &self.guarantee)?;
        if let Some(watermarks) = &self.watermarks {
            text(f, "watermarks", watermarks)?;
        }
        for table in &self.global_tables {
            heading(f, "global-table")?;
            topic(f, table)?;
        }
        for (number, part) in self.sub_topologies.iter().enumerate() {
            sub_topology(f, number, part)?;
        }
        Ok(())
    }
}

fn sub_topology(f: &mut fmt::Formatter<'_>, number: usize, part: &LockedSubTopology) -> fmt::Result {
    heading(f, "sub-topology")?;
    writeln!(f, "number = {number}")?;
    writeln!(f, "steps = [")?;
    for step in &part.steps {
        writeln!(f, "    {},", Quoted(step))?;
    }
    writeln!(f, "]")?;
    for read in &part.sources {
        source(f, read)?;
    }
    for kept in &part.stores {
        store(f, kept)?;
    }
    for named in &part.operators {
        operator(f, named)?;
    }
    for group in &part.copartitioned {
        heading(f, "sub-topology.copartition")?;
        texts(f, "topics", &group.topics)?;
        texts(f, "operators", &group.operators)?;
    }
    for written in &part.sinks {
        heading(f, "sub-topology.sink")?;
        topic(f, written)?;
    }
    for written in &part.repartitions {
        heading(f, "sub-topology.repartition")?;
        text(f, "topic", written)?;
    }
    Ok(())
}

fn source(f: &mut fmt::Formatter<'_>, source: &LockedSource) -> fmt::Result {
    heading(f, "sub-topology.source")?;
    text(f, "topic", &source.topic.topic)?;
    match &source.role {
        SourceRole::Stream => text(f, "as", "stream")?,
        SourceRole::Table => text(f, "as", "table")?,
        SourceRole::Repartition(name) => {
            text(f, "as", "repartition")?;
            text(f, "name", name)?;
        }
    }
    if let Some(partitions) = source.partitions {
        writeln!(f, "partitions = {partitions}")?;
    }
    holds(f, source.topic.format.as_ref())
}

fn store(f: &mut fmt::Formatter<'_>, store: &LockedStore) -> fmt::Result {
    heading(f, "sub-topology.store")?;
    text(f, "name", &store.name)?;
    text(f, "holds", &store.kind)?;
    for (name, ms) in &store.parameters_ms {
        writeln!(f, "{name}-ms = {ms}")?;
    }
    holds(f, store.format.as_ref())?;
    text(f, "backed-by", &store.backed_by)
}

fn operator(f: &mut fmt::Formatter<'_>, operator: &LockedOperator) -> fmt::Result {
    heading(f, "sub-topology.operator")?;
    text(f, "name", &operator.name)?;
    text(f, "does", &operator.verb)?;
    if let Some(detail) = &operator.detail {
        text(f, "detail", detail)?;
    }
    if !operator.stores.is_empty() {
        texts(f, "stores", &operator.stores)?;
    }
    Ok(())
}

fn topic(f: &mut fmt::Formatter<'_>, topic: &LockedTopic) -> fmt::Result {
    text(f, "topic", &topic.topic)?;
    holds(f, topic.format.as_ref())
}

fn holds(f: &mut fmt::Formatter<'_>, format: Option<&KeyValueFormat>) -> fmt::Result {
    let Some(KeyValueFormat { key, value }) = format else {
        return Ok(());
    };
    text(f, "key", &key.to_string())?;
    text(f, "value", &value.to_string())
}

fn heading(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    writeln!(f, "\n[[{name}]]")
}

fn text(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "{name} = {}", Quoted(value))
}

fn texts(f: &mut fmt::Formatter<'_>, name: &str, values: &[String]) -> fmt::Result {
    write!(f, "{name} = [")?;
    for (number, value) in values.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        write!(f, "{comma}{}", Quoted(value))?;
    }
    writeln!(f, "]")
}
