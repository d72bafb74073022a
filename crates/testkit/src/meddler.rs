//! Somebody between client and broker who answers requests with errors that a broker may give: before the broker sees the
//! request, or in the place of its answer once it has processed it.
//!
//! Owns: which APIs are meddled with, and which errors each may give at which moment.
//!
//! Invariants: answers stay in the order of the requests. An error that says that nothing was written is given only where
//! the broker never saw the request.
//!
//! Does not know: what clients make of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use headwater_model::{Entropy, ErrorCode};
use headwater_wire::frame::{RequestHeader, decode_request_header, encode_response};
use headwater_wire::messages::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use headwater_wire::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use headwater_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use headwater_wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use headwater_wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use headwater_wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use headwater_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use headwater_wire::messages::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use headwater_wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use headwater_wire::protocol::Reader;
use headwater_wire::{ApiKey, Message, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

/// Where the answer to a request comes from.
enum Expected {
    /// From the broker.
    Theirs,
    /// From the broker, and this is given instead.
    Replaced(Bytes),
    /// From here; the broker never saw the request.
    Ours(Bytes),
}

/// When an error is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Before,
    After,
}

/// Stands between a client and a broker until either is gone. One request in `one_in` is meddled with; `meddled` counts
/// them.
pub(crate) fn meddle(
    client: DuplexStream,
    broker: DuplexStream,
    entropy: Entropy,
    one_in: u64,
    meddled: Arc<AtomicU64>,
) {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_broker, to_broker) = tokio::io::split(broker);
    let (expect, expected) = mpsc::unbounded_channel();
    let requests = Requests { entropy, one_in, meddled, expect };
    tokio::spawn(requests.carry(from_client, to_broker));
    tokio::spawn(answer(expected, from_broker, to_client));
}

struct Requests {
    entropy: Entropy,
    one_in: u64,
    meddled: Arc<AtomicU64>,
    expect: mpsc::UnboundedSender<Expected>,
}

impl Requests {
    async fn carry(mut self, mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>) {
        while let Some(frame) = read_frame(&mut from).await {
            let expected = self.decide(&frame);
            let passes = !matches!(expected, Expected::Ours(_));
            if self.expect.send(expected).is_err() || (passes && to.write_all(&frame).await.is_err()) {
                return;
            }
        }
        let _ = to.shutdown().await;
    }

    fn decide(&mut self, frame: &Bytes) -> Expected {
        if !self.entropy.chance(1, self.one_in) {
            return Expected::Theirs;
        }
        let moment = if self.entropy.chance(1, 2) { Moment::Before } else { Moment::After };
        let Some(answer) = refusal(frame.slice(4..), moment, &mut self.entropy) else {
            return Expected::Theirs;
        };
        self.meddled.fetch_add(1, Ordering::Relaxed);
        match moment {
            Moment::Before => Expected::Ours(answer),
            Moment::After => Expected::Replaced(answer),
        }
    }
}

async fn answer(
    mut expected: mpsc::UnboundedReceiver<Expected>,
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
) {
    let mut waiting = VecDeque::new();
    loop {
        let next = match waiting.pop_front() {
            Some(next) => next,
            None => match expected.recv().await {
                Some(next) => next,
                None => break,
            },
        };
        let frame = match next {
            Expected::Ours(frame) => frame,
            Expected::Theirs | Expected::Replaced(_) => {
                let Some(theirs) = read_frame(&mut from).await else { break };
                if let Expected::Replaced(ours) = next { ours } else { theirs }
            }
        };
        if to.write_all(&frame).await.is_err() {
            return;
        }
        while let Ok(more) = expected.try_recv() {
            waiting.push_back(more);
        }
    }
    let _ = to.shutdown().await;
}

/// A whole frame, its length in front.
async fn read_frame(from: &mut ReadHalf<DuplexStream>) -> Option<Bytes> {
    let length = from.read_u32().await.ok()?;
    let mut frame = BytesMut::with_capacity(length as usize + 4);
    frame.put_u32(length);
    let whole = length as usize + 4;
    while frame.len() < whole {
        let missing = whole - frame.len();
        let mut room = (&mut frame).limit(missing);
        if from.read_buf(&mut room).await.ok()? == 0 {
            return None;
        }
    }
    Some(frame.freeze())
}

/// The frame of an answer that is an error; none for APIs that are left alone.
fn refusal(frame: Bytes, moment: Moment, entropy: &mut Entropy) -> Option<Bytes> {
    let mut reader = Reader::new(frame);
    let header = decode_request_header(&mut reader).ok()?;
    let key = ApiKey::from_code(header.api_key)?;
    let errors = errors(key, moment)?;
    let code = errors.get(entropy.below(errors.len() as u64) as usize)?.code();
    let version = header.api_version;
    match key {
        ApiKey::Produce => {
            reply(&header, produce(&ProduceRequest::decode(&mut reader, version).ok()?, code)?)
        }
        ApiKey::Fetch => reply(&header, fetch(FetchRequest::decode(&mut reader, version).ok()?, code)),
        ApiKey::ListOffsets => {
            reply(&header, list_offsets(ListOffsetsRequest::decode(&mut reader, version).ok()?, code))
        }
        ApiKey::OffsetCommit => {
            reply(&header, offset_commit(OffsetCommitRequest::decode(&mut reader, version).ok()?, code))
        }
        ApiKey::FindCoordinator => {
            let request = FindCoordinatorRequest::decode(&mut reader, version).ok()?;
            reply(&header, find_coordinator(request, code))
        }
        ApiKey::JoinGroup => reply(&header, joined(code)),
        ApiKey::SyncGroup => reply(
            &header,
            As::<SyncGroupRequest>(SyncGroupResponse { error_code: code, ..Default::default() }),
        ),
        ApiKey::Heartbeat => reply(
            &header,
            As::<HeartbeatRequest>(HeartbeatResponse { error_code: code, ..Default::default() }),
        ),
        ApiKey::InitProducerId => {
            let response = InitProducerIdResponse { error_code: code, ..Default::default() };
            reply(&header, As::<InitProducerIdRequest>(response))
        }
        _ => None,
    }
}

/// What a broker may say at that moment.
fn errors(key: ApiKey, moment: Moment) -> Option<&'static [ErrorCode]> {
    Some(match (key, moment) {
        (ApiKey::Produce, Moment::Before) => &[
            ErrorCode::NotLeaderOrFollower,
            ErrorCode::NotEnoughReplicas,
            ErrorCode::LeaderNotAvailable,
            ErrorCode::KafkaStorageError,
        ],
        (ApiKey::Produce, Moment::After) => &[
            ErrorCode::NotEnoughReplicasAfterAppend,
            ErrorCode::RequestTimedOut,
            ErrorCode::NotLeaderOrFollower,
            ErrorCode::KafkaStorageError,
        ],
        (ApiKey::Fetch, _) => &[
            ErrorCode::NotLeaderOrFollower,
            ErrorCode::KafkaStorageError,
            ErrorCode::OffsetNotAvailable,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::FencedLeaderEpoch,
            ErrorCode::UnknownLeaderEpoch,
        ],
        (ApiKey::ListOffsets, _) => {
            &[ErrorCode::NotLeaderOrFollower, ErrorCode::LeaderNotAvailable, ErrorCode::OffsetNotAvailable]
        }
        (ApiKey::FindCoordinator, _) => &[ErrorCode::CoordinatorNotAvailable],
        (ApiKey::JoinGroup, _) => &[ErrorCode::CoordinatorLoadInProgress, ErrorCode::NotCoordinator],
        (ApiKey::SyncGroup, _) => &[ErrorCode::NotCoordinator, ErrorCode::RebalanceInProgress],
        (ApiKey::Heartbeat, _) => {
            &[ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable, ErrorCode::RebalanceInProgress]
        }
        (ApiKey::OffsetCommit, _) => &[ErrorCode::NotCoordinator, ErrorCode::CoordinatorLoadInProgress],
        (ApiKey::InitProducerId, _) => {
            &[ErrorCode::CoordinatorLoadInProgress, ErrorCode::CoordinatorNotAvailable]
        }
        _ => return None,
    })
}

/// A response, with the request that it answers.
struct As<R: Request>(R::Response);

fn reply<R: Request>(header: &RequestHeader, As(response): As<R>) -> Option<Bytes> {
    let mut frame = Vec::new();
    for chunk in encode_response::<R>(header.correlation_id, header.api_version, &response) {
        frame.extend_from_slice(&chunk.to_bytes().ok()?);
    }
    Some(frame.into())
}

fn produce(request: &ProduceRequest, error_code: i16) -> Option<As<ProduceRequest>> {
    if request.acks == 0 {
        return None;
    }
    let topics = request.topic_data.iter().map(|topic| TopicProduceResponse {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partition_responses: topic
            .partition_data
            .iter()
            .map(|data| PartitionProduceResponse {
                index: data.index,
                error_code,
                base_offset: -1,
                ..Default::default()
            })
            .collect(),
    });
    Some(As(ProduceResponse { responses: topics.collect(), ..Default::default() }))
}

fn fetch(request: FetchRequest, error_code: i16) -> As<FetchRequest> {
    let topics = request.topics.into_iter().map(|topic| FetchableTopicResponse {
        topic: topic.topic,
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|asked| PartitionData {
                partition_index: asked.partition,
                error_code,
                high_watermark: -1,
                ..Default::default()
            })
            .collect(),
    });
    As(FetchResponse { responses: topics.collect(), ..Default::default() })
}

fn list_offsets(request: ListOffsetsRequest, error_code: i16) -> As<ListOffsetsRequest> {
    let topics = request.topics.into_iter().map(|topic| ListOffsetsTopicResponse {
        name: topic.name,
        partitions: topic
            .partitions
            .iter()
            .map(|asked| ListOffsetsPartitionResponse {
                partition_index: asked.partition_index,
                error_code,
                ..Default::default()
            })
            .collect(),
    });
    As(ListOffsetsResponse { topics: topics.collect(), ..Default::default() })
}

fn offset_commit(request: OffsetCommitRequest, error_code: i16) -> As<OffsetCommitRequest> {
    let topics = request.topics.into_iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|asked| OffsetCommitResponsePartition { partition_index: asked.partition_index, error_code })
            .collect(),
    });
    As(OffsetCommitResponse { topics: topics.collect(), ..Default::default() })
}

fn find_coordinator(request: FindCoordinatorRequest, error_code: i16) -> As<FindCoordinatorRequest> {
    let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
        key,
        node_id: -1,
        port: -1,
        error_code,
        ..Default::default()
    });
    As(FindCoordinatorResponse {
        error_code,
        node_id: -1,
        port: -1,
        coordinators: coordinators.collect(),
        ..Default::default()
    })
}

fn joined(error_code: i16) -> As<JoinGroupRequest> {
    As(JoinGroupResponse { error_code, generation_id: -1, ..Default::default() })
}
