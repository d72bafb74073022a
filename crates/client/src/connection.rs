//! One connection to one broker: requests go out one behind the other without waiting, answers come back in order.
//!
//! Owns: the handle ([`Connection`]), the task behind it ([`driver`]), the exchange of versions ([`handshake`]), who
//! waits for which answer ([`pipeline`]), the cutting of frames ([`frames`]).
//!
//! Invariants: requests are written in the order of [`Connection::start`]. Each request gets exactly one outcome. A
//! connection that ends fails all that wait, and says of each whether any of its bytes were written. One request
//! that times out ends the connection, since the answers behind it could not be told apart from a stuck broker.
//!
//! Does not know: the cluster, what a request means, whether to try again.

mod driver;
mod features;
mod frames;
mod handshake;
mod pipeline;
#[cfg(test)]
mod tests;
mod versions;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use headwater_wire::protocol::{Chunk, DecodeError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Address;
use crate::connector::Connector;
use crate::metrics::Traffic;

pub(crate) use features::Features;
pub(crate) use versions::Versions;

/// Why a connection ended, or never came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// Connecting, or the exchange of versions, took too long.
    #[error("no connection within {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    /// The stream could not be opened.
    #[error("{0}")]
    Connect(#[source] io::Error),
    /// The other side closed the connection.
    #[error("the broker closed the connection")]
    Closed,
    /// Reading or writing failed.
    #[error("the connection broke: {0}")]
    Io(#[source] io::Error),
    /// A request was not answered in time.
    #[error("no answer within {} ms", .0.as_millis())]
    RequestTimeout(Duration),
    /// A response is larger than the limit.
    #[error("the response claims {size} bytes, more than the limit of {limit}; is this a Kafka listener?")]
    FrameTooLarge {
        /// What the response claims to be.
        size: i64,
        /// The limit of the configuration.
        limit: usize,
    },
    /// A response came that was not next in line.
    #[error("a response came that answers nothing: correlation id {0}")]
    UnexpectedResponse(i32),
    /// The broker's answer to the exchange of versions made no sense.
    #[error("the exchange of versions failed: {0}")]
    Handshake(#[source] DecodeError),
    /// The broker refused the exchange of versions.
    #[error("the broker refused the exchange of versions: {0}")]
    Refused(headwater_model::ErrorCode),
    /// Nothing was asked for long.
    #[error("the connection was idle")]
    Idle,
    /// The client is gone.
    #[error("the client was closed")]
    ClientClosed,
}

/// A request that has no answer, and will get none.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    /// True if any byte of it was written, so that the broker may have processed it.
    pub(crate) sent: bool,
    pub(crate) cause: Arc<Disconnect>,
}

/// The answer's frame without its length, or why there is none.
pub(crate) type Answer = oneshot::Receiver<Result<Bytes, Lost>>;

/// What the connection's task needs to know.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionSettings {
    pub(crate) client_id: Arc<str>,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_response_bytes: usize,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) features: Arc<Features>,
}

#[derive(Debug)]
struct Command {
    correlation_id: i32,
    frame: Vec<Chunk>,
    timeout: Duration,
    /// False where the broker never answers (acks = 0): the outcome is then that of the write, an empty frame.
    expects_response: bool,
    reply: oneshot::Sender<Result<Bytes, Lost>>,
}

#[derive(Debug, Clone)]
enum State {
    Connecting,
    Ready(Arc<Versions>),
    Ended { was_ready: bool, cause: Arc<Disconnect> },
}

/// A handle of a connection; clones share it. It ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<State>,
    correlation: Arc<AtomicI32>,
}

impl Connection {
    /// Begins to connect, after a delay. Must be called within a Tokio runtime.
    pub(crate) fn open<C: Connector>(
        connector: Arc<C>,
        address: Address,
        settings: ConnectionSettings,
        delay: Duration,
    ) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        let (publish, state) = watch::channel(State::Connecting);
        tokio::spawn(driver::run(connector, address, settings, delay, received, publish));
        Self {
            commands,
            state,
            // The handshake uses the numbers below.
            correlation: Arc::new(AtomicI32::new(handshake::FIRST_FREE_CORRELATION)),
        }
    }

    /// Waits until requests can be sent. Cancel-safe.
    pub(crate) async fn ready(&self) -> Result<Arc<Versions>, Arc<Disconnect>> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| !matches!(state, State::Connecting)).await;
        match settled.as_deref() {
            Ok(State::Ready(versions)) => Ok(Arc::clone(versions)),
            Ok(State::Ended { cause, .. }) => Err(Arc::clone(cause)),
            // The task was dropped with its runtime.
            Ok(State::Connecting) | Err(_) => Err(Arc::new(Disconnect::ClientClosed)),
        }
    }

    /// True if requests can be sent right now.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(*self.state.borrow(), State::Ready(_)) && !self.commands.is_closed()
    }

    /// How it ended: whether it was ready before. `None` while it lives.
    pub(crate) fn ended(&self) -> Option<bool> {
        match *self.state.borrow() {
            State::Ended { was_ready, .. } => Some(was_ready),
            _ if self.commands.is_closed() => Some(false),
            _ => None,
        }
    }

    /// True if both are handles of the same connection.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.commands.same_channel(&other.commands)
    }

    /// A number for the next request.
    pub(crate) fn next_correlation_id(&self) -> i32 {
        self.correlation.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues a request, encoded with a number of [`Connection::next_correlation_id`]. Does not wait.
    pub(crate) fn start(
        &self,
        correlation_id: i32,
        frame: Vec<Chunk>,
        timeout: Duration,
        expects_response: bool,
    ) -> Answer {
        let (reply, answer) = oneshot::channel();
        let command = Command { correlation_id, frame, timeout, expects_response, reply };
        if let Err(refused) = self.commands.send(command) {
            let cause = match &*self.state.borrow() {
                State::Ended { cause, .. } => Arc::clone(cause),
                _ => Arc::new(Disconnect::ClientClosed),
            };
            // Nobody is hurt if the receiver below is gone already: it is not.
            drop(refused.0.reply.send(Err(Lost { sent: false, cause })));
        }
        answer
    }
}
