//! The task behind a consumer: sends what is due, takes in what comes.
//!
//! Owns: [`Shared`], what the handle and the task have in common; how each kind of work is done.
//!
//! Does not know: why anything is due; see [`super::state`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_model::{Monotonic, TopicPartition};
use headwater_wire::Request;
use headwater_wire::messages::api_versions::ApiVersionsRequest;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::commits::Commits;
use super::committed::{self, LAST_VERSION_BY_NAME};
use super::state::{ConsumerState, Done, RefreshPolicy, Work, count};
use super::{
    CommitError, CommittedOffset, ConsumeError, ConsumerConfig, ConsumerEvent, GroupProtocol, Isolation,
};
use crate::call::{CallOptions, Destination};
use crate::client::Client;
use crate::connector::Connector;
use crate::error::CallError;
use crate::fetcher::{FetchWork, Fetcher, FetcherConfig};
use crate::group_call::Sender;
use crate::membership::classic::{ClassicConfig, ClassicMember};
use crate::membership::reconciling::{ReconcilingConfig, ReconcilingMember};
use crate::membership::{GroupAnswer, GroupRequest, Identity, MemberKind, Membership};
use crate::pool::{OwnerId, Purpose};
use crate::timer;

/// How long leaving the group may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// Later versions of ApiVersions want to know who asks.
const LAST_NAMELESS_API_VERSIONS: i16 = 2;

type Waiter = oneshot::Sender<Result<(), CommitError>>;

/// What the handle and the task have in common.
#[derive(Debug)]
pub(super) struct Shared<C: Connector> {
    pub(super) client: Client<C>,
    pub(super) config: ConsumerConfig,
    id: OwnerId,
    state: Mutex<Guarded>,
    /// The task has something to look at.
    changed: Notify,
    /// A poll may find something.
    ready: Notify,
}

#[derive(Debug)]
struct Guarded {
    state: ConsumerState<Waiter>,
    /// Until when commits may go on, once the consumer is to be closed.
    closing: Option<Monotonic>,
}

/// A poll that is under way; it ends when this is dropped, also by cancellation.
#[derive(Debug)]
pub(super) struct Polling<'a, C: Connector>(&'a Shared<C>);

impl<C: Connector> Shared<C> {
    pub(super) fn new(client: Client<C>, config: ConsumerConfig) -> Self {
        let backoff = client.backoff();
        let fetcher = FetcherConfig {
            max_wait: config.fetch_max_wait,
            min_bytes: config.fetch_min_bytes,
            max_bytes: config.fetch_max_bytes,
            partition_max_bytes: config.partition_max_bytes,
            prefetch_bytes: config.prefetch_bytes.max(1),
            isolation: config.isolation,
            reset: config.auto_offset_reset,
            check_crcs: config.check_crcs,
            backoff,
        };
        let group = config.group.as_ref().map(|group| {
            let patience = client.config().operation_timeout;
            let commits = Commits::new(group.clone(), backoff, patience, client.entropy());
            (membership(&client, group, &config), commits)
        });
        let policy =
            RefreshPolicy { max_age: client.config().metadata_max_age, backoff, entropy: client.entropy() };
        let state = ConsumerState::new(Fetcher::new(fetcher, client.entropy()), group, policy);
        let id = client.next_owner();
        Self {
            client,
            config,
            id,
            state: Mutex::new(Guarded { state, closing: None }),
            changed: Notify::new(),
            ready: Notify::new(),
        }
    }

    pub(super) fn now(&self) -> Monotonic {
        self.client.clock().monotonic()
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, view: impl FnOnce(&ConsumerState<Waiter>) -> T) -> T {
        view(&self.lock().state)
    }

    /// Changes the state, which the task then looks at.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut ConsumerState<Waiter>) -> T) -> T {
        let changed = self.quietly(change);
        self.changed.notify_one();
        changed
    }

    /// Changes the state in a way that the task need not look at.
    fn quietly<T>(&self, change: impl FnOnce(&mut ConsumerState<Waiter>) -> T) -> T {
        let mut guard = self.lock();
        let changed = change(&mut guard.state);
        let outcomes = std::mem::take(&mut guard.state.outcomes);
        let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).count() as u64;
        guard.state.fetcher.counts.commits += outcomes.len() as u64 - failed;
        guard.state.fetcher.counts.commits_failed += failed;
        drop(guard);
        for (waiter, outcome) in outcomes {
            // Who does not wait any more does not want to know.
            drop(waiter.send(outcome));
        }
        changed
    }

    pub(super) fn begin_poll(&self) -> Polling<'_, C> {
        let now = self.now();
        if self.quietly(|state| state.poll_begins(now)) {
            self.changed.notify_one();
        }
        Polling(self)
    }

    pub(super) fn let_go(&self) {
        let now = self.now();
        self.with(|state| state.let_go(now));
    }

    /// Waits for something to hand out. Cancel-safe.
    pub(super) async fn next(&self) -> Result<ConsumerEvent, ConsumeError> {
        loop {
            let mut ready = std::pin::pin!(self.ready.notified());
            ready.as_mut().enable();
            if let Some(next) = self.quietly(|state| state.next(self.config.poll_max_bytes)) {
                // There is room to read ahead.
                self.changed.notify_one();
                return next;
            }
            ready.await;
        }
    }

    pub(super) fn begin_close(&self) {
        let deadline = self.now() + self.client.config().request_timeout;
        self.lock().closing = Some(deadline);
        self.changed.notify_one();
    }

    /// Ends the consumer's connections.
    pub(super) fn release(&self) {
        self.client.inner().pool.release(self.id);
    }

    /// True once the consumer is to be closed and its commits are through, or have had their time.
    fn is_ending(&self, now: Monotonic) -> bool {
        let guard = self.lock();
        guard.closing.is_some_and(|deadline| deadline <= now || guard.state.has_committed())
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> Drop for Polling<'_, C> {
    fn drop(&mut self) {
        let now = self.0.now();
        self.0.quietly(|state| state.poll_ends(now));
    }
}

/// Runs until the consumer is closed.
pub(super) async fn run<C: Connector>(shared: Arc<Shared<C>>) {
    let mut under_way: JoinSet<Done> = JoinSet::new();
    let mut done = None;
    loop {
        let now = shared.now();
        let view = shared.client.metadata();
        let (work, deadline, has_next) = shared.quietly(|state| {
            if let Some(done) = done.take() {
                state.done(done, &view, now);
            }
            let work = state.plan(&view, now);
            (work, state.deadline(now), state.has_next())
        });
        for work in work {
            start(&shared, work, &mut under_way);
        }
        if has_next {
            shared.ready.notify_waiters();
        }
        if shared.is_ending(now) {
            break;
        }
        tokio::select! {
            biased;
            Some(finished) = under_way.join_next() => done = finished.ok(),
            () = shared.changed.notified() => {}
            () = until(deadline, now) => {}
        }
    }
    drop(under_way);
    leave(&shared).await;
}

async fn until(deadline: Option<Monotonic>, now: Monotonic) {
    match deadline {
        Some(deadline) => timer::pause(deadline.saturating_since(now)).await,
        None => std::future::pending().await,
    }
}

async fn leave<C: Connector>(shared: &Shared<C>) {
    if let Some(farewell) = shared.quietly(ConsumerState::close) {
        // If nobody hears it, the session times out.
        drop(timeout(FAREWELL, shared.take_part(farewell)).await);
    }
}

/// The kind of member that the configuration asks for.
fn membership<C: Connector>(client: &Client<C>, group: &str, config: &ConsumerConfig) -> Box<dyn Membership> {
    let (group, instance_id) = (group.to_owned(), config.group_instance_id.clone());
    let (backoff, max_poll_interval) = (client.backoff(), config.max_poll_interval);
    match &config.group_protocol {
        GroupProtocol::Classic => {
            let config = ClassicConfig {
                group,
                instance_id,
                rack: config.rack.clone(),
                session_timeout: config.session_timeout,
                heartbeat_interval: config.heartbeat_interval,
                max_poll_interval,
                assignors: config.assignors.clone(),
                backoff,
            };
            Box::new(ClassicMember::new(config, client.entropy()))
        }
        GroupProtocol::Consumer { server_assignor } => {
            let config = ReconcilingConfig {
                group,
                instance_id,
                rack: config.rack.clone(),
                server_assignor: server_assignor.clone(),
                max_poll_interval,
                patience: config.session_timeout,
                backoff,
            };
            Box::new(ReconcilingMember::new(config, client.entropy()))
        }
    }
}

/// Begins some work.
fn start<C: Connector>(shared: &Arc<Shared<C>>, work: Work, under_way: &mut JoinSet<Done>) {
    let shared = Arc::clone(shared);
    match work {
        Work::Fetch(work) => drop(under_way.spawn(async move { shared.fetch(work).await })),
        Work::Commit(ticket, request) => drop(under_way.spawn(async move {
            Done::Commit(ticket, shared.ask_coordinator(shared.offset_versions(), &request).await)
        })),
        Work::RefreshMetadata(topics) => drop(
            under_way
                .spawn(async move { Done::Refreshed(shared.client.refresh_metadata(&topics).await.is_ok()) }),
        ),
        Work::Count(ticket, topics) => drop(under_way.spawn(async move {
            let view = shared.client.refresh_metadata(&topics).await.ok();
            let counts = view.map(|view| {
                topics.into_iter().filter_map(|topic| Some((topic.clone(), count(&view, &topic)?))).collect()
            });
            Done::Counted(ticket, counts)
        })),
        Work::Resolve(ticket, ids) => drop(
            under_way
                .spawn(async move { Done::Resolved(ticket, shared.client.topic_names(&ids).await.ok()) }),
        ),
        Work::ListTopics => drop(under_way.spawn(async move {
            let listed = shared.client.admin().list_topics().await.ok();
            let topics = listed.map(|topics| topics.into_iter().map(|topic| (topic.name, topic.internal)));
            Done::Topics(topics.map(Iterator::collect))
        })),
        Work::Group(ticket, request) => {
            drop(under_way.spawn(async move { Done::Group(ticket, shared.take_part(request).await) }));
        }
        Work::ForgetCoordinator => {
            if let Some(group) = &shared.config.group {
                shared.client.forget_coordinator(group);
            }
        }
    }
}

impl<C: Connector> Shared<C> {
    async fn fetch(&self, work: FetchWork) -> Done {
        match work {
            FetchWork::Fetch { ticket, node, request, max_version } => {
                let options = CallOptions { max_version, ..self.fetch_options() };
                Done::Fetched(ticket, self.client.call_with(Destination::Node(node), options, &request).await)
            }
            FetchWork::ListOffsets { ticket, node, request } => {
                Done::Listed(ticket, self.client.call(Destination::Node(node), &request).await)
            }
            FetchWork::Committed { ticket, partitions } => {
                Done::Committed(ticket, committed(self, &partitions).await)
            }
            FetchWork::Nudge { node } => {
                let options = CallOptions { max_version: LAST_NAMELESS_API_VERSIONS, ..self.fetch_options() };
                // Whether it is answered makes no difference: the fetch is.
                let _ = self
                    .client
                    .call_with(Destination::Node(node), options, &ApiVersionsRequest::default())
                    .await;
                Done::Nudged
            }
        }
    }

    fn fetch_options(&self) -> CallOptions {
        CallOptions {
            purpose: Purpose::Fetch(self.id),
            extra_wait: self.config.fetch_max_wait,
            ..CallOptions::default()
        }
    }

    async fn take_part(&self, request: GroupRequest) -> GroupAnswer {
        let group = self.config.group.as_deref().unwrap_or_default();
        let sender = Sender { group, owner: self.id, rebalance: self.config.max_poll_interval };
        sender.send(&self.client, request).await
    }

    /// Only the last version can say which epoch a member has.
    fn offset_versions(&self) -> CallOptions {
        let has_epoch = matches!(self.config.group_protocol, GroupProtocol::Consumer { .. });
        let min_version = if has_epoch { LAST_VERSION_BY_NAME } else { 0 };
        CallOptions { min_version, max_version: LAST_VERSION_BY_NAME, ..CallOptions::default() }
    }

    async fn ask_coordinator<R>(&self, options: CallOptions, request: &R) -> Result<R::Response, CallError>
    where
        R: Request + Sync,
    {
        let group = self.config.group.clone().unwrap_or_default();
        self.client.call_with(Destination::Coordinator(group), options, request).await
    }
}

/// Asks once for what the group has committed.
pub(super) async fn committed<C: Connector>(
    shared: &Shared<C>,
    partitions: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, CommittedOffset>, CommitError> {
    let group = shared.config.group.as_ref().ok_or(CommitError::NoGroup)?;
    let require_stable = shared.config.isolation == Isolation::ReadCommitted;
    let has_epoch = |asker: &Identity| asker.kind == MemberKind::Reconciling;
    let asker = shared.look(ConsumerState::committer).filter(has_epoch);
    let request = committed::request(group, asker.as_ref(), partitions, require_stable);
    let response = shared.ask_coordinator(shared.offset_versions(), &request).await?;
    committed::read(group, &response)
}
