//! The words that authors write topologies in: streams, tables, groups, windows.
//!
//! Each method adds a node to the draft and a typed step behind the outlet, and gives back what comes out. Nothing runs.

mod grouped;
mod stream;
mod table;

pub use grouped::{GroupedStream, WindowedStream};
pub use stream::Stream;
pub(crate) use table::LookupFactory;
pub use table::{GlobalTable, Table};
