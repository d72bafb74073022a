//! Record batches of version 2, the unit in which records travel and are stored.
//!
//! Owns: the layout; [`Batch`], a view of one batch that copies nothing; its records, read without allocating for
//! each; [`BatchBuilder`], which encodes every record once, into one buffer; the rewrites that a broker makes: of a header
//! on append, and [`Retained`], of a batch that is compacted.
//!
//! ```text
//!  0 base offset i64            21 attributes i16 (codec 0-2, append time 3, transactional 4, control 5, horizon 6)
//!  8 length of what follows i32 23 last offset delta i32        51 producer epoch i16
//! 12 leader epoch i32           27 base timestamp i64           53 base sequence i32
//! 16 magic i8 = 2               35 max timestamp i64            57 record count i32
//! 17 CRC-32C of 21.. u32        43 producer id i64              61 records, compressed together
//!
//! record: length varint | attributes i8 | timestamp delta varlong | offset delta varint | key | value
//!         | header count varint | ( header key | header value )*      (each with a varint length, -1 for null)
//! ```
//!
//! Invariants: no input panics, and every length is checked against the bytes that are there; whoever opens a batch
//! says how large its records may become; headers of a record keep their order, duplicates and nulls.
//!
//! Does not know: logs, requests, older formats of messages (refused by [`BatchError::UnsupportedMagic`]).

mod builder;
mod control;
mod error;
mod header;
mod record;
mod retain;
mod rewrite;
mod varint;
mod view;

pub use crate::compression::{Compression, DecompressError, UnknownCompression};
pub use builder::{BatchBuilder, BatchMeta};
pub use control::ControlMarker;
pub use error::{BatchError, RecordFault};
pub use header::{BatchHeader, HEADER_SIZE, TimestampType};
pub use record::{Header, Headers, OpenBatch, Record, RecordIter};
pub use retain::{Retained, emptied, placeholder};
pub use rewrite::{assign, stamp_append_time};
pub use view::{Batch, Batches, batches};
