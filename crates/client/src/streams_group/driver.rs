//! The task behind a member of a streams group: sends what is due, takes in what comes.
//!
//! Does not know: why anything is due; see [`super::state`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_model::Monotonic;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::StreamsMemberConfig;
use super::state::{Done, StreamsState, Work};
use crate::call::{CallOptions, Destination};
use crate::client::Client;
use crate::connector::Connector;
use crate::consumer::{CommitError, Commits, LAST_VERSION_BY_NAME};
use crate::group_call::Sender;
use crate::membership::streams::{StreamsConfig, StreamsMember, StreamsNews};
use crate::membership::{GroupAnswer, GroupRequest};
use crate::pool::OwnerId;
use crate::timer;

/// How long leaving the group may take.
const FAREWELL: Duration = Duration::from_secs(5);

type Waiter = oneshot::Sender<Result<(), CommitError>>;

/// What the handle and the task have in common.
#[derive(Debug)]
pub(super) struct Shared<C: Connector> {
    pub(super) client: Client<C>,
    pub(super) config: StreamsMemberConfig,
    id: OwnerId,
    state: Mutex<Guarded>,
    /// The task has something to look at.
    changed: Notify,
    /// A poll may find something.
    ready: Notify,
}

#[derive(Debug)]
struct Guarded {
    state: StreamsState<Waiter>,
    /// Until when commits may go on, once the member is to be closed.
    closing: Option<Monotonic>,
}

/// A poll that is under way; it ends when this is dropped, also by cancellation.
#[derive(Debug)]
pub(super) struct Polling<'a, C: Connector>(&'a Shared<C>);

impl<C: Connector> Shared<C> {
    pub(super) fn new(client: Client<C>, config: StreamsMemberConfig) -> Self {
        let backoff = client.backoff();
        let member = StreamsConfig {
            group: config.group.clone(),
            instance_id: config.group_instance_id.clone(),
            rack: config.rack.clone(),
            max_poll_interval: config.max_poll_interval,
            process_id: config.process_id.to_string(),
            topology: config.topology.to_wire(),
            endpoint: config.endpoint.clone(),
            tags: config.tags.clone(),
            backoff,
        };
        let mut member = StreamsMember::new(member, client.entropy());
        member.join(client.clock().monotonic());
        let patience = client.config().operation_timeout;
        let commits = Commits::new(config.group.clone(), backoff, patience, client.entropy());
        let state = StreamsState::new(member, config.topology.clone(), commits);
        let id = client.next_owner();
        let state = Mutex::new(Guarded { state, closing: None });
        Self { client, config, id, state, changed: Notify::new(), ready: Notify::new() }
    }

    pub(super) fn now(&self) -> Monotonic {
        self.client.clock().monotonic()
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, view: impl FnOnce(&StreamsState<Waiter>) -> T) -> T {
        view(&self.lock().state)
    }

    /// Changes the state, which the task then looks at.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut StreamsState<Waiter>) -> T) -> T {
        let changed = self.quietly(change);
        self.changed.notify_one();
        changed
    }

    /// Changes the state in a way that the task need not look at.
    fn quietly<T>(&self, change: impl FnOnce(&mut StreamsState<Waiter>) -> T) -> T {
        let mut guard = self.lock();
        let changed = change(&mut guard.state);
        let outcomes = std::mem::take(&mut guard.state.outcomes);
        drop(guard);
        for (waiter, outcome) in outcomes {
            // Who does not wait any more does not want to know.
            drop(waiter.send(outcome));
        }
        changed
    }

    pub(super) fn begin_poll(&self) -> Polling<'_, C> {
        let now = self.now();
        self.with(|state| state.poll_begins(now));
        Polling(self)
    }

    /// Waits for something to tell. Cancel-safe.
    pub(super) async fn next(&self) -> StreamsNews {
        loop {
            let mut ready = std::pin::pin!(self.ready.notified());
            ready.as_mut().enable();
            if let Some(news) = self.with(StreamsState::next) {
                return news;
            }
            ready.await;
        }
    }

    pub(super) fn begin_close(&self) {
        let deadline = self.now() + self.client.config().request_timeout;
        self.lock().closing = Some(deadline);
        self.changed.notify_one();
    }

    /// Ends the member's connections.
    pub(super) fn release(&self) {
        self.client.inner().pool.release(self.id);
    }

    /// True once the member is to be closed and its commits are through, or have had their time.
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
        self.0.quietly(|state| state.member.poll_ends(now));
    }
}

/// Runs until the member is closed.
pub(super) async fn run<C: Connector>(shared: Arc<Shared<C>>) {
    let mut under_way: JoinSet<Done> = JoinSet::new();
    let mut done = None;
    loop {
        let now = shared.now();
        let (work, deadline, has_news) = shared.quietly(|state| {
            if let Some(done) = done.take() {
                state.done(done, now);
            }
            (state.plan(now), state.deadline(), state.member.has_news())
        });
        for work in work {
            start(&shared, work, &mut under_way);
        }
        if has_news {
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
    if let Some(farewell) = shared.quietly(StreamsState::close) {
        // If nobody hears it, the session times out.
        drop(timeout(FAREWELL, shared.take_part(farewell)).await);
    }
}

async fn until(deadline: Option<Monotonic>, now: Monotonic) {
    match deadline {
        Some(deadline) => timer::pause(deadline.saturating_since(now)).await,
        None => std::future::pending().await,
    }
}

/// Begins some work.
fn start<C: Connector>(shared: &Arc<Shared<C>>, work: Work, under_way: &mut JoinSet<Done>) {
    let shared = Arc::clone(shared);
    match work {
        Work::Group(ticket, request) => {
            drop(under_way.spawn(async move { Done::Group(ticket, shared.take_part(request).await) }));
        }
        Work::Commit(ticket, request) => drop(under_way.spawn(async move {
            // Only the last version by name can say which epoch a member has.
            let (min_version, max_version) = (LAST_VERSION_BY_NAME, LAST_VERSION_BY_NAME);
            let options = CallOptions { min_version, max_version, ..CallOptions::default() };
            let to = Destination::Coordinator(shared.config.group.clone());
            Done::Commit(ticket, shared.client.call_with(to, options, &request).await)
        })),
        Work::ForgetCoordinator => shared.client.forget_coordinator(&shared.config.group),
    }
}

impl<C: Connector> Shared<C> {
    async fn take_part(&self, request: GroupRequest) -> GroupAnswer {
        let sender = Sender { group: &self.config.group, owner: self.id, rebalance: Duration::ZERO };
        sender.send(&self.client, request).await
    }
}
