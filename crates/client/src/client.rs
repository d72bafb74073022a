//! The client's handle: what is shared by its producers, consumers and admin calls.
//!
//! Owns: making a client; the published [`ClusterView`]; access to clock and entropy.
//!
//! Does not know: what its users ask the brokers; see [`crate::call`] for how they ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_model::{Clock, Entropy, ErrorCode, SystemClock, TopicName, Uuid};
use headwater_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponseTopic};
use tokio::sync::watch;

use crate::call::{CallOptions, Coordinators, Destination};
use crate::cluster::ClusterView;
use crate::config::{Address, ClientConfig};
use crate::connection::{ConnectionSettings, Features};
use crate::connector::{Connector, TcpConnector};
use crate::error::{ConnectError, MetadataError};
use crate::metrics::{ClientMetrics, Traffic};
use crate::pool::{OwnerId, Pool};
use crate::retry::{Backoff, Retry};

/// The first version of Metadata in which topics can be asked for by id alone (KIP-516).
const FIRST_VERSION_BY_ID: i16 = 12;

/// A client of a Kafka cluster. Clones are cheap and share connections and metadata.
///
/// It runs within a Tokio runtime, and keeps connections open until the last clone is dropped.
#[derive(Debug)]
pub struct Client<C = TcpConnector> {
    inner: Arc<Inner<C>>,
}

#[derive(Debug)]
pub(crate) struct Inner<C> {
    pub(crate) config: ClientConfig,
    pub(crate) bootstrap: Vec<Address>,
    pub(crate) client_id: Arc<str>,
    pub(crate) pool: Pool<C>,
    view: watch::Sender<Arc<ClusterView>>,
    clock: Arc<dyn Clock>,
    entropy: Mutex<Entropy>,
    /// Where each coordinator was last found.
    pub(crate) coordinators: Mutex<Coordinators>,
    /// How many users have connections of their own.
    owners: AtomicU64,
    features: Arc<Features>,
    traffic: Arc<Traffic>,
}

impl<C> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl Client {
    /// Connects over TCP: tries the bootstrap addresses in turn, and learns the cluster from the first that answers.
    ///
    /// Fails after one round; a caller that wants to wait for a cluster to come up calls again.
    pub async fn connect(config: ClientConfig) -> Result<Self, ConnectError> {
        let clock = Arc::new(SystemClock::new());
        Self::with(config, TcpConnector, clock, Entropy::from_system()).await
    }
}

impl<C: Connector> Client<C> {
    /// The same over any byte stream, clock and randomness: the seam of simulations.
    pub async fn with(
        config: ClientConfig,
        connector: C,
        clock: Arc<dyn Clock>,
        mut entropy: Entropy,
    ) -> Result<Self, ConnectError> {
        let addresses = config.bootstrap.iter().flat_map(|list| list.split(','));
        let bootstrap: Vec<Address> = addresses.map(str::parse).collect::<Result<_, _>>()?;
        if bootstrap.is_empty() {
            return Err(ConnectError::NoAddress);
        }
        let client_id: Arc<str> = config.client_id.as_str().into();
        let traffic = Arc::new(Traffic::default());
        let features = Arc::new(Features::default());
        let settings = ConnectionSettings {
            client_id: Arc::clone(&client_id),
            connect_timeout: config.connect_timeout,
            idle_timeout: config.idle_timeout,
            max_response_bytes: config.max_response_bytes,
            traffic: Arc::clone(&traffic),
            features: Arc::clone(&features),
        };
        let backoff = Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max);
        let pool = Pool::new(connector, settings, backoff, Arc::clone(&clock), entropy.fork());
        let client = Self {
            inner: Arc::new(Inner {
                config,
                bootstrap,
                client_id,
                pool,
                view: watch::Sender::new(Arc::default()),
                clock,
                entropy: Mutex::new(entropy),
                coordinators: Mutex::default(),
                owners: AtomicU64::new(0),
                features,
                traffic,
            }),
        };
        client.refresh_metadata(&[]).await?;
        Ok(client)
    }

    /// What this client has moved so far, all its producers and consumers included.
    pub fn metrics(&self) -> ClientMetrics {
        self.inner.traffic.snapshot()
    }

    pub(crate) fn inner(&self) -> &Inner<C> {
        &self.inner
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// The clock that the client goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Tells one more user with connections of its own from the others.
    pub(crate) fn next_owner(&self) -> OwnerId {
        self.inner.owners.fetch_add(1, Ordering::Relaxed)
    }

    /// The level of the cluster's feature `transaction.version`, as the newest exchange of versions told; 0 without it.
    pub(crate) fn transaction_version(&self) -> i16 {
        self.inner.features.transaction_version()
    }

    /// A generator for one user of the client.
    pub(crate) fn entropy(&self) -> Entropy {
        let mut entropy = self.inner.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        entropy.fork()
    }

    /// How to wait between tries of a request.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.inner.config.retry_backoff, self.inner.config.retry_backoff_max)
    }

    /// An operation that begins now and is retried for the configured time.
    pub(crate) fn retry(&self) -> Retry {
        let deadline = self.inner.clock.monotonic() + self.inner.config.operation_timeout;
        Retry::new(self.backoff(), deadline)
    }

    /// After a failure of `retry`'s operation: waits for the next try. False if there must be none.
    pub(crate) async fn pause(&self, retry: &mut Retry) -> bool {
        let Some(delay) = self.next_delay(retry) else {
            return false;
        };
        crate::timer::pause(delay).await;
        true
    }

    fn next_delay(&self, retry: &mut Retry) -> Option<Duration> {
        let mut entropy = self.inner.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        retry.next(self.inner.clock.monotonic(), &mut entropy)
    }

    /// The cluster as last heard of.
    pub(crate) fn metadata(&self) -> Arc<ClusterView> {
        Arc::clone(&self.inner.view.borrow())
    }

    /// Tells of each new view.
    pub(crate) fn metadata_changes(&self) -> watch::Receiver<Arc<ClusterView>> {
        self.inner.view.subscribe()
    }

    /// Asks the cluster about itself and these topics (none: only about itself), without creating any.
    pub(crate) async fn refresh_metadata(
        &self,
        topics: &[TopicName],
    ) -> Result<Arc<ClusterView>, MetadataError> {
        self.ask_metadata(topics, false).await
    }

    /// The same as [`Client::refresh_metadata`]; a broker that is configured so creates the topics that do not exist.
    pub(crate) async fn refresh_or_create(
        &self,
        topics: &[TopicName],
    ) -> Result<Arc<ClusterView>, MetadataError> {
        self.ask_metadata(topics, true).await
    }

    /// A view in which these topics are known and not older than the configured age; asks the cluster if need be.
    pub(crate) async fn metadata_for(&self, topics: &[TopicName]) -> Result<Arc<ClusterView>, MetadataError> {
        let view = self.metadata();
        let oldest = self.inner.clock.monotonic();
        let is_fresh = |name: &TopicName| {
            view.topic(name).is_some_and(|topic| {
                topic.error.is_none() && oldest - topic.refreshed < self.inner.config.metadata_max_age
            })
        };
        if topics.iter().all(is_fresh) {
            return Ok(view);
        }
        self.refresh_metadata(topics).await
    }

    /// What the topics of these ids are called; those that do not exist are absent. They are in the view from then on.
    pub(crate) async fn topic_names(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, TopicName>, MetadataError> {
        let asked = ids.iter().map(|id| MetadataRequestTopic { topic_id: *id, name: None });
        let request = MetadataRequest { topics: Some(asked.collect()), ..Default::default() };
        let options = CallOptions { min_version: FIRST_VERSION_BY_ID, ..CallOptions::default() };
        let response = self.call_with(Destination::Any, options, &request).await?;
        ErrorCode::from_code(response.error_code).ok().map_err(MetadataError::Refused)?;
        let name = |topic: &MetadataResponseTopic| {
            let name = TopicName::new(topic.name.as_deref()?).ok()?;
            ids.contains(&topic.topic_id).then_some((topic.topic_id, name))
        };
        let names: BTreeMap<_, _> = response.topics.iter().filter_map(name).collect();
        let told: Vec<TopicName> = names.values().cloned().collect();
        let now = self.inner.clock.monotonic();
        self.inner.view.send_modify(|view| *view = Arc::new(view.updated(&response, Some(&told), now)));
        Ok(names)
    }

    async fn ask_metadata(
        &self,
        topics: &[TopicName],
        allow_auto_topic_creation: bool,
    ) -> Result<Arc<ClusterView>, MetadataError> {
        let asked = topics.iter().map(by_name).collect();
        let request =
            MetadataRequest { topics: Some(asked), allow_auto_topic_creation, ..Default::default() };
        let response = self.call(Destination::Any, &request).await?;
        ErrorCode::from_code(response.error_code).ok().map_err(MetadataError::Refused)?;
        let now = self.inner.clock.monotonic();
        self.inner.view.send_modify(|view| *view = Arc::new(view.updated(&response, Some(topics), now)));
        Ok(self.metadata())
    }
}

pub(crate) fn by_name(topic: &TopicName) -> MetadataRequestTopic {
    MetadataRequestTopic { name: Some(topic.as_str().to_owned()), ..Default::default() }
}
