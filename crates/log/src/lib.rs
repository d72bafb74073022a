//! One partition on disk.
//!
//! Owns: [`Log`], a partition's segments, indexes, epochs and producers, over the [`Disk`] seam; its recovery after a
//! crash; the [`DataDir`] that partitions lie in. On-disk formats: `docs/internals/log.md`.
//!
//! Invariants: synchronous, without threads, clock or randomness (`now` is an argument). What a completed sync covered
//! is never lost nor altered, but by compaction, where a topic has it; an append is wholly there or not at all; a failed
//! sync poisons the log until it is opened again. (Compaction hashes keys under a secret, of which nothing else depends.)
//!
//! Does not know: requests, replies, high watermarks (an argument), consumer groups, Tokio.

mod checkpoint;
mod config;
mod data_dir;
mod disk;
mod epochs;
mod error;
mod index;
mod log;
mod names;
mod producers;
mod scan;
mod segment;
pub mod sim;
mod transactions;

pub use config::LogConfig;
pub use data_dir::{DataDir, DataDirError};
pub use disk::{Disk, DiskFile, Entry, RealDisk, Room, SyncMethod};
pub use epochs::EpochEnd;
pub use error::{Damage, LogError, Poison};
pub use log::{
    Appended, Assign, BatchHeaders, Cleaned, Compacted, Compaction, CompactionState, Log, LogReader,
    RecoveryReport, Retained, StagedPartition, SyncTicket, TimestampedOffset, Truncation, delete_partition,
    remove_deleted, stage_partition,
};
pub use producers::{Admission, ProducerState, Producers, SequenceError, Written};
pub use transactions::AbortedTransaction;
