//! A value together with the time of the event that it comes from, as stores keep it.
//!
//! ```text
//! 0 timestamp i64, most significant byte first | 8 value
//! ```
//!
//! A value that its serde writes as null is refused: the changelog would take it for a removal.

use headwater_model::Timestamp;
use headwater_schema::{Serde, SerdeError};

/// The size of the time in front of a value.
pub(crate) const TIME_SIZE: usize = 8;

const NO_NULL: &str = "a store keeps no null; leave such records out before, or give the store a serde that writes \
                       bytes for every value, such as `json()`";

/// Replaces what is in `out` by the stored form.
pub(crate) fn write_timed<V: 'static>(
    out: &mut Vec<u8>,
    timestamp: Timestamp,
    value: &V,
    serde: &dyn Serde<V>,
) -> Result<(), SerdeError> {
    out.clear();
    out.extend_from_slice(&timestamp.0.to_be_bytes());
    write_present(out, value, serde)
}

/// Replaces what is in `out` by the stored form of a value's bytes.
pub(crate) fn join_timed(out: &mut Vec<u8>, timestamp: Timestamp, value: &[u8]) {
    out.clear();
    out.extend_from_slice(&timestamp.0.to_be_bytes());
    out.extend_from_slice(value);
}

/// Appends a value that must not be null.
pub(crate) fn write_present<V: 'static>(
    out: &mut Vec<u8>,
    value: &V,
    serde: &dyn Serde<V>,
) -> Result<(), SerdeError> {
    if serde.serialize_nullable(value, out)? { Ok(()) } else { Err(SerdeError::unwritable::<V>(NO_NULL)) }
}

/// Reads the stored form.
pub(crate) fn read_timed<V: 'static>(
    stored: &[u8],
    serde: &dyn Serde<V>,
) -> Result<(Timestamp, V), SerdeError> {
    let (timestamp, value) = split_timed(stored)
        .ok_or_else(|| SerdeError::malformed::<V>("the time in front of it is cut off", stored, None))?;
    Ok((timestamp, serde.deserialize(value)?))
}

/// The time and the value's bytes; `None` if even the time is cut off.
pub(crate) fn split_timed(stored: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (timestamp, value) = stored.split_first_chunk::<TIME_SIZE>()?;
    Some((Timestamp(i64::from_be_bytes(*timestamp)), value))
}
