//! What the tables mean: messages made of structs made of fields, each with the versions in which it exists.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};

use super::table::{FieldLine, Kind, MessageLines, Table};
use super::versions::Versions;

/// One table, and the Rust module that is written from it.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) api: Option<Api>,
    pub(crate) messages: Vec<Message>,
}

/// An API, with the facts of its request.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) name: String,
    pub(crate) code: i16,
    pub(crate) versions: Versions,
    pub(crate) first_flexible: Option<i16>,
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) versions: Versions,
    /// The first flexible version.
    pub(crate) flexible: Option<i16>,
    /// The first one is the message itself.
    pub(crate) structs: Vec<Struct>,
}

#[derive(Debug)]
pub(crate) struct Struct {
    /// In Rust.
    pub(crate) name: String,
    /// The versions in which the struct occurs.
    pub(crate) scope: Versions,
    pub(crate) fields: Vec<Field>,
    /// The fewest bytes that it takes in any version.
    pub(crate) min_size: usize,
}

#[derive(Debug)]
pub(crate) struct Field {
    /// In Kafka.
    pub(crate) name: String,
    pub(crate) element: Element,
    pub(crate) is_array: bool,
    /// In which versions it may be null.
    pub(crate) nullable: Option<Versions>,
    /// In which versions it exists, none outside of its struct's.
    pub(crate) versions: Versions,
    pub(crate) tag: Option<u32>,
    pub(crate) default: Option<String>,
}

/// A type, or the type of an array's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Element {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    /// By its name in Rust.
    Struct(String),
}

impl Module {
    /// What the table means that is called `name`.
    pub(crate) fn new(name: &str, table: Table) -> anyhow::Result<Self> {
        let clashing = clashing_names(&table);
        let api_name = table.api.as_ref().map(|(name, _)| name.as_str());
        let messages: Vec<Message> = table
            .messages
            .into_iter()
            .map(|lines| Message::new(api_name, lines, &clashing))
            .collect::<anyhow::Result<_>>()?;
        let api = match table.api {
            None => None,
            Some((name, code)) => {
                let [request, _response] = messages.as_slice() else {
                    bail!("an API has a request and a response");
                };
                Some(Api { name, code, versions: request.versions, first_flexible: request.flexible })
            }
        };
        Ok(Self { name: name.to_owned(), api, messages })
    }
}

/// Names of structs that more than one message of the table defines.
fn clashing_names(table: &Table) -> BTreeSet<String> {
    let mut owners = BTreeMap::<&str, usize>::new();
    for message in &table.messages {
        let names: BTreeSet<&str> = message.structs.iter().skip(1).map(|lines| lines.name.as_str()).collect();
        for name in names {
            *owners.entry(name).or_default() += 1;
        }
    }
    owners.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name.to_owned()).collect()
}

impl Message {
    fn new(api: Option<&str>, lines: MessageLines, clashing: &BTreeSet<String>) -> anyhow::Result<Self> {
        let name = match (&lines.kind, api) {
            (Kind::Data(name), _) => name.clone(),
            (Kind::Request, Some(api)) => format!("{api}Request"),
            (Kind::Response, Some(api)) => format!("{api}Response"),
            (_, None) => bail!("a request or response in a table without an API"),
        };
        let rust_name = |kafka: &str| match kafka {
            "" => name.clone(),
            kafka if clashing.contains(kafka) => format!("{name}{kafka}"),
            kafka => kafka.to_owned(),
        };
        let mut structs = Vec::new();
        for definition in lines.structs {
            let fields = definition.fields.into_iter().map(|line| Field::new(line, rust_name));
            structs.push(Struct {
                name: rust_name(&definition.name),
                scope: Versions::ALL,
                fields: fields.collect::<anyhow::Result<_>>()?,
                min_size: 0,
            });
        }
        let flexible = lines.flexible.map(|flexible| flexible.first.max(lines.versions.first));
        let mut message = Self { kind: lines.kind, versions: lines.versions, flexible, structs };
        message.narrow_scopes()?;
        message.measure();
        Ok(message)
    }

    /// Its name in Rust.
    pub(crate) fn name(&self) -> &str {
        self.structs.first().map_or("", |root| &root.name)
    }

    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        self.flexible.is_some_and(|first| version >= first)
    }

    /// The flexible ones of `scope`; `None` if there are none.
    pub(crate) fn flexible_part(&self, scope: Versions) -> Option<Versions> {
        scope.and(Versions { first: self.flexible?, last: i16::MAX })
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.structs.iter().position(|definition| definition.name == name)
    }

    /// Finds out in which versions each struct occurs, and narrows its fields' versions to them.
    fn narrow_scopes(&mut self) -> anyhow::Result<()> {
        let mut scopes: BTreeMap<usize, Versions> = BTreeMap::new();
        let mut to_visit = vec![(0, self.versions)];
        while let Some((place, versions)) = to_visit.pop() {
            let scope = scopes.entry(place).or_insert(versions);
            *scope = scope.hull(versions);
            for field in self.structs.get(place).into_iter().flat_map(|definition| &definition.fields) {
                if let (Element::Struct(name), Some(versions)) =
                    (&field.element, field.versions.and(versions))
                {
                    let place = self.find(name).with_context(|| format!("struct {name} is not defined"))?;
                    to_visit.push((place, versions));
                }
            }
        }
        for (place, definition) in self.structs.iter_mut().enumerate() {
            let Some(scope) = scopes.get(&place) else {
                bail!("struct {} is not used", definition.name);
            };
            definition.scope = *scope;
            for field in &mut definition.fields {
                field.versions =
                    field.versions.and(*scope).with_context(|| format!("{} never exists", field.name))?;
            }
        }
        Ok(())
    }

    fn measure(&mut self) {
        let sizes: Vec<usize> = self
            .structs
            .iter()
            .map(|definition| {
                let sizes = definition.scope.iter().map(|version| self.struct_size(definition, version));
                sizes.min().unwrap_or(0)
            })
            .collect();
        for (definition, size) in self.structs.iter_mut().zip(sizes) {
            definition.min_size = size;
        }
    }

    /// The fewest bytes that a struct takes in a version.
    fn struct_size(&self, definition: &Struct, version: i16) -> usize {
        let fields =
            definition.fields.iter().filter(|field| field.versions.contains(version) && field.tag.is_none());
        let size: usize = fields.map(|field| self.field_size(field, version)).sum();
        size + usize::from(self.is_flexible(version))
    }

    fn field_size(&self, field: &Field, version: i16) -> usize {
        let flexible = self.is_flexible(version);
        match &field.element {
            _ if field.is_array => length_size(flexible),
            Element::Struct(_) if field.nullable.is_some() => 1,
            Element::Struct(name) => {
                let definition = self.find(name).and_then(|place| self.structs.get(place));
                definition.map_or(0, |definition| self.struct_size(definition, version))
            }
            element => element.min_size(flexible),
        }
    }
}

fn length_size(flexible: bool) -> usize {
    if flexible { 1 } else { 4 }
}

impl Field {
    fn new(line: FieldLine, rust_name: impl Fn(&str) -> String) -> anyhow::Result<Self> {
        let element = match line.type_name.as_str() {
            "bool" => Element::Bool,
            "int8" => Element::Int8,
            "int16" => Element::Int16,
            "uint16" => Element::Uint16,
            "int32" => Element::Int32,
            "int64" => Element::Int64,
            "float64" => Element::Float64,
            "uuid" => Element::Uuid,
            "string" => Element::String,
            "bytes" => Element::Bytes,
            "records" => Element::Records,
            name if name.starts_with(|letter: char| letter.is_ascii_uppercase()) => {
                Element::Struct(rust_name(name))
            }
            name => bail!("{name} is no type"),
        };
        let may_be_null = line.is_array
            || matches!(element, Element::String | Element::Bytes | Element::Records | Element::Struct(_));
        ensure!(line.nullable.is_none() || may_be_null, "{} cannot be nullable", line.name);
        ensure!(
            !line.is_array || !matches!(element, Element::Bytes | Element::Records),
            "arrays of {} are not written yet",
            line.type_name
        );
        Ok(Self {
            name: line.name,
            element,
            is_array: line.is_array,
            nullable: line.nullable,
            versions: line.versions,
            tag: line.tag,
            default: line.default,
        })
    }

    /// The type as Kafka writes it.
    pub(crate) fn kafka_type(&self) -> String {
        let brackets = if self.is_array { "[]" } else { "" };
        format!("{brackets}{}", self.element.kafka_name())
    }

    /// The type in Rust.
    pub(crate) fn rust_type(&self) -> String {
        let mut name = self.element.rust_name().to_owned();
        if self.is_array {
            name = format!("Vec<{name}>");
        }
        if self.is_option() { format!("Option<{name}>") } else { name }
    }

    /// True if it is an `Option` in Rust.
    pub(crate) fn is_option(&self) -> bool {
        self.nullable.is_some() || self.element == Element::Records
    }

    /// True if the default is null.
    pub(crate) fn is_null_by_default(&self) -> bool {
        self.default.as_deref() == Some("null") || self.element == Element::Records
    }
}

impl Element {
    pub(crate) fn kafka_name(&self) -> &str {
        match self {
            Self::Bool => "bool",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Uuid => "uuid",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Records => "records",
            Self::Struct(name) => name,
        }
    }

    pub(crate) fn rust_name(&self) -> &str {
        match self {
            Self::Bool => "bool",
            Self::Int8 => "i8",
            Self::Int16 => "i16",
            Self::Uint16 => "u16",
            Self::Int32 => "i32",
            Self::Int64 => "i64",
            Self::Float64 => "f64",
            Self::Uuid => "Uuid",
            Self::String => "String",
            Self::Bytes => "Bytes",
            Self::Records => "Records",
            Self::Struct(name) => name,
        }
    }

    /// The fewest bytes that it takes; 0 for structs, which are measured otherwise.
    pub(crate) fn min_size(&self, flexible: bool) -> usize {
        match self {
            Self::Bool | Self::Int8 => 1,
            Self::Int16 | Self::Uint16 => 2,
            Self::Int32 => 4,
            Self::Int64 | Self::Float64 => 8,
            Self::Uuid => 16,
            Self::String => {
                if flexible {
                    1
                } else {
                    2
                }
            }
            Self::Bytes | Self::Records => length_size(flexible),
            Self::Struct(_) => 0,
        }
    }
}
