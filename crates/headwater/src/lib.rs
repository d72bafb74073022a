//! The library for authors of event-driven services.
//!
//! Owns: the [`prelude`] and the re-exports of what authors need; no logic of its own.
//!
//! ```
//! use headwater::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Rate { pounds: f64 }
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Payment { currency: String, amount: f64 }
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Notice { text: String }
//!
//! fn topology() -> Result<Topology, TopologyError> {
//!     let mut app = Topology::builder("lunch-abroad").guarantee(AtLeastOnce);
//!     let rates = app.table("exchange-rates", json::<String, Rate>());
//!     app.stream("payments", json::<String, Payment>())
//!         .filter(|payment| payment.value.currency != "GBP")
//!         .select_key(|payment| payment.value.currency.clone())
//!         .join("payment-rate", &rates, |payment, rate| Notice {
//!             text: format!("{:.2} pounds", payment.value.amount * rate.pounds),
//!         })
//!         .to("notices", json());
//!     app.build()
//! }
//!
//! println!("{}", topology()?);
//! # Ok::<(), TopologyError>(())
//! ```
//!
//! A topology is a value: it prints itself, is tested without a broker ([`streams::TestDriver`]), and run
//! ([`streams::Streams`]).

pub use headwater_client as client;
pub use headwater_model as model;
pub use headwater_schema as schema;
pub use headwater_streams as streams;

/// What the author of a service needs, in one line: `use headwater::prelude::*;`.
pub mod prelude {
    pub use headwater_client::{
        Acknowledgement, Acknowledging, Assignor, Client, ClientConfig, ConsumerConfig, ConsumerEvent,
        GroupProtocol, Isolation, OffsetReset, ProducerConfig, ProducerRecord, SendError,
        ShareConsumerConfig, StartAt, TopicPattern, TransactionError, TransactionalConfig,
    };
    pub use headwater_model::{ErrorCode, Offset, PartitionId, Timestamp, TopicName, TopicPartition};
    pub use headwater_schema::{Json, Serde, bytes, ignored, json, long, optional, serdes, utf8};
    pub use headwater_streams::Guarantee::AtLeastOnce;
    pub use headwater_streams::{
        Buffer, Chooser, CogroupedStream, Consumed, EmitStrategy, ErrorPolicies, FixedKeyProcessor,
        FixedKeyProcessorContext, FixedKeyRecord, GlobalTable, GroupedStream, GroupedTable, HoppingWindows,
        InternalTopicConfigs, InvalidTimestamp, JoinWindows, KeyValueStore, OnError, Priority,
        ProcessingContext, Processor, ProcessorContext, ProcessorError, PunctuationType, Record, RoundRobin,
        SessionWindowedCogroupedStream, SessionWindowedStream, SessionWindows, SlidingWindows, Split,
        StoreBuilder, Stream, Streams, StreamsConfig, Suppressed, Table, TaskConfig, Timer, Topology,
        TopologyError, TumblingWindows, VersionedTable, Watermarks, WindowStore, Windowed,
        WindowedCogroupedStream, WindowedStream, session_windowed, windowed,
    };
}

/// The code of the book's page on producing and consuming compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/produce-and-consume.md")]
mod produce_and_consume_page {}

/// The code of the book's page on topologies compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/topologies.md")]
mod topologies_page {}

/// The code of the book's page on joins compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/joins.md")]
mod joins_page {}

/// The code of the book's page on stores compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/stores.md")]
mod stores_page {}
/// The code of the book's page on time compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/time.md")]
mod time_page {}

/// The code of the book's page on windows compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/windows.md")]
mod windows_page {}

/// The code of the book's page on processors compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/processors.md")]
mod processors_page {}

/// The code of the book's page on errors compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/errors.md")]
mod errors_page {}

/// The code of the book's page on the lock of a topology compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts/topology-lock.md")]
mod topology_lock_page {}

/// The code of the book's page on lunch abroad compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/lunch-abroad.md")]
mod lunch_abroad_page {}

/// The code of the book's page on the causes of delays compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/delay-causes.md")]
mod delay_causes_page {}

/// The code of the book's page on advertising compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/advertising.md")]
mod advertising_page {}

/// The code of the book's page on the bank compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/bank.md")]
mod bank_page {}

/// The code of the book's page on publishing books compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/books.md")]
mod books_page {}

/// The code of the book's page on share groups compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/share-groups.md")]
mod share_groups_page {}
