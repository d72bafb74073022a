//! Contracts: how values become bytes and back.
//!
//! Owns: the [`Serde`] trait, the serdes that every application needs (JSON, UTF-8, bytes, numbers, nulls), pairs of
//! them for keys and values, and errors that name the type, the position and the bytes around it.
//!
//! Invariants: a serde is deterministic, because keys are compared, partitioned and compacted as bytes; it appends to
//! a buffer of the caller and allocates nothing of its own on the way out.
//!
//! Does not know: topics, records, the network.

mod error;
mod json;
mod pair;
mod plain;
mod serde;

pub use error::{Part, Problem, SerdeError, short_type_name};
pub use json::{Json, json};
pub use pair::{KeyValueSerde, serdes};
pub use plain::{Ignored, Long, Optional, RawBytes, Utf8, bytes, ignored, long, optional, utf8};
pub use serde::Serde;
