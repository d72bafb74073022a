//! The connections of a client: one per broker and purpose, made when first needed, made anew when they end.
//!
//! Owns: which connection serves which broker, how long to wait before connecting again.
//!
//! Does not know: what the cluster looks like; it is told addresses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_model::{Clock, Entropy, Monotonic};

use crate::config::Address;
use crate::connection::{Connection, ConnectionSettings, Disconnect, Versions};
use crate::connector::Connector;
use crate::retry::Backoff;

/// What a connection is for: what waits long must not hold up the rest, since answers come in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Requests that are answered at once.
    Shared,
    /// Produce requests: acks=all waits for the disk.
    Produce,
    /// One consumer's fetch requests, which wait for data.
    Fetch(OwnerId),
    /// One consumer's joining and syncing, which wait for the other members, and its heartbeats. Members of one group
    /// would wait for each other for ever on one connection.
    Group(OwnerId),
    /// One transactional producer's requests, which may wait for the end of its transaction before.
    Transaction(OwnerId),
}

/// Tells the consumers and transactional producers of a client apart.
pub(crate) type OwnerId = u64;

/// Whom a connection leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// A broker by its id.
    Node(i32),
    /// The bootstrap address of that index.
    Bootstrap(usize),
}

/// A broker with its address, as it is named in errors.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) peer: Peer,
    pub(crate) address: Address,
}

impl Route {
    /// The broker as people know it.
    pub(crate) fn name(&self) -> Arc<str> {
        match self.peer {
            Peer::Node(id) => format!("broker {id} ({})", self.address).into(),
            Peer::Bootstrap(_) => self.address.to_string().into(),
        }
    }
}

/// A connection that can be used, and what it speaks.
#[derive(Debug, Clone)]
pub(crate) struct ReadyConnection {
    pub(crate) connection: Connection,
    pub(crate) versions: Arc<Versions>,
    pub(crate) broker: Arc<str>,
}

#[derive(Debug)]
struct Slot {
    connection: Connection,
    broker: Arc<str>,
    address: Address,
    opened: Monotonic,
    failures: u32,
}

#[derive(Debug)]
pub(crate) struct Pool<C> {
    connector: Arc<C>,
    settings: ConnectionSettings,
    backoff: Backoff,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    slots: BTreeMap<(Peer, Purpose), Slot>,
    entropy: Entropy,
}

impl<C: Connector> Pool<C> {
    pub(crate) fn new(
        connector: C,
        settings: ConnectionSettings,
        backoff: Backoff,
        clock: Arc<dyn Clock>,
        entropy: Entropy,
    ) -> Self {
        Self {
            connector: Arc::new(connector),
            settings,
            backoff,
            clock,
            state: Mutex::new(State { slots: BTreeMap::new(), entropy }),
        }
    }

    /// A connection that is ready to take requests.
    pub(crate) async fn ready(
        &self,
        route: &Route,
        purpose: Purpose,
    ) -> Result<ReadyConnection, Arc<Disconnect>> {
        let (connection, broker) = self.connection(route, purpose);
        let versions = connection.ready().await?;
        Ok(ReadyConnection { connection, versions, broker })
    }

    /// Ends the connections of a consumer or producer that is gone.
    pub(crate) fn release(&self, gone: OwnerId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.slots.retain(|(_, purpose), _| {
            !matches!(
                purpose,
                Purpose::Fetch(owner) | Purpose::Group(owner) | Purpose::Transaction(owner) if *owner == gone
            )
        });
    }

    /// True if a request could be sent right now.
    pub(crate) fn is_ready(&self, peer: Peer, purpose: Purpose) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = state.slots.get(&(peer, purpose));
        slot.is_some_and(|slot| slot.connection.is_ready())
    }

    /// The connection for this route and purpose; a new one, perhaps after a wait, if there is none that lives.
    fn connection(&self, route: &Route, purpose: Purpose) -> (Connection, Arc<str>) {
        let now = self.clock.monotonic();
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { slots, entropy } = &mut *guard;
        let mut failures = 0;
        let mut delay = Duration::ZERO;
        if let Some(slot) = slots.get(&(route.peer, purpose))
            && slot.address == route.address
        {
            match slot.connection.ended() {
                None => return (slot.connection.clone(), Arc::clone(&slot.broker)),
                // A connection that worked is made anew after the shortest wait, one that did not after ever longer.
                Some(was_ready) => {
                    failures = if was_ready { 1 } else { slot.failures.saturating_add(1) };
                    delay = (slot.opened + self.backoff.delay(failures, entropy)).saturating_since(now);
                }
            }
        }
        let connection = Connection::open(
            Arc::clone(&self.connector),
            route.address.clone(),
            self.settings.clone(),
            delay,
        );
        let broker = route.name();
        let slot = Slot {
            broker: Arc::clone(&broker),
            connection: connection.clone(),
            address: route.address.clone(),
            opened: now + delay,
            failures,
        };
        slots.insert((route.peer, purpose), slot);
        (connection, broker)
    }
}
