//! Parts of stored values that may be none, and the headers of records among them.
//!
//! ```text
//! part:    0 length i32, -1 for none | 4 the bytes
//! headers: 0 count u32 | 4 of each its key and its value, as parts
//! ```

use bytes::Bytes;

use crate::record::{Header, Headers};

pub(super) fn write_part(out: &mut Vec<u8>, part: Option<&[u8]>) {
    let length = part.map_or(-1, |part| part.len() as i32);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(part.unwrap_or_default());
}

pub(super) fn write_headers(out: &mut Vec<u8>, headers: &Headers) {
    out.extend_from_slice(&(headers.iter().len() as u32).to_be_bytes());
    for header in headers {
        write_part(out, Some(header.key.as_bytes()));
        write_part(out, header.value.as_deref());
    }
}

/// A part, if it is not none, and what is behind it; `None` if it is cut off.
pub(super) fn split_part(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) => rest.split_at_checked(length).map(|(part, rest)| (Some(part), rest)),
        Err(_) => Some((None, rest)),
    }
}

/// The headers, and what is behind them; `None` if they are cut off.
pub(super) fn read_headers(bytes: &[u8]) -> Option<(Headers, &[u8])> {
    let (count, mut rest) = bytes.split_first_chunk()?;
    let mut headers = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (key, behind) = split_part(rest)?;
        let (value, behind) = split_part(behind)?;
        let key = String::from_utf8(key?.to_vec()).ok()?;
        headers.push(Header { key, value: value.map(Bytes::copy_from_slice) });
        rest = behind;
    }
    Some((headers.into_iter().collect(), rest))
}
