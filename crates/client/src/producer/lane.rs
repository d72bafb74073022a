//! The requests to one broker, sent and answered in order.
//!
//! Invariants: a request that follows another goes over the same connection or fails unsent (see
//! [`super::machine`]); outcomes are told in the order of the requests.

use std::collections::VecDeque;
use std::sync::Arc;

use headwater_wire::ApiKey;
use headwater_wire::messages::produce::ProduceRequest;
use tokio::sync::mpsc;

use super::config::Acks;
use super::driver::Setup;
use super::machine::{Dispatch, Outgoing, Payload, RequestId, Verdict};
use super::request::{self, UNKNOWN};
use super::transaction::machine::TransactionVersion;
use crate::call::{CallOptions, Destination, Started};
use crate::client::Client;
use crate::connection::{Connection, Disconnect};
use crate::connector::Connector;
use crate::error::CallError;
use crate::pool::ReadyConnection;

/// What became of a request.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) id: RequestId,
    pub(super) outcomes: Vec<(Verdict, Payload)>,
}

struct Flight {
    id: RequestId,
    batches: Vec<Outgoing>,
    started: Started<ProduceRequest>,
}

struct Lane<C> {
    client: Client<C>,
    node: i32,
    setup: Setup,
    waiting: VecDeque<Dispatch>,
    flights: VecDeque<Flight>,
    /// The request that was started last, and where.
    last: Option<(RequestId, Connection)>,
    outcomes: mpsc::UnboundedSender<Answered>,
}

/// Serves one broker until there are no more requests.
pub(super) async fn run<C: Connector>(
    client: Client<C>,
    node: i32,
    setup: Setup,
    mut requests: mpsc::UnboundedReceiver<Dispatch>,
    outcomes: mpsc::UnboundedSender<Answered>,
) {
    let (waiting, flights) = (VecDeque::new(), VecDeque::new());
    let (acks, purpose) = (setup.acks, setup.purpose);
    let mut lane = Lane { client, node, setup, waiting, flights, last: None, outcomes };
    let mut more = true;
    while more || !lane.waiting.is_empty() || !lane.flights.is_empty() {
        let destination = Destination::Node(node);
        tokio::select! {
            biased;
            answer = answer(lane.flights.front_mut(), acks) => lane.answered(&answer),
            ready = lane.client.connection_to(&destination, purpose), if !lane.waiting.is_empty() => {
                lane.start_all(&ready);
            }
            dispatch = requests.recv(), if more => match dispatch {
                Some(dispatch) => lane.waiting.push_back(dispatch),
                None => more = false,
            },
        }
    }
}

type Answer = Result<Option<headwater_wire::messages::produce::ProduceResponse>, CallError>;

/// The answer to the oldest request; never, if there is none. Cancel-safe.
async fn answer(oldest: Option<&mut Flight>, acks: Acks) -> Answer {
    match oldest {
        None => std::future::pending().await,
        Some(flight) if acks == Acks::None => flight.started.written().await.map(|()| None),
        Some(flight) => flight.started.answer().await.map(Some),
    }
}

impl<C: Connector> Lane<C> {
    fn answered(&mut self, answer: &Answer) {
        let Some(Flight { id, batches, .. }) = self.flights.pop_front() else {
            return;
        };
        let verdicts = match answer {
            Ok(Some(response)) => request::verdicts(&batches, response),
            Ok(None) => batches.iter().map(|_| Verdict::Written(UNKNOWN)).collect(),
            Err(error) => batches.iter().map(|_| Verdict::of_failure(error)).collect(),
        };
        self.tell(id, verdicts, batches);
    }

    fn start_all(&mut self, ready: &Result<ReadyConnection, CallError>) {
        while let Some(dispatch) = self.waiting.pop_front() {
            match ready {
                Ok(ready) => self.start(ready, dispatch),
                Err(error) => self.fail(dispatch.id, dispatch.batches, error),
            }
        }
    }

    fn start(&mut self, ready: &ReadyConnection, dispatch: Dispatch) {
        let Dispatch { id, follow, transaction, mut batches, .. } = dispatch;
        let follows = |follow| {
            self.last
                .as_ref()
                .is_some_and(|(last, connection)| *last == follow && connection.is_same(&ready.connection))
        };
        if follow.is_some_and(|follow| !follows(follow)) {
            let cause = Arc::new(Disconnect::Closed);
            let error = CallError::NotSent { broker: Arc::clone(&ready.broker), api: ApiKey::Produce, cause };
            return self.fail(id, batches, &error);
        }
        let timeout = self.client.config().request_timeout;
        let Setup { acks, transactional_id, .. } = &self.setup;
        let (request, highest) = request::encode(&mut batches, transactional_id.as_deref(), *acks, timeout);
        let allowed = transaction.map_or(0..=i16::MAX, TransactionVersion::of_produce);
        let options = CallOptions {
            min_version: *allowed.start(),
            max_version: highest.min(*allowed.end()),
            ..CallOptions::default()
        };
        match self.client.start(ready, options, &request, *acks != Acks::None) {
            Ok(started) => {
                self.last = Some((id, ready.connection.clone()));
                self.flights.push_back(Flight { id, batches, started });
            }
            Err(error) => self.fail(id, batches, &error),
        }
    }

    fn fail(&self, id: RequestId, batches: Vec<Outgoing>, error: &CallError) {
        tracing::debug!(node = self.node, %error, "a produce request was not sent");
        let verdicts = batches.iter().map(|_| Verdict::of_failure(error)).collect();
        self.tell(id, verdicts, batches);
    }

    fn tell(&self, id: RequestId, verdicts: Vec<Verdict>, batches: Vec<Outgoing>) {
        let payloads = batches.into_iter().map(|batch| batch.payload);
        let outcomes = verdicts.into_iter().zip(payloads).collect();
        // If the producer is gone, so are those who wait.
        drop(self.outcomes.send(Answered { id, outcomes }));
    }
}
