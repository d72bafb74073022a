//! Every message, in every version that the oracle also knows, means the same to both.

use bytes::{Bytes, BytesMut};
use headwater_wire::ApiKey;
use headwater_wire::frame::{encode_request, encode_response};
use headwater_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use headwater_wire::protocol::{Chunk, Records};
use kafka_protocol::messages as oracle;
use kafka_protocol::protocol::{Decodable, Encodable, Message as OracleMessage, VersionRange};

use crate::fill::for_each_message;
use crate::messages::Subject;

const CASES: u64 = 40;

/// A message of the oracle without its type.
struct Counterpart {
    name: &'static str,
    versions: VersionRange,
    /// Reads one and writes it again.
    rewrite: fn(Bytes, i16) -> Result<Bytes, String>,
    /// The bytes of the default.
    default: fn(i16) -> Result<Bytes, String>,
}

impl Counterpart {
    fn new<M: OracleMessage + Encodable + Decodable + Default>(name: &'static str) -> Self {
        fn encode(message: &impl Encodable, version: i16) -> Result<Bytes, String> {
            let mut bytes = BytesMut::new();
            message.encode(&mut bytes, version).map_err(|error| error.to_string())?;
            Ok(bytes.freeze())
        }
        Self {
            name,
            versions: M::VERSIONS,
            rewrite: |mut bytes, version| {
                let message = M::decode(&mut bytes, version).map_err(|error| error.to_string())?;
                if bytes.is_empty() {
                    encode(&message, version)
                } else {
                    Err(format!("{} bytes left over", bytes.len()))
                }
            },
            default: |version| encode(&M::default(), version),
        }
    }

    /// Every message of ours that the oracle knows too.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        macro_rules! each {
            (streams_group_describe, $message:ident, $versions:expr) => {};
            (streams_group_heartbeat, $message:ident, $versions:expr) => {};
            (group_metadata_record, $message:ident, $versions:expr) => {};
            (offset_commit_record, $message:ident, $versions:expr) => {};
            (transaction_log_record, $message:ident, $versions:expr) => {};
            ($module:ident, $message:ident, $versions:expr) => {
                all.push(Self::new::<oracle::$message>(stringify!($message)));
            };
        }
        for_each_message!(each);
        all
    }
}

#[test]
fn the_oracle_reads_what_we_write_and_writes_the_same_bytes() {
    each_in_common(|ours, theirs, version| {
        for seed in 0..CASES {
            let bytes = (ours.arbitrary)(seed, version);
            assert_eq!(
                (theirs.rewrite)(bytes.clone(), version),
                Ok(bytes),
                "{} v{version}, seed {seed}",
                ours.name
            );
        }
    });
}

#[test]
fn defaults_are_those_of_the_oracle() {
    each_in_common(|ours, theirs, version| {
        assert_eq!((theirs.default)(version), Ok((ours.default)(version)), "{} v{version}", ours.name);
    });
}

/// Calls `check` for every message in every version that both know.
fn each_in_common(check: impl Fn(&Subject, &Counterpart, i16)) {
    let counterparts = Counterpart::all();
    assert_eq!(counterparts.len(), 2 * (ApiKey::ALL.len() - 2) + 2, "all but those of streams groups");
    let subjects = Subject::all();
    for theirs in counterparts {
        let ours = subjects.iter().find(|subject| subject.name == theirs.name).unwrap();
        let common =
            *ours.versions.start().max(&theirs.versions.min)..=*ours.versions.end().min(&theirs.versions.max);
        assert!(!common.is_empty(), "{} is known in no common version", ours.name);
        for version in common {
            check(ours, &theirs, version);
        }
    }
}

#[test]
fn headers_are_those_of_the_oracle() {
    for key in ApiKey::ALL {
        let Ok(theirs) = oracle::ApiKey::try_from(key.code()) else {
            continue;
        };
        for version in key.versions() {
            let flexible = version >= key.first_flexible();
            assert_eq!(
                theirs.request_header_version(version),
                if flexible { 2 } else { 1 },
                "{key} v{version}"
            );
            let response = i16::from(flexible && *key != ApiKey::ApiVersions);
            assert_eq!(theirs.response_header_version(version), response, "{key} v{version}");
        }
    }
}

#[test]
fn the_oracle_reads_the_headers_of_our_frames() {
    for version in ApiKey::ApiVersions.versions() {
        let chunks = encode_request(7, Some("tester"), version, &ApiVersionsRequest::default());
        let mut frame = without_length(chunks);
        let header_version = oracle::ApiKey::ApiVersions.request_header_version(version);
        let header = oracle::RequestHeader::decode(&mut frame, header_version).unwrap();
        assert_eq!((header.request_api_key, header.request_api_version), (18, version));
        assert_eq!((header.correlation_id, header.client_id.as_deref()), (7, Some("tester")));

        let chunks = encode_response::<ApiVersionsRequest>(8, version, &ApiVersionsResponse::default());
        let mut frame = without_length(chunks);
        assert_eq!(oracle::ResponseHeader::decode(&mut frame, 0).unwrap().correlation_id, 8);
        if version <= 4 {
            oracle::ApiVersionsResponse::decode(&mut frame, version).unwrap();
            assert!(frame.is_empty());
        }
    }
}

fn without_length(chunks: Vec<Chunk>) -> Bytes {
    let frame = Records::from(chunks).to_bytes().unwrap();
    assert_eq!(frame[..4], (frame.len() as u32 - 4).to_be_bytes());
    frame.slice(4..)
}
