//! The words that authors write topologies in: streams, tables, groups, windows.
//!
//! Each method adds a node to the draft and a typed step behind the outlet, and gives back what comes out. Nothing runs.

mod deduplicate;
mod grouped;
mod session;
mod stream;
mod suppress;
mod table;
mod windowed;

pub use grouped::{GroupedStream, WindowedStream};
pub use session::SessionWindowedStream;
pub use stream::Stream;
pub use suppress::{Buffer, EagerBuffer, StrictBuffer, Suppressed};
pub(crate) use table::LookupFactory;
pub use table::{GlobalTable, Table};
pub use windowed::Windows;
