//! The task that owns what the partitions of one number of its internal topics coordinate.
//!
//! Invariants: whatever asked is answered once, at the latest when the task ends. Answers leave in the order in which
//! they were decided, and only once every record that was appended before is durable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{Now, Token};
use headwater_model::{Clock, ErrorCode};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::{Effects, Machine, Message, Release, load};
use crate::broker::Broker;
use crate::partition::{Acks, AppendError, Appending, Origin, Partition};
use crate::storage::Storage;

/// How long a shard that failed rests before it reads its log again; each time in a row for twice as long.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(10);
/// How long to sleep where there is no deadline.
const LONG: Duration = Duration::from_hours(1);

/// What has to be waited for before what is behind it may leave.
enum Held<M: Machine> {
    Append(Appending),
    Answer(Release),
    Task(M::Task),
}

pub(super) struct Shard<M: Machine> {
    /// Never empty.
    logs: Vec<Arc<Partition>>,
    storage: Arc<Storage>,
    clock: Arc<dyn Clock>,
    aids: M::Aids,
    config: M::Config,
    inbox: mpsc::Receiver<Message<M>>,
    shutdown: watch::Receiver<bool>,
    closing: bool,
    machine: M,
    asked: BTreeMap<Token, oneshot::Sender<Result<M::Reply, ErrorCode>>>,
    tokens: u64,
    held: VecDeque<Held<M>>,
    next_rest: Duration,
}

/// Why a shard does not go on with the state that it has.
enum Interrupted {
    /// The broker is gone or has closed its logs.
    Ended,
    /// The state holds what the log does not.
    AppendFailed(AppendError),
}

enum Event<M: Machine> {
    Durable(Result<(), AppendError>),
    ShutDown,
    Due,
    WorldChanged,
    Message(Option<Message<M>>),
}

impl<M: Machine> Shard<M> {
    pub(super) fn new(
        broker: &Broker,
        logs: Vec<Arc<Partition>>,
        inbox: mpsc::Receiver<Message<M>>,
        aids: M::Aids,
    ) -> Self {
        let config = M::config(broker.config());
        Self {
            logs,
            storage: broker.storage().clone(),
            clock: broker.clock().clone(),
            aids,
            machine: M::new(config.clone()),
            config,
            inbox,
            shutdown: broker.subscribe_to_shutdown(),
            closing: false,
            asked: BTreeMap::new(),
            tokens: 0,
            held: VecDeque::new(),
            next_rest: FIRST_REST,
        }
    }

    /// Serves until the broker is gone. Requests that come while the log is read wait.
    pub(super) async fn run(mut self) {
        loop {
            match load::load::<M>(&self.logs, &self.storage, self.config.clone()).await {
                Ok(mut machine) => {
                    machine.succeed(&self.machine);
                    self.machine = machine;
                    let effects = self.machine.loaded(self.now(), &mut self.aids);
                    self.take(effects);
                    match self.serve().await {
                        Interrupted::Ended => return,
                        Interrupted::AppendFailed(error) => self.drop_state(&error).await,
                    }
                }
                Err(load::LoadError::Stopped) => return,
                Err(error) => {
                    let shard = self.name();
                    tracing::error!(%shard, %error, "cannot read what is coordinated here; trying again");
                }
            }
            if self.is_closed() || !self.rest().await {
                return;
            }
        }
    }

    async fn serve(&mut self) -> Interrupted {
        let wake = tokio::time::sleep_until(Instant::now());
        tokio::pin!(wake);
        loop {
            if *self.shutdown.borrow() && !self.closing {
                self.begin_shutdown();
            }
            let now = self.clock.monotonic();
            let due = self.machine.next_deadline().map_or(LONG, |at| at.saturating_since(now));
            wake.as_mut().reset(Instant::now() + due);
            let event = tokio::select! {
                biased;
                outcome = next_durable(&mut self.held), if !self.held.is_empty() => Event::Durable(outcome),
                Ok(()) = self.shutdown.changed() => Event::ShutDown,
                // Before messages: who has learnt of it elsewhere finds it known here.
                () = M::world_changed(&mut self.aids) => Event::WorldChanged,
                () = &mut wake => Event::Due,
                message = self.inbox.recv() => Event::Message(message),
            };
            match event {
                Event::Durable(outcome) => {
                    self.held.pop_front();
                    match outcome {
                        Ok(()) => {
                            self.next_rest = FIRST_REST;
                            self.release();
                        }
                        Err(_) if self.is_closed() => return Interrupted::Ended,
                        Err(error) => return Interrupted::AppendFailed(error),
                    }
                }
                Event::ShutDown => {}
                Event::Due => {
                    // Who was heard from in time is not punished for a broker that was busy.
                    for _ in 0..self.inbox.len() {
                        if let Ok(message) = self.inbox.try_recv() {
                            self.receive(message);
                        }
                    }
                    let effects = self.machine.tick(self.now());
                    self.take(effects);
                }
                Event::WorldChanged => {
                    let effects = self.machine.tell_world(self.now(), &mut self.aids);
                    self.take(effects);
                }
                Event::Message(None) => return Interrupted::Ended,
                Event::Message(Some(message)) => self.receive(message),
            }
        }
    }

    /// Which one it is, for people.
    fn name(&self) -> String {
        self.logs.first().map(|log| log.id().to_string()).unwrap_or_default()
    }

    fn is_closed(&self) -> bool {
        self.logs.iter().any(|log| log.is_closed())
    }

    fn now(&self) -> Now {
        Now { monotonic: self.clock.monotonic(), wall: self.clock.now() }
    }

    fn receive(&mut self, message: Message<M>) {
        match message {
            Message::Command { command, reply: Some(reply) } if self.closing && M::may_wait(&command) => {
                let _ = reply.send(Err(ErrorCode::CoordinatorNotAvailable));
            }
            Message::Command { command, reply } => {
                self.tokens += 1;
                let token = Token(self.tokens);
                if let Some(reply) = reply {
                    self.asked.insert(token, reply);
                }
                let now = self.now();
                let effects = self.machine.run(command, now, &mut self.aids, token);
                self.take(effects);
            }
            Message::Look(look) => {
                let answer = look(&self.machine);
                self.answer(answer);
            }
        }
    }

    /// Appends the records, and holds replies and tasks until these are durable.
    fn take(&mut self, effects: Effects<M>) {
        if !effects.records.is_empty() {
            for log in &self.logs {
                for batch in M::to_batches(log.id().topic.as_str(), &effects.records, self.clock.now()) {
                    self.held.push_back(Held::Append(log.append(batch, Acks::All, Origin::Broker)));
                }
            }
        }
        for task in effects.tasks {
            if self.held.is_empty() {
                M::start(task, &mut self.aids);
            } else {
                self.held.push_back(Held::Task(task));
            }
        }
        for (token, reply) in effects.replies {
            let Some(asked) = self.asked.remove(&token) else {
                continue;
            };
            self.answer(Box::new(move |outcome| {
                // Whoever asked may be gone.
                let _ = asked.send(outcome.map(|()| reply));
            }));
        }
    }

    fn answer(&mut self, answer: Release) {
        if self.held.is_empty() {
            answer(Ok(()));
        } else {
            self.held.push_back(Held::Answer(answer));
        }
    }

    /// Lets out, and begins, what waited for an append that is durable now.
    fn release(&mut self) {
        while let Some(front) = self.held.pop_front() {
            match front {
                Held::Answer(answer) => answer(Ok(())),
                Held::Task(task) => M::start(task, &mut self.aids),
                append @ Held::Append(_) => {
                    self.held.push_front(append);
                    return;
                }
            }
        }
    }

    /// Whoever waits for others would hold up the broker's end.
    fn begin_shutdown(&mut self) {
        self.closing = true;
        let effects = self.machine.fail_pending(self.now(), ErrorCode::CoordinatorNotAvailable);
        self.take(effects);
    }

    /// Answers everybody with an error; the state is of no use any more.
    async fn drop_state(&mut self, error: &AppendError) {
        let shard = self.name();
        tracing::error!(%shard, %error, "what was coordinated could not be recorded; reading the state from the log again");
        let held = std::mem::take(&mut self.held);
        for held in held {
            match held {
                // What is under way must have come to its end before the log is read.
                Held::Append(appending) => drop(appending.await),
                Held::Answer(answer) => answer(Err(ErrorCode::NotCoordinator)),
                // What the log tells of it is begun again.
                Held::Task(_) => {}
            }
        }
        M::abandon(&mut self.aids).await;
        for (_, asked) in std::mem::take(&mut self.asked) {
            let _ = asked.send(Err(ErrorCode::NotCoordinator));
        }
    }

    /// Refuses everything for a while. False if the broker is gone.
    async fn rest(&mut self) -> bool {
        let until = Instant::now() + self.next_rest;
        self.next_rest = (self.next_rest * 2).min(LONGEST_REST);
        loop {
            let message = tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => return true,
                message = self.inbox.recv() => message,
            };
            match message {
                None => return false,
                Some(Message::Command { reply: Some(reply), .. }) => {
                    let _ = reply.send(Err(ErrorCode::CoordinatorLoadInProgress));
                }
                Some(Message::Command { reply: None, .. }) => {}
                Some(Message::Look(look)) => look(&self.machine)(Err(ErrorCode::CoordinatorLoadInProgress)),
            }
        }
    }
}

/// Waits for the append at the front. Can be dropped and called again.
async fn next_durable<M: Machine>(held: &mut VecDeque<Held<M>>) -> Result<(), AppendError> {
    match held.front_mut() {
        Some(Held::Append(appending)) => appending.await.map(|_| ()),
        // The others stand behind appends only.
        Some(Held::Answer(_) | Held::Task(_)) | None => Ok(()),
    }
}
