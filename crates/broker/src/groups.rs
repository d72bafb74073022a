//! Groups as a machine on `__consumer_offsets` and, for the newer kinds, `__headwater_groups`.
//!
//! Owns: the commands that reach a group's shard; the form of the records ([`records`], [`newer`]); the settings that groups
//! have of their own ([`settings`], [`alteration`]); the making of streams groups' internal topics ([`internal_topics`]).
//!
//! Does not know: the rules of coordination (the crate `headwater-coordinator`), how shards run ([`crate::coordinator`]).

mod alteration;
mod internal_topics;
mod newer;
mod records;
pub(crate) mod settings;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use headwater_coordinator::{
    Change, CommitOffsets, ConsumerHeartbeat, DeleteOffsets, Effects as GroupEffects, GroupId, Groups,
    GroupsConfig, Heartbeat, Join, Leave, MemberId, Now, Outcome, ProducerIdentity, Reply, ShareGroupChange,
    ShareHeartbeat, StreamsHeartbeat, Sync, Token, Topics,
};
use headwater_model::{Entropy, ErrorCode, Monotonic, Timestamp, TopicName, TopicPartition};
use tokio::sync::{mpsc, watch};

use crate::broker::{Broker, WeakBroker};
use crate::config::BrokerConfig;
use crate::coordinator::records::BATCH_BYTES;
use crate::coordinator::{Effects, Machine, Message, RecordError, Shards};
use crate::topics::{CONSUMER_OFFSETS, GROUPS};
pub(crate) use alteration::OwnSettings;
use settings::GroupSettings;

/// What is asked of a shard.
#[derive(Debug)]
pub(crate) enum Command {
    Join(Join),
    Sync(Sync),
    Heartbeat(Heartbeat),
    ConsumerHeartbeat(ConsumerHeartbeat),
    ShareHeartbeat(ShareHeartbeat),
    StreamsHeartbeat(StreamsHeartbeat),
    Leave(Leave),
    Commit(CommitOffsets),
    DeleteGroup(GroupId),
    DeleteOffsets(DeleteOffsets),
    /// The offsets of topics that were deleted, in all groups.
    ForgetTopics(BTreeSet<TopicName>),
    /// Of a transaction in which offsets may have been committed, of any groups.
    EndTransaction {
        producer: ProducerIdentity,
        outcome: Outcome,
    },
}

impl Command {
    /// The group that it is about.
    fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Join(join) => Some(&join.group),
            Self::Sync(sync) => Some(&sync.group),
            Self::Heartbeat(heartbeat) => Some(&heartbeat.group),
            Self::ConsumerHeartbeat(heartbeat) => Some(&heartbeat.group),
            Self::ShareHeartbeat(heartbeat) => Some(&heartbeat.group),
            Self::StreamsHeartbeat(heartbeat) => Some(&heartbeat.group),
            Self::Leave(leave) => Some(&leave.group),
            Self::Commit(commit) => Some(&commit.group),
            Self::DeleteGroup(group) => Some(group),
            Self::DeleteOffsets(delete) => Some(&delete.group),
            Self::ForgetTopics(_) | Self::EndTransaction { .. } => None,
        }
    }
}

/// What is to be done elsewhere.
#[derive(Debug)]
pub(crate) enum Task {
    /// What a member of a share group has acquired may be had by others.
    ReleaseShared { group: GroupId, member: MemberId },
}

/// What a shard needs of the broker.
pub(crate) struct Aids {
    broker: WeakBroker,
    entropy: Entropy,
    /// Hears of changes of topics.
    topics: watch::Receiver<u64>,
    told_topics: Option<Arc<Topics>>,
    /// Hears of changes of groups' own settings.
    settings: watch::Receiver<u64>,
    told_settings: u64,
}

impl Aids {
    /// The topics, if they are others than those that were told last.
    fn news_of_topics(&mut self, broker: &Broker) -> Option<Arc<Topics>> {
        let topics = broker.topics_now();
        if self.told_topics.as_ref().is_some_and(|told| Arc::ptr_eq(told, &topics)) {
            return None;
        }
        self.told_topics = Some(topics.clone());
        Some(topics)
    }

    /// Tells what is new of groups' own settings.
    fn tell_settings(&mut self, broker: &Broker, groups: &mut Groups) {
        let news = broker.group_settings_since(self.told_settings);
        self.told_settings = news.version;
        for (group, settings) in news.groups {
            groups.set_member_times(group.clone(), settings.as_deref().map(GroupSettings::member_times));
            groups.set_streams_settings(group, settings.as_deref().map(GroupSettings::streams));
        }
    }
}

impl Broker {
    /// Has a group's coordinator do something, and waits for the reply.
    pub(crate) async fn coordinate(&self, command: Command) -> Result<Reply, ErrorCode> {
        let group = command.group().ok_or(ErrorCode::UnknownServerError)?.clone();
        self.ask::<Groups>(group.as_str(), command).await
    }

    /// Looks at a group through the state of its shard.
    pub(crate) async fn look_at_group<T: Send + 'static>(
        &self,
        group: &GroupId,
        look: impl FnOnce(&Groups) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        self.look_at(group.as_str(), look).await
    }

    /// Where a group's offsets are recorded; the topic is made if it does not exist.
    pub(crate) async fn offsets_partition(&self, group: &GroupId) -> Result<TopicPartition, ErrorCode> {
        let partition = self.start_coordination::<Groups>(group.as_str()).await?;
        let topic = TopicName::new(CONSUMER_OFFSETS).map_err(|_| ErrorCode::UnknownServerError)?;
        Ok(TopicPartition::new(topic, partition))
    }

    /// Forgets the offsets that groups have committed for a topic that was deleted.
    pub(crate) async fn forget_committed_offsets(&self, topic: &TopicName) {
        self.tell_all::<Groups>(|| Command::ForgetTopics(BTreeSet::from([topic.clone()]))).await;
    }
}

impl From<GroupEffects> for Effects<Groups> {
    fn from(effects: GroupEffects) -> Self {
        let tasks = effects.records.iter().filter_map(task_of).collect();
        Self { records: effects.records, replies: effects.replies, tasks }
    }
}

/// What a change has as a consequence elsewhere.
fn task_of(change: &Change) -> Option<Task> {
    match change {
        Change::ShareGroup { group, change: ShareGroupChange::MemberForgotten { member } } => {
            Some(Task::ReleaseShared { group: group.clone(), member: member.clone() })
        }
        _ => None,
    }
}

impl Machine for Groups {
    type Config = GroupsConfig;
    type Change = Change;
    type Command = Command;
    type Reply = Reply;
    type Task = Task;
    type Aids = Aids;

    const TOPIC: &'static str = CONSUMER_OFFSETS;
    const OTHER_TOPICS: &'static [&'static str] = &[GROUPS];

    fn shards(broker: &Broker) -> &Shards<Self> {
        broker.groups()
    }

    fn config(config: &BrokerConfig) -> GroupsConfig {
        config.groups.clone()
    }

    fn aids(broker: &Broker, _: mpsc::WeakSender<Message<Self>>) -> Aids {
        Aids {
            broker: broker.downgrade(),
            entropy: broker.fork_entropy(),
            topics: broker.told().subscribe(),
            told_topics: None,
            settings: broker.own_settings().subscribe(),
            told_settings: 0,
        }
    }

    fn partitions(config: &BrokerConfig) -> i32 {
        config.group_partitions
    }

    fn largest_batch(config: &BrokerConfig) -> usize {
        config.groups.max_group_bytes + BATCH_BYTES
    }

    fn new(config: GroupsConfig) -> Self {
        Self::new(config)
    }

    fn replay(&mut self, change: Change) {
        self.replay(change);
    }

    fn succeed(&mut self, before: &Self) {
        self.succeed(before);
    }

    fn loaded(&mut self, now: Now, aids: &mut Aids) -> Effects<Self> {
        // A machine that begins has been told nothing.
        (aids.told_topics, aids.told_settings) = (None, 0);
        if let Some(broker) = aids.broker.upgrade() {
            aids.tell_settings(&broker, self);
        }
        let mut effects: Effects<Self> = self.loaded(now).into();
        effects.records.extend(self.tell_world(now, aids).records);
        effects
    }

    fn run(&mut self, command: Command, now: Now, aids: &mut Aids, token: Token) -> Effects<Self> {
        let entropy = &mut aids.entropy;
        let effects = match command {
            Command::Join(join) => self.join(now, entropy, token, join),
            Command::Sync(sync) => self.sync(now, token, sync),
            Command::Heartbeat(heartbeat) => self.heartbeat(now, token, &heartbeat),
            Command::ConsumerHeartbeat(beat) => self.consumer_heartbeat(now, entropy, token, &beat),
            Command::ShareHeartbeat(beat) => self.share_heartbeat(now, token, &beat),
            Command::StreamsHeartbeat(beat) => self.streams_heartbeat(now, token, &beat),
            Command::Leave(leave) => self.leave(now, token, &leave),
            Command::Commit(commit) => self.commit_offsets(now, token, commit),
            Command::DeleteGroup(group) => self.delete_group(now, token, &group),
            Command::DeleteOffsets(delete) => self.delete_offsets(now, token, &delete),
            Command::ForgetTopics(topics) => self.forget_topics(now, &topics),
            Command::EndTransaction { producer, outcome } => {
                self.end_transaction(now, token, producer, outcome)
            }
        };
        effects.into()
    }

    fn tick(&mut self, now: Now) -> Effects<Self> {
        self.tick(now).into()
    }

    fn next_deadline(&self) -> Option<Monotonic> {
        self.next_deadline()
    }

    fn fail_pending(&mut self, now: Now, error: ErrorCode) -> Effects<Self> {
        self.fail_pending(now, error).into()
    }

    fn may_wait(command: &Command) -> bool {
        matches!(command, Command::Join(_) | Command::Sync(_))
    }

    async fn world_changed(aids: &mut Aids) {
        let changed = tokio::select! {
            // The same inputs give the same trace.
            biased;
            topics = aids.topics.changed() => topics,
            settings = aids.settings.changed() => settings,
        };
        if changed.is_err() {
            // The broker is gone.
            std::future::pending::<()>().await;
        }
    }

    fn tell_world(&mut self, now: Now, aids: &mut Aids) -> Effects<Self> {
        let Some(broker) = aids.broker.upgrade() else {
            return Effects::default();
        };
        aids.tell_settings(&broker, self);
        match aids.news_of_topics(&broker) {
            Some(topics) => self.topics_changed(now, topics).into(),
            None => Effects::default(),
        }
    }

    fn to_batches(topic: &str, changes: &[Change], now: Timestamp) -> Vec<Bytes> {
        if topic == GROUPS { newer::to_batches(changes, now) } else { records::to_batches(changes, now) }
    }

    fn read_record(
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        within: Option<ProducerIdentity>,
    ) -> Result<Change, RecordError> {
        if topic == GROUPS { newer::decode(key, value) } else { records::decode(key, value, within) }
    }

    fn read_marker(producer: ProducerIdentity, outcome: Outcome) -> Option<Change> {
        Some(Change::TransactionEnded { producer, outcome })
    }

    fn start(task: Task, aids: &mut Aids) {
        let Some(broker) = aids.broker.upgrade() else {
            return;
        };
        match task {
            Task::ReleaseShared { group, member } => {
                tokio::spawn(async move { broker.share_member_gone(group, member).await });
            }
        }
    }

    async fn abandon(_: &mut Aids) {}
}
