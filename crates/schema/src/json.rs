//! JSON by `serde`.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{KeyValueSerde, Serde, SerdeError};

/// JSON of one type, compact, with fields in the order of their declaration.
pub struct Json<T>(PhantomData<fn() -> T>);

/// JSON for keys and for values. For a pair of different serdes see [`serdes`](crate::serdes).
///
/// ```
/// # use headwater_schema::{json, Serde};
/// let serdes = json::<String, Vec<u32>>();
/// let mut bytes = Vec::new();
/// serdes.value.serialize(&vec![1, 2], &mut bytes)?;
/// assert_eq!(bytes, b"[1,2]");
/// # Ok::<(), headwater_schema::SerdeError>(())
/// ```
pub fn json<K, V>() -> KeyValueSerde<Json<K>, Json<V>> {
    KeyValueSerde { key: Json::new(), value: Json::new() }
}

impl<T> Json<T> {
    /// The serde.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Serde<T> for Json<T> {
    fn serialize(&self, value: &T, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        serde_json::to_writer(out, value).map_err(SerdeError::unwritable::<T>)
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<T, SerdeError> {
        serde_json::from_slice(bytes).map_err(|error| {
            let position = position_of(bytes, error.line(), error.column());
            SerdeError::malformed::<T>(reason_of(&error), bytes, Some(position))
        })
    }

    fn describe(&self) -> String {
        "json".to_owned()
    }
}

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Json<T> {}

impl<T> Default for Json<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json<{}>", type_name::<T>())
    }
}

/// What `serde_json` says, without its "at line 1 column 12": the error has a field for that.
fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// The byte that a line and a column (both from 1; column 0 is the line's end before it) point at.
fn position_of(bytes: &[u8], line: usize, column: usize) -> usize {
    let line_start = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>();
    (line_start + column.saturating_sub(1)).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flight {
        origin: String,
        delay_minutes: Option<i32>,
    }

    fn check_error(bytes: &[u8], expected: &Expect) {
        let error = Json::<Flight>::new().deserialize(bytes).expect_err("these bytes are no Flight");
        expected.assert_eq(&error.to_string());
    }

    #[test]
    fn bytes_have_the_fields_in_the_order_of_their_declaration() {
        let flight = Flight { origin: "JFK".into(), delay_minutes: None };
        let mut bytes = b"before ".to_vec();
        Json::new().serialize(&flight, &mut bytes).expect("writable");
        assert_eq!(bytes, br#"before {"origin":"JFK","delay_minutes":null}"#);
        assert_eq!(Json::<Flight>::new().deserialize(&bytes[7..]), Ok(flight));
    }

    #[test]
    fn a_number_is_read_as_it_was_written() {
        for number in ["12.658579999999999", "0.1", "5e-324", "1.7976931348623157e308"] {
            let read = Json::<f64>::new().deserialize(number.as_bytes()).expect("a number");
            assert_eq!(Ok(read), number.parse());
            let mut bytes = Vec::new();
            Json::new().serialize(&read, &mut bytes).expect("writable");
            assert_eq!(Json::<f64>::new().deserialize(&bytes), Ok(read), "{number}");
        }
    }

    #[test]
    fn errors_name_the_type_the_position_and_the_bytes_around_it() {
        check_error(
            br#"{"origin":"JFK","delay_minutes":"late"}"#,
            &expect![[
                r#"not a Flight: invalid type: string "late", expected i32 at byte 37, near `...K","delay_minutes":"late"}`"#
            ]],
        );
        check_error(
            b"{\n\"origin\":}",
            &expect![[r#"not a Flight: expected value at byte 11, near `{\n"origin":}`"#]],
        );
        check_error(b"", &expect!["not a Flight: EOF while parsing a value at byte 0"]);
        check_error(
            b"{\"origin\":\"\xff\"}",
            &expect![[r#"not a Flight: invalid unicode code point at byte 11, near `{"origin":"�"}`"#]],
        );
    }

    #[test]
    fn trailing_bytes_are_an_error() {
        check_error(
            br#"{"origin":"JFK"} {}"#,
            &expect![[r#"not a Flight: trailing characters at byte 17, near `{"origin":"JFK"} {}`"#]],
        );
    }
}
