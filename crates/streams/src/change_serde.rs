//! How changes of a table are written to a repartition topic, as Kafka Streams' `ChangedSerializer` does it:
//!
//! ```text
//! 0 the old value            | n 0
//! 0 the new value            | n 1
//! 0 length n of the new value, zigzag varint | the new value | the old value | 2
//! ```
//!
//! What kind it is comes last, so that one value needs no length.

use std::sync::Arc;

use headwater_schema::{Serde, SerdeError};

use crate::record::Change;

/// See the module.
pub(crate) struct ChangeSerde<V> {
    values: Arc<dyn Serde<V>>,
}

const OLD: u8 = 0;
const NEW: u8 = 1;
const BOTH: u8 = 2;

impl<V> ChangeSerde<V> {
    pub(crate) fn new(values: Arc<dyn Serde<V>>) -> Self {
        Self { values }
    }
}

impl<V: 'static> Serde<Change<V>> for ChangeSerde<V> {
    fn serialize(&self, change: &Change<V>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        let kind = match (&change.new, &change.old) {
            (Some(new), Some(old)) => {
                let start = out.len();
                self.values.serialize(new, out)?;
                let length = varint((out.len() - start) as u32);
                drop(out.splice(start..start, length));
                self.values.serialize(old, out)?;
                BOTH
            }
            (Some(new), None) => {
                self.values.serialize(new, out)?;
                NEW
            }
            (None, Some(old)) => {
                self.values.serialize(old, out)?;
                OLD
            }
            (None, None) => return Err(SerdeError::unwritable::<Change<V>>("neither value is there")),
        };
        out.push(kind);
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Change<V>, SerdeError> {
        let malformed = |reason| SerdeError::malformed::<Change<V>>(reason, bytes, None);
        let value = |bytes| self.values.deserialize(bytes).map(Some);
        match bytes.split_last() {
            Some((&OLD, old)) => Ok(Change { new: None, old: value(old)? }),
            Some((&NEW, new)) => Ok(Change { new: value(new)?, old: None }),
            Some((&BOTH, both)) => {
                let (length, both) = read_varint(both).ok_or_else(|| malformed("its length is cut off"))?;
                let (new, old) = both
                    .split_at_checked(length as usize)
                    .ok_or_else(|| malformed("the new value is cut off"))?;
                Ok(Change { new: value(new)?, old: value(old)? })
            }
            Some(_) => Err(malformed("it is of an unknown kind")),
            None => Err(malformed("it is empty")),
        }
    }

    fn describe(&self) -> String {
        format!("change({})", self.values.describe())
    }
}

/// A length as a zigzag varint: twice itself, seven bits a byte, least significant first.
fn varint(length: u32) -> impl Iterator<Item = u8> {
    let mut rest = Some(u64::from(length) << 1);
    std::iter::from_fn(move || {
        let bits = rest?;
        rest = (bits >= 0x80).then_some(bits >> 7);
        Some((bits & 0x7f) as u8 | if rest.is_some() { 0x80 } else { 0 })
    })
}

/// The length in front, and what follows; `None` if there is none.
fn read_varint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let end = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)?;
    let (length, rest) = bytes.split_at_checked(end + 1)?;
    let bits = length.iter().rev().fold(0u64, |bits, byte| (bits << 7) | u64::from(byte & 0x7f));
    (bits & 1 == 0).then_some((u32::try_from(bits >> 1).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use headwater_schema::utf8;

    use super::*;

    fn change(new: Option<&str>, old: Option<&str>) -> Change<String> {
        Change { new: new.map(str::to_owned), old: old.map(str::to_owned) }
    }

    fn check(change: &Change<String>, expected: &[u8]) {
        let serde = ChangeSerde::new(Arc::new(utf8()));
        let mut out = b"before".to_vec();
        serde.serialize(change, &mut out).expect("writable");
        assert_eq!(&out[6..], expected);
        assert_eq!(serde.deserialize(expected).as_ref(), Ok(change));
    }

    #[test]
    fn changes_are_written_as_kafka_streams_writes_them() {
        check(&change(None, Some("old")), b"old\x00");
        check(&change(Some("new"), None), b"new\x01");
        check(&change(Some("new"), Some("before")), b"\x06newbefore\x02");
        check(&change(Some(""), Some("")), b"\x00\x02");
        let long = "x".repeat(100);
        check(&change(Some(&long), Some("y")), &[b"\xc8\x01", long.as_bytes(), b"y\x02"].concat());
    }

    #[test]
    fn bytes_that_are_no_change_are_refused() {
        let serde = ChangeSerde::<String>::new(Arc::new(utf8()));
        for bytes in [b"".as_slice(), b"\x02", b"a\x07", b"\x80\x02", b"\x08abc\x02", b"\x01a\x02"] {
            assert!(serde.deserialize(bytes).is_err(), "{bytes:?}");
        }
    }
}
