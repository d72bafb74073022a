//! What the broker knows of its cluster, as a fold over events.
//!
//! Owns: [`ClusterState`], the pure state; [`records`], how events are written; [`store`], the event log
//! `__headwater_metadata`.
//!
//! Invariants: the state is a function of the events, in order; nothing but an event changes it.
//!
//! Does not know: partitions as running things ([`crate::topics`]), requests.

pub(crate) mod records;
pub(crate) mod state;
pub(crate) mod store;

pub(crate) use records::{Event, MOST_PARTITIONS, Settings, TopicCreated};
pub(crate) use state::{ClusterState, TopicState};
pub(crate) use store::MetadataStore;
