//! What a rule found, where, and what to do about it.

use std::fmt;

/// One thing to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The file, relative to the repository.
    pub(super) path: String,
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong, and what to do.
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}
