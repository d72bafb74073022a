//! Processors: what authors write where the DSL has no word for it.
//!
//! Owns: the traits that a processor implements, what it is lent while it works (stores, timers, clocks, the way to what
//! is behind it), and how it fails.
//!
//! Invariants: a processor reaches the stores that it was declared with, and no others; a processor whose keys are fixed
//! hands on no record under another key; a store that failed to write stops the task, whatever the processor makes of
//! that.
//!
//! Does not know: where it stands in the topology, other tasks, when something is committed.

mod context;
mod error;
mod fixed_key;
mod key_value_store;
mod window_store;

use headwater_model::Timestamp;

use crate::record::{Data, Record};

pub use crate::context::{PunctuationType, Timer};
pub(crate) use context::At;
pub use context::{ProcessingContext, ProcessorContext, RecordMetadata};
pub(crate) use error::Cause;
pub use error::ProcessorError;
pub(crate) use fixed_key::FixedKey;
pub use fixed_key::{FixedKeyProcessor, FixedKeyProcessorContext, FixedKeyRecord};
pub use key_value_store::KeyValueStore;
pub use window_store::WindowStore;

/// Makes any number of records of each that it takes, with stores and timers; see
/// [`Stream::process`](crate::Stream::process). `K` and `V` are what it takes.
///
/// Each task makes a processor of its own, and drops it when the task ends. What must outlive that belongs in stores:
/// fields of the processor are gone, and so are its timers, until `init` sets them again.
pub trait Processor<K, V>: Send + 'static {
    /// The keys of the records that it hands on.
    type Key: Data;
    /// The values of the records that it hands on.
    type Value: Data;

    /// Is called once when a task begins, before the first record, with its stores as they were left: the place to set
    /// timers. An error stops the task.
    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Result<(), ProcessorError> {
        let _ = context;
        Ok(())
    }

    /// Takes a record. Nothing is handed on but by [`ProcessorContext::forward`].
    ///
    /// What the policy for processing errors makes of an error is up to the application; what was stored and handed on
    /// before the error stays.
    fn process(
        &mut self,
        record: Record<K, V>,
        context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), ProcessorError>;

    /// Is called when a timer is due, with the time that its clock shows.
    ///
    /// No record stands for it, so an error cannot become a dead letter: it stops the task unless the policy for
    /// processing errors is to skip.
    fn punctuate(
        &mut self,
        timer: Timer,
        time: Timestamp,
        context: &mut ProcessorContext<'_, Self::Key, Self::Value>,
    ) -> Result<(), ProcessorError> {
        let _ = (timer, time, context);
        Ok(())
    }
}
