//! The expressions that read, write and compare one field.

use crate::codegen::model::{Element, Field, Message, Struct};
use crate::codegen::names::snake_case;
use crate::codegen::versions::Versions;

/// The expression for "this version is flexible", given that it is one of `scope`.
pub(super) fn flex(message: &Message, scope: Versions) -> &'static str {
    match message.flexible_part(scope) {
        None => "false",
        Some(part) if part == scope => "true",
        Some(_) => "flex",
    }
}

/// The definition of `flex` where it depends on the version.
pub(super) fn flex_local(message: &Message) -> String {
    message.flexible.map(|first| format!("let flex = version >= {first};")).unwrap_or_default()
}

/// Reads the field from `r`.
pub(super) fn read(message: &Message, definition: &Struct, field: &Field) -> String {
    let flex = if field.tag.is_some() { "true" } else { flex(message, definition.scope) };
    let null_ok = null_ok(field);
    if field.is_array {
        return match (&field.element, field.is_option()) {
            (Element::Struct(_), false) => format!("r.structs({flex}, version)?"),
            (Element::Struct(_), true) => format!("r.opt_structs({flex}, {null_ok}, version)?"),
            (Element::String, false) => format!("r.strings({flex})?"),
            (Element::String, true) => format!("r.opt_strings({flex}, {null_ok})?"),
            (element, is_option) => {
                let (size, read) = (element.min_size(false), method(element));
                if is_option {
                    format!("r.opt_array({flex}, {null_ok}, {size}, Reader::{read})?")
                } else {
                    format!("r.array({flex}, {size}, Reader::{read})?")
                }
            }
        };
    }
    match (&field.element, field.is_option()) {
        (Element::Struct(_), true) => "r.opt_struct(version)?".to_owned(),
        (Element::Struct(name), false) => format!("{name}::decode(r, version)?"),
        (Element::Records, _) => format!("r.records({flex}, {null_ok})?"),
        (element @ (Element::String | Element::Bytes), true) => {
            format!("r.opt_{}({flex}, {null_ok})?", method(element))
        }
        (element @ (Element::String | Element::Bytes), false) => format!("r.{}({flex})?", method(element)),
        (element, _) => format!("r.{}()?", method(element)),
    }
}

/// Writes the field to `w`.
pub(super) fn write(message: &Message, definition: &Struct, field: &Field) -> String {
    let flex = if field.tag.is_some() { "true" } else { flex(message, definition.scope) };
    let null_ok = null_ok(field);
    let name = format!("self.{}", snake_case(&field.name));
    if field.is_array {
        return match (&field.element, field.is_option()) {
            (Element::Struct(_), false) => format!("w.put_structs(&{name}, {flex}, version)"),
            (Element::Struct(_), true) => {
                format!("w.put_opt_structs({name}.as_deref(), {flex}, {null_ok}, version)")
            }
            (Element::String, false) => format!("w.put_strings(&{name}, {flex})"),
            (Element::String, true) => format!("w.put_opt_strings({name}.as_deref(), {flex}, {null_ok})"),
            (element, false) => format!("w.put_array(&{name}, {flex}, Writer::put_{})", method(element)),
            (element, true) => {
                format!(
                    "w.put_opt_array({name}.as_deref(), {flex}, {null_ok}, Writer::put_{})",
                    method(element)
                )
            }
        };
    }
    match (&field.element, field.is_option()) {
        (Element::Struct(_), true) => format!("w.put_opt_struct({name}.as_ref(), version)"),
        (Element::Struct(_), false) => format!("{name}.encode(w, version)"),
        (Element::Records, _) => format!("w.put_records({name}.as_ref(), {flex}, {null_ok})"),
        (Element::String, true) => format!("w.put_opt_string({name}.as_deref(), {flex}, {null_ok})"),
        (Element::Bytes, true) => format!("w.put_opt_bytes({name}.as_ref(), {flex}, {null_ok})"),
        (element @ (Element::String | Element::Bytes), false) => {
            format!("w.put_{}(&{name}, {flex})", method(element))
        }
        (element, _) => format!("w.put_{}({name})", method(element)),
    }
}

/// The condition for null being legal, given that the field exists.
pub(crate) fn null_ok(field: &Field) -> String {
    match field.nullable.and_then(|nullable| nullable.and(field.versions)) {
        None => "false".to_owned(),
        Some(nullable) => nullable.condition(field.versions).unwrap_or_else(|| "true".to_owned()),
    }
}

/// What the methods of reader and writer for an element are called after.
fn method(element: &Element) -> &str {
    match element {
        Element::String | Element::Bytes | Element::Uuid => element.kafka_name(),
        element => element.rust_name(),
    }
}

/// The default, where it is not what Rust's `Default` gives.
pub(crate) fn default_value(field: &Field) -> Option<String> {
    if field.is_option() {
        return (!field.is_null_by_default()).then(|| format!("Some({})", empty_value(field)));
    }
    let default = field.default.as_deref()?;
    Some(match (&field.element, default) {
        (Element::Int32, "2147483647") => "i32::MAX".to_owned(),
        (Element::Int32, "-2147483648") => "i32::MIN".to_owned(),
        (Element::Int64, "9223372036854775807") => "i64::MAX".to_owned(),
        (Element::String, text) => format!("\"{text}\".to_owned()"),
        (_, literal) => with_separators(literal),
    })
}

/// The default, as an expression.
pub(crate) fn absent_value(field: &Field) -> String {
    match default_value(field) {
        Some(value) => value,
        None if field.is_option() => "None".to_owned(),
        None => empty_value(field),
    }
}

/// What Rust's `Default` gives, leaving aside that the field may be null.
fn empty_value(field: &Field) -> String {
    match &field.element {
        _ if field.is_array => "Vec::new()".to_owned(),
        Element::Bool => "false".to_owned(),
        Element::Float64 => "0.0".to_owned(),
        Element::Uuid => "Uuid::ZERO".to_owned(),
        Element::String | Element::Bytes | Element::Records => {
            format!("{}::new()", field.element.rust_name())
        }
        Element::Struct(name) => format!("{name}::default()"),
        _ => "0".to_owned(),
    }
}

/// The condition for a field of `self` not having its default.
pub(super) fn differs_from_default(field: &Field) -> String {
    let name = format!("self.{}", snake_case(&field.name));
    match &field.element {
        _ if field.is_option() && field.is_null_by_default() => format!("{name}.is_some()"),
        _ if field.is_option() => format!("{name}.as_ref().is_none_or(|value| !value.is_empty())"),
        _ if field.is_array => format!("!{name}.is_empty()"),
        Element::String | Element::Bytes if field.default.is_none() => format!("!{name}.is_empty()"),
        Element::Bool if field.default.as_deref() == Some("true") => format!("!{name}"),
        Element::Bool => name,
        Element::Struct(element) => format!("{name} != {element}::default()"),
        _ => format!("{name} != {}", absent_value(field)),
    }
}

/// A number as Rust's style wants it: `60_000`.
fn with_separators(number: &str) -> String {
    let mut separated = String::new();
    for (index, letter) in number.char_indices() {
        let digits_left = number.len() - index;
        if digits_left.is_multiple_of(3) && separated.ends_with(|letter: char| letter.is_ascii_digit()) {
            separated.push('_');
        }
        separated.push(letter);
    }
    separated
}

#[cfg(test)]
mod tests {
    use super::with_separators;

    #[test]
    fn long_numbers_are_separated() {
        for (number, separated) in
            [("-1", "-1"), ("2000", "2_000"), ("-60000", "-60_000"), ("100000", "100_000")]
        {
            assert_eq!(with_separators(number), separated);
        }
    }
}
