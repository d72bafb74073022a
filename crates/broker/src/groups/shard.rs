//! The task that owns the groups of one partition of `__consumer_offsets`.
//!
//! Invariants: whatever asked is answered once, at the latest when the task ends. Answers leave in the order in which
//! they were decided, and only once every record that was appended before is durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{Effects, Groups, GroupsConfig, Now, Reply, Token};
use headwater_model::{Clock, Entropy, ErrorCode, TopicName};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::{Command, load, records};
use crate::broker::Broker;
use crate::partition::{Acks, AppendError, Appending, Origin, Partition};
use crate::storage::Storage;

/// How long a shard that failed rests before it reads its log again.
const REST: Duration = Duration::from_millis(500);
/// How long to sleep where there is no deadline.
const LONG: Duration = Duration::from_hours(1);

/// Lets a decided answer out, or an error in its place.
pub(super) type Release = Box<dyn FnOnce(Result<(), ErrorCode>) + Send>;
/// Looks at the state, and gives what lets the outcome out.
pub(super) type Look = Box<dyn FnOnce(&Groups) -> Release + Send>;

/// What reaches a shard.
pub(super) enum Message {
    Command { command: Command, reply: oneshot::Sender<Result<Reply, ErrorCode>> },
    Look(Look),
    ForgetTopics(BTreeSet<TopicName>),
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { command, .. } => command.fmt(f),
            Self::Look(_) => f.write_str("Look"),
            Self::ForgetTopics(topics) => f.debug_tuple("ForgetTopics").field(topics).finish(),
        }
    }
}

/// What has to be waited for before what is behind it may leave.
enum Held {
    Append(Appending),
    Answer(Release),
}

pub(super) struct Shard {
    partition: Arc<Partition>,
    storage: Arc<Storage>,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    config: GroupsConfig,
    inbox: mpsc::Receiver<Message>,
    shutdown: watch::Receiver<bool>,
    closing: bool,
    groups: Groups,
    asked: BTreeMap<Token, oneshot::Sender<Result<Reply, ErrorCode>>>,
    tokens: u64,
    held: VecDeque<Held>,
}

/// Why a shard does not go on with the state that it has.
enum Interrupted {
    /// The broker is gone or has closed its logs.
    Ended,
    /// The state holds what the log does not.
    AppendFailed(AppendError),
}

enum Event {
    Durable(Result<(), AppendError>),
    ShutDown,
    Due,
    Message(Option<Message>),
}

impl Shard {
    pub(super) fn new(broker: &Broker, partition: Arc<Partition>, inbox: mpsc::Receiver<Message>) -> Self {
        let config = broker.config().groups.clone();
        Self {
            partition,
            storage: broker.storage().clone(),
            clock: broker.clock().clone(),
            entropy: broker.fork_entropy(),
            groups: Groups::new(config.clone()),
            config,
            inbox,
            shutdown: broker.subscribe_to_shutdown(),
            closing: false,
            asked: BTreeMap::new(),
            tokens: 0,
            held: VecDeque::new(),
        }
    }

    /// Serves until the broker is gone. Requests that come while the log is read wait.
    pub(super) async fn run(mut self) {
        loop {
            match load::load(&self.partition, &self.storage, self.config.clone()).await {
                Ok(groups) => {
                    self.groups = groups;
                    self.groups.loaded(self.clock.monotonic());
                    match self.serve().await {
                        Interrupted::Ended => return,
                        Interrupted::AppendFailed(error) => self.drop_state(&error).await,
                    }
                }
                Err(load::LoadError::Stopped) => return,
                Err(error) => {
                    let partition = self.partition.id();
                    tracing::error!(%partition, %error, "cannot read the state of groups; trying again");
                }
            }
            if self.partition.is_closed() || !self.rest().await {
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
            let due = self.groups.next_deadline().map_or(LONG, |at| at.saturating_since(now));
            wake.as_mut().reset(Instant::now() + due);
            let event = tokio::select! {
                biased;
                outcome = next_durable(&mut self.held), if !self.held.is_empty() => Event::Durable(outcome),
                Ok(()) = self.shutdown.changed() => Event::ShutDown,
                () = &mut wake => Event::Due,
                message = self.inbox.recv() => Event::Message(message),
            };
            match event {
                Event::Durable(outcome) => {
                    self.held.pop_front();
                    match outcome {
                        Ok(()) => self.release_answers(),
                        Err(_) if self.partition.is_closed() => return Interrupted::Ended,
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
                    let effects = self.groups.tick(self.now());
                    self.take(effects);
                }
                Event::Message(None) => return Interrupted::Ended,
                Event::Message(Some(message)) => self.receive(message),
            }
        }
    }

    fn now(&self) -> Now {
        Now { monotonic: self.clock.monotonic(), wall: self.clock.now() }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Command { command, reply } if self.closing && command.may_wait() => {
                let _ = reply.send(Err(ErrorCode::CoordinatorNotAvailable));
            }
            Message::Command { command, reply } => {
                self.tokens += 1;
                let token = Token(self.tokens);
                self.asked.insert(token, reply);
                let now = self.now();
                let effects = command.run(&mut self.groups, now, &mut self.entropy, token);
                self.take(effects);
            }
            Message::Look(look) => {
                let answer = look(&self.groups);
                self.answer(answer);
            }
            Message::ForgetTopics(topics) => {
                let effects = self.groups.forget_topics(self.now(), &topics);
                self.take(effects);
            }
        }
    }

    /// Appends the records and holds the replies until these are durable.
    fn take(&mut self, effects: Effects) {
        if !effects.records.is_empty() {
            for batch in records::to_batches(&effects.records, self.clock.now()) {
                let appending = self.partition.append(batch, Acks::All, Origin::Broker);
                self.held.push_back(Held::Append(appending));
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

    /// Lets out what waited for an append that is durable now.
    fn release_answers(&mut self) {
        while let Some(front) = self.held.pop_front() {
            match front {
                Held::Answer(answer) => answer(Ok(())),
                append @ Held::Append(_) => {
                    self.held.push_front(append);
                    return;
                }
            }
        }
    }

    /// Whoever waits for other members would hold up the broker's end.
    fn begin_shutdown(&mut self) {
        self.closing = true;
        let effects = self.groups.fail_pending(self.now(), ErrorCode::CoordinatorNotAvailable);
        self.take(effects);
    }

    /// Answers everybody with an error; the state is of no use any more.
    async fn drop_state(&mut self, error: &AppendError) {
        let partition = self.partition.id();
        tracing::error!(%partition, %error, "groups could not be recorded; reading their state from the log again");
        let held = std::mem::take(&mut self.held);
        for held in held {
            match held {
                // What is under way must have come to its end before the log is read.
                Held::Append(appending) => drop(appending.await),
                Held::Answer(answer) => answer(Err(ErrorCode::NotCoordinator)),
            }
        }
        for (_, asked) in std::mem::take(&mut self.asked) {
            let _ = asked.send(Err(ErrorCode::NotCoordinator));
        }
    }

    /// Refuses everything for a while. False if the broker is gone.
    async fn rest(&mut self) -> bool {
        let until = Instant::now() + REST;
        loop {
            let message = tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => return true,
                message = self.inbox.recv() => message,
            };
            match message {
                None => return false,
                Some(Message::Command { reply, .. }) => {
                    let _ = reply.send(Err(ErrorCode::CoordinatorLoadInProgress));
                }
                Some(Message::Look(look)) => look(&self.groups)(Err(ErrorCode::CoordinatorLoadInProgress)),
                Some(Message::ForgetTopics(_)) => {}
            }
        }
    }
}

/// Waits for the append at the front. Can be dropped and called again.
async fn next_durable(held: &mut VecDeque<Held>) -> Result<(), AppendError> {
    match held.front_mut() {
        Some(Held::Append(appending)) => appending.await.map(|_| ()),
        // Answers stand behind appends only.
        Some(Held::Answer(_)) | None => Ok(()),
    }
}
