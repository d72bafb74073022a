//! How a processor fails.

use std::error::Error;
use std::fmt;

use crate::node::NodeError;

/// Why a processor could not go on. Every error becomes one by `?`; texts do by [`ProcessorError::new`].
pub struct ProcessorError(Cause);

pub(crate) enum Cause {
    /// The processor says so.
    Refused(Box<dyn Error + Send + Sync>),
    /// An entry of a store cannot be read or written, or the store failed.
    Task(NodeError),
    /// A store failed to write; the context knows more.
    Stopped,
}

impl ProcessorError {
    /// An error, or what is wrong in a text.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Cause::Refused(error.into()))
    }

    pub(super) fn stopped() -> Self {
        Self(Cause::Stopped)
    }

    pub(crate) fn into_cause(self) -> Cause {
        self.0
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for ProcessorError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// What a task knows of an error; a processor passes it on.
pub(super) fn of_task(error: NodeError) -> ProcessorError {
    ProcessorError(Cause::Task(error))
}

impl fmt::Debug for ProcessorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Refused(error) => fmt::Debug::fmt(error, f),
            Cause::Task(error) => fmt::Debug::fmt(error, f),
            Cause::Stopped => f.write_str("the store failed to write"),
        }
    }
}

impl fmt::Display for ProcessorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Refused(error) => fmt::Display::fmt(error, f),
            Cause::Task(error) => fmt::Display::fmt(error, f),
            Cause::Stopped => f.write_str("the store failed to write"),
        }
    }
}
