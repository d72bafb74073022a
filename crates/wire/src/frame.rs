//! Requests and responses as frames: a length of four bytes, a header, a message.
//!
//! Owns: the headers' versions. Requests of flexible versions have header version 2, others 1; their responses have
//! header version 1 and 0, save that an ApiVersions response always has version 0, since its reader does not know yet
//! which versions the sender speaks.
//!
//! Does not know: connections, or which requests are answered.

use bytes::Bytes;

use crate::protocol::{Chunk, DecodeError, Reader, Writer};
use crate::{ApiKey, Message, Request};

/// What precedes every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API, perhaps one not known here; see [`ApiKey::from_code`].
    pub api_key: i16,
    /// The version of request and response.
    pub api_version: i16,
    /// Comes back with the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<String>,
}

/// Reads the header of a request; `r` then stands at the request itself.
///
/// If the API is not known, the header is read as version 1, which suffices to answer with an error.
pub fn decode_request_header(r: &mut Reader) -> Result<RequestHeader, DecodeError> {
    let header = RequestHeader {
        api_key: r.i16()?,
        api_version: r.i16()?,
        correlation_id: r.i32()?,
        client_id: r.opt_string(false, true)?,
    };
    if ApiKey::from_code(header.api_key).is_some_and(|key| header.api_version >= key.first_flexible()) {
        r.skip_tagged()?;
    }
    Ok(header)
}

/// The frame of a request, its length in front.
pub fn encode_request<R: Request>(
    correlation_id: i32,
    client_id: Option<&str>,
    version: i16,
    request: &R,
) -> Vec<Chunk> {
    let mut w = Writer::new_frame();
    w.put_i16(R::KEY.code());
    w.put_i16(version);
    w.put_i32(correlation_id);
    w.put_opt_string(client_id, false, true);
    if version >= R::FIRST_FLEXIBLE {
        w.put_no_tagged();
    }
    request.encode(&mut w, version);
    w.finish_frame()
}

/// The frame of a response, its length in front.
pub fn encode_response<R: Request>(correlation_id: i32, version: i16, response: &R::Response) -> Vec<Chunk> {
    let mut w = Writer::new_frame();
    w.put_i32(correlation_id);
    if flexible_response_header::<R>(version) {
        w.put_no_tagged();
    }
    response.encode(&mut w, version);
    w.finish_frame()
}

/// Reads a response and its correlation id from a frame without its length.
pub fn decode_response<R: Request>(frame: Bytes, version: i16) -> Result<(i32, R::Response), DecodeError> {
    let mut r = Reader::new(frame);
    let correlation_id = r.i32()?;
    if flexible_response_header::<R>(version) {
        r.skip_tagged()?;
    }
    let response = R::Response::decode(&mut r, version)?;
    r.finish()?;
    Ok((correlation_id, response))
}

fn flexible_response_header<R: Request>(version: i16) -> bool {
    version >= R::FIRST_FLEXIBLE && R::KEY != ApiKey::ApiVersions
}
