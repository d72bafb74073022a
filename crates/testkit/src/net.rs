//! A network within one process: streams of bytes with delays, cut at any byte, all decided by one seed.
//!
//! Owns: connections between simulated clients and whatever accepts them, and the trace of what crossed them.
//!
//! Invariants: the same seed and the same program give the same trace; bytes of one direction of one connection are
//! never reordered, altered or invented; a cut ends both directions at once.
//!
//! Does not know: Kafka.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_model::{Clock, Entropy};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::watch;

use crate::SimClock;

/// How many bytes a simulated socket buffers in each direction.
const SOCKET_BUFFER: usize = 64 * 1024;

/// What the network does to connections.
#[derive(Debug, Clone)]
pub struct Faults {
    /// One in so many connections is cut, 0 for none.
    pub cut_one_in: u64,
    /// A connection to be cut is cut within so many bytes of one of its directions.
    pub cut_within_bytes: u64,
    /// One in so many connection attempts is refused, 0 for none.
    pub refuse_one_in: u64,
    /// One in so many connections swallows bytes from some byte on and stays open, 0 for none.
    pub swallow_one_in: u64,
    /// Every piece of bytes is delayed by at most this...
    pub max_delay: Duration,
    /// ...times a number below this, which each connection draws: what one carries overtakes what another one does.
    pub spread: u64,
    /// One in so many requests is answered with an error, before or after it was processed, 0 for none. Up to who listens.
    pub error_one_in: u64,
}

impl Faults {
    /// A network that only delays, by at most a millisecond.
    pub fn none() -> Self {
        Self {
            cut_one_in: 0,
            cut_within_bytes: 0,
            refuse_one_in: 0,
            swallow_one_in: 0,
            max_delay: Duration::from_millis(1),
            spread: 1,
            error_one_in: 0,
        }
    }

    /// A network on which half of all connections are cut within some kilobytes.
    pub fn rough() -> Self {
        Self {
            cut_one_in: 2,
            cut_within_bytes: 20_000,
            refuse_one_in: 10,
            max_delay: Duration::from_millis(20),
            spread: 10,
            ..Self::none()
        }
    }

    /// The same, and brokers that refuse things, and connections that go silent.
    pub fn hostile() -> Self {
        Self { swallow_one_in: 10, error_one_in: 8, ..Self::rough() }
    }
}

/// Takes the far end of each new connection, with the faults that it shall have beyond the network's, and a seed for them.
type Acceptor = Box<dyn Fn(DuplexStream, &Faults, Entropy) + Send>;

struct State {
    entropy: Entropy,
    faults: Faults,
    acceptor: Option<Acceptor>,
    connections: u64,
    trace: Trace,
    generation: watch::Sender<u64>,
}

/// The network. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct SimNet {
    state: Arc<Mutex<State>>,
    clock: SimClock,
}

impl std::fmt::Debug for SimNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimNet").field("trace", &self.trace()).finish_non_exhaustive()
    }
}

/// A digest of everything that crossed the network: when, on which connection, in which direction, which bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trace {
    /// How many pieces of bytes were carried.
    pub pieces: u64,
    /// How many connections were cut.
    pub cuts: u64,
    /// How many connections went silent.
    pub silenced: u64,
    /// The digest (FNV-1a).
    pub digest: u64,
}

impl Trace {
    fn record(&mut self, at: Duration, connection: u64, direction: Direction, bytes: &[u8]) {
        self.pieces += 1;
        let at = (at.as_nanos() as u64).to_le_bytes();
        let place = [connection.to_le_bytes(), (direction as u64).to_le_bytes()];
        for byte in at.iter().chain(place.iter().flatten()).chain(bytes) {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    ToServer = 0,
    ToClient = 1,
}

/// How one direction of a connection ended.
enum End {
    /// Its sender closed it.
    Closed,
    /// The network, or the loss of either side, cut it.
    Cut,
}

/// One direction of one connection.
struct Pump {
    net: SimNet,
    connection: u64,
    direction: Direction,
    entropy: Entropy,
    max_delay: Duration,
    /// Cut after so many bytes.
    cut_after: Option<u64>,
    /// Where it would be cut it goes silent instead.
    swallows: bool,
    /// Told when the connection is cut, from either side.
    cut: watch::Sender<bool>,
}

impl SimNet {
    /// A network whose every decision follows from `seed`.
    pub fn new(seed: u64, faults: Faults, clock: SimClock) -> Self {
        let state = State {
            entropy: Entropy::from_seed(seed),
            faults,
            acceptor: None,
            connections: 0,
            trace: Trace::default(),
            generation: watch::Sender::new(0),
        };
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    /// Whatever listens: it is given the far end of each new connection.
    pub fn listen(&self, acceptor: impl Fn(DuplexStream, &Faults, Entropy) + Send + 'static) {
        self.lock().acceptor = Some(Box::new(acceptor));
    }

    /// Nobody listens any more, and every connection is cut: the server is gone.
    pub fn stop_listening(&self) {
        self.lock().acceptor = None;
        self.cut_all();
    }

    /// Cuts every connection.
    pub fn cut_all(&self) {
        self.lock().generation.send_modify(|generation| *generation += 1);
    }

    /// Changes what happens to connections made from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// What has crossed the network so far.
    pub fn trace(&self) -> Trace {
        self.lock().trace
    }

    /// A new connection to whatever listens.
    ///
    /// # Errors
    /// `ConnectionRefused` if nobody listens or the network says so.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        let mut state = self.lock();
        let refuse_one_in = state.faults.refuse_one_in;
        if refuse_one_in > 0 && state.entropy.chance(1, refuse_one_in) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, client_far) = tokio::io::duplex(SOCKET_BUFFER);
        let (server_far, server) = tokio::io::duplex(SOCKET_BUFFER);
        let State { acceptor, faults, entropy, .. } = &mut *state;
        match acceptor {
            Some(acceptor) => acceptor(server, faults, entropy.fork()),
            None => return Err(io::ErrorKind::ConnectionRefused.into()),
        }
        self.start_pumps(&mut state, client_far, server_far);
        Ok(client)
    }

    fn start_pumps(&self, state: &mut State, client: DuplexStream, server: DuplexStream) {
        state.connections += 1;
        let (to_server, to_client) = state.choose_cut();
        let silent = state.faults.swallow_one_in;
        let swallows = silent > 0 && state.entropy.chance(1, silent);
        let max_delay = state.faults.max_delay * (1 + state.entropy.below(state.faults.spread.max(1))) as u32;
        let cut = watch::Sender::new(false);
        let mut pump = |direction, cut_after| Pump {
            net: self.clone(),
            connection: state.connections,
            direction,
            entropy: state.entropy.fork(),
            max_delay,
            cut_after,
            swallows,
            cut: cut.clone(),
        };
        let forward = pump(Direction::ToServer, to_server);
        let back = pump(Direction::ToClient, to_client);
        let generation = state.generation.subscribe();
        let (client_read, client_write) = tokio::io::split(client);
        let (server_read, server_write) = tokio::io::split(server);
        tokio::spawn(forward.run(client_read, server_write, generation.clone()));
        tokio::spawn(back.run(server_read, client_write, generation));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// After how many bytes the directions to the server and to the client are cut.
    fn choose_cut(&mut self) -> (Option<u64>, Option<u64>) {
        let dooms = self.faults.cut_one_in > 0 && self.entropy.chance(1, self.faults.cut_one_in);
        if !dooms {
            return (None, None);
        }
        let after = Some(self.entropy.below(self.faults.cut_within_bytes));
        if self.entropy.chance(1, 2) { (after, None) } else { (None, after) }
    }
}

impl Pump {
    async fn run(
        mut self,
        mut from: ReadHalf<DuplexStream>,
        mut to: WriteHalf<DuplexStream>,
        mut generation: watch::Receiver<u64>,
    ) {
        let mut cut = self.cut.subscribe();
        let end = tokio::select! {
            biased;
            _ = cut.wait_for(|cut| *cut) => End::Cut,
            _ = generation.changed() => End::Cut,
            end = self.carry(&mut from, &mut to) => end,
        };
        match end {
            // The other direction goes on, as with a half-closed socket.
            End::Closed => {
                let _ = to.shutdown().await;
            }
            End::Cut => {
                self.cut.send_replace(true);
            }
        }
    }

    /// Carries bytes until the sender closes, the receiver is gone, or the cut is reached.
    async fn carry(&mut self, from: &mut ReadHalf<DuplexStream>, to: &mut WriteHalf<DuplexStream>) -> End {
        let mut buffer = vec![0; SOCKET_BUFFER];
        let mut carried = 0_u64;
        loop {
            let Ok(read) = from.read(&mut buffer).await else {
                return End::Cut;
            };
            if read == 0 {
                return End::Closed;
            }
            self.delay().await;
            let allowed =
                self.cut_after.map_or(read, |after| read.min(after.saturating_sub(carried) as usize));
            let piece = buffer.get(..allowed).unwrap_or_default();
            self.net.lock().trace.record(
                self.net.clock.monotonic().since_origin(),
                self.connection,
                self.direction,
                piece,
            );
            if to.write_all(piece).await.is_err() {
                return End::Cut;
            }
            carried += allowed as u64;
            if allowed < read && self.swallows {
                self.net.lock().trace.silenced += 1;
                while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
                return End::Cut;
            }
            if allowed < read {
                self.net.lock().trace.cuts += 1;
                return End::Cut;
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the simulated network is a driver")]
    async fn delay(&mut self) {
        let max_us = self.max_delay.as_micros() as u64;
        tokio::time::sleep(Duration::from_micros(self.entropy.below(max_us + 1))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Echoes over many connections on a rough network; gives the trace and how many bytes came back in order.
    fn echo(seed: u64) -> (Trace, usize) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let net = SimNet::new(seed, Faults::rough(), SimClock::start());
            net.listen(|server, _, _| {
                tokio::spawn(async move {
                    let (mut read, mut write) = tokio::io::split(server);
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            });
            let mut echoed = 0;
            for _ in 0..20 {
                let Ok(client) = net.connect() else { continue };
                let (mut read, mut write) = tokio::io::split(client);
                let writer = tokio::spawn(async move {
                    for byte in 0..=u8::MAX {
                        if write.write_all(&[byte; 100]).await.is_err() {
                            return;
                        }
                    }
                    let _ = write.shutdown().await;
                });
                let mut answer = Vec::new();
                let _ = read.read_to_end(&mut answer).await;
                assert!(answer.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at / 100));
                echoed += answer.len();
                let _ = writer.await;
            }
            (net.trace(), echoed)
        })
    }

    #[test]
    fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
        assert_eq!(echo(1), echo(1));
        assert_ne!(echo(1).0.digest, echo(2).0.digest);
    }

    #[test]
    fn a_rough_network_cuts_some_connections_and_spares_others() {
        let (trace, echoed) = echo(3);
        assert!(trace.cuts > 0, "{trace:?}");
        assert!(echoed > 25_600, "{echoed}");
    }
}
