//! Serdes without a format of their own: text, bytes, numbers, nulls.

use std::str;

use ::bytes::Bytes;

use crate::{Serde, SerdeError};

/// A `String` as its UTF-8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Utf8;

/// Bytes as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawBytes;

/// An `i64` as eight bytes, most significant first (Kafka's `LongSerializer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Long;

/// `()`: reads anything, null too, and writes null. For keys that do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ignored;

/// `Option<T>`: null is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Optional<S>(S);

/// A `String` as its UTF-8 bytes.
pub fn utf8() -> Utf8 {
    Utf8
}

/// Bytes as they are.
pub fn bytes() -> RawBytes {
    RawBytes
}

/// An `i64` as eight bytes, most significant first (Kafka's `LongSerializer`).
pub fn long() -> Long {
    Long
}

/// `()`: reads anything, null too, and writes null. For keys that do not matter.
pub fn ignored() -> Ignored {
    Ignored
}

/// `Option<T>` by the serde of `T`: null is `None`. For tombstones, and for keys that may be missing.
pub fn optional<S>(serde: S) -> Optional<S> {
    Optional(serde)
}

impl Serde<String> for Utf8 {
    fn serialize(&self, value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<String, SerdeError> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(SerdeError::malformed::<String>("not UTF-8", bytes, Some(error.valid_up_to()))),
        }
    }

    fn describe(&self) -> String {
        "utf8".to_owned()
    }
}

impl Serde<Bytes> for RawBytes {
    fn serialize(&self, value: &Bytes, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(value);
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Bytes, SerdeError> {
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn describe(&self) -> String {
        "bytes".to_owned()
    }
}

impl Serde<i64> for Long {
    fn serialize(&self, value: &i64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(&value.to_be_bytes());
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<i64, SerdeError> {
        <[u8; 8]>::try_from(bytes).map(i64::from_be_bytes).map_err(|_| {
            let reason = format!("it has 8 bytes, these are {}", bytes.len());
            SerdeError::malformed::<i64>(reason, bytes, None)
        })
    }

    fn describe(&self) -> String {
        "long".to_owned()
    }
}

impl Serde<()> for Ignored {
    fn serialize(&self, (): &(), _out: &mut Vec<u8>) -> Result<(), SerdeError> {
        Ok(())
    }

    fn deserialize(&self, _bytes: &[u8]) -> Result<(), SerdeError> {
        Ok(())
    }

    fn is_null(&self, (): &()) -> bool {
        true
    }

    fn null(&self) -> Option<()> {
        Some(())
    }

    fn describe(&self) -> String {
        "ignored".to_owned()
    }
}

impl<T: 'static, S: Serde<T>> Serde<Option<T>> for Optional<S> {
    fn serialize(&self, value: &Option<T>, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        match value {
            Some(value) => self.0.serialize(value, out),
            None => Ok(()),
        }
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<Option<T>, SerdeError> {
        self.0.deserialize(bytes).map(Some)
    }

    fn is_null(&self, value: &Option<T>) -> bool {
        value.as_ref().is_none_or(|value| self.0.is_null(value))
    }

    fn null(&self) -> Option<Option<T>> {
        Some(None)
    }

    fn describe(&self) -> String {
        format!("optional({})", self.0.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_round_trip<T: Clone + PartialEq + std::fmt::Debug + 'static>(
        serde: &impl Serde<T>,
        value: &T,
        expected: Option<&[u8]>,
    ) {
        let mut out = Vec::new();
        let present = serde.serialize_nullable(value, &mut out).expect("writable");
        let written = present.then_some(out.as_slice());
        assert_eq!(written, expected);
        assert_eq!(serde.deserialize_nullable(written).as_ref(), Ok(value));
    }

    #[test]
    fn what_is_written_is_read_back() {
        check_round_trip(&utf8(), &"Zürich".to_owned(), Some("Zürich".as_bytes()));
        check_round_trip(&utf8(), &String::new(), Some(b""));
        check_round_trip(&bytes(), &Bytes::from_static(b"\x00\xff"), Some(b"\x00\xff"));
        check_round_trip(&long(), &-2, Some(b"\xff\xff\xff\xff\xff\xff\xff\xfe"));
        check_round_trip(&ignored(), &(), None);
        check_round_trip(&optional(utf8()), &None, None);
        check_round_trip(&optional(utf8()), &Some(String::new()), Some(b""));
    }

    #[test]
    fn null_is_no_value_of_a_plain_serde() {
        let error = utf8().deserialize_nullable(None).expect_err("null is no String");
        assert_eq!(
            error.to_string(),
            "null where a String is needed (read it with `optional(..)` if null is legal here)"
        );
    }

    #[test]
    fn a_serde_tells_its_format_by_name() {
        struct Own;
        impl Serde<String> for Own {
            fn serialize(&self, value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
                utf8().serialize(value, out)
            }

            fn deserialize(&self, bytes: &[u8]) -> Result<String, SerdeError> {
                utf8().deserialize(bytes)
            }
        }
        let own: std::sync::Arc<dyn Serde<String>> = std::sync::Arc::new(Own);
        assert_eq!(optional(utf8()).describe(), "optional(utf8)");
        assert_eq!(optional(crate::Json::<Vec<u8>>::new()).describe(), "optional(json)");
        assert_eq!(
            [bytes().describe(), long().describe(), ignored().describe()],
            ["bytes", "long", "ignored"]
        );
        assert_eq!(own.describe(), "Own");
    }

    #[test]
    fn bytes_that_are_no_value_are_refused_with_their_position() {
        let error = utf8().deserialize(b"ab\xffcd").expect_err("not UTF-8");
        assert_eq!(error.to_string(), "not a String: not UTF-8 at byte 2, near `ab\u{fffd}cd`");
        let error = long().deserialize(b"abc").expect_err("too short");
        assert_eq!(error.to_string(), "not a i64: it has 8 bytes, these are 3, near `abc`");
    }
}
