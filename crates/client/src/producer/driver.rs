//! The task behind a producer: does what the machine asks for, and tells it what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_model::{ErrorCode, Monotonic, ProducerEpoch, ProducerId, TopicName};
use headwater_wire::messages::init_producer_id::InitProducerIdRequest;
use tokio::sync::{Notify, mpsc};

use super::config::Acks;
use super::delivery::Completion;
use super::error::SendFailure;
use super::lane::{self, Answered};
use super::machine::{Action, Dispatch, Machine};
use super::transaction::coordinate;
use super::transaction::machine::{Call, TransactionAnswer};
use crate::call::Destination;
use crate::client::Client;
use crate::cluster::ClusterView;
use crate::connector::Connector;
use crate::error::{CallError, MetadataError};
use crate::pool::Purpose;
use crate::timer;

/// What the producer's handles and its task share.
#[derive(Debug)]
pub(super) struct Shared {
    machine: Mutex<Machine<Arc<Completion>>>,
    /// Wakes the task: there may be something to send.
    pub(super) wake: Notify,
    /// Wakes handles that wait: for room, for metadata, for a flush.
    pub(super) progress: Notify,
    /// Why metadata could not be had last.
    pub(super) metadata_trouble: Mutex<Option<Arc<MetadataError>>>,
}

impl Shared {
    pub(super) fn new(machine: Machine<Arc<Completion>>) -> Self {
        Self {
            machine: Mutex::new(machine),
            wake: Notify::new(),
            progress: Notify::new(),
            metadata_trouble: Mutex::default(),
        }
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine<Arc<Completion>>> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the machine has an answer. Cancel-safe.
    pub(super) async fn until<R>(
        &self,
        mut look: impl FnMut(&mut Machine<Arc<Completion>>) -> Option<R>,
    ) -> R {
        loop {
            let mut progress = std::pin::pin!(self.progress.notified());
            // From here on no progress is missed.
            progress.as_mut().enable();
            if let Some(found) = look(&mut self.machine()) {
                return found;
            }
            progress.await;
        }
    }

    /// Gives up all records and tells those who wait.
    pub(super) fn abort(&self, now: Monotonic, failure: SendFailure) {
        let actions = {
            let mut machine = self.machine();
            machine.abort(failure);
            machine.poll(now)
        };
        for action in actions {
            if let Action::Complete(batch, outcome) = action {
                batch.complete(outcome);
            }
        }
        self.progress.notify_waiters();
        self.wake.notify_one();
    }
}

/// What stays the same over the life of a producer.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) acks: Acks,
    pub(super) auto_create_topics: bool,
    /// Whom its connections serve.
    pub(super) purpose: Purpose,
    /// Set for a transactional producer.
    pub(super) transactional_id: Option<Arc<str>>,
}

enum Event {
    Answered(Answered),
    Coordinated(TransactionAnswer),
    ProducerId(Result<(ProducerId, ProducerEpoch), Option<SendFailure>>),
    Metadata(Result<Arc<ClusterView>, MetadataError>),
}

pub(super) struct Driver<C: Connector> {
    client: Client<C>,
    shared: Arc<Shared>,
    setup: Setup,
    lanes: BTreeMap<i32, mpsc::UnboundedSender<Dispatch>>,
    answers: mpsc::UnboundedSender<Answered>,
    events: mpsc::UnboundedSender<Event>,
}

/// Whatever ends the task, nobody is left waiting, and no connection stays that nobody else uses.
struct Guard<C: Connector> {
    client: Client<C>,
    shared: Arc<Shared>,
    purpose: Purpose,
}

impl<C: Connector> Drop for Guard<C> {
    fn drop(&mut self) {
        self.shared.abort(self.client.clock().monotonic(), SendFailure::Closed);
        if let Purpose::Transaction(owner) = self.purpose {
            self.client.inner().pool.release(owner);
        }
    }
}

/// Runs a producer until it is closed.
pub(super) async fn run<C: Connector>(client: Client<C>, shared: Arc<Shared>, setup: Setup) {
    let purpose = setup.purpose;
    let _guard = Guard { client: client.clone(), shared: Arc::clone(&shared), purpose };
    let mut changes = client.metadata_changes();
    let (answers, mut answered) = mpsc::unbounded_channel();
    let (events, mut happened) = mpsc::unbounded_channel();
    let lanes = BTreeMap::new();
    let mut driver = Driver { client, shared: Arc::clone(&shared), setup, lanes, answers, events };
    loop {
        let Some(pause) = driver.step() else {
            return;
        };
        // The events that are here already are taken together, before the machine is asked what to do.
        tokio::select! {
            biased;
            Some(first) = answered.recv() => {
                driver.apply(Event::Answered(first));
                while let Ok(next) = answered.try_recv() {
                    driver.apply(Event::Answered(next));
                }
            }
            Some(event) = happened.recv() => driver.apply(event),
            Ok(()) = changes.changed() => {
                let view = Arc::clone(&changes.borrow_and_update());
                driver.with_machine(|machine, now| machine.cluster_changed(now, &view));
            }
            () = shared.wake.notified() => {}
            () = timer::pause(pause) => {}
        }
    }
}

/// With nothing else to wait for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

impl<C: Connector> Driver<C> {
    /// Does what the machine asks for. Gives the time until it has to be asked again, `None` if the producer is closed.
    fn step(&mut self) -> Option<Duration> {
        let now = self.client.clock().monotonic();
        let (actions, deadline, closed) = {
            let mut machine = self.shared.machine();
            let actions = machine.poll(now);
            (actions, machine.deadline(now), machine.is_closed())
        };
        let completed = actions.iter().any(|action| matches!(action, Action::Complete(..)));
        for action in actions {
            match action {
                Action::Complete(batch, outcome) => batch.complete(outcome),
                Action::Send(dispatch) => self.send(dispatch),
                Action::InitProducerId => self.init_producer_id(),
                Action::Coordinate(call) => self.coordinate(call),
                Action::RefreshMetadata(topics) => self.refresh_metadata(topics),
            }
        }
        // Of a transaction's progress, its machine knows.
        if completed || closed || self.setup.transactional_id.is_some() {
            self.shared.progress.notify_waiters();
        }
        (!closed).then(|| deadline.map_or(LONGEST_PAUSE, |deadline| deadline.saturating_since(now)))
    }

    fn with_machine(&self, change: impl FnOnce(&mut Machine<Arc<Completion>>, Monotonic)) {
        let now = self.client.clock().monotonic();
        change(&mut self.shared.machine(), now);
        self.shared.progress.notify_waiters();
    }

    fn apply(&self, event: Event) {
        match event {
            Event::Answered(Answered { id, outcomes }) => {
                self.with_machine(|machine, now| machine.answered(now, id, outcomes));
            }
            Event::Coordinated(answer) => {
                self.with_machine(|machine, now| machine.coordinated(now, answer));
            }
            Event::ProducerId(answer) => {
                self.with_machine(|machine, now| machine.producer_id_answered(now, answer));
            }
            Event::Metadata(answer) => {
                let view = answer.as_ref().ok().cloned();
                let trouble = answer.err().map(Arc::new);
                *self.shared.metadata_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
                self.with_machine(|machine, now| machine.metadata_answered(now, view.as_deref()));
            }
        }
    }

    fn send(&mut self, dispatch: Dispatch) {
        let node = dispatch.node;
        let (client, setup, answers) = (&self.client, &self.setup, &self.answers);
        let lane = self.lanes.entry(node).or_insert_with(|| {
            let (requests, received) = mpsc::unbounded_channel();
            tokio::spawn(lane::run(client.clone(), node, setup.clone(), received, answers.clone()));
            requests
        });
        // A lane ends only when its sender is dropped, or with the runtime.
        drop(lane.send(dispatch));
    }

    fn init_producer_id(&self) {
        let (client, events) = (self.client.clone(), self.events.clone());
        tokio::spawn(async move {
            let answer = producer_id(&client).await;
            drop(events.send(Event::ProducerId(answer)));
        });
    }

    fn coordinate(&self, call: Call) {
        let (client, events, setup) = (self.client.clone(), self.events.clone(), self.setup.clone());
        tokio::spawn(async move {
            let id = setup.transactional_id.as_deref().unwrap_or_default();
            let answer = coordinate::ask(&client, id, setup.purpose, call).await;
            drop(events.send(Event::Coordinated(answer)));
        });
    }

    fn refresh_metadata(&self, topics: Vec<TopicName>) {
        let (client, events, create) =
            (self.client.clone(), self.events.clone(), self.setup.auto_create_topics);
        tokio::spawn(async move {
            let answer = if create {
                client.refresh_or_create(&topics).await
            } else {
                client.refresh_metadata(&topics).await
            };
            drop(events.send(Event::Metadata(answer)));
        });
    }
}

/// A producer id; `None` where another try may give one.
async fn producer_id<C: Connector>(
    client: &Client<C>,
) -> Result<(ProducerId, ProducerEpoch), Option<SendFailure>> {
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        ..Default::default()
    };
    let response = match client.call(Destination::Any, &request).await {
        Ok(response) => response,
        Err(error @ CallError::Unsupported { .. }) => return Err(Some(SendFailure::Call(error))),
        Err(_) => return Err(None),
    };
    match ErrorCode::from_code(response.error_code) {
        ErrorCode::None => Ok((ProducerId(response.producer_id), ProducerEpoch(response.producer_epoch))),
        error if error.is_retriable() => Err(None),
        error => Err(Some(SendFailure::ProducerId(error))),
    }
}
