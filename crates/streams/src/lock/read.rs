//! A lock read from its text.
//!
//! Invariants: nothing is guessed or passed over: an unknown part or field is an error, and so is a format that is newer.

use std::fmt;
use std::str::FromStr;

use super::error::{LockError, LockProblem};
use super::toml::{self, Field, Section, Value};
use super::{
    FORMAT, Format, KeyValueFormat, LockedCopartition, LockedOperator, LockedSource, LockedStore,
    LockedSubTopology, LockedTopic, TopologyLock,
};
use crate::graph::SourceRole;

impl FromStr for TopologyLock {
    type Err = LockError;

    fn from_str(text: &str) -> Result<Self, LockError> {
        let mut sections = toml::sections(text)?.into_iter();
        let Some(head) = sections.next() else {
            return Err(LockProblem::Syntax("it is empty").at(1));
        };
        let mut fields = Fields::of(head);
        check_format(&mut fields)?;
        let mut lock = Self {
            application_id: fields.text("application")?,
            guarantee: fields.text("guarantee")?,
            watermarks: fields.optional_text("watermarks")?,
            ..Self::default()
        };
        fields.end()?;
        for section in sections {
            lock.add(section)?;
        }
        Ok(lock)
    }
}

fn check_format(fields: &mut Fields) -> Result<(), LockError> {
    let line = fields.line_of("format");
    match fields.number("format")? {
        FORMAT => Ok(()),
        found if found > FORMAT => Err(LockProblem::NewerFormat { found, known: FORMAT }.at(line)),
        found => Err(LockProblem::UnknownFormat(found).at(line)),
    }
}

impl TopologyLock {
    fn add(&mut self, section: Section) -> Result<(), LockError> {
        let mut fields = Fields::of(section);
        let name = fields.section.clone();
        match name.as_str() {
            "global-table" => self.global_tables.push(topic(&mut fields)?),
            "sub-topology" => {
                let part = sub_topology(&mut fields, self.sub_topologies.len())?;
                self.sub_topologies.push(part);
            }
            _ => {
                let Some(part) = name.strip_prefix("sub-topology.") else {
                    return Err(LockProblem::UnknownSection(name).at(fields.line));
                };
                let Some(whole) = self.sub_topologies.last_mut() else {
                    return Err(LockProblem::Misplaced(name).at(fields.line));
                };
                whole.add(part, &mut fields)?;
            }
        }
        fields.end()
    }
}

impl LockedSubTopology {
    fn add(&mut self, part: &str, fields: &mut Fields) -> Result<(), LockError> {
        match part {
            "source" => self.sources.push(source(fields)?),
            "store" => self.stores.push(store(fields)?),
            "operator" => self.operators.push(operator(fields)?),
            "copartition" => {
                let (topics, operators) = (fields.texts("topics")?, fields.texts("operators")?);
                self.copartitioned.push(LockedCopartition { topics, operators });
            }
            "sink" => self.sinks.push(topic(fields)?),
            "repartition" => self.repartitions.push(fields.text("topic")?),
            _ => return Err(LockProblem::UnknownSection(fields.section.clone()).at(fields.line)),
        }
        Ok(())
    }
}

fn sub_topology(fields: &mut Fields, expected: usize) -> Result<LockedSubTopology, LockError> {
    let line = fields.line_of("number");
    let (expected, found) = (expected as i64, fields.number("number")?);
    if found != expected {
        return Err(LockProblem::Number { expected, found }.at(line));
    }
    Ok(LockedSubTopology { steps: fields.texts("steps")?, ..LockedSubTopology::default() })
}

fn topic(fields: &mut Fields) -> Result<LockedTopic, LockError> {
    Ok(LockedTopic { topic: fields.text("topic")?, format: fields.format()? })
}

fn source(fields: &mut Fields) -> Result<LockedSource, LockError> {
    let line = fields.line_of("as");
    let role = match fields.text("as")?.as_str() {
        "stream" => SourceRole::Stream,
        "table" => SourceRole::Table,
        "repartition" => SourceRole::Repartition(fields.text("name")?),
        _ => {
            let wanted = "\"stream\", \"table\" or \"repartition\"";
            return Err(LockProblem::Value { field: "as".to_owned(), wanted }.at(line));
        }
    };
    let partitions = if fields.has("partitions") { Some(fields.number("partitions")?) } else { None };
    Ok(LockedSource { topic: topic(fields)?, role, partitions })
}

fn store(fields: &mut Fields) -> Result<LockedStore, LockError> {
    Ok(LockedStore {
        name: fields.text("name")?,
        kind: fields.text("holds")?,
        parameters_ms: fields.numbers_in_ms()?,
        format: fields.format()?,
        backed_by: fields.text("backed-by")?,
    })
}

fn operator(fields: &mut Fields) -> Result<LockedOperator, LockError> {
    Ok(LockedOperator {
        name: fields.text("name")?,
        verb: fields.text("does")?,
        detail: fields.optional_text("detail")?,
        stores: if fields.has("stores") { fields.texts("stores")? } else { Vec::new() },
    })
}

/// The fields of a part, each taken out once.
struct Fields {
    section: String,
    line: usize,
    left: Vec<Field>,
}

impl Fields {
    fn of(section: Section) -> Self {
        Self { section: section.name, line: section.line, left: section.fields }
    }

    fn has(&self, name: &str) -> bool {
        self.left.iter().any(|field| field.name == name)
    }

    fn line_of(&self, name: &str) -> usize {
        self.left.iter().find(|field| field.name == name).map_or(self.line, |field| field.line)
    }

    fn take(&mut self, name: &'static str) -> Result<Field, LockError> {
        match self.left.iter().position(|field| field.name == name) {
            Some(index) => Ok(self.left.remove(index)),
            None => Err(LockProblem::Missing { section: self.name(), field: name }.at(self.line)),
        }
    }

    fn text(&mut self, name: &'static str) -> Result<String, LockError> {
        let Field { line, value, .. } = self.take(name)?;
        match value {
            Value::Text(text) => Ok(text),
            _ => Err(LockProblem::Value { field: name.to_owned(), wanted: "a text" }.at(line)),
        }
    }

    fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, LockError> {
        if self.has(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    fn number(&mut self, name: &'static str) -> Result<i64, LockError> {
        let Field { line, value, .. } = self.take(name)?;
        number(name, &value, line)
    }

    fn texts(&mut self, name: &'static str) -> Result<Vec<String>, LockError> {
        let Field { line, value, .. } = self.take(name)?;
        match value {
            Value::Texts(texts) => Ok(texts),
            _ => Err(LockProblem::Value { field: name.to_owned(), wanted: "a list of texts" }.at(line)),
        }
    }

    /// All fields that end with `-ms`.
    fn numbers_in_ms<C: FromIterator<(String, i64)>>(&mut self) -> Result<C, LockError> {
        let (in_ms, left) =
            std::mem::take(&mut self.left).into_iter().partition(|field| field.name.ends_with("-ms"));
        self.left = left;
        let in_ms: Vec<Field> = in_ms;
        let numbers = in_ms.iter().filter_map(|field| {
            let name = field.name.strip_suffix("-ms")?;
            Some(number(&field.name, &field.value, field.line).map(|ms| (name.to_owned(), ms)))
        });
        numbers.collect()
    }

    /// What keys and values are; both or none are there.
    fn format(&mut self) -> Result<Option<KeyValueFormat>, LockError> {
        if !self.has("key") && !self.has("value") {
            return Ok(None);
        }
        Ok(Some(KeyValueFormat { key: self.typed("key")?, value: self.typed("value")? }))
    }

    fn typed(&mut self, name: &'static str) -> Result<Format, LockError> {
        let line = self.line_of(name);
        let text = self.text(name)?;
        let wanted = "a type and its serde, as in \"String as utf8\"";
        let (type_name, serde) = text
            .rsplit_once(" as ")
            .ok_or_else(|| LockProblem::Value { field: name.to_owned(), wanted }.at(line))?;
        Ok(Format { type_name: type_name.to_owned(), serde: serde.to_owned() })
    }

    /// Nothing may be left.
    fn end(self) -> Result<(), LockError> {
        match self.left.first() {
            None => Ok(()),
            Some(Field { name: field, line, .. }) => {
                let (section, field) = (self.name(), field.clone());
                Err(LockProblem::UnknownField { section, field }.at(*line))
            }
        }
    }

    fn name(&self) -> String {
        if self.section.is_empty() { "the head".to_owned() } else { format!("[[{}]]", self.section) }
    }
}

fn number(name: &str, value: &Value, line: usize) -> Result<i64, LockError> {
    match value {
        Value::Number(number) => Ok(*number),
        _ => Err(LockProblem::Value { field: name.to_owned(), wanted: "a whole number" }.at(line)),
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", self.type_name, self.serde)
    }
}
