//! Why a broker cannot be opened or listen.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use headwater_log::{DataDirError, LogError};
use headwater_model::Offset;
use headwater_wire::batch::BatchError;

use crate::config::GroupSettingError;
use crate::metadata::records::EventError;
use crate::topics::settings::SettingError;

/// Why a broker cannot be opened or listen.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The metadata log cannot be opened, read or written.
    #[error("the metadata log cannot be used: {0}")]
    Metadata(#[source] LogError),
    /// The metadata log cannot be read.
    #[error("the metadata log cannot be read: {0}")]
    MetadataRead(#[source] io::Error),
    /// The metadata log holds a batch that is none.
    #[error("the metadata log holds a batch that cannot be read: {0}")]
    MetadataBatch(#[source] BatchError),
    /// Nothing can be read where there must be something.
    #[error("the metadata log has nothing at offset {0}, where an event must be")]
    MetadataGap(Offset),
    /// The folder of partitions cannot be read or written.
    #[error("the folder {} cannot be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The metadata log holds something else than events.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The data folder belongs to another cluster.
    #[error("the data folder belongs to cluster {found}, but the configuration says {configured}")]
    OtherCluster {
        /// The cluster in the folder.
        found: headwater_model::Uuid,
        /// The cluster in the configuration.
        configured: headwater_model::Uuid,
    },
    /// A default for topics is illegal.
    #[error("a default for topics is illegal: {0}")]
    TopicDefault(#[from] SettingError),
    /// Settings of groups do not go together.
    #[error(transparent)]
    GroupSetting(#[from] GroupSettingError),
    /// The log's threads could not be started.
    #[error("the log's threads could not be started: {0}")]
    Threads(#[source] io::Error),
    /// Opened outside of a Tokio runtime.
    #[error("a broker can be opened only within a Tokio runtime, which its background tasks run on")]
    NoRuntime,
    /// A listener that anybody on the network could use.
    #[error(
        "refusing to listen on {0}: it can be reached from other machines, and nobody would have to authenticate. \
         Listen on 127.0.0.1, or allow it with --insecure"
    )]
    Insecure(SocketAddr),
    /// The address is in use.
    #[error(
        "the address {0} is in use: stop the program that listens there, or choose another port (0 picks a free one)"
    )]
    AddressInUse(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
}
