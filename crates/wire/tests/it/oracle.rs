//! Every message, in every version that the oracle also knows, means the same to both.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use headwater_wire::frame::{encode_request, encode_response};
use headwater_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use headwater_wire::protocol::{Chunk, Records};
use headwater_wire::{ApiKey, Message};
use kafka_protocol::messages as oracle;
use kafka_protocol::protocol::{Decodable, Encodable, Message as OracleMessage};

use crate::fill::{Fill, Source, for_each_message};
use crate::messages::encode;

const CASES: u64 = 40;

/// Ours is written, read by the oracle, written by it, read by us; and the bytes are equal too.
fn agree<Ours: Message + Fill, Theirs: OracleMessage + Encodable + Decodable + Debug>(
    name: &str,
    versions: RangeInclusive<i16>,
) -> usize {
    let mut agreed = 0;
    for version in versions.filter(|version| (Theirs::VERSIONS.min..=Theirs::VERSIONS.max).contains(version))
    {
        for seed in 0..CASES {
            let ours = Ours::fill(&mut Source::new(seed), version);
            let bytes = encode(&ours, version);
            let mut unread = bytes.clone();
            let theirs = Theirs::decode(&mut unread, version)
                .unwrap_or_else(|error| panic!("{name} v{version}: the oracle refuses {ours:#?}: {error}"));
            assert!(
                unread.is_empty(),
                "{name} v{version}: the oracle leaves {} bytes of {ours:#?}",
                unread.len()
            );
            let mut again = BytesMut::new();
            theirs.encode(&mut again, version).unwrap();
            assert_eq!(again, bytes, "{name} v{version}: {ours:#?} against {theirs:#?}");
            agreed += 1;
        }
    }
    agreed
}

/// Messages that the oracle lacks are passed over.
macro_rules! against_oracle {
    ($agreed:ident) => {
        macro_rules! each {
            (streams_group_describe, $message:ident, $versions:expr) => {};
            (streams_group_heartbeat, $message:ident, $versions:expr) => {};
            (group_metadata_record, $message:ident, $versions:expr) => {};
            (offset_commit_record, $message:ident, $versions:expr) => {};
            ($module:ident, $message:ident, $versions:expr) => {
                let agreed = agree::<headwater_wire::messages::$module::$message, oracle::$message>(
                    stringify!($message),
                    $versions,
                );
                $agreed.push((stringify!($message), agreed));
            };
        }
        for_each_message!(each);
    };
}

#[test]
fn the_oracle_reads_what_we_write_and_writes_the_same_bytes() {
    let mut agreed = Vec::new();
    against_oracle!(agreed);
    assert_eq!(agreed.iter().find(|(_, cases)| *cases == 0), None, "nothing was compared");
    assert_eq!(agreed.len(), 2 * (ApiKey::ALL.len() - 2) + 2);
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
