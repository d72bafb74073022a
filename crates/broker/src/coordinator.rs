//! The driver of coordination: the partitions of an internal topic, one task for each, and how requests reach them.
//!
//! Owns: which partition coordinates a name ([`placement`]), the making of the topics at first need, the tasks ([`shard`]),
//! the reading of their state ([`load`]), what records of our own formats have in common ([`records`]). What is coordinated is a [`Machine`]: groups ([`crate::groups`]), transactions
//! ([`crate::transactions`]). One that records in several topics has the partitions of one number in them as its logs.
//!
//! Invariants: a name is coordinated by one task, which owns its state; nothing else sees or locks it. No reply leaves,
//! and nothing is done elsewhere, before everything that was recorded until then is below the high watermark, so that
//! nobody learns of what a crash could undo. If an append fails, the shard's state is dropped and read again from the log.
//!
//! Does not know: the rules of coordination (the crate `headwater-coordinator`), requests.

mod load;
mod placement;
pub(crate) mod records;
mod shard;

use std::fmt;
use std::iter;
use std::sync::Arc;

use bytes::Bytes;
use headwater_coordinator::{Now, Outcome, ProducerIdentity, Token};
use headwater_model::{ErrorCode, InvalidName, Monotonic, PartitionId, Timestamp, TopicName};
use headwater_wire::protocol::DecodeError;
use tokio::sync::{OnceCell, mpsc, oneshot};

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::topics::Topic;
pub(crate) use placement::partition_of;
use shard::Shard;

/// Requests that may wait for a shard; further ones wait in their connections.
const INBOX: usize = 1_024;

/// What is coordinated: a state whose durable facts are the records of one partition, or of one of each of several topics.
/// Their order is kept within a topic only.
pub(crate) trait Machine: Sized + Send + 'static {
    type Config: Clone + Send;
    /// A durable fact.
    type Change: Send + 'static;
    type Command: fmt::Debug + Send + 'static;
    type Reply: Send + 'static;
    /// What is to be done elsewhere.
    type Task: Send + 'static;
    /// What it needs besides the time, and what its tasks need.
    type Aids: Send + 'static;

    /// Where records are; its partitions are the shards.
    const TOPIC: &'static str;
    /// Where further records are, in as many partitions.
    const OTHER_TOPICS: &'static [&'static str] = &[];

    /// The shards of a broker.
    fn shards(broker: &Broker) -> &Shards<Self>;
    fn config(config: &BrokerConfig) -> Self::Config;
    fn aids(broker: &Broker, inbox: mpsc::WeakSender<Message<Self>>) -> Self::Aids;
    /// Partitions of the topic, if it is made now.
    fn partitions(config: &BrokerConfig) -> i32;
    /// The largest batch that is ever written.
    fn largest_batch(config: &BrokerConfig) -> usize;

    fn new(config: Self::Config) -> Self;
    fn replay(&mut self, change: Self::Change);
    /// Takes the place of a state that was dropped.
    fn succeed(&mut self, before: &Self);
    fn loaded(&mut self, now: Now, aids: &mut Self::Aids) -> Effects<Self>;
    fn run(&mut self, command: Self::Command, now: Now, aids: &mut Self::Aids, token: Token)
    -> Effects<Self>;
    fn tick(&mut self, now: Now) -> Effects<Self>;
    fn next_deadline(&self) -> Option<Monotonic>;
    /// Answers everything that waits with an error.
    fn fail_pending(&mut self, now: Now, error: ErrorCode) -> Effects<Self>;
    /// Whether the reply may be long in coming.
    fn may_wait(command: &Self::Command) -> bool;

    /// Waits until what the machine is to know of the world has changed. Can be dropped and called again.
    fn world_changed(_: &mut Self::Aids) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
    /// Tells it.
    fn tell_world(&mut self, _: Now, _: &mut Self::Aids) -> Effects<Self> {
        Effects::default()
    }

    /// The changes that belong into a topic as batches, in order.
    fn to_batches(topic: &str, changes: &[Self::Change], now: Timestamp) -> Vec<Bytes>;
    /// The change that a record of a topic tells of, which may be part of a producer's transaction.
    fn read_record(
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        within: Option<ProducerIdentity>,
    ) -> Result<Self::Change, RecordError>;
    /// The change that the end of a producer's transaction is.
    fn read_marker(producer: ProducerIdentity, outcome: Outcome) -> Option<Self::Change>;

    /// Begins what is to be done elsewhere.
    fn start(task: Self::Task, aids: &mut Self::Aids);
    /// Ends what was begun; nothing of it happens any more when this is over.
    fn abandon(aids: &mut Self::Aids) -> impl Future<Output = ()> + Send;
}

/// What a command or the passing of time leads to: replies may leave, and tasks begin, once the records are durable.
pub(crate) struct Effects<M: Machine> {
    pub(crate) records: Vec<M::Change>,
    pub(crate) replies: Vec<(Token, M::Reply)>,
    pub(crate) tasks: Vec<M::Task>,
}

impl<M: Machine> Default for Effects<M> {
    fn default() -> Self {
        Self { records: Vec::new(), replies: Vec::new(), tasks: Vec::new() }
    }
}

/// Why a record gives no change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("a record has no key")]
    NoKey,
    #[error("a record is of kind {0}, which this version does not know")]
    UnknownKind(i16),
    #[error("a record is malformed: {0}")]
    Malformed(#[from] DecodeError),
    #[error("a record names an illegal topic: {0}")]
    Name(#[from] InvalidName),
    #[error("a record tells of a state {0}, which this version does not know")]
    UnknownState(i8),
    #[error("a record tells of offsets that cannot be")]
    Offsets,
    #[error("a record is of format {0}, which this version does not know")]
    UnknownFormat(i8),
}

/// Lets a decided answer out, or an error in its place.
pub(crate) type Release = Box<dyn FnOnce(Result<(), ErrorCode>) + Send>;
/// Looks at the state, and gives what lets the outcome out.
pub(crate) type Look<M> = Box<dyn FnOnce(&M) -> Release + Send>;

/// What reaches a shard.
pub(crate) enum Message<M: Machine> {
    Command {
        command: M::Command,
        /// `None` where nobody waits.
        reply: Option<oneshot::Sender<Result<M::Reply, ErrorCode>>>,
    },
    Look(Look<M>),
}

impl<M: Machine> fmt::Debug for Message<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { command, .. } => command.fmt(f),
            Self::Look(_) => f.write_str("Look"),
        }
    }
}

/// The tasks of one kind, once there is a reason to have them.
pub(crate) struct Shards<M: Machine> {
    running: OnceCell<Vec<Inbox<M>>>,
}

/// The way to a shard; `None` where its partition is offline.
type Inbox<M> = Option<mpsc::Sender<Message<M>>>;

impl<M: Machine> Default for Shards<M> {
    fn default() -> Self {
        Self { running: OnceCell::new() }
    }
}

impl<M: Machine> fmt::Debug for Shards<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("topic", &M::TOPIC).finish_non_exhaustive()
    }
}

impl Broker {
    /// Has the shard of a name do something, and waits for the reply.
    pub(crate) async fn ask<M: Machine>(
        &self,
        name: &str,
        command: M::Command,
    ) -> Result<M::Reply, ErrorCode> {
        let shards = self.running::<M>().await?;
        ask(shards.get(partition_of(name, shards.len())), command).await
    }

    /// The same for the shard of a partition.
    pub(crate) async fn ask_partition<M: Machine>(
        &self,
        partition: PartitionId,
        command: M::Command,
    ) -> Result<M::Reply, ErrorCode> {
        let shards = self.running::<M>().await?;
        ask(usize::try_from(partition.0).ok().and_then(|index| shards.get(index)), command).await
    }

    /// Tells every shard something. There are none as long as nobody has needed one.
    pub(crate) async fn tell_all<M: Machine>(&self, command: impl Fn() -> M::Command) {
        if self.topic(M::TOPIC).is_none() {
            return;
        }
        let Ok(shards) = self.running::<M>().await else {
            return;
        };
        for inbox in shards.iter().flatten() {
            // One that has ended has nothing to be told.
            let _ = inbox.send(Message::Command { command: command(), reply: None }).await;
        }
    }

    /// Looks at the state of the shard of a name.
    pub(crate) async fn look_at<M: Machine, T: Send + 'static>(
        &self,
        name: &str,
        look: impl FnOnce(&M) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let shards = self.running::<M>().await?;
        look_at(shards.get(partition_of(name, shards.len())), look).await
    }

    /// Looks at the state of each shard that is online. There are none as long as nobody has needed one.
    pub(crate) async fn look_at_all<M: Machine, T: Send + 'static>(
        &self,
        look: impl Fn(&M) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, ErrorCode> {
        if self.topic(M::TOPIC).is_none() {
            return Ok(Vec::new());
        }
        let mut seen = Vec::new();
        for inbox in self.running::<M>().await?.iter().filter(|inbox| inbox.is_some()) {
            seen.push(look_at(Some(inbox), look.clone()).await?);
        }
        Ok(seen)
    }

    /// Makes the topic if it does not exist, and starts the shards if they do not run. Gives the partition of a name.
    pub(crate) async fn start_coordination<M: Machine>(&self, name: &str) -> Result<PartitionId, ErrorCode> {
        let shards = self.running::<M>().await?;
        let index = partition_of(name, shards.len());
        Ok(PartitionId(i32::try_from(index).unwrap_or(i32::MAX)))
    }

    /// Starts the shards if they have been needed before, so that timeouts and retention go on.
    pub(crate) fn resume_coordination<M: Machine>(&self) {
        let Some(topic) = self.topic(M::TOPIC) else {
            return;
        };
        let others: Option<Vec<_>> = M::OTHER_TOPICS.iter().map(|name| self.topic(name)).collect();
        if let Some(others) = others {
            // Nobody has come before: the broker is being opened.
            let _ = M::shards(self).running.set(self.spawn_shards(&topic, &others));
        } else {
            // An older version did not have them all.
            let broker = self.clone();
            tokio::spawn(async move { broker.running::<M>().await.map(|_| ()) });
        }
    }

    async fn running<M: Machine>(&self) -> Result<&[Inbox<M>], ErrorCode> {
        M::shards(self).running.get_or_try_init(|| self.make_shards()).await.map(Vec::as_slice)
    }

    async fn make_shards<M: Machine>(&self) -> Result<Vec<Inbox<M>>, ErrorCode> {
        let topic = self.records_topic::<M>(M::TOPIC, M::partitions(self.config())).await?;
        let mut others = Vec::new();
        for name in M::OTHER_TOPICS {
            others.push(self.records_topic::<M>(name, topic.state.partitions).await?);
        }
        Ok(self.spawn_shards(&topic, &others))
    }

    /// The topic of a machine's records, made if it does not exist.
    async fn records_topic<M: Machine>(&self, name: &str, partitions: i32) -> Result<Arc<Topic>, ErrorCode> {
        let largest_batch = M::largest_batch(self.config()).to_string();
        let settings = [
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            ("segment.bytes", "104857600"),
            ("max.message.bytes", largest_batch.as_str()),
        ];
        let legal = TopicName::new(name).map_err(|_| ErrorCode::UnknownServerError)?;
        self.internal_topic(&legal, partitions, &settings).await.map_err(|error| {
            tracing::error!(topic = name, %error, "cannot make an internal topic");
            ErrorCode::CoordinatorNotAvailable
        })
    }

    fn spawn_shards<M: Machine>(&self, topic: &Topic, others: &[Arc<Topic>]) -> Vec<Inbox<M>> {
        let spawn = |number| {
            let topics = iter::once(topic).chain(others.iter().map(Arc::as_ref));
            let logs: Option<Vec<_>> = topics.map(|topic| topic.slot(PartitionId(number))?.clone()).collect();
            let (inbox, messages) = mpsc::channel(INBOX);
            let aids = M::aids(self, inbox.downgrade());
            tokio::spawn(Shard::<M>::new(self, logs?, messages, aids).run());
            Some(inbox)
        };
        (0..topic.state.partitions).map(spawn).collect()
    }
}

async fn ask<M: Machine>(inbox: Option<&Inbox<M>>, command: M::Command) -> Result<M::Reply, ErrorCode> {
    let (reply, answer) = oneshot::channel();
    send(inbox, Message::Command { command, reply: Some(reply) }).await?;
    answer.await.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
}

async fn look_at<M: Machine, T: Send + 'static>(
    inbox: Option<&Inbox<M>>,
    look: impl FnOnce(&M) -> T + Send + 'static,
) -> Result<T, ErrorCode> {
    let (reply, answer) = oneshot::channel();
    let look = Box::new(move |state: &M| {
        let seen = look(state);
        let release: Release = Box::new(move |outcome| {
            let _ = reply.send(outcome.map(|()| seen));
        });
        release
    });
    send(inbox, Message::Look(look)).await?;
    answer.await.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
}

async fn send<M: Machine>(inbox: Option<&Inbox<M>>, message: Message<M>) -> Result<(), ErrorCode> {
    let inbox = inbox.and_then(Option::as_ref).ok_or(ErrorCode::CoordinatorNotAvailable)?;
    inbox.send(message).await.map_err(|_| ErrorCode::CoordinatorNotAvailable)
}
