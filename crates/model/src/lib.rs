//! Words of the field that more than one crate needs.
//!
//! Owns: names, positions, times, randomness and error codes, as plain values. A word enters when two crates need it.
//!
//! Invariants: nothing here does I/O except [`SystemClock`], the one place that reads the machine's clocks.
//!
//! Does not know: bytes on the wire, files, sockets, async.

mod clock;
mod entropy;
mod error_code;
mod name;
mod position;
mod time;
mod uuid;

pub use clock::{Clock, SystemClock};
pub use entropy::Entropy;
pub use error_code::ErrorCode;
pub use name::{InvalidName, TopicName};
pub use position::{LeaderEpoch, Offset, PartitionId, ProducerEpoch, ProducerId, TopicPartition};
pub use time::{Monotonic, Timestamp};
pub use uuid::Uuid;
