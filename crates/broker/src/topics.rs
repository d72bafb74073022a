//! The topics that the broker serves, and how they come and go.
//!
//! Owns: [`registry`], the running topics by name and id; [`creation`] and [`change`], the rules for new ones and for
//! changes; [`admin`], which makes and removes them, [`alteration`], which changes them; [`settings`], what can be set for
//! them; [`told`], what group coordination is told of them.
//!
//! Invariants: a topic is in the registry only once its event is durable and its logs are open; a name is busy, and cannot
//! be taken, while its topic is being made or removed.
//!
//! Does not know: requests; how a log works.

mod admin;
mod alteration;
pub(crate) mod change;
pub(crate) mod creation;
pub(crate) mod registry;
pub(crate) mod settings;
mod told;

pub(crate) use creation::NewTopic;
pub use creation::TopicError;
pub(crate) use registry::Registry;
pub use registry::Topic;
pub(crate) use told::Told;

/// Kafka's internal topic of committed offsets and classic groups; clients see it and cannot write it.
pub(crate) const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// Our internal topic of the newer kinds of group.
pub(crate) const GROUPS: &str = "__headwater_groups";
/// Our internal topic of what has become of records in share groups.
pub(crate) const SHARE_STATE: &str = "__headwater_share_state";
/// Kafka's internal topic of transactions.
pub(crate) const TRANSACTION_STATE: &str = "__transaction_state";
/// What begins so belongs to the broker alone: clients neither see, read, write nor create it.
pub(crate) const HIDDEN_PREFIX: &str = "__headwater_";

/// True for topics that no client may know of.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with(HIDDEN_PREFIX)
}

/// True for topics that clients may neither create, delete nor write.
pub(crate) fn is_internal(name: &str) -> bool {
    is_hidden(name) || name == CONSUMER_OFFSETS || name == TRANSACTION_STATE
}
