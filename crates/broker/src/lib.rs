//! The embedded broker: Kafka's protocol over one data folder.
//!
//! Owns: the listener and connections ([`Broker::listen`], [`Broker::serve_connection`]), one handler per API, topics and
//! their settings, the threads that do the logs' work, durability and the high watermark.
//!
//! Invariants: consumers see nothing that a crash can lose (with [`Durability::Fsync`]); requests of one connection are
//! answered in order; what comes from outside is bounded ([`Limits`]) and never panics; nobody on the network reaches a
//! broker that does not authenticate, unless its configuration says so. On a current-thread runtime with paused time,
//! [`Execution::Inline`] and a simulated disk, the same inputs give the same trace.
//!
//! Does not know: files' layout (the log's), groups' rules (the coordinator's), who its clients are.

mod api;
mod broker;
mod config;
mod connection;
mod coordinator;
mod error;
mod fetch;
mod groups;
mod handler;
mod listener;
mod metadata;
mod partition;
mod share;
mod storage;
mod topics;
mod transactions;

pub use broker::Broker;
pub use broker::import::{ImportError, ImportedPartition, TopicImport, import_topic};
pub use config::{Advertised, BrokerConfig, Durability, Execution, GroupBounds, GroupSettingError, Limits};
pub use error::BrokerError;
pub use groups::settings::{GroupSettings, ShareOffsetReset};
pub use headwater_coordinator::{GroupsConfig, SharePartitionsConfig, TransactionsConfig};
pub use listener::RunningBroker;
pub use partition::{Acks, AppendError, Appending, Origin, Partition};
pub use topics::settings::SettingError;
pub use topics::{Topic, TopicError};
