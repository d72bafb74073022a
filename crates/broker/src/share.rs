//! Share groups' records: what has become of them, as a machine on `__headwater_share_state`, and how members get them.
//!
//! Owns: the commands that reach a group's shard; the form of what is recorded ([`records`]), share sessions
//! ([`sessions`]), the reading of what a member acquires ([`acquiring`]), the waiting for it ([`fetch`]), dead letters
//! ([`dead_letters`]).
//!
//! Invariants: reading and acquiring is one step of the shard, so that members do not read the same records for nothing.
//! What a member has acquired is released when its session ends, be it with its connection, or its membership.
//!
//! Does not know: the rules of acquiring and acknowledging, and who is a member (the crate `headwater-coordinator`);
//! the protocol.

mod acquiring;
mod dead_letters;
mod fetch;
mod records;
pub(crate) mod sessions;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use headwater_coordinator::{
    Acknowledgements, Acquired, DeadLetters, GroupId, MemberGone, MemberId, Now, Outcome, ProducerIdentity,
    Refused, SharePartitionChange, SharePartitionEffects, SharePartitionId, SharePartitionReply,
    SharePartitions, SharePartitionsConfig, SharePartitionsGone, Token,
};
use headwater_model::{ErrorCode, Monotonic, Offset, Timestamp, Uuid};
use headwater_wire::protocol::Records;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::broker::{Broker, WeakBroker};
use crate::config::BrokerConfig;
use crate::coordinator::records::BATCH_BYTES;
use crate::coordinator::{Effects, Machine, Message, RecordError, Shards};
use crate::groups::settings::GroupSettings;
use crate::partition::Partition;
use crate::storage::lock;
use crate::topics::SHARE_STATE;
pub(crate) use fetch::{Got, Wish};
use sessions::{SessionKey, SessionLimits, ShareSessions};

/// The most records of a share-partition that may be acquired at a time, whatever settings say: what is recorded of them
/// has to go into one batch. (It is Kafka's limit too.)
pub(crate) const MOST_RECORD_LOCKS: u64 = 10_000;

/// What the broker keeps of share groups.
#[derive(Debug)]
pub(crate) struct Share {
    shards: Shards<SharePartitions>,
    sessions: Mutex<ShareSessions>,
    /// Changes when records may be had that could not be before.
    freed: watch::Sender<u64>,
}

impl Share {
    pub(crate) fn new(config: &BrokerConfig) -> Self {
        let limits = &config.limits;
        let limits = SessionLimits { sessions: limits.max_share_sessions, places: limits.max_partitions };
        Self {
            shards: Shards::default(),
            sessions: Mutex::new(ShareSessions::new(limits)),
            freed: watch::Sender::new(0),
        }
    }

    pub(crate) fn sessions(&self) -> &Mutex<ShareSessions> {
        &self.sessions
    }
}

/// What is asked of a shard.
#[derive(Debug)]
pub(crate) enum Command {
    /// A group reads a partition for the first time, from here on.
    Begin {
        id: SharePartitionId,
        start: Offset,
    },
    /// A member wants records.
    Acquire(Ask),
    Acknowledge(Vec<(SharePartitionId, Acknowledgements)>),
    Release(MemberGone),
    DeadLettered {
        id: SharePartitionId,
        first: Offset,
        last: Offset,
    },
    Alter(Vec<(SharePartitionId, Offset)>),
    Forget(SharePartitionsGone),
}

/// Of which partitions a member wants how much.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    wish: Arc<Wish>,
    partitions: Vec<(SharePartitionId, Arc<Partition>)>,
}

/// What comes of it, to each thing that was asked in order.
#[derive(Debug)]
pub(crate) enum Reply {
    Begun(Result<Offset, ErrorCode>),
    Acquired(Vec<Result<Taken, ErrorCode>>),
    Acknowledged(Vec<Result<(), Refused>>),
    Altered(Vec<Result<(), ErrorCode>>),
    Forgotten,
    Done,
}

/// What a member gets of one partition.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) acquired: Vec<Acquired>,
    /// They, and others of the same batches.
    pub(crate) records: Records,
    /// No more may be acquired before something of what was is acknowledged.
    is_full: bool,
}

/// What is to be done elsewhere.
#[derive(Debug)]
pub(crate) enum Task {
    Bury(DeadLetters),
    /// Whoever waits for records looks again.
    Wake,
}

/// What a shard needs of the broker.
pub(crate) struct Aids {
    broker: WeakBroker,
    inbox: mpsc::WeakSender<Message<SharePartitions>>,
    burying: JoinSet<()>,
    /// Hears of changes of groups' own settings.
    settings: watch::Receiver<u64>,
    told_settings: u64,
}

impl Broker {
    /// Asks the shard of a group.
    async fn ask_share(&self, group: &GroupId, command: Command) -> Result<Reply, ErrorCode> {
        self.ask::<SharePartitions>(group.as_str(), command).await
    }

    /// Members say what has become of records; the outcomes are in the same order.
    pub(crate) async fn acknowledge(
        &self,
        group: &GroupId,
        said: Vec<(SharePartitionId, Acknowledgements)>,
    ) -> Result<Vec<Result<(), Refused>>, ErrorCode> {
        match self.ask_share(group, Command::Acknowledge(said)).await? {
            Reply::Acknowledged(outcomes) => Ok(outcomes),
            _ => Err(ErrorCode::UnknownServerError),
        }
    }

    /// A member's session has ended, and what it has acquired may be had by others.
    pub(crate) async fn release_acquired(&self, key: SessionKey) {
        if self.topic(SHARE_STATE).is_none() {
            return;
        }
        let SessionKey { group, member } = key;
        let gone = MemberGone { group: group.clone(), member };
        // If its shard cannot be reached, the locks expire.
        let _ = self.ask_share(&group, Command::Release(gone)).await;
    }

    /// A member is not one any more.
    pub(crate) async fn share_member_gone(&self, group: GroupId, member: MemberId) {
        let key = SessionKey { group, member };
        lock(self.share().sessions()).close(&key);
        self.release_acquired(key).await;
    }

    /// A connection has ended, and the sessions with it.
    pub(crate) async fn end_share_sessions(&self, connection: u64) {
        let ended = lock(self.share().sessions()).end_connection(connection);
        for key in ended {
            let has_come_again = lock(self.share().sessions()).has(&key);
            if !has_come_again {
                self.release_acquired(key).await;
            }
        }
    }

    /// An administrator has a group begin elsewhere; the outcomes are in the same order.
    pub(crate) async fn alter_share_offsets(
        &self,
        group: &GroupId,
        offsets: Vec<(SharePartitionId, Offset)>,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        match self.ask_share(group, Command::Alter(offsets)).await? {
            Reply::Altered(outcomes) => Ok(outcomes),
            _ => Err(ErrorCode::UnknownServerError),
        }
    }

    /// Forgets what has become of records: of a group, or of some of its topics.
    pub(crate) async fn forget_share_state(
        &self,
        group: &GroupId,
        gone: SharePartitionsGone,
    ) -> Result<(), ErrorCode> {
        if self.topic(SHARE_STATE).is_none() {
            return Ok(());
        }
        self.ask_share(group, Command::Forget(gone)).await.map(|_| ())
    }

    /// Forgets what has become of the records of a topic that was deleted.
    pub(crate) async fn forget_shared_topic(&self, topic: Uuid) {
        self.tell_all::<SharePartitions>(|| Command::Forget(SharePartitionsGone::Topics([topic].into())))
            .await;
    }
}

impl Aids {
    /// Tells what is new of groups' own settings.
    fn tell_settings(&mut self, machine: &mut SharePartitions) {
        let Some(broker) = self.broker.upgrade() else {
            return;
        };
        let news = broker.group_settings_since(self.told_settings);
        self.told_settings = news.version;
        for (group, settings) in news.groups {
            machine.set_settings(&group, settings.as_deref().map(GroupSettings::share_partitions));
        }
    }
}

/// The only reply of a command.
fn reply(effects: &mut SharePartitionEffects) -> Option<SharePartitionReply> {
    effects.replies.pop().map(|(_, reply)| reply)
}

fn add(sum: &mut SharePartitionEffects, mut more: SharePartitionEffects) {
    sum.records.append(&mut more.records);
    sum.dead_letters.append(&mut more.dead_letters);
    sum.freed.append(&mut more.freed);
}

impl From<SharePartitionEffects> for Effects<SharePartitions> {
    fn from(effects: SharePartitionEffects) -> Self {
        let wake = (!effects.freed.is_empty()).then_some(Task::Wake);
        let tasks = effects.dead_letters.into_iter().map(Task::Bury).chain(wake).collect();
        Self { records: effects.records, replies: Vec::new(), tasks }
    }
}

/// Does what a command says, and adds to the effects what that leads to.
fn obey(
    machine: &mut SharePartitions,
    command: Command,
    now: Now,
    token: Token,
    sum: &mut SharePartitionEffects,
) -> Reply {
    let mut take = |mut effects: SharePartitionEffects| {
        let reply = reply(&mut effects);
        add(sum, effects);
        reply
    };
    match command {
        Command::Begin { id, start } => match take(machine.begin(token, &id, start)) {
            Some(SharePartitionReply::Begin(outcome)) => Reply::Begun(outcome),
            _ => Reply::Begun(Err(ErrorCode::UnknownServerError)),
        },
        Command::Acquire(ask) => Reply::Acquired(acquiring::acquire(machine, &ask, now, token, sum)),
        Command::Acknowledge(said) => {
            let acknowledge = |(id, said): (SharePartitionId, Acknowledgements)| match take(
                machine.acknowledge(now, token, &id, &said),
            ) {
                Some(SharePartitionReply::Acknowledge(outcome)) => outcome,
                _ => Err(ErrorCode::UnknownServerError.into()),
            };
            Reply::Acknowledged(said.into_iter().map(acknowledge).collect())
        }
        Command::Alter(offsets) => {
            let alter =
                |(id, start): (SharePartitionId, Offset)| match take(machine.alter(now, token, &id, start)) {
                    Some(SharePartitionReply::Alter(outcome)) => outcome,
                    _ => Err(ErrorCode::UnknownServerError),
                };
            Reply::Altered(offsets.into_iter().map(alter).collect())
        }
        Command::Release(gone) => {
            take(machine.release(now, token, &gone));
            Reply::Done
        }
        Command::DeadLettered { id, first, last } => {
            take(machine.dead_lettered(now, &id, first, last));
            Reply::Done
        }
        Command::Forget(gone) => {
            take(machine.forget(token, &gone));
            Reply::Forgotten
        }
    }
}

impl Machine for SharePartitions {
    type Config = SharePartitionsConfig;
    type Change = SharePartitionChange;
    type Command = Command;
    type Reply = Reply;
    type Task = Task;
    type Aids = Aids;

    const TOPIC: &'static str = SHARE_STATE;

    fn shards(broker: &Broker) -> &Shards<Self> {
        &broker.share().shards
    }

    fn config(config: &BrokerConfig) -> SharePartitionsConfig {
        let mut share = config.share_partitions.clone();
        share.settings.max_record_locks = share.settings.max_record_locks.min(MOST_RECORD_LOCKS);
        share
    }

    fn aids(broker: &Broker, inbox: mpsc::WeakSender<Message<Self>>) -> Aids {
        Aids {
            broker: broker.downgrade(),
            inbox,
            burying: JoinSet::new(),
            settings: broker.own_settings().subscribe(),
            told_settings: 0,
        }
    }

    fn partitions(config: &BrokerConfig) -> i32 {
        config.group_partitions
    }

    fn largest_batch(_: &BrokerConfig) -> usize {
        // Runs of records in different states alternate at the worst, and what is not done is limited.
        2 * MOST_RECORD_LOCKS as usize * records::STATE_BATCH_BYTES + BATCH_BYTES
    }

    fn new(config: SharePartitionsConfig) -> Self {
        Self::new(config)
    }

    fn replay(&mut self, change: SharePartitionChange) {
        self.replay(change);
    }

    fn succeed(&mut self, before: &Self) {
        self.succeed(before);
    }

    fn loaded(&mut self, _: Now, aids: &mut Aids) -> Effects<Self> {
        // A machine that begins has been told nothing.
        aids.told_settings = 0;
        aids.tell_settings(self);
        let mut sum = self.loaded();
        if let Some(broker) = aids.broker.upgrade() {
            let mut gone = self.topics();
            gone.retain(|topic| broker.visible_topic_by_id(*topic).is_none());
            add(&mut sum, self.forget(Token(0), &SharePartitionsGone::Topics(gone)));
        }
        let mut effects: Effects<Self> = sum.into();
        // What was acquired before is available again.
        effects.tasks.push(Task::Wake);
        effects
    }

    fn run(&mut self, command: Command, now: Now, _: &mut Aids, token: Token) -> Effects<Self> {
        let mut sum = SharePartitionEffects::default();
        let reply = obey(self, command, now, token, &mut sum);
        Effects { replies: vec![(token, reply)], ..sum.into() }
    }

    fn tick(&mut self, now: Now) -> Effects<Self> {
        self.tick(now).into()
    }

    fn next_deadline(&self) -> Option<Monotonic> {
        self.next_deadline()
    }

    fn fail_pending(&mut self, _: Now, _: ErrorCode) -> Effects<Self> {
        // Nothing waits.
        Effects::default()
    }

    fn may_wait(_: &Command) -> bool {
        false
    }

    async fn world_changed(aids: &mut Aids) {
        if aids.settings.changed().await.is_err() {
            // The broker is gone.
            std::future::pending::<()>().await;
        }
    }

    fn tell_world(&mut self, _: Now, aids: &mut Aids) -> Effects<Self> {
        aids.tell_settings(self);
        // More may be acquired than before.
        Effects { tasks: vec![Task::Wake], ..Effects::default() }
    }

    fn to_batches(_: &str, changes: &[SharePartitionChange], now: Timestamp) -> Vec<Bytes> {
        records::to_batches(changes, now)
    }

    fn read_record(
        _: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        _: Option<ProducerIdentity>,
    ) -> Result<SharePartitionChange, RecordError> {
        records::decode(key, value)
    }

    fn read_marker(_: ProducerIdentity, _: Outcome) -> Option<SharePartitionChange> {
        None
    }

    fn start(task: Task, aids: &mut Aids) {
        // Those that are over.
        while aids.burying.try_join_next().is_some() {}
        match task {
            Task::Bury(letters) => {
                aids.burying.spawn(dead_letters::bury(aids.broker.clone(), letters, aids.inbox.clone()));
            }
            Task::Wake => {
                if let Some(broker) = aids.broker.upgrade() {
                    broker.share().freed.send_modify(|times| *times += 1);
                }
            }
        }
    }

    async fn abandon(aids: &mut Aids) {
        aids.burying.shutdown().await;
    }
}
