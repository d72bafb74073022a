//! `topology.lock`: what a topology is made of, as a text for version control, and what a change of it means.
//!
//! Owns: the lock as a value and as a text, the comparison of two, the helper that keeps a checked-in lock true.
//!
//! Invariants: the same topology gives the same text, whatever the compiler; what is printed is read back as the same
//! value; a comparison is a pure function that finds nothing between a lock and itself.
//!
//! Does not know: what closures do, how many partitions topics have, what runs; files, but for [`assert_lock`].

mod compare;
mod error;
mod kept;
mod read;
mod taken;
mod toml;
mod write;

use std::collections::BTreeMap;

use crate::graph::SourceRole;

pub use compare::{Effect, Finding, Report, compare};
pub use error::{LockError, LockProblem};
pub use kept::assert_lock;

/// The format that is written, and the newest that is read.
pub const FORMAT: i64 = 1;

/// What a topology is made of, as `topology.lock` records it: everything that the next version must agree with, or that
/// makes it another one.
///
/// It prints as the file's text, and is read from that by [`str::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopologyLock {
    /// The application's id.
    pub application_id: String,
    /// What is promised about each record's effects, in words.
    pub guarantee: String,
    /// The watermarks that it goes by, in words; `None` if it goes by stream time.
    pub watermarks: Option<String>,
    /// The topics of global tables.
    pub global_tables: Vec<LockedTopic>,
    /// The sub-topologies, in the order of their numbers.
    pub sub_topologies: Vec<LockedSubTopology>,
}

/// A part of a topology that runs as one task per partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockedSubTopology {
    /// What it reads, in the order of declaration, which settles ties between records of one time.
    pub sources: Vec<LockedSource>,
    /// What it writes for others.
    pub sinks: Vec<LockedTopic>,
    /// The repartition topics that it writes.
    pub repartitions: Vec<String>,
    /// Its stores.
    pub stores: Vec<LockedStore>,
    /// Its operators that have a name of the author's.
    pub operators: Vec<LockedOperator>,
    /// Topics that must have equal partition counts.
    pub copartitioned: Vec<LockedCopartition>,
    /// Everything that is done, as trees from its sources to its sinks: a line a step, indented under the one before.
    pub steps: Vec<String>,
}

/// A topic, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedTopic {
    /// Its name.
    pub topic: String,
    /// What it holds.
    pub format: Option<KeyValueFormat>,
}

/// A topic that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedSource {
    /// The topic, and what it holds.
    pub topic: LockedTopic,
    /// What it is read as.
    pub role: SourceRole,
    /// How many partitions it has, if that is for the author to say.
    pub partitions: Option<i64>,
}

/// What a sub-topology remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedStore {
    /// Its name.
    pub name: String,
    /// What kind of store it is, in words.
    pub kind: String,
    /// What else determines what it holds, in milliseconds: `size`, `grace`, `history` and so on.
    pub parameters_ms: BTreeMap<String, i64>,
    /// What it holds; `None` if that is of several types.
    pub format: Option<KeyValueFormat>,
    /// The topic that it can be restored from: a changelog of its own, or the topic that it is read from.
    pub backed_by: String,
}

/// An operator that has a name of the author's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedOperator {
    /// Its name.
    pub name: String,
    /// What it does, in the words of the library.
    pub verb: String,
    /// What else is known of it.
    pub detail: Option<String>,
    /// The stores that it uses.
    pub stores: Vec<String>,
}

/// Topics that must have equal partition counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedCopartition {
    /// The topics.
    pub topics: Vec<String>,
    /// The operators that need it.
    pub operators: Vec<String>,
}

/// What keys and values are, and how they become bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyValueFormat {
    /// The keys.
    pub key: Format,
    /// The values.
    pub value: Format,
}

/// What something is, and how it becomes bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Format {
    /// The author's type, without module paths.
    pub type_name: String,
    /// The serde, as it [describes](headwater_schema::Serde::describe) itself.
    pub serde: String,
}
