//! The task behind a share consumer: sends what is due, takes in what comes.
//!
//! Owns: [`Shared`], what the handle and the task have in common; how each kind of work is done.
//!
//! Does not know: why anything is due; see [`super::state`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_model::Monotonic;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::acquired::Acquired;
use super::config::ShareConsumerConfig;
use super::error::{AcknowledgeFailure, ShareError};
use super::sessions::{Sessions, SessionsConfig, ShareWork};
use super::state::{ShareDone, ShareState, Work};
use crate::call::{CallOptions, Destination};
use crate::client::Client;
use crate::connector::Connector;
use crate::group_call::Sender;
use crate::membership::GroupAnswer;
use crate::membership::GroupRequest;
use crate::membership::share::{ShareMember, ShareMemberConfig};
use crate::pool::{OwnerId, Purpose};
use crate::timer;

/// How long leaving the group may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The first version of ShareAcknowledge that renews (KIP-1222).
const FIRST_VERSION_THAT_RENEWS: i16 = 2;

pub(super) type Waiter = oneshot::Sender<Vec<AcknowledgeFailure>>;

/// What the handle and the task have in common.
#[derive(Debug)]
pub(super) struct Shared<C: Connector> {
    pub(super) client: Client<C>,
    pub(super) config: ShareConsumerConfig,
    id: OwnerId,
    state: Mutex<Guarded>,
    /// The task has something to look at.
    changed: Notify,
    /// A poll may find something.
    ready: Notify,
}

#[derive(Debug)]
struct Guarded {
    state: ShareState<Waiter>,
    /// Until when sessions may be closed, once the consumer is to be.
    closing: Option<Monotonic>,
}

/// A poll that is under way; it ends when this is dropped, also by cancellation.
#[derive(Debug)]
pub(super) struct Polling<'a, C: Connector>(&'a Shared<C>);

impl<C: Connector> Shared<C> {
    pub(super) fn new(client: Client<C>, config: ShareConsumerConfig) -> Self {
        let backoff = client.backoff();
        let member = ShareMemberConfig {
            group: config.group.clone(),
            rack: config.rack.clone(),
            max_poll_interval: config.max_poll_interval,
            backoff,
        };
        let member = ShareMember::new(member, client.entropy());
        let sessions = SessionsConfig {
            group: config.group.clone(),
            acknowledging: config.acknowledging,
            max_wait: config.fetch_max_wait,
            min_bytes: config.fetch_min_bytes,
            max_bytes: config.fetch_max_bytes,
            max_records: config.max_poll_records.max(1),
            linger: config.acknowledge_linger,
            check_crcs: config.check_crcs,
            backoff,
        };
        let sessions = Sessions::new(sessions, member.member_id().to_owned(), client.entropy());
        let state = ShareState::new(member, sessions, backoff, client.entropy());
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
    pub(super) fn look<T>(&self, view: impl FnOnce(&ShareState<Waiter>) -> T) -> T {
        view(&self.lock().state)
    }

    /// Changes the state, which the task then looks at.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut ShareState<Waiter>) -> T) -> T {
        let changed = self.quietly(change);
        self.changed.notify_one();
        changed
    }

    /// Changes the state in a way that the task need not look at.
    fn quietly<T>(&self, change: impl FnOnce(&mut ShareState<Waiter>) -> T) -> T {
        let mut guard = self.lock();
        let changed = change(&mut guard.state);
        let outcomes = std::mem::take(&mut guard.state.sessions.outcomes);
        drop(guard);
        for (waiter, failures) in outcomes {
            if let Err(failures) = waiter.send(failures) {
                // Who does not wait any more leaves them to the next who asks.
                self.lock().state.sessions.keep(failures);
            }
        }
        changed
    }

    pub(super) fn begin_poll(&self) -> Polling<'_, C> {
        let now = self.now();
        self.with(|state| state.poll_begins(now));
        Polling(self)
    }

    /// Waits for records, or a failure. Cancel-safe.
    pub(super) async fn next(&self) -> Result<Vec<Acquired>, ShareError> {
        loop {
            let mut ready = std::pin::pin!(self.ready.notified());
            ready.as_mut().enable();
            let now = self.now();
            if let Some(next) = self.quietly(|state| state.next(now)) {
                return next;
            }
            // What had come may have been too old, so that more is to be asked for.
            self.changed.notify_one();
            ready.await;
        }
    }

    pub(super) fn begin_close(&self) {
        let deadline = self.now() + self.client.config().request_timeout;
        self.with(|state| state.sessions.begin_close());
        self.lock().closing = Some(deadline);
        self.changed.notify_one();
    }

    /// Ends the consumer's connections.
    pub(super) fn release(&self) {
        self.client.inner().pool.release(self.id);
    }

    /// When the consumer ends in any case.
    fn closes_by(&self) -> Option<Monotonic> {
        self.lock().closing
    }

    /// True once the consumer is to be closed and its sessions are, or have had their time.
    fn is_ending(&self, now: Monotonic) -> bool {
        let guard = self.lock();
        guard.closing.is_some_and(|deadline| deadline <= now || guard.state.sessions.is_closed())
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
    let mut under_way: JoinSet<ShareDone> = JoinSet::new();
    let mut done = None;
    loop {
        let now = shared.now();
        let view = shared.client.metadata();
        let (work, deadline, has_next) = shared.quietly(|state| {
            if let Some(done) = done.take() {
                state.done(done, now);
            }
            (state.plan(&view, now), state.deadline(), state.has_next())
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
        let deadline = deadline.into_iter().chain(shared.closes_by()).min();
        tokio::select! {
            biased;
            Some(finished) = under_way.join_next() => done = finished.ok(),
            () = shared.changed.notified() => {}
            () = until(deadline, now) => {}
        }
    }
    drop(under_way);
    shared.quietly(|state| state.sessions.abandon());
    if let Some(farewell) = shared.quietly(ShareState::leave) {
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
fn start<C: Connector>(shared: &Arc<Shared<C>>, work: Work, under_way: &mut JoinSet<ShareDone>) {
    let shared = Arc::clone(shared);
    match work {
        Work::Share(work) => drop(under_way.spawn(async move { shared.share(work).await })),
        Work::Resolve(ids) => drop(
            under_way.spawn(async move { ShareDone::Resolved(shared.client.topic_names(&ids).await.ok()) }),
        ),
        Work::RefreshMetadata(topics) => drop(under_way.spawn(async move {
            // Should it fail, whoever needs it asks again.
            drop(shared.client.refresh_metadata(&topics).await);
            ShareDone::Refreshed
        })),
        Work::Group(ticket, request) => {
            drop(under_way.spawn(async move { ShareDone::Group(ticket, shared.take_part(request).await) }));
        }
        Work::ForgetCoordinator => shared.client.forget_coordinator(&shared.config.group),
    }
}

impl<C: Connector> Shared<C> {
    /// All of a session goes over one connection, with which it ends.
    async fn share(&self, work: ShareWork) -> ShareDone {
        let options = CallOptions {
            purpose: Purpose::Fetch(self.id),
            extra_wait: self.config.fetch_max_wait,
            ..CallOptions::default()
        };
        match work {
            ShareWork::Fetch { ticket, node, request } => {
                let answer = self.client.call_with(Destination::Node(node), options, &request).await;
                ShareDone::Fetched(ticket, answer)
            }
            ShareWork::Acknowledge { ticket, node, request, renews } => {
                let min_version = if renews { FIRST_VERSION_THAT_RENEWS } else { 0 };
                let options = CallOptions { min_version, ..options };
                let answer = self.client.call_with(Destination::Node(node), options, &request).await;
                ShareDone::Acknowledged(ticket, answer)
            }
        }
    }

    async fn take_part(&self, request: GroupRequest) -> GroupAnswer {
        let sender = Sender { group: &self.config.group, owner: self.id, rebalance: Duration::ZERO };
        sender.send(&self.client, request).await
    }
}
