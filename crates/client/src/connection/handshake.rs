//! The exchange of versions at the start of a connection (KIP-511).
//!
//! Our highest version is tried first; a broker that does not know it answers UNSUPPORTED_VERSION in version 0, with
//! the versions that it knows, and is asked again in one of those.

use bytes::Bytes;
use headwater_model::ErrorCode;
use headwater_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use headwater_wire::protocol::DecodeError;
use headwater_wire::{ApiKey, Request, frame};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::frames::{FrameReader, write_frame};
use super::{Disconnect, Versions};

/// Correlation ids below this one belong to the handshake.
pub(super) const FIRST_FREE_CORRELATION: i32 = 2;

/// Asks a broker for the versions that it speaks, and the features of its cluster.
pub(super) async fn exchange_versions<R, W>(
    reader: &mut FrameReader<R>,
    writer: &mut W,
    client_id: &str,
) -> Result<ApiVersionsResponse, Disconnect>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut version = *ApiVersionsRequest::VERSIONS.end();
    for correlation_id in 0..FIRST_FREE_CORRELATION {
        let frame = frame::encode_request(correlation_id, Some(client_id), version, &request());
        write_frame(writer, frame, || {}).await.map_err(Disconnect::Io)?;
        writer.flush().await.map_err(Disconnect::Io)?;
        let response = decode(reader.next().await?, correlation_id, version)?;
        match ErrorCode::from_code(response.error_code) {
            ErrorCode::None => return Ok(response),
            ErrorCode::UnsupportedVersion if version > 0 => {
                let ours = 0..=version - 1;
                version = Versions::new(&response).choose(ApiKey::ApiVersions.code(), &ours).unwrap_or(0);
            }
            error => return Err(Disconnect::Refused(error)),
        }
    }
    Err(Disconnect::Refused(ErrorCode::UnsupportedVersion))
}

fn request() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "headwater".to_owned(),
        client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Default::default()
    }
}

/// An answer of UNSUPPORTED_VERSION is laid out as version 0 whatever was asked.
fn decode(frame: Bytes, expected: i32, version: i16) -> Result<ApiVersionsResponse, Disconnect> {
    let unsupported = frame.get(4..6) == Some(&ErrorCode::UnsupportedVersion.code().to_be_bytes()[..]);
    let version = if unsupported { 0 } else { version };
    match frame::decode_response::<ApiVersionsRequest>(frame, version) {
        Ok((correlation_id, response)) if correlation_id == expected => Ok(response),
        Ok((correlation_id, _)) => Err(Disconnect::UnexpectedResponse(correlation_id)),
        // Old brokers say no more than the error.
        Err(DecodeError::Truncated { .. }) if unsupported => {
            Ok(ApiVersionsResponse { error_code: ErrorCode::UnsupportedVersion.code(), ..Default::default() })
        }
        Err(error) => Err(Disconnect::Handshake(error)),
    }
}
