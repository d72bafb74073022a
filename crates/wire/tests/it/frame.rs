//! Frames: what stands in front of a message, and what is passed by reference.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use headwater_wire::frame::{
    RequestHeader, decode_request_header, decode_response, encode_request, encode_response,
};
use headwater_wire::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use headwater_wire::messages::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use headwater_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use headwater_wire::protocol::{Chunk, DecodeError, FileRange, ReadAt, Reader, Records};
use headwater_wire::{ApiKey, Message, Request};

#[derive(Debug)]
struct InMemory(Vec<u8>);

impl ReadAt for InMemory {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = offset as usize;
        buf.copy_from_slice(self.0.get(start..start + buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn as_std_file(&self) -> Option<&File> {
        None
    }
}

fn frame(chunks: Vec<Chunk>) -> Bytes {
    Records::from(chunks).to_bytes().unwrap().slice(4..)
}

fn fetch_response(records: Option<Records>) -> FetchResponse {
    let partitions = vec![PartitionData { records, ..PartitionData::default() }];
    FetchResponse {
        responses: vec![FetchableTopicResponse { partitions, ..FetchableTopicResponse::default() }],
        ..FetchResponse::default()
    }
}

#[test]
fn a_request_arrives_as_it_was_sent() {
    let topic = MetadataRequestTopic { name: Some("flights".into()), ..MetadataRequestTopic::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..MetadataRequest::default() };
    for version in MetadataRequest::VERSIONS {
        for client_id in [None, Some("board")] {
            let mut reader = Reader::new(frame(encode_request(-3, client_id, version, &request)));
            let header = decode_request_header(&mut reader).unwrap();
            let expected = RequestHeader {
                api_key: ApiKey::Metadata.code(),
                api_version: version,
                correlation_id: -3,
                client_id: client_id.map(str::to_owned),
            };
            assert_eq!(header, expected);
            assert_eq!(MetadataRequest::decode(&mut reader, version), Ok(request.clone()));
            assert_eq!(reader.finish(), Ok(()));
        }
    }
}

#[test]
fn the_header_of_an_unknown_api_is_read_so_that_an_error_can_be_answered() {
    let bytes = Bytes::from_static(&[0x7F, 0, 0, 9, 0, 0, 0, 5, 0xFF, 0xFF, 1, 2, 3]);
    let header = decode_request_header(&mut Reader::new(bytes)).unwrap();
    assert_eq!((header.api_key, header.api_version, header.correlation_id), (0x7F00, 9, 5));
    assert_eq!(ApiKey::from_code(header.api_key), None);
}

#[test]
fn api_versions_of_a_version_not_known_can_be_answered_in_version_0() {
    let sent = encode_request(6, Some("newer"), 99, &ApiVersionsRequest::default());
    let header = decode_request_header(&mut Reader::new(frame(sent))).unwrap();
    assert_eq!(header.api_version, 99);

    let api_keys = ApiKey::ALL.iter().map(|key| ApiVersion {
        api_key: key.code(),
        min_version: *key.versions().start(),
        max_version: *key.versions().end(),
    });
    let answer = ApiVersionsResponse {
        error_code: 35,
        api_keys: api_keys.collect(),
        ..ApiVersionsResponse::default()
    };
    let received = frame(encode_response::<ApiVersionsRequest>(6, 0, &answer));
    assert_eq!(received[..10], [0, 0, 0, 6, 0, 35, 0, 0, 0, ApiKey::ALL.len() as u8]);
    assert_eq!(decode_response::<ApiVersionsRequest>(received, 0), Ok((6, answer)));
}

#[test]
fn responses_have_the_header_of_their_version() {
    let answer = ApiVersionsResponse::default();
    assert_eq!(frame(encode_response::<ApiVersionsRequest>(1, 3, &answer))[..6], [0, 0, 0, 1, 0, 0]);
    for (version, header) in [(11, 4), (12, 5)] {
        let bytes = frame(encode_response::<FetchRequest>(1, version, &FetchResponse::default()));
        let mut reader = Reader::new(bytes.slice(header..));
        assert_eq!(FetchResponse::decode(&mut reader, version), Ok(FetchResponse::default()), "v{version}");
        assert_eq!(reader.finish(), Ok(()));
    }
}

#[test]
fn records_pass_by_reference_from_memory_and_file() {
    let in_memory = Bytes::from_static(b"in memory");
    let in_file = FileRange { file: Arc::new(InMemory(b"..in a file..".into())), offset: 2, len: 9 };
    let records = Records::from(vec![Chunk::Bytes(in_memory.clone()), Chunk::File(in_file.clone())]);
    for version in FetchRequest::VERSIONS {
        let chunks = encode_response::<FetchRequest>(1, version, &fetch_response(Some(records.clone())));
        assert!(chunks.contains(&Chunk::File(in_file.clone())), "v{version}");
        assert!(
            chunks
                .iter()
                .any(|chunk| matches!(chunk, Chunk::Bytes(bytes) if bytes.as_ptr() == in_memory.as_ptr())),
            "v{version}"
        );

        let received = frame(chunks);
        let (_, response) = decode_response::<FetchRequest>(received.clone(), version).unwrap();
        let read = response.responses[0].partitions[0].records.clone().unwrap();
        let Chunk::Bytes(bytes) = &read.chunks()[0] else { panic!("read records are in memory") };
        assert_eq!(bytes, "in memoryin a file".as_bytes());
        assert!(received.as_ptr_range().contains(&bytes.as_ptr()), "v{version}: records were copied");
    }
}

#[test]
fn no_records_and_empty_records_are_told_apart() {
    for version in FetchRequest::VERSIONS {
        for records in [None, Some(Records::default())] {
            let sent = fetch_response(records);
            let received = frame(encode_response::<FetchRequest>(1, version, &sent));
            assert_eq!(decode_response::<FetchRequest>(received, version).unwrap().1, sent, "v{version}");
        }
    }
    let null = frame(encode_response::<FetchRequest>(1, 4, &fetch_response(None)));
    assert!(null.ends_with(&[0xFF; 4]), "librdkafka wants -1 for null");
}

#[test]
fn a_response_with_bytes_left_over_is_refused() {
    let mut bytes = frame(encode_response::<FetchRequest>(1, 4, &FetchResponse::default())).to_vec();
    bytes.push(0);
    assert_eq!(decode_response::<FetchRequest>(bytes.into(), 4), Err(DecodeError::TrailingBytes(1)));
}
