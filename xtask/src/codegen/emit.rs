//! The Rust that is written for messages: one module per table, formatted later.

mod field;
mod keys;

use std::fmt::{self, Write};

use super::model::{Field, Message, Module, Struct};
use super::names::snake_case;
use super::table::Kind;
use field::default_value;
pub(crate) use field::{absent_value, null_ok};
pub(crate) use keys::{api_keys, message_modules};

/// The names that a module imports if it uses them, by where they come from.
const IMPORTS: [(&str, &[&str]); 4] = [
    ("bytes", &["Bytes"]),
    ("headwater_model", &["Uuid"]),
    ("crate::protocol", &["DecodeError", "Reader", "Records", "Writer", "check_version"]),
    ("crate", &["ApiKey", "Message", "Request"]),
];

/// The module of one table.
pub(crate) fn messages(module: &Module) -> anyhow::Result<String> {
    let mut body = String::new();
    for message in &module.messages {
        for definition in &message.structs {
            write_struct(&mut body, message, definition)?;
        }
        write_facts(&mut body, module, message)?;
    }
    let subject = match &module.api {
        Some(api) => format!("The messages of {} (API {}).", api.name, api.code),
        None => "Data that travels or rests inside of records and other messages.".to_owned(),
    };
    let mut text = format!(
        "//! {subject}\n//!\n//! Written by `cargo xtask codegen` from `tables/{}.txt`; do not edit.\n\n",
        module.name
    );
    for (origin, names) in IMPORTS {
        let used: Vec<&str> = names.iter().copied().filter(|name| mentions(&body, name)).collect();
        if !used.is_empty() {
            writeln!(text, "use {origin}::{{{}}};", used.join(", "))?;
        }
        if origin == "headwater_model" {
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(&body);
    Ok(text)
}

/// True if `code` mentions `name` as a word.
fn mentions(code: &str, name: &str) -> bool {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == name)
}

fn write_struct(out: &mut String, message: &Message, definition: &Struct) -> fmt::Result {
    let name = &definition.name;
    if name == message.name() {
        writeln!(out, "/// `{name}`, versions {}.", message.versions)?;
    } else {
        writeln!(out, "/// A part of [`{}`].", message.name())?;
    }
    let plain_default = definition.fields.iter().all(|field| default_value(field).is_none());
    let default = if plain_default { ", Default" } else { "" };
    writeln!(out, "#[derive(Debug, Clone, PartialEq{default})]\npub struct {name} {{")?;
    for field in &definition.fields {
        writeln!(out, "/// {}.", describe(message, definition, field))?;
        writeln!(out, "pub {}: {},", snake_case(&field.name), field.rust_type())?;
    }
    writeln!(out, "}}\n")?;
    if !plain_default {
        writeln!(out, "impl Default for {name} {{\nfn default() -> Self {{\nSelf {{")?;
        for field in &definition.fields {
            writeln!(out, "{}: {},", snake_case(&field.name), absent_value(field))?;
        }
        writeln!(out, "}}\n}}\n}}\n")?;
    }
    let decode = decode_body(message, definition)?;
    let encode = encode_body(message, definition)?;
    let argument =
        |body: &str, name: &str| if mentions(body, name) { name.to_owned() } else { format!("_{name}") };
    writeln!(
        out,
        "impl Message for {name} {{
            const MIN_SIZE: usize = {min_size};

            fn decode({r}: &mut Reader, {version}: i16) -> Result<Self, DecodeError> {{ {decode} }}

            fn encode(&self, {w}: &mut Writer, {encode_version}: i16) {{ {encode} }}
        }}\n",
        min_size = definition.min_size,
        r = argument(&decode, "r"),
        version = argument(&decode, "version"),
        w = argument(&encode, "w"),
        encode_version = argument(&encode, "version"),
    )
}

/// What the docs say about a field.
fn describe(message: &Message, definition: &Struct, field: &Field) -> String {
    let mut text = format!("`{}` ({}", field.name, field.kafka_type());
    if field.versions != definition.scope {
        text += ", ";
        text += &field.versions.describe(message.versions.last);
    }
    if let Some(nullable) = field.nullable.and_then(|nullable| nullable.and(field.versions)) {
        text += ", nullable";
        if nullable != field.versions {
            text += " in ";
            text += &nullable.describe(message.versions.last);
        }
    }
    if field.tag.is_some() {
        text += ", tagged";
    }
    if let Some(default) = &field.default {
        text += ", default ";
        text += default;
    }
    text + ")"
}

fn decode_body(message: &Message, definition: &Struct) -> Result<String, fmt::Error> {
    let mut fields = String::new();
    for field in &definition.fields {
        let name = snake_case(&field.name);
        let absent = absent_value(field);
        if field.tag.is_some() {
            writeln!(fields, "{name}: {absent},")?;
            continue;
        }
        let read = field::read(message, definition, field);
        match field.versions.condition(definition.scope) {
            None => writeln!(fields, "{name}: {read},")?,
            Some(condition) => writeln!(fields, "{name}: if {condition} {{ {read} }} else {{ {absent} }},")?,
        }
    }
    let mut tagged = String::new();
    for field in &definition.fields {
        if let Some(tag) = field.tag {
            let read = field::read(message, definition, field);
            let condition = message
                .flexible_part(definition.scope)
                .and_then(|flexible| field.versions.condition(flexible))
                .map(|condition| format!("if {condition}"))
                .unwrap_or_default();
            writeln!(tagged, "{tag} {condition} => this.{} = {read},", snake_case(&field.name))?;
        }
    }

    let read_tagged = if tagged.is_empty() {
        "r.skip_tagged()?;".to_owned()
    } else {
        format!("r.tagged(|tag, r| {{ match tag {{ {tagged} _ => return Ok(false) }} Ok(true) }})?;")
    };
    let (flex_local, read_tagged) = match field::flex(message, definition.scope) {
        "false" => (String::new(), String::new()),
        "true" => (String::new(), read_tagged),
        _ => (field::flex_local(message), format!("if flex {{ {read_tagged} }}")),
    };
    let mut body = String::new();
    if definition.name == message.name() {
        writeln!(body, "check_version(version, {}..={})?;", message.versions.first, message.versions.last)?;
    }
    body += &flex_local;
    if read_tagged.is_empty() {
        writeln!(body, "Ok(Self {{ {fields} }})")?;
    } else {
        let mutable = if tagged.is_empty() { "" } else { "mut " };
        writeln!(body, "let {mutable}this = Self {{ {fields} }};\n{read_tagged}\nOk(this)")?;
    }
    Ok(body)
}

fn encode_body(message: &Message, definition: &Struct) -> Result<String, fmt::Error> {
    let mut body = match field::flex(message, definition.scope) {
        "flex" => field::flex_local(message),
        _ => String::new(),
    };
    let untagged: Vec<&Field> = definition.fields.iter().filter(|field| field.tag.is_none()).collect();
    for of_same_versions in untagged.chunk_by(|left, right| left.versions == right.versions) {
        let writes = of_same_versions.iter().map(|field| field::write(message, definition, field) + ";");
        let writes: String = writes.collect();
        match of_same_versions.first().and_then(|field| field.versions.condition(definition.scope)) {
            None => body += &writes,
            Some(condition) => write!(body, "if {condition} {{ {writes} }}")?,
        }
    }
    let mut tagged: Vec<(u32, &Field)> =
        definition.fields.iter().filter_map(|field| Some((field.tag?, field))).collect();
    tagged.sort_by_key(|(tag, _)| *tag);
    let mut section = String::new();
    if tagged.is_empty() {
        section += "w.put_no_tagged();";
    } else {
        section += "let tagged = w.begin_tagged();";
    }
    for (tag, field) in tagged {
        let mut condition = field::differs_from_default(field);
        if let Some(versions) =
            message.flexible_part(definition.scope).and_then(|flexible| field.versions.condition(flexible))
        {
            condition = format!("{versions} && {condition}");
        }
        let write = field::write(message, definition, field);
        write!(
            section,
            "if {condition} {{ let field = w.begin_tag(tagged, {tag}); {write}; w.end_tag(field); }}"
        )?;
    }
    match field::flex(message, definition.scope) {
        "false" => {}
        "true" => body += &section,
        _ => write!(body, "if flex {{ {section} }}")?,
    }
    Ok(body)
}

/// What is said about a message as a whole.
fn write_facts(out: &mut String, module: &Module, message: &Message) -> fmt::Result {
    let name = message.name();
    let versions = format!("{}..={}", message.versions.first, message.versions.last);
    match (&message.kind, &module.api) {
        (Kind::Request, Some(api)) => writeln!(
            out,
            "impl Request for {name} {{
                const KEY: ApiKey = ApiKey::{api};
                const VERSIONS: std::ops::RangeInclusive<i16> = {versions};
                const FIRST_FLEXIBLE: i16 = {flexible};
                type Response = {api}Response;
            }}\n",
            api = api.name,
            flexible = keys::first_flexible(message.flexible),
        ),
        (Kind::Data(_), _) => writeln!(
            out,
            "impl {name} {{
                /// The versions that can be read and written.
                pub const VERSIONS: std::ops::RangeInclusive<i16> = {versions};
            }}\n",
        ),
        _ => Ok(()),
    }
}
