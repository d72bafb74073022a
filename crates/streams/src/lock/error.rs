//! Why a text is no lock.

/// Why a text is no lock: which line, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LockError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: LockProblem,
}

/// What is wrong with a text that is to be a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockProblem {
    /// It is not written as locks are.
    #[error("this is not written as a lock is: {0}; let the test that keeps the file write it anew")]
    Syntax(&'static str),
    /// A newer version wrote it.
    #[error(
        "the lock has format {found}, and this version reads up to {known}: use the version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The format of the text.
        found: i64,
        /// The newest format that is known.
        known: i64,
    },
    /// No format was ever numbered so.
    #[error("there is no format {0}")]
    UnknownFormat(i64),
    /// A part has no such field, and needs one.
    #[error("{section} lacks the field \"{field}\"")]
    Missing {
        /// The part.
        section: String,
        /// The field.
        field: &'static str,
    },
    /// A part has a field that this format does not know.
    #[error("{section} has no field \"{field}\" in this format")]
    UnknownField {
        /// The part.
        section: String,
        /// The field.
        field: String,
    },
    /// There is no such part in this format.
    #[error("there is no part [[{0}]] in this format")]
    UnknownSection(String),
    /// A part of a sub-topology before any sub-topology.
    #[error("[[{0}]] belongs to a sub-topology, and none has begun")]
    Misplaced(String),
    /// Sub-topologies are numbered from 0 without gaps.
    #[error("here comes sub-topology {expected}, not {found}")]
    Number {
        /// The number that comes next.
        expected: i64,
        /// The number there.
        found: i64,
    },
    /// A field is there twice.
    #[error("the field \"{0}\" is there twice")]
    Twice(String),
    /// A field has a value that it cannot have.
    #[error("the field \"{field}\" must be {wanted}")]
    Value {
        /// The field.
        field: String,
        /// What it must be.
        wanted: &'static str,
    },
}

impl LockProblem {
    pub(super) fn at(self, line: usize) -> LockError {
        LockError { line, problem: self }
    }
}
