//! A connection against a scripted peer on the other end of an in-memory stream.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_model::ErrorCode;
use headwater_wire::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use headwater_wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use headwater_wire::protocol::{Chunk, Reader};
use headwater_wire::{ApiKey, Message, Request, frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Answer, Connection, ConnectionSettings, Disconnect, Lost};
use crate::config::Address;
use crate::connector::{Connector, TcpConnector};

/// Hands out prepared streams, one per connection.
struct Scripted(Mutex<Vec<DuplexStream>>);

impl Connector for Scripted {
    type Stream = DuplexStream;

    async fn connect(&self, _: &str, _: u16) -> io::Result<DuplexStream> {
        let stream = self.0.lock().unwrap().pop();
        stream.ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }
}

const TIMEOUT: Duration = Duration::from_secs(3);

fn settings() -> ConnectionSettings {
    ConnectionSettings {
        client_id: "test".into(),
        connect_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_mins(1),
        traffic: Arc::default(),
        features: Arc::default(),
        max_response_bytes: 1 << 20,
    }
}

fn connection(stream: Option<DuplexStream>) -> Connection {
    let address = Address { host: "scripted".to_owned(), port: 1 };
    let connector = Arc::new(Scripted(Mutex::new(stream.into_iter().collect())));
    Connection::open(connector, address, settings(), Duration::ZERO)
}

/// The broker's end: reads requests, writes what the script says.
struct Peer<S = DuplexStream>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    async fn request(&mut self) -> (frame::RequestHeader, Reader) {
        let length = self.0.read_i32().await.unwrap();
        let mut bytes = vec![0; length as usize];
        self.0.read_exact(&mut bytes).await.unwrap();
        let mut reader = Reader::new(bytes.into());
        (frame::decode_request_header(&mut reader).unwrap(), reader)
    }

    async fn write(&mut self, chunks: Vec<Chunk>) {
        for chunk in chunks {
            self.0.write_all(&chunk.to_bytes().unwrap()).await.unwrap();
        }
    }

    async fn answer<R: Request>(&mut self, correlation_id: i32, version: i16, response: &R::Response) {
        self.write(frame::encode_response::<R>(correlation_id, version, response)).await;
    }

    async fn heartbeat(&mut self, correlation_id: i32, error_code: i16) {
        let response = HeartbeatResponse { error_code, ..Default::default() };
        self.answer::<HeartbeatRequest>(correlation_id, 4, &response).await;
    }

    /// Offers heartbeats in versions 0 to 4.
    async fn shake_hands(&mut self) {
        let (header, _) = self.request().await;
        let response = versions(0, &[(ApiKey::Heartbeat, 0, 4)]);
        self.answer::<ApiVersionsRequest>(header.correlation_id, header.api_version, &response).await;
    }
}

fn versions(error_code: i16, apis: &[(ApiKey, i16, i16)]) -> ApiVersionsResponse {
    let api = |(key, min_version, max_version): &(ApiKey, i16, i16)| ApiVersion {
        api_key: key.code(),
        min_version: *min_version,
        max_version: *max_version,
    };
    ApiVersionsResponse { error_code, api_keys: apis.iter().map(api).collect(), ..Default::default() }
}

fn heartbeat(connection: &Connection) -> Answer {
    let id = connection.next_correlation_id();
    let chunks = frame::encode_request(id, Some("test"), 4, &HeartbeatRequest::default());
    connection.start(id, chunks, TIMEOUT, true)
}

async fn error_code(answer: Answer) -> Result<i16, Lost> {
    let frame = answer.await.unwrap()?;
    Ok(frame::decode_response::<HeartbeatRequest>(frame, 4).unwrap().1.error_code)
}

async fn ready() -> (Connection, Peer) {
    let (stream, peer) = tokio::io::duplex(1 << 16);
    let connection = connection(Some(stream));
    let mut peer = Peer(peer);
    let (ready, ()) = tokio::join!(connection.ready(), peer.shake_hands());
    assert_eq!(ready.unwrap().choose(ApiKey::Heartbeat.code(), &(0..=9)), Some(4));
    (connection, peer)
}

#[tokio::test(start_paused = true)]
async fn requests_do_not_wait_for_each_other_and_answers_find_their_callers() {
    let (connection, mut peer) = ready().await;
    let answers = [heartbeat(&connection), heartbeat(&connection), heartbeat(&connection)];
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(peer.request().await.0.correlation_id);
    }
    for (error_code, id) in (100..).zip(&ids) {
        peer.heartbeat(*id, error_code).await;
    }
    for (expected, answer) in (100..).zip(answers) {
        assert_eq!(error_code(answer).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_know_our_version_is_asked_in_one_that_it_knows() {
    for (offered, expected) in [(Some(2), 2), (None, 0)] {
        let (stream, peer) = tokio::io::duplex(1 << 16);
        let connection = connection(Some(stream));
        let mut peer = Peer(peer);
        let script = async {
            let (first, _) = peer.request().await;
            assert_eq!(first.api_version, *ApiVersionsRequest::VERSIONS.end());
            let apis: Vec<_> = offered.map(|max| (ApiKey::ApiVersions, 0, max)).into_iter().collect();
            let refusal = versions(ErrorCode::UnsupportedVersion.code(), &apis);
            peer.answer::<ApiVersionsRequest>(first.correlation_id, 0, &refusal).await;
            let (second, mut body) = peer.request().await;
            assert_eq!(second.api_version, expected);
            ApiVersionsRequest::decode(&mut body, second.api_version).unwrap();
            let response = versions(0, &[(ApiKey::Metadata, 0, 9)]);
            peer.answer::<ApiVersionsRequest>(second.correlation_id, second.api_version, &response).await;
        };
        let (ready, ()) = tokio::join!(connection.ready(), script);
        assert_eq!(ready.unwrap().offered(ApiKey::Metadata.code()), Some(0..=9));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_says_of_each_request_whether_it_was_sent() {
    let (stream, peer) = tokio::io::duplex(40);
    let connection = connection(Some(stream));
    let mut peer = Peer(peer);
    let (ready, ()) = tokio::join!(connection.ready(), peer.shake_hands());
    ready.unwrap();
    // The first request is written in part, since the stream takes 40 bytes; the second waits behind it.
    let id = connection.next_correlation_id();
    let large = connection.start(id, vec![vec![0_u8; 100].into_chunk()], TIMEOUT, true);
    let behind = heartbeat(&connection);
    assert_eq!(peer.0.read_u8().await.unwrap(), 0);
    drop(peer);
    let lost = error_code(large).await.unwrap_err();
    assert!(lost.sent);
    assert!(!error_code(behind).await.unwrap_err().sent);
    assert!(!error_code(heartbeat(&connection)).await.unwrap_err().sent, "nor is what comes later");
    assert_eq!(connection.ended(), Some(true));
}

trait IntoChunk {
    fn into_chunk(self) -> Chunk;
}

impl IntoChunk for Vec<u8> {
    fn into_chunk(self) -> Chunk {
        Chunk::Bytes(self.into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_ends_the_connection_at_its_timeout() {
    let (connection, mut peer) = ready().await;
    let started = tokio::time::Instant::now();
    let first = heartbeat(&connection);
    let (header, _) = peer.request().await;
    peer.heartbeat(header.correlation_id, 0).await;
    error_code(first).await.unwrap();
    let lost = error_code(heartbeat(&connection)).await.unwrap_err();
    assert!(lost.sent);
    assert!(matches!(*lost.cause, Disconnect::RequestTimeout(TIMEOUT)), "{:?}", lost.cause);
    assert_eq!(started.elapsed().as_secs(), TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_nothing_or_out_of_turn_ends_the_connection() {
    let (connection, mut peer) = ready().await;
    let waiting = heartbeat(&connection);
    let (header, _) = peer.request().await;
    peer.heartbeat(header.correlation_id + 1, 0).await;
    let lost = error_code(waiting).await.unwrap_err();
    assert!(matches!(*lost.cause, Disconnect::UnexpectedResponse(_)), "{:?}", lost.cause);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_answered_succeeds_when_it_is_written() {
    let (connection, mut peer) = ready().await;
    let answered = heartbeat(&connection);
    let id = connection.next_correlation_id();
    let chunks = frame::encode_request(id, Some("test"), 4, &HeartbeatRequest::default());
    let unanswered = connection.start(id, chunks, TIMEOUT, false);
    assert!(unanswered.await.unwrap().unwrap().is_empty());
    let (header, _) = peer.request().await;
    peer.heartbeat(header.correlation_id, 7).await;
    assert_eq!(error_code(answered).await.unwrap(), 7, "the one before it still gets its answer");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_silent_or_refuses_is_an_error_in_time() {
    let refused = connection(None).ready().await.unwrap_err();
    assert!(matches!(*refused, Disconnect::Connect(_)));
    let (stream, _silent) = tokio::io::duplex(1 << 16);
    let silent = connection(Some(stream)).ready().await.unwrap_err();
    assert!(matches!(*silent, Disconnect::ConnectTimeout(_)));
    let (stream, mut http) = tokio::io::duplex(1 << 16);
    http.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let no_kafka = connection(Some(stream)).ready().await.unwrap_err();
    assert!(matches!(*no_kafka, Disconnect::FrameTooLarge { .. }), "{no_kafka}");
}

#[tokio::test(start_paused = true)]
async fn the_stream_is_closed_when_nobody_holds_the_connection() {
    let (connection, mut peer) = ready().await;
    let (done, mut finished) = mpsc::channel::<usize>(1);
    tokio::spawn(async move {
        let mut rest = Vec::new();
        done.send(peer.0.read_to_end(&mut rest).await.unwrap()).await.unwrap();
    });
    drop(connection);
    assert_eq!(finished.recv().await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let (connection, _peer) = ready().await;
    let started = tokio::time::Instant::now();
    connection.state.clone().wait_for(|state| matches!(state, super::State::Ended { .. })).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn tcp_carries_requests_and_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let connection = Connection::open(Arc::new(TcpConnector), address, settings(), Duration::ZERO);
    let serve = async {
        let mut peer = Peer(listener.accept().await.unwrap().0);
        peer.shake_hands().await;
        let (header, _) = peer.request().await;
        peer.heartbeat(header.correlation_id, 7).await;
        peer
    };
    let ask = async {
        connection.ready().await.unwrap();
        error_code(heartbeat(&connection)).await.unwrap()
    };
    let (answer, _peer) = tokio::join!(ask, serve);
    assert_eq!(answer, 7);
}
