//! The primitives of Kafka's protocol: numbers, strings, lengths and records, read from and written to buffers.
//!
//! Owns: [`Reader`] and [`Writer`], which the generated messages are made of; [`Records`], record data that is passed
//! along without being copied.
//!
//! Invariants: reading never panics and never reserves memory by a count that the remaining bytes cannot hold.
//! Strings that were read are UTF-8 and at most 32,767 bytes long.
//!
//! Does not know: any message, any record format.

use std::ops::RangeInclusive;

mod error;
mod reader;
mod records;
mod writer;

pub use error::DecodeError;
pub use reader::Reader;
pub use records::{Chunk, FileRange, ReadAt, Records};
pub use writer::{TagMark, TagSection, Writer};

/// The longest string that Kafka accepts, in bytes.
pub const MAX_STRING: usize = i16::MAX as usize;

/// An error unless `version` is one of `supported`.
pub(crate) fn check_version(version: i16, supported: RangeInclusive<i16>) -> Result<(), DecodeError> {
    if supported.contains(&version) {
        Ok(())
    } else {
        Err(DecodeError::UnsupportedVersion { version, supported })
    }
}
