//! The driver of group coordination: `__consumer_offsets`, one task per partition of it, and how requests reach them.
//!
//! Owns: which partition coordinates a group ([`placement`]), the making of the topic at first need, the tasks
//! ([`shard`]), the form of the records ([`records`]).
//!
//! Invariants: a group is coordinated by one task, which owns its state; nothing else sees or locks it. No reply leaves
//! before everything that was recorded until then is below the high watermark, so that nobody learns of what a crash
//! could undo. If an append fails, the shard's state is dropped and read again from the log.
//!
//! Does not know: the rules of coordination (the crate `headwater-coordinator`), requests.

mod load;
mod placement;
mod records;
mod shard;

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{
    CommitOffsets, DeleteOffsets, Effects, GroupId, Groups, Heartbeat, Join, Leave, Now, Reply, Sync, Token,
};
use headwater_model::{Entropy, ErrorCode, PartitionId, TopicName};
use tokio::sync::{OnceCell, mpsc, oneshot};

use crate::broker::Broker;
use crate::topics::{CONSUMER_OFFSETS, Topic};
use placement::partition_of;
use shard::{Message, Shard};

/// Requests that may wait for a shard; further ones wait in their connections.
const INBOX: usize = 1_024;

/// What is asked of a group.
#[derive(Debug)]
pub(crate) enum Command {
    Join(Join),
    Sync(Sync),
    Heartbeat(Heartbeat),
    Leave(Leave),
    Commit(CommitOffsets),
    DeleteGroup(GroupId),
    DeleteOffsets(DeleteOffsets),
}

impl Command {
    fn group(&self) -> &GroupId {
        match self {
            Self::Join(join) => &join.group,
            Self::Sync(sync) => &sync.group,
            Self::Heartbeat(heartbeat) => &heartbeat.group,
            Self::Leave(leave) => &leave.group,
            Self::Commit(commit) => &commit.group,
            Self::DeleteGroup(group) => group,
            Self::DeleteOffsets(delete) => &delete.group,
        }
    }

    fn run(self, groups: &mut Groups, now: Now, entropy: &mut Entropy, token: Token) -> Effects {
        match self {
            Self::Join(join) => groups.join(now, entropy, token, join),
            Self::Sync(sync) => groups.sync(now, token, sync),
            Self::Heartbeat(heartbeat) => groups.heartbeat(now, token, &heartbeat),
            Self::Leave(leave) => groups.leave(now, token, &leave),
            Self::Commit(commit) => groups.commit_offsets(now, token, commit),
            Self::DeleteGroup(group) => groups.delete_group(now, token, &group),
            Self::DeleteOffsets(delete) => groups.delete_offsets(now, token, &delete),
        }
    }

    /// Its reply may be long in coming.
    fn may_wait(&self) -> bool {
        matches!(self, Self::Join(_) | Self::Sync(_))
    }
}

/// The tasks that coordinate groups, once there is a reason to have them.
#[derive(Debug, Default)]
pub(crate) struct GroupCoordinator {
    shards: OnceCell<Shards>,
}

#[derive(Debug)]
struct Shards {
    /// By partition; `None` where the partition is offline.
    inboxes: Vec<Option<mpsc::Sender<Message>>>,
}

impl Shards {
    fn of(&self, group: &GroupId) -> Result<&mpsc::Sender<Message>, ErrorCode> {
        let inbox = self.inboxes.get(partition_of(group.as_str(), self.inboxes.len()));
        inbox.and_then(Option::as_ref).ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    fn online(&self) -> impl Iterator<Item = &mpsc::Sender<Message>> {
        self.inboxes.iter().flatten()
    }
}

impl Broker {
    /// Has a group's coordinator do something, and waits for the reply.
    pub(crate) async fn coordinate(&self, command: Command) -> Result<Reply, ErrorCode> {
        let inbox = self.shards().await?.of(command.group())?;
        let (reply, answer) = oneshot::channel();
        send(inbox, Message::Command { command, reply }).await?;
        answer.await.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
    }

    /// Looks at a group through the state of its shard.
    pub(crate) async fn look_at_group<T: Send + 'static>(
        &self,
        group: &GroupId,
        look: impl FnOnce(&Groups) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        look_at(self.shards().await?.of(group)?, look).await
    }

    /// Looks at the state of each shard. There are none as long as nobody has used a group.
    pub(crate) async fn look_at_groups<T: Send + 'static>(
        &self,
        look: impl Fn(&Groups) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, ErrorCode> {
        if self.topic(CONSUMER_OFFSETS).is_none() {
            return Ok(Vec::new());
        }
        let mut seen = Vec::new();
        for inbox in self.shards().await?.online() {
            seen.push(look_at(inbox, look.clone()).await?);
        }
        Ok(seen)
    }

    /// Makes the topic of committed offsets if it does not exist, and starts the shards if they do not run.
    pub(crate) async fn start_groups(&self) -> Result<(), ErrorCode> {
        self.shards().await.map(|_| ())
    }

    /// Starts the shards if groups have been used before, so that sessions and retention go on.
    pub(crate) fn resume_groups(&self) {
        if let Some(topic) = self.topic(CONSUMER_OFFSETS) {
            let shards = Shards { inboxes: self.spawn_shards(&topic) };
            // Nobody has come before: the broker is being opened.
            let _ = self.group_coordinator().shards.set(shards);
        }
    }

    /// Forgets the offsets that groups have committed for a topic that was deleted.
    pub(crate) async fn forget_committed_offsets(&self, topic: &TopicName) {
        if self.topic(CONSUMER_OFFSETS).is_none() {
            return;
        }
        let Ok(shards) = self.shards().await else {
            return;
        };
        for inbox in shards.online() {
            // A shard that has ended has nothing left to forget.
            let _ = inbox.send(Message::ForgetTopics(BTreeSet::from([topic.clone()]))).await;
        }
    }

    async fn shards(&self) -> Result<&Shards, ErrorCode> {
        self.group_coordinator().shards.get_or_try_init(|| self.make_shards()).await
    }

    async fn make_shards(&self) -> Result<Shards, ErrorCode> {
        // A batch must hold the largest group.
        let largest_batch = (self.config().groups.max_group_bytes + records::BATCH_BYTES).to_string();
        let settings = [
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            ("segment.bytes", "104857600"),
            ("max.message.bytes", largest_batch.as_str()),
        ];
        let made = match TopicName::new(CONSUMER_OFFSETS) {
            Ok(name) => self.internal_topic(&name, self.config().group_partitions, &settings).await,
            Err(_) => return Err(ErrorCode::UnknownServerError),
        };
        let topic = made.map_err(|error| {
            tracing::error!(%error, "cannot make the topic of committed offsets");
            ErrorCode::CoordinatorNotAvailable
        })?;
        Ok(Shards { inboxes: self.spawn_shards(&topic) })
    }

    fn spawn_shards(&self, topic: &Arc<Topic>) -> Vec<Option<mpsc::Sender<Message>>> {
        let partitions = 0..topic.state.partitions;
        let spawn = |number| {
            let partition = topic.slot(PartitionId(number))?.as_ref()?.clone();
            let (inbox, messages) = mpsc::channel(INBOX);
            tokio::spawn(Shard::new(self, partition, messages).run());
            Some(inbox)
        };
        partitions.map(spawn).collect()
    }
}

async fn look_at<T: Send + 'static>(
    inbox: &mpsc::Sender<Message>,
    look: impl FnOnce(&Groups) -> T + Send + 'static,
) -> Result<T, ErrorCode> {
    let (reply, answer) = oneshot::channel();
    let look = Box::new(move |groups: &Groups| {
        let seen = look(groups);
        let release: shard::Release = Box::new(move |outcome| {
            let _ = reply.send(outcome.map(|()| seen));
        });
        release
    });
    send(inbox, Message::Look(look)).await?;
    answer.await.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
}

async fn send(inbox: &mpsc::Sender<Message>, message: Message) -> Result<(), ErrorCode> {
    inbox.send(message).await.map_err(|_| ErrorCode::CoordinatorNotAvailable)
}
