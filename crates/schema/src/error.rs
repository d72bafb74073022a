//! Why a value could not be written or read: the type, the place, the bytes around it.

use std::any::type_name;
use std::fmt;

/// Why a value could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SerdeError {
    /// The Rust type of the value, without module paths.
    pub type_name: String,
    /// What was wrong.
    pub problem: Problem,
    /// Where in the bytes, counted from 0, where that is known.
    pub position: Option<usize>,
    /// A printable excerpt of the bytes around the position; empty where there are none.
    pub snippet: String,
}

/// What was wrong with a value or its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The bytes do not stand for a value of the type: what the format's reader said.
    Malformed(String),
    /// The value cannot be expressed in the format: what the format's writer said.
    Unwritable(String),
    /// Null was found, and the type has no value for it.
    UnexpectedNull,
}

/// Which part of a record an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The record's key.
    Key,
    /// The record's value.
    Value,
}

/// How many bytes a snippet shows at most, on either side of the position.
const SNIPPET_RADIUS: usize = 24;

impl SerdeError {
    /// `bytes` are no `T`: what the reader said, and where if it knows.
    pub fn malformed<T>(reason: impl fmt::Display, bytes: &[u8], position: Option<usize>) -> Self {
        Self {
            type_name: short_type_name::<T>(),
            problem: Problem::Malformed(reason.to_string()),
            position,
            snippet: snippet(bytes, position.unwrap_or(0)),
        }
    }

    /// A `T` that the format cannot express.
    pub fn unwritable<T>(reason: impl fmt::Display) -> Self {
        Self {
            type_name: short_type_name::<T>(),
            problem: Problem::Unwritable(reason.to_string()),
            position: None,
            snippet: String::new(),
        }
    }

    /// Null where a `T` was needed.
    pub fn unexpected_null<T>() -> Self {
        Self {
            type_name: short_type_name::<T>(),
            problem: Problem::UnexpectedNull,
            position: None,
            snippet: String::new(),
        }
    }
}

impl fmt::Display for SerdeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Malformed(reason) => write!(f, "not a {}: {reason}", self.type_name)?,
            Problem::Unwritable(reason) => write!(f, "this {} cannot be written: {reason}", self.type_name)?,
            Problem::UnexpectedNull => {
                return write!(
                    f,
                    "null where a {} is needed (read it with `optional(..)` if null is legal here)",
                    self.type_name
                );
            }
        }
        if let Some(position) = self.position {
            write!(f, " at byte {position}")?;
        }
        if self.snippet.is_empty() { Ok(()) } else { write!(f, ", near `{}`", self.snippet) }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// The name of a type without module paths, which is the same on every compiler: `Option<Flight>` for
/// `core::option::Option<flights::model::Flight>`.
pub fn short_type_name<T: ?Sized>() -> String {
    let mut short = String::new();
    let mut word_start = 0;
    for symbol in type_name::<T>().chars() {
        short.push(symbol);
        if short.ends_with("::") {
            short.truncate(word_start);
        } else if !symbol.is_alphanumeric() && symbol != '_' && symbol != ':' {
            word_start = short.len();
        }
    }
    short
}

/// The bytes around `position` as printable text, with dots where some were left out.
fn snippet(bytes: &[u8], position: usize) -> String {
    let from = position.saturating_sub(SNIPPET_RADIUS).min(bytes.len());
    let to = position.saturating_add(SNIPPET_RADIUS).min(bytes.len());
    let shown = String::from_utf8_lossy(bytes.get(from..to).unwrap_or_default());
    let mut text = String::new();
    if from > 0 {
        text.push_str("...");
    }
    for symbol in shown.chars() {
        if symbol.is_control() {
            text.extend(symbol.escape_default());
        } else {
            text.push(symbol);
        }
    }
    if to < bytes.len() {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_are_printed_without_their_modules() {
        assert_eq!(short_type_name::<Option<Vec<SerdeError>>>(), "Option<Vec<SerdeError>>");
        assert_eq!(short_type_name::<(String, &[u8])>(), "(String, &[u8])");
    }

    #[test]
    fn a_snippet_is_short_and_printable_whatever_the_bytes() {
        assert_eq!(snippet(b"", 7), "");
        assert_eq!(snippet(b"ab\ncd", 2), "ab\\ncd");
        assert_eq!(snippet(&[0xff, b'a'], 0), "\u{fffd}a");
        let long = vec![b'x'; 100];
        assert_eq!(snippet(&long, 50), format!("...{}...", "x".repeat(48)));
        assert_eq!(snippet(&long, usize::MAX), "...");
    }
}
