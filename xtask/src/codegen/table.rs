//! The grammar of the field tables.
//!
//! ```text
//! api Fetch 1                          the API's name and code; a table without it holds plain data
//!
//! request 4-18 flexible 12+            also: response ..., data NAME ...
//!   ClusterId string? 12+ tag 0 = null
//!   Topics []FetchTopic                what is indented below a field defines its struct
//!     Topic string 4-12
//!   Names []string?2-7 1-7             nullable in versions 2 to 7 only
//!
//! struct TopicPartitions               a struct that several fields of the message above share
//!   Partitions []int32
//! ```
//!
//! A field's line is `Name type[?[nullable versions]] [versions] [tag N] [= default]`. Versions left out are those of
//! the struct. Defaults left out are zero, false, empty; null for records.

use anyhow::{Context, bail, ensure};

use super::versions::Versions;

/// A table as written.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Name and code.
    pub(crate) api: Option<(String, i16)>,
    pub(crate) messages: Vec<MessageLines>,
}

/// A message as written: its own fields, and the structs that are defined within it.
#[derive(Debug)]
pub(crate) struct MessageLines {
    pub(crate) kind: Kind,
    pub(crate) versions: Versions,
    pub(crate) flexible: Option<Versions>,
    /// The first one is the message itself and has no name.
    pub(crate) structs: Vec<StructLines>,
}

/// What a message is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    Data(String),
}

#[derive(Debug)]
pub(crate) struct StructLines {
    pub(crate) name: String,
    pub(crate) fields: Vec<FieldLine>,
}

#[derive(Debug)]
pub(crate) struct FieldLine {
    pub(crate) name: String,
    /// Without `[]`.
    pub(crate) type_name: String,
    pub(crate) is_array: bool,
    pub(crate) nullable: Option<Versions>,
    pub(crate) versions: Versions,
    pub(crate) tag: Option<u32>,
    pub(crate) default: Option<String>,
}

/// Reads a table.
pub(crate) fn parse(text: &str) -> anyhow::Result<Table> {
    let mut table = Table::default();
    // The structs that the current line is within: the depth of their fields, and their place in the message.
    let mut open: Vec<usize> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if !line.is_empty() {
            parse_line(&mut table, &mut open, line)
                .with_context(|| format!("line {}: {}", index + 1, line.trim_start()))?;
        }
    }
    Ok(table)
}

fn parse_line(table: &mut Table, open: &mut Vec<usize>, line: &str) -> anyhow::Result<()> {
    let content = line.trim_start();
    let indent = line.len() - content.len();
    ensure!(indent.is_multiple_of(2), "indentation is by two spaces");
    let words: Vec<&str> = content.split_whitespace().collect();
    if indent == 0 {
        return parse_head(table, open, &words);
    }
    let message = table.messages.last_mut().context("a field before any message")?;
    let depth = indent / 2;
    if depth == open.len() + 1 {
        let field = open
            .last()
            .and_then(|place| message.structs.get(*place))
            .and_then(|owner| owner.fields.last())
            .context("a field within nothing")?;
        let name = field.type_name.clone();
        open.push(message.structs.len());
        message.structs.push(StructLines { name, fields: Vec::new() });
    }
    ensure!(depth <= open.len(), "indented too deeply");
    open.truncate(depth);
    let owner =
        open.last().and_then(|place| message.structs.get_mut(*place)).context("a field within nothing")?;
    owner.fields.push(parse_field(&words)?);
    Ok(())
}

fn parse_head(table: &mut Table, open: &mut Vec<usize>, words: &[&str]) -> anyhow::Result<()> {
    let (kind, versions) = match words {
        ["api", name, code] => {
            table.api = Some(((*name).to_owned(), code.parse()?));
            return Ok(());
        }
        ["struct", name] => {
            let message = table.messages.last_mut().context("a struct before any message")?;
            *open = vec![message.structs.len()];
            message.structs.push(StructLines { name: (*name).to_owned(), fields: Vec::new() });
            return Ok(());
        }
        ["request", versions @ ..] => (Kind::Request, versions),
        ["response", versions @ ..] => (Kind::Response, versions),
        ["data", name, versions @ ..] => (Kind::Data((*name).to_owned()), versions),
        _ => bail!("neither api, request, response, data nor struct"),
    };
    let (versions, flexible) = match versions {
        [versions] => (versions.parse()?, None),
        [versions, "flexible", flexible] => (versions.parse()?, Some(flexible.parse()?)),
        _ => bail!("versions, then perhaps 'flexible' and versions, should follow"),
    };
    let root = StructLines { name: String::new(), fields: Vec::new() };
    table.messages.push(MessageLines { kind, versions, flexible, structs: vec![root] });
    *open = vec![0];
    Ok(())
}

fn parse_field(words: &[&str]) -> anyhow::Result<FieldLine> {
    let [name, type_word, rest @ ..] = words else {
        bail!("a field needs a name and a type");
    };
    let (type_word, nullable) = match type_word.split_once('?') {
        None => (*type_word, None),
        Some((type_word, "")) => (type_word, Some(Versions::ALL)),
        Some((type_word, versions)) => (type_word, Some(versions.parse()?)),
    };
    let mut field = FieldLine {
        name: (*name).to_owned(),
        type_name: type_word.trim_start_matches("[]").to_owned(),
        is_array: type_word.starts_with("[]"),
        nullable,
        versions: Versions::ALL,
        tag: None,
        default: None,
    };
    let mut rest = rest;
    if let [first, after @ ..] = rest
        && first.starts_with(|letter: char| letter.is_ascii_digit())
    {
        field.versions = first.parse()?;
        rest = after;
    }
    if let ["tag", tag, after @ ..] = rest {
        field.tag = Some(tag.parse()?);
        rest = after;
    }
    if let ["=", default, after @ ..] = rest {
        field.default = Some((*default).to_owned());
        rest = after;
    }
    ensure!(rest.is_empty(), "cannot read '{}'", rest.join(" "));
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_defines_the_struct_of_the_field_above() {
        let table = parse("request 0-1\n  Topics []Topic\n    Name string\n  After int8\n").unwrap();
        let structs: Vec<_> = table.messages[0]
            .structs
            .iter()
            .map(|lines| {
                (lines.name.as_str(), lines.fields.iter().map(|field| field.name.as_str()).collect())
            })
            .collect();
        assert_eq!(structs, [("", vec!["Topics", "After"]), ("Topic", vec!["Name"])]);
    }

    #[test]
    fn a_field_line_names_type_versions_tag_and_default() {
        let field = parse_field(&["A", "[]string?2-7", "1+", "tag", "3", "=", "null"]).unwrap();
        assert!(field.is_array);
        assert_eq!(field.type_name, "string");
        assert_eq!(field.nullable, Some(Versions { first: 2, last: 7 }));
        assert_eq!(field.versions, Versions { first: 1, last: i16::MAX });
        assert_eq!((field.tag, field.default.as_deref()), (Some(3), Some("null")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["A", "A int8 1+ what", "A int8 2-1"] {
            assert!(parse_field(&line.split(' ').collect::<Vec<_>>()).is_err(), "{line}");
        }
        for text in ["  A int8\n", "request 0-1\n    A int8\n", "struct A\n", "request 0-1\n   A int8\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
