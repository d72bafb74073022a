//! The task behind a connection: connects, exchanges versions, then moves frames both ways until it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use headwater_wire::protocol::Chunk;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::frames::{FrameReader, write_frame};
use super::handshake::exchange_versions;
use super::pipeline::Pipeline;
use super::{Command, ConnectionSettings, Disconnect, Lost, State, Versions};
use crate::config::Address;
use crate::connector::Connector;
use crate::metrics::Traffic;
use crate::timer;

type Reply = oneshot::Sender<Result<Bytes, Lost>>;
/// Each request with its timeout, which the error names.
type InFlight = Pipeline<Instant, (Duration, Reply)>;

pub(super) async fn run<C: Connector>(
    connector: Arc<C>,
    address: Address,
    settings: ConnectionSettings,
    delay: Duration,
    mut commands: mpsc::UnboundedReceiver<Command>,
    state: watch::Sender<State>,
) {
    timer::pause(delay).await;
    let connected = connect(&*connector, &address, &settings).await;
    settings.traffic.connected(connected.is_ok());
    let (was_ready, cause, mut waiting) = match connected {
        Ok((halves, versions)) => {
            tracing::debug!(%address, "connected");
            state.send_replace(State::Ready(Arc::new(versions)));
            let (cause, waiting) = serve(halves, &mut commands, &settings).await;
            (true, Arc::new(cause), waiting)
        }
        Err(cause) => (false, Arc::new(cause), Pipeline::new()),
    };
    tracing::debug!(%address, %cause, "connection ended");
    // In this order: who hears that his request is lost must not find this connection again when he asks for one.
    state.send_replace(State::Ended { was_ready, cause: Arc::clone(&cause) });
    for lost in waiting.drain() {
        fail(lost.reply.1, lost.sent, &cause);
    }
    commands.close();
    while let Ok(command) = commands.try_recv() {
        fail(command.reply, false, &cause);
    }
}

fn fail(reply: Reply, sent: bool, cause: &Arc<Disconnect>) {
    // A caller that stopped waiting is no concern of ours.
    drop(reply.send(Err(Lost { sent, cause: Arc::clone(cause) })));
}

/// The two halves of a stream, ready for requests.
struct Halves<S> {
    reader: FrameReader<ReadHalf<S>>,
    writer: WriteHalf<S>,
}

async fn connect<C: Connector>(
    connector: &C,
    address: &Address,
    settings: &ConnectionSettings,
) -> Result<(Halves<C::Stream>, Versions), Disconnect> {
    let connecting = async {
        let stream = connector.connect(&address.host, address.port).await;
        let (read, writer) = tokio::io::split(stream.map_err(Disconnect::Connect)?);
        let reader = FrameReader::new(read, settings.max_response_bytes);
        let mut halves = Halves { reader, writer };
        let told = exchange_versions(&mut halves.reader, &mut halves.writer, &settings.client_id).await?;
        settings.features.learn(&told);
        Ok((halves, Versions::new(&told)))
    };
    match timeout_at(Instant::now() + settings.connect_timeout, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(Disconnect::ConnectTimeout(settings.connect_timeout)),
    }
}

/// What the three loops of a connection share.
struct Shared {
    pipeline: Mutex<InFlight>,
    /// Tells the watch that there is something to watch.
    begun: Notify,
    idle_timeout: Duration,
    traffic: Arc<Traffic>,
}

impl Shared {
    fn pipeline(&self) -> MutexGuard<'_, InFlight> {
        self.pipeline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    halves: Halves<S>,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    settings: &ConnectionSettings,
) -> (Disconnect, InFlight) {
    let shared = Shared {
        pipeline: Mutex::new(Pipeline::new()),
        begun: Notify::new(),
        idle_timeout: settings.idle_timeout,
        traffic: Arc::clone(&settings.traffic),
    };
    let cause = tokio::select! {
        biased;
        cause = read_responses(halves.reader, &shared) => cause,
        cause = write_requests(halves.writer, commands, &shared) => cause,
        cause = watch_deadlines(&shared) => cause,
    };
    let waiting = shared.pipeline.into_inner().unwrap_or_else(PoisonError::into_inner);
    (cause, waiting)
}

async fn read_responses<S: AsyncRead + Unpin>(
    mut reader: FrameReader<ReadHalf<S>>,
    shared: &Shared,
) -> Disconnect {
    loop {
        let frame = match reader.next().await {
            Ok(frame) => frame,
            Err(cause) => return cause,
        };
        let Some(correlation_id) = frame.first_chunk::<4>().map(|id| i32::from_be_bytes(*id)) else {
            return Disconnect::UnexpectedResponse(-1);
        };
        shared.traffic.received(frame.len());
        let answered = shared.pipeline().answered(correlation_id);
        match answered {
            Some((_, reply)) => drop(reply.send(Ok(frame))),
            None => return Disconnect::UnexpectedResponse(correlation_id),
        }
    }
}

async fn write_requests<S: AsyncWrite + Unpin>(
    mut writer: WriteHalf<S>,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    shared: &Shared,
) -> Disconnect {
    loop {
        let mut next = commands.try_recv().ok();
        if next.is_none() {
            if let Err(error) = writer.flush().await {
                return Disconnect::Io(error);
            }
            next = commands.recv().await;
        }
        let Some(command) = next else {
            return Disconnect::ClientClosed;
        };
        if command.reply.is_closed() {
            continue; // the caller stopped waiting before anything was written
        }
        let Command { correlation_id, frame, timeout, expects_response, reply } = command;
        if shared.pipeline().push(correlation_id, Instant::now() + timeout, (timeout, reply)) {
            shared.begun.notify_one();
        }
        shared.traffic.sent(frame.iter().map(Chunk::len).sum());
        let mark_sent = || shared.pipeline().mark_sent(correlation_id);
        if let Err(error) = write_frame(&mut writer, frame, mark_sent).await {
            return Disconnect::Io(error);
        }
        if !expects_response {
            let written = shared.pipeline().needs_no_answer(correlation_id);
            if let Some((_, reply)) = written {
                drop(reply.send(Ok(Bytes::new())));
            }
        }
    }
}

/// Ends the connection when a request has waited too long, or when there was none for long.
async fn watch_deadlines(shared: &Shared) -> Disconnect {
    loop {
        let earliest = shared.pipeline().earliest().map(|first| (first.deadline, first.reply.0));
        match earliest {
            Some((deadline, timeout)) if deadline <= Instant::now() => {
                return Disconnect::RequestTimeout(timeout);
            }
            Some((deadline, _)) => {
                tokio::select! {
                    biased;
                    () = shared.begun.notified() => {}
                    () = sleep_until(deadline) => {}
                }
            }
            None => {
                tokio::select! {
                    biased;
                    () = shared.begun.notified() => {}
                    () = sleep_until(Instant::now() + shared.idle_timeout) => {
                        if shared.pipeline().is_empty() {
                            return Disconnect::Idle;
                        }
                    }
                }
            }
        }
    }
}
