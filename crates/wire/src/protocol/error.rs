//! What can be wrong with bytes that claim to be a message.

use std::ops::RangeInclusive;

/// Why bytes could not be read as the message they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The message ends before the field that is being read.
    #[error("the message ends early: {needed} more bytes were expected, {remaining} remain")]
    Truncated {
        /// Bytes that the field takes.
        needed: usize,
        /// Bytes that were left.
        remaining: usize,
    },
    /// A length or count below zero, where null is not legal either.
    #[error("a length of {0} is not legal here")]
    InvalidLength(i64),
    /// An array that claims more elements than the rest of the message can hold.
    #[error("an array claims {count} elements, but only {remaining} bytes remain")]
    InvalidCount {
        /// The claimed number of elements.
        count: usize,
        /// Bytes that were left.
        remaining: usize,
    },
    /// A string longer than [`MAX_STRING`](super::MAX_STRING).
    #[error("a string of {0} bytes is longer than the protocol allows")]
    StringTooLong(usize),
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    InvalidUtf8,
    /// A field was null in a version in which it may not be.
    #[error("a field that may not be null is null")]
    UnexpectedNull,
    /// A variable-length number that does not end within its five bytes.
    #[error("a variable-length number does not end within 32 bits")]
    InvalidVarint,
    /// Bytes are left over where the message, or a tagged field, should have ended.
    #[error("{0} bytes are left over after the end of the message or of a tagged field")]
    TrailingBytes(usize),
    /// The message is not known in this version.
    #[error("version {version} is not supported (supported are {} to {})", supported.start(), supported.end())]
    UnsupportedVersion {
        /// The version asked for.
        version: i16,
        /// The versions known.
        supported: RangeInclusive<i16>,
    },
}
