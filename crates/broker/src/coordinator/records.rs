//! What the records of our own formats have in common.
//!
//! ```text
//! value := format:int8 (1) body tagged          none: a tombstone
//! ```
//!
//! The primitives are those of Kafka's flexible messages (compact strings and arrays). A body ends with a section of tagged
//! fields, so that fields can be added which an older version skips; a key has none, for it has to stay what it is.
//!
//! Owns: the frame of a value, the batches.
//!
//! Does not know: what is recorded.

use bytes::Bytes;
use headwater_model::Timestamp;
use headwater_wire::batch::{BatchBuilder, BatchMeta, Compression};
use headwater_wire::protocol::{Reader, Writer};

use super::RecordError;

/// Where a batch ends, unless a single record is larger.
pub(crate) const BATCH_BYTES: usize = 512 * 1024;

const FORMAT: i8 = 1;

/// Writes a value's body, without its tagged fields; none is a tombstone.
pub(crate) type Body<'a> = Option<Box<dyn FnOnce(&mut Writer) + 'a>>;

/// The records as batches, in order.
pub(crate) fn to_batches(
    records: impl Iterator<Item = (Bytes, Option<Bytes>)>,
    now: Timestamp,
) -> Vec<Bytes> {
    let meta = BatchMeta::default();
    let mut batches = Vec::new();
    let mut builder = BatchBuilder::new(Compression::None);
    for (key, value) in records {
        if !builder.is_empty() && builder.size_with(Some(&key), value.as_deref(), &[]) > BATCH_BYTES {
            batches.push(builder.build(&meta));
        }
        builder.append(now, Some(&key), value.as_deref(), &[]);
    }
    if !builder.is_empty() {
        batches.push(builder.build(&meta));
    }
    batches
}

/// What is written.
pub(crate) fn written(write: impl FnOnce(&mut Writer)) -> Bytes {
    let mut w = Writer::new();
    write(&mut w);
    w.into_bytes()
}

/// A value of this body.
pub(crate) fn value(body: Body<'_>) -> Option<Bytes> {
    let write = body?;
    Some(written(|w| {
        w.put_i8(FORMAT);
        write(w);
        w.put_no_tagged();
    }))
}

/// A copy of what a record says, so that what is kept of it does not keep the block that it was read in.
pub(crate) fn reader(bytes: &[u8]) -> Reader {
    Reader::new(Bytes::copy_from_slice(bytes))
}

/// Reads a value's body by what reads it. What is read of a tombstone is up to that.
pub(crate) fn read_value<T>(
    value: Option<&[u8]>,
    read: impl FnOnce(Option<&mut Reader>) -> Result<T, RecordError>,
) -> Result<T, RecordError> {
    let Some(value) = value else {
        return read(None);
    };
    let mut value = reader(value);
    let format = value.i8()?;
    if format != FORMAT {
        return Err(RecordError::UnknownFormat(format));
    }
    let outcome = read(Some(&mut value))?;
    value.skip_tagged()?;
    value.finish()?;
    Ok(outcome)
}
