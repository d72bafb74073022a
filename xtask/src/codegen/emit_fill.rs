//! Test code that fills messages with arbitrary values; see crates/wire/tests/it/fill.rs.

use std::fmt::{self, Write};

use super::emit::{absent_value, null_ok};
use super::model::{Field, Module, Struct};
use super::names::snake_case;
use super::versions::Versions;

/// The list of modules, and a macro that names every message.
pub(crate) fn all(modules: &[Module]) -> Result<String, fmt::Error> {
    let mut list = String::new();
    for module in modules {
        for message in &module.messages {
            let Versions { first, last } = message.versions;
            write!(list, "$each!({}, {}, {first}..={last});", module.name, message.name())?;
        }
    }
    let mut text = "//! Written by `cargo xtask codegen`; do not edit.\n\n".to_owned();
    text.extend(modules.iter().map(|module| format!("mod {};\n", module.name)));
    text += "\n/// Calls `$each!(module, Message, versions)` for every message.\n";
    writeln!(text, "macro_rules! for_each_message {{ ($each:ident) => {{ {list} }} }}")?;
    text += "pub(crate) use for_each_message;\n";
    Ok(text)
}

/// How the structs of one module are filled.
pub(crate) fn messages(module: &Module) -> String {
    let mut body = String::new();
    for message in &module.messages {
        for definition in &message.structs {
            body += &fill(definition);
        }
    }
    let uuid = if body.contains("Uuid::") { "use headwater_model::Uuid;\n" } else { "" };
    format!(
        "//! Written by `cargo xtask codegen`; do not edit.\n\n{uuid}use headwater_wire::messages::{}::*;\n\n\
         use crate::fill::{{Fill, Source}};\n\n{body}",
        module.name
    )
}

fn fill(definition: &Struct) -> String {
    let mut fields = String::new();
    for field in &definition.fields {
        let value = value(field);
        let value = match field.versions.condition(definition.scope) {
            None => value,
            Some(condition) => format!("if {condition} {{ {value} }} else {{ {} }}", absent_value(field)),
        };
        fields.extend([&snake_case(&field.name), ": ", &value, ","]);
    }
    let argument = |name: &str| if fields.contains(name) { name.to_owned() } else { format!("_{name}") };
    format!(
        "impl Fill for {} {{\nfn fill({}: &mut Source, {}: i16) -> Self {{\nSelf {{ {fields} }}\n}}\n}}\n\n",
        definition.name,
        argument("source"),
        argument("version")
    )
}

fn value(field: &Field) -> String {
    if field.is_option() {
        format!("source.option({}, version)", null_ok(field))
    } else {
        "Fill::fill(source, version)".to_owned()
    }
}
