//! The Kafka client: producer, consumer, group membership, admin calls.
//!
//! Owns: connections to a cluster, what is known about it, and the protocols by which records are produced and
//! consumed. It works with Apache Kafka 3.9 and later and with the embedded broker.
//!
//! Invariants: decisions (what to send when, what an answer means) are made by pure machines that take the time as an
//! argument; drivers around them move bytes. The byte stream, the clock and the randomness are handed in, so that
//! client and broker can run together in a simulation. A record that was sent is acknowledged, not written, or
//! possibly written, and its result says which.
//!
//! Does not know: the broker's inside, schemas, topologies.
//!
//! ```no_run
//! use headwater_client::admin::NewTopic;
//! use headwater_client::{Client, ClientConfig, ProducerConfig, ProducerRecord};
//! use headwater_model::TopicName;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(ClientConfig::new(["localhost:9092"])).await?;
//! let flights = TopicName::new("flights")?;
//! client.admin().create_topic(NewTopic::new(flights.clone(), 4)).await?;
//!
//! let producer = client.producer(ProducerConfig::default());
//! for origin in ["EWR", "JFK", "LGA"] {
//!     producer.send(ProducerRecord::new(&flights, b"{}").key(origin.as_bytes())).await?;
//! }
//! producer.flush().await?; // every record so far is acknowledged, or this is the first error
//! # Ok(())
//! # }
//! ```

pub mod admin;
mod assignor;
mod call;
mod client;
mod cluster;
mod config;
mod connection;
mod connector;
mod consumer;
mod error;
mod fetcher;
mod group_call;
mod membership;
mod metrics;
mod pool;
pub mod producer;
mod retry;
mod share;
mod streams_group;
mod tasks;
mod timer;

pub use admin::{Admin, AdminError};
pub use assignor::Assignor;
pub use client::Client;
pub use config::{ClientConfig, InvalidAddress};
pub use connection::Disconnect;
pub use connector::{Connector, TcpConnector};
pub use consumer::{
    CommitError, CommittedOffset, ConsumeError, Consumer, ConsumerConfig, ConsumerEvent,
    ConsumerGroupMetadata, Fetched, GroupError, GroupProtocol, InvalidPattern, Isolation, OffsetReset,
    PendingCommit, StartAt, TopicPattern, Watermarks,
};
pub use error::{CallError, ConnectError, MetadataError, Unreachable};
pub use metrics::{ClientMetrics, ConsumerMetrics, ProducerMetrics};
pub use producer::{
    Acks, Delivery, Producer, ProducerConfig, ProducerRecord, RecordMetadata, SendError, SendFailure,
    Transaction, TransactionError, TransactionFailure, TransactionalConfig, TransactionalProducer,
    partition_for_key,
};
pub use share::{
    AcknowledgeCause, AcknowledgeFailure, AcknowledgeFailures, Acknowledgement, Acknowledging, Acquired,
    AcquiredRange, NotAcquired, ShareConsumer, ShareConsumerConfig, ShareError, ShareRecord,
};
pub use streams_group::{
    GroupSubtopology, GroupTopology, StreamsEvent, StreamsGroupMember, StreamsMemberConfig,
};
pub use tasks::{
    Endpoint, EndpointPartitions, StreamsStatus, StreamsStatusCode, TaskAssignment, TaskId, TaskOffsets,
    Tasks,
};
