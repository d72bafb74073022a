//! The TCP listener.
//!
//! Owns: what may be listened on, the accept loop, the bound on connections, the orderly end.
//!
//! Invariants: beyond loopback only if the configuration says so, as long as nobody has to authenticate.
//!
//! Does not know: what is said on a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::broker::Broker;
use crate::error::BrokerError;

/// How long accepting pauses after the system refused (no file descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A broker that listens. Dropping it stops listening at once; [`RunningBroker::shutdown`] ends it in order.
#[derive(Debug)]
pub struct RunningBroker {
    broker: Broker,
    local_addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl Broker {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// Each connection is served on the current runtime.
    pub async fn listen(
        &self,
        address: impl ToSocketAddrs + std::fmt::Display,
    ) -> Result<RunningBroker, BrokerError> {
        let name = address.to_string();
        let failed = |source| BrokerError::Listen { address: name.clone(), source };
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(address).await.map_err(failed)?.collect();
        if !self.config().insecure
            && let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback())
        {
            return Err(BrokerError::Insecure(*open));
        }
        let listener = match TcpListener::bind(addresses.as_slice()).await {
            Ok(listener) => listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(BrokerError::AddressInUse(name));
            }
            Err(error) => return Err(failed(error)),
        };
        let local_addr = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(accept_loop(self.clone(), listener, stopped));
        tracing::info!(address = %local_addr, "listening");
        Ok(RunningBroker { broker: self.clone(), local_addr, stop: Some(stop), accepting })
    }
}

impl RunningBroker {
    /// The address that is listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The broker.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Stops accepting, lets requests under way end (within the configured time), makes everything durable and closes the
    /// logs.
    pub async fn shutdown(mut self) {
        self.broker.begin_shutdown();
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.accepting).await;
        self.broker.close().await;
    }
}

impl Drop for RunningBroker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_loop(broker: Broker, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection failed for a reason of the broker's own");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => accept(&broker, &mut connections, stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    pause(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let grace = broker.config().shutdown_grace;
    let ended = tokio::time::timeout(grace, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(connections = connections.len(), "closing connections with requests still under way");
        connections.shutdown().await;
    }
}

fn accept(broker: &Broker, connections: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr) {
    let limit = broker.config().limits.max_connections;
    if connections.len() >= limit {
        tracing::warn!(%peer, limit, "closed a connection: there are as many as allowed");
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot turn off Nagle's algorithm");
    }
    connections.spawn(broker.clone().serve_tcp(stream, peer));
}

#[expect(
    clippy::disallowed_methods,
    reason = "the accept loop is a driver; virtual time does not reach sockets"
)]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
