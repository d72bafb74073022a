//! The words that authors write topologies in: streams, tables, groups, windows.
//!
//! Each method adds a node to the draft and a typed step behind the outlet, and gives back what comes out. Nothing runs.

mod cogroup;
mod flow;
mod grouped;
mod grouped_table;
mod route;
mod stream;
mod table;
mod table_values;
mod to_table;

pub use cogroup::{CogroupedStream, WindowedCogroupedStream};
pub use flow::Split;
pub use grouped::{GroupedStream, WindowedStream};
pub use grouped_table::GroupedTable;
pub use stream::Stream;
pub(crate) use table::LookupFactory;
pub use table::{GlobalTable, Table};
