//! One request, one answer: whom it goes to, in which version, on which connection.
//!
//! Owns: [`Destination`], [`CallOptions`], routing (any broker, the controller, a coordinator), coordinators found.
//!
//! Invariants: a request is sent at most once; a caller repeats it if it may be repeated. A connection is tried
//! elsewhere only before anything was sent.
//!
//! Does not know: what answers say; errors inside of them are the caller's.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use headwater_model::ErrorCode;
use headwater_wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use headwater_wire::{Request, frame};

use crate::client::Client;
use crate::config::Address;
use crate::connection::{Answer, Disconnect, Lost};
use crate::connector::Connector;
use crate::error::{CallError, Unreachable};
use crate::pool::{Peer, Purpose, ReadyConnection, Route};

/// Who has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Whoever can.
    Any,
    /// The broker that takes changes to the cluster.
    Controller,
    /// This broker.
    Node(i32),
    /// The coordinator of this group, which is looked up first unless it is known.
    Coordinator(String),
    /// The same for the transactions of this transactional id.
    TransactionCoordinator(String),
}

/// What a coordinator coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CoordinatorKind {
    Group,
    Transaction,
}

/// Where coordinators were last found, by the ids of what they coordinate.
pub(crate) type Coordinators = BTreeMap<CoordinatorKind, BTreeMap<String, Route>>;

/// How a request is sent. The default: the shared connection, the configured timeout, the highest common version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallOptions {
    pub(crate) purpose: Purpose,
    /// For requests that wait on the broker: that wait, added to the configured timeout.
    pub(crate) extra_wait: Duration,
    /// No lower version than this one.
    pub(crate) min_version: i16,
    /// No higher version than this one.
    pub(crate) max_version: i16,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { purpose: Purpose::Shared, extra_wait: Duration::ZERO, min_version: 0, max_version: i16::MAX }
    }
}

/// A request that is on its way.
#[derive(Debug)]
pub(crate) struct Started<R> {
    answer: Answer,
    version: i16,
    broker: Arc<str>,
    request: std::marker::PhantomData<fn() -> R>,
}

impl<C: Connector> Client<C> {
    /// Sends a request and waits for its answer.
    pub(crate) async fn call<R>(&self, to: Destination, request: &R) -> Result<R::Response, CallError>
    where
        R: Request + Sync,
    {
        self.call_with(to, CallOptions::default(), request).await
    }

    /// The same, with options.
    pub(crate) async fn call_with<R>(
        &self,
        to: Destination,
        options: CallOptions,
        request: &R,
    ) -> Result<R::Response, CallError>
    where
        R: Request + Sync,
    {
        let ready = self.connection_to(&to, options.purpose).await?;
        let mut started = self.start(&ready, options, request, true)?;
        started.answer().await
    }

    /// Queues a request on a connection, in the highest version in common, without waiting.
    pub(crate) fn start<R: Request>(
        &self,
        ready: &ReadyConnection,
        options: CallOptions,
        request: &R,
        expects_response: bool,
    ) -> Result<Started<R>, CallError> {
        let ours: RangeInclusive<i16> =
            options.min_version.max(*R::VERSIONS.start())..=options.max_version.min(*R::VERSIONS.end());
        let Some(version) = ready.versions.choose(R::KEY.code(), &ours) else {
            return Err(CallError::Unsupported {
                broker: Arc::clone(&ready.broker),
                api: R::KEY,
                theirs: ready.versions.offered(R::KEY.code()),
                ours,
            });
        };
        let correlation_id = ready.connection.next_correlation_id();
        let client_id = &self.inner().client_id;
        let frame = frame::encode_request(correlation_id, Some(client_id), version, request);
        let timeout = self.config().request_timeout + options.extra_wait;
        Ok(Started {
            answer: ready.connection.start(correlation_id, frame, timeout, expects_response),
            version,
            broker: Arc::clone(&ready.broker),
            request: std::marker::PhantomData,
        })
    }

    /// The coordinator of a group is not where it was: it will be looked up again.
    pub(crate) fn forget_coordinator(&self, group: &str) {
        self.forget(CoordinatorKind::Group, group);
    }

    /// The coordinator of transactions is not where it was: it will be looked up again.
    pub(crate) fn forget_transaction_coordinator(&self, transactional_id: &str) {
        self.forget(CoordinatorKind::Transaction, transactional_id);
    }

    fn forget(&self, kind: CoordinatorKind, id: &str) {
        let mut known = self.inner().coordinators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get_mut(&kind) {
            known.remove(id);
        }
    }

    /// A connection to the broker that has to answer.
    pub(crate) async fn connection_to(
        &self,
        to: &Destination,
        purpose: Purpose,
    ) -> Result<ReadyConnection, CallError> {
        let route = match to {
            Destination::Any => return self.connection_to_any(purpose).await,
            Destination::Controller => {
                let controller = self.metadata().controller().ok_or(CallError::NoController)?;
                self.route_to(controller)?
            }
            Destination::Node(id) => self.route_to(*id)?,
            Destination::Coordinator(group) => self.coordinator(CoordinatorKind::Group, group).await?,
            Destination::TransactionCoordinator(id) => {
                self.coordinator(CoordinatorKind::Transaction, id).await?
            }
        };
        self.inner().pool.ready(&route, purpose).await.map_err(|cause| {
            match to {
                Destination::Coordinator(group) => self.forget_coordinator(group),
                Destination::TransactionCoordinator(id) => self.forget_transaction_coordinator(id),
                Destination::Any | Destination::Controller | Destination::Node(_) => {}
            }
            CallError::Connect { broker: route.name(), cause }
        })
    }

    fn route_to(&self, node: i32) -> Result<Route, CallError> {
        let view = self.metadata();
        let broker = view.broker(node).ok_or(CallError::UnknownBroker(node))?;
        Ok(Route { peer: Peer::Node(node), address: broker.address.clone() })
    }

    /// The first broker that can be reached: those with a connection, then the others, then the bootstrap addresses.
    async fn connection_to_any(&self, purpose: Purpose) -> Result<ReadyConnection, CallError> {
        let mut tried = Vec::new();
        for route in self.candidates(purpose) {
            match self.inner().pool.ready(&route, purpose).await {
                Ok(ready) => return Ok(ready),
                Err(cause) => tried.push((route.name(), cause)),
            }
        }
        Err(CallError::Unreachable(Unreachable { tried }))
    }

    fn candidates(&self, purpose: Purpose) -> Vec<Route> {
        let view = self.metadata();
        let mut brokers: Vec<Route> = view
            .brokers()
            .iter()
            .map(|(id, broker)| Route { peer: Peer::Node(*id), address: broker.address.clone() })
            .collect();
        if !brokers.is_empty() {
            let first = self.entropy().below(brokers.len() as u64) as usize;
            brokers.rotate_left(first);
        }
        let bootstrap = self
            .inner()
            .bootstrap
            .iter()
            .enumerate()
            .map(|(index, address)| Route { peer: Peer::Bootstrap(index), address: address.clone() });
        brokers.extend(bootstrap);
        brokers.sort_by_key(|route| !self.inner().pool.is_ready(route.peer, purpose));
        brokers
    }

    async fn coordinator(&self, kind: CoordinatorKind, id: &str) -> Result<Route, CallError> {
        if let Some(route) = self.known_coordinator(kind, id) {
            return Ok(route);
        }
        let request = FindCoordinatorRequest {
            key: id.to_owned(),
            key_type: kind.key_type(),
            coordinator_keys: vec![id.to_owned()],
        };
        // Boxed, since the lookup is itself a call.
        let response = Box::pin(self.call(Destination::Any, &request)).await?;
        let route = coordinator_route(&response, id).map_err(|error| kind.not_found(id, error))?;
        let mut known = self.inner().coordinators.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(kind).or_default().insert(id.to_owned(), route.clone());
        Ok(route)
    }

    fn known_coordinator(&self, kind: CoordinatorKind, id: &str) -> Option<Route> {
        let known = self.inner().coordinators.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&kind)?.get(id).cloned()
    }
}

impl CoordinatorKind {
    /// The number on the wire.
    fn key_type(self) -> i8 {
        match self {
            Self::Group => 0,
            Self::Transaction => 1,
        }
    }

    fn not_found(self, id: &str, error: ErrorCode) -> CallError {
        match self {
            Self::Group => CallError::Coordinator { group: id.to_owned(), error },
            Self::Transaction => CallError::TransactionCoordinator { transactional_id: id.to_owned(), error },
        }
    }
}

impl<R: Request> Started<R> {
    /// Waits for the answer. Cancel-safe; not to be called again once it gave one.
    pub(crate) async fn answer(&mut self) -> Result<R::Response, CallError> {
        let frame = self.received().await?;
        decoded::<R>(frame, self.version, Arc::clone(&self.broker))
    }

    /// Waits until the request was written: for requests that are not answered. Cancel-safe.
    pub(crate) async fn written(&mut self) -> Result<(), CallError> {
        self.received().await.map(drop)
    }

    async fn received(&mut self) -> Result<Bytes, CallError> {
        let received = (&mut self.answer).await.unwrap_or_else(|_| {
            // The connection's task was dropped with its runtime; what it had written is not known.
            Err(Lost { sent: true, cause: Arc::new(Disconnect::ClientClosed) })
        });
        received.map_err(|Lost { sent, cause }| {
            let (broker, api) = (Arc::clone(&self.broker), R::KEY);
            if sent {
                CallError::NoAnswer { broker, api, cause }
            } else {
                CallError::NotSent { broker, api, cause }
            }
        })
    }
}

fn decoded<R: Request>(frame: Bytes, version: i16, broker: Arc<str>) -> Result<R::Response, CallError> {
    match frame::decode_response::<R>(frame, version) {
        Ok((_, response)) => Ok(response),
        Err(source) => Err(CallError::Malformed { broker, api: R::KEY, source }),
    }
}

/// Where an answer says that the coordinator is: in a list since version 4, in fields of its own before.
fn coordinator_route(response: &FindCoordinatorResponse, group: &str) -> Result<Route, ErrorCode> {
    let listed = response.coordinators.iter().find(|coordinator| coordinator.key == group);
    let (error, node, host, port) = match listed {
        Some(listed) => (listed.error_code, listed.node_id, &listed.host, listed.port),
        None => (response.error_code, response.node_id, &response.host, response.port),
    };
    ErrorCode::from_code(error).ok()?;
    let port = u16::try_from(port).map_err(|_| ErrorCode::CoordinatorNotAvailable)?;
    if host.is_empty() {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    Ok(Route { peer: Peer::Node(node), address: Address { host: host.clone(), port } })
}

#[cfg(test)]
mod tests {
    use headwater_wire::messages::find_coordinator::Coordinator;

    use super::*;

    #[test]
    fn a_coordinator_is_found_in_answers_of_every_version() {
        let coordinator = Coordinator {
            key: "g".to_owned(),
            node_id: 4,
            host: "h".to_owned(),
            port: 9,
            ..Default::default()
        };
        let listed =
            FindCoordinatorResponse { coordinators: vec![coordinator.clone()], ..Default::default() };
        let single =
            FindCoordinatorResponse { node_id: 4, host: "h".to_owned(), port: 9, ..Default::default() };
        for response in [listed, single] {
            let route = coordinator_route(&response, "g").unwrap();
            assert_eq!((route.peer, &*route.name()), (Peer::Node(4), "broker 4 (h:9)"));
        }
        let missing = Coordinator { error_code: ErrorCode::CoordinatorNotAvailable.code(), ..coordinator };
        let missing = FindCoordinatorResponse { coordinators: vec![missing], ..Default::default() };
        for response in [missing, FindCoordinatorResponse::default()] {
            assert_eq!(coordinator_route(&response, "g").unwrap_err(), ErrorCode::CoordinatorNotAvailable);
        }
    }
}
