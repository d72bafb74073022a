//! The broker: what it is made of.
//!
//! Owns: the parts and their life from opening to closing; [`start`] puts them together.
//!
//! Invariants: cloning is cheap and gives the same broker. The lock on the data folder is held until the last clone is
//! gone. Dropping the last clone without [`Broker::close`] is a crash, from which the next start recovers.
//!
//! Does not know: what requests mean.

mod housekeeping;
pub(crate) mod import;
mod logs;
pub(crate) mod producer_ids;
pub(crate) mod settings;
mod start;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};

use headwater_coordinator::{Groups, Transactions};
use headwater_log::{DataDir, Room};
use headwater_model::{Clock, Entropy, LeaderEpoch, Uuid};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::api::Context;
use crate::config::BrokerConfig;
use crate::connection;
use crate::connection::output::Plain;
use crate::coordinator::Shards;
use crate::fetch::sessions::Sessions;
use crate::groups::OwnSettings;
use crate::metadata::MetadataStore;
use crate::share::Share;
use crate::storage::{Storage, lock};
use crate::topics::{Registry, Told};
use producer_ids::ProducerIds;

/// An embedded broker.
#[derive(Debug, Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: BrokerConfig,
    clock: Arc<dyn Clock>,
    entropy: Mutex<Entropy>,
    cluster_id: Uuid,
    leader_epoch: LeaderEpoch,
    registry: RwLock<Registry>,
    told: Told,
    metadata: MetadataStore,
    producer_ids: Mutex<ProducerIds>,
    groups: Shards<Groups>,
    own_settings: OwnSettings,
    transactions: Shards<Transactions>,
    share: Share,
    connections: AtomicU64,
    fetch_sessions: Mutex<Sessions>,
    replicas_warned: AtomicBool,
    /// Held by whoever changes or removes a topic, from reading it to having put the changed one in its place.
    topic_turn: tokio::sync::Mutex<()>,
    shutdown: watch::Sender<bool>,
    closed: AtomicBool,
    storage: Arc<Storage>,
    data_dir: DataDir,
}

/// A way to the broker that does not keep it alive.
#[derive(Debug, Clone)]
pub(crate) struct WeakBroker(Weak<Inner>);

impl WeakBroker {
    pub(crate) fn upgrade(&self) -> Option<Broker> {
        self.0.upgrade().map(|inner| Broker { inner })
    }
}

impl Broker {
    /// The settings.
    pub fn config(&self) -> &BrokerConfig {
        &self.inner.config
    }

    /// The identity of the cluster, kept over restarts.
    pub fn cluster_id(&self) -> Uuid {
        self.inner.cluster_id
    }

    /// The epoch in which this start of the broker leads its partitions.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.inner.leader_epoch
    }

    /// Where time comes from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// A generator of its own for somebody.
    pub fn fork_entropy(&self) -> Entropy {
        lock(&self.inner.entropy).fork()
    }

    pub(crate) fn new_uuid(&self) -> Uuid {
        lock(&self.inner.entropy).uuid()
    }

    pub(crate) fn registry(&self) -> &RwLock<Registry> {
        &self.inner.registry
    }

    pub(crate) fn told(&self) -> &Told {
        &self.inner.told
    }

    pub(crate) fn metadata(&self) -> &MetadataStore {
        &self.inner.metadata
    }

    pub(crate) fn producer_ids(&self) -> &Mutex<ProducerIds> {
        &self.inner.producer_ids
    }

    pub(crate) fn groups(&self) -> &Shards<Groups> {
        &self.inner.groups
    }

    /// The settings that groups have of their own.
    pub(crate) fn own_settings(&self) -> &OwnSettings {
        &self.inner.own_settings
    }

    pub(crate) fn transactions(&self) -> &Shards<Transactions> {
        &self.inner.transactions
    }

    pub(crate) fn share(&self) -> &Share {
        &self.inner.share
    }

    pub(crate) fn downgrade(&self) -> WeakBroker {
        WeakBroker(Arc::downgrade(&self.inner))
    }

    pub(crate) fn fetch_sessions(&self) -> &Mutex<Sessions> {
        &self.inner.fetch_sessions
    }

    pub(crate) fn storage(&self) -> &Arc<Storage> {
        &self.inner.storage
    }

    /// Waits until no other topic is being changed or removed. A queue, not a lock on data: nothing else waits for it.
    pub(crate) async fn take_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.topic_turn.lock().await
    }

    /// How much room the data folder's file system has, if that can be learnt.
    pub(crate) async fn room(&self) -> Option<Room> {
        let (disk, dir) = (self.storage().disk.clone(), self.config().data_dir.clone());
        self.storage().call(move || disk.room(&dir).ok().flatten()).await.flatten()
    }

    pub(crate) fn replicas_warned(&self) -> &AtomicBool {
        &self.inner.replicas_warned
    }

    /// Serves one connection to its end.
    ///
    /// `peer` names the other end in the broker's log.
    pub async fn serve_connection<S>(&self, stream: S, peer: impl Into<String>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let context = self.context(peer.into(), None);
        connection::serve(Plain(stream), context, self.inner.shutdown.subscribe()).await;
    }

    pub(crate) async fn serve_tcp(self, stream: TcpStream, peer: SocketAddr) {
        let shutdown = self.inner.shutdown.subscribe();
        let context = self.context(peer.to_string(), stream.local_addr().ok());
        connection::serve(stream, context, shutdown).await;
    }

    /// What the handlers of a new connection know.
    fn context(&self, peer: String, local: Option<SocketAddr>) -> Arc<Context> {
        let connection = self.inner.connections.fetch_add(1, Ordering::Relaxed);
        Arc::new(Context { broker: self.clone(), connection, peer, local, waits: watch::Sender::new(false) })
    }

    /// Lets long polls return and connections end once what is under way is answered.
    pub fn begin_shutdown(&self) {
        self.inner.shutdown.send_replace(true);
    }

    /// Tells when the shutdown begins, without keeping the broker alive.
    pub(crate) fn subscribe_to_shutdown(&self) -> watch::Receiver<bool> {
        self.inner.shutdown.subscribe()
    }

    /// Completes when the shutdown begins.
    pub(crate) async fn shutting_down(&self) {
        let mut shutdown = self.inner.shutdown.subscribe();
        // The sender lives as long as `self`.
        let _ = shutdown.wait_for(|begun| *begun).await;
    }

    /// Makes everything durable and closes the logs, within [`BrokerConfig::close_timeout`]. Connections should have ended;
    /// what they still write is refused.
    pub async fn close(&self) {
        self.begin_shutdown();
        if self.inner.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let (broker, storage) = (self.clone(), &self.inner.storage);
        let limit = self.config().close_timeout;
        match tokio::time::timeout(limit, storage.call(move || broker.close_logs())).await {
            Ok(Some(())) => storage.stop(),
            Ok(None) => {
                tracing::error!("the logs could not be closed in order; the next start will check them");
                storage.stop();
            }
            Err(_) => {
                let (seconds, folder) = (limit.as_secs(), self.config().data_dir.display());
                tracing::error!(%folder, "the disk did not finish within {seconds} s; the next start will check the logs");
                storage.abandon();
            }
        }
    }
}
