//! The part of TOML that locks are written in: parts with fields, whose values are texts, whole numbers and lists of texts.
//!
//! Owns: how a value is written, and how lines become parts and fields, with their line numbers for errors.
//!
//! Invariants: what is written here, every reader of TOML reads the same; what is read here is TOML. Other TOML is
//! refused, not misread.
//!
//! Does not know: what the parts mean.

use std::fmt::{self, Write};

use super::error::{LockError, LockProblem};

/// What is between two headings; the first part has no heading, and an empty name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Texts(Vec<String>),
}

/// The parts of a text, in order.
pub(super) fn sections(text: &str) -> Result<Vec<Section>, LockError> {
    let mut sections = vec![Section { name: String::new(), line: 1, fields: Vec::new() }];
    let mut lines = text.lines().map(str::trim).zip(1..);
    while let Some((content, line)) = lines.next() {
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(heading) = content.strip_prefix("[[") {
            sections.push(Section { name: heading_name(heading, line)?, line, fields: Vec::new() });
            continue;
        }
        let (name, value) = split_field(content, line)?;
        let value = if value == "[" { Value::Texts(list(&mut lines, line)?) } else { one_line(value, line)? };
        if let Some(section) = sections.last_mut() {
            section.add(Field { name: name.to_owned(), line, value })?;
        }
    }
    Ok(sections)
}

impl Section {
    fn add(&mut self, field: Field) -> Result<(), LockError> {
        if self.fields.iter().any(|known| known.name == field.name) {
            return Err(LockProblem::Twice(field.name).at(field.line));
        }
        self.fields.push(field);
        Ok(())
    }
}

fn heading_name(heading: &str, line: usize) -> Result<String, LockError> {
    let name = heading.strip_suffix("]]").filter(|name| is_name(name));
    name.map(str::to_owned).ok_or_else(|| LockProblem::Syntax("a heading is [[name]]").at(line))
}

fn split_field(content: &str, line: usize) -> Result<(&str, &str), LockError> {
    let (name, value) =
        content.split_once('=').ok_or_else(|| LockProblem::Syntax("a field is name = value").at(line))?;
    let name = name.trim();
    if !is_name(name) {
        return Err(LockProblem::Syntax("a name has letters, digits, hyphens and dots").at(line));
    }
    Ok((name, value.trim()))
}

fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(is_part)
}

fn one_line(value: &str, line: usize) -> Result<Value, LockError> {
    if let Some(items) = value.strip_prefix('[') {
        let items = items.strip_suffix(']').ok_or(LockProblem::Syntax("the list has no end").at(line))?;
        return texts(items, line).map(Value::Texts);
    }
    if value.starts_with('"') {
        let (text, rest) = read_text(value, line)?;
        return match rest.trim() {
            "" => Ok(Value::Text(text)),
            _ => Err(LockProblem::Syntax("nothing follows a value on its line").at(line)),
        };
    }
    let number =
        value.parse().map_err(|_| LockProblem::Syntax("a value is a text, a number or a list").at(line));
    number.map(Value::Number)
}

/// The items of a list that goes over several lines, one a line.
fn list<'a>(
    lines: &mut impl Iterator<Item = (&'a str, usize)>,
    start: usize,
) -> Result<Vec<String>, LockError> {
    let mut items = Vec::new();
    for (content, line) in lines {
        if content == "]" {
            return Ok(items);
        }
        items.extend(texts(content, line)?);
    }
    Err(LockProblem::Syntax("the list has no end").at(start))
}

/// Texts with commas between them, and one more behind the last if it likes.
fn texts(content: &str, line: usize) -> Result<Vec<String>, LockError> {
    let mut texts = Vec::new();
    let mut rest = content.trim();
    while !rest.is_empty() {
        let (text, behind) = read_text(rest, line)?;
        texts.push(text);
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if behind.is_empty() => behind,
            None => return Err(LockProblem::Syntax("texts in a list have commas between them").at(line)),
        };
    }
    Ok(texts)
}

/// The text in quotation marks at the beginning, and what is behind it.
fn read_text(quoted: &str, line: usize) -> Result<(String, &str), LockError> {
    let error = |problem| LockProblem::Syntax(problem).at(line);
    let mut symbols = quoted.strip_prefix('"').ok_or_else(|| error("a text is in quotation marks"))?.chars();
    let mut text = String::new();
    loop {
        match symbols.next().ok_or_else(|| error("the text has no end"))? {
            '"' => return Ok((text, symbols.as_str())),
            '\\' => {
                let symbol = read_escaped(&mut symbols);
                text.push(symbol.ok_or_else(|| error("behind a backslash is one of \" \\ n r t uXXXX"))?);
            }
            symbol => text.push(symbol),
        }
    }
}

fn read_escaped(symbols: &mut std::str::Chars<'_>) -> Option<char> {
    match symbols.next()? {
        symbol @ ('"' | '\\') => Some(symbol),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => {
            let (code, rest) = symbols.as_str().split_at_checked(4)?;
            *symbols = rest.chars();
            // A sign is no digit, but the parser would take it.
            let code = code.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(code)?;
            char::from_u32(u32::from_str_radix(code, 16).ok()?)
        }
        _ => None,
    }
}

/// A text as TOML writes it, in quotation marks.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for symbol in self.0.chars() {
            match symbol {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                symbol if symbol.is_control() => write!(f, "\\u{:04X}", u32::from(symbol))?,
                symbol => f.write_char(symbol)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_and_fields_are_read_with_their_lines() {
        let text = "# a comment\nformat = 1\n\n[[part.of-it]]\nname = \"a \\\"b\\\"\"\nlist = [\"x\", \"y\"]\nlong = [\n  \"z\",\n]\n";
        let field = |name: &str, line, value| Field { name: name.to_owned(), line, value };
        let expected = [
            Section { name: String::new(), line: 1, fields: vec![field("format", 2, Value::Number(1))] },
            Section {
                name: "part.of-it".to_owned(),
                line: 4,
                fields: vec![
                    field("name", 5, Value::Text("a \"b\"".to_owned())),
                    field("list", 6, Value::Texts(vec!["x".to_owned(), "y".to_owned()])),
                    field("long", 7, Value::Texts(vec!["z".to_owned()])),
                ],
            },
        ];
        assert_eq!(sections(text).unwrap(), expected);
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &Expect) {
        expected.assert_eq(&sections(text).unwrap_err().to_string());
    }

    #[test]
    fn other_toml_and_what_is_none_is_refused_with_its_line() {
        let cases = [
            "a = 1.5",
            "a = true",
            "a = 'x'",
            "a = {}",
            "a = [1]",
            "[a]",
            "a",
            "a b = 1",
            "a = \"x\" y",
            "a = \"x",
            "a = \"\\x\"",
            "a = [\"x\"",
            "a = [\"x\" \"y\"]",
            "a = \"\\u00\"",
            "a = \"\\u+041\"",
            "= 1",
            "[[]]",
        ];
        for case in cases {
            let error = sections(&format!("x = 1\n{case}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{case}");
            assert!(matches!(error.problem, LockProblem::Syntax(_)), "{case}");
        }
        check_refused("a = 1\na = 2", &expect![[r#"line 2: the field "a" is there twice"#]]);
        check_refused(
            "a = [\n\"x\",\n",
            &expect![
                "line 1: this is not written as a lock is: the list has no end; let the test that keeps the file write it anew"
            ],
        );
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in any::<String>()) {
            let read = sections(&format!("a = {}", Quoted(&text))).unwrap();
            prop_assert_eq!(&read[0].fields[0].value, &Value::Text(text));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            drop(sections(&text));
        }
    }
}
