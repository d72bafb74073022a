//! Topologies: typed stream processing, its tasks and stores, the test driver and the runtime.
//!
//! Owns: the library of streams and tables that authors write in ([`Topology::builder`]), the synchronous tasks that a
//! topology makes, their stores, and what drives tasks: [`TestDriver`] without a broker, the runtime with a client.
//!
//! Invariants: a topology is an immutable factory, a task a machine without I/O, clock or randomness; both drivers drive
//! the same tasks, so what a test shows is what runs.
//!
//! Does not know: the broker, which instance does what.

mod change_serde;
mod changes;
mod chooser;
mod consumed;
mod context;
mod dsl;
mod error;
mod graph;
mod join_windows;
pub mod lock;
mod node;
mod outputs;
mod processor;
mod record;
mod runtime;
mod store;
mod task;
mod test_driver;
mod topology;
mod watermark;
mod window;

pub use changes::{StoreWrite, StoreWrites};
pub use chooser::{Chooser, Head, Priority, RoundRobin};
pub use consumed::{Consumed, InvalidTimestamp};
pub use dsl::{
    Buffer, CogroupedStream, EagerBuffer, GlobalTable, GroupedStream, GroupedTable,
    SessionWindowedCogroupedStream, SessionWindowedStream, Split, StoreBuilder, Stores, Stream, StrictBuffer,
    Suppressed, Table, VersionedTable, WindowedCogroupedStream, WindowedStream, Windows,
};
pub use error::{ErrorPolicies, Location, OnError, ReadError, TaskError};
pub use graph::SourceRole;
pub use join_windows::JoinWindows;
pub use outputs::{OutputRecord, Outputs};
pub use processor::{
    FixedKeyProcessor, FixedKeyProcessorContext, FixedKeyRecord, KeyValueStore, ProcessingContext, Processor,
    ProcessorContext, ProcessorError, PunctuationType, RecordMetadata, Timer, WindowStore,
};
pub use record::{Data, Header, Headers, Record};
pub use runtime::{Begin, InternalTopicConfigs, Progress, Streams, StreamsConfig, StreamsError};
pub use store::global::{Applied, GlobalStores};
pub use store::{ByteStore, DiskStore, Entries, KeyRange, MemoryStore, StateError, StatePlace, StoreError};
pub use task::{End, Step, Task, TaskConfig, TaskMetrics};
pub use test_driver::{TestConfig, TestDriver, TestError, TestRecord};
pub use topology::{
    Guarantee, InternalTopic, InternalTopicKind, Plan, PlanError, SourceTopic, SubTopology, TaskId, Topology,
    TopologyBuilder, TopologyDraft, TopologyError, TopologyProblem,
};
pub use watermark::Watermarks;
pub use window::{
    EmitStrategy, FixedWindows, HoppingWindows, SessionWindowedSerde, SessionWindows, SlidingWindows,
    TumblingWindows, Window, Windowed, WindowedSerde, session_windowed, windowed,
};
