//! The words that authors write topologies in: streams, tables, groups, windows.
//!
//! Each method adds a node to the draft and a typed step behind the outlet, and gives back what comes out. Nothing runs.

mod cogroup;
mod deduplicate;
mod flow;
mod foreign_key;
mod grouped;
mod grouped_table;
mod process;
mod route;
mod session;
mod store;
mod stream;
mod stream_join;
mod suppress;
mod table;
mod table_join;
mod table_values;
mod timed;
mod to_table;
mod versioned;
mod windowed;
mod windowed_cogroup;

pub use cogroup::CogroupedStream;
pub use flow::Split;
pub use grouped::{GroupedStream, WindowedStream};
pub use grouped_table::GroupedTable;
pub use session::SessionWindowedStream;
pub use store::{StoreBuilder, Stores};
pub use stream::Stream;
pub use suppress::{Buffer, EagerBuffer, StrictBuffer, Suppressed};
pub(crate) use table::LookupFactory;
pub use table::{GlobalTable, Table};
pub use versioned::VersionedTable;
pub use windowed::Windows;
pub use windowed_cogroup::{SessionWindowedCogroupedStream, WindowedCogroupedStream};
