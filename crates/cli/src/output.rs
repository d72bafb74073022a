//! What people and programs see: tables and JSON lines on standard output.

use std::io::{self, Write};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

/// Prints one JSON object on one line.
pub(crate) fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    io::stdout().lock().write_all(&line)?;
    Ok(())
}

/// Prints a line of text.
pub(crate) fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(())
}

/// Prints rows under headings, without borders, as wide as they need to be.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings);
    for row in rows {
        table.add_row(row);
    }
    for text in table.lines() {
        line(text.trim())?;
    }
    Ok(())
}

/// Bytes for people and JSON: text if they are UTF-8, else `{"base64": …}`; null stays null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Payload<'a> {
    /// No bytes at all: a null key or value.
    Null,
    /// UTF-8.
    Text(&'a str),
    /// Anything else.
    Binary {
        /// The bytes, standard base64 with padding.
        base64: String,
    },
}

impl<'a> Payload<'a> {
    pub(crate) fn new(bytes: Option<&'a [u8]>) -> Self {
        match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => Self::Null,
            Some((_, Ok(text))) => Self::Text(text),
            Some((bytes, Err(_))) => Self::Binary { base64: BASE64_STANDARD.encode(bytes) },
        }
    }
}

impl std::fmt::Display for Payload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("(null)"),
            Self::Text(text) => f.write_str(text),
            Self::Binary { base64 } => write!(f, "(base64) {base64}"),
        }
    }
}

/// True if whoever read our output (such as `head`) has had enough.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_text_and_binary_are_told_apart() {
        let json = |bytes| serde_json::to_string(&Payload::new(bytes)).unwrap();
        assert_eq!(json(None), "null");
        assert_eq!(json(Some(b"")), "\"\"");
        assert_eq!(json(Some(&[0xff])), r#"{"base64":"/w=="}"#);
    }
}
