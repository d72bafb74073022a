//! One connection: requests in, responses out, in order.
//!
//! Owns: the loop of a connection. Requests start in the order in which they arrive, and are answered in that order.
//! Produce requests may be under way together (each has taken its place in its partitions' queues when the next one
//! starts); any other request is alone, so a long-polling fetch holds up its own connection and no other, and that only
//! until something else than a further long poll has come behind it.
//!
//! Invariants: a violation of the protocol closes the connection with one line in the log, and harms nobody else. What is
//! read ahead is bounded.
//!
//! Does not know: what requests mean ([`crate::api`]).

pub(crate) mod frames;
pub(crate) mod output;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use headwater_wire::frame::decode_request_header;
use headwater_wire::protocol::{Chunk, Reader};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::{self, Answer, Context, Refusal, Started};
use crate::config::Limits;
use frames::{FrameBuffer, FrameError};
use output::{Stream, write_chunks};

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the client closed the connection")]
    ByPeer,
    #[error("the client closed the connection in the middle of a request")]
    MidRequest,
    #[error("the connection was idle")]
    Idle,
    #[error("the client did not read its responses")]
    Stalled,
    #[error("the broker is shutting down")]
    ShuttingDown,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("a produce request without acknowledgement failed, and closing is how its producer learns of it")]
    SilentFailure,
}

impl Ended {
    /// True where the client did something that it should not have done.
    fn is_violation(&self) -> bool {
        matches!(self, Self::Frame(_) | Self::Refused(_) | Self::MidRequest)
    }
}

/// Serves a connection to its end, and logs why it ended.
pub(crate) async fn serve<S: Stream>(stream: S, context: Arc<Context>, shutdown: watch::Receiver<bool>) {
    let mut connection = Connection {
        frames: FrameBuffer::new(context.broker.config().limits.max_request_bytes),
        stream,
        pending: VecDeque::new(),
        pending_bytes: 0,
        shutdown,
        last_request: Instant::now(),
        context,
    };
    let ended = connection.run().await;
    if !*connection.shutdown.borrow() {
        // At a shutdown nobody has failed: what members have acquired is available after it, as if nobody had had it.
        connection.context.broker.end_share_sessions(connection.context.connection).await;
    }
    let peer = &connection.context.peer;
    if ended.is_violation() {
        tracing::warn!(%peer, reason = %ended, "closed a connection");
    } else {
        tracing::debug!(%peer, reason = %ended, "a connection ended");
    }
}

struct Connection<S> {
    stream: S,
    frames: FrameBuffer,
    context: Arc<Context>,
    /// Started and not answered, in order.
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    shutdown: watch::Receiver<bool>,
    last_request: Instant,
}

struct Pending {
    started: Started,
    bytes: usize,
}

enum Event {
    Answers(Vec<Answer>),
    Read(usize),
    ShutDown,
    IdleCheck,
}

impl<S: Stream> Connection<S> {
    async fn run(&mut self) -> Ended {
        let outcome = self.exchange().await;
        match outcome {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn exchange(&mut self) -> Result<std::convert::Infallible, Ended> {
        let max_idle = self.context.broker.config().limits.max_idle;
        let idle = tokio::time::sleep_until(self.last_request + max_idle);
        tokio::pin!(idle);
        loop {
            let wants_more = self.start_requests()?;
            if *self.shutdown.borrow() && self.pending.is_empty() {
                return Err(Ended::ShuttingDown);
            }
            let mut room = self.frames.room();
            let event = tokio::select! {
                biased;
                answers = next_answers(&mut self.pending), if !self.pending.is_empty() => Event::Answers(answers),
                read = self.stream.read_buf(&mut room), if wants_more => Event::Read(read?),
                Ok(()) = self.shutdown.changed() => Event::ShutDown,
                () = &mut idle => Event::IdleCheck,
            };
            match event {
                Event::Answers(answers) => self.send(answers).await?,
                Event::Read(0) if self.frames.is_mid_frame() => return Err(Ended::MidRequest),
                Event::Read(0) => return Err(Ended::ByPeer),
                Event::Read(_) | Event::ShutDown => {}
                Event::IdleCheck
                    if self.pending.is_empty() && self.last_request + max_idle <= Instant::now() =>
                {
                    return Err(Ended::Idle);
                }
                Event::IdleCheck => {
                    let again = if self.pending.is_empty() { self.last_request } else { Instant::now() };
                    idle.as_mut().reset(again + max_idle);
                }
            }
        }
    }

    /// Starts what has arrived and may start; true if there is a reason to read more.
    fn start_requests(&mut self) -> Result<bool, Ended> {
        while !self.frames.has_frame()? || self.may_start() {
            let Some(frame) = self.frames.next_frame()? else {
                self.tell_whether_waited_for(false);
                return Ok(true);
            };
            self.last_request = Instant::now();
            let bytes = frame.len();
            let started = start(&self.context, frame)?;
            self.pending_bytes += bytes;
            self.pending.push_back(Pending { started, bytes });
        }
        let next = self.frames.peek_api_key();
        self.tell_whether_waited_for(next.is_some_and(|key| !api::LONG_POLLS.contains(&key)));
        Ok(false)
    }

    fn tell_whether_waited_for(&self, waits: bool) {
        self.context.waits.send_if_modified(|told| std::mem::replace(told, waits) != waits);
    }

    fn may_start(&self) -> bool {
        let Limits { max_in_flight, max_in_flight_bytes, .. } = self.context.broker.config().limits;
        !*self.shutdown.borrow()
            && self.pending.back().is_none_or(|last| {
                last.started.pipelined
                    && self.pending.len() < max_in_flight
                    && self.pending_bytes < max_in_flight_bytes
                    && self.frames.peek_api_key() == Some(api::PIPELINED)
            })
    }

    async fn send(&mut self, answers: Vec<Answer>) -> Result<(), Ended> {
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut failed = false;
        for answer in answers {
            match answer {
                Answer::Frame(frame) if chunks.is_empty() => chunks = frame,
                Answer::Frame(frame) => chunks.extend(frame),
                Answer::Silence => {}
                Answer::Close => {
                    failed = true;
                    break;
                }
            }
        }
        self.pending_bytes = self.pending.iter().map(|pending| pending.bytes).sum();
        if !chunks.is_empty() {
            let max_idle = self.context.broker.config().limits.max_idle;
            let written = tokio::time::timeout(max_idle, write_chunks(&mut self.stream, chunks)).await;
            written.map_err(|_| Ended::Stalled)??;
        }
        if failed { Err(Ended::SilentFailure) } else { Ok(()) }
    }
}

fn start(context: &Arc<Context>, frame: Bytes) -> Result<Started, Refusal> {
    let mut reader = Reader::new(frame);
    let header = decode_request_header(&mut reader).map_err(Refusal::Header)?;
    api::start(context, &header, &mut reader)
}

/// The answers of as many requests from the front on as are ready; at least one.
async fn next_answers(pending: &mut VecDeque<Pending>) -> Vec<Answer> {
    poll_fn(|cx| {
        let mut answers = Vec::new();
        while let Some(answer) = poll_front(pending, cx) {
            answers.push(answer);
        }
        if answers.is_empty() { Poll::Pending } else { Poll::Ready(answers) }
    })
    .await
}

fn poll_front(pending: &mut VecDeque<Pending>, cx: &mut TaskContext<'_>) -> Option<Answer> {
    let Poll::Ready(answer) = pending.front_mut()?.started.answer.as_mut().poll(cx) else {
        return None;
    };
    pending.pop_front();
    Some(answer)
}
