//! The words that authors write topologies in: streams, tables, groups, windows.
//!
//! Each method adds a node to the draft and a typed step behind the outlet, and gives back what comes out. Nothing runs.

mod foreign_key;
mod grouped;
mod stream;
mod stream_join;
mod table;
mod table_join;
mod versioned;

pub use grouped::{GroupedStream, WindowedStream};
pub use stream::Stream;
pub(crate) use table::LookupFactory;
pub use table::{GlobalTable, Table};
pub use versioned::VersionedTable;
